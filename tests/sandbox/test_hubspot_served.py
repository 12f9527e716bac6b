"""The HubSpot model over real HTTP: shell, control paths, faults and statistics (contract, section 13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.shell import serve


@pytest.fixture(scope="module")
def hubspot() -> HubSpot:
    return HubSpot(ManualClock(), limit_scale=1000)


@pytest.fixture(scope="module")
def http(hubspot: HubSpot) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer pat-sandbox"}
    with (
        serve(hubspot) as running,
        httpx.Client(base_url=running.url, headers=headers, trust_env=False) as client,
    ):
        yield client


def control(http: httpx.Client, path: str, /, **body: Any) -> Any:
    answer = http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_people_are_served_compressed_with_the_sandbox_date(http: httpx.Client) -> None:
    made = control(http, "people", count=150, seed=7)["ids"]
    answer = http.get(CONTACTS, params={"limit": 100, "properties": "email,phone,product_interest,lifecyclestage"})
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["date"] == "Mon, 02 Mar 2026 14:00:00 GMT"
    assert answer.headers["x-hubspot-ratelimit-max"] == "100000"
    assert [one["id"] for one in answer.json()["results"]] == made[:100]
    assert http.get(f"{CONTACTS}/{made[0]}", headers={"Accept-Encoding": "identity"}).json()["id"] == made[0]


def test_control_paths_do_what_people_do(http: httpx.Client) -> None:
    one = control(http, "add", values={"email": "one@b.co"})["id"]
    two = control(http, "add", values={"email": "two@b.co"})["id"]
    control(http, "edit", id=one, values={"firstname": "Typed", "email": "one@b.co"})
    assert http.get(f"{CONTACTS}/{one}").json()["properties"]["firstname"] == "Typed"
    control(http, "delete", id=two)
    assert http.get(f"{CONTACTS}/{two}").status_code == 404
    control(http, "restore", id=two)
    control(http, "secondary", id=two, email="second@b.co")
    assert http.get(f"{CONTACTS}/second@b.co", params={"idProperty": "email"}).json()["id"] == two
    merged = control(http, "merge", primary=one, other=two)["id"]
    assert http.get(f"{CONTACTS}/{two}").json()["id"] == merged
    records = http.get("/_sandbox/records").json()["records"]
    assert merged in [record["id"] for record in records]
    assert control(http, "bump")["bumped"] == len(records)
    assert control(http, "bump", ids=[merged]) == {"bumped": 1}
    control(http, "purge", id=merged)
    assert http.get(f"{CONTACTS}/{one}").status_code == 404
    assert http.get("/_sandbox/records", params={"type": "deals"}).json() == {"records": []}


@pytest.mark.parametrize(("path", "body"), [
    ("edit", {"id": "999999", "values": {}}), ("edit", {"values": {}}), ("nonsense", {}),
    ("options", {"nonsense": 1}), ("people", {"style": "salespulse"}), ("add", {"values": {"nonsense": "1"}}),
])  # fmt: skip
def test_a_wrong_control_call_is_400_and_says_why(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_an_edit_to_a_taken_email_is_refused_with_the_owner(http: httpx.Client) -> None:
    owner = control(http, "add", values={"email": "owner@b.co"})["id"]
    other = control(http, "add", values={"email": "other@b.co"})["id"]
    answer = http.post("/_sandbox/edit", json={"id": other, "values": {"email": "owner@b.co"}})
    assert answer.status_code == 400
    assert owner in answer.json()["error"]["message"]


def test_options_can_be_changed_while_it_runs(http: httpx.Client) -> None:
    control(http, "options", missing_scopes=["crm.objects.contacts.read"])
    assert http.get(CONTACTS).status_code == 403
    assert control(http, "options", missing_scopes=[])["missing_scopes"] == []
    assert http.get("/_sandbox/options").json()["burst"] == 100
    assert http.get(CONTACTS).status_code == 200


def test_tokens_can_be_rotated(http: httpx.Client) -> None:
    control(http, "tokens", token="pat-other", expire=True)
    assert http.get(CONTACTS).status_code == 401
    control(http, "tokens", token="pat-sandbox")
    assert http.get(CONTACTS).status_code == 200


def test_another_program_can_use_up_the_limit(http: httpx.Client) -> None:
    control(http, "spend", count=100_000)
    assert http.get(CONTACTS).status_code == 429
    control(http, "clock", advance=10)
    assert http.get(CONTACTS).status_code == 200


def test_a_connection_that_drops_after_the_write_leaves_the_write(http: httpx.Client, hubspot: HubSpot) -> None:
    control(http, "faults", action="drop_after", op=f"POST {CONTACTS}/batch/create")
    row = {"properties": {"email": "dropped@b.co"}, "objectWriteTraceId": "1"}
    with pytest.raises(httpx.TransportError):
        http.post(f"{CONTACTS}/batch/create", json={"inputs": [row]})
    assert "dropped@b.co" in [record.get("email") for record in hubspot.records()]
    assert http.post(f"{CONTACTS}/batch/create", json={"inputs": [row]}).status_code == 207


@pytest.mark.parametrize(("status", "headers"), [
    (423, {}), (477, {"Retry-After": "600"}), (502, {}), (429, {"Retry-After": "3"}),
])  # fmt: skip
def test_faults_of_the_vendor_can_be_scripted(http: httpx.Client, status: int, headers: dict[str, str]) -> None:
    control(http, "faults", action="status", path="contacts", status=status, headers=headers)
    answer = http.get(CONTACTS)
    assert answer.status_code == status
    assert headers.items() <= {k.title(): v for k, v in answer.headers.items()}.items()
    assert http.get(CONTACTS).status_code == 200


def test_statistics_name_templates_and_not_ids(http: httpx.Client) -> None:
    http.post("/_sandbox/stats/reset")
    http.get(f"{CONTACTS}/someone@b.co", params={"idProperty": "email"})
    http.get("/crm/v3/objects/contacts/12345")
    http.post(f"{CONTACTS}/search", json={})
    http.post(f"{CONTACTS}/batch/read", json={"inputs": [{"id": "1"}]})
    http.get("/crm/v4/objects/contacts/1/associations/deals")
    http.put("/crm/v4/objects/contacts/1/associations/default/deals/2")
    http.get("/crm/properties/2026-09/contacts/email")
    assert http.get("/_sandbox/stats").json()["requests"] == {
        f"GET {CONTACTS}/:id": 1,
        "GET /crm/v3/objects/contacts/:id": 1,
        f"POST {CONTACTS}/search": 1,
        f"POST {CONTACTS}/batch/read": 1,
        "GET /crm/v4/objects/contacts/:id/associations/deals": 1,
        "PUT /crm/v4/objects/contacts/:id/associations/default/deals/:id": 1,
        "GET /crm/properties/2026-09/contacts/email": 1,
    }
