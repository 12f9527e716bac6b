"""Connections that are not in a run, that changed what they sync, and what counts against their brakes."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from syncd.store import tables
from tests.scenarios.test_scenario_conversions import leads_first
from tests.scenarios.world import MAPPINGS, World

LEADS = (MAPPINGS / "salesforce-leads.toml").read_text()


def ann_everywhere(three: World) -> tuple[str, str, str]:
    ids = (
        three.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", stage="New Lead"),
        three.in_c(firstname="Ann", lastname="Lee", email="ann@example.com", lifecyclestage="lead"),
        three.in_f(FirstName="Ann", LastName="Lee", Email="ann@example.com"),
    )
    assert three.full().exit is Exit.DONE, three.holds()
    three.settled()
    return ids


def test_what_waits_for_a_contact_ends_with_it_also_where_its_connection_is_not_in_the_run(make_world: Any) -> None:
    three = make_world("hubspot", "contacts")
    ann_everywhere(three)
    for last in ("A", "B"):
        three.in_f(FirstName="Bob", LastName=last, Email="bob@example.com")
    s = three.in_s(first_name="Bob", last_name="A", email="bob@example.com")
    three.once()
    assert [(hold.connection, hold.salespulse_id) for hold in three.holds()] == [("contacts", s)]
    three.s.delete_contact(s)
    three.once("hubspot")
    assert three.holds() == []


def test_what_waits_for_a_pair_stays_when_its_contact_is_deleted_without_its_connection(make_world: Any) -> None:
    """The pair is judged when its connection runs."""
    three = make_world("hubspot", "contacts", conflict=["hold"])
    s, _, f = ann_everywhere(three)
    three.in_s(first_name="Yan", last_name="Y", email="yan@example.com", stage="New Lead")
    three.edit_s(s, last_name="Mine")
    three.edit_f(f, LastName="Force")
    three.once("contacts")
    assert ("conflict", "last_name") in three.held()
    three.s.delete_contact(s)
    three.once("hubspot")
    assert ("conflict", "last_name") in three.held()
    three.once()
    assert three.holds() == []


@pytest.mark.parametrize("deletes", ["unlink", "delete"])
def test_a_mapping_for_another_object_stops_a_connection_that_has_links(make_world: Any, deletes: str) -> None:
    three = make_world("contacts", "hubspot", deletes=deletes)
    s, c, f = ann_everywhere(three)
    three.in_f("Lead", FirstName="Zoe", LastName="Z", Email="zoe@example.com")
    three.configure("contacts", mapping=LEADS)
    for edit in ("Anne", "Anna"):
        three.edit_s(s, first_name=edit)
        ran = three.full()
        assert ran.exit is Exit.USAGE
        stopped = ran.of("contacts")["stopped"]
        for word in ("salesforce Lead", "salesforce Contact", "another name"):
            assert word in stopped
        assert ran.written["salesforce"] == []
        assert three.c_of(c)["firstname"] == edit, "the other connection goes on"
    assert three.links("contacts") == {(s, f): "active"}
    three.options["contacts"].pop("mapping")
    assert three.full().exit is Exit.DONE, three.holds()
    assert three.f_of(f)["FirstName"] == "Anna"
    three.settled()


def test_a_connection_without_links_may_change_its_object(make_world: Any) -> None:
    org = make_world("contacts", create="none")
    org.in_f(FirstName="Yan", LastName="Y", Email="yan@example.com")
    lead = org.in_f("Lead", FirstName="Zoe", LastName="Z", Email="zoe@example.com")
    s = org.in_s(first_name="Zoe", last_name="Z", email="zoe@example.com", stage="New Lead")
    org.full()
    org.configure("contacts", mapping=LEADS)
    assert org.full().exit is Exit.DONE, org.holds()
    assert org.links("contacts") == {(s, lead): "active"}
    assert [row.id for row in org.rows(tables.observed) if row.source == "contacts"] == [lead]
    org.settled()


def test_many_conversions_trip_no_brake(make_world: Any) -> None:
    """The stage of a new contact is blank, and SalesPulse's fills it: what a person began is no change of syncd's."""
    org = leads_first(make_world, "leads", "contacts")
    people = [
        org.in_f("Lead", FirstName=f"P{n}", LastName="Q", Email=f"p{n}@example.com", Status="Working - Contacted")
        for n in range(60)
    ]
    org.full()
    org.settled()
    for lead in people:
        org.f.convert(lead, "")
    ran = org.once()
    assert (ran.exit, ran.of("contacts")["brakes"]) == (Exit.DONE, [])
    org.edit_s(org.s.records()[0]["id"], first_name="Anne")
    assert org.once().exit is Exit.DONE, "nor with the first change after them"
    org.settled()


def test_a_brake_that_trips_after_other_writes_of_the_run_does_not_deny_them(make_world: Any) -> None:
    three = make_world("contacts", "hubspot")
    people = three.fill(120)
    for n in range(120):
        three.in_f(FirstName=f"P{n}", LastName="Q", Email=f"p{n}@example.com")
    three.full()
    three.settled()
    three.configure("hubspot", brakes={"max_changes_percent": 100})
    for _, c in people[:80]:
        three.c.edit(c, {"state": "TX"})
    three.edit_s(people[110][0], last_name="Zed")
    ran = three.once()
    assert ran.exit is Exit.BRAKE
    assert len(ran.written["salesforce"]) == 1, "what SalesPulse showed at first"
    (said,) = ran.of("contacts")["brakes"]
    assert "stopped before it wrote any of this" in str(said)
