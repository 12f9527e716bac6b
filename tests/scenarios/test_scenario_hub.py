"""SalesPulse as the hub of HubSpot and Salesforce: what one CRM learns the other has in the same run; nobody twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.people import triple
from tests.scenarios.world import World

RUNS = ("full", "once")


@pytest.fixture
def three(make_world: Any) -> World:
    """A portal, and an org with a connection to its contacts."""
    made: World = make_world("hubspot", "contacts")
    return made


def everywhere(three: World) -> tuple[str, str, str]:
    """Ann Lee in all three, linked and agreed."""
    ids = (
        three.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", state="FL", stage="New Lead"),
        three.in_c(firstname="Ann", lastname="Lee", email="ann@example.com", state="FL", lifecyclestage="lead"),
        three.in_f(FirstName="Ann", LastName="Lee", Email="ann@example.com", MailingState="Florida"),
    )
    three.full()
    assert three.settled().exit is Exit.DONE
    return ids


def values(three: World, ids: tuple[str, str, str]) -> tuple[Any, ...]:
    """First name, last name, address and state in each of the three."""
    s, c, f = three.s_of(ids[0]), three.c_of(ids[1]), three.f_of(ids[2])
    return (
        tuple(s.get(name) for name in ("first_name", "last_name", "email", "state")),
        tuple(c.get(name) for name in ("firstname", "lastname", "email", "state")),
        tuple(f.get(name) for name in ("FirstName", "LastName", "Email", "MailingState")),
    )


@pytest.mark.parametrize("run", RUNS)
def test_an_edit_in_hubspot_reaches_salesforce_in_the_same_run(three: World, run: str) -> None:
    ids = everywhere(three)
    three.edit_c(ids[1], lastname="Hub", state="TX")
    ran = getattr(three, run)()
    assert ran.exit is Exit.DONE
    mine, hubspot, salesforce = values(three, ids)
    assert mine == ("Ann", "Hub", "ann@example.com", "TX")
    assert hubspot == mine
    assert salesforce == ("Ann", "Hub", "ann@example.com", "TX")
    assert ran.of("contacts")["updated"] == {"salespulse": 0, "crm": 1}
    three.settled()


@pytest.mark.parametrize("run", RUNS)
def test_an_edit_in_salesforce_reaches_hubspot_in_the_same_run(three: World, run: str) -> None:
    ids = everywhere(three)
    three.edit_f(ids[2], LastName="Force", Email="ann.force@example.com")
    ran = getattr(three, run)()
    assert ran.exit is Exit.DONE
    mine, hubspot, salesforce = values(three, ids)
    assert mine == hubspot == ("Ann", "Force", "ann.force@example.com", "FL")
    assert salesforce[:3] == mine[:3]
    three.settled()


@pytest.mark.parametrize("run", RUNS)
def test_an_edit_in_salespulse_reaches_both(three: World, run: str) -> None:
    ids = everywhere(three)
    three.edit_s(ids[0], first_name="Anne", phone="+13055551234")
    assert getattr(three, run)().exit is Exit.DONE
    assert three.c_of(ids[1])["firstname"] == three.f_of(ids[2])["FirstName"] == "Anne"
    assert three.c_of(ids[1])["phone"] == three.f_of(ids[2])["Phone"] == "+13055551234"
    three.settled()


@pytest.mark.parametrize("run", RUNS)
def test_a_cleared_field_is_cleared_in_the_other_crm_and_a_last_name_is_not(three: World, run: str) -> None:
    ids = everywhere(three)
    three.edit_c(ids[1], firstname="", lastname="")
    getattr(three, run)()
    assert "FirstName" not in three.f_of(ids[2])
    assert three.f_of(ids[2])["LastName"] == "Lee", "Salesforce has no contact without one"
    three.settled()


@pytest.mark.parametrize("order", [("hubspot", "contacts"), ("contacts", "hubspot")])
@pytest.mark.parametrize("run", RUNS)
def test_somebody_new_in_one_crm_is_made_in_salespulse_and_the_other_in_one_run(
    make_world: Any, order: tuple[str, str], run: str
) -> None:
    three: World = make_world(*order)
    everywhere(three)
    three.in_c(firstname="Bob", lastname="Hub", email="bob@example.com", lifecyclestage="opportunity")
    three.in_f(FirstName="Cy", LastName="Force", Email="cy@example.com", SalesPulse_Stage__c="Contacted")
    ran = getattr(three, run)()
    assert ran.exit is Exit.DONE, three.holds()
    assert sorted(one["first_name"] for one in three.s.records()) == ["Ann", "Bob", "Cy"]
    assert sorted(one["firstname"] for one in three.c.records()) == ["Ann", "Bob", "Cy"]
    assert sorted(one["FirstName"] for one in three.all_f()) == ["Ann", "Bob", "Cy"]
    bob = next(one for one in three.all_f() if one["FirstName"] == "Bob")
    cy = next(one for one in three.c.records() if one["firstname"] == "Cy")
    assert bob["SalesPulse_Stage__c"] == "Quoted"
    assert cy["lifecyclestage"] == "lead"
    three.settled()
    assert (len(three.s.records()), len(three.c.records()), len(three.all_f())) == (3, 3, 3)


@pytest.mark.parametrize("run", RUNS)
def test_somebody_in_both_crms_and_not_in_salespulse_is_made_once_and_linked_in_both(three: World, run: str) -> None:
    everywhere(three)
    c = three.in_c(firstname="Bob", lastname="Q", email="Bob@Example.com", phone="(305) 555-1234")
    f = three.in_f(FirstName="Bob", LastName="Q", Email="bob@example.com", Phone="305.555.1234")
    ran = getattr(three, run)()
    assert ran.exit is Exit.DONE
    (bob,) = (one for one in three.s.records() if one["first_name"] == "Bob")
    assert three.links("hubspot")[bob["id"], c] == "active"
    assert three.links("contacts")[bob["id"], f] == "active"
    assert (len(three.c.records()), len(three.all_f())) == (2, 2)
    three.settled()
    assert (len(three.s.records()), len(three.c.records()), len(three.all_f())) == (2, 2, 2)


@pytest.mark.parametrize("seed", [2, 3])
def test_people_written_differently_in_each_system_come_to_be_everywhere_once(three: World, seed: int) -> None:
    left, hubspot, salesforce = triple(60, 36, seed)
    three.s.populate(left)
    for row in hubspot:
        three.in_c(**row)
    for row in salesforce:
        three.in_f(**row)
    everybody = 18 + 3 * 18 + 3 * 6
    three.full()
    ran = three.full()
    assert ran.exit is Exit.DONE, three.held()
    assert three.held() == []
    assert [len(three.s.records()), len(three.c.records()), len(three.all_f())] == [everybody] * 3
    for rows, name in ((three.s.records(), "email"), (three.c.records(), "email"), (three.all_f(), "Email")):
        assert Counter(row[name].casefold() for row in rows if row.get(name)).most_common(1)[0][1] == 1
    for connection in ("hubspot", "contacts"):
        assert Counter(three.links(connection).values()) == {"active": everybody}
    last = three.full()
    assert last.writes == 0, last.asked


# ---- what is shared


def asked_of_salespulse(make_world: Any, *connections: str) -> Counter[str]:
    """What two runs, a full one and one at once, ask of SalesPulse when people and edits are the same."""
    made: World = make_world(*connections)
    for number in range(30):
        name = {"first_name": f"P{number}", "last_name": "Q", "email": f"p{number}@example.com"}
        made.in_s(**name, stage="New Lead")
        if "hubspot" in connections:
            made.in_c(firstname=f"P{number}", lastname="Q", email=name["email"], lifecyclestage="lead")
        if "contacts" in connections:
            made.in_f(FirstName=f"P{number}", LastName="Q", Email=name["email"], SalesPulse_Stage__c="New Lead")
    made.full()
    made.settled()
    requests = made.running["salespulse"].harness.stats.requests
    requests.clear()
    made.full()
    made.once()
    return Counter(requests)


def test_both_connections_share_one_observation_of_salespulse(make_world: Any) -> None:
    together = asked_of_salespulse(make_world, "hubspot", "contacts")
    assert together["GET /contacts"] > 0
    assert together == asked_of_salespulse(make_world, "hubspot") == asked_of_salespulse(make_world, "contacts")


def test_a_sweep_that_one_connection_ran_alone_is_not_made_again_for_the_other(make_world: Any) -> None:
    three = make_world("hubspot", "contacts", salespulse={"sweep_every": "6h"})
    everywhere(three)
    requests = three.running["salespulse"].harness.stats.requests
    three.full("hubspot")
    requests.clear()
    three.once("contacts")
    three.once()
    assert requests["GET /contacts"] == 0


def test_an_edit_that_was_seen_while_one_connection_ran_alone_is_not_missed_by_the_other(three: World) -> None:
    ids = everywhere(three)
    three.edit_s(ids[0], last_name="Left")
    three.once("hubspot")
    assert three.f_of(ids[2])["LastName"] == "Lee"
    three.once("contacts")
    assert three.f_of(ids[2])["LastName"] == "Left"


# ---- conflicts among three


@pytest.mark.parametrize("order", [("hubspot", "contacts"), ("contacts", "hubspot")])
@pytest.mark.parametrize("last", ["hubspot", "contacts"])
@pytest.mark.parametrize("run", RUNS)
def test_the_later_of_two_edits_wins_everywhere_whichever_connection_comes_first(
    make_world: Any, order: tuple[str, str], last: str, run: str
) -> None:
    """The value that was carried into SalesPulse first is no younger for that."""
    three: World = make_world(*order)
    ids = everywhere(three)
    for where in ("hubspot", "contacts") if last == "contacts" else ("contacts", "hubspot"):
        three.clock.advance(60)
        if where == "hubspot":
            three.edit_c(ids[1], lastname="Hub")
        else:
            three.edit_f(ids[2], LastName="Force")
    assert getattr(three, run)().exit is Exit.DONE, three.held()
    three.settled()
    winner, loser = ("Force", "Hub") if last == "contacts" else ("Hub", "Force")
    assert {row[1] for row in values(three, ids)} == {winner}
    assert [row.before for row in three.ledger(lost=True)] == [f'"{loser}"']


@pytest.mark.parametrize("order", [("hubspot", "contacts"), ("contacts", "hubspot")])
def test_of_two_who_are_new_and_the_same_person_the_later_values_win(make_world: Any, order: tuple[str, str]) -> None:
    three: World = make_world(*order)
    three.in_c(firstname="Bob", lastname="Hub", email="bob@example.com", lifecyclestage="lead")
    three.clock.advance(60)
    three.in_f(FirstName="Bob", LastName="Force", Email="bob@example.com")
    three.full()
    three.settled()
    shown = (three.s.records()[0]["last_name"], three.c.records()[0]["lastname"], three.all_f()[0]["LastName"])
    assert shown == ("Force",) * 3


@pytest.mark.parametrize("order", [("hubspot", "contacts"), ("contacts", "hubspot")])
@pytest.mark.parametrize("wait", [0, 60, -60])
def test_a_stage_that_stands_for_several_in_hubspot_does_not_set_back_that_of_the_org(
    make_world: Any, order: tuple[str, str], wait: int
) -> None:
    """HubSpot has one stage for New Lead and Contacted, so a new contact's New Lead was chosen by nobody."""
    three: World = make_world(*order)
    if wait < 0:
        three.in_f(FirstName="Bob", LastName="Q", Email="bob@example.com", SalesPulse_Stage__c="Contacted")
        three.clock.advance(-wait)
    three.in_c(firstname="Bob", lastname="Q", email="bob@example.com", lifecyclestage="lead")
    if wait >= 0:
        three.clock.advance(wait)
        three.in_f(FirstName="Bob", LastName="Q", Email="bob@example.com", SalesPulse_Stage__c="Contacted")
    three.full()
    three.settled()
    assert three.held() == []
    assert (three.s.records()[0]["stage"], three.all_f()[0]["SalesPulse_Stage__c"]) == ("Contacted", "Contacted")
    assert three.c.records()[0]["lifecyclestage"] == "lead"
    reasons = [row.reason for row in three.ledger(side="salespulse", op="update")]
    assert reasons == (
        ["newest: Salesforce later than a stage of several that nobody chose in SalesPulse"] * (order[0] == "hubspot")
    )


