"""Single records of the HubSpot model: listing, reading, writing, archive, merge (contract, section 4)."""

from __future__ import annotations

import orjson
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS, Direct
from syncd.sandbox.hubspot.errors import Duplicate
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import DuplicateForm, Options


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hubspot(clock: ManualClock) -> HubSpot:
    return HubSpot(clock, limit_scale=1000)


@pytest.fixture
def api(hubspot: HubSpot) -> Direct:
    return Direct(hubspot)


@pytest.mark.parametrize(
    "base",
    [
        "/crm/v3/objects/contacts",
        "/crm/objects/2026-09/contacts",
        "/crm/objects/2026-03/contacts",
        "/crm/v3/objects/0-1",
        "/crm/v3/objects/contact",
    ],
)
def test_one_record_has_the_same_shape_on_every_path(api: Direct, hubspot: HubSpot, base: str) -> None:
    row_id = hubspot.add_contact({"email": "A@B.co", "firstname": "A"})
    assert api.get(f"{base}/{row_id}").json() == {
        "id": "501",
        "properties": {
            "createdate": "2026-03-02T14:00:00Z",
            "email": "a@b.co",
            "firstname": "A",
            "hs_object_id": "501",
            "lastmodifieddate": "2026-03-02T14:00:00Z",
            "lastname": None,
        },
        "createdAt": "2026-03-02T14:00:00Z",
        "updatedAt": "2026-03-02T14:00:00Z",
        "archived": False,
        "url": "https://app.hubspot.com/contacts/62515/record/0-1/501",
    }


