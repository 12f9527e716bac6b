"""The Salesforce model over real HTTP: shell, control paths, faults, statistics (contract, section 9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.shell import serve

DATA = "/services/data/v62.0"
CONTACT = f"{DATA}/sobjects/Contact"


@pytest.fixture(scope="module")
def salesforce() -> Salesforce:
    return Salesforce(ManualClock())


@pytest.fixture(scope="module")
def http(salesforce: Salesforce) -> Iterator[httpx.Client]:
    with serve(salesforce) as running, httpx.Client(base_url=running.url, trust_env=False) as client:
        log_in(client)
        yield client


def log_in(http: httpx.Client) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": "3MVG9.sandbox", "client_secret": "sandbox-secret"}
    answer: dict[str, str] = http.post("/services/oauth2/token", data=form).json()
    http.headers["Authorization"] = f"Bearer {answer['access_token']}"
    return answer


def control(http: httpx.Client, path: str, /, **body: Any) -> Any:
    answer = http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def field(http: httpx.Client, record_id: str, name: str) -> Any:
    return http.get(f"{CONTACT}/{record_id}", params={"fields": name}).json()[name]


def test_the_login_leads_to_the_server_itself(http: httpx.Client) -> None:
    assert httpx.URL(log_in(http)["instance_url"]) == http.base_url


def test_people_are_served_compressed_with_the_sandbox_date(http: httpx.Client, salesforce: Salesforce) -> None:
    made = control(http, "people", count=150, seed=7)["ids"]
    query = "SELECT Id, LastName, Email, Product_Interest__c FROM Contact ORDER BY Id LIMIT 100"
    answer = http.get(f"{DATA}/query/", params={"q": query})
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["date"] == "Mon, 02 Mar 2026 14:00:00 GMT"
    assert answer.headers["sforce-limit-info"].startswith("api-usage=")
    assert [one["Id"] for one in answer.json()["records"]] == made[:100]


def test_a_list_in_pages_can_be_followed(http: httpx.Client) -> None:
    control(http, "people", count=10, seed=9)
    control(http, "options", page_limit=7)
    seen: list[str] = []
    page = http.get(f"{DATA}/query/", params={"q": "SELECT Id FROM Contact"}).json()
    seen += [one["Id"] for one in page["records"]]
    while not page["done"]:
        page = http.get(page["nextRecordsUrl"]).json()
        assert len(page["records"]) <= 7
        seen += [one["Id"] for one in page["records"]]
    control(http, "options", page_limit=2_000)
    assert len(set(seen)) == len(seen) == page["totalSize"]


def test_control_paths_do_what_people_do(http: httpx.Client) -> None:
    one = control(http, "add", values={"Email": "one@b.co"})["id"]
    assert field(http, one, "LastName") == "Unknown"
    two = control(http, "add", values={"LastName": "Two", "Email": "two@b.co"})["id"]
    control(http, "edit", id=one, values={"FirstName": "Typed", "Email": ""})
    assert (field(http, one, "FirstName"), field(http, one, "Email")) == ("Typed", None)
    control(http, "delete", id=two)
    assert http.get(f"{CONTACT}/{two}").status_code == 404
    bin_ids = [row["id"] for row in http.get("/_sandbox/records", params={"deleted": "true"}).json()["records"]]
    assert two in bin_ids
    control(http, "restore", id=two)
    assert field(http, two, "LastName") == "Two"
    assert control(http, "merge", primary=one, others=[two])["id"] == one
    assert http.get(f"{CONTACT}/{two}").status_code == 404
    before = field(http, one, "SystemModstamp"), field(http, one, "LastModifiedDate")
    control(http, "clock", advance=5)
    assert control(http, "bump", ids=[one]) == {"bumped": 1}
    assert field(http, one, "SystemModstamp") > before[0]
    assert field(http, one, "LastModifiedDate") == before[1]
    records = http.get("/_sandbox/records").json()["records"]
    assert one in [record["id"] for record in records]
    assert control(http, "bump")["bumped"] == len(records)
    control(http, "purge", id=one)
    assert http.get(f"{CONTACT}/{one}").status_code == 404
    assert http.get("/_sandbox/records", params={"type": "Opportunity"}).json() == {"records": []}


def test_a_person_is_not_the_integration_user(http: httpx.Client, salesforce: Salesforce) -> None:
    ours = http.post(CONTACT, json={"LastName": "Ours"}).json()["id"]
    theirs = control(http, "add", values={"LastName": "Theirs"})["id"]
    control(http, "edit", id=ours, values={"Phone": "1"})
    assert field(http, ours, "CreatedById") == salesforce.org.user_id
    assert field(http, ours, "LastModifiedById") == field(http, theirs, "CreatedById") == salesforce.org.person_id


def test_leads_are_converted(http: httpx.Client) -> None:
    lead = control(http, "add", type="Lead", values={"LastName": "Lead", "Email": "lead@b.co"})["id"]
    became = control(http, "convert", id=lead)
    assert field(http, became["contact"], "LastName") == "Lead"
    shown = http.get(f"{DATA}/sobjects/Lead/{lead}").json()
    assert (shown["IsConverted"], shown["ConvertedContactId"]) == (True, became["contact"])
    other = control(http, "add", type="Lead", values={"LastName": "Lead"})["id"]
    assert control(http, "convert", id=other, contact_id=became["contact"])["contact"] == became["contact"]


@pytest.mark.parametrize(("path", "body"), [
    ("edit", {"id": "0035e00000ZZZZZ", "values": {}}), ("edit", {"values": {}}), ("nonsense", {}),
    ("options", {"nonsense": 1}), ("add", {"values": {"Nothing__c": "1"}}), ("add", {"type": "Nothing", "values": {}}),
    ("tokens", {"nonsense": True}), ("delete", {"id": "x"}), ("spend", {}),
])  # fmt: skip
def test_a_wrong_control_call_is_400_and_says_why(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_there_are_no_other_control_paths(http: httpx.Client) -> None:
    assert http.get("/_sandbox/nonsense").status_code == 404
    assert http.delete("/_sandbox/records").status_code == 404


def test_options_can_be_changed_while_it_runs(http: httpx.Client) -> None:
    control(http, "options", hidden_fields=["Contact.Phone"])
    names = [one["name"] for one in http.get(f"{CONTACT}/describe").json()["fields"]]
    assert "Phone" not in names
    assert control(http, "options", hidden_fields=[])["hidden_fields"] == []
    assert http.get("/_sandbox/options").json()["daily_limit"] == 100_000


def test_sessions_can_be_ended(http: httpx.Client) -> None:
    control(http, "tokens", expire=True)
    assert http.get(f"{DATA}/limits").status_code == 401
    log_in(http)
    assert http.get(f"{DATA}/limits").status_code == 200
    control(http, "tokens", active=False)
    assert http.get(f"{DATA}/limits").status_code == 401
    control(http, "tokens", active=True)
    assert http.get(f"{DATA}/limits").status_code == 401, "what a deactivated user had is gone"
    http.headers["Authorization"] = f"Bearer {control(http, 'tokens', open=True)['token']}"
    assert http.get(f"{DATA}/limits").status_code == 200
    control(http, "tokens", refuse=True)
    assert http.get(f"{DATA}/limits").status_code == 401
    control(http, "tokens", refuse=False)


def test_another_program_can_use_up_the_requests(http: httpx.Client) -> None:
    control(http, "spend", count=100_000)
    assert http.get(f"{DATA}/limits").status_code == 403
    control(http, "clock", advance=86_400)
    log_in(http)
    assert http.get(f"{DATA}/limits").status_code == 200


def test_a_connection_that_drops_after_the_write_leaves_the_write(http: httpx.Client, salesforce: Salesforce) -> None:
    control(http, "faults", action="drop_after", op="POST /composite/sobjects")
    body = {"records": [{"attributes": {"type": "Contact"}, "LastName": "Dropped"}]}
    with pytest.raises(httpx.TransportError):
        http.post(f"{DATA}/composite/sobjects", json=body)
    assert [one["LastName"] for one in salesforce.records()].count("Dropped") == 1


@pytest.mark.parametrize(("status", "headers", "body"), [
    (403, {}, [{"errorCode": "REQUEST_LIMIT_EXCEEDED",
                "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded."}]),
    (503, {"Retry-After": "30"}, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]),
    (503, {}, "<html></html>"),
    (500, {}, None),
])  # fmt: skip
def test_faults_of_the_vendor_can_be_scripted(
    http: httpx.Client, status: int, headers: dict[str, str], body: Any
) -> None:
    control(http, "faults", action="status", path="limits", status=status, headers=headers, body=body)
    answer = http.get(f"{DATA}/limits")
    assert answer.status_code == status
    assert headers.items() <= {k.title(): v for k, v in answer.headers.items()}.items()
    assert http.get(f"{DATA}/limits").status_code == 200


def test_statistics_name_templates_and_not_ids(http: httpx.Client) -> None:
    http.post("/_sandbox/stats/reset")
    log_in(http)
    for method, path in (
        ("GET", f"{DATA}/query/?q=SELECT+Id+FROM+Contact"),
        ("GET", "/services/data/v59.0/query/01g5e0000000001AAA-2000"),
        ("GET", f"{DATA}/queryAll/01g5e0000000001AAA-2000"),
        ("GET", f"{DATA}/limits/"),
        ("GET", f"{DATA}/sobjects"),
        ("GET", f"{CONTACT}/describe"),
        ("GET", f"{CONTACT}/updated/?start=1&end=2"),
        ("POST", f"{CONTACT}/"),
        ("GET", f"{CONTACT}/0035e0000000001AAA"),
        ("PATCH", f"{CONTACT}/SalesPulse_Id__c/ctn_1/2"),
        ("POST", f"{DATA}/composite/sobjects"),
        ("PATCH", f"{DATA}/composite/sobjects/Contact/SalesPulse_Id__c"),
        ("POST", f"{DATA}/jobs/ingest"),
        ("PUT", f"{DATA}/jobs/ingest/7505e0000000001AAA/batches"),
        ("GET", f"{DATA}/jobs/query/7505e0000000001AAA"),
    ):
        http.request(method, path)
    assert http.get("/_sandbox/stats").json()["requests"] == {
        "POST /oauth2/token": 1,
        "GET /query": 1,
        "GET /query/:id": 1,
        "GET /queryAll/:id": 1,
        "GET /limits": 1,
        "GET /sobjects": 1,
        "GET /sobjects/Contact/describe": 1,
        "GET /sobjects/Contact/updated": 1,
        "POST /sobjects/Contact": 1,
        "GET /sobjects/Contact/:id": 1,
        "PATCH /sobjects/Contact/SalesPulse_Id__c/:id": 1,
        "POST /composite/sobjects": 1,
        "PATCH /composite/sobjects/Contact/SalesPulse_Id__c": 1,
        "POST /jobs/ingest": 1,
        "PUT /jobs/ingest/:id/batches": 1,
        "GET /jobs/query/:id": 1,
    }


def test_the_state_can_be_kept_and_taken_up_again(salesforce: Salesforce, http: httpx.Client) -> None:
    record_id = control(http, "add", values={"LastName": "Kept"})["id"]
    saved = salesforce.export()
    other = Salesforce(ManualClock())
    with serve(other) as running, httpx.Client(base_url=running.url, headers=http.headers, trust_env=False) as client:
        other.load(saved)
        assert other.records() == salesforce.records()
        assert field(client, record_id, "LastName") == "Kept"
        assert control(client, "add", values={"LastName": "Next"})["id"] > record_id