def test_an_edit_in_salespulse_that_is_later_than_both_wins(three: World) -> None:
    ids = everywhere(three)
    three.edit_c(ids[1], lastname="Hub")
    three.clock.advance(60)
    three.edit_f(ids[2], LastName="Force")
    three.once()
    three.clock.advance(60)
    three.edit_s(ids[0], last_name="Mine")
    assert three.once().exit is Exit.DONE
    three.settled()
    assert {row[1] for row in values(three, ids)} == {"Mine"}


def test_edits_of_different_fields_in_three_systems_meet(three: World) -> None:
    ids = everywhere(three)
    three.edit_s(ids[0], first_name="Anna")
    three.edit_c(ids[1], lastname="Hub")
    three.edit_f(ids[2], Email="force@example.com")
    assert three.once().exit is Exit.DONE
    assert {row[:3] for row in values(three, ids)} == {("Anna", "Hub", "force@example.com")}
    assert three.ledger(lost=True) == []
    three.settled()


def test_a_conflict_held_between_two_does_not_stop_the_third(make_world: Any) -> None:
    three: World = make_world("hubspot", "contacts", conflict=["hold"])
    ids = everywhere(three)
    three.edit_s(ids[0], last_name="Mine")
    three.edit_c(ids[1], lastname="Hub")
    ran = three.once()
    assert ran.exit is Exit.PERSON
    assert three.held() == [("conflict", "last_name")]
    assert [row[1] for row in values(three, ids)] == ["Mine", "Hub", "Mine"]
    assert three.full().writes == 0


