"""Which records and fields take part, and what follows when a person changes that: scopes, mappings, policies."""

from __future__ import annotations

import re
from typing import Any

import pytest

from syncd.errors import ConfigError
from syncd.exits import Exit
from tests.scenarios.world import World

SCOPES = {
    "salespulse": '\n[scope]\nsalespulse = { state = ["FL", "TX"] }\n',
    "crm": '\n[scope]\ncrm = [{ property = "state", operator = "IN", values = ["FL", "Florida", "TX", "Texas"] }]\n',
}


def scoped(world: World, side: str) -> None:
    world.mapping = world.mapping.replace("\n[match]", f"{SCOPES[side]}\n[match]", 1)


def leave(world: World, side: str, pair: tuple[str, str]) -> None:
    """A person takes the record of that side out of its scope."""
    world.edit_s(pair[0], state="NY") if side == "salespulse" else world.edit_c(pair[1], state="NY")


def come_back(world: World, side: str, pair: tuple[str, str]) -> None:
    world.edit_s(pair[0], state="TX") if side == "salespulse" else world.edit_c(pair[1], state="Texas")


@pytest.mark.parametrize("side", ["salespulse", "crm"])
def test_a_record_that_leaves_the_scope_freezes_its_link_and_nothing_is_deleted(world: World, side: str) -> None:
    scoped(world, side)
    world.configure(deletes="delete")
    s, c = world.ann()
    leave(world, side, (s, c))
    ran = world.once()
    assert ran.exit is Exit.DONE
    assert world.links() == {(s, c): "frozen"}
    world.edit_s(s, last_name="Left")
    world.edit_c(c, firstname="Right")
    for again in (world.once(), world.full(), world.full()):
        assert (again.exit, again.writes) == (Exit.DONE, 0)
    assert (world.s_of(s)["last_name"], world.c_of(c)["lastname"]) == ("Left", "Lee")
    assert (len(world.s.records()), len(world.c.records())) == (1, 1)


@pytest.mark.parametrize("side", ["salespulse", "crm"])
def test_a_record_that_comes_back_is_merged_from_the_frozen_base(world: World, side: str) -> None:
    scoped(world, side)
    s, c = world.ann()
    leave(world, side, (s, c))
    world.once()
    world.edit_s(s, last_name="Left")
    world.edit_c(c, firstname="Right")
    world.once()
    come_back(world, side, (s, c))
    assert world.once().exit is Exit.DONE
    assert world.links() == {(s, c): "active"}
    here, there = world.s_of(s), world.c_of(c)
    # Neither edit is a conflict: each changed on one side only since the two last agreed.
    assert (here["first_name"], here["last_name"]) == ("Right", "Left")
    assert (there["firstname"], there["lastname"]) == ("Right", "Left")
    assert world.ledger(lost=True) == []
    world.settled()


@pytest.mark.parametrize("side", ["salespulse", "crm"])
def test_records_outside_the_scope_are_neither_linked_nor_created(world: World, side: str) -> None:
    scoped(world, side)
    world.in_s(first_name="Ann", email="ann@example.com", state="NY")
    world.in_c(firstname="Ann", email="ann@example.com", state="NY")
    inside = world.in_s(first_name="Bob", email="bob@example.com", state="FL")
    outside = world.in_s(first_name="Cat", email="cat@example.com", state="NY")
    world.in_c(firstname="Dan", email="dan@example.com", state="FL")
    world.in_c(firstname="Eve", email="eve@example.com", state="NY")
    assert world.full().exit is Exit.DONE
    linked = {contact for contact, _ in world.links()}
    assert inside in linked
    assert (outside in linked) is (side == "crm")
    names = {record["firstname"] for record in world.c.records()}, {one["first_name"] for one in world.s.records()}
    assert ("Eve" in names[1]) is (side == "salespulse")
    assert names[0] >= {"Bob"}
    assert names[1] >= {"Dan"}
    assert [one["email"] for one in world.s.records()].count("ann@example.com") == 1
    assert [one["email"] for one in world.c.records()].count("ann@example.com") == 1
    last = world.settled()
    assert last.of()["created"] == {"salespulse": 0, "crm": 0}


