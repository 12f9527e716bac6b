"""How records end in the Salesforce model: bin, merge, conversion, the log of deletes (contract, section 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import RecordFaults
from syncd.sandbox.salesforce.ids import make_id
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.schema import ObjectDef

DAY = 86_400
DEAL = {"Name": "Li", "StageName": "Prospecting", "CloseDate": "2026-06-30"}


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


def ids(org: Org, kind: str, *, deleted: bool = False) -> list[str]:
    return [row.id for row in org.rows(org.schema.get(kind), deleted=deleted)]


def log(org: Org, kind: str) -> list[tuple[str, datetime]]:
    now = org.clock.now()
    return org.deleted_log(org.schema.get(kind), now - timedelta(days=30), now)


def code(refused: pytest.ExceptionInfo[RecordFaults]) -> str:
    [fault] = refused.value.faults
    return fault.code


# The recycle bin


def test_a_deleted_record_stays_in_the_bin(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = org.create(contact, {"LastName": "Li"})
    clock.advance(60)
    org.delete(contact, made[:15])
    assert org.find(contact, made) is None
    assert ids(org, "Contact") == []
    [row] = org.rows(contact, deleted=True)
    assert (row.id, row.deleted, row.values["IsDeleted"], row.values["LastName"]) == (made, True, True, "Li")
    assert row.values["SystemModstamp"] == "2026-03-02T14:01:00.000+0000"
    assert log(org, "Contact") == [(made, row.stamp)]


def test_what_is_in_the_bin_is_neither_deleted_again_nor_changed(org: Org, contact: ObjectDef) -> None:
    made = org.create(contact, {"LastName": "Li"})
    org.delete(contact, made)
    writes: tuple[Callable[[], object], ...] = (
        lambda: org.delete(contact, made),
        lambda: org.update(contact, made, {"LastName": "Lo"}),
    )
    for write in writes:
        with pytest.raises(RecordFaults) as refused:
            write()
        assert (refused.value.status, code(refused)) == (404, "ENTITY_IS_DELETED")


def test_the_bin_is_emptied_after_15_days_and_ids_are_not_used_again(
    org: Org, contact: ObjectDef, clock: ManualClock
) -> None:
    first = org.create(contact, {"LastName": "Li"})
    org.delete(contact, first)
    clock.advance(15 * DAY - 1)
    assert ids(org, "Contact", deleted=True) == [first]
    clock.advance(1)
    assert ids(org, "Contact", deleted=True) == []
    assert org.create(contact, {"LastName": "Li"}) == make_id("003", 2)


def test_a_restored_record_outlives_the_bin(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = org.create(contact, {"LastName": "Li"})
    org.delete(contact, made)
    clock.advance(60)
    org.undelete(made)
    assert (ids(org, "Contact"), log(org, "Contact")) == ([made], [])
    assert held(org, "Contact", made)["SystemModstamp"] == "2026-03-02T14:01:00.000+0000"
    clock.advance(16 * DAY)
    assert ids(org, "Contact", deleted=True) == [made]
    with pytest.raises(RecordFaults) as refused:
        org.undelete(made)
    assert code(refused) == "UNDELETE_FAILED"


def test_the_bin_counts_from_the_last_delete(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = org.create(contact, {"LastName": "Li"})
    org.delete(contact, made)
    clock.advance(10 * DAY)
    org.undelete(made)
    org.delete(contact, made)
    clock.advance(10 * DAY)
    assert ids(org, "Contact", deleted=True) == [made]
    clock.advance(5 * DAY)
    assert ids(org, "Contact", deleted=True) == []


@pytest.mark.parametrize("deleted_first", [False, True])
def test_a_purged_record_is_only_in_the_log(org: Org, contact: ObjectDef, deleted_first: bool) -> None:
    made = org.create(contact, {"LastName": "Li"})
    if deleted_first:
        org.delete(contact, made)
    org.purge(made)
    assert ids(org, "Contact", deleted=True) == []
    assert [one for one, _ in log(org, "Contact")] == [made]
    with pytest.raises(RecordFaults) as refused:
        org.undelete(made)
    assert code(refused) == "NOT_FOUND"


def test_the_log_is_read_by_time(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = [org.create(contact, {"LastName": name}) for name in ("Li", "Lo", "Lu")]
    moments = []
    for one in made:
        clock.advance(60)
        org.delete(contact, one)
        moments.append(org.now())
    second = timedelta(seconds=1)
    assert org.deleted_log(contact, moments[1], moments[1]) == [(made[1], moments[1])]
    assert [one for one, _ in org.deleted_log(contact, moments[0] + second, moments[2])] == made[1:]
    assert org.deleted_log(contact, moments[2] + second, moments[2] + 2 * second) == []


def test_updated_ids_are_live_records_by_stamp(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = [org.create(contact, {"LastName": name}) for name in ("Li", "Lo", "Lu")]
    clock.advance(60)
    org.update(contact, made[0], {"Phone": "1"})
    org.delete(contact, made[2])
    start = ManualClock.START
    assert org.updated_ids(contact, start, start) == [made[1]]
    assert org.updated_ids(contact, start, org.now()) == [made[1], made[0]]


# What goes together


def test_an_account_takes_its_people_along_and_brings_them_back(org: Org, contact: ObjectDef) -> None:
    account = org.create(org.schema.get("Account"), {"Name": "Li household"})
    person = org.create(contact, {"LastName": "Li", "AccountId": account})
    deal = org.create(org.schema.get("Opportunity"), {**DEAL, "AccountId": account, "ContactId": person})
    org.delete(org.schema.get("Account"), account)
    assert (ids(org, "Contact"), ids(org, "Opportunity")) == ([], [])
    org.undelete(account)
    assert (ids(org, "Contact"), ids(org, "Opportunity")) == ([person], [deal])


def test_tasks_go_and_come_with_their_contact_and_are_the_same_afterwards(org: Org, contact: ObjectDef) -> None:
    person = org.create(contact, {"LastName": "Li"})
    task = org.create(org.schema.get("Task"), {"Subject": "Call", "WhoId": person})
    before = held(org, "Task", task)
    org.delete(contact, person)
    assert ids(org, "Task") == []
    org.undelete(person)
    assert held(org, "Task", task) == {**before, "LastModifiedById": org.person_id}


def test_a_record_that_was_deleted_before_is_not_brought_back_with_its_parent(
    org: Org, contact: ObjectDef, clock: ManualClock
) -> None:
    account = org.create(org.schema.get("Account"), {"Name": "Li household"})
    person = org.create(contact, {"LastName": "Li", "AccountId": account})
    org.delete(contact, person)
    clock.advance(60)
    org.delete(org.schema.get("Account"), account)
    org.undelete(account)
    assert ids(org, "Contact") == []


def test_a_role_that_is_deleted_is_never_shown_as_deleted(org: Org, contact: ObjectDef) -> None:
    roles = org.schema.get("OpportunityContactRole")
    person = org.create(contact, {"LastName": "Li"})
    deal = org.create(org.schema.get("Opportunity"), {**DEAL, "ContactId": person})
    [role] = ids(org, "OpportunityContactRole")
    org.delete(roles, role)
    assert ids(org, "OpportunityContactRole", deleted=True) == []
    assert [one for one, _ in log(org, "OpportunityContactRole")] == [role]
    assert held(org, "Opportunity", deal)["ContactId"] is None


def test_only_with_its_opportunity_a_role_is_shown_as_deleted(org: Org, contact: ObjectDef) -> None:
    person = org.create(contact, {"LastName": "Li"})
    deal = org.create(org.schema.get("Opportunity"), {**DEAL, "ContactId": person})
    org.delete(org.schema.get("Opportunity"), deal)
    [role] = org.rows(org.schema.get("OpportunityContactRole"), deleted=True)
    assert role.values["IsDeleted"] is True


@pytest.mark.parametrize("for_good", [False, True])
def test_the_roles_of_a_deleted_contact_vanish(org: Org, contact: ObjectDef, for_good: bool) -> None:
    person = org.create(contact, {"LastName": "Li"})
    org.create(org.schema.get("Opportunity"), {**DEAL, "ContactId": person})
    if for_good:
        org.purge(person)
    else:
        org.delete(contact, person)
    assert ids(org, "OpportunityContactRole", deleted=True) == []


# Merges


def test_a_merge_leaves_a_deleted_loser_that_names_the_winner(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    winner = org.create(contact, {"LastName": "Li", "Phone": "1"})
    loser = org.create(contact, {"LastName": "Li", "Phone": "2", "Email": "a@b.co", "SalesPulse_Id__c": "a1"})
    task = org.create(org.schema.get("Task"), {"Subject": "Call", "WhoId": loser})
    deal = org.create(org.schema.get("Opportunity"), {**DEAL, "ContactId": loser})
    clock.advance(60)
    org.merge(contact, winner, [loser])
    gone = held(org, "Contact", loser)
    assert (gone["IsDeleted"], gone["MasterRecordId"], gone["SalesPulse_Id__c"]) == (True, winner, "a1")
    stays = held(org, "Contact", winner)
    assert (stays["Phone"], stays["Email"], stays["SalesPulse_Id__c"]) == ("1", None, None)
    stamp = "2026-03-02T14:01:00.000+0000"
    assert stays["SystemModstamp"] == gone["SystemModstamp"] == stamp
    assert held(org, "Task", task)["WhoId"] == winner
    assert held(org, "Task", task)["SystemModstamp"] == stamp
    assert held(org, "Opportunity", deal)["ContactId"] == winner
    [role] = org.rows(org.schema.get("OpportunityContactRole"), deleted=False)
    assert role.values["ContactId"] == winner
    assert [one for one, _ in log(org, "Contact")] == [loser]


def test_a_merged_record_can_be_brought_back(org: Org, contact: ObjectDef) -> None:
    winner, loser = (org.create(contact, {"LastName": name}) for name in ("Li", "Lo"))
    org.merge(contact, winner, [loser])
    org.undelete(loser)
    values = held(org, "Contact", loser)
    assert (values["IsDeleted"], values["MasterRecordId"]) == (False, None)


def test_a_merge_takes_one_or_two_others(org: Org, contact: ObjectDef) -> None:
    made = [org.create(contact, {"LastName": str(at)}) for at in range(4)]
    for losers in ([], made[1:4], [made[0]], [made[1], made[1]]):
        with pytest.raises(RecordFaults) as refused:
            org.merge(contact, made[0], losers)
        assert code(refused) == "MERGE_FAILED"
    org.merge(contact, made[0], made[1:3])
    assert ids(org, "Contact") == [made[0], made[3]]


def test_opportunities_are_not_merged(org: Org) -> None:
    deals = org.schema.get("Opportunity")
    first, second = (org.create(deals, DEAL) for _ in range(2))
    with pytest.raises(RecordFaults) as refused:
        org.merge(deals, first, [second])
    assert code(refused) == "INVALID_TYPE_FOR_OPERATION"


# Conversion


LEAD = {
    "FirstName": "Ann",
    "LastName": "Li",
    "Company": "Self",
    "Email": "a@b.co",
    "State": "TX",
    "SalesPulse_Id__c": "a1",
}


def test_a_converted_lead_names_what_became_of_it(org: Org, clock: ManualClock) -> None:
    lead = org.create(org.schema.get("Lead"), {**LEAD, "Coverage_Amount__c": 5})
    clock.advance(60)
    made = org.convert(lead)
    values = held(org, "Lead", lead)
    assert (values["IsConverted"], values["Status"], values["IsDeleted"]) == (True, "Closed - Converted", False)
    assert values["ConvertedDate"] == "2026-03-02"
    assert values["SystemModstamp"] == "2026-03-02T14:01:00.000+0000"
    assert made == {
        "contact": values["ConvertedContactId"],
        "account": values["ConvertedAccountId"],
        "opportunity": values["ConvertedOpportunityId"],
    }
    person = held(org, "Contact", made["contact"])
    assert (person["Name"], person["Email"], person["MailingState"]) == ("Ann Li", "a@b.co", "TX")
    assert (person["Coverage_Amount__c"], person["SalesPulse_Id__c"]) == (5.0, None)
    assert person["AccountId"] == made["account"]
    assert held(org, "Account", made["account"])["Name"] == "Self"
    deal = held(org, "Opportunity", made["opportunity"])
    assert (deal["ContactId"], deal["StageName"], deal["Probability"]) == (made["contact"], "Prospecting", 10.0)
    assert len(ids(org, "OpportunityContactRole")) == 1


def test_a_converted_lead_is_read_only(org: Org) -> None:
    leads = org.schema.get("Lead")
    lead = org.create(leads, LEAD)
    org.convert(lead)
    for write in (
        lambda: org.update(leads, lead, {"Phone": "1"}),
        lambda: org.convert(lead),
        lambda: org.create(org.schema.get("Task"), {"WhoId": lead}),
    ):
        with pytest.raises(RecordFaults) as refused:
            write()
        assert code(refused) == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_a_conversion_into_a_contact_fills_only_its_blanks(org: Org, contact: ObjectDef) -> None:
    person = org.create(contact, {"LastName": "Lee", "FirstName": "Ann", "Phone": "1"})
    lead = org.create(org.schema.get("Lead"), LEAD)
    assert org.convert(lead, person)["contact"] == person
    values = held(org, "Contact", person)
    assert (values["LastName"], values["Email"], values["SalesPulse_Id__c"]) == ("Lee", "a@b.co", None)


def test_a_conversion_can_hand_over_the_external_id(clock: ManualClock) -> None:
    org = Org(clock, options=Options(conversion_carries_id=True))
    made = org.convert(org.create(org.schema.get("Lead"), LEAD))
    assert held(org, "Contact", made["contact"])["SalesPulse_Id__c"] == "a1"


# Stamps without a change


def test_a_bump_moves_the_stamp_alone(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = [org.create(contact, {"LastName": name}) for name in ("Li", "Lo", "Lu")]
    org.delete(contact, made[2])
    before = held(org, "Contact", made[0])
    clock.advance(60)
    assert org.bump(contact, [made[0][:15]]) == 1
    stamp = "2026-03-02T14:01:00.000+0000"
    assert held(org, "Contact", made[0]) == {**before, "SystemModstamp": stamp}
    assert org.bump(contact) == 2
    by_stamp = org.view(contact, deleted=True, order="SystemModstamp")
    assert [row.id for row in by_stamp] == [made[2], made[0], made[1]]
    assert {row.stamp for row in by_stamp[1:]} == {org.now()}
