"""``sobjects/{Object}/…``: one record at a time, by id or by an external id (contract, sections 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from syncd.sandbox.salesforce.calls import DATA, Call
from syncd.sandbox.salesforce.errors import ApiError, MultipleMatches, RecordFault, RecordFaults, not_found
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import Shown, moment
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef
from syncd.sandbox.salesforce.soql.run import address
from syncd.sandbox.wire import Response, json_response

NO_CONTENT = Response(status=204)


def create(org: Org, call: Call, obj: ObjectDef) -> Response:
    """``POST sobjects/Contact``."""
    try:
        made = org.create(obj, values_of(call.body()), call.how)
    except RecordFaults as faults:
        return refusal(faults)
    location = f"{DATA}/{call.version}/sobjects/{obj.name}/{made}"
    return json_response(201, {"id": made, "success": True, "errors": []}, {"Location": location})


def by_id(org: Org, call: Call, obj: ObjectDef, record_id: str) -> Response:
    """``sobjects/Contact/{id}``: GET, PATCH and DELETE."""
    call.need("GET", "HEAD", "PATCH", "DELETE")
    try:
        match call.method:
            case "PATCH":
                values = values_of(call.body())
                if _was_modified(org, call, obj, record_id):
                    return _condition_failed(org)
                org.update(obj, record_id, values, call.how)
                return NO_CONTENT
            case "DELETE":
                org.delete(obj, record_id)
                return NO_CONTENT
    except RecordFaults as faults:
        return refusal(faults)
    return _get(org, call, obj, org.find(obj, record_id))


def by_external(org: Org, call: Call, obj: ObjectDef, name: str, value: str) -> Response:
    """``sobjects/Contact/SalesPulse_Id__c/{value}``: GET, PATCH (upsert) and DELETE. Conditions are not offered."""
    call.need("GET", "HEAD", "PATCH", "DELETE")
    field = external_field(org, obj, name, lookups=True)
    try:
        match call.method:
            case "PATCH":
                values = values_of(call.body())
                if any(given.lower() == field.name.lower() for given in values):
                    text = f"The {field.name} field should not be specified in the sobject data."
                    raise ApiError(400, "INVALID_FIELD", text)
                record_id, created = org.upsert(obj, field, value, values, call.how)
                return _upserted(org, record_id, created=created)
            case "DELETE":
                org.delete(obj, _only(org, obj, field, value).id)
                return NO_CONTENT
        return _get(org, call, obj, _only(org, obj, field, value))
    except MultipleMatches as matches:
        return json_response(300, [_url(call.version, obj.name, one) for one in matches.ids])
    except RecordFaults as faults:
        return refusal(faults)


def about(call: Call, obj: ObjectDef) -> Response:
    """``GET sobjects/Contact``: the short description."""
    url = f"{DATA}/{call.version}/sobjects/{obj.name}"
    description = {
        "name": obj.name,
        "label": obj.label,
        "labelPlural": obj.plural,
        "keyPrefix": obj.prefix or None,
        "createable": obj.createable,
        "updateable": obj.updateable,
        "deletable": obj.deletable,
        "queryable": obj.queryable,
        "replicateable": obj.replicateable,
        "custom": obj.custom,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }
    return json_response(200, {"objectDescribe": description, "recentItems": []})


# ---- shared with collections


def values_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a record in a body says of its fields."""
    return {name: value for name, value in body.items() if name.lower() != "attributes"}


def external_field(org: Org, obj: ObjectDef, name: str, *, lookups: bool = False) -> FieldDef:
    """A field that records can be named by: an external id, with ``lookups`` also one such as Email.

    Raises ApiError (404 NOT_FOUND): the path leads nowhere.
    """
    field = org.visible(obj).get(name.lower())
    if field is None or not (field.external_id or (lookups and field.id_lookup)):
        text = f"Provided external ID field does not exist or is not accessible: {name}"
        raise ApiError(404, "NOT_FOUND", text)
    return field


