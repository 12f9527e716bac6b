"""The contact of a converted lead: known again, taken up with what the lead showed, or waited for."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from tests.scenarios.test_scenario_conversions import ORDERS, RUNS, leads_first, linked_lead, of_ann
from tests.scenarios.world import World


@pytest.fixture(params=ORDERS, ids="-".join)
def org(request: pytest.FixtureRequest, make_world: Any) -> World:
    return leads_first(make_world, *request.param)


def row_of(org: World, connection: str, s: str) -> Any:
    (row,) = (row for row in org.rows_of_links(connection) if row.salespulse_id == s)
    return row


# ---- the state is lost


@pytest.mark.parametrize("stamped", [True, False])
def test_the_contact_is_linked_again_when_the_state_is_lost(org: World, stamped: bool) -> None:
    """Lead and contact both name the SalesPulse contact."""
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    if stamped:
        org.once()
        org.settled()
    org.forget()
    assert org.full().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert of_ann(org, "leads", s) == {}
    org.edit_s(s, first_name="Anne")
    org.once()
    assert org.f_of(contact)["FirstName"] == "Anne"
    org.settled()
    assert (len(org.s.records()), len(org.all_f("Contact")), len(org.all_f("Lead"))) == (3, 2, 1)


def test_the_lead_leads_to_a_contact_that_nothing_else_names(org: World) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.f.edit(contact, {"Email": "ann.private@example.com", "SalesPulse_Id__c": ""})
    org.forget()
    assert org.full().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "active"}
    org.settled()
    assert (len(org.s.records()), len(org.all_f("Contact")), len(org.all_f("Lead"))) == (3, 2, 1)


# ---- the contact is gone before anybody looked


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("deletes", ["unlink", "delete"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_contact_deleted_before_the_first_look_ends_its_pair_as_the_policy_says(
    make_world: Any, order: tuple[str, str], deletes: str, run: str
) -> None:
    org = leads_first(make_world, *order, deletes=deletes)
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.f.delete(contact)
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "severed"}
    assert (s in {one["id"] for one in org.s.records()}) is (deletes == "unlink")
    org.settled()
    assert not row_of(org, "contacts", s).dirty
    assert "ann@example.com" not in [one.get("Email") for one in org.all_f("Lead")]


def test_a_contact_restored_after_that_goes_on(org: World) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.f.delete(contact)
    org.once()
    org.f.restore(contact)
    org.edit_s(s, first_name="Anne")
    assert org.full().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.f_of(contact)["FirstName"] == "Anne"
    org.settled()


def test_a_contact_that_nothing_shows_and_nothing_proves_deleted_is_held(org: World) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.switch_f(invisible_ids=(contact,))
    ran = org.once()
    assert ran.exit is Exit.PERSON
    assert org.held() == [("refused", "")]
    (hold,) = org.holds()
    assert (hold.connection, hold.salespulse_id, hold.crm_id) == ("contacts", s, contact)
    assert "nothing proves it deleted" in hold.message
    assert not row_of(org, "contacts", s).dirty, "it is not asked for again in every run"
    for again in (org.once(), org.full()):
        assert (again.exit, again.writes) == (Exit.DONE, 0), again.asked
    assert org.held() == [("refused", "")]
    org.edit_s(s, first_name="Anne")
    org.switch_f(invisible_ids=())
    assert org.full().exit is Exit.DONE
    assert (org.f_of(contact)["FirstName"], org.held()) == ("Anne", [])
    org.settled()


def test_a_contact_that_was_never_seen_rests_when_its_other_half_is_deleted(org: World) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.switch_f(invisible_ids=(contact,))
    org.once()
    org.s.delete_contact(s)
    assert org.once().exit is Exit.DONE
    assert (of_ann(org, "contacts", s), org.held()) == ({contact: "severed"}, [])
    org.settled()


def test_a_contact_that_was_deleted_for_good_before_the_first_look_ends_its_pair(org: World) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.f.purge(contact)
    assert org.once().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "severed"}
    org.settled()
    assert s in {one["id"] for one in org.s.records()}


# ---- the contacts rest


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_the_pair_waits_for_a_connection_for_contacts_that_is_disabled(make_world: Any, order: tuple[str, str]) -> None:
    org = leads_first(make_world, *order)
    s, lead = linked_lead(org)
    org.configure("contacts", enabled=False)
    contact = org.convert(lead)
    assert org.once().exit is Exit.DONE
    assert of_ann(org, "contacts", s) == {}
    assert of_ann(org, "leads", s) == {lead: "frozen"}
    assert row_of(org, "leads", s).reason == "converted"
    org.configure("contacts", enabled=True)
    assert org.once().exit is Exit.DONE, org.holds()
    assert of_ann(org, "leads", s) == {lead: "moved"}
    assert of_ann(org, "contacts", s) == {contact: "active"}
    org.settled()


@pytest.mark.parametrize("purged", [False, True])
def test_whoever_is_linked_in_a_connection_that_left_the_config_is_not_made_a_lead(org: World, purged: bool) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.once()
    org.settled()
    kept = org.options.pop("contacts")
    if purged:
        org.f.delete(lead, kind="Lead")
    org.edit_s(s, email="ann2@example.com")
    assert org.full().exit is Exit.DONE, org.holds()
    org.settled()
    assert [one["Email"] for one in org.all_f("Lead")] == ["zoe@example.com"], "neither Ann nor Yan"
    org.options["contacts"] = kept
    assert org.full().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.f_of(contact)["Email"] == "ann2@example.com"
    org.settled()


def test_a_connection_of_another_name_takes_the_place_of_one_for_the_same_object(make_world: Any) -> None:
    portal = make_world("hubspot")
    pair = portal.ann()
    portal.settled()
    for things in (portal.options, portal.portals, portal.recorded, portal.running):
        things["renamed"] = things["hubspot"]
    portal.options.pop("hubspot")
    assert portal.full().exit is Exit.DONE, portal.holds()
    assert portal.links("renamed") == {pair: "active"}


# ---- what the lead showed, and what the contact shows


def test_a_value_that_was_typed_into_the_lead_and_not_carried_over_is_in_the_ledger(org: World) -> None:
    s, lead = linked_lead(org, Product_Interest__c="Term Life", Phone="305-555-1234")
    org.edit_f(lead, kind="Lead", Product_Interest__c="Whole Life", FirstName="Anne")
    contact = org.convert(lead)
    org.f.edit(contact, {"Product_Interest__c": "", "Phone": ""})
    assert org.once().exit is Exit.DONE
    assert org.s_of(s)["first_name"] == "Anne", "this one was carried over"
    (line,) = org.ledger(lost=True)
    assert (line.connection, line.side, line.crm_id, line.field) == ("contacts", "crm", contact, "Product_Interest__c")
    assert (line.before, line.by) == ('"Whole Life"', "conversion")
    assert lead in line.reason
    org.settled()
    assert len(org.ledger(lost=True)) == 1


def test_older_values_of_a_contact_that_was_there_before_do_not_pass_for_edits(org: World) -> None:
    s, lead = linked_lead(org, Phone="305-555-1234")
    known = org.in_f(
        "Contact", FirstName="Annie", LastName="Lee", Email="ann.private@example.com", Phone="305-555-9999"
    )
    org.configure("contacts", first_sync=["salespulse"])
    org.once()
    org.clock.advance(3600)
    org.convert(lead, known)
    assert org.once().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {known: "active"}
    shown = org.s_of(s)
    assert (shown["first_name"], shown["phone"], shown["email"]) == ("Ann", "+13055551234", "ann@example.com")
    lost = {(row.field, row.before) for row in org.ledger(lost=True)}
    assert ("FirstName", '"Annie"') in lost
    org.settled()
