"""A person converts a lead: its pair goes on with the contact, or rests, and nobody is lost, doubled or set back."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.wire import Request
from tests.scenarios.world import MAPPINGS, World

RUNS = ("full", "once")
ORDERS = [("contacts", "leads"), ("leads", "contacts")]


@pytest.fixture(params=ORDERS, ids="-".join)
def org(request: pytest.FixtureRequest, make_world: Any) -> World:
    """Leads are created, contacts are what becomes of them; the connections in either order."""
    return leads_first(make_world, *request.param)


def leads_first(make_world: Any, *connections: str, **options: Any) -> World:
    made: World = make_world(*connections, **options)
    made.configure("leads", create="both")
    if "contacts" in connections:
        made.configure("contacts", create="none")
    return made


def linked_lead(org: World, **more: Any) -> tuple[str, str]:
    """Ann Lee in SalesPulse and as a lead, linked and agreed; somebody else is a lead, too."""
    org.in_f("Lead", FirstName="Zoe", LastName="Z", Email="zoe@example.com")
    org.in_f("Contact", FirstName="Yan", LastName="Y", Email="yan@example.com")
    if "contacts" in org.options:
        org.in_s(first_name="Yan", last_name="Y", email="yan@example.com")
    lead = org.in_f("Lead", FirstName="Ann", LastName="Lee", Email="ann@example.com", State="FL", **more)
    s = org.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", state="FL", stage="New Lead")
    org.full()
    assert org.settled().exit is Exit.DONE, org.holds()
    assert org.links("leads")[s, lead] == "active"
    return s, lead


def of_ann(org: World, connection: str, s: str) -> dict[str, str]:
    """Record → state of her link there."""
    return {crm: state for (mine, crm), state in org.links(connection).items() if mine == s}


# ---- with a connection for contacts


@pytest.mark.parametrize("run", RUNS)
def test_the_link_goes_to_the_contact_in_the_same_run(org: World, run: str) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE, org.holds()
    assert of_ann(org, "leads", s) == {lead: "moved"}
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.f_of(contact)["SalesPulse_Id__c"] == s
    assert org.ledger(lost=True) == []
    org.settled()
    assert [one["email"] for one in org.s.records()].count("ann@example.com") == 1
    assert [one.get("Email") for one in org.all_f("Lead")].count("ann@example.com") == 0
    assert [one.get("Email") for one in org.all_f("Contact")].count("ann@example.com") == 1


@pytest.mark.parametrize("run", RUNS)
def test_an_edit_made_before_the_conversion_still_travels_and_nothing_flips_back(org: World, run: str) -> None:
    s, lead = linked_lead(org)
    org.edit_s(s, first_name="Anne", phone="+13055551234")
    contact = org.convert(lead)
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE, org.holds()
    assert (org.s_of(s)["first_name"], org.s_of(s)["phone"]) == ("Anne", "+13055551234")
    shown = org.f_of(contact)
    assert (shown["FirstName"], shown["Phone"], shown["LastName"]) == ("Anne", "+13055551234", "Lee")
    assert org.ledger(lost=True) == [], "the bases came along, so it is no conflict"
    org.settled()


@pytest.mark.parametrize("run", RUNS)
def test_an_edit_of_the_new_contact_in_the_same_minute_travels_too(org: World, run: str) -> None:
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.edit_f(contact, LastName="Lee-Jones")
    org.edit_s(s, first_name="Anne")
    assert getattr(org, run)().exit is Exit.DONE
    assert (org.s_of(s)["first_name"], org.s_of(s)["last_name"]) == ("Anne", "Lee-Jones")
    assert (org.f_of(contact)["FirstName"], org.f_of(contact)["LastName"]) == ("Anne", "Lee-Jones")
    org.settled()


def test_a_field_that_has_another_name_there_keeps_its_base_too(org: World) -> None:
    """State of a lead is MailingState of a contact. The stages are written otherwise, so they never agreed."""
    s, lead = linked_lead(org)
    org.edit_s(s, state="TX")
    contact = org.convert(lead)
    org.once()
    assert org.s_of(s)["state"] == "TX"
    assert org.f_of(contact)["MailingState"] in {"TX", "Texas"}
    assert org.s_of(s)["stage"] == "New Lead"
    org.settled()


@pytest.mark.parametrize("run", RUNS)
def test_what_the_conversion_did_not_carry_over_was_cleared_by_nobody(org: World, run: str) -> None:
    """An administrator has to set up which custom field of a lead goes where; the others end with the lead."""
    s, lead = linked_lead(org, Product_Interest__c="Term Life", Phone="305-555-1234")
    assert (org.s_of(s)["product_interest"], org.s_of(s)["phone"]) == ("term_life", "+13055551234")
    contact = org.convert(lead)
    org.f.edit(contact, {"Product_Interest__c": "", "Phone": ""})
    assert getattr(org, run)().exit is Exit.DONE
    assert (org.s_of(s)["product_interest"], org.s_of(s)["phone"]) == ("term_life", "+13055551234")
    shown = org.f_of(contact)
    assert (shown["Product_Interest__c"], shown["Phone"]) == ("Term Life", "+13055551234")
    org.edit_f(contact, Phone="")
    assert getattr(org, run)().exit is Exit.DONE
    assert not org.s_of(s).get("phone"), "a person has cleared this one"
    org.settled()


@pytest.mark.parametrize("order", ORDERS)
def test_when_the_contacts_are_not_in_this_run_the_pair_goes_on_in_the_next(
    make_world: Any, order: tuple[str, str]
) -> None:
    org = leads_first(make_world, *order)
    s, lead = linked_lead(org)
    org.edit_s(s, first_name="Anne")
    contact = org.convert(lead)
    ran = org.once("leads")
    assert (ran.exit, ran.written["salesforce"], ran.written["salespulse"]) == (Exit.DONE, [], [])
    assert of_ann(org, "leads", s) == {lead: "moved"}
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.once().exit is Exit.DONE
    assert org.f_of(contact)["FirstName"] == "Anne"
    assert org.ledger(lost=True) == []
    org.settled()
    assert len(org.s.records()) == 3


@pytest.mark.parametrize("run", RUNS)
def test_a_converted_lead_that_is_deleted_takes_nobody_along(make_world: Any, run: str) -> None:
    org = leads_first(make_world, "contacts", "leads", deletes="delete")
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    getattr(org, run)()
    org.f.delete(lead, kind="Lead")
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE
    assert sum(ran.of(name)["deleted"]["salespulse"] for name in ("contacts", "leads")) == 0
    assert of_ann(org, "contacts", s) == {contact: "active"}
    org.settled()
    assert org.s_of(s)["first_name"] == "Ann"


@pytest.mark.parametrize("run", RUNS)
def test_a_lead_converted_and_deleted_between_two_runs_takes_nobody_along(make_world: Any, run: str) -> None:
    org = leads_first(make_world, "contacts", "leads", deletes="delete")
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.f.delete(lead, kind="Lead")
    ran = getattr(org, run)()
    assert org.s_of(s)["first_name"] == "Ann", "what is known of the lead in the bin is that it was converted"
    assert sum(ran.of(name)["deleted"]["salespulse"] for name in ("contacts", "leads")) == 0
    assert of_ann(org, "contacts", s) in ({contact: "active"}, {})
    org.settled()


def test_the_contact_of_a_converted_lead_is_deleted_and_the_policy_follows_it(make_world: Any) -> None:
    org = leads_first(make_world, "contacts", "leads", deletes="delete")
    s, lead = linked_lead(org)
    contact = org.convert(lead)
    org.once()
    org.settled()
    org.f.delete(contact)
    ran = org.once()
    assert ran.of("contacts")["deleted"]["salespulse"] == 1
    assert s not in {one["id"] for one in org.s.records()}
    org.settled()


@pytest.mark.parametrize("run", RUNS)
def test_a_lead_converted_into_the_contact_of_somebody_else_is_held(org: World, run: str) -> None:
    s, lead = linked_lead(org)
    yan = next(crm for (_, crm) in org.links("contacts"))
    org.convert(lead, yan)
    ran = getattr(org, run)()
    assert ran.exit is Exit.PERSON
    assert org.held() == [("two_contacts", "")]
    (hold,) = org.holds()
    assert (hold.salespulse_id, hold.crm_id) == (s, yan)
    assert of_ann(org, "leads", s) == {lead: "severed"}
    assert [state for (_, crm), state in org.links("contacts").items() if crm == yan] == ["active"]
    for again in (org.full(), org.once()):
        assert (again.exit, again.writes) == (Exit.DONE, 0), again.asked
    assert s in {one["id"] for one in org.s.records()}


@pytest.mark.parametrize("run", RUNS)
def test_a_lead_converted_into_a_contact_without_a_half_links_it(org: World, run: str) -> None:
    s, lead = linked_lead(org)
    known = org.in_f("Contact", FirstName="Ann", LastName="Lee", Email="ann.private@example.com")
    getattr(org, run)()
    org.convert(lead, known)
    assert getattr(org, run)().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {known: "active"}
    org.settled()


def test_a_plan_shows_what_a_conversion_leads_to_and_changes_nothing(org: World) -> None:
    s, lead = linked_lead(org)
    org.edit_s(s, first_name="Anne")
    contact = org.convert(lead)
    document, planned = org.plan(full=False)
    assert planned.writes == 0
    assert of_ann(org, "leads", s) == {lead: "active"}
    assert of_ann(org, "contacts", s) == {}
    assert contact in str(document["connections"]["contacts"])
    assert org.once().exit is Exit.DONE
    assert org.f_of(contact)["FirstName"] == "Anne"


def test_a_contact_that_is_out_of_scope_rests_until_it_enters_it(make_world: Any) -> None:
    org = leads_first(make_world, "contacts", "leads")
    packaged = (MAPPINGS / "salesforce-contacts.toml").read_text()
    scope = "[scope]\ncrm = \"MailingState = 'GA' OR LastName = 'Y'\"\n\n"
    org.configure("contacts", mapping=packaged.replace("[create]", f"{scope}[create]", 1))
    s, lead = linked_lead(org)
    org.edit_s(s, first_name="Anne")
    contact = org.convert(lead)
    assert org.once().exit is Exit.DONE
    assert of_ann(org, "contacts", s) == {contact: "frozen"}
    org.settled()
    assert org.f_of(contact)["FirstName"] == "Ann"
    assert [one.get("Email") for one in org.all_f("Lead")].count("ann@example.com") == 0
    org.edit_f(contact, MailingState="GA")
    assert org.once().exit is Exit.DONE
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert (org.f_of(contact)["FirstName"], org.s_of(s)["state"]) == ("Anne", "GA")
    assert org.ledger(lost=True) == []
    org.settled()


# ---- races


@pytest.mark.parametrize("order", ORDERS)
def test_a_lead_converted_between_the_look_and_the_write_gets_the_edit_as_a_contact(
    make_world: Any, order: tuple[str, str]
) -> None:
    org = leads_first(make_world, *order)
    s, lead = linked_lead(org)
    org.edit_s(s, first_name="Anne")
    became: list[str] = []

    def convert(request: Request) -> None:
        if request.method == "PATCH" and not became:
            became.append(org.f.convert(lead, "")["contact"])

    org.recorded["salesforce"].before = convert
    ran = org.once()
    org.recorded["salesforce"].before = lambda _request: None
    assert ran.exit is Exit.DONE, org.holds()
    (contact,) = became
    assert of_ann(org, "leads", s) == {lead: "moved"}
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.f_of(contact)["FirstName"] == "Anne", "in the same run"
    assert org.ledger(lost=True) == []
    org.settled()


# ---- without one


@pytest.mark.parametrize("run", RUNS)
def test_without_a_connection_for_contacts_the_pair_rests(make_world: Any, run: str) -> None:
    org = leads_first(make_world, "hubspot", "leads", deletes="delete")
    s, lead = linked_lead(org)
    org.convert(lead)
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE
    assert of_ann(org, "leads", s) == {lead: "frozen"}
    link = next(row for row in org.rows_of_links("leads") if row.crm_id == lead)
    assert link.reason == "converted"
    org.edit_s(s, first_name="Anne")
    for again in (org.once(), org.full()):
        assert again.exit is Exit.DONE
        assert again.written["salesforce"] == []
    assert org.f_of(lead, "Lead")["FirstName"] == "Ann"
    assert len(org.all_f("Lead")) == 1, "she is not created again as a lead"
    org.settled()


def test_a_converted_lead_without_a_connection_for_contacts_is_deleted_and_nobody_with_it(make_world: Any) -> None:
    org = leads_first(make_world, "leads", deletes="delete")
    s, lead = linked_lead(org)
    org.convert(lead)
    org.once()
    org.f.delete(lead, kind="Lead")
    for run in (org.once, org.full):
        assert run().exit is Exit.DONE
    assert s in {one["id"] for one in org.s.records()}
    assert len(org.all_f("Lead")) == 1, "she is not created again as a lead"


@pytest.mark.parametrize("order", ORDERS)
def test_a_connection_for_contacts_that_is_added_later_takes_the_pair_up(
    make_world: Any, order: tuple[str, str]
) -> None:
    org = leads_first(make_world, *order)
    later = org.options.pop("contacts")
    s, lead = linked_lead(org)
    org.edit_s(s, first_name="Anne")
    contact = org.convert(lead)
    org.once()
    assert of_ann(org, "leads", s) == {lead: "frozen"}
    leads = org.options.pop("leads")
    org.options |= (
        {"contacts": later, "leads": leads} if order[0] == "contacts" else {"leads": leads, "contacts": later}
    )
    assert org.full().exit is Exit.DONE, org.holds()
    assert of_ann(org, "leads", s) == {lead: "moved"}
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.f_of(contact)["FirstName"] == org.s_of(s)["first_name"] == "Anne"
    assert org.ledger(lost=True) == []
    org.settled()


@pytest.mark.parametrize("run", RUNS)
def test_a_lead_that_was_converted_before_it_was_known_makes_no_lead_of_its_person(make_world: Any, run: str) -> None:
    org = leads_first(make_world, "leads")
    org.full()
    lead = org.in_f("Lead", FirstName="Ann", LastName="Lee", Email="ann@example.com")
    org.convert(lead)
    org.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", stage="New Lead")
    assert getattr(org, run)().exit is Exit.DONE, org.holds()
    org.settled()
    assert org.all_f("Lead") == []
    assert len(org.s.records()) == 1


@pytest.mark.parametrize("run", RUNS)
def test_a_lead_that_was_converted_before_it_was_known_is_linked_as_a_contact(org: World, run: str) -> None:
    org.full()
    lead = org.in_f("Lead", FirstName="Ann", LastName="Lee", Email="ann@example.com")
    contact = org.convert(lead)
    s = org.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", stage="New Lead")
    assert getattr(org, run)().exit is Exit.DONE, org.holds()
    assert of_ann(org, "contacts", s) == {contact: "active"}
    assert org.all_f("Lead") == []
    org.settled()


def test_hubspot_goes_on_with_somebody_whose_lead_was_converted(make_world: Any) -> None:
    three = leads_first(make_world, "hubspot", "contacts", "leads")
    s, lead = linked_lead(three)
    c = next(crm for (mine, crm) in three.links("hubspot") if mine == s)
    contact = three.convert(lead)
    three.edit_c(c, firstname="Anne")
    assert three.once().exit is Exit.DONE
    assert three.f_of(contact)["FirstName"] == three.s_of(s)["first_name"] == "Anne"
    three.edit_f(contact, LastName="Lee-Jones")
    assert three.once().exit is Exit.DONE
    assert three.c_of(c)["lastname"] == "Lee-Jones"
    three.settled()
