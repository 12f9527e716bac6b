"""Which of two edits was the newer, with three systems: a person's edit has a time, syncd's own write has none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.test_scenario_conversions import leads_first, linked_lead
from tests.scenarios.test_scenario_hub import everywhere, values
from tests.scenarios.world import MAPPINGS, World

ORDERS = (("hubspot", "contacts"), ("contacts", "hubspot"))
MINUTE = 60.0
in_both_orders = pytest.mark.parametrize("order", ORDERS, ids="-".join)


def of_one(three: World, s: str, c: str, f: str) -> tuple[Any, Any, Any]:
    """One field of the one person who is in all three systems, under each system's name for it."""
    return three.s.records()[0].get(s), three.c.records()[0].get(c), three.all_f()[0].get(f)


def test_a_field_that_another_edit_of_its_record_followed_is_as_old_as_hubspot_s_history_has_it(world: World) -> None:
    s, c = world.ann()
    world.edit_c(c, lastname="Hub")
    world.clock.advance(MINUTE)
    world.edit_s(s, last_name="Mine")
    world.clock.advance(MINUTE)
    world.edit_c(c, phone="+13055551234")
    world.once()
    assert (world.s_of(s)["last_name"], world.c_of(c)["lastname"]) == ("Mine", "Mine")
    world.settled()


@in_both_orders
def test_so_it_is_where_it_has_come_through_salespulse(make_world: Any, order: tuple[str, str]) -> None:
    three: World = make_world(*order)
    ids = everywhere(three)
    three.edit_c(ids[1], lastname="Hub")
    three.clock.advance(MINUTE)
    three.edit_f(ids[2], LastName="Force")
    three.clock.advance(MINUTE)
    three.edit_c(ids[1], phone="+13055551234")
    three.once()
    three.settled()
    assert {row[1] for row in values(three, ids)} == {"Force"}


@in_both_orders
def test_the_later_edit_in_hubspot_wins_over_one_in_salesforce(make_world: Any, order: tuple[str, str]) -> None:
    three: World = make_world(*order)
    ids = everywhere(three)
    three.edit_f(ids[2], LastName="Force")
    three.clock.advance(MINUTE)
    three.edit_c(ids[1], lastname="Hub")
    three.once()
    three.settled()
    assert {row[1] for row in values(three, ids)} == {"Hub"}


@in_both_orders
def test_a_first_sync_carries_the_newest_of_three_values_everywhere(make_world: Any, order: tuple[str, str]) -> None:
    three: World = make_world(*order)
    three.in_s(first_name="Ann", last_name="Mine", email="ann@example.com")
    three.clock.advance(10 * MINUTE)
    three.in_c(firstname="Ann", lastname="Hub", email="ann@example.com")
    three.clock.advance(10 * MINUTE)
    three.in_f(FirstName="Ann", LastName="Force", Email="ann@example.com")
    three.clock.advance(10 * MINUTE)
    three.full()
    three.settled()
    assert of_one(three, "last_name", "lastname", "LastName") == ("Force",) * 3


@in_both_orders
def test_a_value_that_filled_a_blank_is_as_old_as_where_it_came_from(make_world: Any, order: tuple[str, str]) -> None:
    three: World = make_world(*order)
    three.in_s(first_name="Ann", last_name="Lee", email="ann@example.com")
    three.clock.advance(10 * MINUTE)
    three.in_c(firstname="Ann", lastname="Lee", email="ann@example.com", phone="+13055551111")
    three.clock.advance(10 * MINUTE)
    three.in_f(FirstName="Ann", LastName="Lee", Email="ann@example.com", Phone="+13055552222")
    three.clock.advance(10 * MINUTE)
    three.full()
    three.settled()
    assert of_one(three, "phone", "phone", "Phone") == ("+13055552222",) * 3


@in_both_orders
def test_what_syncd_wrote_into_a_contact_makes_its_other_values_no_younger(
    make_world: Any, order: tuple[str, str]
) -> None:
    three: World = make_world(*order)
    three.in_s(first_name="Ann", last_name="Mine", email="ann@example.com")
    three.clock.advance(10 * MINUTE)
    three.in_c(firstname="Ann", lastname="Mine", email="ann@example.com", phone="+13055551234")
    three.clock.advance(10 * MINUTE)
    three.in_f(FirstName="Ann", LastName="Force", Email="ann@example.com", Phone="+13055551234")
    three.clock.advance(10 * MINUTE)
    three.full()
    three.settled()
    assert of_one(three, "last_name", "lastname", "LastName") == ("Force",) * 3


