"""describe of the Salesforce model (contract, section 5.1)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.describes import describe, describe_global
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.wire import Request, Response

PATH = "/services/data/v59.0/sobjects"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    return Org(clock)


def ask(org: Org, kind: str = "Contact", *, since: str = "") -> Response:
    headers = {"if-modified-since": since} if since else {}
    return describe(org, kind, Request(method="GET", path=f"{PATH}/{kind}/describe", headers=headers))


def fields(org: Org, kind: str = "Contact") -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in ask(org, kind).json()["fields"]}


def test_all_objects_are_listed_with_their_flags(org: Org) -> None:
    body = describe_global(org, Request(method="GET", path=PATH)).json()
    assert (body["encoding"], body["maxBatchSize"]) == ("UTF-8", 200)
    found = {one["name"]: one for one in body["sobjects"]}
    assert {"Contact", "Lead", "Account", "Opportunity", "OpportunityContactRole", "Task", "User"} <= found.keys()
    contact = found["Contact"]
    assert (contact["keyPrefix"], contact["createable"], contact["replicateable"]) == ("003", True, True)
    assert contact["urls"]["describe"] == f"{PATH}/Contact/describe"
    assert found["OpportunityStage"]["createable"] is False


def test_a_field_is_described_as_the_contract_shows(org: Org) -> None:
    field = fields(org)["LastName"]
    expected = {
        "name": "LastName", "label": "Last Name", "type": "string", "length": 80, "nillable": False,
        "createable": True, "updateable": True, "defaultedOnCreate": False, "unique": False, "externalId": False,
        "idLookup": False, "caseSensitive": False, "calculated": False, "filterable": True, "sortable": True,
        "restrictedPicklist": False, "compoundFieldName": "Name", "referenceTo": [], "relationshipName": None,
        "soapType": "xsd:string", "picklistValues": [],
    }  # fmt: skip
    assert {name: field[name] for name in expected} == expected


@pytest.mark.parametrize(("name", "flags"), [
    ("Email", {"type": "email", "length": 80, "idLookup": True, "unique": False}),
    ("Description", {"length": 32_000, "filterable": False, "sortable": False}),
    ("SystemModstamp", {"type": "datetime", "createable": False, "updateable": False, "soapType": "xsd:dateTime"}),
    ("OwnerId", {"type": "reference", "defaultedOnCreate": True, "nillable": False, "relationshipName": "Owner"}),
    ("AccountId", {"referenceTo": ["Account"], "relationshipName": "Account"}),
    ("SalesPulse_Id__c", {"custom": True, "externalId": True, "unique": True, "length": 64, "caseSensitive": False}),
    ("MailingAddress", {"type": "address", "updateable": False, "sortable": False}),
    ("Tobacco_Use__c", {"type": "boolean", "nillable": False, "defaultValue": False}),
])  # fmt: skip
def test_flags_of_fields(org: Org, name: str, flags: dict[str, Any]) -> None:
    field = fields(org)[name]
    assert {flag: field[flag] for flag in flags} == flags


def test_picklists_list_their_values(org: Org) -> None:
    field = fields(org)["Product_Interest__c"]
    assert field["restrictedPicklist"] is True
    assert {"active": True, "defaultValue": False, "validFor": None}.items() <= field["picklistValues"][0].items()
    assert all(one["label"] and one["value"] for one in field["picklistValues"])


def test_an_object_has_record_types_and_children(org: Org) -> None:
    body = ask(org).json()
    assert [one["master"] for one in body["recordTypeInfos"]] == [True]
    assert {"OpportunityContactRole", "Task"} <= {one["childSObject"] for one in body["childRelationships"]}
    assert body["name"] == "Contact"
    assert ask(org, "contact").json()["name"] == "Contact"


def test_a_hidden_field_is_not_there_and_a_read_only_one_cannot_be_updated(org: Org) -> None:
    assert fields(org)["Phone"]["updateable"] is True
    org.options = Options(hidden_fields=("Contact.Phone",), readonly_fields=("Contact.Title",))
    found = fields(org)
    assert "Phone" not in found
    assert found["Title"]["updateable"] is False
    assert "Phone" in fields(org, "Lead")


def test_nothing_new_is_answered_304_until_the_schema_changes(org: Org, clock: ManualClock) -> None:
    clock.advance(3_600)
    seen = ask(org).headers["last-modified"]
    assert seen == "Mon, 02 Mar 2026 14:00:00 GMT"
    again = ask(org, since=seen)
    assert (again.status, again.body) == (304, b"")
    assert ask(org, since="Mon, 02 Mar 2026 13:59:59 GMT").status == 200
    org.options = Options(hidden_fields=("Contact.Phone",))
    fresh = ask(org, since=seen)
    assert fresh.status == 200
    seen = fresh.headers["last-modified"]
    assert ask(org, since=seen).status == 304
    org.options = Options()
    assert ask(org, since=seen).status == 200, "two changes within one second are two changes"
    request = Request(method="GET", path=PATH, headers={"if-modified-since": "Tue, 01 Jan 2030 00:00:00 GMT"})
    assert describe_global(org, request).status == 304


def test_a_header_that_is_no_date_and_an_object_that_is_none_are_refused(org: Org) -> None:
    with pytest.raises(ApiError) as caught:
        ask(org, since="yesterday")
    assert caught.value.status == 400
    with pytest.raises(ApiError) as caught:
        ask(org, "Nope")
    assert (caught.value.status, caught.value.code) == (404, "NOT_FOUND")
