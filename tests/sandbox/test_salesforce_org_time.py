"""When reads of the Salesforce model see a write, all or nothing, and what outlives the org (contract, section 3.2)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import RecordFaults
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.schema import ObjectDef

DAY = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    return Org(clock)


@pytest.fixture
def contact(org: Org) -> ObjectDef:
    return org.schema.get("Contact")


def phones(org: Org, contact: ObjectDef, *, deleted: bool = False) -> list[Any]:
    return [row.values["Phone"] for row in org.rows(contact, deleted=deleted)]


# Commit


def test_a_write_is_seen_when_its_transaction_ends_with_the_stamp_of_before(
    org: Org, contact: ObjectDef, clock: ManualClock
) -> None:
    org.options = Options(commit_delay_seconds=60)
    made = org.create(contact, {"LastName": "Li", "Phone": "1"})
    clock.advance(59)
    assert org.find(contact, made) is None
    assert phones(org, contact) == []
    clock.advance(1)
    row = org.find(contact, made)
    assert row is not None
    assert row.values["SystemModstamp"] == "2026-03-02T14:00:00.000+0000"


def test_until_then_the_former_version_is_seen(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = org.create(contact, {"LastName": "Li", "Phone": "1"})
    org.options = Options(commit_delay_seconds=60)
    org.update(contact, made, {"Phone": "2"})
    clock.advance(30)
    org.update(contact, made, {"Phone": "3"})
    seen = []
    for _ in range(4):
        seen += phones(org, contact)
        clock.advance(29)
    assert seen == ["1", "1", "2", "3"]


def test_no_write_is_seen_before_an_earlier_one(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    org.options = Options(commit_delay_seconds=60)
    org.create(contact, {"LastName": "Li", "Phone": "1"})
    org.options = Options()
    org.purge(org.create(contact, {"LastName": "Lo", "Phone": "2"}))
    org.create(contact, {"LastName": "Lu", "Phone": "3"})
    assert phones(org, contact) == []
    assert org.deleted_log(contact, ManualClock.START, clock.now()) == []
    clock.advance(60)
    assert phones(org, contact) == ["1", "3"]
    assert len(org.deleted_log(contact, ManualClock.START, clock.now())) == 1


def test_deletes_and_their_log_wait_too(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    first, second = (org.create(contact, {"LastName": name}) for name in ("Li", "Lo"))
    org.options = Options(commit_delay_seconds=60)
    org.delete(contact, first)
    org.purge(second)
    stamp = org.now()
    assert [row.id for row in org.rows(contact, deleted=False)] == [first, second]
    assert org.deleted_log(contact, stamp, stamp) == []
    clock.advance(60)
    assert [row.id for row in org.rows(contact, deleted=False)] == []
    assert [row.id for row in org.rows(contact, deleted=True)] == [first]
    assert org.deleted_log(contact, stamp, stamp) == [(first, stamp), (second, stamp)]


def test_writes_are_checked_against_what_is_not_committed_yet(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    org.options = Options(commit_delay_seconds=60)
    field = contact.fields["salespulse_id__c"]
    made, _ = org.upsert(contact, field, "a1", {"LastName": "Li"})
    assert org.by_external(contact, field, "a1") == []
    with pytest.raises(RecordFaults):
        org.create(contact, {"LastName": "Lo", "SalesPulse_Id__c": "A1"})
    assert org.upsert(contact, field, "a1", {"Phone": "1"}) == (made, False)
    clock.advance(60)
    org.update(contact, made, {"SalesPulse_Id__c": "a2"})
    assert [row.id for row in org.by_external(contact, field, "a1")] == [made]
    assert org.by_external(contact, field, "a2") == []
    clock.advance(60)
    assert [row.id for row in org.by_external(contact, field, "a2")] == [made]
    assert org.by_external(contact, field, "a1") == []


def test_a_list_of_rows_stays_the_same_until_something_changes(
    org: Org, contact: ObjectDef, clock: ManualClock
) -> None:
    made = org.create(contact, {"LastName": "Li"})
    before, revision = org.view(contact, deleted=False), org.table(contact).revision
    clock.advance(60)
    assert org.view(contact, deleted=False) is before
    assert org.table(contact).revision == revision
    org.update(contact, made, {"Phone": "1"})
    assert org.table(contact).revision > revision
    assert org.view(contact, deleted=False)[0].values["Phone"] == "1"
    assert before[0].values["Phone"] is None


# All or nothing


@pytest.mark.parametrize("delay", [0.0, 60.0])
def test_a_transaction_that_fails_leaves_no_trace(
    org: Org, contact: ObjectDef, clock: ManualClock, delay: float
) -> None:
    kept = org.create(contact, {"LastName": "Li", "Phone": "1", "SalesPulse_Id__c": "a1"})
    gone = org.create(contact, {"LastName": "Lo", "Phone": "2"})
    org.options = Options(commit_delay_seconds=delay)

    def fail_in_the_end() -> None:
        with org.atomic():
            org.update(contact, kept, {"Phone": "9", "SalesPulse_Id__c": "a9"})
            org.delete(contact, gone)
            org.create(contact, {"LastName": "Lu", "Phone": "3", "SalesPulse_Id__c": "a2"})
            org.create(contact, {})

    with pytest.raises(RecordFaults):
        fail_in_the_end()
    clock.advance(120)
    assert phones(org, contact) == phones(org, contact, deleted=True) == ["1", "2"]
    assert org.deleted_log(contact, ManualClock.START, clock.now()) == []
    org.create(contact, {"LastName": "Lu", "SalesPulse_Id__c": "a2"})
    with pytest.raises(RecordFaults):
        org.create(contact, {"LastName": "Lu", "SalesPulse_Id__c": "A1"})


def test_a_transaction_that_fails_does_not_keep_the_bin_from_being_emptied(
    org: Org, contact: ObjectDef, clock: ManualClock
) -> None:
    made = org.create(contact, {"LastName": "Li", "Phone": "1"})
    org.delete(contact, made)

    def fail_after_the_bin_was_emptied() -> None:
        with org.atomic():
            clock.advance(15 * DAY)
            assert phones(org, contact, deleted=True) == []
            org.create(contact, {})

    with pytest.raises(RecordFaults):
        fail_after_the_bin_was_emptied()
    assert phones(org, contact, deleted=True) == []


def test_a_transaction_that_ends_well_stays(org: Org, contact: ObjectDef) -> None:
    with org.atomic():
        org.create(contact, {"LastName": "Li", "Phone": "1"})
    assert phones(org, contact) == ["1"]


# Archive


def test_an_old_closed_task_is_left_to_query_all(org: Org, clock: ManualClock) -> None:
    tasks = org.schema.get("Task")
    values = {"Subject": "Call", "ActivityDate": "2026-03-02"}
    closed = org.create(tasks, {**values, "Status": "Completed"})
    still_open = org.create(tasks, values)
    clock.advance(365 * DAY)
    assert [row.id for row in org.rows(tasks, deleted=False)] == [closed, still_open]
    clock.advance(DAY)
    assert [row.id for row in org.rows(tasks, deleted=False)] == [still_open]
    archived, other = org.rows(tasks, deleted=True)
    assert (archived.values["IsArchived"], archived.deleted, other.values["IsArchived"]) == (True, False, False)
    assert archived.values["SystemModstamp"] == "2026-03-02T14:00:00.000+0000"


def test_an_org_may_keep_its_tasks(org: Org, clock: ManualClock) -> None:
    org.options = Options(tasks_archived_after_days=0)
    tasks = org.schema.get("Task")
    made = org.create(tasks, {"Status": "Completed", "ActivityDate": "2020-01-01"})
    clock.advance(366 * DAY)
    assert [row.id for row in org.rows(tasks, deleted=False)] == [made]


# Export


def test_a_loaded_org_goes_on_as_the_first_would_have(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    org.options = Options(duplicate_rule="block", person_accounts=True)
    first, second, third = (
        org.create(contact, {"LastName": name, "Phone": "1", "Coverage_Amount__c": 5, "SalesPulse_Id__c": name})
        for name in ("Li", "Lo", "Lu")
    )
    org.delete(contact, second)
    clock.advance(60)
    org.purge(third)
    data = orjson.loads(orjson.dumps(org.export()))
    twin = Org(clock)
    twin.create(contact, {"LastName": "Nobody"})
    twin.load(data)
    assert twin.options == org.options
    for kind in ("Contact", "User", "OpportunityStage"):
        obj = org.schema.get(kind)
        assert list(twin.rows(obj, deleted=True)) == list(org.rows(obj, deleted=True))
    stretch = (ManualClock.START, clock.now())
    assert twin.deleted_log(contact, *stretch) == org.deleted_log(contact, *stretch)
    with pytest.raises(RecordFaults):
        twin.create(contact, {"LastName": "Lu", "SalesPulse_Id__c": "LI"})
    assert twin.create(contact, {"LastName": "Lu"}) == org.create(contact, {"LastName": "Lu"})
    clock.advance(15 * DAY)
    assert [row.id for row in twin.rows(contact, deleted=True)] == [row.id for row in org.rows(contact, deleted=True)]
    assert first in [row.id for row in twin.rows(contact, deleted=False)]
