"""Busy days from a seed: people edit, add and delete on both sides between runs, and in the end both sides agree.

Promises 1 to 3 and 6: it converges, no edit is lost, nobody is there twice, and what cannot be decided is held.
SYNCD_SEEDS=100 plays more of them.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.people import PRODUCTS, STAGES, STATE_NAMES
from tests.scenarios.world import World

NAMES = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "state": "state",
    "product_interest": "product_interest",
    "stage": "lifecyclestage",
}
STATES = ("FL", "TX", "NY", "GA")
BACK = {name: code for code, name in STATE_NAMES.items()}


def meaning(name: str, side: str, value: Any) -> str:
    """A value of either side in one form, "" for a blank."""
    text = str(value or "")
    match name:
        case "email":
            return text.lower()
        case "phone":
            return "".join(sign for sign in text if sign.isdigit())[-10:]
        case "state":
            return BACK.get(text, text)
        case "product_interest":
            return PRODUCTS.get(text, text)
        case "stage":
            return STAGES.get(text, text) if side == "salespulse" else text
    return text


@dataclass
class Day:
    """People at work, and what they typed."""

    world: World
    chance: random.Random
    number: int = 0
    typed: list[tuple[str, str, str, str]] = field(default_factory=list)  # portal or salespulse, id, field, meaning

    @property
    def sides(self) -> tuple[str, ...]:
        return ("salespulse", *self.world.portals)

    def rows(self, side: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (self.world.s if side == "salespulse" else self.world.portals[side]).records()
        return found

    def value(self, name: str, side: str) -> str:
        self.number += 1
        line = f"{self.number:04d}"
        match name:
            case "email":
                return f"N{line}@example.com" if self.chance.random() < 0.3 else f"n{line}@example.com"
            case "phone":
                return f"+1305777{line}" if side == "salespulse" else f"(305) 777-{line}"
            case "state":
                code = self.chance.choice(STATES)
                short = side == "salespulse" or not self.world.portals[side].portal.options.state_enumeration
                return code if short else STATE_NAMES[code]
            case "product_interest":
                code = self.chance.choice(list(PRODUCTS))
                return code if side == "salespulse" else PRODUCTS[code]
            case "stage":
                stage = self.chance.choice(list(STAGES))
                return stage if side == "salespulse" else STAGES[stage]
        return f"Name{line}" if self.chance.random() < 0.9 or name == "first_name" else ""

    def edit(self) -> None:
        side = self.chance.choice(self.sides)
        who = self.chance.choice(self.rows(side))["id"]
        for name in self.chance.sample(list(NAMES), self.chance.choice((1, 1, 2, 3))):
            value = self.value(name, side)
            self.world.clock.advance(self.chance.choice((0.3, 1, 5, 30)))
            if side == "salespulse":
                self.world.s.edit_contact(who, {name: value})
            else:
                self.world.portals[side].edit(who, {NAMES[name]: value})
            self.typed.append((side, who, name, meaning(name, side, value)))

    def add(self) -> None:
        """Somebody new, on one side or on several at once, as a vendor that posts one lead to all."""
        self.number += 1
        mail, phone = f"new{self.number}@example.com", f"+1305888{self.number:04d}"
        name = f"New{self.number}"
        for side in self.chance.sample(self.sides, self.chance.choice((1, 1, 2))):
            self.world.clock.advance(self.chance.choice((0, 60)))
            if side == "salespulse":
                self.world.in_s(first_name=name, last_name="S", email=mail, phone=phone, stage="New Lead")
            else:
                self.world.in_c(side, firstname=name, lastname="C", email=mail.upper(), lifecyclestage="lead")

    def delete(self) -> None:
        side = self.chance.choice(self.sides)
        who = self.chance.choice(self.rows(side))["id"]
        self.world.s.delete_contact(who) if side == "salespulse" else self.world.portals[side].archive(who)

    def merge(self) -> None:
        side = self.chance.choice(self.sides[1:])
        one, other = (row["id"] for row in self.chance.sample(self.rows(side), 2))
        self.world.portals[side].merge(one, other)

    def pass_by(self) -> None:
        for _ in range(self.chance.randint(1, 10)):
            self.edit()
        for _ in range(self.chance.choice((0, 0, 1, 2))):
            self.add()
        if self.chance.random() < 0.3:
            self.delete()
        if self.chance.random() < 0.2:
            self.merge()


def living(world: World, connection: str) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Active pairs with what both halves show; {} for a half that is not there."""
    people = {one["id"]: one for one in world.s.records()}
    records = {one["id"]: one for one in world.portals[connection].records()}
    links = world.links(connection).items()
    return [(s, c, people.get(s, {}), records.get(c, {})) for (s, c), state in links if state == "active"]


