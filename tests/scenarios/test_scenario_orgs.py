"""Contacts and leads of one Salesforce org: one budget, one link a person, and nobody made a second time."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.config.load import load
from syncd.cycle import budgets
from syncd.errors import ConfigError
from syncd.exits import Exit
from syncd.registry import kinds
from tests.scenarios.world import World

ORDERS = [("contacts", "leads"), ("leads", "contacts")]


def org_of(make_world: Any, order: tuple[str, ...], creator: str = "contacts", **more: Any) -> World:
    """A world with these connections on one org, of which one may create there."""
    made: World = make_world(*order, **more)
    for name in made.options:
        if name in ("contacts", "leads"):
            made.configure(name, create="both" if name == creator else "salespulse")
    return made


@pytest.fixture(params=ORDERS, ids="-".join)
def org(request: pytest.FixtureRequest, make_world: Any) -> World:
    """Contacts and leads, in either order; contacts are created, leads are not."""
    return org_of(make_world, request.param)


def bob(**values: Any) -> dict[str, Any]:
    return {"FirstName": "Bob", "LastName": "Q", "Email": "bob@example.com", **values}


# ---- one person, one record


@pytest.mark.parametrize("run", ["full", "once"])
def test_somebody_who_is_a_lead_is_linked_to_it_and_not_made_a_contact(org: World, run: str) -> None:
    org.full()
    lead = org.in_f("Lead", **bob())
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE, org.holds()
    assert org.links("leads") == {(s, lead): "active"}
    assert org.links("contacts") == {}
    assert org.all_f("Contact") == []
    org.settled()
    assert (len(org.s.records()), len(org.all_f("Lead")), org.all_f("Contact")) == (1, 1, [])


def test_nobody_is_made_a_contact_before_the_leads_were_listed(org: World) -> None:
    lead = org.in_f("Lead", **bob())
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    new = org.in_s(first_name="Mia", last_name="Q", email="mia@example.com", stage="New Lead")
    alone = org.full("contacts")
    assert org.all_f("Contact") == []
    assert alone.said.count("2 records are not created in Salesforce yet: leads") == 1
    assert org.full().exit is Exit.DONE, org.holds()
    assert org.links("leads") == {(s, lead): "active"}
    assert [pair[0] for pair in org.links("contacts")] == [new]
    org.settled()


def test_a_connection_for_leads_that_is_switched_off_is_not_waited_for(org: World) -> None:
    org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    org.configure("leads", enabled=False)
    org.full("contacts")
    assert len(org.all_f("Contact")) == 1


def test_somebody_new_in_salespulse_is_made_once_in_the_org(org: World) -> None:
    org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    assert org.full().exit is Exit.DONE
    assert (len(org.all_f("Contact")), org.all_f("Lead")) == (1, [])
    org.settled()


def test_a_family_that_shares_a_phone_with_a_lead_is_still_made(org: World) -> None:
    org.in_f("Lead", FirstName="Bob", LastName="Q", Email="bob@example.com", Phone="305-555-1234")
    org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", phone="+13055551234", stage="New Lead")
    org.in_s(first_name="Mia", last_name="Q", email="mia@example.com", phone="+13055551234", stage="New Lead")
    assert org.full().exit is Exit.DONE, org.holds()
    assert [one["FirstName"] for one in org.all_f("Contact")] == ["Mia"]
    org.settled()


def test_an_office_phone_that_many_leads_share_is_no_key_for_contacts_either(org: World) -> None:
    for number in range(6):
        org.in_f("Lead", FirstName=f"P{number}", LastName="Q", Email=f"p{number}@example.com", Phone="305-555-0100")
    org.in_s(first_name="P1", last_name="Q", email="p1.private@example.com", phone="+13055550100", stage="New Lead")
    org.full()
    assert len(org.all_f("Contact")) == 1
    assert org.held() == []


def test_a_new_lead_and_a_new_contact_of_one_person_make_one_contact_in_salespulse(org: World) -> None:
    org.in_f("Lead", **bob())
    org.in_f("Contact", **bob())
    ran = org.full()
    assert ran.exit is Exit.PERSON
    assert len(org.s.records()) == 1
    assert len(org.links("contacts")) + len(org.links("leads")) == 1
    assert [reason for reason, _ in org.held()] == ["ambiguous"]
    for again in (org.full(), org.once()):
        assert (again.exit, again.writes) == (Exit.DONE, 0), again.asked
    assert len(org.s.records()) == 1


def test_somebody_who_is_a_lead_and_a_contact_is_linked_once_and_the_other_is_reported(org: World) -> None:
    org.in_f("Lead", **bob())
    org.in_f("Contact", **bob())
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    ran = org.full()
    assert ran.exit is Exit.PERSON
    active = [pair for name in ("contacts", "leads") for pair in org.links(name)]
    assert [pair[0] for pair in active] == [s]
    (hold,) = org.holds()
    assert hold.reason == "ambiguous"
    assert "linked already" in hold.message
    for again in (org.full(), org.once()):
        assert (again.exit, again.writes) == (Exit.DONE, 0), again.asked
    assert (len(org.s.records()), len(org.all_f("Contact")), len(org.all_f("Lead"))) == (1, 1, 1)


def test_two_leads_of_one_address_are_held_and_no_contact_is_made_of_it(org: World) -> None:
    org.in_f("Lead", **bob())
    org.in_f("Lead", **bob(FirstName="Rob"))
    org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    org.full()
    assert [reason for reason, _ in org.held()] == ["ambiguous"]
    assert org.all_f("Contact") == []
    assert org.full().writes == 0


def test_a_lead_that_carries_the_id_of_a_contact_is_its_half_although_nothing_else_tells(org: World) -> None:
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    lead = org.in_f("Lead", FirstName="Bob", LastName="Q", Email="other@example.com", SalesPulse_Id__c=s)
    org.full()
    assert org.links("leads") == {(s, lead): "active"}
    assert org.all_f("Contact") == []


def test_whoever_was_deleted_as_a_lead_is_not_made_a_contact(make_world: Any) -> None:
    org = org_of(make_world, ("contacts", "leads"), deletes="unlink")
    org.in_f("Lead", LastName="Stays", Email="stays@example.com")
    lead = org.in_f("Lead", **bob())
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    org.full()
    org.f.delete(lead, kind="Lead")
    assert org.full().exit is Exit.DONE
    assert org.links("leads")[s, lead] == "severed"
    org.settled()
    assert org.all_f("Contact") == [], "who was deleted in the org is not made there again"


def test_a_lead_reaches_hubspot_through_salespulse_in_one_run(make_world: Any) -> None:
    made = org_of(make_world, ("hubspot", "contacts", "leads"))
    made.full()
    made.in_f("Lead", **bob(Status="Working - Contacted"))
    made.in_c(firstname="Cy", lastname="Hub", email="cy@example.com", lifecyclestage="lead")
    assert made.full().exit is Exit.DONE, made.holds()
    assert sorted(one["first_name"] for one in made.s.records()) == ["Bob", "Cy"]
    assert sorted(one["firstname"] for one in made.c.records()) == ["Bob", "Cy"]
    assert [one["FirstName"] for one in made.all_f("Contact")] == ["Cy"]
    assert [one["FirstName"] for one in made.all_f("Lead")] == ["Bob"]
    made.settled()


# ---- what a config may say


def refused(world: World) -> str:
    with pytest.raises(ConfigError) as refusal:
        load(world.write_config(), need_secrets=True, kinds=kinds(), environ={})
    return str(refusal.value)


def test_two_connections_that_may_both_create_in_one_org_are_a_config_error(make_world: Any) -> None:
    org = make_world("contacts", "leads")
    org.configure("leads", create="both")
    said = refused(org)
    assert "connections.leads" in said
    assert 'create = "salespulse" or create = "none"' in said
    assert org.running["salesforce"].harness.stats.requests.total() == 0


def test_two_shares_of_one_orgs_budget_are_a_config_error(make_world: Any) -> None:
    org = make_world("contacts", "leads")
    org.configure("leads", settings={"daily_request_share": 0.3})
    assert "daily_request_share" in refused(org)


def test_both_connections_draw_on_one_budget_that_lasts_longer_than_a_run(make_world: Any) -> None:
    org = org_of(make_world, ("contacts", "leads"))
    for run in (org.full, org.once, org.once):
        run()
        config = load(org.write_config(), need_secrets=True, kinds=kinds(), environ={})
        (account,) = {one.account for one in config.connections}
        remembered = budgets.spent(org.database, account, org.clock)
        asked = org.running["salesforce"].harness.stats.requests.total()
        assert sum(len(pool.ago) for pool in remembered.values()) == asked > 0


def test_a_share_that_is_used_up_stops_the_connections_of_the_org_and_only_those(make_world: Any) -> None:
    """A tenth of 400 requests a day."""
    made = org_of(make_world, ("hubspot", "contacts", "leads"), org={"daily_limit": 400})
    for name in ("contacts", "leads"):
        made.configure(name, settings={"daily_request_share": 0.1})
    made.full()
    for _ in range(20):
        ran = made.once()
        if ran.exit is not Exit.DONE:
            break
    assert ran.exit is Exit.REMOTE
    assert made.f.usage.used <= 40
    assert "request limit" in ran.of("contacts")["stopped"]
    assert ran.of("hubspot")["stopped"] is None
    made.clock.advance(86_400)
    assert made.once().exit is Exit.DONE


def test_an_org_is_asked_for_one_token_by_each_connection_in_a_run(make_world: Any) -> None:
    org = org_of(make_world, ("contacts", "leads"))
    org.full()
    requests = org.running["salesforce"].harness.stats.requests
    requests.clear()
    org.once()
    assert 1 <= requests["POST /oauth2/token"] <= 2


# ---- values that are made up


def test_the_company_and_last_name_that_a_lead_must_have_are_never_copied_back(make_world: Any) -> None:
    org: World = make_world("hubspot", "leads")
    s = org.in_s(first_name="Bob", email="bob@example.com", stage="New Lead")
    org.full()
    (lead,) = org.all_f("Lead")
    assert (lead["Company"], lead["LastName"]) == ("Individual", "Unknown")
    org.settled()
    assert not org.s_of(s).get("last_name")
    assert "lastname" not in org.c.records()[0]
    org.edit_s(s, phone="+13055551234")
    org.once()
    org.settled()
    assert not org.s_of(s).get("last_name")
    org.edit_s(s, last_name="Q")
    org.once()
    assert org.f_of(lead["id"], "Lead")["LastName"] == "Q"
    org.settled()


def test_a_last_name_that_a_person_types_over_the_made_up_one_travels(make_world: Any) -> None:
    org: World = make_world("hubspot", "contacts")
    s = org.in_s(first_name="Bob", email="bob@example.com", stage="New Lead")
    org.full()
    (contact,) = org.all_f()
    assert contact["LastName"] == "Unknown"
    org.edit_f(contact["id"], LastName="Q")
    org.once()
    assert org.s_of(s)["last_name"] == org.c.records()[0]["lastname"] == "Q"
    org.settled()


# ---- stages


def test_a_stage_outside_the_table_is_left_alone(make_world: Any) -> None:
    org: World = make_world("contacts")
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="Contacted")
    org.full()
    (contact,) = org.all_f()
    assert contact["SalesPulse_Stage__c"] == "Contacted"
    org.edit_f(contact["id"], SalesPulse_Stage__c="Recycled", FirstName="Robert")
    ran = org.once()
    assert ran.exit is Exit.DONE
    assert ran.of("contacts")["unmapped"] >= 1
    assert (org.s_of(s)["stage"], org.s_of(s)["first_name"]) == ("Contacted", "Robert")
    assert org.f_of(contact["id"])["SalesPulse_Stage__c"] == "Recycled"
    org.settled()


def test_the_status_of_a_lead_follows_the_stage_but_never_into_a_converted_one(make_world: Any) -> None:
    org: World = make_world("leads")
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="Contacted")
    org.full()
    (lead,) = org.all_f("Lead")
    assert lead["Status"] == "Working - Contacted"
    org.edit_s(s, stage="Sold")
    assert org.once().exit is Exit.DONE
    assert org.f_of(lead["id"], "Lead")["Status"] == "Working - Contacted", "a person converts a lead who buys"
    org.edit_f(lead["id"], "Lead", Status="Closed - Not Converted")
    assert org.once().exit is Exit.DONE
    assert org.s_of(s)["stage"] == "Sold"
    org.settled()


# ---- who does not take part


def test_person_accounts_are_left_out_said_so_and_not_doubled(make_world: Any) -> None:
    org: World = make_world("contacts", org={"person_accounts": True})
    person = org.in_f("Account", FirstName="Bob", LastName="Q", PersonEmail="bob@example.com")
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    plain = org.in_f(FirstName="Cy", LastName="Force", Email="cy@example.com")
    ran = org.full()
    assert ran.exit is Exit.DONE, org.holds()
    assert "person account" in ran.said
    assert {pair[1] for pair in org.links("contacts")} == {plain}
    assert len(org.all_f()) == 2, (person, s)
    org.edit_s(s, last_name="Left")
    org.settled()
    assert {one["first_name"] for one in org.s.records()} == {"Bob", "Cy"}
