"""Jobs of either kind: their paths, their states, how long they take and are kept (contract, sections 4.5 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from syncd.sandbox.salesforce.bulk import ingest, queries
from syncd.sandbox.salesforce.bulk.csvs import write
from syncd.sandbox.salesforce.bulk.job import ENDED, Job, wrong_state
from syncd.sandbox.salesforce.calls import Call
from syncd.sandbox.salesforce.errors import ApiError, not_found
from syncd.sandbox.salesforce.ids import full, make_id
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.wire import Response, json_response

PREFIX = "750"
KEPT = timedelta(days=7)
OPEN_MOST = timedelta(hours=24)

Kind = Literal["ingest", "query"]


class Jobs:
    """All jobs of an org, by id."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._jobs: dict[str, Job] = {}
        self._number = 0

    def settle(self) -> None:
        """Do the work that is due, give up jobs that were left open, forget old ones."""
        now = self._org.clock.now()
        for job in list(self._jobs.values()):
            if job.due is not None and job.due <= now:
                job.due = None
                job.changed = self._org.now()
                (ingest.work if job.kind == "ingest" else queries.work)(self._org, job)
                job.content = None
            elif job.due is not None:
                job.state = "InProgress"
            elif job.state == "Open" and job.made + OPEN_MOST <= now:
                job.state = "Aborted"
            if job.made + KEPT <= now:
                del self._jobs[job.id]

    def handle(self, call: Call, parts: tuple[str, ...]) -> Response:
        """``parts`` is the path behind ``jobs``. Raises ApiError."""
        match parts:
            case ("ingest" | "query" as kind,):
                call.need("GET", "POST")
                return self._open(call, kind) if call.method == "POST" else self._list(kind)
            case ("ingest" | "query" as kind, job_id, *rest):
                job = self._find(kind, job_id)
                return self._one(call, job) if not rest else self._part(call, job, rest)
        raise not_found()

    def export(self) -> dict[str, Any]:
        """JSON-able."""
        return {"number": self._number, "jobs": [job.model_dump(mode="json") for job in self._jobs.values()]}

    def load(self, data: Mapping[str, Any]) -> None:
        """Take over what ``export`` gave."""
        self._number = data["number"]
        self._jobs = {job.id: job for job in map(Job.model_validate, data["jobs"])}

    def _open(self, call: Call, kind: Kind) -> Response:
        given = (ingest.asked if kind == "ingest" else queries.asked)(self._org, call.body())
        self._number += 1
        now = self._org.now()
        job = Job(id=make_id(PREFIX, self._number), kind=kind, version=call.version, made=now, changed=now, **given)
        self._jobs[job.id] = job
        if kind == "query":
            self._start(job)
        return json_response(200, job.shown())

    def _list(self, kind: Kind) -> Response:
        records = [job.shown() for job in self._jobs.values() if job.kind == kind]
        return json_response(200, {"done": True, "records": records, "nextRecordsUrl": None})

    def _find(self, kind: Kind, job_id: str) -> Job:
        try:
            job = self._jobs.get(full(job_id))
        except ValueError:
            job = None
        if job is None or job.kind != kind:
            raise not_found()
        return job

    def _one(self, call: Call, job: Job) -> Response:
        call.need("GET", "PATCH", "DELETE")
        match call.method:
            case "PATCH":
                self._move(job, call.body().get("state"))
            case "DELETE":
                if job.state not in ENDED:
                    raise wrong_state(job, "Deleting")
                del self._jobs[job.id]
                return Response(status=204)
        return json_response(200, job.shown())

    def _move(self, job: Job, state: object) -> None:
        match state:
            case "Aborted":
                if job.state in ENDED:
                    raise wrong_state(job, "Aborting")
                job.state, job.due, job.content = "Aborted", None, None
                job.changed = self._org.now()
            case "UploadComplete" if job.kind == "ingest":
                if job.state != "Open" or job.content is None:
                    raise wrong_state(job, "Closing")
                self._start(job)
            case _:
                raise ApiError(400, "INVALIDJOB", "state must be UploadComplete or Aborted")

    def _start(self, job: Job) -> None:
        job.state = "UploadComplete"
        job.changed = self._org.now()
        job.due = self._org.clock.now() + timedelta(seconds=self._org.options.bulk_seconds)

    def _part(self, call: Call, job: Job, rest: list[str]) -> Response:
        match job.kind, rest:
            case "ingest", ["batches"]:
                call.need("PUT")
                return self._upload(call, job)
            case "ingest", ["successfulResults" | "failedResults" | "unprocessedRecords" as name]:
                call.need("GET")
                return _rows(job, name)
            case "query", ["results"]:
                call.need("GET")
                return queries.results(job, call)
        raise not_found()

    def _upload(self, call: Call, job: Job) -> Response:
        if job.state != "Open" or job.content is not None:
            raise wrong_state(job, "A second upload" if job.content is not None else "Uploading")
        kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "text/csv":
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type header must be text/csv and not {kind}")
        if len(call.request.body) > ingest.MOST_BYTES:
            raise ApiError(413, "REQUEST_TOO_LARGE", f"The upload is larger than {ingest.MOST_BYTES} bytes")
        try:
            job.content = call.request.body.decode()
        except UnicodeDecodeError:
            raise ApiError(400, "INVALIDJOB", "The upload is not UTF-8") from None
        return Response(status=201)


def _rows(job: Job, name: str) -> Response:
    if job.state not in ENDED:
        raise wrong_state(job, "Reading results")
    header, rows = {
        "successfulResults": (["sf__Id", "sf__Created", *job.header], job.done),
        "failedResults": (["sf__Id", "sf__Error", *job.header], job.failed),
        "unprocessedRecords": (job.header, job.unprocessed),
    }[name]
    body = write(header, rows, *job.marks)
    return Response(status=200, headers={"content-type": "text/csv; charset=UTF-8"}, body=body)
