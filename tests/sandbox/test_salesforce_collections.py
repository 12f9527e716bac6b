"""Collections of the Salesforce model: order, partial success, caps, reads (contract, section 4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.direct import Direct
from syncd.sandbox.salesforce.ids import make_id
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options, ValidationRule
from syncd.sandbox.wire import Response

MANY = "composite/sobjects"
UPSERT = f"{MANY}/Contact/SalesPulse_Id__c"
UNKNOWN = make_id("003", 999_999)


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce(ManualClock())


@pytest.fixture
def api(salesforce: Salesforce) -> Direct:
    return Direct(salesforce)


def row(kind: str = "Contact", **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind}, **values}


def create(api: Direct, *records: dict[str, Any], all_or_none: bool = False) -> Response:
    return api.post(MANY, {"allOrNone": all_or_none, "records": list(records)})


def made(api: Direct, *names: str) -> list[str]:
    return [result["id"] for result in create(api, *(row(LastName=name) for name in names)).json()]


def read(api: Direct, ids: list[str], *fields: str) -> Any:
    return api.post(f"{MANY}/Contact", {"ids": ids, "fields": list(fields)}).json()


def failures(answer: Response) -> list[list[str]]:
    """The codes of every result, [] for success."""
    assert answer.status == 200, answer.body
    return [[error["statusCode"] for error in result["errors"]] for result in answer.json()]


def test_two_hundred_are_created_in_order_by_one_request(salesforce: Salesforce, api: Direct) -> None:
    answer = create(api, *(row(LastName=f"Li{n}") for n in range(200)))
    assert answer.status == 200
    assert {(result["success"], tuple(result["errors"])) for result in answer.json()} == {(True, ())}
    ids = [result["id"] for result in answer.json()]
    assert [one["LastName"] for one in read(api, ids, "LastName")] == [f"Li{n}" for n in range(200)]
    assert salesforce.usage.used == 2


@pytest.mark.parametrize("send", ["create", "update", "upsert", "delete"])
def test_more_than_two_hundred_are_refused_at_once(salesforce: Salesforce, api: Direct, send: str) -> None:
    records = [row(id=UNKNOWN, LastName="Li", SalesPulse_Id__c=str(n)) for n in range(201)]
    match send:
        case "create":
            answer = create(api, *records)
        case "update":
            answer = api.patch(MANY, {"records": records})
        case "upsert":
            answer = api.patch(UPSERT, {"records": records})
        case _:
            answer = api.delete(f"{MANY}?ids={','.join([UNKNOWN] * 201)}")
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert salesforce.records() == []


def test_one_bad_record_does_not_stop_the_others(api: Direct) -> None:
    answer = create(
        api, row(LastName="Li"), row(FirstName="Ann"), row(LastName="Lo", Email="nonsense"), row(LastName="Lu")
    )
    assert failures(answer) == [[], ["REQUIRED_FIELD_MISSING"], ["INVALID_EMAIL_ADDRESS"], []]
    refused = answer.json()[1]
    assert set(refused) == {"success", "errors"}
    assert set(refused["errors"][0]) == {"statusCode", "message", "fields"}
    assert refused["errors"][0]["fields"] == ["LastName"]


def test_a_record_can_have_several_errors(api: Direct) -> None:
    long = {"FirstName": "x" * 41, "Phone": "1" * 41}
    assert failures(create(api, row(LastName="Li", **long))) == [["STRING_TOO_LONG", "STRING_TOO_LONG"]]


def test_all_or_none_takes_everything_back(salesforce: Salesforce, api: Direct) -> None:
    answer = create(api, row(LastName="Li"), row(FirstName="Ann"), row(LastName="Lu"), all_or_none=True)
    rolled_back = ["ALL_OR_NONE_OPERATION_ROLLED_BACK"]
    assert failures(answer) == [rolled_back, ["REQUIRED_FIELD_MISSING"], rolled_back]
    assert salesforce.records() == []
    assert failures(create(api, row(LastName="Li"), row(LastName="Lu"), all_or_none=True)) == [[], []]
    assert len(salesforce.records()) == 2


def test_updates_name_their_record_by_id(api: Direct) -> None:
    one, two, three = made(api, "Li", "Lo", "Lu")
    records = [
        row(id=two, Phone="2"),
        row(Phone="3"),
        row(id=one[:15], Phone="1", FirstName=None),
        row(id=UNKNOWN, Phone="4"),
        row(id="short", Phone="5"),
        row(id=three, Phone="x" * 41),
    ]
    answer = api.patch(MANY, {"allOrNone": False, "records": records})
    codes = [[], ["MISSING_ARGUMENT"], [], ["NOT_FOUND"], ["MALFORMED_ID"], ["STRING_TOO_LONG"]]
    assert failures(answer) == codes
    assert [answer.json()[at]["id"] for at in (0, 2)] == [two, one]
    assert [one["Phone"] for one in read(api, [one, two, three], "Phone")] == ["1", "2", None]


def test_an_id_that_comes_twice_is_written_once(api: Direct) -> None:
    (one,) = made(api, "Li")
    answer = api.patch(MANY, {"records": [row(id=one, Phone="1"), row(id=one[:15], Phone="2")]})
    assert failures(answer) == [[], ["DUPLICATE_VALUE"]]
    assert read(api, [one], "Phone")[0]["Phone"] == "1"


def test_an_upsert_says_what_it_created(api: Direct) -> None:
    records = [row(SalesPulse_Id__c=f"ctn_{n}", LastName=f"Li{n}") for n in range(3)]
    first = api.patch(UPSERT, {"records": records[:2]}).json()
    assert [result["created"] for result in first] == [True, True]
    second = api.patch(UPSERT, {"records": records}).json()
    assert [result["created"] for result in second] == [False, False, True]
    assert [result["id"] for result in second[:2]] == [result["id"] for result in first]
    assert read(api, [second[2]["id"]], "SalesPulse_Id__c")[0]["SalesPulse_Id__c"] == "ctn_2"


def test_an_upsert_needs_one_external_id_each(api: Direct) -> None:
    records = [
        row(SalesPulse_Id__c="ctn_1", LastName="Li"),
        row(LastName="Lo"),
        row(SalesPulse_Id__c="CTN_1", LastName="Lu"),
        row(SalesPulse_Id__c="ctn_2", LastName="La", id=UNKNOWN),
        row(SalesPulse_Id__c="ctn_3", FirstName="Ann"),
    ]
    answer = api.patch(UPSERT, {"records": records})
    assert failures(answer) == [
        ["DUPLICATE_VALUE"],
        ["MISSING_ARGUMENT"],
        ["DUPLICATE_VALUE"],
        ["INVALID_FIELD_FOR_INSERT_UPDATE"],
        ["REQUIRED_FIELD_MISSING"],
    ]


def test_an_upsert_that_meets_several_records_fails_alone(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(external_id_unique=False))
    create(api, row(LastName="Li", SalesPulse_Id__c="ctn_1"), row(LastName="Lo", SalesPulse_Id__c="ctn_1"))
    records = [row(SalesPulse_Id__c="ctn_1", Phone="1"), row(SalesPulse_Id__c="ctn_2", LastName="Lu")]
    assert failures(api.patch(UPSERT, {"records": records})) == [["DUPLICATE_VALUE"], []]


def test_an_upsert_takes_one_type_only(api: Direct) -> None:
    answer = api.patch(UPSERT, {"records": [row("Lead", SalesPulse_Id__c="ctn_1", LastName="Li", Company="Co")]})
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")


def test_deletes_are_answered_one_by_one(api: Direct) -> None:
    one, two = made(api, "Li", "Lo")
    api.delete(f"sobjects/Contact/{two}")
    answer = api.delete(f"{MANY}?ids={one},{two},{UNKNOWN},short&allOrNone=false")
    assert failures(answer) == [[], ["ENTITY_IS_DELETED"], ["NOT_FOUND"], ["MALFORMED_ID"]]
    assert answer.json()[0] == {"id": one, "success": True, "errors": []}
    assert read(api, [one], "Id") == [None]


def test_mixed_types_go_in_ten_chunks_at_most(api: Direct) -> None:
    pair = [row(LastName="Li"), row("Lead", LastName="Lo", Company="Co")]
    assert failures(create(api, *pair * 5)) == [[]] * 10
    answer = create(api, *pair * 5, row(LastName="Lu"))
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


@pytest.mark.parametrize(("records", "code"), [
    ([{"LastName": "Li"}], "INVALID_TYPE"),
    ([row("Nothing__c", LastName="Li")], "INVALID_TYPE"),
    ([], "MISSING_ARGUMENT"),
    ("Li", "JSON_PARSER_ERROR"),
    ([row(LastName="Li"), row(LastName="Lo", Tobacco_Use__c="perhaps")], "JSON_PARSER_ERROR"),
])  # fmt: skip
def test_a_request_of_the_wrong_shape_is_refused_whole(
    salesforce: Salesforce, api: Direct, records: Any, code: str
) -> None:
    answer = api.post(MANY, {"records": records})
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, code)
    assert salesforce.records() == []


def test_a_create_must_not_name_an_id(api: Direct) -> None:
    assert failures(create(api, row(id=UNKNOWN, LastName="Li"))) == [["INVALID_FIELD_FOR_INSERT_UPDATE"]]


# ---- reads


def test_a_read_keeps_the_order_and_has_null_for_what_is_not_there(api: Direct) -> None:
    one, two, three = made(api, "Li", "Lo", "Lu")
    api.delete(f"sobjects/Contact/{two}")
    lead = create(api, row("Lead", LastName="La", Company="Co")).json()[0]["id"]
    found = read(api, [three, two, UNKNOWN, lead, "short", one, three], "id", "LastName")
    assert [None if record is None else record["LastName"] for record in found] == [
        "Lu", None, None, None, None, "Li", "Lu",
    ]  # fmt: skip
    url = f"/services/data/v62.0/sobjects/Contact/{three}"
    assert found[0] == {"attributes": {"type": "Contact", "url": url}, "Id": three, "LastName": "Lu"}
    assert api.get(f"{MANY}/Contact?ids={one},{UNKNOWN}&fields=LastName").json()[1] is None


def test_two_thousand_are_read_at_once_and_no_more(api: Direct) -> None:
    (one,) = made(api, "Li")
    assert len(read(api, [one] * 2_000, "Id")) == 2_000
    answer = api.post(f"{MANY}/Contact", {"ids": [one] * 2_001, "fields": ["Id"]})
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize(("fields", "code"), [
    (["Id", "Nothing__c"], "INVALID_FIELD"), (["Id", "Phone"], "INVALID_FIELD"), ([], "MISSING_ARGUMENT"),
])  # fmt: skip
def test_a_field_that_cannot_be_read_refuses_the_whole_read(
    salesforce: Salesforce, api: Direct, fields: list[str], code: str
) -> None:
    salesforce.set_options(Options(hidden_fields=("Contact.Phone",)))
    answer = api.post(f"{MANY}/Contact", {"ids": [UNKNOWN], "fields": fields})
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, code)


# ---- rules


def test_details_of_duplicates_are_missing_here(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(duplicate_rule="alert"))
    create(api, row(LastName="Li", Email="a@b.co"))
    (result,) = create(api, row(LastName="Lo", Email="a@b.co")).json()
    assert result["errors"][0]["statusCode"] == "DUPLICATES_DETECTED"
    assert "duplicateResult" not in result["errors"][0]
    salesforce.set_options(Options(duplicate_rule="alert", duplicate_details_in_collections=True))
    (result,) = create(api, row(LastName="Lo", Email="a@b.co")).json()
    assert result["errors"][0]["duplicateResult"]["matchResults"]


def test_headers_hold_for_every_record(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(duplicate_rule="alert", assignment_rule=True))
    twins = {"records": [row("Lead", LastName="Li", Company="Co")] * 2}
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true", "Sforce-Auto-Assign": "FALSE"}
    assert failures(api.send("POST", MANY, twins, headers)) == [[], []]
    assert {one["OwnerId"] for one in salesforce.records("Lead")} == {salesforce.org.user_id}


def test_the_admins_rules_are_told_in_the_admins_words(salesforce: Salesforce, api: Direct) -> None:
    rule = ValidationRule(object="Contact", field="Phone", equals="0", message="No zero", error_field=True)
    salesforce.set_options(Options(validation_rules=(rule,)))
    (fine, refused) = create(api, row(LastName="Li"), row(LastName="Lo", Phone="0")).json()
    assert fine["success"]
    error = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No zero", "fields": ["Phone"]}
    assert refused["errors"] == [error]
