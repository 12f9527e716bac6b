"""One bulk job: what was asked, how far it is, what came of it (contract, section 4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from syncd.sandbox.salesforce.bulk.csvs import DELIMITERS, LINE_ENDINGS
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.row import wire

State = Literal["Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"]
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})


class Job(BaseModel):
    """A job. Only ``Jobs`` and the two kinds of work change it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: Literal["ingest", "query"]
    object: str
    operation: str
    version: str
    """"v59.0"."""
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    external: str = ""
    """The external id field of an upsert."""
    query: str = ""
    state: State = "Open"
    made: AwareDatetime
    changed: AwareDatetime
    due: AwareDatetime | None = None
    """When the work will be done."""
    content: str | None = None
    """What was uploaded; given up when the work is done."""
    header: list[str] = []
    done: list[list[str]] = []
    """Rows of ``successfulResults``, or of a query's results."""
    failed: list[list[str]] = []
    unprocessed: list[list[str]] = []
    message: str | None = None

    @property
    def marks(self) -> tuple[str, str]:
        """Delimiter and line ending as characters."""
        return DELIMITERS[self.delimiter], LINE_ENDINGS[self.line_ending]

    def shown(self) -> dict[str, Any]:
        """The job as JSON."""
        number = self.version.removeprefix("v")
        common = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdDate": wire(self.made),
            "systemModstamp": wire(self.changed),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(number),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
            "numberRecordsProcessed": len(self.done) + len(self.failed),
            "retries": 0,
            "totalProcessingTime": round((self.changed - self.made).total_seconds() * 1000),
            "errorMessage": self.message,
        }
        if self.kind == "query":
            return {**common, "jobType": "V2Query"}
        upsert = {"externalIdFieldName": self.external} if self.external else {}
        return {
            **common,
            **upsert,
            "jobType": "V2Ingest",
            "contentUrl": f"services/data/{self.version}/jobs/ingest/{self.id}/batches",
            "numberRecordsFailed": len(self.failed),
        }


def asked_text(body: Mapping[str, Any], name: str, default: str = "") -> str:
    """A text of a job's body. Raises ApiError (400)."""
    value = body.get(name, default)
    if not isinstance(value, str) or not value:
        raise ApiError(400, "INVALIDJOB", f"{name} must be a text")
    return value


def chosen(body: Mapping[str, Any], name: str, choices: Mapping[str, str]) -> str:
    """One of the words for a mark of the CSV, the first when none is given. Raises ApiError (400)."""
    value = asked_text(body, name, next(iter(choices)))
    if value not in choices:
        raise ApiError(400, "INVALIDJOB", f"{name} must be one of {', '.join(choices)}")
    return value


def wrong_state(job: Job, wish: str) -> ApiError:
    """400: the job is not where that is possible."""
    return ApiError(400, "INVALIDJOBSTATE", f"{wish} is not possible while the job is {job.state}")
