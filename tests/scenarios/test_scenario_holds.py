"""What waits for a person: it holds one field or one record, is new once, follows its values, and ends by itself."""

from __future__ import annotations

from syncd.core.model import Side
from syncd.exits import Exit
from tests.scenarios.world import World


def conflict(world: World) -> tuple[str, str]:
    """A pair with one conflict, and with an edit of another field on each side."""
    world.configure(conflict=["hold"])
    s, c = world.ann()
    world.edit_s(s, last_name="S", state="TX")
    world.edit_c(c, lastname="C", firstname="Right")
    return s, c


def test_a_conflict_holds_its_field_alone(world: World) -> None:
    s, c = conflict(world)
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert ran.of()["held"] == 1
    assert world.held() == [("conflict", "last_name")]
    assert (world.s_of(s)["last_name"], world.c_of(c)["lastname"]) == ("S", "C")
    assert world.s_of(s)["first_name"] == "Right"
    assert world.c_of(c)["state"] in {"TX", "Texas"}


def test_a_hold_is_new_only_once(world: World) -> None:
    conflict(world)
    assert world.once().exit is Exit.PERSON
    for ran in (world.once(), world.full(), world.full()):
        assert ran.exit is Exit.DONE
        assert ran.of()["held"] == 0
        assert ran.writes == 0
    assert world.held() == [("conflict", "last_name")]


def test_a_held_field_goes_on_being_held_while_others_are_edited(world: World) -> None:
    s, c = conflict(world)
    world.once()
    world.edit_s(s, phone="+13055551234")
    world.edit_c(c, firstname="Later")
    assert world.once().exit is Exit.DONE
    assert world.s_of(s)["first_name"] == "Later"
    assert world.c_of(c)["phone"] == "+13055551234"
    assert world.held() == [("conflict", "last_name")]


def test_new_values_update_the_hold(world: World) -> None:
    s, _ = conflict(world)
    world.once()
    world.edit_s(s, last_name="S2")
    assert world.once().exit is Exit.DONE, "it was open when the run began"
    (hold,) = world.holds()
    assert hold.values == {Side.SALESPULSE: "S2", Side.CRM: "C"}


def test_a_hold_ends_by_itself_when_both_sides_agree(world: World) -> None:
    s, _ = conflict(world)
    world.once()
    world.edit_s(s, last_name="C")
    ran = world.once()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    assert world.holds() == []


def test_a_hold_ends_by_itself_when_one_side_takes_its_edit_back(world: World) -> None:
    s, c = conflict(world)
    world.once()
    world.edit_s(s, last_name="Lee")
    world.once()
    assert (world.s_of(s)["last_name"], world.holds()) == ("C", [])
    world.edit_c(c, lastname="D")
    world.edit_s(s, last_name="E")
    assert world.once().exit is Exit.PERSON, "opened again, it is new again"


def test_a_hold_ends_when_a_rule_decides_it(world: World) -> None:
    s, c = conflict(world)
    world.once()
    world.configure(conflict=["salespulse"])
    assert world.full().exit is Exit.DONE
    assert (world.c_of(c)["lastname"], world.s_of(s)["last_name"], world.holds()) == ("S", "S", [])


def test_a_hold_says_what_to_do_and_shows_no_value(world: World) -> None:
    s, c = conflict(world)
    world.edit_s(s, last_name="Zyzzyva")
    ran = world.once()
    (hold,) = world.holds()
    assert "make both sides show the value that is to stay" in hold.message
    assert "Zyzzyva" not in hold.message + ran.said
    assert (hold.salespulse_id, hold.crm_id) == (s, c)


def test_records_without_a_key_make_one_hold_whose_count_follows(world: World) -> None:
    first = world.in_c(firstname="Nobody", lastname="One")
    second = world.in_c(firstname="Nobody", lastname="Two")
    ran = world.full()
    assert (ran.exit, ran.of()["held"], world.s.records()) == (Exit.PERSON, 1, [])
    (hold,) = world.holds()
    assert hold.reason == "no_key"
    assert " 2 records" in hold.message
    world.in_c(firstname="Nobody", lastname="Three")
    ran = world.full()
    assert (ran.exit, ran.of()["held"]) == (Exit.DONE, 0)
    assert " 3 records" in world.holds()[0].message
    for number, record in enumerate(record["id"] for record in world.c.records()):
        world.edit_c(record, email=f"n{number}@example.com")
    assert world.once().exit is Exit.DONE
    assert (world.holds(), len(world.s.records())) == ([], 3)
    assert {first, second} <= {c for _, c in world.links()}
    world.settled()


def test_a_hold_of_a_record_that_is_deleted_ends(world: World) -> None:
    s, c = conflict(world)
    world.fill(1)
    world.once()
    world.s.delete_contact(s)
    world.full()
    assert world.holds() == []
    assert world.c_of(c)["lastname"] == "C"
