"""Bulk API 2.0 of the Salesforce model: jobs that write (contract, section 4.5)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.bulk.ingest import MOST_BYTES
from syncd.sandbox.salesforce.direct import Direct
from syncd.sandbox.salesforce.ids import make_id
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.wire import Response

INGEST = "jobs/ingest"
RESULTS = ("successfulResults", "failedResults", "unprocessedRecords")


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce(ManualClock())


@pytest.fixture
def api(salesforce: Salesforce) -> Direct:
    return Direct(salesforce)


def opened(api: Direct, operation: str = "insert", **more: str) -> str:
    if operation == "upsert":
        more = {"externalIdFieldName": "SalesPulse_Id__c", **more}
    answer = api.post(INGEST, {"object": "Contact", "operation": operation, "contentType": "CSV", **more})
    assert answer.status == 200, answer.body
    assert answer.json()["state"] == "Open"
    return str(answer.json()["id"])


def upload(api: Direct, job: str, text: str) -> Response:
    return api.send("PUT", f"{INGEST}/{job}/batches", text.encode(), {"content-type": "text/csv; charset=UTF-8"})


def close(api: Direct, job: str) -> Response:
    return api.patch(f"{INGEST}/{job}", {"state": "UploadComplete"})


def started(api: Direct, text: str, operation: str = "insert", **more: str) -> str:
    job = opened(api, operation, **more)
    assert upload(api, job, text).status == 201
    assert close(api, job).json()["state"] == "UploadComplete"
    return job


def state(api: Direct, job: str) -> str:
    return str(api.get(f"{INGEST}/{job}").json()["state"])


def table(response: Response, delimiter: str = ",") -> list[dict[str, str]]:
    assert response.status == 200, response.body
    return list(csv.DictReader(io.StringIO(response.body.decode(), newline=""), delimiter=delimiter))


def rows(api: Direct, job: str, name: str) -> list[dict[str, str]]:
    return table(api.get(f"{INGEST}/{job}/{name}"))


def code(answer: Response) -> str:
    return str(answer.json()[0]["errorCode"])


def test_a_job_goes_from_open_to_complete(salesforce: Salesforce, api: Direct) -> None:
    job = started(api, 'LastName,FirstName\nLi,"Ann, ""A"""\nLo,\n')
    shown = api.get(f"{INGEST}/{job}").json()
    assert shown["state"] == "JobComplete"
    assert (shown["numberRecordsProcessed"], shown["numberRecordsFailed"], shown["errorMessage"]) == (2, 0, None)
    assert (shown["apiVersion"], shown["jobType"]) == (62.0, "V2Ingest")
    assert shown["contentUrl"] == f"services/data/v62.0/jobs/ingest/{job}/batches"
    assert {(one["LastName"], one.get("FirstName")) for one in salesforce.records()} == {
        ("Li", 'Ann, "A"'),
        ("Lo", None),
    }
    done = rows(api, job, "successfulResults")
    assert {(one["LastName"], one["sf__Created"]) for one in done} == {("Li", "true"), ("Lo", "true")}
    assert {one["sf__Id"] for one in done} == {one["id"] for one in salesforce.records()}
    assert rows(api, job, "failedResults") == rows(api, job, "unprocessedRecords") == []


def test_an_empty_cell_leaves_the_field_and_na_clears_it(salesforce: Salesforce, api: Direct) -> None:
    one = salesforce.add_contact({"LastName": "Li", "Phone": "1", "Email": "a@b.co"})
    started(api, f"Id,Phone,Email,FirstName\n{one},,#N/A,Ann\n", "update")
    api.get("limits")
    record = salesforce.record(one)
    assert (record["Phone"], record.get("Email"), record["FirstName"]) == ("1", None, "Ann")


def test_values_of_every_type_come_as_text(salesforce: Salesforce, api: Direct) -> None:
    header = "LastName,Tobacco_Use__c,Coverage_Amount__c,Birthdate,SalesPulse_Stage__c"
    job = started(api, f"{header}\nLi,true,25000.50,1970-01-31,Quoted\nLo,perhaps,,,\nLu,,much,,\n")
    assert state(api, job) == "JobComplete"
    (record,) = salesforce.records()
    assert (record["Tobacco_Use__c"], record["Coverage_Amount__c"]) == (True, 25000.5)
    assert (record["Birthdate"], record["SalesPulse_Stage__c"]) == ("1970-01-31", "Quoted")
    assert {one["LastName"] for one in rows(api, job, "failedResults")} == {"Lo", "Lu"}


def test_an_upsert_says_which_it_created_and_results_are_in_no_order(salesforce: Salesforce, api: Direct) -> None:
    salesforce.add_contact({"LastName": "Li", "SalesPulse_Id__c": "ctn_3"})
    lines = "".join(f"ctn_{n},Li{n}\n" for n in range(50))
    job = started(api, f"SalesPulse_Id__c,LastName\n{lines}", "upsert")
    assert api.get(f"{INGEST}/{job}").json()["externalIdFieldName"] == "SalesPulse_Id__c"
    done = rows(api, job, "successfulResults")
    names = [one["SalesPulse_Id__c"] for one in done]
    assert sorted(names) == sorted(f"ctn_{n}" for n in range(50))
    assert names != [f"ctn_{n}" for n in range(50)]
    assert [one["SalesPulse_Id__c"] for one in done if one["sf__Created"] == "false"] == ["ctn_3"]
    assert len(salesforce.records()) == 50