def shown(name: str, left: dict[str, Any], right: dict[str, Any]) -> set[str]:
    """What the two halves show of a field: one meaning where they agree. A secondary address counts as the address."""
    here, there = meaning(name, "salespulse", left.get(name)), meaning(name, "crm", right.get(NAMES[name]))
    if name == "email" and here in str(right.get("hs_additional_emails", "")).split(";"):
        return {here}
    return {here, there}


def disagreements(world: World, connection: str) -> set[tuple[str, str, str]]:
    """(SalesPulse id, CRM id, field) of active pairs whose sides do not mean the same; field "" for a missing half."""
    found = set()
    for s, c, left, right in living(world, connection):
        if not left or not right:
            found.add((s, c, ""))
            continue
        for name in NAMES:
            if len(shown(name, left, right)) > 1:
                found.add((s, c, name))
    return found


def lost(world: World, day: Day, connection: str) -> list[tuple[str, str, str, str]]:
    """Typed values that are neither on both sides, nor typed over later, nor in the ledger, nor held."""
    pairs = {}
    for s, c, left, right in living(world, connection):
        pairs["salespulse", s] = pairs[connection, c] = (s, left, right)
    replaced = {(row.salespulse_id, row.rule, json.loads(row.before or '""')) for row in world.ledger()}
    held = {(hold.salespulse_id, hold.field) for hold in world.holds()}
    latest = {}
    for side, who, name, value in day.typed:
        if (side, who) in pairs:
            latest[pairs[side, who][0], name] = value
    missing = []
    for side, who, name, value in day.typed:
        s, left, right = pairs.get((side, who), ("", {}, {}))
        if not left or not right or {(s, name), (s, "")} & held or latest[s, name] != value:
            continue
        in_ledger = any(
            where == s and rule == name and meaning(name, at, world.s.book.stages.get(before, before)) == value
            for where, rule, before in replaced
            for at in ("salespulse", "crm")
        )
        if shown(name, left, right) != {value} and not in_ledger:
            missing.append((side, who, name, value))
    return missing


def twice(rows: list[dict[str, Any]]) -> list[str]:
    """Addresses that two records bear."""
    mails = Counter(str(row["email"]).lower() for row in rows if row.get("email"))
    return [mail for mail, count in mails.items() if count > 1]


@pytest.mark.parametrize("seed", range(int(os.environ.get("SYNCD_SEEDS", "6"))))
def test_after_busy_days_both_sides_agree_and_nothing_is_lost(make_world: Any, seed: int) -> None:
    chance = random.Random(f"busy {seed}")
    world = make_world(
        *(["hubspot"] if seed % 3 else ["east", "west"]),
        conflict=[["newest", "hold"], ["hold"], ["crm"], ["newest", "salespulse"]][seed % 4],
        brakes={"max_changes_percent": 100, "max_deletes_percent": 100, "max_deletes": 1000},
        deletes=["unlink", "delete"][seed % 2],
        hubspot={"reformat_phone": seed % 3 == 0, "state_enumeration": seed % 2 == 0},
        index_lag_seconds=chance.choice((0.0, 10.0)),
    )
    for number in range(12):
        mail = f"p{number}@example.com"
        world.in_s(first_name=f"P{number}", last_name="Q", email=mail, stage="New Lead")
        for name in world.portals:
            world.in_c(name, firstname=f"P{number}", lastname="Q", email=mail, lifecyclestage="lead")
    assert world.full().exit is Exit.DONE
    day = Day(world, chance)
    for _ in range(6):
        day.pass_by()
        ran = world.full() if chance.random() < 0.3 else world.once()
        assert ran.exit in {Exit.DONE, Exit.PERSON}, ran.said
    world.full()
    world.settled()
    held = {(hold.salespulse_id, hold.crm_id, hold.field) for hold in world.holds()}
    for name, portal in world.portals.items():
        assert disagreements(world, name) <= held
        assert lost(world, day, name) == []
        pairs = [pair for pair, state in world.links(name).items() if state == "active"]
        assert len({s for s, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
        assert not twice(portal.records())
    assert not twice(world.s.records())
