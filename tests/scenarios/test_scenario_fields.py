"""Fields of a linked pair, edited by people on either side, through whole passes (worked cases 1 to 26)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.errors import ConfigError
from syncd.exits import Exit
from syncd.sandbox.salespulse.dialect import Dialect
from tests.scenarios.world import World

NOTES = '\n[[fields]]\nsalespulse = "notes"\ncrm = "jobtitle"\n'
RIDERS = '\n[[fields]]\nsalespulse = "riders"\ncrm = "riders"\nas = "multichoice"\nconflict = ["union"]\n'


def with_field(mapping: str, text: str) -> str:
    """The mapping with one more table of fields."""
    return mapping.replace("[stage]\n", f"{text}\n[stage]\n", 1)


def changed(mapping: str, field: str, text: str) -> str:
    """The mapping with one more line in a field's table."""
    line = f'salespulse = "{field}"\n'
    assert line in mapping
    return mapping.replace(line, f"{line}{text}\n")


def test_an_edit_on_one_side_reaches_the_other(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, last_name="Left")
    ran = world.once()
    assert ran.exit is Exit.DONE
    assert world.c_of(c)["lastname"] == "Left"
    assert ran.writes == 1
    world.edit_c(c, firstname="Right")
    assert world.once().writes == 1
    assert world.s_of(s)["first_name"] == "Right"
    world.settled()


def test_a_pair_that_nobody_touched_is_not_written(world: World) -> None:
    world.ann()
    assert world.once().writes == 0
    ran = world.full()
    assert ran.writes == 0
    assert "comparing" not in ran.said, "a full run takes up only what is not as its last merge left it"


def test_the_same_edit_on_both_sides_is_agreed_without_a_write(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, last_name="Both")
    world.edit_c(c, lastname="Both")
    assert world.once().writes == 0
    # The bases followed: a later edit on one side is one, and no conflict.
    world.edit_c(c, lastname="Later")
    assert world.once().exit is Exit.DONE
    assert world.s_of(s)["last_name"] == "Later"


def test_different_fields_edited_on_both_sides_merge_in_one_pass(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, last_name="Left", state="TX")
    world.edit_c(c, firstname="Right", phone="(305) 555-1234")
    ran = world.once()
    assert ran.exit is Exit.DONE
    here, there = world.s_of(s), world.c_of(c)
    assert (here["first_name"], here["last_name"], here["phone"]) == ("Right", "Left", "+13055551234")
    assert (there["firstname"], there["lastname"]) == ("Right", "Left")
    assert there["state"] in {"TX", "Texas"}
    assert ran.writes == 2
    world.settled()


@pytest.mark.parametrize("later", ["salespulse", "crm"])
def test_the_newest_edit_wins_and_the_ledger_holds_the_one_that_lost(world: World, later: str) -> None:
    s, c = world.ann()
    first, second = (world.edit_c, world.edit_s) if later == "salespulse" else (world.edit_s, world.edit_c)
    names = {world.edit_s: (s, "last_name"), world.edit_c: (c, "lastname")}
    for edit, value in ((first, "Early"), (second, "Late")):
        world.clock.advance(10)
        edit(names[edit][0], **{names[edit][1]: value})
    assert world.once().exit is Exit.DONE
    assert world.s_of(s)["last_name"] == world.c_of(c)["lastname"] == "Late"
    (line,) = world.ledger(lost=True)
    assert (line.before, line.by) == ('"Early"', "newest")
    world.settled()


def test_edits_a_second_apart_are_held(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, last_name="One")
    world.clock.advance(1)
    world.c.edit(c, {"lastname": "Two"})
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert ran.writes == 0
    assert world.held() == [("conflict", "last_name")]


def test_an_edit_between_two_looks_at_a_side_without_times_is_held(make_world: Any) -> None:
    world = make_world(dialect=Dialect(times=False))
    s, c = world.ann()
    world.edit_s(s, last_name="One")
    world.edit_c(c, lastname="Two")
    assert world.once().exit is Exit.PERSON
    assert world.held() == [("conflict", "last_name")]


def test_an_edit_seen_before_the_other_was_made_loses_though_its_side_gives_no_times(make_world: Any) -> None:
    world = make_world(dialect=Dialect(times=False), conflict=["newest", "hold"])
    s, c = world.ann()
    world.configure(direction="to_salespulse")  # the edit is seen and not yet acted on
    world.edit_s(s, last_name="One")
    world.once()
    world.configure(direction="both")
    world.edit_c(c, lastname="Two")
    assert world.once().exit is Exit.DONE
    assert world.s_of(s)["last_name"] == "Two"