@in_both_orders
def test_a_write_whose_answer_was_lost_passes_for_no_edit_in_the_other_connection(
    make_world: Any, order: tuple[str, str]
) -> None:
    three: World = make_world(*order)
    ids = everywhere(three)
    three.edit_c(ids[1], lastname="Hub")
    three.clock.advance(MINUTE)
    three.edit_f(ids[2], LastName="Force")
    three.clock.advance(MINUTE)
    if order[0] == "contacts":  # HubSpot's round comes to its write of SalesPulse before Salesforce can be read
        three.fault("salesforce", action="drop_before", times=None)

    def dropped(request: Any) -> None:
        if request.method == "PATCH":
            three.fault("salespulse", action="drop_before", times=None)

    three.recorded["salespulse"].before = dropped
    three.fault("salespulse", action="drop_after", method="PATCH", times=1)
    three.once()
    assert three.s_of(ids[0])["last_name"] == "Hub", "the lost answer was that of the write of HubSpot's value"
    three.recorded["salespulse"].before = lambda _request: None
    three.mend()
    three.once()
    three.settled()
    assert {row[1] for row in values(three, ids)} == {"Force"}


@in_both_orders
@pytest.mark.parametrize(("stage", "wins"), [("Sold", "New Lead"), ("Contacted", "Contacted")])
def test_a_stage_that_stands_for_several_gives_way_to_these_alone(
    make_world: Any, order: tuple[str, str], stage: str, wins: str
) -> None:
    three: World = make_world(*order)
    three.in_f(FirstName="Bob", LastName="Q", Email="bob@example.com", SalesPulse_Stage__c=stage)
    three.clock.advance(30 * 24 * 60 * MINUTE)
    three.in_c(firstname="Bob", lastname="Q", email="bob@example.com", lifecyclestage="lead")
    three.clock.advance(10 * MINUTE)
    three.full()
    three.settled()
    assert of_one(three, "stage", "lifecyclestage", "SalesPulse_Stage__c") == (wins, "lead", wins)


def test_the_time_of_a_value_does_not_outlive_a_spell_in_which_the_field_was_not_read(make_world: Any) -> None:
    org: World = make_world("contacts")
    f = org.in_f(FirstName="Ann", LastName="Lee", Email="ann@example.com", Product_Interest__c="Term Life")
    s = org.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", product_interest="term_life")
    org.full()
    org.edit_s(s, product_interest="annuity")
    org.once()
    org.settled()
    packaged = (MAPPINGS / "salesforce-contacts.toml").read_text()
    start = packaged.index('[[fields]]\nsalespulse = "product_interest"')
    org.configure("contacts", mapping=packaged[:start] + packaged[packaged.index("# ---- stage") :])
    org.full()
    org.full()
    org.clock.advance(60 * MINUTE)
    org.edit_f(f, Product_Interest__c="Whole Life")
    org.clock.advance(60 * MINUTE)
    org.edit_s(s, product_interest="final_expense")
    org.options["contacts"].pop("mapping")
    org.full()
    assert org.held() == [("conflict", "product_interest")], "nobody saw when either value came"
    assert org.s_of(s)["product_interest"] == "final_expense"


@in_both_orders
def test_fields_that_a_create_s_answer_left_unread_are_merged_once_they_are_shown(
    make_world: Any, order: tuple[str, str]
) -> None:
    three: World = make_world(*order)
    three.in_s(first_name="Bob", email="bob@example.com", stage="New Lead")
    f = three.in_f(FirstName="Bob", Email="bob@example.com", SalesPulse_Stage__c="New Lead")
    three.in_c(firstname="Zed", email="zed@example.com", lifecyclestage="lead")
    three.full("contacts")
    three.edit_f(f, Product_Interest__c="Whole Life", LastName="Stone", SalesPulse_Stage__c="Sold")
    three.full()
    three.full()
    bob = next(row for row in three.c.records() if row["email"] == "bob@example.com")
    assert (bob.get("lastname"), bob.get("product_interest")) == ("Stone", "Whole Life")
    three.settled()


@pytest.mark.parametrize("order", [("contacts", "leads", "hubspot"), ("hubspot", "leads", "contacts")], ids="-".join)
def test_a_conversion_is_no_late_edit_of_what_was_in_the_lead(make_world: Any, order: tuple[str, ...]) -> None:
    three = leads_first(make_world, *order)
    s, lead = linked_lead(three)
    c = next(crm for mine, crm in three.links("hubspot") if mine == s)
    three.edit_f(lead, kind="Lead", FirstName="Lead")
    three.clock.advance(MINUTE)
    three.edit_c(c, firstname="Hub")
    three.clock.advance(MINUTE)
    contact = three.convert(lead)
    three.once()
    shown = (three.f_of(contact)["FirstName"], three.c_of(c)["firstname"])
    assert shown == ("Lead", "Hub"), "nobody knows which was later"
    assert three.held() == [("conflict", "first_name")]