# ---- one that stops


@pytest.mark.parametrize("run", RUNS)
def test_an_org_that_refuses_the_credentials_stops_only_itself(three: World, run: str) -> None:
    ids = everywhere(three)
    three.f.tokens.expire()
    three.switch_f(user_active=False)
    three.edit_s(ids[0], last_name="Left")
    ran = getattr(three, run)()
    assert ran.exit is Exit.REMOTE
    assert ran.of("contacts")["stopped"]
    assert ran.of("hubspot")["stopped"] is None
    assert three.c_of(ids[1])["lastname"] == "Left"
    assert ran.written["salesforce"] == []
    three.switch_f(user_active=True)
    assert three.once().exit is Exit.DONE
    assert three.f_of(ids[2])["LastName"] == "Left"
    three.settled()


@pytest.mark.parametrize("run", RUNS)
def test_a_portal_that_refuses_the_credentials_leaves_the_org_in_step(three: World, run: str) -> None:
    ids = everywhere(three)
    three.c.tokens.replace("another")
    three.edit_f(ids[2], LastName="Force")
    ran = getattr(three, run)()
    assert ran.exit is Exit.REMOTE
    assert three.s_of(ids[0])["last_name"] == "Force"
    assert three.c_of(ids[1])["lastname"] == "Lee"


def test_an_org_that_was_exchanged_for_another_stops_before_anything_is_believed_missing(three: World) -> None:
    ids = everywhere(three)
    three.configure("contacts", deletes="delete")
    other = three.f.org.org_id.replace("00D5", "00D9")
    three.f.org.org_id = other
    three.f.tokens.expire()
    three.f.purge(ids[2])
    ran = three.full()
    assert ran.exit is Exit.BRAKE
    assert "account" in ran.of("contacts")["stopped"]
    assert len(three.s.records()) == 1
    assert three.links("contacts")[ids[0], ids[2]] == "active"
