"""Every endpoint and rule of the vendor's page, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salespulse import SalesPulse
from syncd.sandbox.salespulse.model import BASE, KEY
from syncd.sandbox.shell import serve

JANE = {
    "first_name": "Jane",
    "last_name": "Smith",
    "phone": "+13055551234",
    "email": "jane@example.com",
    "state": "FL",
    "product_interest": "final_expense",
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[SalesPulse, httpx.Client]]:
    model = SalesPulse(ManualClock(), limit_scale=100)
    with (
        serve(model) as running,
        httpx.Client(
            base_url=running.url + BASE,
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
        ) as client,
    ):
        yield model, client


@pytest.fixture
def model(served: tuple[SalesPulse, httpx.Client]) -> SalesPulse:
    """The model, emptied."""
    model, _ = served
    model.load(SalesPulse(ManualClock()).export())
    model.clock.advance(60)
    return model


@pytest.fixture
def client(model: SalesPulse, served: tuple[SalesPulse, httpx.Client]) -> httpx.Client:
    return served[1]


def message(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) == {"error"}
    return str(body["error"]["message"])


def test_a_created_contact_is_shown_and_listed(client: httpx.Client) -> None:
    created = client.post("/contacts", json=JANE)
    assert created.status_code == 201
    assert created.json()["id"].startswith("ctn_")
    assert created.json() | JANE == created.json()
    assert client.get(f"/contacts/{created.json()['id']}").json() == created.json()
    assert client.get("/contacts").json() == {"data": [created.json()]}


def test_nothing_has_to_be_unique(client: httpx.Client) -> None:
    ids = {client.post("/contacts", json=JANE).json()["id"] for _ in range(3)}
    assert len(ids) == 3


def test_an_update_changes_only_what_it_names(model: SalesPulse, client: httpx.Client) -> None:
    before = client.post("/contacts", json=JANE).json()
    model.clock.advance(10)
    after = client.patch(f"/contacts/{before['id']}", json={"state": "TX", "email": None}).json()
    assert after["updated_at"] > before["updated_at"]
    assert after == before | {"state": "TX", "email": None, "updated_at": after["updated_at"]}
    model.clock.advance(10)
    again = client.patch(f"/contacts/{before['id']}", json={"state": "TX"}).json()
    assert again == after, "an update that changes nothing bumps no time"


def test_a_deleted_contact_is_not_found(client: httpx.Client) -> None:
    one = client.post("/contacts", json=JANE).json()["id"]
    assert client.delete(f"/contacts/{one}").status_code == 200
    for answer in (client.get(f"/contacts/{one}"), client.delete(f"/contacts/{one}")):
        assert answer.status_code == 404
        assert message(answer) == "Contact does not exist"
    assert client.get("/contacts").json() == {"data": []}


def test_unknown_fields_pass_through(client: httpx.Client) -> None:
    extra = {"crm_id": "77", "tags": ["a", "b"], "address": {"city": "Miami"}}
    one = client.post("/contacts", json=JANE | extra).json()
    assert client.get(f"/contacts/{one['id']}").json() | extra == one
    cleared = client.patch(f"/contacts/{one['id']}", json={"crm_id": None, "id": "ctn_other"}).json()
    assert "crm_id" not in cleared
    assert cleared["id"] == one["id"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"phone": "(305) 555-1234"}, "phone"),
        ({"phone": "+0"}, "phone"),
        ({"email": "jane@example"}, "email"),
        ({"email": "jane example@x.com"}, "email"),
        ({"state": "Florida"}, "state"),
        ({"state": "fl"}, "state"),
        ({"first_name": 7}, "first_name"),
        ({"email": 7}, "email"),
        ({"last_name": "x" * 501}, "last_name"),
        ({"stage_id": "stg_nowhere"}, "stage_id"),
        ({"stage": "Nowhere"}, "stage"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_changes_nothing(
    model: SalesPulse, client: httpx.Client, values: dict[str, Any], field: str
) -> None:
    created = client.post("/contacts", json=JANE | values)
    assert created.status_code == 422
    assert field in message(created)
    assert not model.book.contacts
    one = model.add_contact(JANE)
    before = model.records()
    model.clock.advance(1)
    assert client.patch(f"/contacts/{one}", json={"last_name": "New"} | values).status_code == 422
    assert model.records() == before


def test_a_contact_needs_something_to_go_by(client: httpx.Client) -> None:
    assert client.post("/contacts", json={"state": "FL"}).status_code == 422


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_object_is_refused(model: SalesPulse, client: httpx.Client, body: bytes) -> None:
    one = model.add_contact(JANE)
    assert client.patch(f"/contacts/{one}", content=body).status_code == 400
    assert client.post("/contacts", content=body).status_code in (400, 422)


def test_bulk_creates_up_to_a_thousand_in_order(client: httpx.Client) -> None:
    people = [{"first_name": f"N{number}"} for number in range(1_000)]
    answer = client.post("/contacts/bulk", json={"contacts": people})
    assert answer.status_code == 201
    assert [row["first_name"] for row in answer.json()["created"]] == [row["first_name"] for row in people]
    assert answer.json()["errors"] == []
    assert len(client.get("/contacts?limit=1000").json()["data"]) == 1_000


@pytest.mark.parametrize("body", [[{"first_name": "A"}] * 1_001, [], {"people": []}, "x"])
def test_a_bulk_of_a_wrong_size_or_shape_is_refused(model: SalesPulse, client: httpx.Client, body: object) -> None:
    assert client.post("/contacts/bulk", json=body).status_code == 400
    assert not model.book.contacts


def test_lists_are_paged_and_searched(model: SalesPulse, client: httpx.Client) -> None:
    ids = model.populate({"first_name": f"N{n:02}", "email": f"n{n}@example.com"} for n in range(25))
    pages = [client.get("/contacts", params={"page": page, "limit": 10}).json()["data"] for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [row["id"] for page in pages for row in page] == ids
    found = client.get("/contacts", params={"search": " N7@EXAMPLE.com"}).json()["data"]
    assert [row["first_name"] for row in found] == ["N07"]


def test_the_full_name_and_the_phone_can_be_searched(model: SalesPulse, client: httpx.Client) -> None:
    one = model.add_contact(JANE)
    model.add_contact({"first_name": "Janet", "phone": "+13055550000"})
    for text in ("jane smith", "+13055551234", "5551234"):
        assert [row["id"] for row in client.get("/contacts", params={"search": text}).json()["data"]] == [one]


@pytest.mark.parametrize("query", ["page=0", "page=x", "limit=-1", "limit=1.5"])
def test_wrong_paging_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/contacts?{query}")
    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in message(answer)


def test_pages_drift_when_an_earlier_row_is_deleted(model: SalesPulse, client: httpx.Client) -> None:
    ids = model.populate({"first_name": f"N{n}"} for n in range(6))
    first = client.get("/contacts?limit=3").json()["data"]
    model.delete_contact(ids[0])
    second = client.get("/contacts?limit=3&page=2").json()["data"]
    seen = [row["id"] for row in first + second]
    assert ids[3] not in seen, "the fourth row slipped to the page that was read already"


def test_a_stage_is_moved_by_id_alone(client: httpx.Client) -> None:
    one = client.post("/contacts", json=JANE).json()
    assert one["stage_id"] == "stg_new"
    moved = client.patch(f"/contacts/{one['id']}/stage", json={"stage_id": "stg_quoted"})
    assert (moved.status_code, moved.json()["stage_id"]) == (200, "stg_quoted")
    assert client.patch(f"/contacts/{one['id']}/stage", json={"stage_id": "Quoted"}).status_code == 422
    assert client.patch("/contacts/ctn_0/stage", json={"stage_id": "stg_new"}).status_code == 404


def test_stages_and_deals_are_listed(model: SalesPulse, client: httpx.Client) -> None:
    stages = client.get("/pipeline/stages").json()["data"]
    assert [stage["name"] for stage in stages] == ["New Lead", "Contacted", "Quoted", "Sold", "Lost"]
    one = model.add_contact(JANE | {"stage": "Sold"})
    (deal,) = client.get("/pipeline/deals").json()["data"]
    assert deal["contact"]["id"] == one
    assert deal["stage"] == {"id": "stg_sold", "name": "Sold"}


def test_a_call_is_started_ends_by_itself_and_is_listed(model: SalesPulse, client: httpx.Client) -> None:
    one = model.add_contact(JANE)
    started = client.post("/calls/initiate", json={"contact_id": one})
    assert started.status_code == 201
    call_id = started.json()["id"]
    assert client.get(f"/calls/{call_id}").json()["status"] == "initiated"
    model.clock.advance(60)
    ended = client.get(f"/calls/{call_id}").json()
    assert (ended["status"], ended["duration_seconds"]) == ("completed", 42)
    assert ended["recording_url"].endswith(".mp3")
    assert "transcript" in ended
    (listed,) = client.get("/calls", params={"contact_id": one}).json()["data"]
    assert listed["id"] == call_id
    assert "transcript" not in listed


def test_calls_are_filtered_by_contact_and_dates(model: SalesPulse, client: httpx.Client) -> None:
    one, other = model.add_contact(JANE), model.add_contact(JANE)
    for contact in (one, other, one):
        url = str(client.base_url).replace(BASE + "/", "/_sandbox/call")
        client.post(url, json={"contact_id": contact}).raise_for_status()
        model.clock.advance(86_400)

    def days(**query: str) -> list[str]:
        return [row["started_at"][:10] for row in client.get("/calls", params=query).json()["data"]]

    everything = days()
    assert everything == sorted(everything, reverse=True)
    newest, middle, oldest = everything
    assert days(contact_id=other) == [middle]
    assert days(**{"from": middle}) == [newest, middle]
    assert days(to=middle) == [middle, oldest]
    assert days(**{"from": f"{middle}T23:59:59Z"}) == [newest]
    assert days(limit="2", page="2") == [oldest]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"contact_id": "ctn_0"}, 404), ({}, 422), ({"to": "305"}, 422), ({"to": "+13055551234"}, 201)],
)
def test_a_call_needs_someone_to_call(client: httpx.Client, body: dict[str, str], status: int) -> None:
    assert client.post("/calls/initiate", json=body).status_code == status


@pytest.mark.parametrize("header", [None, "Bearer wrong", KEY, f"Basic {KEY}", f"bearer{KEY}"])
def test_without_the_key_every_path_is_401(client: httpx.Client, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    for path in ("/contacts", "/nowhere"):
        answer = httpx.get(str(client.base_url) + path, headers=headers, trust_env=False)
        assert answer.status_code == 401
        assert message(answer) == "Missing or invalid API key"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/contacts", "GET, POST"),
        ("GET", "/contacts/bulk", "POST"),
        ("POST", "/calls", "GET"),
        ("DELETE", "/pipeline/stages", "GET"),
    ],
)
def test_a_wrong_method_names_the_right_ones(client: httpx.Client, method: str, path: str, allow: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("path", ["/nowhere", "/calls/call_0", "/pipeline", "/contacts/a/b/c"])
def test_what_does_not_exist_is_404(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "does not exist" in message(answer)


def test_export_and_load_carry_everything_over(model: SalesPulse, client: httpx.Client) -> None:
    one = client.post("/contacts", json=JANE | {"crm_id": "9", "stage_id": "stg_sold"}).json()
    client.post("/calls/initiate", json={"contact_id": one["id"]})
    saved = model.export()
    again = SalesPulse(ManualClock(start=model.clock.now() + timedelta(hours=1)), limit_scale=100)
    again.load(saved)
    with serve(again) as running:
        headers = {"authorization": f"Bearer {KEY}"}
        url = running.url + BASE
        assert httpx.get(f"{url}/contacts/{one['id']}", headers=headers, trust_env=False).json() == one
        made = httpx.post(f"{url}/contacts", headers=headers, json=JANE, trust_env=False).json()
        (call,) = httpx.get(f"{url}/calls", headers=headers, trust_env=False).json()["data"]
    assert made["id"] != one["id"]
    assert call["status"] == "completed", "a call that was under way ends after the restart"


def test_people_edit_add_and_delete_through_the_control_paths(model: SalesPulse, client: httpx.Client) -> None:
    control = str(client.base_url).replace(BASE + "/", "/_sandbox")

    def post(path: str, body: object) -> httpx.Response:
        return httpx.post(f"{control}/{path}", json=body, trust_env=False)

    one = post("add", {"values": JANE | {"stage": "Quoted"}}).json()["id"]
    post("edit", {"id": one, "values": {"phone": "305-555-9999", "email": None, "stage": "Sold"}})
    (record,) = httpx.get(f"{control}/records", trust_env=False).json()["records"]
    assert (record["phone"], record["stage"], record.get("email")) == ("305-555-9999", "Sold", None)
    assert post("edit", {"id": "ctn_0", "values": {}}).status_code == 400
    assert post("edit", {"id": one, "values": {"stage": "Nowhere"}}).status_code == 400
    assert post("nowhere", {}).status_code == 404
    assert post("delete", {"id": one}).status_code == 200
    assert post("people", {"count": 30, "seed": 3, "start": 10}).json() == {"added": 30}
    assert len(model.book.contacts) == 30
    post("keys", {"keys": ["sp_live_rotated"]})
    assert client.get("/contacts").status_code == 401
    headers = {"authorization": "Bearer sp_live_rotated"}
    assert client.get("/contacts", headers=headers).status_code == 200


def test_a_create_whose_answer_is_lost_has_happened(model: SalesPulse, client: httpx.Client) -> None:
    control = str(client.base_url).replace(BASE + "/", "/_sandbox/faults")
    httpx.post(control, json={"action": "drop_after", "op": "POST /contacts/bulk"}, trust_env=False)
    with pytest.raises(httpx.TransportError):
        client.post("/contacts/bulk", json=[JANE, JANE])
    assert len(model.book.contacts) == 2
