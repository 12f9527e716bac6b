"""Opportunities, roles, tasks and person accounts of the Salesforce model (contract, sections 5.2 to 5.4)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import RecordFaults
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.schema import ObjectDef


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    return Org(clock)


@pytest.fixture
def contact(org: Org) -> ObjectDef:
    return org.schema.get("Contact")


def held(org: Org, kind: str, record_id: str) -> dict[str, Any]:
    row = org.find(org.schema.get(kind), record_id, deleted=True)
    assert row is not None
    return dict(row.values)


def codes(refused: RecordFaults) -> list[str]:
    return [fault.code for fault in refused.faults]


# Opportunities, roles, tasks


DEAL = {"Name": "Li", "StageName": "Prospecting", "CloseDate": "2026-06-30"}


def test_writing_the_stage_resets_the_probability(org: Org) -> None:
    obj = org.schema.get("Opportunity")
    made = org.create(obj, DEAL)
    org.update(obj, made, {"Probability": 55})
    assert held(org, "Opportunity", made)["Probability"] == 55.0
    org.update(obj, made, {"StageName": "Prospecting"})
    assert held(org, "Opportunity", made)["Probability"] == 10.0
    org.update(obj, made, {"StageName": "Prospecting", "Probability": 33})
    assert held(org, "Opportunity", made)["Probability"] == 33.0
    org.update(obj, made, {"StageName": "Closed Won"})
    values = held(org, "Opportunity", made)
    assert (values["IsClosed"], values["IsWon"], values["ForecastCategoryName"]) == (True, True, "Closed")


def test_a_stage_that_nobody_knows_is_stored(org: Org) -> None:
    obj = org.schema.get("Opportunity")
    values = held(org, "Opportunity", org.create(obj, {**DEAL, "StageName": "Typo"}))
    assert (values["StageName"], values["Probability"], values["IsClosed"]) == ("Typo", 0.0, False)


def test_a_contact_named_on_create_becomes_the_primary_role(org: Org, contact: ObjectDef) -> None:
    deals, roles = org.schema.get("Opportunity"), org.schema.get("OpportunityContactRole")
    first, second = (org.create(contact, {"LastName": name}) for name in ("Li", "Lo"))
    deal = org.create(deals, {**DEAL, "ContactId": first})
    [role] = org.rows(roles, deleted=False)
    assert (role.values["OpportunityId"], role.values["ContactId"], role.values["IsPrimary"]) == (deal, first, True)
    with pytest.raises(RecordFaults) as refused:
        org.update(deals, deal, {"ContactId": second})
    assert codes(refused.value) == ["INVALID_FIELD_FOR_INSERT_UPDATE"]
    other = org.create(roles, {"OpportunityId": deal, "ContactId": second, "IsPrimary": True})
    assert [row.id for row in org.rows(roles, deleted=False) if row.values["IsPrimary"]] == [other]
    assert held(org, "Opportunity", deal)["ContactId"] == second
    org.update(roles, other, {"IsPrimary": False})
    assert held(org, "Opportunity", deal)["ContactId"] is None


def test_the_opportunity_of_a_role_stays(org: Org, contact: ObjectDef) -> None:
    roles = org.schema.get("OpportunityContactRole")
    person = org.create(contact, {"LastName": "Li"})
    deals = [org.create(org.schema.get("Opportunity"), DEAL) for _ in range(2)]
    role = org.create(roles, {"OpportunityId": deals[0], "ContactId": person})
    with pytest.raises(RecordFaults):
        org.update(roles, role, {"OpportunityId": deals[1]})


def test_the_status_of_a_task_says_whether_it_is_closed(org: Org) -> None:
    obj = org.schema.get("Task")
    made = org.create(obj, {"Subject": "Call", "TaskSubtype": "Call", "Priority": "High"})
    values = held(org, "Task", made)
    assert (values["Status"], values["IsClosed"], values["IsHighPriority"]) == ("Not Started", False, True)
    org.update(obj, made, {"Status": "Completed"})
    assert held(org, "Task", made)["IsClosed"] is True
    with pytest.raises(RecordFaults):
        org.update(obj, made, {"TaskSubtype": "Email"})


# Person accounts


def test_a_person_account_has_a_shadow_contact_that_is_not_written(clock: ManualClock) -> None:
    org = Org(clock, options=Options(person_accounts=True))
    accounts, contacts = org.schema.get("Account"), org.schema.get("Contact")
    made = org.create(accounts, {"FirstName": "Ann", "LastName": "Li", "PersonEmail": "ann@example.com"})
    account = held(org, "Account", made)
    shadow = str(account["PersonContactId"])
    assert (account["Name"], account["IsPersonAccount"]) == ("Ann Li", True)
    org.update(accounts, made, {"LastName": "Lo"})
    contact = held(org, "Contact", shadow)
    assert (contact["Name"], contact["Email"], contact["IsPersonAccount"]) == ("Ann Lo", "ann@example.com", True)
    assert contact["AccountId"] == made
    with pytest.raises(RecordFaults) as refused:
        org.update(contacts, shadow, {"LastName": "Lu"})
    assert codes(refused.value) == ["INVALID_FIELD_FOR_INSERT_UPDATE"]
    with pytest.raises(RecordFaults):
        org.delete(contacts, shadow)
    business = org.create(accounts, {"Name": "Acme"})
    assert held(org, "Account", business)["IsPersonAccount"] is False


def test_an_org_without_person_accounts_does_not_know_the_field(org: Org, contact: ObjectDef) -> None:
    assert contact.named("IsPersonAccount") is None
