"""Two HubSpot accounts in one config: one observation of SalesPulse, and each stops only itself."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.errors import ConfigError
from syncd.exits import Exit
from tests.scenarios.stage import TOKEN
from tests.scenarios.world import World


@pytest.fixture
def two(make_world: Any) -> World:
    """Two portals, each at an address of its own."""
    made: World = make_world("east", "west")
    return made


def everywhere(two: World) -> tuple[str, str, str]:
    """One person in all three, linked."""
    ann = {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "lifecyclestage": "lead"}
    ids = (
        two.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", stage="New Lead"),
        two.in_c("east", **ann),
        two.in_c("west", **ann),
    )
    assert two.full().exit is Exit.DONE
    return ids


def test_an_edit_in_one_portal_reaches_the_other_in_the_same_run(two: World) -> None:
    s, east, west = everywhere(two)
    two.edit_c(east, "east", lastname="East")
    ran = two.once()
    assert ran.exit is Exit.DONE
    assert two.s_of(s)["last_name"] == "East"
    assert two.c_of(west, "west")["lastname"] == "East"
    two.edit_c(west, "west", firstname="West")
    two.once()
    assert two.s_of(s)["first_name"] == two.c_of(east, "east")["firstname"] == "West"
    two.settled()


def test_salespulse_is_listed_once_for_both(two: World) -> None:
    everywhere(two)
    requests = two.running["salespulse"].harness.stats.requests
    before = requests["GET /contacts"]
    two.full()
    assert requests["GET /contacts"] - before <= 2, "one listing: a page, and the one that shows its end"


def test_a_new_record_in_one_portal_is_made_in_the_other_in_the_same_run(two: World) -> None:
    everywhere(two)
    two.in_c("west", firstname="Bob", email="bob@example.com")
    assert two.full().exit is Exit.DONE
    assert [one["first_name"] for one in two.s.records()] == ["Ann", "Bob"]
    assert sorted(one["firstname"] for one in two.portals["east"].records()) == ["Ann", "Bob"]
    two.settled()


def test_a_person_new_in_both_portals_becomes_one_contact(two: World) -> None:
    two.in_c("east", firstname="Bob", email="bob@example.com", phone="305-555-1234")
    two.in_c("west", firstname="Bob", email="Bob@example.com", phone="305-555-1234")
    two.full()
    assert len(two.s.records()) == 1
    two.settled()
    assert len(two.s.records()) == 1
    assert len(two.links("east")) == len(two.links("west")) == 1


def test_a_portal_that_refuses_the_credentials_stops_only_itself(two: World) -> None:
    s, east, west = everywhere(two)
    two.portals["east"].tokens.replace("another")  # a key that was rotated, and syncd not told
    two.edit_s(s, last_name="Left")
    for ran in (two.once(), two.full()):
        assert ran.exit is Exit.REMOTE
        assert ran.of("east")["stopped"]
        assert ran.of("west")["stopped"] is None
    assert two.c_of(west, "west")["lastname"] == "Left"
    assert two.c_of(east, "east")["lastname"] == "Lee"
    two.portals["east"].tokens.replace(TOKEN)
    assert two.once().exit is Exit.DONE
    assert two.c_of(east, "east")["lastname"] == "Left"
    two.settled()


def test_a_portal_whose_brake_trips_stops_only_itself(two: World) -> None:
    everywhere(two)
    two.configure("east", brakes={"max_creates": 0})
    two.in_s(first_name="Bob", email="bob@example.com")
    ran = two.full()
    assert ran.exit is Exit.BRAKE
    assert (len(two.portals["east"].records()), len(two.portals["west"].records())) == (1, 2)
    assert ran.written["east"] == []


def test_a_portal_that_moved_to_another_account_stops_only_itself(two: World) -> None:
    s, east, west = everywhere(two)
    two.portals["east"].portal.portal_id = 99
    two.edit_s(s, last_name="Left")
    ran = two.full()
    assert ran.exit is Exit.BRAKE
    assert ran.written["east"] == []
    assert two.c_of(west, "west")["lastname"] == "Left"
    assert two.c_of(east, "east")["lastname"] == "Lee"


def test_one_connection_alone_can_be_run(two: World) -> None:
    s, east, west = everywhere(two)
    two.edit_s(s, last_name="Left")
    ran = two.full("west")
    assert (ran.exit, ran.written["east"]) == (Exit.DONE, [])
    assert (two.c_of(east, "east")["lastname"], two.c_of(west, "west")["lastname"]) == ("Lee", "Left")
    two.full()
    assert two.c_of(east, "east")["lastname"] == "Left"


def test_salespulse_that_refuses_its_key_stops_every_connection(two: World) -> None:
    everywhere(two)
    two.s.keys = {"another"}
    ran = two.full()
    assert ran.exit is Exit.REMOTE
    assert ran.of("east")["stopped"]
    assert ran.of("west")["stopped"]
    assert ran.writes == 0


def test_a_delete_in_one_portal_unlinks_there_and_leaves_the_other_alone(two: World) -> None:
    s, east, west = everywhere(two)
    two.in_s(first_name="Bob", email="bob@example.com")
    two.full()
    two.portals["east"].archive(east)
    assert two.full().exit is Exit.DONE
    assert two.links("east")[s, east] == "severed"
    assert two.links("west")[s, west] == "active"
    two.edit_s(s, last_name="Left")
    two.once()
    assert two.c_of(west, "west")["lastname"] == "Left"
    two.settled()
    assert len(two.portals["east"].records()) == 1


def test_two_edits_of_one_field_in_two_portals_come_to_one_value(two: World) -> None:
    s, east, west = everywhere(two)
    two.edit_c(east, "east", lastname="East")
    two.clock.advance(30)
    two.edit_c(west, "west", lastname="West")
    two.once()
    two.settled()
    shown = {two.s_of(s)["last_name"], two.c_of(east, "east")["lastname"], two.c_of(west, "west")["lastname"]}
    held = {field for _, field in two.held()}
    assert len(shown) == 1 or held == {"last_name"}


def test_one_account_opened_in_two_ways_stops_the_later_connection(two: World) -> None:
    two.portals["west"].portal.portal_id = two.portals["east"].portal.portal_id
    two.in_s(first_name="Ann", email="ann@example.com")
    ran = two.full()
    assert ran.exit is Exit.USAGE
    assert ran.of("east")["stopped"] is None
    assert "same HubSpot account 62515 as [connections.east]" in ran.of("west")["stopped"]
    assert "use the same credentials and base_url" in ran.said
    assert (len(two.portals["east"].records()), len(two.portals["west"].records())) == (1, 0)


@pytest.mark.parametrize("order", [("east", "west"), ("west", "east")])
def test_which_of_two_connections_on_one_account_is_stopped_does_not_depend_on_the_command_line(
    two: World, order: tuple[str, str]
) -> None:
    two.portals["west"].portal.portal_id = two.portals["east"].portal.portal_id
    ran = two.full(*order)
    assert (ran.of("east")["stopped"], bool(ran.of("west")["stopped"])) == (None, True)


def test_a_connection_that_is_run_alone_is_compared_with_what_is_remembered_of_the_others(two: World) -> None:
    two.portals["west"].portal.portal_id = two.portals["east"].portal.portal_id
    assert two.full("east").exit is Exit.DONE
    with pytest.raises(ConfigError, match=r"same HubSpot account 62515 as \[connections\.east\]"):
        two.full("west")
    assert two.full("east").exit is Exit.DONE, "the earlier one goes on"
    two.configure("east", enabled=False)
    assert two.full().exit is Exit.DONE
    del two.options["east"]
    assert two.full("west").exit is Exit.DONE
