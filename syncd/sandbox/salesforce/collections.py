"""``composite/sobjects``: up to 200 records in one request, each with its own result (contract, section 4.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from syncd.sandbox.salesforce.calls import Call
from syncd.sandbox.salesforce.errors import (
    ApiError,
    MultipleMatches,
    RecordFault,
    RecordFaults,
    not_found,
    refused,
)
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.rows_api import external_field, fault_json, fields_named, shown, values_of
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef
from syncd.sandbox.wire import Response, json_response

MOST = 200
MOST_READ = 2_000
MOST_CHUNKS = 10

Result = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    obj: ObjectDef
    id: str
    values: Mapping[str, Any]


class _RolledBack(Exception):
    """One of the records was refused, and it was all or none."""


def handle(org: Org, call: Call, parts: tuple[str, ...]) -> Response:
    """``parts`` is the path behind ``composite/sobjects``. Raises ApiError when all of it is refused."""
    match parts:
        case ():
            call.need("POST", "PATCH", "DELETE")
            if call.method == "DELETE":
                return _delete(org, call)
            return _create(org, call) if call.method == "POST" else _update(org, call)
        case (name,):
            call.need("GET", "POST")
            return _read(org, call, org.schema.get(name))
        case (name, external):
            call.need("PATCH")
            obj = org.schema.get(name)
            return _upsert(org, call, obj, external_field(org, obj, external))
    raise not_found()


def _create(org: Org, call: Call) -> Response:
    body = call.body()
    inputs = _inputs(org, body)
    how = call.how

    def one(given: _Input) -> Result:
        if given.id:
            raise refused("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
        return _done(org.create(given.obj, given.values, how))

    return _run(org, body.get("allOrNone") is True, [partial(one, given) for given in inputs])


def _update(org: Org, call: Call) -> Response:
    body = call.body()
    inputs = _inputs(org, body)
    how = call.how
    seen: set[str] = set()

    def one(given: _Input) -> Result:
        if not given.id:
            raise refused("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        record_id = _whole(given.id)
        if record_id in seen:
            raise refused("DUPLICATE_VALUE", f"Attempt to update Id more than once in this Api call: {given.id}")
        seen.add(record_id)
        org.update(given.obj, record_id, given.values, how)
        return _done(record_id)

    return _run(org, body.get("allOrNone") is True, [partial(one, given) for given in inputs])


def _upsert(org: Org, call: Call, obj: ObjectDef, field: FieldDef) -> Response:
    body = call.body()
    inputs = _inputs(org, body)
    how = call.how
    for given in inputs:
        if given.obj.name != obj.name:
            text = f"The record type {given.obj.name} does not match the type {obj.name} of the resource."
            raise ApiError(400, "INVALID_TYPE", text)
    named = [{name.lower(): value for name, value in given.values.items()}.get(field.name.lower()) for given in inputs]
    times = Counter(str(value).lower() for value in named if value not in {None, ""})

    def one(given: _Input, value: object) -> Result:
        if given.id:
            raise refused("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an upsert by external id", "Id")
        if value in {None, ""}:
            raise refused("MISSING_ARGUMENT", f"{field.name} not specified", field.name)
        if times[str(value).lower()] > 1:
            raise refused("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", field.name)
        values = {name: kept for name, kept in given.values.items() if name.lower() != field.name.lower()}
        record_id, created = org.upsert(obj, field, str(value), values, how)
        return {**_done(record_id), "created": created}

    work = [partial(one, given, value) for given, value in zip(inputs, named, strict=True)]
    return _run(org, body.get("allOrNone") is True, work)


def _delete(org: Org, call: Call) -> Response:
    ids = call.names("ids")
    _limit(ids, MOST)
    seen: set[str] = set()

    def one(text: str) -> Result:
        record_id = _whole(text)
        obj = org.schema.of_id(record_id)
        if obj is None:
            raise refused("MALFORMED_ID", f"malformed id {text}")
        if record_id in seen:
            raise refused("DUPLICATE_VALUE", f"Attempt to delete Id more than once in this Api call: {text}")
        seen.add(record_id)
        org.delete(obj, record_id)
        return _done(record_id)

    return _run(org, call.flag("allOrNone"), [partial(one, text) for text in ids])


def _read(org: Org, call: Call, obj: ObjectDef) -> Response:
    if call.method == "POST":
        body = call.body()
        ids, names = _texts(body, "ids"), _texts(body, "fields")
    else:
        ids, names = call.names("ids"), call.names("fields")
    _limit(ids, MOST_READ)
    if not names:
        raise ApiError(400, "MISSING_ARGUMENT", "fields is required")
    fields = fields_named(org, obj, names)
    records: list[dict[str, Any] | None] = []
    for record_id in ids:
        row = org.find(obj, record_id)
        records.append(None if row is None else shown(call.version, row, obj, fields))
    return json_response(200, records)


# ---- results


def _run(org: Org, all_or_none: bool, work: Sequence[Callable[[], Result]]) -> Response:
    if not all_or_none:
        return json_response(200, [_result(org, one) for one in work])
    results: list[Result] = []
    try:
        with org.atomic():
            results += [_result(org, one) for one in work]
            if not all(result["success"] for result in results):
                raise _RolledBack
    except _RolledBack:
        results = [_rolled_back() if result["success"] else result for result in results]
    return json_response(200, results)


def _result(org: Org, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except RecordFaults as faults:
        listed = faults.faults
    except MultipleMatches as matches:
        text = f"more than one record found for external id field: [{', '.join(matches.ids)}]"
        listed = (RecordFault("DUPLICATE_VALUE", text),)
    details = org.options.duplicate_details_in_collections
    return {"success": False, "errors": [fault_json(one, "statusCode", details=details) for one in listed]}


def _done(record_id: str) -> Result:
    return {"id": record_id, "success": True, "errors": []}


def _rolled_back() -> Result:
    text = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    entry = {"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": text, "fields": []}
    return {"success": False, "errors": [entry]}


# ---- inputs


def _inputs(org: Org, body: Mapping[str, Any]) -> list[_Input]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be a list of objects")
    _limit(records, MOST)
    inputs = [_input(org, one) for one in records]
    if sum(1 for _ in groupby(inputs, key=lambda given: given.obj.name)) > MOST_CHUNKS:
        text = f"Operation cannot process more than {MOST_CHUNKS} chunks at one time."
        raise ApiError(400, "LIMIT_EXCEEDED", f"{text} Please rearrange the data to reduce chunking.")
    for given in inputs:
        org.check_json(given.obj, given.values)
    return inputs


def _input(org: Org, record: Mapping[str, Any]) -> _Input:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise ApiError(400, "INVALID_TYPE", "Every record needs attributes with its type.")
    values = values_of(record)
    record_id = next((value for key, value in values.items() if key.lower() == "id"), None)
    return _Input(
        obj=org.schema.typed(name),
        id=record_id if isinstance(record_id, str) else "",
        values={key: value for key, value in values.items() if key.lower() != "id"},
    )


def _whole(record_id: str) -> str:
    try:
        return full(record_id)
    except ValueError:
        raise refused("MALFORMED_ID", f"malformed id {record_id}", "Id") from None


def _limit(given: Sequence[object], most: int) -> None:
    if len(given) > most:
        text = f"record limit reached. cannot submit more than {most} records into this call"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", text)
    if not given:
        raise ApiError(400, "MISSING_ARGUMENT", "The request names no record.")


def _texts(body: Mapping[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{key} must be a list of texts")
    return value
