"""The requests of one bulk job (section 4.5), each by itself. In which order they go is ``bulk``'s business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.rows import Verb
from connectors.salesforce.transport import Ask, Transport
from syncd.net.governor import Priority

_JOBS = "jobs/ingest"


class State(StrEnum):
    """How far a job is. Nothing of it has been written before ``QUEUED`` is over."""

    OPEN = "Open"
    QUEUED = "UploadComplete"
    RUNNING = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


#: Nothing more happens in a job that is in one of these.
ENDED = {State.COMPLETE, State.FAILED, State.ABORTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What Salesforce says of a job."""

    id: str
    state: State
    message: str = ""  #: why it failed


class Jobs:
    """Bulk jobs that write to one object."""

    def __init__(self, transport: Transport, object_name: str) -> None:
        self._transport = transport
        self._object = object_name

    @property
    def served_at(self) -> datetime | None:
        """Salesforce's clock when it gave the last answer."""
        return self._transport.served_at

    def create(self, verb: Verb) -> str:
        """A new job's id. Repeated when unanswered: a job without data is never run. Raises Refused, AnswerLost or
        a ConnectionStop.
        """
        body = {
            "object": self._object,
            "operation": "insert" if verb.creates else verb.name,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        ask = _ask("POST", _JOBS, "bulk/create", body=body)
        data = self._transport.write(ask, safe=True).data
        try:
            return str(data["id"])
        except (KeyError, TypeError) as error:
            raise not_understood(ask.where, error) from None

    def upload(self, job_id: str, text: str) -> None:
        """Hand over the CSV, once only: a job takes one upload. Raises Refused, AnswerLost or a ConnectionStop."""
        ask = Ask(
            method="PUT",
            path=f"{_JOBS}/{job_id}/batches",
            kind="bulk/upload",
            priority=Priority.PUSH,
            content=text,
        )
        self._transport.write(ask, safe=False)

    def start(self, job_id: str) -> None:
        """Let it run. Raises Refused (also when it runs already), AnswerLost or a ConnectionStop."""
        self._set(job_id, State.QUEUED, "bulk/start")

    def abort(self, job_id: str) -> None:
        """Stop it where it is. Raises Refused (also when it has ended), AnswerLost or a ConnectionStop."""
        self._set(job_id, State.ABORTED, "bulk/abort")

    def look(self, job_id: str) -> Job | None:
        """How far it is; None when Salesforce does not know it (any more). Raises a ConnectionStop."""
        ask = _ask("GET", f"{_JOBS}/{job_id}", "bulk/look")
        try:
            data = self._transport.read(ask).data
            return Job(id=job_id, state=State(data["state"]), message=str(data.get("errorMessage") or ""))
        except Refused as refused:
            if refused.status == 404 and refused.next is Next.GONE:
                return None
            raise not_understood(ask.where, refused) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None

    def results(self, job_id: str, part: str) -> str:
        """One of the result files: successfulResults, failedResults or unprocessedRecords. Raises a ConnectionStop."""
        ask = Ask(
            method="GET",
            path=f"{_JOBS}/{job_id}/{part}",
            kind="bulk/results",
            priority=Priority.PUSH,
            accept="csv",
        )
        try:
            return self._transport.read(ask).text
        except Refused as refused:
            raise not_understood(ask.where, refused) from None

    def _set(self, job_id: str, state: State, kind: str) -> None:
        self._transport.write(_ask("PATCH", f"{_JOBS}/{job_id}", kind, body={"state": state.value}), safe=True)


def _ask(method: str, path: str, kind: str, *, body: Mapping[str, Any] | None = None) -> Ask:
    return Ask(method=method, path=path, kind=kind, priority=Priority.PUSH, body=body)
