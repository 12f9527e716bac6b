"""Jobs that read: a query's rows as CSV, fetched in parts (contract, section 4.5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from syncd.sandbox.salesforce.bulk.csvs import DELIMITERS, LINE_ENDINGS, write
from syncd.sandbox.salesforce.bulk.job import Job, asked_text, chosen, wrong_state
from syncd.sandbox.salesforce.calls import Call
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import Json
from syncd.sandbox.salesforce.soql.run import Query
from syncd.sandbox.wire import Response

MOST_RECORDS = 50_000
"""Rows in one part of the results, unless the caller asks for fewer."""


def asked(org: Org, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Job that the body of ``POST jobs/query`` gives. Raises ApiError (400)."""
    operation = asked_text(body, "operation")
    if operation not in {"query", "queryAll"}:
        raise ApiError(400, "INVALIDJOB", "operation must be one of query, queryAll")
    text = asked_text(body, "query")
    query = _query(org, text, operation)
    return {
        "object": query.scope.entity.name,
        "operation": operation,
        "query": text,
        "delimiter": chosen(body, "columnDelimiter", DELIMITERS),
        "line_ending": chosen(body, "lineEnding", LINE_ENDINGS),
    }


def work(org: Org, job: Job) -> None:
    """Run the query and fill the results."""
    job.state = org.options.bulk_ends
    if job.state != "JobComplete":
        job.message = "InternalServerError : the job was given up" if job.state == "Failed" else None
        return
    try:
        query = _query(org, job.query, job.operation)
        job.header = [column.name for column in query.columns]
        kinds = [column.field.type for column in query.columns]
        rows = query.rows()
    except ApiError as error:
        job.state, job.message = "Failed", f"{error.code} : {error.message}"
        return
    job.done = [[_cell(value, kind) for value, kind in zip(query.cells(row), kinds, strict=True)] for row in rows]


def results(job: Job, call: Call) -> Response:
    """One part: ``maxRecords`` rows from ``locator`` on, under the header row. Raises ApiError (400, 409)."""
    if job.state != "JobComplete":
        raise wrong_state(job, "Reading results")
    if call.version != job.version:
        text = f"The job was made with API version {job.version} and not with {call.version}"
        raise ApiError(409, "API_VERSION_MISMATCH", text)
    start = _offset(call.request.get("locator"))
    count = _count(call.request.get("maxRecords", str(MOST_RECORDS)))
    part = job.done[start : start + count]
    end = start + len(part)
    headers = {
        "content-type": "text/csv; charset=UTF-8",
        "Sforce-NumberOfRecords": str(len(part)),
        "Sforce-Locator": _locator(end) if end < len(job.done) else "null",
    }
    return Response(status=200, headers=headers, body=write(job.header, part, *job.marks))


def _query(org: Org, text: str, operation: str) -> Query:
    query = Query(org, text, all_rows=operation == "queryAll")
    if query.counts or any(column.field.type == "address" for column in query.columns):
        text = "Aggregates and compound fields are not supported in Bulk Query"
        raise ApiError(400, "FUNCTIONALITY_NOT_ENABLED", text)
    return query


def _cell(value: Json, kind: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if kind == "datetime":
            return value.replace("+0000", "Z")
    return str(value)


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(locator: str) -> int:
    if locator in {"", "null"}:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator))
    except (binascii.Error, ValueError):
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ApiError(400, "INVALID_ARGUMENT", "maxRecords must be a number above 0")
    return min(int(text), MOST_RECORDS)