def fields_named(org: Org, obj: ObjectDef, names: Sequence[str]) -> list[FieldDef]:
    """The fields by name, in the given order. Raises ApiError (400 INVALID_FIELD)."""
    visible = org.visible(obj)
    found = []
    for name in dict.fromkeys(names):
        field = visible.get(name.lower())
        if field is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {obj.name}")
        found.append(field)
    return found


def shown(version: str, row: Shown, obj: ObjectDef, fields: Sequence[FieldDef]) -> dict[str, Any]:
    """A record as JSON, with these fields."""
    record: dict[str, Any] = {"attributes": {"type": row.object, "url": _url(version, row.object, row.id)}}
    for field in fields:
        record[field.name] = address(row, field, obj) if field.type == "address" else row.values.get(field.name)
    return record


def fault_json(fault: RecordFault, key: str, *, details: bool) -> dict[str, Any]:
    """One error. ``key`` is ``errorCode`` for a single call and ``statusCode`` for one of many."""
    entry: dict[str, Any] = {"message": fault.message, key: fault.code, "fields": list(fault.fields)}
    if details and fault.duplicate is not None:
        entry["duplicateResult"] = fault.duplicate
    return entry


def refusal(faults: RecordFaults) -> Response:
    """The answer to a refused single write."""
    return json_response(faults.status, [fault_json(one, "errorCode", details=True) for one in faults.faults])


# ---- inside


def _url(version: str, name: str, record_id: str) -> str:
    return f"{DATA}/{version}/sobjects/{name}/{quote(record_id)}"


def _get(org: Org, call: Call, obj: ObjectDef, row: Shown | None) -> Response:
    if row is None:
        raise not_found()
    named = call.names("fields")
    fields = fields_named(org, obj, named) if named else list(org.visible(obj).values())
    since, until = _moment(call, "if-modified-since"), _moment(call, "if-unmodified-since")
    modified = _modified(row)
    if until is not None and modified > until:
        return _condition_failed(org)
    if since is not None and modified <= since:
        return Response(status=304)
    return json_response(200, shown(call.version, row, obj, fields))


def _upserted(org: Org, record_id: str, *, created: bool) -> Response:
    if not created and org.options.upsert_update_status == 204:
        return NO_CONTENT
    body = {"id": record_id, "success": True, "errors": [], "created": created}
    return json_response(201 if created else 200, body)


def _only(org: Org, obj: ObjectDef, field: FieldDef, value: str) -> Shown:
    rows = org.by_external(obj, field, value)
    if len(rows) > 1:
        raise MultipleMatches([row.id for row in rows])
    if not rows:
        raise not_found()
    return rows[0]


def _modified(row: Shown) -> datetime:
    text = row.values.get("LastModifiedDate")
    return moment(text) if isinstance(text, str) else row.stamp


def _moment(call: Call, header: str) -> datetime | None:
    """The moment that a condition names. Raises ApiError (400) where a write has a bad one; a read ignores it."""
    try:
        return call.condition(header)
    except ValueError:
        if call.method == "GET":
            return None
        raise ApiError(400, "INVALID_HEADER", f"The header {header} holds no HTTP date.") from None


def _was_modified(org: Org, call: Call, obj: ObjectDef, record_id: str) -> bool:
    """Whether ``If-Unmodified-Since`` forbids the write. A change in that very second is not noticed.

    Compared with the latest data: a write waits for the record's lock, that is until others have committed.
    """
    until = _moment(call, "if-unmodified-since")
    if until is None:
        return False
    try:
        row = org.table(obj).rows.get(full(record_id))
    except ValueError:
        return False
    return row is not None and not row.deleted and _modified(row) > until


def _condition_failed(org: Org) -> Response:
    if org.options.empty_412:
        return Response(status=412)
    text = "The precondition of the request was not met: the record has been modified."
    return json_response(412, [{"message": text, "errorCode": "PRECONDITION_FAILED"}])
