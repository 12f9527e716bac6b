"""Properties, pipelines, lifecycle, deals, calls and associations (contract, sections 6 to 9)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS, Direct
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.people import PRODUCTS

DEALS = "/crm/objects/2026-09/deals"
CALLS = "/crm/objects/2026-09/calls"
PROPERTIES = "/crm/properties/2026-09/contacts"
LINK = {
    "name": "salespulse_id",
    "label": "SalesPulse ID",
    "type": "string",
    "fieldType": "text",
    "groupName": "contactinformation",
    "hasUniqueValue": True,
    "formField": False,
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hubspot(clock: ManualClock) -> HubSpot:
    return HubSpot(clock, limit_scale=1000)


@pytest.fixture
def api(hubspot: HubSpot) -> Direct:
    return Direct(hubspot)


def named(api: Direct, name: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{PROPERTIES}/{name}").json()
    return found


def test_properties_describe_themselves_without_paging(api: Direct) -> None:
    listed = api.get("/crm/v3/properties/contacts").json()
    assert list(listed) == ["results"]
    by_name = {one["name"]: one for one in listed["results"]}
    assert set(by_name["address"]) == {
        "name", "label", "type", "fieldType", "description", "groupName", "options", "displayOrder",
        "calculated", "externalOptions", "hasUniqueValue", "hidden", "hubspotDefined",
        "modificationMetadata", "formField",
        "dataSensitivity", "createdAt", "updatedAt",
    }  # fmt: skip
    assert by_name["hs_object_id"]["modificationMetadata"]["readOnlyValue"] is True
    assert by_name["hs_searchable_calculated_phone_number"]["calculated"] is True
    assert by_name["salespulse_id"]["hasUniqueValue"] is True
    assert [option["value"] for option in by_name["product_interest"]["options"]] == list(PRODUCTS.values())
    assert by_name["lifecyclestage"]["options"][1] == {
        "label": "Lead", "value": "lead", "displayOrder": 1, "hidden": False,
    }  # fmt: skip
    assert api.get(f"{PROPERTIES}?archived=true").json() == {"results": []}
    assert api.get(f"{PROPERTIES}/nonsense").status == 404


def test_external_options_are_not_listed(api: Direct) -> None:
    stage = api.get("/crm/v3/properties/deals/dealstage").json()
    assert (stage["externalOptions"], stage["options"]) == (True, [])


def test_the_link_property_can_be_made_once(clock: ManualClock) -> None:
    api = Direct(HubSpot(clock, options=Options(id_property=False)))
    assert api.get(f"{PROPERTIES}/salespulse_id").status == 404
    assert api.post(CONTACTS, {"properties": {"firstname": "A", "salespulse_id": "1"}}).status == 400
    made = api.post(PROPERTIES, LINK)
    assert made.status == 201
    assert made.json()["hasUniqueValue"] is True
    again = api.post(PROPERTIES, LINK)
    assert (again.status, again.json()["category"]) == (409, "CONFLICT")
    row = {"id": "1", "idProperty": "salespulse_id", "properties": {"firstname": "A"}}
    assert api.post(f"{CONTACTS}/batch/upsert", {"inputs": [row]}).json()["results"][0]["new"] is True


@pytest.mark.parametrize("change", [
    {"name": "Big"}, {"name": "1st"}, {"type": "number"}, {"fieldType": "select"}, {"label": ""},
    {"groupName": None},
])  # fmt: skip
def test_properties_that_cannot_be_made(api: Direct, change: dict[str, Any]) -> None:
    assert api.post(PROPERTIES, LINK | {"name": "fresh"} | change).status == 400


def test_ten_unique_properties_are_the_most(api: Direct) -> None:
    statuses = [api.post(PROPERTIES, LINK | {"name": f"unique_{n}"}).status for n in range(10)]
    assert statuses == [201] * 9 + [400]
    assert api.post(PROPERTIES, LINK | {"name": "plain", "hasUniqueValue": False}).status == 201


def test_made_properties_survive_export_and_load(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    options = [{"value": "x", "label": "X", "displayOrder": 0, "hidden": False}]
    body = LINK | {"name": "colour", "type": "enumeration", "fieldType": "select", "options": options}
    api.post(PROPERTIES, body | {"hasUniqueValue": False})
    other = HubSpot(clock)
    other.load(hubspot.export())
    assert named(Direct(other), "colour") == named(api, "colour")
    assert named(api, "colour")["options"] == options


def test_default_pipelines(api: Direct) -> None:
    (deals,) = api.get("/crm/v3/pipelines/deals").json()["results"]
    assert (deals["id"], deals["createdAt"]) == ("default", "1970-01-01T00:00:00Z")
    assert [(stage["id"], stage["metadata"]["probability"]) for stage in deals["stages"]] == [
        ("appointmentscheduled", "0.2"), ("qualifiedtobuy", "0.4"),
        ("presentationscheduled", "0.6"), ("decisionmakerboughtin", "0.8"), ("contractsent", "0.9"),
        ("closedwon", "1.0"), ("closedlost", "0.0"),
    ]  # fmt: skip
    assert deals["stages"][0]["metadata"]["isClosed"] == "false"
    (lifecycle,) = api.get("/crm/pipelines/2026-09/contacts").json()["results"]
    assert lifecycle["id"] == "contacts-lifecycle-pipeline"
    assert [stage["id"] for stage in lifecycle["stages"]] == [
        "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer",
        "evangelist", "other",
    ]  # fmt: skip
    assert api.get("/crm/v3/pipelines/butterflies").status == 400


def test_a_new_stage_has_a_numeric_id_and_can_be_used(api: Direct) -> None:
    path = "/crm/v3/pipelines/deals/default/stages"
    assert api.post(path, {"label": "Won twice"}).status == 400
    made = api.post(path, {"label": "Late", "displayOrder": 9, "metadata": {"probability": "0.3"}})
    assert made.status == 201
    assert made.json()["id"].isdecimal()
    deal = api.post(DEALS, {"properties": {"dealname": "D", "dealstage": made.json()["id"]}})
    assert deal.status == 201


def set_stage(api: Direct, row_id: str, stage: str) -> int:
    return api.patch(f"{CONTACTS}/{row_id}", {"properties": {"lifecyclestage": stage}}).status


def test_the_lifecycle_does_not_go_backwards_unless_cleared_first(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "lifecyclestage": "lead"})
    assert set_stage(api, row_id, "customer") == 200
    assert set_stage(api, row_id, "opportunity") == 200
    assert hubspot.record(row_id)["lifecyclestage"] == "customer"
    assert set_stage(api, row_id, "") == 200
    assert "lifecyclestage" not in hubspot.record(row_id)
    assert set_stage(api, row_id, "opportunity") == 200
    assert hubspot.record(row_id)["lifecyclestage"] == "opportunity"
    assert set_stage(api, row_id, "nonsense") == 400


def test_the_answer_to_a_backward_write_may_be_an_echo(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "lifecyclestage": "customer"})
    body = {"properties": {"lifecyclestage": "lead"}}
    assert api.patch(f"{CONTACTS}/{row_id}", body).json()["properties"]["lifecyclestage"] == "customer"
    hubspot.set_options(Options(echo_ignored=True))
    assert api.patch(f"{CONTACTS}/{row_id}", body).json()["properties"]["lifecyclestage"] == "lead"
    assert hubspot.record(row_id)["lifecyclestage"] == "customer"


def test_backward_writes_are_accepted_by_option_and_from_people(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "lifecyclestage": "customer"})
    hubspot.edit(row_id, {"lifecyclestage": "opportunity"})
    assert hubspot.record(row_id)["lifecyclestage"] == "opportunity"
    hubspot.set_options(Options(lifecycle_backward="accept"))
    set_stage(api, row_id, "lead")
    assert hubspot.record(row_id)["lifecyclestage"] == "lead"


def test_deals_have_their_own_stamps_and_calculated_properties(api: Direct) -> None:
    deal = api.post(DEALS, {"properties": {"dealname": "D", "dealstage": "closedwon", "amount": "5"}}).json()
    names = "pipeline,hs_is_closed_won,hs_deal_stage_probability,hs_lastmodifieddate"
    found = api.get(f"{DEALS}/{deal['id']}?properties={names}").json()
    assert found["properties"].items() >= {
        "pipeline": "default", "hs_is_closed_won": "true", "hs_deal_stage_probability": "1.0",
        "hs_lastmodifieddate": "2026-03-02T14:00:00Z",
    }.items()  # fmt: skip
    unknown = api.patch(f"{DEALS}/{deal['id']}", {"properties": {"dealstage": "nonsense"}})
    assert unknown.status == 400
    assert unknown.json()["errors"][0]["code"] == "INVALID_OPTION"


def make_deal(api: Direct, contact: str, stage: str, type_id: int = 3) -> int:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
    body = {
        "properties": {"dealname": "D", "dealstage": stage},
        "associations": [{"to": {"id": contact}, "types": types}],
    }
    return api.post(DEALS, body).status


def test_automation_moves_the_contact_of_a_deal_forward(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "lifecyclestage": "lead"})
    assert make_deal(api, row_id, "contractsent") == 201
    assert hubspot.record(row_id)["lifecyclestage"] == "lead"
    hubspot.set_options(Options(automation=True))
    assert make_deal(api, row_id, "contractsent") == 201
    assert hubspot.record(row_id)["lifecyclestage"] == "opportunity"
    assert make_deal(api, row_id, "closedwon") == 201
    assert hubspot.record(row_id)["lifecyclestage"] == "customer"
    assert make_deal(api, row_id, "closedlost") == 201
    assert hubspot.record(row_id)["lifecyclestage"] == "customer"


def test_the_wrong_direction_and_a_missing_end_are_400(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    assert make_deal(api, row_id, "closedwon", type_id=4) == 400
    assert make_deal(api, "999", "closedwon") == 400
    assert hubspot.records("deals") == []


def test_a_logged_call_needs_a_time_and_shows_on_its_contact(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    clock.advance(60)
    assert api.post(CALLS, {"properties": {"hs_call_title": "Intro"}}).status == 400
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 194}]
    body = {
        "properties": {
            "hs_timestamp": "2026-03-02T10:00:00.000Z",
            "hs_call_duration": "95000",
            "hs_call_status": "COMPLETED",
            "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
            "hs_call_recording_url": "https://x/y.mp3",
        },
        "associations": [{"to": {"id": row_id}, "types": types}],
    }
    made = api.post(CALLS, body)
    assert made.status == 201
    found = api.get(f"{CONTACTS}/{row_id}?associations=calls").json()
    assert found["updatedAt"] == "2026-03-02T14:01:00Z"
    assert found["associations"] == {"calls": {"results": [{"id": made.json()["id"], "type": "contact_to_call"}]}}
    bad = api.post(CALLS, {"properties": {"hs_timestamp": "1", "hs_call_recording_url": "http://x/y.mp3"}})
    assert bad.status == 400


def test_associations_one_by_one(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    deals = [hubspot.add("deals", {"dealname": str(n)}) for n in range(3)]
    for base in ("/crm/v4/objects", "/crm/objects/2026-09"):
        for deal in deals:
            answer = api.send("PUT", f"{base}/contacts/{row_id}/associations/default/deals/{deal}")
            assert answer.status == 200
    first = api.get(f"/crm/v4/objects/contacts/{row_id}/associations/deals?limit=2").json()
    assert first["results"][0] == {
        "toObjectId": deals[0],
        "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 4, "label": None}],
    }
    after = first["paging"]["next"]["after"]
    rest = api.get(f"/crm/v4/objects/contacts/{row_id}/associations/deals?limit=2&after={after}").json()
    assert [one["toObjectId"] for one in rest["results"]] == deals[2:]
    assert "paging" not in rest
    assert api.delete(f"/crm/v4/objects/deals/{deals[0]}/associations/contacts/{row_id}").status == 204
    left = api.get(f"/crm/v4/objects/contacts/{row_id}/associations/deals").json()["results"]
    assert [one["toObjectId"] for one in left] == deals[1:]


def test_associations_in_batches(api: Direct, hubspot: HubSpot) -> None:
    one, two = (hubspot.add_contact({"firstname": str(n)}) for n in range(2))
    deal = hubspot.add("deals", {"dealname": "D"})
    base = "/crm/associations/2026-09/contacts/deals/batch"
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 4}]
    good = {"from": {"id": one}, "to": {"id": deal}, "types": types}
    assert api.post(f"{base}/create", {"inputs": [good]}).status == 201
    partial = api.post(f"{base}/create", {"inputs": [good, good | {"to": {"id": "999"}}]})
    assert (partial.status, partial.json()["numErrors"]) == (207, 1)
    wrong = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]
    assert api.post(f"{base}/create", {"inputs": [good | {"types": wrong}]}).status == 400
    read = api.post(f"{base}/read", {"inputs": [{"id": one}, {"id": two}]})
    assert read.status == 200
    (found,) = read.json()["results"]
    assert (found["from"], found["to"][0]["toObjectId"]) == ({"id": one}, int(deal))
    hubspot.set_options(Options(unassociated="error"))
    assert api.post(f"{base}/read", {"inputs": [{"id": one}, {"id": two}]}).status == 207
    assert api.post(f"{base}/associate/default", {"inputs": [good | {"from": {"id": two}}]}).status == 200
    gone = {"inputs": [{"from": {"id": one}, "to": [{"id": deal}]}]}
    assert api.post(f"/crm/v4{base.removeprefix('/crm').replace('/2026-09', '')}/archive", gone).status == 204
    assert [one["from"]["id"] for one in api.post(f"{base}/read", {"inputs": [{"id": two}]}).json()["results"]] == [two]
    assert api.post(f"{base}/read", {"inputs": [{"id": one}]}).json()["results"] == []


def test_association_changes_bump_only_by_option(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    row_id, deal = hubspot.add_contact({"firstname": "A"}), hubspot.add("deals", {"dealname": "D"})
    before = hubspot.record(row_id)["lastmodifieddate"]
    clock.advance(5)
    path = f"/crm/v4/objects/contacts/{row_id}/associations/default/deals/{deal}"
    api.send("PUT", path)
    assert hubspot.record(row_id)["lastmodifieddate"] == before
    hubspot.set_options(Options(association_bump=True))
    api.send("PUT", path)
    assert hubspot.record(row_id)["lastmodifieddate"] != before


def test_associations_follow_a_merge(api: Direct, hubspot: HubSpot) -> None:
    one, two = (hubspot.add_contact({"firstname": str(n)}) for n in range(2))
    make_deal(api, two, "closedwon")
    new = hubspot.merge(one, two)
    assert len(api.get(f"/crm/v4/objects/contacts/{new}/associations/deals").json()["results"]) == 1
    (deal,) = hubspot.records("deals")
    back = api.get(f"/crm/v4/objects/deals/{deal['id']}/associations/contacts").json()["results"]
    assert [one["toObjectId"] for one in back] == [new]
