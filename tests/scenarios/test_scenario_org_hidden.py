"""Fields that field-level security hides in an org, and records that sharing hides: nobody is made twice or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.errors import ConfigError
from syncd.exits import Exit
from tests.scenarios.world import World


def test_a_field_that_is_hidden_between_two_runs_causes_no_write(make_world: Any) -> None:
    org: World = make_world("hubspot", "contacts")
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", phone="+13055551234", stage="New Lead")
    org.full()
    org.settled()
    org.switch_f(hidden_fields=("Contact.Phone",))
    for run in (org.once, org.full, org.once):
        ran = run()
        assert ran.writes == 0, ran.asked
    assert org.s_of(s)["phone"] == "+13055551234"
    org.switch_f(hidden_fields=())
    org.full()
    assert org.s_of(s)["phone"] == "+13055551234"
    assert org.all_f()[0]["Phone"] == "+13055551234"
    org.settled()


def hiding(org: World, field: str, *, after: int = 0) -> list[str]:
    """Hide a field of contacts when a run has sent its next query, or some more. What it returns fills with these."""
    asked: list[str] = []

    def hide(request: Any) -> None:
        if "/query" in request.path:
            asked.append(request.path)
            if len(asked) == after + 1:
                org.switch_f(hidden_fields=(f"Contact.{field}",))

    org.recorded["salesforce"].before = hide
    return asked


def test_a_field_that_is_hidden_while_a_run_is_reading_causes_no_write(make_world: Any) -> None:
    org: World = make_world("contacts")
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", state="FL", stage="New Lead")
    org.full()
    org.settled()
    (contact,) = org.all_f()
    org.edit_f(contact["id"], FirstName="Robert")
    asked = hiding(org, "MailingState")
    org.full()
    assert asked
    assert (org.s_of(s)["state"], org.s_of(s)["first_name"]) == ("FL", "Robert")
    org.switch_f(hidden_fields=())
    org.full()
    org.settled()
    assert org.f_of(contact["id"])["MailingState"] == "FL"


@pytest.mark.parametrize("field", ["Email", "Phone", "SalesPulse_Id__c"])
@pytest.mark.parametrize("run", ["full", "once"])
def test_a_key_that_is_hidden_while_a_run_is_reading_stops_it_before_anybody_seems_missing(
    make_world: Any, run: str, field: str
) -> None:
    org: World = make_world("contacts")
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", phone="+13055551234", stage="New Lead")
    org.full()
    org.settled()
    (bob_there,) = org.all_f()
    org.edit_f(bob_there["id"], FirstName="Robert")
    cid = {"FirstName": "Cid", "LastName": "Q", "Email": "cid@example.com", "Phone": "305-555-9876"}
    there = org.in_f(**cid)
    here = org.in_s(first_name="Cid", last_name="Q", email="cid@example.com", phone="+13055559876", stage="New Lead")
    asked = hiding(org, field)
    stopped = getattr(org, run)()
    assert asked
    assert (stopped.exit, stopped.writes) == (Exit.USAGE, 0), stopped.asked
    for words in (field, "Field-Level Security"):
        assert words in str(stopped.of("contacts")["stopped"])
    assert (len(org.s.records()), len(org.all_f())) == (2, 2)
    org.recorded["salesforce"].before = lambda _request: None
    org.switch_f(hidden_fields=())
    assert org.full().exit is Exit.DONE, org.holds()
    org.settled()
    assert set(org.links("contacts")) == {(s, bob_there["id"]), (here, there)}
    assert (len(org.s.records()), len(org.all_f())) == (2, 2)


@pytest.mark.parametrize("field", ["Email", "Phone"])
def test_a_key_that_was_hidden_before_a_run_makes_nobody_twice(make_world: Any, field: str) -> None:
    org: World = make_world("contacts")
    org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", phone="+13055551234", stage="New Lead")
    org.full()
    org.settled()
    cid = {"FirstName": "Cid", "LastName": "Q", "Email": "cid@example.com", "Phone": "305-555-9876"}
    there = org.in_f(**cid)
    here = org.in_s(first_name="Cid", last_name="Q", email="cid@example.com", phone="+13055559876", stage="New Lead")
    org.switch_f(hidden_fields=(f"Contact.{field}",))
    ran = org.once()  # by what it remembers of the fields
    assert (ran.exit, ran.writes) == (Exit.USAGE, 0), ran.asked
    assert field in str(ran.of("contacts")["stopped"])
    with pytest.raises(ConfigError, match=f"has no field {field} .* give these credentials the right to read it"):
        org.full()
    assert (len(org.s.records()), len(org.all_f())) == (2, 2)
    org.switch_f(hidden_fields=())
    assert org.full().exit is Exit.DONE, org.holds()
    org.settled()
    assert (here, there) in org.links("contacts")
    assert (len(org.s.records()), len(org.all_f())) == (2, 2)


# ---- records


def fill(org: World, count: int) -> list[tuple[str, str]]:
    """Pairs of the same people on both sides, synced."""
    pairs = []
    for number in range(count):
        mail = f"p{number}@example.com"
        here = org.in_s(first_name=f"P{number}", last_name="Q", email=mail, state="FL", stage="New Lead")
        there = org.in_f(
            FirstName=f"P{number}", LastName="Q", Email=mail, MailingState="FL", SalesPulse_Stage__c="New Lead"
        )
        pairs.append((here, there))
    org.full()
    org.settled()
    return pairs


@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"])
@pytest.mark.parametrize("edited", [1, 5])
def test_an_edit_for_a_record_that_sharing_hides_is_held_once_and_not_sent_in_every_run(
    make_world: Any, code: str, edited: int
) -> None:
    org: World = make_world("contacts", deletes="delete", org={"unseen_code": code})
    pairs = fill(org, 6)
    (s, f), *_ = pairs
    org.switch_f(invisible_ids=(f,))
    for here, _ in pairs[:edited]:
        org.edit_s(here, first_name="New")
    ran = org.once()
    assert ran.exit is Exit.PERSON
    (hold,) = org.holds()
    assert "nothing proves it deleted" in hold.message
    for _ in range(2):
        quiet = org.once()
        assert (quiet.exit, quiet.writes) == (Exit.DONE, 0), quiet.asked
    assert org.links("contacts")[s, f] == "active"
    assert (len(org.s.records()), len(org.all_f())) == (6, 6)
    org.switch_f(invisible_ids=())
    org.full()
    org.settled()
    assert {org.f_of(there)["FirstName"] for _, there in pairs[:edited]} == {"New"}
    assert org.held() == []


def test_a_contact_deleted_here_does_not_end_the_pair_of_a_record_that_sharing_hides(make_world: Any) -> None:
    org: World = make_world("contacts", deletes="delete")
    (s, f), *_ = fill(org, 3)
    org.switch_f(invisible_ids=(f,))
    org.s.delete_contact(s)
    ran = org.once()
    assert ran.exit is Exit.PERSON
    (hold,) = org.holds()
    assert "nothing proves it deleted" in hold.message
    assert org.ledger(crm_id=f, op="remove") == []
    org.switch_f(invisible_ids=())
    assert len(org.all_f()) == 3


@pytest.mark.parametrize("names", [True, False])
def test_a_lookup_that_leads_nowhere_does_not_make_its_record_seem_gone(make_world: Any, names: bool) -> None:
    org: World = make_world("contacts", deletes="delete")
    (s, f), *_ = fill(org, 3)
    fields = ["AccountId"] if names else []
    body = [{"errorCode": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id", "fields": fields}]
    org.fault(
        "salesforce", action="status", method="PATCH", path="sobjects/Contact/", status=400, body=body, times=None
    )
    org.edit_s(s, first_name="New")
    ran = org.once()
    assert ran.exit is Exit.PERSON
    (hold,) = org.holds()
    assert "invalid cross reference id" in hold.message
    quiet = org.once()
    assert (quiet.exit, quiet.writes) == (Exit.DONE, 0), quiet.asked
    assert org.links("contacts")[s, f] == "active"
    assert len(org.s.records()) == 3


@pytest.mark.parametrize("seen", [True, False])
def test_an_edit_of_a_field_that_is_not_synced_keeps_no_edit_from_its_record(make_world: Any, seen: bool) -> None:
    """It moves the record's date, and nothing else that is looked at."""
    org: World = make_world("contacts")
    (s, f), *_ = fill(org, 3)
    org.clock.advance(600)
    org.edit_f(f, Title="Boss")
    if seen:
        org.full()
    org.edit_s(s, first_name="New")
    assert org.once().exit is Exit.DONE
    assert (org.f_of(f)["FirstName"], org.f_of(f)["Title"]) == ("New", "Boss")
    org.settled()


def test_a_record_that_was_restored_and_is_hidden_now_is_not_gone_by_its_old_entry_in_the_log(make_world: Any) -> None:
    org: World = make_world("contacts", deletes="delete", org={"log_keeps_undeleted": True})
    (s, f), *_ = fill(org, 3)
    org.f.delete(f)
    org.clock.advance(5)
    org.f.restore(f)
    org.clock.advance(1_800)
    org.full()
    org.settled()
    org.f.org.table(org.f.org.schema.get("Contact")).remove(f, 0)  # hidden, and still in the log of deletes
    for run in (org.once, org.full):
        ran = run()
        assert ran.of("contacts")["deleted"]["salespulse"] == 0
    assert org.links("contacts")[s, f] == "active"
    assert len(org.s.records()) == 3
