"""Ids, stored values and external ids of the Salesforce model (contract, sections 4 and 5)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import ApiError, MultipleMatches, RecordFaults
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.ids import full, make_id
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


# Ids and names


@pytest.mark.parametrize(
    "known", ["003xx000004TmiQAAS", "01gD0000002HU6KIAW", "a00D0000008pQRAIA2", "7505e000001TtiSAAS"]
)
def test_the_last_three_characters_of_an_id_follow_from_the_rest(known: str) -> None:
    assert full(known[:15]) == known
    assert full(known) == known


@pytest.mark.parametrize("text", ["", "003", "003xx000004TmiQAA", "003xx000004TmiQAAT", "003xx000004Tm-Q"])
def test_what_is_no_id_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="id"):
        full(text)


def test_ids_sort_as_they_were_made() -> None:
    ids = [make_id("003", number) for number in (1, 9, 10, 35, 36, 61, 62, 3_843, 3_844, 62**6 - 1)]
    assert ids == sorted(ids)
    with pytest.raises(ValueError, match="no number"):
        make_id("003", 62**6)


def test_a_record_is_found_by_its_short_and_its_long_id(org: Org, contact: ObjectDef) -> None:
    made = org.create(contact, {"LastName": "Li"})
    for text in (made, made[:15]):
        row = org.find(contact, text)
        assert row is not None
        assert row.id == made
    assert org.find(contact, made[:15].swapcase()) is None
    assert org.find(contact, "nonsense") is None


def test_names_of_objects_and_fields_may_have_any_case(org: Org) -> None:
    obj = org.schema.get("cONTACT")
    made = org.create(obj, {"lastname": "Li", "SALESPULSE_ID__C": "a1"})
    assert held(org, "contact", made)["SalesPulse_Id__c"] == "a1"


@pytest.mark.parametrize(("method", "status", "code"), [("get", 404, "NOT_FOUND"), ("typed", 400, "INVALID_TYPE")])
def test_an_object_that_does_not_exist_is_told(org: Org, method: str, status: int, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        getattr(org.schema, method)("Widget__c")
    assert (refused.value.status, refused.value.code) == (status, code)


# What a save stores


def test_a_new_record_has_every_field_and_its_system_fields(org: Org, contact: ObjectDef) -> None:
    made = org.create(contact, {"FirstName": "Ann", "LastName": "Li"})
    values = held(org, "Contact", made)
    assert values.keys() == {field.name for field in contact.fields.values()}
    stamp = "2026-03-02T14:00:00.000+0000"
    assert values["Id"] == made
    assert values["Name"] == "Ann Li"
    assert {values[name] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")} == {stamp}
    assert {values[name] for name in ("OwnerId", "CreatedById", "LastModifiedById")} == {org.user_id}
    assert (values["IsDeleted"], values["MasterRecordId"], values["Tobacco_Use__c"]) == (False, None, False)


def test_stamps_are_whole_seconds(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    clock.advance(5.9)
    row = org.find(contact, org.create(contact, {"LastName": "Li"}))
    assert row is not None
    assert (row.stamp.second, row.stamp.microsecond) == (5, 0)
    assert row.values["SystemModstamp"] == "2026-03-02T14:00:05.000+0000"


def test_a_write_that_changes_nothing_still_moves_the_stamps(org: Org, contact: ObjectDef, clock: ManualClock) -> None:
    made = org.create(contact, {"LastName": "Li"})
    clock.advance(60)
    org.update(contact, made, {"LastName": "Li"}, How(user=org.person_id))
    values = held(org, "Contact", made)
    assert values["SystemModstamp"] == values["LastModifiedDate"] == "2026-03-02T14:01:00.000+0000"
    assert values["LastModifiedById"] == org.person_id
    assert values["CreatedDate"] == "2026-03-02T14:00:00.000+0000"


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("FirstName", "  Ann ", "Ann"),
        ("FirstName", "", None),
        ("FirstName", "   ", None),
        ("FirstName", None, None),
        ("Phone", "(305) 555-1234", "(305) 555-1234"),
        ("Email", " Ann@Example.COM", "ann@example.com"),
        ("Birthdate", "1980-02-29", "1980-02-29"),
        ("Coverage_Amount__c", 250_000, 250_000.0),
        ("Coverage_Amount__c", "250000.555", 250_000.56),
        ("Tobacco_Use__c", True, True),
        ("Tobacco_Use__c", "TRUE", True),
        ("LeadSource", "Never heard of", "Never heard of"),
        ("Product_Interest__c", "Term Life", "Term Life"),
        ("Riders__c", "Child Term; Waiver of Premium;Child Term", "Waiver of Premium;Child Term"),
        ("Riders__c", ";", None),
        ("FirstName", "x" * 40, "x" * 40),
        ("OwnerId", "0055e0000000003", "0055e0000000003AAA"),
    ],
)
def test_a_value_is_stored_as_the_vendor_keeps_it(
    org: Org, contact: ObjectDef, field: str, sent: object, kept: object
) -> None:
    made = org.create(contact, {"LastName": "Li"})
    org.update(contact, made, {field: sent})
    value = held(org, "Contact", made)[field]
    assert value == kept
    assert type(value) is type(kept)


def test_trimming_and_lower_case_can_be_switched_off(clock: ManualClock) -> None:
    org = Org(clock, options=Options(trims_text=False, lowercases_email=False))
    made = org.create(org.schema.get("Contact"), {"LastName": "Li ", "Email": "A@B.co"})
    assert (held(org, "Contact", made)["LastName"], held(org, "Contact", made)["Email"]) == ("Li ", "A@B.co")


def test_the_name_follows_its_parts(org: Org, contact: ObjectDef) -> None:
    made = org.create(contact, {"FirstName": "Ann", "LastName": "Li"})
    org.update(contact, made, {"FirstName": None})
    assert held(org, "Contact", made)["Name"] == "Li"


def test_a_lead_gets_the_default_status_and_cannot_lose_it(org: Org) -> None:
    lead = org.schema.get("Lead")
    for given in ({}, {"Status": None}):
        made = org.create(lead, {"LastName": "Li", "Company": "Self", **given})
        assert held(org, "Lead", made)["Status"] == "Open - Not Contacted"
        with pytest.raises(RecordFaults) as refused:
            org.update(lead, made, {"Status": None})
        assert codes(refused.value) == ["REQUIRED_FIELD_MISSING"]


# External ids


def test_an_external_id_is_unique_whatever_its_case(org: Org, contact: ObjectDef) -> None:
    first = org.create(contact, {"LastName": "Li", "SalesPulse_Id__c": "Ab1"})
    second = org.create(contact, {"LastName": "Lo"})
    for write in (
        lambda: org.create(contact, {"LastName": "Lu", "SalesPulse_Id__c": "aB1"}),
        lambda: org.update(contact, second, {"SalesPulse_Id__c": "AB1"}),
    ):
        with pytest.raises(RecordFaults) as refused:
            write()
        [fault] = refused.value.faults
        assert fault.code == "DUPLICATE_VALUE"
        assert fault.message == (
            f"duplicate value found: SalesPulse_Id__c duplicates value on record with id: {first[:15]}"
        )
    org.update(contact, first, {"SalesPulse_Id__c": "AB1"})
    assert [row.id for row in org.by_external(contact, contact.fields["salespulse_id__c"], "ab1")] == [first]


def test_a_deleted_record_holds_no_external_id(org: Org, contact: ObjectDef) -> None:
    first = org.create(contact, {"LastName": "Li", "SalesPulse_Id__c": "a1"})
    org.delete(contact, first)
    second = org.create(contact, {"LastName": "Lo", "SalesPulse_Id__c": "a1"})
    assert [row.id for row in org.by_external(contact, contact.fields["salespulse_id__c"], "A1")] == [second]
    with pytest.raises(RecordFaults) as refused:
        org.undelete(first)
    assert codes(refused.value) == ["DUPLICATE_VALUE"]


def test_an_upsert_updates_what_it_finds_and_makes_what_it_does_not(org: Org, contact: ObjectDef) -> None:
    field = contact.fields["salespulse_id__c"]
    made, created = org.upsert(contact, field, "a1", {"LastName": "Li"})
    again, created_again = org.upsert(contact, field, "A1", {"Phone": "1", "salespulse_id__C": "A1"})
    assert (created, created_again, again) == (True, False, made)
    assert (held(org, "Contact", made)["LastName"], held(org, "Contact", made)["Phone"]) == ("Li", "1")
    with pytest.raises(RecordFaults):
        org.upsert(contact, field, "a2", {"Phone": "1"})


def test_an_upsert_that_meets_several_records_names_them(clock: ManualClock) -> None:
    org = Org(clock, options=Options(external_id_unique=False))
    contact = org.schema.get("Contact")
    ids = [org.create(contact, {"LastName": name, "SalesPulse_Id__c": "a1"}) for name in ("Li", "Lo")]
    with pytest.raises(MultipleMatches) as refused:
        org.upsert(contact, contact.fields["salespulse_id__c"], "a1", {"LastName": "Lu"})
    assert refused.value.ids == tuple(ids)


def test_the_external_id_field_can_be_missing_and_come_later(clock: ManualClock) -> None:
    org = Org(clock, options=Options(has_external_id=False))
    made = org.create(org.schema.get("Contact"), {"LastName": "Li"})
    with pytest.raises(RecordFaults) as refused:
        org.update(org.schema.get("Contact"), made, {"SalesPulse_Id__c": "a1"})
    assert codes(refused.value) == ["INVALID_FIELD"]
    org.options = Options()
    assert held(org, "Contact", made)["SalesPulse_Id__c"] is None
    org.update(org.schema.get("Contact"), made, {"SalesPulse_Id__c": "a1"})
    assert held(org, "Contact", made)["SalesPulse_Id__c"] == "a1"