def test_failed_rows_have_code_message_and_fields(salesforce: Salesforce, api: Direct) -> None:
    one = salesforce.add_contact({"LastName": "Li"})
    job = started(api, f"Id,LastName,Phone\n{one},#N/A,1\n{make_id('003', 999_999)},Lo,2\n,Lu,3\n", "update")
    shown = api.get(f"{INGEST}/{job}").json()
    assert (shown["state"], shown["numberRecordsProcessed"], shown["numberRecordsFailed"]) == ("JobComplete", 3, 3)
    failed = {row["Phone"]: row for row in rows(api, job, "failedResults")}
    assert failed["1"]["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
    assert failed["1"]["sf__Error"].endswith(":LastName --")
    assert failed["1"]["sf__Id"] == one
    assert failed["2"]["sf__Error"].split(":")[0] in {"NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"}
    assert failed["3"]["sf__Error"].startswith("MISSING_ARGUMENT:")
    assert failed["3"]["sf__Id"] == ""


@pytest.mark.parametrize("operation", ["delete", "hardDelete"])
def test_records_are_deleted_by_id(salesforce: Salesforce, api: Direct, operation: str) -> None:
    one, two = (salesforce.add_contact({"LastName": name}) for name in ("Li", "Lo"))
    job = started(api, f"Id\n{one}\n", operation)
    assert [row["sf__Id"] for row in rows(api, job, "successfulResults")] == [one]
    assert [record["id"] for record in salesforce.records()] == [two]
    assert [record["id"] for record in salesforce.records(deleted=True)] == ([one] if operation == "delete" else [])


@pytest.mark.parametrize(("marks", "text"), [
    ({"columnDelimiter": "SEMICOLON"}, "LastName;Phone\nLi;1,2\n"),
    ({"columnDelimiter": "TAB", "lineEnding": "CRLF"}, "LastName\tPhone\r\nLi\t1,2\r\n"),
])  # fmt: skip
def test_other_delimiters_and_line_endings(
    salesforce: Salesforce, api: Direct, marks: dict[str, str], text: str
) -> None:
    job = started(api, text, **marks)
    assert state(api, job) == "JobComplete"
    assert salesforce.records()[0]["Phone"] == "1,2"
    answer = api.get(f"{INGEST}/{job}/successfulResults")
    delimiter = {"SEMICOLON": ";", "TAB": "\t"}[marks["columnDelimiter"]]
    assert table(answer, delimiter)[0]["Phone"] == "1,2"
    assert (b"\r\n" in answer.body) is ("lineEnding" in marks)


def test_a_job_takes_its_time(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(bulk_seconds=90))
    job = started(api, "LastName\nLi\n")
    assert state(api, job) == "InProgress"
    early = api.get(f"{INGEST}/{job}/successfulResults")
    assert (early.status, code(early)) == (400, "INVALIDJOBSTATE")
    salesforce.clock.advance(89)
    assert state(api, job) == "InProgress"
    assert salesforce.records() == []
    salesforce.clock.advance(1)
    assert state(api, job) == "JobComplete"
    assert api.get(f"{INGEST}/{job}").json()["totalProcessingTime"] == 90_000
    assert len(salesforce.records()) == 1


@pytest.mark.parametrize("ending", ["Failed", "Aborted"])
def test_a_job_can_end_half_done(salesforce: Salesforce, api: Direct, ending: str) -> None:
    salesforce.set_options(Options.model_validate({"bulk_ends": ending}))
    job = started(api, "LastName\n" + "".join(f"Li{n}\n" for n in range(10)))
    shown = api.get(f"{INGEST}/{job}").json()
    assert shown["state"] == ending
    assert (shown["errorMessage"] is None) is (ending == "Aborted")
    done, failed, left = (rows(api, job, name) for name in RESULTS)
    assert (len(done), len(failed), len(left)) == (5, 0, 5)
    assert [row["LastName"] for row in left] == [f"Li{n}" for n in range(5, 10)]
    assert len(salesforce.records()) == 5


@pytest.mark.parametrize(("operation", "text", "named"), [
    ("insert", "LastName,Nothing__c\nLi,1\n", "Nothing__c"),
    ("update", "LastName\nLi\n", "Id"),
    ("upsert", "LastName\nLi\n", "SalesPulse_Id__c"),
    ("insert", "LastName,Phone\nLi\n", "row 1"),
    ("insert", 'LastName\n"Li\n', "line"),
    ("insert", "", "header"),
])  # fmt: skip
def test_a_csv_that_does_not_fit_fails_the_job(
    salesforce: Salesforce, api: Direct, operation: str, text: str, named: str
) -> None:
    job = started(api, text, operation)
    shown = api.get(f"{INGEST}/{job}").json()
    assert shown["state"] == "Failed"
    assert shown["errorMessage"].startswith("InvalidBatch : ")
    assert named in shown["errorMessage"]
    assert salesforce.records() == []


def test_a_hidden_field_is_no_column(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(hidden_fields=("Contact.Phone",)))
    assert state(api, started(api, "LastName,Phone\nLi,1\n")) == "Failed"


def test_a_job_takes_one_upload_while_it_is_open(api: Direct) -> None:
    job = opened(api)
    assert (close(api, job).status, code(close(api, job))) == (400, "INVALIDJOBSTATE")
    assert upload(api, job, "LastName\nLi\n").status == 201
    assert code(upload(api, job, "LastName\nLo\n")) == "INVALIDJOBSTATE"
    assert close(api, job).status == 200
    assert code(upload(api, job, "LastName\nLo\n")) == "INVALIDJOBSTATE"
    assert code(close(api, job)) == "INVALIDJOBSTATE"


def test_uploads_are_utf8_csv_up_to_a_hundred_megabytes(api: Direct) -> None:
    job = opened(api)
    path = f"{INGEST}/{job}/batches"
    assert api.send("PUT", path, b"LastName\n").status == 415
    kind = {"content-type": "text/csv"}
    assert api.send("PUT", path, b"LastName\n\xff\n", kind).status == 400
    assert api.send("PUT", path, bytes(MOST_BYTES + 1), kind).status == 413
    assert upload(api, job, "LastName\nPeña\n").status == 201


def test_a_job_can_be_aborted_until_it_has_ended(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(bulk_seconds=60))
    for job in (opened(api), started(api, "LastName\nLi\n")):
        assert api.patch(f"{INGEST}/{job}", {"state": "Aborted"}).json()["state"] == "Aborted"
        assert code(api.patch(f"{INGEST}/{job}", {"state": "Aborted"})) == "INVALIDJOBSTATE"
    salesforce.clock.advance(60)
    api.get("limits")
    assert salesforce.records() == []


def test_a_job_is_deleted_when_it_has_ended(api: Direct) -> None:
    job = opened(api)
    assert code(api.delete(f"{INGEST}/{job}")) == "INVALIDJOBSTATE"
    upload(api, job, "LastName\nLi\n")
    close(api, job)
    assert state(api, job) == "JobComplete"
    assert api.delete(f"{INGEST}/{job}").status == 204
    assert api.get(f"{INGEST}/{job}").status == 404


def test_jobs_are_kept_a_week_and_open_ones_a_day(salesforce: Salesforce, api: Direct) -> None:
    job, left_open = started(api, "LastName\nLi\n"), opened(api)
    salesforce.clock.advance(24 * 3_600)
    api.token = salesforce.tokens.open()
    assert (state(api, job), state(api, left_open)) == ("JobComplete", "Aborted")
    assert {one["id"] for one in api.get(INGEST).json()["records"]} == {job, left_open}
    salesforce.clock.advance(6 * 24 * 3_600)
    api.token = salesforce.tokens.open()
    assert api.get(f"{INGEST}/{job}").status == 404


@pytest.mark.parametrize("body", [
    {"object": "Contact", "operation": "replace"},
    {"object": "Contact"},
    {"operation": "insert"},
    {"object": "Contact", "operation": "insert", "contentType": "JSON"},
    {"object": "Contact", "operation": "insert", "columnDelimiter": "SPACE"},
    {"object": "Contact", "operation": "upsert"},
    {"object": "Nothing", "operation": "insert"},
])  # fmt: skip
def test_a_job_that_makes_no_sense_is_refused(api: Direct, body: dict[str, Any]) -> None:
    assert api.post(INGEST, body).status == 400


def test_nothing_is_found_under_the_other_kind_of_job(api: Direct) -> None:
    job = opened(api)
    for path in (f"jobs/query/{job}", f"{INGEST}/short", f"{INGEST}/{job}/results", f"{INGEST}/{job}/nothing"):
        assert (api.get(path).status, code(api.get(path))) == (404, "NOT_FOUND")


def test_an_assignment_rule_does_not_run_and_an_alert_stops_a_row(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(duplicate_rule="alert", assignment_rule=True))
    body = {"object": "Lead", "operation": "insert"}
    job = api.post(INGEST, body).json()["id"]
    upload(api, job, "LastName,Company,Email\nLi,Co,a@b.co\nLo,Co,a@b.co\n")
    close(api, job)
    (failed,) = rows(api, job, "failedResults")
    assert failed["sf__Error"].startswith("DUPLICATES_DETECTED:")
    assert [one["OwnerId"] for one in salesforce.records("Lead")] == [salesforce.org.user_id]


def test_a_job_under_way_is_kept_with_the_state(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(bulk_seconds=60))
    job = started(api, "LastName\nLi\n")
    saved = salesforce.export()
    other = Salesforce(salesforce.clock)
    other.load(saved)
    salesforce.clock.advance(60)
    assert state(Direct(other), job) == "JobComplete"
    assert [one["LastName"] for one in other.records()] == ["Li"]