def test_a_hold_ends_with_the_scope_and_opens_again_with_it(world: World) -> None:
    scoped(world, "crm")
    world.configure(conflict=["hold"])
    s, c = world.ann()
    world.edit_s(s, last_name="S")
    world.edit_c(c, lastname="C")
    assert world.once().exit is Exit.PERSON
    world.edit_c(c, state="NY")
    assert world.once().exit is Exit.DONE
    assert world.held() == []
    world.edit_c(c, state="FL")
    assert world.once().exit is Exit.PERSON
    assert world.held() == [("conflict", "last_name")]


def test_an_edit_that_leaves_the_scope_travels_no_further(world: World) -> None:
    scoped(world, "salespulse")
    s, c = world.ann()
    world.edit_s(s, state="NY", last_name="Left")
    assert world.once().writes == 0
    assert world.c_of(c)["state"] in {"FL", "Florida"}
    assert world.links() == {(s, c): "frozen"}


def test_a_frozen_link_is_no_reason_to_create_its_halves_again(world: World) -> None:
    scoped(world, "crm")
    s, c = world.ann()
    world.edit_c(c, state="NY", salespulse_id="")
    world.full()
    world.full()
    assert (len(world.s.records()), len(world.c.records())) == (1, 1)
    assert world.links() == {(s, c): "frozen"}


@pytest.mark.parametrize("side", ["salespulse", "crm"])
def test_a_record_that_is_deleted_while_its_pair_is_frozen_takes_nothing_with_it(world: World, side: str) -> None:
    scoped(world, "crm")
    world.configure(deletes="delete")
    s, c = world.ann()
    world.in_s(first_name="Bob", email="bob@example.com", state="FL")
    world.full()
    world.edit_c(c, state="NY")
    world.once()
    world.s.delete_contact(s) if side == "salespulse" else world.c.archive(c)
    ran = world.full()
    assert (ran.exit, ran.of()["deleted"]) == (Exit.DONE, {"salespulse": 0, "crm": 0})
    assert world.links()[s, c] == "severed"
    assert len(world.s.records()) + len(world.c.records()) == 3
    world.settled()


def test_a_newly_mapped_field_is_decided_by_first_sync(world: World) -> None:
    _, c = world.ann({"notes": "from S"}, {"jobtitle": ""})
    world.mapping = world.mapping.replace(
        "[stage]\n", '[[fields]]\nsalespulse = "notes"\ncrm = "jobtitle"\n\n[stage]\n', 1
    )
    assert world.full().exit is Exit.DONE
    assert world.c_of(c)["jobtitle"] == "from S"
    world.settled()


def test_a_changed_rule_voids_the_bases_of_its_field_and_first_sync_decides_again(world: World) -> None:
    world.configure(first_sync=["fill", "crm"], conflict=["hold"])
    s, c = world.ann({"notes": "x"}, {"jobtitle": "y", "company": "z"})
    notes = '[[fields]]\nsalespulse = "notes"\ncrm = "jobtitle"\n\n'
    world.mapping = world.mapping.replace("[stage]\n", f"{notes}[stage]\n", 1)
    world.full()
    assert world.s_of(s)["notes"] == "y"
    world.edit_s(s, notes="typed", last_name="Left")
    world.mapping = world.mapping.replace('crm = "jobtitle"', 'crm = "company"')
    world.full()
    assert (world.s_of(s)["notes"], world.c_of(c)["company"], world.c_of(c)["jobtitle"]) == ("z", "z", "y")
    assert world.c_of(c)["lastname"] == "Left", "the other fields keep their bases"
    world.settled()


