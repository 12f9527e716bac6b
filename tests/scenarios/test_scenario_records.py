"""Records without another half: linked, created, or held, through whole passes (worked cases 40 to 48, 61, 62)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.salespulse.dialect import Dialect, ErrorDetail
from tests.scenarios.world import World


def test_a_new_contact_is_created_in_the_crm_and_carries_its_id(world: World) -> None:
    s = world.in_s(first_name="Ann", email="ann@example.com", phone="+13055551234", state="FL", stage="New Lead")
    ran = world.full()
    assert ran.exit is Exit.DONE
    (made,) = world.c.records()
    assert made["salespulse_id"] == s
    assert (made["firstname"], made["email"], made["phone"]) == ("Ann", "ann@example.com", "+13055551234")
    assert ran.of()["created"] == {"salespulse": 0, "crm": 1}
    assert world.links() == {(s, made["id"]): "active"}
    world.settled()


def test_a_contact_without_a_key_is_created_where_the_id_property_finds_it_again(world: World) -> None:
    s = world.in_s(first_name="Nameless", stage="New Lead")
    assert world.full().exit is Exit.DONE
    assert [record["salespulse_id"] for record in world.c.records()] == [s]
    assert world.settled().of()["created"] == {"salespulse": 0, "crm": 0}


def test_without_an_id_property_a_contact_without_a_key_is_held(make_world: Any) -> None:
    world = make_world(hubspot={"id_property": False})
    world.in_s(first_name="Nameless", stage="New Lead")
    world.in_s(first_name="Ann", email="ann@example.com", stage="New Lead")
    assert world.full().exit is Exit.PERSON
    assert world.held() == [("no_key", "")]
    assert [record["firstname"] for record in world.c.records()] == ["Ann"]
    world.settled()


def test_a_new_crm_record_is_created_in_salespulse_and_gets_the_id_property(world: World) -> None:
    c = world.in_c(firstname="Ann", email="ann@example.com", phone="(305) 555-1234", lifecyclestage="customer")
    world.full()
    (made,) = world.s.records()
    assert (made["first_name"], made["email"], made["phone"], made["stage"]) == (
        "Ann",
        "ann@example.com",
        "+13055551234",
        "Sold",
    )
    assert world.c_of(c)["salespulse_id"] == made["id"]
    world.settled()


def test_the_case_of_an_address_makes_no_difference(world: World) -> None:
    s = world.in_s(first_name="Ann", email="Ann@Example.com", stage="New Lead")
    c = world.in_c(firstname="Ann", email="ann@example.com", lifecyclestage="lead")
    ran = world.full()
    assert world.links() == {(s, c): "active"}
    assert ran.of()["created"] == {"salespulse": 0, "crm": 0}
    assert world.s_of(s)["email"] == "Ann@Example.com"


def test_a_shared_phone_links_two_records_whose_names_agree(world: World) -> None:
    s = world.in_s(first_name="Ann", last_name="Lee", phone="+13055551234", email="one@example.com")
    c = world.in_c(firstname="Ann", lastname="Lee", phone="305-555-1234", email="two@example.com")
    world.full()
    assert world.links() == {(s, c): "active"}
    world.settled()


def test_a_household_is_not_linked_and_each_is_created_by_a_key_of_its_own(world: World) -> None:
    s = world.in_s(first_name="Ann", last_name="Lee", phone="+13055551234", email="ann@example.com")
    c = world.in_c(firstname="Bob", lastname="Lee", phone="305-555-1234", email="bob@example.com")
    assert world.full().exit is Exit.DONE
    assert len(world.links()) == 2
    assert (s, c) not in world.links()
    assert (len(world.s.records()), len(world.c.records())) == (2, 2)
    world.settled()


def test_a_household_with_one_phone_and_no_other_key_is_held(world: World) -> None:
    world.in_s(first_name="Ann", last_name="Lee", phone="+13055551234")
    c = world.in_c(firstname="Bob", lastname="Lee", phone="305-555-1234")
    assert world.full().exit is Exit.PERSON
    assert {reason for reason, _ in world.held()} == {"names_differ"}
    assert (len(world.s.records()), len(world.c.records())) == (1, 1)
    assert world.full().exit is Exit.DONE
    world.edit_c(c, firstname="Ann")
    assert world.once().exit is Exit.DONE
    assert (world.held(), len(world.links())) == ([], 1)


def test_two_candidates_are_held_and_none_of_the_three_is_created(world: World) -> None:
    s = world.in_s(first_name="Ann", last_name="Lee", phone="+13055551234", email="ann@example.com")
    first = world.in_c(firstname="Ann", lastname="Lee", phone="305-555-1234")
    second = world.in_c(firstname="Ann", lastname="Lee", phone="(305) 555-1234", email="lee@example.com")
    ran = world.full()
    assert ran.exit is Exit.PERSON
    assert ran.writes == 0
    assert world.held() == [("ambiguous", "")]
    assert world.full().exit is Exit.DONE
    # A person tidies up: the cause is gone.
    world.edit_c(second, phone="305-555-9999")
    world.settled()
    assert world.held() == []
    assert world.links()[s, first] == "active"


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_an_ambiguous_record_is_judged_again_as_soon_as_a_candidate_is_out_of_the_way(world: World, how: str) -> None:
    s = world.in_s(first_name="Ann", last_name="Lee", phone="+13055551234", email="ann@example.com")
    first = world.in_c(firstname="Ann", lastname="Lee", phone="305-555-1234")
    second = world.in_c(firstname="Ann", lastname="Lee", phone="(305) 555-1234", email="lee@example.com")
    world.full()
    assert world.held() == [("ambiguous", "")]
    if how == "edited":
        world.edit_c(second, phone="305-555-9999")
    else:
        world.c.archive(second)
        world.clock.advance(25 * 3600)  # an incremental run sees it with its next listing
    assert world.once().exit is Exit.DONE
    assert world.held() == []
    assert world.links()[s, first] == "active"


def test_a_secondary_address_links_and_both_addresses_stay(world: World) -> None:
    s = world.in_s(first_name="Ann", last_name="Lee", email="second@example.com", stage="New Lead")
    c = world.in_c(firstname="Ann", lastname="Lee", email="first@example.com", lifecyclestage="lead")
    world.c.add_secondary(c, "second@example.com")
    assert world.full().exit is Exit.DONE
    assert world.links() == {(s, c): "active"}
    assert (world.s_of(s)["email"], world.c_of(c)["email"]) == ("second@example.com", "first@example.com")
    world.settled()


def test_a_number_that_six_records_carry_is_no_key(world: World) -> None:
    for number in range(6):
        world.in_s(first_name="Office", last_name=f"N{number}", phone="+13055550100", email=f"s{number}@example.com")
    c = world.in_c(firstname="Office", lastname="N1", phone="305-555-0100", email="other@example.com")
    assert world.full().exit is Exit.DONE
    assert len(world.links()) == 7
    assert c not in {crm for (_, crm) in world.links() if world.c_of(crm)["email"] != "other@example.com"}
    world.settled()


@pytest.mark.parametrize(
    ("create", "in_s", "in_c"), [("both", 2, 2), ("crm", 1, 2), ("salespulse", 2, 1), ("none", 1, 1)]
)
def test_create_says_where_new_records_may_be_made(make_world: Any, create: str, in_s: int, in_c: int) -> None:
    world = make_world(create=create)
    world.in_s(first_name="Ann", email="ann@example.com")
    world.in_c(firstname="Bob", email="bob@example.com")
    assert world.full().exit is Exit.DONE
    assert (len(world.s.records()), len(world.c.records())) == (in_s, in_c)
    world.settled()


@pytest.mark.parametrize(("direction", "in_s", "in_c"), [("to_crm", 1, 2), ("to_salespulse", 2, 1)])
def test_a_one_way_connection_creates_and_writes_on_one_side_only(
    make_world: Any, direction: str, in_s: int, in_c: int
) -> None:
    world = make_world(direction=direction)
    s, c = world.ann()
    world.edit_s(s, first_name="Left")
    world.edit_c(c, lastname="Right")
    quiet = "salespulse" if direction == "to_crm" else "hubspot"
    ran = world.once()
    assert ran.written[quiet] == []
    world.in_s(first_name="Dan", email="dan@example.com")
    world.in_c(firstname="Bob", email="bob@example.com")
    ran = world.full()
    assert ran.written[quiet] == []
    assert (len(world.s.records()) - 1, len(world.c.records()) - 1) == (in_s, in_c)
    assert world.settled().written[quiet] == []


def test_defaults_for_new_records_count_as_blank_and_are_never_copied_back(world: World) -> None:
    status = '[[fields]]\nsalespulse = "lead_status"\ncrm = "hs_lead_status"\n'
    defaults = '[create]\ncrm = { hs_lead_status = "NEW" }\n'
    world.mapping = world.mapping.replace("[stage]\n", f"{status}\n{defaults}\n[stage]\n", 1)
    s = world.in_s(first_name="Ann", email="ann@example.com")
    other = world.in_s(first_name="Bob", email="bob@example.com", lead_status="CONNECTED")
    world.full()
    by_id = {record["salespulse_id"]: record for record in world.c.records()}
    assert (by_id[s]["hs_lead_status"], by_id[other]["hs_lead_status"]) == ("NEW", "CONNECTED")
    world.settled()
    assert "lead_status" not in world.s_of(s)
    world.edit_c(by_id[s]["id"], hs_lead_status="OPEN")
    world.once()
    assert world.s_of(s)["lead_status"] == "OPEN"
    world.settled()


def test_one_refused_record_of_a_batch_stops_only_itself(world: World) -> None:
    pairs = world.fill(20)
    world.full()
    bad = pairs[7]
    for s, _ in pairs:
        world.edit_s(s, last_name="Bad" if s == bad[0] else "Good")
    # The whole batch is refused as long as it holds the bad one, and the answer names nobody.
    body = {"status": "error", "message": "no", "category": "VALIDATION_ERROR"}
    world.fault("hubspot", action="status", path="/batch/update", body_has='"Bad"', status=400, times=None, body=body)
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert [world.c_of(c)["lastname"] for _, c in pairs].count("Good") == 19
    assert world.c_of(bad[1])["lastname"] == "Q"
    (hold,) = world.holds()
    assert (hold.reason, hold.crm_id) == ("refused", bad[1])
    assert world.full().writes == 0, "it is not tried again while nothing changed"
    world.mend()
    assert world.full().writes == 0
    world.edit_s(bad[0], last_name="Better")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.c_of(bad[1])["lastname"]) == ([], "Better")


def test_a_refused_record_is_tried_again_when_the_mapping_changes(world: World) -> None:
    pairs = world.fill(3)
    world.full()
    body = {"status": "error", "message": "no", "category": "VALIDATION_ERROR"}
    world.fault("hubspot", action="status", path="/batch/update", status=400, times=None, body=body)
    world.edit_s(pairs[0][0], last_name="Bad")
    assert world.once().exit is Exit.PERSON
    world.mend()
    assert world.full().writes == 0
    world.mapping = world.mapping.replace('as = "us_state"', 'as = "text"')
    assert world.full().exit is Exit.DONE
    assert (world.held(), world.c_of(pairs[0][1])["lastname"]) == ([], "Bad")


@pytest.mark.parametrize("detail", ["none", "fields", "details"])
def test_a_contact_that_salespulse_refuses_stops_only_itself(make_world: Any, detail: str) -> None:
    world = make_world(dialect=Dialect(error_detail=ErrorDetail(detail)))
    pairs = world.fill(3)
    world.full()
    world.edit_c(pairs[0][1], firstname="x" * 600, lastname="Right")
    world.edit_c(pairs[1][1], firstname="Fine")
    ran = world.once()
    assert ran.exit is Exit.PERSON
    assert world.s_of(pairs[1][0])["first_name"] == "Fine"
    here = world.s_of(pairs[0][0])
    assert (here["first_name"], here["last_name"]) == ("P0", "Right"), "also without names it finds out which"
    assert world.held() == [("refused", "first_name")]
    assert world.full().writes == 0
    world.edit_c(pairs[0][1], firstname="Short")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.s_of(pairs[0][0])["first_name"]) == ([], "Short")
    world.settled()


def test_a_create_that_is_refused_is_held_and_tried_again_when_the_record_changes(world: World) -> None:
    good = world.in_c(firstname="Ann", email="ann@example.com")
    bad = world.in_c(firstname="Bob", email="bob@example.com")
    body = {"error": {"code": "INVALID", "message": "no"}}
    world.fault("salespulse", action="status", path="/contacts", body_has='"Bob"', status=422, times=None, body=body)
    ran = world.full()
    assert ran.exit is Exit.PERSON
    assert [one["first_name"] for one in world.s.records()] == ["Ann"]
    assert world.held() == [("refused", "")]
    again = world.full()
    assert (again.writes, again.exit) == (0, Exit.DONE)
    world.mend()
    assert world.full().writes == 0, "it is tried again when the record or the mapping changes"
    world.edit_c(bad, firstname="Bobby")
    assert world.once().exit is Exit.DONE
    assert world.held() == []
    assert {crm for _, crm in world.links()} == {good, bad}
    world.settled()


def test_a_new_record_with_one_refused_field_is_created_without_it(world: World) -> None:
    c = world.in_c(firstname="x" * 600, lastname="Long", email="long@example.com")
    assert world.full().exit is Exit.PERSON
    (made,) = world.s.records()
    assert (made["last_name"], "first_name" in made) == ("Long", False)
    assert world.held() == [("refused", "first_name")]
    again = world.full()
    assert (again.writes, again.exit) == (0, Exit.DONE)
    world.edit_c(c, firstname="Ann")
    assert world.once().exit is Exit.DONE
    assert (world.held(), world.s_of(made["id"])["first_name"]) == ([], "Ann")
    world.settled()


def test_a_lost_state_is_built_again_without_a_write(world: World) -> None:
    world.fill(8)
    s = world.in_s(first_name="Nameless", stage="New Lead")
    world.full()
    before = world.links()
    assert len(before) == 9
    world.forget()
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    assert world.links() == before
    assert s in {contact for contact, _ in before}


def test_a_token_field_carries_the_crm_id_and_lets_a_record_without_a_key_be_created(make_world: Any) -> None:
    world = make_world(salespulse={"token_field": "crm_id"})
    c = world.in_c(firstname="Nobody", lastname="Known")
    s = world.in_s(first_name="Ann", email="ann@example.com", stage="New Lead")
    world.in_c(firstname="Ann", email="ann@example.com", lifecyclestage="lead")
    assert world.full().exit is Exit.DONE
    assert world.s_of(s).get("crm_id") is None, "filling it in afterwards would cost a request a contact"
    assert c in {one.get("crm_id") for one in world.s.records()}
    world.settled()
