"""Search of the HubSpot model: operators, paging, the cap, the late index (contract, section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS, Direct
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.hubspot.values import millis


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hubspot(clock: ManualClock) -> HubSpot:
    return HubSpot(clock, limit_scale=10_000)


@pytest.fixture
def api(hubspot: HubSpot) -> Direct:
    return Direct(hubspot)


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"propertyName": name, "operator": operator, **given, **more}


def search(api: Direct, *filters: dict[str, Any], kind: str = CONTACTS, **more: Any) -> dict[str, Any]:
    body = {"filterGroups": [{"filters": list(filters)}] if filters else [], "limit": 200, **more}
    answer = api.post(f"{kind}/search", body)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["id"] for one in answer["results"]]


def test_the_walk_by_id_in_a_window_sees_everything_that_changed_in_it(
    api: Direct, hubspot: HubSpot, clock: ManualClock
) -> None:
    hubspot.add_contact({"firstname": "before"})
    clock.advance(60)
    low = millis(clock.now())
    inside = [hubspot.add_contact({"firstname": str(n)}) for n in range(650)]
    clock.advance(60)
    high = millis(clock.now())
    hubspot.add_contact({"firstname": "after"})
    seen: list[str] = []
    last = "0"
    while True:
        answer = search(
            api,
            where("lastmodifieddate", "GTE", str(low)),
            where("lastmodifieddate", "LT", str(high)),
            where("hs_object_id", "GT", last),
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        )
        assert answer["total"] == 650 - len(seen)
        seen += ids(answer)
        if len(answer["results"]) < 200:
            break
        last = seen[-1]
    assert seen == inside


def test_a_write_during_the_walk_moves_the_record_out_of_the_window(
    api: Direct, hubspot: HubSpot, clock: ManualClock
) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    window = [where("lastmodifieddate", "LT", clock.now().replace(second=1).isoformat())]
    assert ids(search(api, *window)) == [row_id]
    clock.advance(5)
    hubspot.edit(row_id, {"city": "X"})
    assert search(api, *window) == {"total": 0, "results": []}


def test_times_are_given_in_milliseconds_or_iso(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    clock.advance(0.25)
    row_id = hubspot.add_contact({"firstname": "A"})
    for value in (str(millis(clock.now())), "2026-03-02T14:00:00.250Z"):
        assert ids(search(api, where("lastmodifieddate", "EQ", value))) == [row_id]
        assert search(api, where("lastmodifieddate", "GT", value))["total"] == 0
        assert ids(search(api, where("lastmodifieddate", "BETWEEN", value, highValue=value))) == [row_id]
        assert ids(search(api, where("createdate", "LTE", value))) == [row_id]


@pytest.mark.parametrize(("name", "operator", "more", "found"), [
    ("city", "EQ", {"value": "miami"}, "A"),
    ("city", "NEQ", {"value": "Miami"}, "B"),
    ("city", "IN", {"values": ["MIAMI", "Tampa"]}, "AB"),
    ("city", "NOT_IN", {"values": ["Tampa"]}, "A"),
    ("city", "HAS_PROPERTY", {}, "AB"),
    ("city", "NOT_HAS_PROPERTY", {}, "C"),
    ("annual_premium", "GT", {"value": "9"}, "B"),
    ("annual_premium", "GTE", {"value": "9.0"}, "AB"),
    ("annual_premium", "LT", {"value": "10"}, "A"),
    ("annual_premium", "BETWEEN", {"value": "1", "highValue": "9"}, "A"),
    ("annual_premium", "EQ", {"value": "9.0"}, "A"),
    ("email", "EQ", {"value": "A@b.co"}, "A"),
    ("email", "EQ", {"value": "second@b.co"}, "A"),
    ("email", "IN", {"values": ["second@b.co", "b@b.co"]}, "AB"),
    ("email", "CONTAINS_TOKEN", {"value": "second"}, ""),
    ("email", "CONTAINS_TOKEN", {"value": "*@B.co"}, "AB"),
    ("email", "NOT_CONTAINS_TOKEN", {"value": "b.co"}, "C"),
    ("riders", "IN", {"values": ["Child"]}, "B"),
    ("firstname", "GT", {"value": "a"}, "BC"),
    ("hs_searchable_calculated_phone_number", "CONTAINS_TOKEN", {"value": "*5550100"}, "C"),
    ("hs_object_id", "IN", {"values": ["501", "503"]}, "AC"),
    ("salespulse_id", "EQ", {"value": "sp_B"}, "B"),
])  # fmt: skip
def test_operators(hubspot: HubSpot, name: str, operator: str, more: dict[str, Any], found: str) -> None:
    first = hubspot.add_contact({"firstname": "A", "city": "Miami", "annual_premium": "9", "email": "a@b.co"})
    hubspot.add_secondary(first, "second@b.co")
    hubspot.add_contact({"firstname": "B", "city": "Tampa", "annual_premium": "10", "email": "b@b.co",
                         "riders": "Accidental Death;Child", "salespulse_id": "sp_B"})  # fmt: skip
    hubspot.add_contact({"firstname": "C", "phone": "(305) 555-0100"})
    answer = search(Direct(hubspot), where(name, operator, **more))
    assert "".join(one["properties"]["firstname"] for one in answer["results"]) == found


def test_filters_are_anded_and_groups_are_ored(api: Direct, hubspot: HubSpot) -> None:
    one = hubspot.add_contact({"firstname": "A", "city": "X"})
    hubspot.add_contact({"firstname": "A", "city": "Y"})
    three = hubspot.add_contact({"firstname": "B", "city": "Y"})
    groups = [{"filters": [where("firstname", "EQ", "A"), where("city", "EQ", "X")]},
              {"filters": [where("firstname", "EQ", "B")]}]  # fmt: skip
    assert ids(search(api, filterGroups=groups)) == [one, three]


def test_one_sort_either_way(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    made = []
    for name in "BAC":
        clock.advance(1)
        made.append(hubspot.add_contact({"firstname": name}))
    b, a, c = made
    assert ids(search(api, sorts=[{"propertyName": "firstname", "direction": "ASCENDING"}])) == [a, b, c]
    assert ids(search(api, sorts=[{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}])) == [
        c,
        a,
        b,
    ]
    assert ids(search(api, sorts=["-hs_object_id"])) == [c, a, b]
    two = [{"propertyName": "firstname"}, {"propertyName": "city"}]
    assert api.post(f"{CONTACTS}/search", {"sorts": two}).status == 400


def test_after_is_an_offset_and_ten_thousand_is_the_end(api: Direct, hubspot: HubSpot) -> None:
    for n in range(10_250):
        hubspot.add_contact({"firstname": str(n)})
    first = search(api)
    assert first["total"] == 10_250
    assert first["paging"] == {"next": {"after": "200"}}
    assert ids(search(api, after="200"))[0] == "701"
    assert len(ids(search(api, after=9_800))) == 200
    beyond = api.post(f"{CONTACTS}/search", {"limit": 200, "after": "10000"})
    assert (beyond.status, beyond.json()["category"]) == (400, "VALIDATION_ERROR")


def test_the_walk_by_id_survives_ten_thousand_rows_on_one_millisecond(api: Direct, hubspot: HubSpot) -> None:
    for n in range(10_250):
        hubspot.add_contact({"firstname": str(n)})
    assert hubspot.bump() == 10_250
    seen = 0
    last = "0"
    while rows := ids(search(api, where("lastmodifieddate", "GTE", "0"), where("hs_object_id", "GT", last))):
        seen += len(rows)
        last = rows[-1]
    assert seen == 10_250


@pytest.mark.parametrize("body", [
    {"limit": 201}, {"limit": 0}, {"after": "x"}, {"query": "x" * 3001}, {"filterGroups": "x"},
    {"filterGroups": [{"filters": []}] * 6},
    {"filterGroups": [{"filters": [where("city", "EQ", "X")] * 7}]},
    {"filterGroups": [{"filters": [where("city", "EQ", "X")] * 5}] * 4},
    {"filterGroups": [{"filters": [where("city", "LIKE", "X")]}]},
    {"filterGroups": [{"filters": [where("city", "EQ")]}]},
    {"filterGroups": [{"filters": [where("city", "IN", "X")]}]},
    {"filterGroups": [{"filters": [where("lastmodifieddate", "GT", "yesterday")]}]},
    {"filterGroups": [{"filters": [where("hs_object_id", "GT", "inf")]}]},
    {"sorts": [{"propertyName": "nonsense"}]},
])  # fmt: skip
def test_searches_that_are_refused(api: Direct, body: dict[str, Any]) -> None:
    answer = api.post(f"{CONTACTS}/search", body)
    assert (answer.status, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_a_property_of_another_object_is_refused_or_finds_nothing(api: Direct, hubspot: HubSpot) -> None:
    hubspot.add_contact({"firstname": "A"})
    wrong = where("hs_lastmodifieddate", "GT", "0")
    assert api.post(f"{CONTACTS}/search", {"filterGroups": [{"filters": [wrong]}]}).status == 400
    hubspot.set_options(Options(wrong_property="zero"))
    assert search(api, wrong)["total"] == 0
    hubspot.add("deals", {"dealname": "D"})
    assert search(api, wrong, kind="/crm/v3/objects/deals")["total"] == 1


def test_a_late_index_shows_writes_to_get_before_search(clock: ManualClock) -> None:
    hubspot = HubSpot(clock, limit_scale=1000, index_lag_seconds=20)
    api = Direct(hubspot)
    row_id = hubspot.add_contact({"firstname": "A", "email": "a@b.co"})
    assert api.get(f"{CONTACTS}/{row_id}").status == 200
    assert search(api)["total"] == 0
    clock.advance(20)
    assert ids(search(api, where("email", "EQ", "a@b.co"))) == [row_id]
    hubspot.edit(row_id, {"firstname": "B"})
    clock.advance(19)
    (old,) = search(api)["results"]
    assert (old["properties"]["firstname"], old["updatedAt"]) == ("A", "2026-03-02T14:00:00Z")
    clock.advance(1)
    (now,) = search(api)["results"]
    assert (now["properties"]["firstname"], now["updatedAt"]) == ("B", "2026-03-02T14:00:20Z")
    hubspot.index_lag_seconds = 0
    hubspot.edit(row_id, {"firstname": "C"})
    assert search(api)["results"][0]["properties"]["firstname"] == "C"


def test_archived_and_merged_records_are_never_found(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    late = HubSpot(clock, index_lag_seconds=20)
    for one, caller in ((hubspot, api), (late, Direct(late))):
        first, second, third = (one.add_contact({"email": f"{n}@b.co"}) for n in range(3))
        one.archive(third)
        new = one.merge(first, second)
        clock.advance(30)
        assert ids(search(caller)) == [new]
        one.restore(third)
        clock.advance(30)
        assert ids(search(caller)) == [third, new]


def test_a_query_looks_at_all_values(api: Direct, hubspot: HubSpot) -> None:
    hubspot.add_contact({"firstname": "Ann", "city": "Miami"})
    row_id = hubspot.add_contact({"firstname": "Bob", "city": "Miami"})
    assert ids(search(api, query="miami BOB")) == [row_id]
