"""One record at a time in the Salesforce model: by id, by external id, conditions (contract, sections 4.1 and 4.2)."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.direct import Direct
from syncd.sandbox.salesforce.ids import make_id
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options

CONTACT = "sobjects/Contact"
BY_EXTERNAL = f"{CONTACT}/SalesPulse_Id__c"
NO_SUCH_ID = make_id("003", 999_999)


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce(ManualClock())


@pytest.fixture
def api(salesforce: Salesforce) -> Direct:
    return Direct(salesforce)


def made(api: Direct, **values: Any) -> str:
    answer = api.post(f"{CONTACT}/", {"LastName": "Li", **values})
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


def codes(answer: Any) -> list[str]:
    return [entry["errorCode"] for entry in answer.json()]


def test_a_created_record_is_answered_by_its_id_alone(api: Direct) -> None:
    answer = api.post(f"{CONTACT}/", {"attributes": {"type": "Contact"}, "LastName": "Li", "firstname": "Ann"})
    assert answer.status == 201
    record_id = answer.json()["id"]
    assert answer.json() == {"id": record_id, "success": True, "errors": []}
    assert answer.headers["Location"] == f"/services/data/v62.0/sobjects/Contact/{record_id}"
    assert len(record_id) == 18


def test_a_record_shows_the_fields_that_were_asked_for(api: Direct) -> None:
    record_id = made(api, Email="a@b.co")
    shown = api.get(f"{CONTACT}/{record_id}?fields=Id,lastname,Email,Phone").json()
    assert shown == {
        "attributes": {"type": "Contact", "url": f"/services/data/v62.0/sobjects/Contact/{record_id}"},
        "Id": record_id,
        "LastName": "Li",
        "Email": "a@b.co",
        "Phone": None,
    }
    assert api.get(f"{CONTACT}/{record_id[:15]}?fields=LastName").json()["LastName"] == "Li"
    everything = api.get(f"{CONTACT}/{record_id}").json()
    assert {"Id", "LastName", "SystemModstamp", "OwnerId", "IsDeleted"} <= set(everything)


def test_a_compound_address_shows_its_parts(api: Direct) -> None:
    record_id = made(api, MailingState="TX")
    shown = api.get(f"{CONTACT}/{record_id}?fields=MailingAddress").json()
    assert shown["MailingAddress"]["state"] == "TX"
    assert api.get(f"{CONTACT}/{made(api)}?fields=MailingAddress").json()["MailingAddress"] is None


@pytest.mark.parametrize("hidden", [(), ("Contact.Phone",)])
def test_a_field_that_does_not_exist_or_is_hidden_is_refused(
    salesforce: Salesforce, api: Direct, hidden: tuple[str, ...]
) -> None:
    record_id = made(api, Phone="1")
    salesforce.set_options(Options(hidden_fields=hidden))
    name = "Phone" if hidden else "Nothing__c"
    answer = api.get(f"{CONTACT}/{record_id}?fields={name}")
    assert (answer.status, codes(answer)) == (400, ["INVALID_FIELD"])
    assert not hidden or "Phone" not in api.get(f"{CONTACT}/{record_id}").json()


@pytest.mark.parametrize("path", [
    f"{CONTACT}/{NO_SUCH_ID}", f"{CONTACT}/short", "sobjects/Nothing__c/0035e0000000001AAA", "nothing",
    "sobjects/Contact/Nothing__c/1", "sobjects/Contact/LastName/Li", f"{BY_EXTERNAL}/ctn_9",
    "/services/data/v99.0/query", "/services/apexrest/x", "composite/tree/Contact", "jobs/nothing",
])  # fmt: skip
def test_what_does_not_exist_is_404(api: Direct, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, codes(answer)) == (404, ["NOT_FOUND"])


def test_a_retired_version_is_gone(api: Direct) -> None:
    assert api.get("/services/data/v30.0/limits").status == 410
    assert api.get("/services/data/v31.0/limits").status == 200


@pytest.mark.parametrize(("method", "path"), [
    ("PUT", CONTACT), ("POST", f"{CONTACT}/0035e0000000001AAA"), ("DELETE", "query"), ("POST", "limits"),
    ("GET", "composite/sobjects"), ("POST", "composite/sobjects/Contact/SalesPulse_Id__c"), ("PUT", "jobs/ingest"),
])  # fmt: skip
def test_a_method_that_is_not_offered_is_405(api: Direct, method: str, path: str) -> None:
    answer = api.send(method, path, {})
    assert (answer.status, codes(answer)) == (405, ["METHOD_NOT_ALLOWED"])


@pytest.mark.parametrize(("body", "kind", "status", "code"), [
    (b"{", "application/json", 400, "JSON_PARSER_ERROR"),
    (b"[]", "application/json", 400, "JSON_PARSER_ERROR"),
    (b"", "application/json", 400, "JSON_PARSER_ERROR"),
    (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
])  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(api: Direct, body: bytes, kind: str, status: int, code: str) -> None:
    answer = api.send("POST", CONTACT, body, {"content-type": kind})
    assert (answer.status, codes(answer)) == (status, [code])


def test_a_refused_create_names_the_fields(api: Direct) -> None:
    answer = api.post(CONTACT, {"FirstName": "Ann"})
    assert answer.status == 400
    (entry,) = answer.json()
    assert (entry["errorCode"], entry["fields"]) == ("REQUIRED_FIELD_MISSING", ["LastName"])


def test_an_update_answers_204_and_null_clears(api: Direct) -> None:
    record_id = made(api, Phone="1", FirstName="Ann")
    answer = api.patch(f"{CONTACT}/{record_id}", {"Phone": None, "FirstName": "Bea"})
    assert (answer.status, answer.body) == (204, b"")
    shown = api.get(f"{CONTACT}/{record_id}?fields=Phone,FirstName").json()
    assert (shown["Phone"], shown["FirstName"]) == (None, "Bea")


def test_the_second_delete_finds_the_record_deleted(api: Direct) -> None:
    record_id = made(api)
    assert api.delete(f"{CONTACT}/{record_id}").status == 204
    again = api.delete(f"{CONTACT}/{record_id}")
    assert (again.status, codes(again)) == (404, ["ENTITY_IS_DELETED"])
    update = api.patch(f"{CONTACT}/{record_id}", {"Phone": "1"})
    assert (update.status, codes(update)) == (404, ["ENTITY_IS_DELETED"])
    assert codes(api.get(f"{CONTACT}/{record_id}")) == ["NOT_FOUND"]


# ---- by external id


def test_an_upsert_creates_and_then_updates(api: Direct) -> None:
    first = api.patch(f"{BY_EXTERNAL}/ctn_1", {"LastName": "Li"})
    assert first.status == 201
    record_id = first.json()["id"]
    assert first.json() == {"id": record_id, "success": True, "errors": [], "created": True}
    second = api.patch(f"{BY_EXTERNAL}/CTN_1", {"Phone": "1"})
    assert (second.status, second.json()["id"], second.json()["created"]) == (200, record_id, False)
    shown = api.get(f"{BY_EXTERNAL}/ctn_1?fields=Id,Phone,SalesPulse_Id__c").json()
    assert (shown["Id"], shown["Phone"], shown["SalesPulse_Id__c"]) == (record_id, "1", "ctn_1")
    assert api.delete(f"{BY_EXTERNAL}/ctn_1").status == 204
    assert api.delete(f"{BY_EXTERNAL}/ctn_1").status == 404


def test_the_update_of_an_upsert_may_be_answered_without_a_body(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(upsert_update_status=204))
    assert api.patch(f"{BY_EXTERNAL}/ctn_1", {"LastName": "Li"}).status == 201
    answer = api.patch(f"{BY_EXTERNAL}/ctn_1", {"LastName": "Lo"})
    assert (answer.status, answer.body) == (204, b"")


def test_the_value_in_the_path_must_not_be_repeated_in_the_body(salesforce: Salesforce, api: Direct) -> None:
    answer = api.patch(f"{BY_EXTERNAL}/ctn_1", {"LastName": "Li", "salespulse_id__c": "ctn_1"})
    assert (answer.status, codes(answer)) == (400, ["INVALID_FIELD"])
    assert salesforce.records() == []


def test_an_email_leads_to_its_record_as_an_external_id_does(api: Direct) -> None:
    record_id = made(api, Email="a@b.co")
    assert api.get(f"{CONTACT}/Email/a@b.co?fields=Id").json()["Id"] == record_id
    answer = api.patch("composite/sobjects/Contact/Email", {"records": []})
    assert answer.status == 404, "collections take external ids alone"


def test_several_matches_are_answered_by_their_addresses(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(external_id_unique=False))
    ids = [made(api, LastName=name, SalesPulse_Id__c="ctn_1") for name in ("Li", "Lo")]
    for answer in (api.patch(f"{BY_EXTERNAL}/ctn_1", {"Phone": "1"}), api.get(f"{BY_EXTERNAL}/ctn_1")):
        assert answer.status == 300
        assert answer.json() == [f"/services/data/v62.0/sobjects/Contact/{one}" for one in ids]


def test_an_external_value_may_hold_a_slash_and_a_blank(api: Direct) -> None:
    assert api.patch(f"{BY_EXTERNAL}/a%2Fb%20c", {"LastName": "Li"}).status == 201
    assert api.get(f"{BY_EXTERNAL}/a%2Fb%20c?fields=SalesPulse_Id__c").json()["SalesPulse_Id__c"] == "a/b c"


def test_a_record_that_holds_the_external_id_is_named(api: Direct) -> None:
    owner = made(api, SalesPulse_Id__c="ctn_1")
    answer = api.post(CONTACT, {"LastName": "Lo", "SalesPulse_Id__c": "ctn_1"})
    assert (answer.status, codes(answer)) == (400, ["DUPLICATE_VALUE"])
    assert answer.json()[0]["message"].endswith(f"on record with id: {owner[:15]}")


# ---- conditions


def date_of(salesforce: Salesforce, back: float = 0.0) -> str:
    return format_datetime(salesforce.clock.now() - timedelta(seconds=back), usegmt=True)


@pytest.mark.parametrize("empty", [True, False])
def test_a_record_modified_since_is_not_written(salesforce: Salesforce, api: Direct, empty: bool) -> None:
    salesforce.set_options(Options(empty_412=empty))
    record_id = made(api, Phone="1")
    seen = date_of(salesforce)
    salesforce.clock.advance(5)
    salesforce.edit(record_id, {"Phone": "2"})
    refused = api.patch(f"{CONTACT}/{record_id}", {"Phone": "3"}, if_unmodified_since=seen)
    assert refused.status == 412
    assert refused.body == b"" if empty else codes(refused) == ["PRECONDITION_FAILED"]
    assert api.get(f"{CONTACT}/{record_id}?fields=Phone").json()["Phone"] == "2"
    now = date_of(salesforce)
    assert api.patch(f"{CONTACT}/{record_id}", {"Phone": "3"}, if_unmodified_since=now).status == 204


def test_a_deleted_record_is_deleted_whatever_the_condition(salesforce: Salesforce, api: Direct) -> None:
    record_id = made(api)
    seen = date_of(salesforce)
    salesforce.clock.advance(5)
    salesforce.delete(record_id)
    answer = api.patch(f"{CONTACT}/{record_id}", {"Phone": "3"}, if_unmodified_since=seen)
    assert (answer.status, codes(answer)) == (404, ["ENTITY_IS_DELETED"])


def test_a_change_in_the_very_second_is_not_noticed(salesforce: Salesforce, api: Direct) -> None:
    record_id = made(api, Phone="1")
    seen = date_of(salesforce)
    salesforce.clock.advance(0.9)
    salesforce.edit(record_id, {"Phone": "2"})
    assert api.patch(f"{CONTACT}/{record_id}", {"Phone": "3"}, if_unmodified_since=seen).status == 204


def test_a_stamp_without_a_change_does_not_stop_a_write(salesforce: Salesforce, api: Direct) -> None:
    record_id = made(api)
    seen = date_of(salesforce)
    salesforce.clock.advance(5)
    salesforce.bump([record_id])
    assert api.patch(f"{CONTACT}/{record_id}", {"Phone": "3"}, if_unmodified_since=seen).status == 204


def test_what_others_have_not_committed_yet_stops_a_write(salesforce: Salesforce, api: Direct) -> None:
    record_id = made(api, Phone="1")
    salesforce.set_options(Options(commit_delay_seconds=60))
    seen = date_of(salesforce)
    salesforce.clock.advance(5)
    salesforce.edit(record_id, {"Phone": "2"})
    assert api.get(f"{CONTACT}/{record_id}?fields=Phone").json()["Phone"] == "1"
    assert api.patch(f"{CONTACT}/{record_id}", {"Phone": "3"}, if_unmodified_since=seen).status == 412


def test_a_condition_that_is_no_date_is_refused_on_writes_and_ignored_on_reads(api: Direct) -> None:
    record_id = made(api)
    answer = api.patch(f"{CONTACT}/{record_id}", {"Phone": "1"}, if_unmodified_since="yesterday")
    assert answer.status == 400
    assert api.get(f"{CONTACT}/{record_id}", if_modified_since="yesterday").status == 200


def test_reads_can_be_conditional_too(salesforce: Salesforce, api: Direct) -> None:
    record_id = made(api)
    path = f"{CONTACT}/{record_id}"
    unchanged = api.get(path, if_modified_since=date_of(salesforce))
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert api.get(path, if_modified_since=date_of(salesforce, back=1)).status == 200
    assert api.get(path, if_unmodified_since=date_of(salesforce, back=1)).status == 412


def test_deletes_and_external_ids_know_no_conditions(salesforce: Salesforce, api: Direct) -> None:
    record_id = made(api, SalesPulse_Id__c="ctn_1")
    old = date_of(salesforce, back=60)
    assert api.patch(f"{BY_EXTERNAL}/ctn_1", {"Phone": "1"}, if_unmodified_since=old).status == 200
    assert api.delete(f"{CONTACT}/{record_id}", if_unmodified_since=old).status == 204


# ---- what headers change


def test_an_alert_about_duplicates_names_the_match_and_gives_way(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(duplicate_rule="alert"))
    there = made(api, Email="a@b.co")
    answer = api.post(CONTACT, {"LastName": "Lo", "Email": "A@b.co"})
    assert (answer.status, codes(answer)) == (400, ["DUPLICATES_DETECTED"])
    found = answer.json()[0]["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]
    assert found["Id"] == there
    saving = {"sforce_duplicate_rule_header": "allowSave=true; includeRecordDetails=false"}
    assert api.post(CONTACT, {"LastName": "Lo", "Email": "A@b.co"}, **saving).status == 201
    salesforce.set_options(Options(duplicate_rule="block"))
    assert api.post(CONTACT, {"LastName": "Lu", "Email": "A@b.co"}, **saving).status == 400


@pytest.mark.parametrize(("headers", "stays"), [
    ({}, False), ({"sforce_auto_assign": "TRUE"}, False), ({"sforce_auto_assign": "FALSE"}, True),
])  # fmt: skip
def test_leads_are_assigned_unless_the_header_says_no(
    salesforce: Salesforce, api: Direct, headers: dict[str, str], stays: bool
) -> None:
    salesforce.set_options(Options(assignment_rule=True))
    made_lead = api.post("sobjects/Lead", {"LastName": "Li", "Company": "Co"}, **headers).json()["id"]
    owner = api.get(f"sobjects/Lead/{made_lead}?fields=OwnerId").json()["OwnerId"]
    assert (owner == salesforce.org.user_id) is stays


def test_an_object_describes_itself_shortly(api: Direct) -> None:
    about = api.get("sobjects/Contact").json()["objectDescribe"]
    assert (about["name"], about["keyPrefix"], about["replicateable"]) == ("Contact", "003", True)


def test_versions_and_resources_are_listed(salesforce: Salesforce, api: Direct) -> None:
    api.token = ""
    versions = api.get("/services/data/").json()
    assert versions[0]["version"] == "31.0"
    api.token = salesforce.tokens.open()
    assert api.get("/services/data/v62.0/").json()["limits"] == "/services/data/v62.0/limits"
