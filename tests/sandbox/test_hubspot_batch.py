"""Batches of the HubSpot model: trace ids, partial success, duplicates, order (contract, section 4)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS, Direct
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.wire import Response

MISSING = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."


@pytest.fixture
def hubspot() -> HubSpot:
    return HubSpot(ManualClock(), limit_scale=1000)


@pytest.fixture
def api(hubspot: HubSpot) -> Direct:
    return Direct(hubspot)


def batch(api: Direct, op: str, *inputs: dict[str, Any], base: str = CONTACTS, **more: Any) -> Response:
    return api.post(f"{base}/batch/{op}", {"inputs": list(inputs), **more})


def new(trace: str | None, **properties: str) -> dict[str, Any]:
    return {"properties": properties} | ({"objectWriteTraceId": trace} if trace else {})


def test_a_batch_create_answers_201_and_names_every_trace_id(api: Direct) -> None:
    answer = batch(api, "create", *(new(f"t{n}", email=f"A{n}@b.co") for n in range(100)))
    assert answer.status == 201
    body = answer.json()
    assert body["status"] == "COMPLETE"
    assert body["startedAt"]
    assert body["completedAt"]
    assert "errors" not in body
    by_trace = {one["objectWriteTraceId"]: one["properties"]["email"] for one in body["results"]}
    assert by_trace == {f"t{n}": f"a{n}@b.co" for n in range(100)}
    assert [one["objectWriteTraceId"] for one in body["results"]] != [f"t{n}" for n in range(100)]


def test_results_come_in_input_order_only_by_option(api: Direct, hubspot: HubSpot) -> None:
    for n in range(20):
        pair = [new(f"a{n}", email=f"a{n}@b.co"), new(f"b{n}", email=f"b{n}@b.co")]
        results = batch(api, "create", *pair).json()["results"]
        assert [one["objectWriteTraceId"][0] for one in results] == ["b", "a"]
    hubspot.set_options(Options(unordered=False))
    results = batch(api, "create", new("a", email="y@b.co"), new("b", email="z@b.co")).json()["results"]
    assert [one["objectWriteTraceId"] for one in results] == ["a", "b"]


@pytest.mark.parametrize("op", ["create", "update", "upsert", "read", "archive"])
@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_one_to_a_hundred_inputs(api: Direct, op: str, count: int) -> None:
    inputs = [{"id": str(n), "properties": {"email": f"a{n}@b.co"}} for n in range(count)]
    assert batch(api, op, *inputs).status == 400


def test_with_unique_trace_ids_the_good_ones_are_written(api: Direct, hubspot: HubSpot) -> None:
    owner = hubspot.add_contact({"email": "a@b.co", "salespulse_id": "sp_1"})
    answer = batch(
        api,
        "create",
        new("t1", email="A@B.co"),
        new("t2", email="new@b.co"),
        new("t3", firstname="B", nonsense="1"),
        new("t4", firstname="C", salespulse_id="sp_1"),
    )
    assert answer.status == 207
    body = answer.json()
    assert [one["objectWriteTraceId"] for one in body["results"]] == ["t2"]
    assert body["numErrors"] == 3
    errors = {one["context"]["objectWriteTraceId"][0]: one for one in body["errors"]}
    assert errors["t1"] == {
        "status": "error",
        "category": "CONFLICT",
        "message": f"Contact already exists. Existing ID: {owner}",
        "context": {"objectWriteTraceId": ["t1"], "existingId": [owner]},
    }
    assert errors["t3"]["category"] == "VALIDATION_ERROR"
    assert errors["t3"]["errors"][0]["context"] == {"propertyName": ["nonsense"]}
    assert errors["t4"]["message"].endswith(f"{owner} already has that value.")


@pytest.mark.parametrize("second", [None, "t1"])
def test_without_unique_trace_ids_nothing_is_written(api: Direct, hubspot: HubSpot, second: str | None) -> None:
    owner = hubspot.add_contact({"email": "a@b.co"})
    answer = batch(api, "create", new("t1", email="new@b.co"), new(second, email="a@b.co"))
    assert answer.status == 409
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {owner}"
    assert len(hubspot.records()) == 1
    hubspot.set_options(Options(conflict_names_id=False))
    answer = batch(api, "create", new("t1", email="new@b.co"), new(second, email="a@b.co"))
    assert owner not in answer.json()["message"]


def test_a_rejected_batch_names_the_bad_properties_of_all_inputs(api: Direct, hubspot: HubSpot) -> None:
    answer = batch(api, "create", new(None, firstname="A", x="1"), new(None, email="b"), new(None, email="c@b.co"))
    assert answer.status == 400
    assert [one["context"]["propertyName"] for one in answer.json()["errors"]] == [["x"], ["email"]]
    assert hubspot.records() == []


def test_an_email_twice_among_the_inputs_is_a_conflict(api: Direct, hubspot: HubSpot) -> None:
    pair = [new(None, email="a@b.co"), new(None, email="A@b.co")]
    assert batch(api, "create", *pair).status == 409
    assert hubspot.records() == []
    traced = [one | {"objectWriteTraceId": str(n)} for n, one in enumerate(pair)]
    answer = batch(api, "create", *traced).json()
    assert len(answer["results"]) == 1
    assert answer["errors"][0]["category"] == "CONFLICT"


@pytest.mark.parametrize("op", ["update", "upsert", "read", "archive"])
def test_an_id_twice_rejects_everything(api: Direct, hubspot: HubSpot, op: str) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    one = {"id": row_id, "properties": {"firstname": "B"}}
    answer = batch(api, op, one | {"objectWriteTraceId": "1"}, one | {"objectWriteTraceId": "2"})
    assert answer.status == 400
    assert answer.json()["message"] == f"Duplicate IDs found in batch input: [{row_id}]. IDs must be unique"
    assert answer.json()["context"] == {"ids": [row_id]}
    assert hubspot.record(row_id)["firstname"] == "A"


def test_emails_that_differ_in_case_are_one_id(api: Direct, hubspot: HubSpot) -> None:
    hubspot.add_contact({"email": "a@b.co"})
    assert batch(api, "read", {"id": "a@b.co"}, {"id": "A@b.co"}, idProperty="email").status == 400


def test_update_writes_what_it_can_find(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A", "city": "X"})
    answer = batch(
        api,
        "update",
        {"id": row_id, "properties": {"firstname": "B", "city": ""}, "objectWriteTraceId": "t1"},
        {"id": "999", "properties": {"firstname": "B"}, "objectWriteTraceId": "t2"},
    )
    assert answer.status == 207
    assert answer.json()["results"][0]["properties"]["firstname"] == "B"
    assert answer.json()["errors"] == [
        {"status": "error", "category": "OBJECT_NOT_FOUND", "message": MISSING, "context": {"ids": ["999"]}}
    ]
    assert "city" not in hubspot.record(row_id)
    assert batch(api, "update", {"id": row_id, "properties": {"city": "Y"}}).status == 200


def test_update_in_part_is_a_switch(api: Direct, hubspot: HubSpot) -> None:
    ids = [hubspot.add_contact({"firstname": "A"}) for _ in range(2)]
    pair = [
        {"id": ids[0], "properties": {"city": "X"}, "objectWriteTraceId": "1"},
        {"id": ids[1], "properties": {"email": "nobody"}, "objectWriteTraceId": "2"},
    ]
    assert batch(api, "update", *pair).status == 207
    hubspot.edit(ids[0], {"city": ""})
    hubspot.set_options(Options(partial_update=False))
    assert batch(api, "update", *pair).status == 400
    assert "city" not in hubspot.record(ids[0])


def test_upsert_by_the_id_property_can_be_repeated(api: Direct, hubspot: HubSpot) -> None:
    one = {
        "id": "sp_1",
        "idProperty": "salespulse_id",
        "properties": {"firstname": "A"},
        "objectWriteTraceId": "t",
    }
    first, second = batch(api, "upsert", one), batch(api, "upsert", one)
    assert (first.status, first.json()["results"][0]["new"]) == (200, True)
    assert (second.status, second.json()["results"][0]["new"]) == (200, False)
    (record,) = hubspot.records()
    assert record["salespulse_id"] == "sp_1"
    assert first.json()["results"][0]["id"] == second.json()["results"][0]["id"] == record["id"]


def test_upsert_in_part_and_by_a_property_that_is_not_unique(api: Direct, hubspot: HubSpot) -> None:
    owner = hubspot.add_contact({"email": "a@b.co"})
    rows = [
        {
            "id": f"sp_{n}",
            "idProperty": "salespulse_id",
            "properties": {"email": mail},
            "objectWriteTraceId": str(n),
        }
        for n, mail in enumerate(["a@b.co", "new@b.co"])
    ]
    answer = batch(api, "upsert", *rows)
    assert answer.status == 207
    assert answer.json()["errors"][0]["context"] == {"objectWriteTraceId": ["0"], "existingId": [owner]}
    bad = batch(api, "upsert", {"id": "D", "idProperty": "dealname", "properties": {}}, base="/crm/v3/objects/deals")
    assert bad.status == 400
    assert bad.json()["message"] == "Unable to perform update/upsert by non-unique 0-3 property dealname"


def test_partial_success_may_hide_behind_the_ordinary_status(api: Direct, hubspot: HubSpot) -> None:
    hubspot.set_options(Options(fold_partial=True))
    hubspot.add_contact({"email": "a@b.co"})
    folded = batch(api, "create", new("t1", email="a@b.co"))
    assert (folded.status, folded.json()["numErrors"]) == (201, 1)
    plain = batch(api, "create", new("t1", email="a@b.co"), base="/crm/v3/objects/contacts")
    assert plain.status == 207


def test_read_tells_which_ids_lead_nowhere(api: Direct, hubspot: HubSpot) -> None:
    row_id, binned = hubspot.add_contact({"email": "a@b.co"}), hubspot.add_contact({"email": "c@b.co"})
    hubspot.archive(binned)
    answer = batch(api, "read", {"id": row_id}, {"id": binned}, {"id": "999"}, properties=["email", "nonsense"])
    assert answer.status == 207
    (found,) = answer.json()["results"]
    assert found["properties"]["email"] == "a@b.co"
    assert "nonsense" not in found["properties"]
    assert answer.json()["errors"][0]["context"] == {"ids": [binned, "999"]}
    archived = api.post(f"{CONTACTS}/batch/read?archived=true", {"inputs": [{"id": binned}]})
    assert (archived.status, archived.json()["results"][0]["archived"]) == (200, True)


def test_read_by_email_and_by_the_id_property(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"email": "a@b.co", "salespulse_id": "sp_1"})
    hubspot.add_secondary(row_id, "s@b.co")
    for prop, value in (("email", "S@b.co"), ("salespulse_id", "sp_1")):
        answer = batch(api, "read", {"id": value}, idProperty=prop)
        assert [one["id"] for one in answer.json()["results"]] == [row_id]
    assert batch(api, "read", {"id": "x"}, idProperty="city").status == 400


def test_read_of_merged_ids_answers_with_the_new_one(api: Direct, hubspot: HubSpot) -> None:
    one, two = hubspot.add_contact({"email": "a@b.co"}), hubspot.add_contact({"email": "c@b.co"})
    merged = hubspot.merge(one, two)
    answer = batch(api, "read", {"id": one}, {"id": two})
    assert answer.status == 200
    assert [found["id"] for found in answer.json()["results"]] == [merged]
    hubspot.set_options(Options(merged_read="each"))
    assert len(batch(api, "read", {"id": one}, {"id": two}).json()["results"]) == 2


def test_read_with_history_has_at_most_fifty_inputs(api: Direct, hubspot: HubSpot) -> None:
    ids = [{"id": hubspot.add_contact({"email": f"a{n}@b.co"})} for n in range(51)]
    assert batch(api, "read", *ids, propertiesWithHistory=["email"]).status == 400
    answer = batch(api, "read", *ids[:50], propertiesWithHistory=["email"]).json()
    history = {one["id"]: one["propertiesWithHistory"]["email"][0]["value"] for one in answer["results"]}
    assert history[ids[0]["id"]] == "a0@b.co"


def test_archive_is_204_also_for_what_is_gone(api: Direct, hubspot: HubSpot) -> None:
    row_id = hubspot.add_contact({"firstname": "A"})
    for _ in range(2):
        answer = batch(api, "archive", {"id": row_id}, {"id": "999"})
        assert (answer.status, answer.body) == (204, b"")
    assert hubspot.records() == []
    assert [one["id"] for one in hubspot.records(archived=True)] == [row_id]


def test_an_unknown_batch_path_is_404(api: Direct) -> None:
    assert batch(api, "explode", {"id": "1"}).status == 404
