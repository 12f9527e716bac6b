"""Builders for the tests of decisions: rules, observations and pairs, short enough for a table's row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.core.mapping import Blank, FieldMap, FieldRule, Kind, Policy, Rule
from syncd.core.match import Candidate
from syncd.core.model import Base, Link, Observed, Pair, Record, Side, Value, When

S, C = Side.SALESPULSE, Side.CRM
NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)
#: A field that a look did not show.
UNREAD = object()


def rule(name: str = "note", crm: str = "", **more: Any) -> FieldRule:
    return FieldRule(name=name, salespulse=name, crm=crm or f"crm_{name}", **more)


def stage_rule(**more: Any) -> FieldRule:
    table = (("New Lead", "lead"), ("Contacted", "lead"), ("Quoted", "opportunity"), ("Sold", "customer"))
    settings: dict[str, Any] = {
        "kind": Kind.CHOICE,
        "table": table,
        "conflict": (Rule.ADVANCE, Rule.NEWEST),
        "blank": Blank.NEVER,
        "stage": True,
    }
    return rule("stage", "lifecyclestage", **(settings | more))


def field_map(*rules: FieldRule, **more: Any) -> FieldMap:
    return FieldMap(name="hubspot-contacts", connector="hubspot", object="contacts", rules=rules, **more)


def people_map(**more: Any) -> FieldMap:
    """A mapping of names, e-mail and phone, as matching needs it."""
    rules = (
        rule("first_name", "firstname", kind=Kind.NAME),
        rule("last_name", "lastname", kind=Kind.NAME),
        rule("email", "email", kind=Kind.EMAIL),
        rule("phone", "phone", kind=Kind.PHONE),
    )
    keys = {name: {S: name, C: name} for name in ("email", "phone")}
    return field_map(*rules, key_fields=keys, **more)


def policy(**more: Any) -> Policy:
    return Policy(**({"connection": "hubspot", "label": "HubSpot"} | more))


def at(seconds: float) -> When:
    """An exact moment, so many seconds after noon."""
    moment = NOON + timedelta(seconds=seconds)
    return When(earliest=moment, latest=moment)


def between(first: float | None, last: float) -> When:
    earliest = None if first is None else NOON + timedelta(seconds=first)
    return When(earliest=earliest, latest=NOON + timedelta(seconds=last))


def observed(id_: str, values: Mapping[str, Any], **more: Any) -> Observed:
    """``more``: also, modified_at (of the record); since (of the observation)."""
    since = more.pop("since", {})
    read = {name: value for name, value in values.items() if value is not UNREAD}
    return Observed(record=Record(id=id_, values=read, **more), looked_at=NOON, since=since)


def pair(
    fields: FieldMap,
    now: Mapping[str, tuple[Any, Any]],
    base: Mapping[str, tuple[Value, Value]] | None = None,
    *,
    salespulse: Mapping[str, Any] | None = None,
    crm: Mapping[str, Any] | None = None,
) -> Pair:
    """``now`` and ``base``: rule name → (SalesPulse value, CRM value)."""
    rules = {each.name: each for each in fields.rules}
    bases = {
        name: Base(fingerprint=rules[name].fingerprint, salespulse=left, crm=right)
        for name, (left, right) in (base or {}).items()
    }
    return Pair(
        link=Link(id=7, connection="hubspot", salespulse_id="s1", crm_id="c1", bases=bases),
        salespulse=observed(
            "s1", {rules[name].salespulse: left for name, (left, _) in now.items()}, **(salespulse or {})
        ),
        crm=observed("c1", {rules[name].crm: right for name, (_, right) in now.items()}, **(crm or {})),
    )


def person(side: Side, id_: str, name: str = "", email: str = "", phone: str = "", **more: Any) -> Candidate:
    """A record for matching; ``also``: further e-mail addresses."""
    first, _, last = name.partition(" ")
    names = ("first_name", "last_name") if side is S else ("firstname", "lastname")
    values = {names[0]: first, names[1]: last, "email": email, "phone": phone}
    also = {"email": tuple(more.pop("also", ()))}
    return Candidate(side=side, id=id_, observed=observed(id_, values, also=also), **more)