def test_a_changed_mapping_is_acted_on_by_a_full_run_only_where_it_says_so(world: World) -> None:
    _, c = world.ann({}, {"state": "Florida"})
    assert world.full().writes == 0
    world.mapping = world.mapping.replace('as = "us_state"', 'as = "text"')
    world.configure(first_sync=["salespulse"])
    assert world.full().exit is Exit.DONE
    assert world.c_of(c)["state"] == "FL"
    world.settled()


@pytest.mark.parametrize(
    "policy",
    [{"direction": "to_crm"}, {"direction": "to_salespulse"}, {"conflict": ["crm"]}, {"first_sync": ["salespulse"]}],
)
def test_a_change_of_policy_leaves_the_bases_alone(world: World, policy: dict[str, Any]) -> None:
    s, c = world.ann()
    world.configure(**policy)
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    world.configure(direction="both", conflict=["hold"])
    world.edit_s(s, last_name="Left")
    assert world.once().exit is Exit.DONE, "one side alone has changed since the two last agreed"
    assert world.c_of(c)["lastname"] == "Left"


def test_a_field_may_be_one_way_in_a_two_way_connection(world: World) -> None:
    world.mapping = world.mapping.replace(
        'salespulse = "last_name"\n', 'salespulse = "last_name"\ndirection = "to_crm"\n'
    )
    s, c = world.ann()
    world.edit_c(c, lastname="Mine", firstname="Right")
    world.once()
    assert (world.s_of(s)["last_name"], world.s_of(s)["first_name"]) == ("Lee", "Right")
    world.edit_s(s, last_name="Sent")
    world.once()
    assert world.c_of(c)["lastname"] == "Sent"
    world.settled()


def test_a_first_sync_without_fill_leaves_a_blank_that_never_overwrites(world: World) -> None:
    world.configure(first_sync=["hold"])
    world.mapping = world.mapping.replace('salespulse = "last_name"\n', 'salespulse = "last_name"\nblank = "keep"\n')
    s = world.in_s(first_name="Ann", email="ann@example.com", stage="New Lead")
    c = world.in_c(firstname="Anna", lastname="Lee", email="ann@example.com", lifecyclestage="lead")
    assert world.full().exit is Exit.PERSON
    assert world.held() == [("conflict", "first_name")]
    assert (world.s_of(s)["last_name"], world.c_of(c)["lastname"]) == ("Lee", "Lee")


@pytest.mark.parametrize("mapped", [True, False], ids=["stage mapped", "stage not mapped"])
def test_a_scope_of_stages_is_written_with_their_names(world: World, mapped: bool) -> None:
    world.mapping = world.mapping.replace("\n[match]", '\n[scope]\nsalespulse = { stage = ["New Lead"] }\n\n[match]', 1)
    if not mapped:
        world.mapping = re.sub(r"\n\[stage[^\]]*\].*?(?=\n\[|\Z)", "", world.mapping, flags=re.DOTALL)
        assert "[stage" not in world.mapping
    inside = world.in_s(first_name="Ann", email="ann@example.com", stage="New Lead")
    outside = world.in_s(first_name="Bob", email="bob@example.com", stage="Sold")
    assert world.full().exit is Exit.DONE
    assert [contact for contact, _ in world.links()] == [inside]
    world.edit_s(outside, stage="New Lead")
    world.once()
    assert {contact for contact, _ in world.links()} == {inside, outside}
    world.settled()


def test_a_stage_of_the_scope_that_salespulse_does_not_have_stops_the_run(world: World) -> None:
    world.mapping = world.mapping.replace("\n[match]", '\n[scope]\nsalespulse = { stage = ["New Led"] }\n\n[match]', 1)
    world.in_s(first_name="Ann", email="ann@example.com", stage="New Lead")
    with pytest.raises(ConfigError, match=r'no stage New Led.*did you mean "New Lead"'):
        world.full()
    assert world.c.records() == []