def test_a_rule_that_names_a_side_replaces_the_other_edit_with_a_ledger_line(make_world: Any) -> None:
    world = make_world(conflict=["crm"])
    s, c = world.ann()
    world.edit_c(c, lastname="C")
    world.edit_s(s, last_name="S")
    world.once()
    assert world.s_of(s)["last_name"] == world.c_of(c)["lastname"] == "C"
    (line,) = world.ledger(lost=True)
    assert (line.before, line.by) == ('"S"', "crm")
    world.settled()


def test_a_field_may_have_its_own_rule(make_world: Any, world: World) -> None:
    world.mapping = changed(world.mapping, "last_name", 'conflict = ["salespulse"]')
    world.configure(conflict=["crm"])
    s, c = world.ann()
    world.edit_s(s, last_name="S", first_name="S")
    world.edit_c(c, lastname="C", firstname="C")
    world.once()
    assert world.s_of(s)["last_name"] == world.c_of(c)["lastname"] == "S"
    assert world.s_of(s)["first_name"] == world.c_of(c)["firstname"] == "C"


def test_clearing_a_field_clears_it_on_the_other_side(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, last_name=None)
    world.once()
    assert not world.c_of(c).get("lastname")
    world.edit_c(c, firstname="")
    world.once()
    assert not world.s_of(s).get("first_name")
    world.settled()


def test_a_blank_that_never_overwrites_is_filled_again(world: World) -> None:
    world.mapping = changed(world.mapping, "last_name", 'blank = "keep"')
    s, c = world.ann()
    world.edit_s(s, last_name=None)
    world.once()
    assert world.s_of(s)["last_name"] == world.c_of(c)["lastname"] == "Lee"
    world.settled()


def test_a_blank_that_never_overwrites_loses_to_an_edit_without_a_conflict(world: World) -> None:
    world.mapping = changed(world.mapping, "last_name", 'blank = "keep"')
    s, c = world.ann()
    world.edit_c(c, lastname="Long")
    world.edit_s(s, last_name=None)
    assert world.once().exit is Exit.DONE
    assert world.s_of(s)["last_name"] == world.c_of(c)["lastname"] == "Long"


def test_a_phone_number_written_in_two_ways_is_one_number(world: World) -> None:
    s, c = world.ann({"phone": "+13055551234"}, {"phone": "(305) 555-1234"})
    assert world.once().writes == 0
    assert world.c_of(c)["phone"] == "(305) 555-1234"
    world.edit_s(s, phone="+13055559999")
    world.once()
    assert world.c_of(c)["phone"] == "+13055559999"
    world.settled()


def test_a_side_that_writes_phone_numbers_in_its_own_way_makes_no_ping_pong(make_world: Any) -> None:
    world = make_world(hubspot={"reformat_phone": True})
    # As text, the two writings differ: only the two bases keep them from going back and forth.
    world.mapping = world.mapping.replace('as = "phone"', 'as = "text"').replace('"email", "phone"', '"email"')
    s, c = world.ann()
    world.edit_s(s, phone="3055559999")
    world.once()
    assert world.c_of(c)["phone"] == "(305) 555-9999"
    assert world.s_of(s)["phone"] == "3055559999"
    assert any("reshaped" in line.by for line in world.ledger())
    world.settled()


def test_a_first_sync_fills_blanks_and_lets_the_newer_record_win(world: World) -> None:
    s = world.in_s(first_name="Ann", email="a@example.com", state="FL", stage="New Lead")
    world.clock.advance(600)
    c = world.in_c(firstname="Anna", lastname="Lee", email="A@example.com", lifecyclestage="lead")
    assert world.full().exit is Exit.DONE
    here, there = world.s_of(s), world.c_of(c)
    assert (here["first_name"], here["last_name"]) == ("Anna", "Lee")
    assert there["firstname"] == "Anna"
    assert there["state"] in {"FL", "Florida"}
    assert [line.before for line in world.ledger(lost=True)] == ['"Ann"']
    world.settled()


def test_a_value_longer_than_the_other_field_is_held_and_never_cut(world: World) -> None:
    world.mapping = with_field(world.mapping, NOTES)
    s, c = world.ann({"notes": "short"}, {"jobtitle": "short"})
    world.edit_s(s, notes="x" * 70_000, last_name="Left")
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert world.held() == [("refused", "notes")], "HubSpot does not say how long a text may be, so it is asked"
    assert (world.c_of(c)["jobtitle"], world.c_of(c)["lastname"]) == ("short", "Left")
    world.edit_s(s, notes="shorter")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.c_of(c)["jobtitle"]) == ([], "shorter")


@pytest.mark.parametrize(("listed", "written"), [(True, "Texas"), (False, "TX")])
def test_a_state_is_written_as_the_other_side_names_it(make_world: Any, listed: bool, written: str) -> None:
    world = make_world(hubspot={"state_enumeration": listed})
    s, c = world.ann({}, {"state": "Florida"})
    world.edit_s(s, state="TX")
    world.once()
    assert world.c_of(c)["state"] == written
    world.settled()