def test_milliseconds_are_left_out_only_when_they_are_zero(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    clock.advance(0.758)
    row_id = hubspot.add_contact({"firstname": "A"})
    assert api.get(f"{CONTACTS}/{row_id}").json()["createdAt"] == "2026-03-02T14:00:00.758Z"


def test_the_listing_walks_by_number_and_ends_without_paging(api: Direct, hubspot: HubSpot) -> None:
    ids = [hubspot.add_contact({"firstname": str(n)}) for n in range(600)]
    seen: list[str] = []
    after, pages = "", 0
    while True:
        answer = api.get(f"{CONTACTS}?limit=100&after={after}").json()
        seen += [one["id"] for one in answer["results"]]
        pages += 1
        if "paging" not in answer:
            break
        after = answer["paging"]["next"]["after"]
    assert seen == ids
    assert pages == 6
    assert seen.index("1000") > seen.index("999")


@pytest.mark.parametrize(("query", "status"), [
    ("limit=100", 200), ("limit=101", 400), ("limit=0", 400), ("limit=x", 400), ("after=x", 400),
    ("limit=50&propertiesWithHistory=email", 200), ("limit=51&propertiesWithHistory=email", 400),
])  # fmt: skip
def test_list_limits(api: Direct, query: str, status: int) -> None:
    assert api.get(f"{CONTACTS}?{query}").status == status


def test_a_page_has_ten_records_unless_asked(api: Direct, hubspot: HubSpot) -> None:
    for n in range(11):
        hubspot.add_contact({"firstname": str(n)})
    answer = api.get(CONTACTS).json()
    assert len(answer["results"]) == 10
    assert answer["paging"]["next"]["after"]


@pytest.mark.parametrize("query", ["properties=phone,city,nonsense", "properties=phone&properties=city"])
def test_properties_come_in_comma_and_repeated_form_and_unknown_ones_are_ignored(
    api: Direct, hubspot: HubSpot, query: str
) -> None:
    hubspot.add_contact({"firstname": "A", "phone": "1"})
    (record,) = api.get(f"{CONTACTS}?{query}").json()["results"]
    assert record["properties"] == {
        "phone": "1",
        "city": None,
        "createdate": "2026-03-02T14:00:00Z",
        "hs_object_id": "501",
        "lastmodifieddate": "2026-03-02T14:00:00Z",
    }


def test_a_long_address_gets_414_and_no_json(api: Direct) -> None:
    answer = api.get(f"{CONTACTS}?properties={'x' * 9000}")
    assert answer.status == 414
    assert b"<html>" in answer.body


def test_look_ups_by_email_find_secondaries_too(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co"})
    hubspot.add_secondary(row_id, "Old@B.co")
    found = api.get(f"{CONTACTS}/OLD@b.co?idProperty=email&properties=email,hs_additional_emails").json()
    assert found["id"] == row_id
    assert found["properties"]["email"] == "a@b.co"
    assert found["properties"]["hs_additional_emails"] == "old@b.co"


def test_look_ups_by_a_property_that_is_not_unique_are_refused(api: Direct) -> None:
    answer = api.get(f"{CONTACTS}/X?idProperty=city")
    assert answer.status == 400
    assert answer.json()["message"] == "Unable to perform update/upsert by non-unique 0-1 property city"


def test_every_way_of_not_finding(api: Direct) -> None:
    missing = api.get(f"{CONTACTS}/999")
    assert missing.status == 404
    assert {"status": "error", "message": "resource not found"}.items() <= missing.json().items()
    assert "category" not in missing.json()
    odd = api.get(f"{CONTACTS}/abc").json()
    assert odd["message"] == "Object not found.  objectId are usually numeric."
    assert odd["category"] == "OBJECT_NOT_FOUND"
    butterflies = api.get("/crm/v3/objects/butterflies")
    assert butterflies.status == 400
    assert butterflies.json()["message"] == "Unable to infer object type from: butterflies"
    for path in ("/crm/objects/2024-09/contacts", "/crm/v9/objects/contacts", "/nowhere"):
        assert api.get(path).status == 404
    assert missing.headers["X-HubSpot-Correlation-Id"] == missing.json()["correlationId"]


def test_create_answers_201_with_what_was_stored(api: Direct) -> None:
    answer = api.post(CONTACTS, {"properties": {"email": "A@B.CO", "salespulse_id": "sp_1", "annual_premium": 12.5}})
    assert answer.status == 201
    assert answer.json()["properties"]["email"] == "a@b.co"
    assert answer.json()["properties"]["annual_premium"] == "12.5"


def test_create_needs_one_of_three_properties(api: Direct) -> None:
    answer = api.post(CONTACTS, {"properties": {"phone": "1"}})
    assert answer.status == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"


def test_required_properties_bind_only_the_newest_version(api: Direct, hubspot: HubSpot) -> None:
    hubspot.set_options(Options(required_properties=("city",)))
    for base, status in (
        (CONTACTS, 400),
        ("/crm/objects/2026-03/contacts", 201),
        ("/crm/v3/objects/contacts", 201),
    ):
        assert api.post(base, {"properties": {"firstname": "A"}}).status == status


def test_a_taken_primary_email_is_409_with_the_owner(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co"})
    answer = api.post(CONTACTS, {"properties": {"email": "A@b.co"}})
    assert answer.status == 409
    assert answer.json() == {
        "status": "error",
        "message": f"Contact already exists. Existing ID: {row_id}",
        "correlationId": answer.json()["correlationId"],
        "category": "CONFLICT",
    }


def test_a_taken_unique_value_or_secondary_email_is_400_with_the_owner_second(api: Direct, hubspot: HubSpot) -> None:
    owner = hubspot.add_contact({"email": "a@b.co", "salespulse_id": "sp_1"})
    hubspot.add_secondary(owner, "s@b.co")
    answer = api.post(CONTACTS, {"properties": {"email": "s@b.co"}})
    assert answer.status == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
    assert answer.json()["message"] == (
        "Cannot set PropertyValueCoordinates{portalId=62515, "
        "objectTypeId=ObjectTypeId{legacyObjectType=CONTACT}, "
        f"propertyName=email, value=s@b.co}} on 502. {owner} already has that value."
    )
    again = api.post(CONTACTS, {"properties": {"firstname": "B", "salespulse_id": "sp_1"}}).json()["message"]
    assert "propertyName=salespulse_id, value=sp_1} on 503." in again
    hubspot.set_options(Options(duplicate_form=DuplicateForm.COORDINATES))
    primary = api.post(CONTACTS, {"properties": {"email": "a@b.co"}})
    assert (primary.status, primary.json()["message"][:10]) == (400, "Cannot set")


def test_all_invalid_properties_come_at_once_in_an_embedded_array(api: Direct) -> None:
    answer = api.post(CONTACTS, {"properties": {
        "foo": "1", "createdate": "1", "email": "nobody", "annual_premium": "many", "smoker": " true",
        "product_interest": "Car", "date_of_birth": "soon",
        "next_call_at": "999999999999999999",
    }})  # fmt: skip
    assert answer.status == 400
    body = answer.json()
    prefix = "Property values were not valid: "
    listed = orjson.loads(body["message"].removeprefix(prefix))
    assert {one["name"]: one["error"] for one in listed} == {
        "foo": "PROPERTY_DOESNT_EXIST",
        "createdate": "READ_ONLY_VALUE",
        "email": "INVALID_EMAIL",
        "annual_premium": "INVALID_LONG",
        "smoker": "LEADING_TRAILING_WHITESPACE",
        "product_interest": "INVALID_OPTION",
        "date_of_birth": "INVALID_DATE",
        "next_call_at": "INVALID_DATE",
    }
    assert listed[0] == {
        "isValid": False,
        "message": 'Property "foo" does not exist',
        "error": "PROPERTY_DOESNT_EXIST",
        "name": "foo",
    }  # fmt: skip
    assert body["errors"][0] == {
        "message": 'Property "foo" does not exist',
        "code": "PROPERTY_DOESNT_EXIST",
        "context": {"propertyName": ["foo"]},
    }


def test_values_are_stored_in_hubspots_own_form(api: Direct) -> None:
    sent = {
        "firstname": " A ", "smoker": True, "annual_premium": 5, "date_of_birth": "0",
        "next_call_at": "2026-03-02T09:00:00.250-05:00", "riders": "Child;Accidental Death",
    }  # fmt: skip
    stored = api.post(CONTACTS, {"properties": sent}).json()["properties"]
    assert {name: stored[name] for name in sent} == {
        "firstname": " A ", "smoker": "true", "annual_premium": "5", "date_of_birth": "1970-01-01",
        "next_call_at": "2026-03-02T14:00:00.250Z", "riders": "Child;Accidental Death",
    }  # fmt: skip


def test_patch_clears_with_an_empty_text_and_ignores_null(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "city": "X", "zip": "1"})
    clock.advance(5)
    answer = api.patch(f"{CONTACTS}/{row_id}", {"properties": {"city": "", "zip": None}})
    assert answer.status == 200
    assert answer.json()["properties"]["city"] is None
    assert answer.json()["updatedAt"] == "2026-03-02T14:00:05Z"
    values = hubspot.record(row_id)
    assert "city" not in values
    assert values["zip"] == "1"


def test_a_refused_patch_changes_nothing(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    assert api.patch(f"{CONTACTS}/{row_id}", {"properties": {"firstname": "B", "hs_object_id": "9"}}).status == 400
    assert hubspot.record(row_id)["firstname"] == "A"


def test_an_own_secondary_may_become_the_primary_email(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co"})
    hubspot.add_secondary(row_id, "s@b.co")
    assert api.patch(f"{CONTACTS}/{row_id}", {"properties": {"email": "s@b.co"}}).status == 200
    assert hubspot.record(row_id)["hs_additional_emails"] == "a@b.co"


def test_archived_records_are_404_by_id_and_listed_in_the_bin_for_ninety_days(
    api: Direct, hubspot: HubSpot, clock: ManualClock
) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co"})
    answer = api.delete(f"{CONTACTS}/{row_id}")
    assert (answer.status, answer.body) == (204, b"")
    assert api.get(f"{CONTACTS}/{row_id}").status == 404
    assert api.get(f"{CONTACTS}/a@b.co?idProperty=email").status == 404
    assert api.get(CONTACTS).json()["results"] == []
    (binned,) = api.get(f"{CONTACTS}?archived=true").json()["results"]
    assert (binned["id"], binned["archived"], binned["archivedAt"]) == (row_id, True, "2026-03-02T14:00:00Z")
    assert api.get(f"{CONTACTS}/{row_id}?archived=true").status == 200
    clock.advance(91 * 86_400)
    assert api.get(f"{CONTACTS}?archived=true").json()["results"] == []
    assert api.get(f"{CONTACTS}/{row_id}?archived=true").status == 404


def test_restoring_brings_the_record_back_unless_its_email_was_taken(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co"})
    hubspot.archive(row_id)
    hubspot.restore(row_id)
    assert api.get(f"{CONTACTS}/{row_id}").json()["archived"] is False
    hubspot.archive(row_id)
    assert hubspot.add_contact({"email": "a@b.co"}) != row_id
    with pytest.raises(Duplicate):
        hubspot.restore(row_id)


def test_gdpr_delete_leaves_nothing(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co"})
    assert api.post(f"{CONTACTS}/gdpr-delete", {"objectId": row_id}).status == 204
    assert api.get(f"{CONTACTS}?archived=true").json()["results"] == []
    assert api.get(f"{CONTACTS}/{row_id}").status == 404


def test_a_merge_gives_a_new_id_and_both_old_ones_lead_to_it(api: Direct, hubspot: HubSpot) -> None:
    one = hubspot.add_contact({"email": "a@b.co", "firstname": "A"})
    two = hubspot.add_contact({"email": "c@b.co", "firstname": "C", "city": "X"})
    answer = api.post(f"{CONTACTS}/merge", {"primaryObjectId": one, "objectIdToMerge": two})
    assert answer.status == 200
    new = answer.json()["id"]
    assert new not in (one, two)
    names = "email,firstname,city,hs_additional_emails,hs_merged_object_ids"
    for old in (one, two):
        found = api.get(f"{CONTACTS}/{old}?properties={names}").json()
        assert found["id"] == new
        assert found["properties"].items() >= {
            "email": "a@b.co", "firstname": "A", "city": "X", "hs_additional_emails": "c@b.co",
            "hs_merged_object_ids": f"{one};{two}",
        }.items()  # fmt: skip
    assert api.get(f"{CONTACTS}/c@b.co?idProperty=email").json()["id"] == new
    assert [record["id"] for record in api.get(CONTACTS).json()["results"]] == [new]
    assert api.get(f"{CONTACTS}?archived=true").json()["results"] == []
    third = hubspot.add_contact({"email": "d@b.co"})
    last = hubspot.merge(third, new)
    assert api.get(f"{CONTACTS}/{one}").json()["id"] == last


def test_a_merge_the_old_way_keeps_the_primary(api: Direct, hubspot: HubSpot) -> None:
    hubspot.set_options(Options(merge_keeps_primary=True))
    one, two = hubspot.add_contact({"email": "a@b.co"}), hubspot.add_contact({"email": "c@b.co"})
    assert hubspot.merge(one, two) == one
    assert api.get(f"{CONTACTS}/{two}").json()["id"] == one
    assert hubspot.record(one)["hs_merged_object_ids"] == two


def test_a_patch_on_a_merged_id_follows_or_fails_by_option(api: Direct, hubspot: HubSpot) -> None:
    one, two = hubspot.add_contact({"email": "a@b.co"}), hubspot.add_contact({"email": "c@b.co"})
    new = hubspot.merge(one, two)
    assert api.patch(f"{CONTACTS}/{one}", {"properties": {"city": "X"}}).json()["id"] == new
    hubspot.set_options(Options(merged_patch="not_found"))
    assert api.patch(f"{CONTACTS}/{one}", {"properties": {"city": "Y"}}).status == 404


def test_history_tells_values_times_and_who_wrote_them(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co", "city": "X"})
    clock.advance(10)
    api.patch(f"{CONTACTS}/{row_id}", {"properties": {"city": "Y", "email": "a@b.co"}})
    clock.advance(10)
    hubspot.edit(row_id, {"city": ""})
    found = api.get(f"{CONTACTS}/{row_id}?propertiesWithHistory=city,email").json()["propertiesWithHistory"]
    assert [(one["value"], one["timestamp"], one["sourceType"]) for one in found["city"]] == [
        ("", "2026-03-02T14:00:20Z", "CRM_UI"),
        ("Y", "2026-03-02T14:00:10Z", "INTEGRATION"),
        ("X", "2026-03-02T14:00:00Z", "CRM_UI"),
    ]
    assert found["city"][0]["sourceId"] == "userId:9"
    assert [one["value"] for one in found["email"]] == ["a@b.co"]


def test_hidden_bumps_move_the_modified_time_once_more(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    hubspot.set_options(Options(hidden_bump_seconds=30))
    row_id = api.post(CONTACTS, {"properties": {"firstname": "A"}}).json()["id"]
    clock.advance(29)
    assert api.get(f"{CONTACTS}/{row_id}").json()["updatedAt"] == "2026-03-02T14:00:00Z"
    clock.advance(1)
    assert api.get(f"{CONTACTS}/{row_id}").json()["updatedAt"] == "2026-03-02T14:00:30Z"
    clock.advance(600)
    assert api.get(f"{CONTACTS}/{row_id}").json()["updatedAt"] == "2026-03-02T14:00:30Z"


def test_phones_are_searchable_by_digits_and_reformatted_by_option(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "phone": "+1 305 555 0100"})
    assert hubspot.record(row_id)["hs_searchable_calculated_phone_number"] == "3055550100"
    hubspot.set_options(Options(reformat_phone=True))
    stored = api.patch(f"{CONTACTS}/{row_id}", {"properties": {"phone": "+13055550111"}}).json()
    assert stored["properties"]["phone"] == "(305) 555-0111"


def test_states_are_an_enumeration_of_names_by_option(clock: ManualClock) -> None:
    hubspot = HubSpot(clock, options=Options(state_enumeration=True))
    api = Direct(hubspot)
    row_id = hubspot.add_contact({"firstname": "A", "state": "FL"})
    assert hubspot.record(row_id)["state"] == "Florida"
    assert api.patch(f"{CONTACTS}/{row_id}", {"properties": {"state": "TX"}}).status == 400
    assert api.patch(f"{CONTACTS}/{row_id}", {"properties": {"state": "Texas"}}).status == 200


def test_a_state_survives_export_and_load(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    one = hubspot.add_contact({"email": "a@b.co", "salespulse_id": "sp_1"})
    two = hubspot.add_contact({"email": "c@b.co"})
    hubspot.edit(one, {"city": "X"})
    hubspot.archive(hubspot.add_contact({"email": "gone@b.co"}))
    new = hubspot.merge(one, two)
    deal = hubspot.add("deals", {"dealname": "D", "dealstage": "closedwon"})
    api.send("PUT", f"/crm/objects/2026-09/contacts/{new}/associations/default/deals/{deal}")
    data = orjson.loads(orjson.dumps(hubspot.export()))
    other = HubSpot(clock)
    other.load(data)
    assert orjson.loads(orjson.dumps(other.export())) == data
    copy = Direct(other)
    path = f"{CONTACTS}/{one}?propertiesWithHistory=city&associations=deals"
    assert copy.get(path).json() == api.get(path).json()
    assert copy.get(f"{CONTACTS}/sp_1?idProperty=salespulse_id").json()["id"] == new
    assert other.add_contact({"firstname": "B"}) == hubspot.add_contact({"firstname": "B"})


def test_a_body_that_is_no_json_is_400(api: Direct) -> None:
    for body in (b"{", b"[]"):
        answer = api.post(CONTACTS, body)
        assert (answer.status, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert api.post(CONTACTS, {"properties": []}).status == 400
