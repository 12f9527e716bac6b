"""Jobs that write: what a job may ask for, and its rows carried out one by one (contract, section 4.5)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncd.sandbox.salesforce.bulk.csvs import DELIMITERS, LINE_ENDINGS, BadCsv, read, values
from syncd.sandbox.salesforce.bulk.job import Job, asked_text, chosen
from syncd.sandbox.salesforce.errors import ApiError, MultipleMatches, RecordFault, RecordFaults, refused
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.rows_api import external_field
from syncd.sandbox.salesforce.schema import ObjectDef

MOST_BYTES = 100 * 1024 * 1024
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
CSV = How(auto_assign=False, csv=True)
"""No header reaches a job: no assignment rules unless the job names one, and an alert stops a row."""

Write = Callable[[Mapping[str, Any]], tuple[str, bool]]


def asked(org: Org, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Job that the body of ``POST jobs/ingest`` gives. Raises ApiError."""
    obj = org.schema.typed(asked_text(body, "object"))
    operation = asked_text(body, "operation")
    if operation not in OPERATIONS:
        raise ApiError(400, "INVALIDJOB", f"operation must be one of {', '.join(OPERATIONS)}")
    if body.get("contentType", "CSV") != "CSV":
        raise ApiError(400, "INVALIDJOB", "contentType must be CSV")
    external = ""
    if operation == "upsert":
        external = external_field(org, obj, asked_text(body, "externalIdFieldName")).name
    return {
        "object": obj.name,
        "operation": operation,
        "external": external,
        "delimiter": chosen(body, "columnDelimiter", DELIMITERS),
        "line_ending": chosen(body, "lineEnding", LINE_ENDINGS),
    }


def work(org: Org, job: Job) -> None:
    """Carry the rows out and fill the results. A job that ends otherwise than complete leaves half of them."""
    obj = org.schema.typed(job.object)
    try:
        header, rows = read(job.content or "", job.marks[0])
        write = _write(org, job, obj, header)
    except BadCsv as error:
        job.state, job.message = "Failed", f"InvalidBatch : {error}"
        return
    job.header = header
    job.state = org.options.bulk_ends
    if job.state != "JobComplete":
        half = len(rows) // 2
        rows, job.unprocessed = rows[:half], rows[half:]
        job.message = "InternalServerError : the job was given up" if job.state == "Failed" else None
    for row in rows:
        _carry_out(job, write, row)
    # Batches of a job run side by side, so results come in any order.
    chance = random.Random(job.id)
    chance.shuffle(job.done)
    chance.shuffle(job.failed)


def _carry_out(job: Job, write: Write, row: list[str]) -> None:
    given = values(job.header, row)
    try:
        record_id, made = write(given)
    except RecordFaults as faults:
        first = faults.faults[0]
    except MultipleMatches:
        first = RecordFault("DUPLICATE_EXTERNAL_ID", "more than one record found for external id field")
    else:
        job.done.append([record_id, "true" if made else "false", *row])
        return
    text = f"{first.code}:{first.message}:{' '.join([*first.fields, '--'])}"
    job.failed.append([next((cell for name, cell in given.items() if name.lower() == "id" and cell), ""), text, *row])


def _write(org: Org, job: Job, obj: ObjectDef, header: Sequence[str]) -> Write:
    """How one row is written. Raises BadCsv for columns that do not exist or are missing."""
    visible = org.visible(obj)
    for name in header:
        if name.lower() not in visible:
            raise BadCsv(f"Field name not found : {name}")
    key = {"insert": "", "upsert": job.external}.get(job.operation, "Id")
    if key and key.lower() not in {name.lower() for name in header}:
        raise BadCsv(f"Field name not found : {key}")

    def one(given: Mapping[str, Any]) -> tuple[str, bool]:
        rest = {name: value for name, value in given.items() if name.lower() != key.lower()}
        named = next((value for name, value in given.items() if name.lower() == key.lower()), None)
        if key and not named:
            raise refused("MISSING_ARGUMENT", f"{key} not specified", key)
        match job.operation:
            case "insert":
                return org.create(obj, rest, CSV), True
            case "upsert":
                return org.upsert(obj, visible[key.lower()], str(named), rest, CSV)
            case "update":
                org.update(obj, str(named), rest, CSV)
            case _:
                org.delete(obj, str(named), CSV)
                if job.operation == "hardDelete":
                    org.purge(str(named))
        return str(named), False

    return one
