"""What sharing hides in the Salesforce model, what stays in the log of deletes, and an org that takes no writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import RecordFaults
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.schema import ObjectDef

PERSON = How(user="005000000000002AAA")
ID_FIELD = "SalesPulse_Id__c"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(clock: ManualClock, **switches: object) -> tuple[Org, ObjectDef]:
    org = Org(clock, options=Options.model_validate(switches))
    return org, org.schema.get("Contact")


def codes(refused: RecordFaults) -> list[str]:
    return [fault.code for fault in refused.faults]


def test_a_hidden_record_is_shown_by_no_read_and_still_holds_its_unique_value(clock: ManualClock) -> None:
    org, contact = made(clock)
    hidden = org.create(contact, {"LastName": "Li", ID_FIELD: "sp-1"})
    shown = org.create(contact, {"LastName": "Lo"})
    org.options = org.options.model_copy(update={"invisible_ids": (hidden[:15],)})
    assert [row.id for row in org.view(contact, deleted=True)] == [shown]
    assert org.find(contact, hidden) is None
    assert org.by_external(contact, contact.fields[ID_FIELD.lower()], "sp-1") == []
    assert org.updated_ids(contact, clock.now() - timedelta(hours=1), clock.now()) == [shown]
    with pytest.raises(RecordFaults) as refused:
        org.create(contact, {"LastName": "Twin", ID_FIELD: "sp-1"})
    assert codes(refused.value) == ["DUPLICATE_VALUE"]
    assert {row.id for row in org.rows(contact, deleted=False)} == {hidden, shown}


@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"])
def test_a_write_to_a_hidden_record_is_refused_as_if_it_were_not_there(clock: ManualClock, code: str) -> None:
    org, contact = made(clock, unseen_code=code)
    hidden = org.create(contact, {"LastName": "Li"})
    org.options = org.options.model_copy(update={"invisible_ids": (hidden,)})
    writes: list[Callable[[str], object]] = [
        lambda one: org.update(contact, one, {"LastName": "Lo"}),
        lambda one: org.delete(contact, one),
    ]
    for write in writes:
        for record_id in (hidden, "003000000000000AAA"):
            with pytest.raises(RecordFaults) as refused:
                write(record_id)
            assert codes(refused.value) == [code]
    org.delete(contact, hidden, PERSON)
    assert org.deleted_log(contact, clock.now() - timedelta(hours=1), clock.now()) == []


@pytest.mark.parametrize("keeps", [False, True])
def test_a_record_that_came_back_stays_in_the_log_only_where_the_org_is_so(clock: ManualClock, keeps: bool) -> None:
    org, contact = made(clock, log_keeps_undeleted=keeps)
    record_id = org.create(contact, {"LastName": "Li"})
    org.delete(contact, record_id)
    org.undelete(record_id)
    log = org.deleted_log(contact, clock.now() - timedelta(hours=1), clock.now())
    assert [one for one, _ in log] == [record_id] * keeps


def test_an_id_field_can_tell_upper_from_lower_case(clock: ManualClock) -> None:
    org, contact = made(clock, external_id_case_sensitive=True)
    ids = [org.create(contact, {"LastName": "Li", ID_FIELD: value}) for value in ("sp-A", "sp-a")]
    field = contact.fields[ID_FIELD.lower()]
    assert [row.id for row in org.by_external(contact, field, "sp-a")] == ids[1:]


def test_an_org_in_maintenance_refuses_programs(clock: ManualClock) -> None:
    org, contact = made(clock)
    record_id = org.create(contact, {"LastName": "Li"})
    org.options = org.options.model_copy(update={"read_only": True})
    writes: list[Callable[[], object]] = [
        lambda: org.create(contact, {"LastName": "Lo"}),
        lambda: org.update(contact, record_id, {"LastName": "Lo"}),
        lambda: org.delete(contact, record_id),
    ]
    for write in writes:
        with pytest.raises(RecordFaults) as refused:
            write()
        assert codes(refused.value) == ["INVALID_READ_ONLY_USER_DML"]
    assert org.find(contact, record_id) is not None


@pytest.mark.parametrize(("names", "fields"), [(True, ("AccountId",)), (False, ())])
def test_the_fault_of_a_lookup_may_leave_its_field_unnamed(
    clock: ManualClock, names: bool, fields: tuple[str, ...]
) -> None:
    org, contact = made(clock, lookup_faults_name_fields=names)
    record_id = org.create(contact, {"LastName": "Li"})
    with pytest.raises(RecordFaults) as refused:
        org.update(contact, record_id, {"AccountId": "001000000000009AAA"})
    assert [(one.code, one.fields) for one in refused.value.faults] == [("INVALID_CROSS_REFERENCE_KEY", fields)]
