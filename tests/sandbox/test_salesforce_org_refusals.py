"""Which writes the Salesforce model refuses, with which codes and words (contract, section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import ApiError, RecordFaults
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.ids import make_id
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.schema import ObjectDef

CSV = How(csv=True)


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


@pytest.mark.parametrize(
    ("field", "sent", "code", "message"),
    [
        ("FirstName", "x" * 41, "STRING_TOO_LONG", f"First Name: data value too large: {'x' * 41} (max length=40)"),
        ("Email", "no address", "INVALID_EMAIL_ADDRESS", "Email: invalid email address: no address"),
        (
            "Product_Interest__c",
            "Pet",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Product Interest: bad value for restricted picklist field: Pet",
        ),
        (
            "Riders__c",
            "Child Term;Pet",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Riders: bad value for restricted picklist field: Pet",
        ),
        ("LastName", "", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
        (
            "Tobacco_Use__c",
            None,
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "Tobacco Use: value not of required type: null",
        ),
        (
            "Coverage_Amount__c",
            1e16,
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Coverage Amount: value outside of valid range on numeric field: 1e+16",
        ),
        ("AccountId", "acme", "MALFORMED_ID", "Account ID: id value of incorrect type: acme"),
        (
            "AccountId",
            make_id("003", 1),
            "MALFORMED_ID",
            f"Account ID: id value of incorrect type: {make_id('003', 1)}",
        ),
        ("AccountId", make_id("001", 77), "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(
    org: Org, contact: ObjectDef, field: str, sent: object, code: str, message: str
) -> None:
    made = org.create(contact, {"LastName": "Li"})
    with pytest.raises(RecordFaults) as refused:
        org.update(contact, made, {field: sent})
    [fault] = refused.value.faults
    assert (fault.code, fault.message, fault.fields) == (code, message, (field,))
    assert refused.value.status == 400
    assert held(org, "Contact", made)["LastName"] == "Li"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("Contact", ("LastName",)),
        ("Lead", ("LastName", "Company")),
        ("Account", ("Name",)),
        ("Opportunity", ("Name", "StageName", "CloseDate")),
        ("OpportunityContactRole", ("OpportunityId", "ContactId")),
    ],
)
def test_a_create_tells_all_that_it_lacks(org: Org, kind: str, missing: tuple[str, ...]) -> None:
    with pytest.raises(RecordFaults) as refused:
        org.create(org.schema.get(kind), {})
    [fault] = refused.value.faults
    assert fault.code == "REQUIRED_FIELD_MISSING"
    assert fault.message == f"Required fields are missing: [{', '.join(missing)}]"
    assert fault.fields == missing


def test_one_record_can_have_several_faults(org: Org, contact: ObjectDef) -> None:
    wrong = {"LastName": "Li", "FirstName": "x" * 41, "Email": "no", "Name": "A", "IsDeleted": True, "Nope__c": 1}
    with pytest.raises(RecordFaults) as refused:
        org.create(contact, wrong)
    assert codes(refused.value) == [
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "STRING_TOO_LONG",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_FIELD",
    ]
    assert refused.value.faults[0].fields == ("Name", "IsDeleted")
    assert refused.value.faults[0].message.startswith("Unable to create/update fields: Name, IsDeleted.")
    assert refused.value.faults[3].message == "No such column 'Nope__c' on sobject of type Contact"


@pytest.mark.parametrize(
    ("field", "sent", "told"),
    [
        ("LastName", 5, "string from VALUE_NUMBER_INT value 5"),
        ("Phone", True, "phone from VALUE_TRUE value true"),
        ("Birthdate", "03/02/2026", "date from VALUE_STRING value 03/02/2026"),
        ("Birthdate", "2026-02-30", "date from VALUE_STRING value 2026-02-30"),
        ("Birthdate", "", "date from VALUE_STRING value "),
        ("Birthdate", "1066-10-14", "date from VALUE_STRING value 1066-10-14"),
        ("Coverage_Amount__c", "much", "currency from VALUE_STRING value much"),
        ("Coverage_Amount__c", "NaN", "currency from VALUE_STRING value NaN"),
        ("Coverage_Amount__c", True, "currency from VALUE_TRUE value true"),
        ("Tobacco_Use__c", "yes", "boolean from VALUE_STRING value yes"),
        ("Tobacco_Use__c", 1, "boolean from VALUE_NUMBER_INT value 1"),
        ("Email", {"a": 1}, "email from START_OBJECT value {"),
        ("Email", ["a"], "email from START_ARRAY value ["),
    ],
)
def test_json_of_the_wrong_type_fails_the_request(
    org: Org, contact: ObjectDef, field: str, sent: object, told: str
) -> None:
    with pytest.raises(ApiError) as refused:
        org.create(contact, {"LastName": "Li", field: sent})
    assert (refused.value.status, refused.value.code) == (400, "JSON_PARSER_ERROR")
    assert f"Cannot deserialize instance of {told} or request" in refused.value.message
    with pytest.raises(ApiError):
        org.check_json(contact, {field: sent})


def test_a_wrong_type_in_a_bulk_upload_fails_its_row_alone(org: Org, contact: ObjectDef) -> None:
    with pytest.raises(RecordFaults) as refused:
        org.create(contact, {"LastName": "Li", "Birthdate": "03/02/2026", "Coverage_Amount__c": "much"}, CSV)
    assert codes(refused.value) == ["INVALID_TYPE_ON_FIELD_IN_RECORD"] * 2
    made = org.create(contact, {"LastName": "Li", "Coverage_Amount__c": "12.5", "Tobacco_Use__c": "true"}, CSV)
    assert (held(org, "Contact", made)["Coverage_Amount__c"], held(org, "Contact", made)["Tobacco_Use__c"]) == (
        12.5,
        True,
    )


def test_an_id_does_not_belong_in_the_values(org: Org, contact: ObjectDef) -> None:
    made = org.create(contact, {"LastName": "Li"})
    with pytest.raises(RecordFaults) as refused:
        org.update(contact, made, {"Id": made, "LastName": "Lo"})
    assert codes(refused.value) == ["INVALID_FIELD"]


@pytest.mark.parametrize(
    ("record_id", "status", "code"),
    [("zzz", 400, "MALFORMED_ID"), (make_id("003", 999), 404, "NOT_FOUND"), (make_id("001", 1), 404, "NOT_FOUND")],
)
def test_an_update_of_what_is_not_there_is_refused(
    org: Org, contact: ObjectDef, record_id: str, status: int, code: str
) -> None:
    with pytest.raises(RecordFaults) as refused:
        org.update(contact, record_id, {"LastName": "Li"})
    assert (refused.value.status, codes(refused.value)) == (status, [code])


@pytest.mark.parametrize("kind", ["OpportunityStage", "LeadStatus", "TaskStatus", "User", "Organization"])
def test_setup_records_are_there_and_only_read(org: Org, kind: str) -> None:
    obj = org.schema.get(kind)
    first = next(org.rows(obj, deleted=False))
    for write in (
        lambda: org.create(obj, {}),
        lambda: org.update(obj, first.id, {}),
        lambda: org.delete(obj, first.id),
        lambda: org.purge(first.id),
    ):
        with pytest.raises(RecordFaults) as refused:
            write()
        assert codes(refused.value) == ["INVALID_TYPE_FOR_OPERATION"]


def test_the_three_lists_of_stages_share_no_id(org: Org) -> None:
    ids = [
        row.id
        for kind in ("OpportunityStage", "LeadStatus", "TaskStatus")
        for row in org.rows(org.schema.get(kind), deleted=True)
    ]
    assert len(ids) == len(set(ids)) == 7 + 5 + 5
    assert all(org.find(org.schema.get("LeadStatus"), one) is None for one in ids[:7])