def test_a_value_without_a_row_in_the_table_is_held_alone(world: World) -> None:
    s, c = world.ann({"product_interest": "term_life"}, {"product_interest": "Term Life"})
    world.edit_s(s, product_interest="x9", last_name="Left")
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert world.held() == [("no_value", "product_interest")]
    assert (world.c_of(c)["product_interest"], world.c_of(c)["lastname"]) == ("Term Life", "Left")
    world.edit_s(s, product_interest="annuity")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.c_of(c)["product_interest"]) == ([], "Annuity")


def test_a_value_without_a_row_may_be_ignored(world: World) -> None:
    world.mapping = changed(world.mapping, "product_interest", 'unmapped = "ignore"')
    s, c = world.ann({"product_interest": "term_life"}, {"product_interest": "Term Life"})
    world.edit_s(s, product_interest="x9")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.c_of(c)["product_interest"]) == ([], "Term Life")
    world.settled()


def test_an_edit_on_the_receiving_side_is_left_until_the_sender_changes(make_world: Any) -> None:
    world = make_world(direction="to_crm")
    s, c = world.ann()
    world.edit_c(c, lastname="Mine")
    assert world.once().writes == 0
    assert (world.s_of(s)["last_name"], world.c_of(c)["lastname"]) == ("Lee", "Mine")
    world.edit_s(s, last_name="Sent")
    world.once()
    assert (world.s_of(s)["last_name"], world.c_of(c)["lastname"]) == ("Sent", "Sent")
    assert [line.before for line in world.ledger(lost=True)] == ['"Mine"']
    world.settled()


def test_a_write_that_is_answered_and_ignored_is_held_and_not_repeated(world: World) -> None:
    s, c = world.ann()
    shown = dict(world.s_of(s), stage_id="stg_new")
    world.fault("salespulse", action="status", op="PATCH /contacts/:id", status=200, times=None, body=shown)
    world.edit_c(c, lastname="Right")
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert world.held() == [("ignored", "last_name")]
    again = world.full()
    assert (again.writes, again.exit) == (0, Exit.DONE)
    world.mend()
    world.edit_c(c, lastname="Righter")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.s_of(s)["last_name"]) == ([], "Righter")
    world.settled()


def test_a_field_that_the_vendor_refuses_is_held_and_the_others_are_written(world: World) -> None:
    table = world.mapping[world.mapping.index("[fields.values]") : world.mapping.index("# ---- stage")]
    world.mapping = world.mapping.replace(table, "")
    s, c = world.ann({"product_interest": "Term Life"}, {"product_interest": "Term Life"})
    props = world.c.portal.table("contacts").schema.props
    old = props["product_interest"]
    kept = tuple(choice for choice in old.choices if choice.value != "Annuity")
    props["product_interest"] = replace(old, choices=kept)  # a day may pass until syncd looks at the options again
    world.edit_s(s, product_interest="Annuity", last_name="Left")
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert world.held() == [("refused", "product_interest")]
    assert world.c_of(c)["lastname"] == "Left"
    again = world.once()
    assert (again.writes, again.exit) == (0, Exit.DONE)
    world.edit_s(s, first_name="Anna")
    ran = world.once()
    (sent,) = (one["properties"] for body in ran.bodies("hubspot") for one in body["inputs"])
    assert sent == {"firstname": "Anna"}, "what was refused is not sent again with an edit of another field"
    # A full run looks at the options, and knows by itself that there is none.
    assert world.full().writes == 0
    assert world.held() == [("no_value", "product_interest")]
    props["product_interest"] = old
    assert world.full().exit is Exit.DONE
    assert (world.held(), world.c_of(c)["product_interest"]) == ([], "Annuity")
    world.settled()


def test_a_union_takes_what_either_added_and_leaves_out_what_either_removed(world: World) -> None:
    world.mapping = with_field(world.mapping, RIDERS)
    before = ["Accidental Death", "Child"]
    s, c = world.ann({"riders": before}, {"riders": ";".join(before)})
    world.edit_s(s, riders=["Accidental Death"])
    world.edit_c(c, riders="Accidental Death;Child;Waiver of Premium")
    assert world.once().exit is Exit.DONE
    assert sorted(world.s_of(s)["riders"]) == ["Accidental Death", "Waiver of Premium"]
    assert sorted(world.c_of(c)["riders"].split(";")) == ["Accidental Death", "Waiver of Premium"]
    world.settled()


def test_a_mapping_of_a_property_that_does_not_exist_stops_before_anything_is_written(world: World) -> None:
    world.mapping = with_field(world.mapping, NOTES.replace("jobtitle", "nope"))
    world.in_s(first_name="Ann", email="a@example.com", notes="x")
    with pytest.raises(ConfigError, match="nope"):
        world.full()
    assert not world.recorded["hubspot"].writes
    assert world.c.records() == []
