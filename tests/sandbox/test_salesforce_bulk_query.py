"""Bulk API 2.0 of the Salesforce model: jobs that read (contract, section 4.5)."""

from __future__ import annotations

import csv
import io

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.direct import Direct
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.wire import Response

QUERY = "jobs/query"


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce(ManualClock())


@pytest.fixture
def api(salesforce: Salesforce) -> Direct:
    return Direct(salesforce)


def state(api: Direct, job: str) -> str:
    return str(api.get(f"{QUERY}/{job}").json()["state"])


def table(response: Response) -> list[dict[str, str]]:
    assert response.status == 200, response.body
    return list(csv.DictReader(io.StringIO(response.body.decode(), newline="")))


def code(answer: Response) -> str:
    return str(answer.json()[0]["errorCode"])


def asked(api: Direct, text: str, operation: str = "query") -> str:
    answer = api.post(QUERY, {"operation": operation, "query": text})
    assert answer.status == 200, answer.body
    assert answer.json()["state"] == "UploadComplete"
    return str(answer.json()["id"])


def test_a_query_job_gives_parts_under_the_header(salesforce: Salesforce, api: Direct) -> None:
    ids = [salesforce.add_contact({"LastName": f"Li{n}"}) for n in range(5)]
    job = asked(
        api, "SELECT id, LastName, Tobacco_Use__c, Phone, SystemModstamp, Account.Name FROM Contact ORDER BY Id"
    )
    shown = api.get(f"{QUERY}/{job}").json()
    assert (shown["state"], shown["jobType"], shown["numberRecordsProcessed"]) == ("JobComplete", "V2Query", 5)
    seen: list[dict[str, str]] = []
    locator, counts = "", []
    while locator != "null":
        part = api.get(f"{QUERY}/{job}/results?maxRecords=2" + (f"&locator={locator}" if locator else ""))
        seen += table(part)
        locator = part.headers["Sforce-Locator"]
        counts.append(part.headers["Sforce-NumberOfRecords"])
    assert counts == ["2", "2", "1"]
    assert [row["Id"] for row in seen] == ids
    assert seen[0] == {
        "Id": ids[0],
        "LastName": "Li0",
        "Tobacco_Use__c": "false",
        "Phone": "",
        "SystemModstamp": "2026-03-02T14:00:00.000Z",
        "Account.Name": "",
    }


def test_a_part_can_be_fetched_again(salesforce: Salesforce, api: Direct) -> None:
    for n in range(4):
        salesforce.add_contact({"LastName": f"Li{n}"})
    job = asked(api, "SELECT Id FROM Contact")
    locator = api.get(f"{QUERY}/{job}/results?maxRecords=2").headers["Sforce-Locator"]
    path = f"{QUERY}/{job}/results?maxRecords=2&locator={locator}"
    assert api.get(path).body == api.get(path).body
    assert code(api.get(f"{QUERY}/{job}/results?locator=x")) == "INVALID_QUERY_LOCATOR"
    assert api.get(f"{QUERY}/{job}/results?maxRecords=0").status == 400


def test_results_belong_to_the_version_that_asked(api: Direct) -> None:
    job = asked(api, "SELECT Id FROM Contact")
    assert api.get(f"/services/data/v61.0/jobs/query/{job}/results").status == 409
    assert api.get(f"{QUERY}/{job}/results").status == 200


def test_only_query_all_shows_the_recycle_bin(salesforce: Salesforce, api: Direct) -> None:
    one = salesforce.add_contact({"LastName": "Li"})
    salesforce.delete(one)
    text = "SELECT Id, IsDeleted FROM Contact"
    assert table(api.get(f"{QUERY}/{asked(api, text)}/results")) == []
    found = table(api.get(f"{QUERY}/{asked(api, text, 'queryAll')}/results"))
    assert found == [{"Id": one, "IsDeleted": "true"}]


def test_a_query_job_sees_the_data_of_when_it_runs(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(bulk_seconds=60))
    job = asked(api, "SELECT LastName FROM Contact")
    assert code(api.get(f"{QUERY}/{job}/results")) == "INVALIDJOBSTATE"
    salesforce.add_contact({"LastName": "Li"})
    salesforce.clock.advance(60)
    assert state(api, job) == "JobComplete"
    salesforce.add_contact({"LastName": "Lo"})
    assert [row["LastName"] for row in table(api.get(f"{QUERY}/{job}/results"))] == ["Li"]


def test_a_query_job_fails_when_a_field_vanished_meanwhile(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(bulk_seconds=60))
    job = asked(api, "SELECT Phone FROM Contact")
    salesforce.set_options(Options(bulk_seconds=60, hidden_fields=("Contact.Phone",)))
    salesforce.clock.advance(60)
    shown = api.get(f"{QUERY}/{job}").json()
    assert (shown["state"], shown["errorMessage"].split(" : ")[0]) == ("Failed", "INVALID_FIELD")


@pytest.mark.parametrize(("operation", "text"), [
    ("query", "SELECT Nothing__c FROM Contact"),
    ("query", "SELEC Id FROM Contact"),
    ("query", "SELECT COUNT() FROM Contact"),
    ("query", "SELECT MailingAddress FROM Contact"),
    ("insert", "SELECT Id FROM Contact"),
    ("query", ""),
])  # fmt: skip
def test_a_query_job_that_makes_no_sense_is_refused(api: Direct, operation: str, text: str) -> None:
    assert api.post(QUERY, {"operation": operation, "query": text}).status == 400


@pytest.mark.parametrize("ending", ["Failed", "Aborted"])
def test_a_query_job_can_end_without_results(salesforce: Salesforce, api: Direct, ending: str) -> None:
    salesforce.set_options(Options.model_validate({"bulk_ends": ending}))
    job = asked(api, "SELECT Id FROM Contact")
    assert state(api, job) == ending
    assert code(api.get(f"{QUERY}/{job}/results")) == "INVALIDJOBSTATE"
