"""Pipeline stages against lifecycle stages, many to one, through whole passes (worked cases 30 to 37)."""

from __future__ import annotations

import pytest

from syncd.exits import Exit
from tests.scenarios.world import World


@pytest.mark.parametrize(
    ("before", "s_now", "c_now", "s_then", "c_then"),
    [
        pytest.param(("New Lead", "lead"), "Contacted", None, "Contacted", "lead", id="30 both mean lead"),
        pytest.param(("New Lead", "lead"), None, "opportunity", "Quoted", "opportunity", id="31 forward in the CRM"),
        pytest.param(("Quoted", "opportunity"), None, "lead", "New Lead", "lead", id="32 a person moves back"),
        pytest.param(("New Lead", "lead"), "Quoted", "customer", "Sold", "customer", id="33 the further one"),
        pytest.param(("Quoted", "opportunity"), "New Lead", None, "New Lead", "lead", id="34 clear then set"),
        pytest.param(("New Lead", "lead"), None, "", "New Lead", None, id="35 a blank overwrites nothing"),
        pytest.param(("New Lead", "lead"), None, "evangelist", "New Lead", "evangelist", id="36 unmapped in the CRM"),
        pytest.param(("New Lead", "lead"), "Lost", None, "Lost", "lead", id="37 no row in the table"),
    ],
)
def test_a_stage_moves_as_the_worked_cases_say(
    world: World, before: tuple[str, str], s_now: str | None, c_now: str | None, s_then: str, c_then: str | None
) -> None:
    s, c = world.ann({"stage": before[0]}, {"lifecyclestage": before[1]})
    if s_now is not None:
        world.edit_s(s, stage=s_now)
    if c_now is not None:
        world.edit_c(c, lifecyclestage=c_now)
    assert world.once().exit is Exit.DONE
    assert (world.s_of(s)["stage"], world.c_of(c).get("lifecyclestage")) == (s_then, c_then)
    assert world.held() == []
    world.settled()


def test_a_stage_that_is_not_in_the_table_is_counted_and_the_other_fields_go_on(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, stage="Lost", last_name="Left")
    ran = world.once()
    assert ran.of()["unmapped"] == 1
    assert (world.c_of(c)["lastname"], world.c_of(c)["lifecyclestage"]) == ("Left", "lead")
    world.edit_s(s, stage="Sold")
    world.once()
    assert world.c_of(c)["lifecyclestage"] == "customer"


def test_an_unmapped_stage_may_be_held_for_a_person(world: World) -> None:
    world.mapping = world.mapping.replace('unmapped = "ignore"', 'unmapped = "hold"')
    _, c = world.ann()
    world.edit_c(c, lifecyclestage="evangelist")
    assert world.once().exit is Exit.PERSON
    assert [reason for reason, _ in world.held()] == ["no_value"]
    world.edit_c(c, lifecyclestage="customer")
    assert world.once().exit is Exit.DONE
    assert world.held() == []


def test_a_move_back_takes_two_writes_and_one_ledger_line(world: World) -> None:
    s, c = world.ann({"stage": "Sold"}, {"lifecyclestage": "customer"})
    world.edit_s(s, stage="Contacted")
    ran = world.once()
    assert world.c_of(c)["lifecyclestage"] == "lead"
    sent = [one["properties"] for body in ran.bodies("hubspot") for one in body["inputs"]]
    assert sent == [{"lifecyclestage": ""}, {"lifecyclestage": "lead"}]
    assert len(world.ledger(field="lifecyclestage")) == 1


def test_a_new_record_gets_its_stage_at_once(world: World) -> None:
    s = world.in_s(first_name="Ann", email="a@example.com", stage="Quoted")
    c = world.in_c(firstname="Bob", email="b@example.com", lifecyclestage="customer")
    world.full()
    (other_c,) = (one for one in world.c.records() if one["id"] != c)
    (other_s,) = (one for one in world.s.records() if one["id"] != s)
    assert (other_c["lifecyclestage"], other_s["stage"]) == ("opportunity", "Sold")
    world.settled()
