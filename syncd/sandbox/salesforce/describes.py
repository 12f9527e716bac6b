"""describe of all objects and of one (contract, section 5.1). What field-level security hides is not there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import whole_seconds
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef, Pick
from syncd.sandbox.wire import Request, Response, json_response

BATCH_MOST = 200
FLAGS = (
    "createable",
    "custom",
    "deletable",
    "mergeable",
    "queryable",
    "replicateable",
    "searchable",
    "undeletable",
    "updateable",
)
SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
MASTER_RECORD_TYPE = {
    "active": True,
    "available": True,
    "defaultRecordTypeMapping": True,
    "developerName": "Master",
    "master": True,
    "name": "Master",
    "recordTypeId": "012000000000000AAA",
    "urls": {},
}
_BASE = re.compile(r"/services/data/v\d+\.\d")


def describe_global(org: Org, request: Request) -> Response:
    """All objects; 304 where nothing changed since ``If-Modified-Since``. Raises ApiError (400)."""
    base = _base(request)
    listed = [_flags(obj, base) for obj in org.schema.objects.values()]
    return _unless_known(org, request, {"encoding": "UTF-8", "maxBatchSize": BATCH_MOST, "sobjects": listed})


def describe(org: Org, name: str, request: Request) -> Response:
    """One object with its fields; 304 where nothing changed since ``If-Modified-Since``. Raises ApiError (400, 404)."""
    obj = org.schema.get(name)
    visible = org.visible(obj)
    children = [
        {"childSObject": child.name, "field": field.name, "relationshipName": None, "cascadeDelete": False}
        for child in org.schema.objects.values()
        for field in org.visible(child).values()
        if obj.name in field.reference_to
    ]
    body = {
        **_flags(obj, _base(request)),
        "childRelationships": children,
        "fields": [_field(field) for field in visible.values()],
        "recordTypeInfos": [MASTER_RECORD_TYPE],
    }
    return _unless_known(org, request, body)


def _unless_known(org: Org, request: Request, body: dict[str, Any]) -> Response:
    changed = whole_seconds(org.schema_changed)
    headers = {"last-modified": format_datetime(changed, usegmt=True)}
    known = request.headers.get("if-modified-since", "")
    if known and changed <= _http_date(known):
        return Response(status=304, headers=headers)
    return json_response(200, body, headers)


def _http_date(text: str) -> datetime:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        raise ApiError(400, "INVALID_HEADER", "If-Modified-Since is not an HTTP date") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _base(request: Request) -> str:
    match = _BASE.match(request.path)
    return match[0] if match else ""


def _flags(obj: ObjectDef, base: str) -> dict[str, Any]:
    address = f"{base}/sobjects/{obj.name}"
    return {
        "name": obj.name,
        "label": obj.label,
        "labelPlural": obj.plural,
        "keyPrefix": obj.prefix or None,
        **{flag: getattr(obj, flag) for flag in FLAGS},
        "urls": {"sobject": address, "describe": f"{address}/describe", "rowTemplate": f"{address}/{{ID}}"},
    }


def _field(field: FieldDef) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "precision": field.precision,
        "scale": field.scale,
        "nillable": field.nillable,
        "createable": field.createable,
        "updateable": field.updateable,
        "defaultedOnCreate": field.defaulted,
        "defaultValue": field.default if field.type == "boolean" else None,
        "unique": field.unique,
        "externalId": field.external_id,
        "idLookup": field.id_lookup,
        "caseSensitive": field.case_sensitive,
        "calculated": field.calculated,
        "custom": field.custom,
        "filterable": field.filterable,
        "sortable": field.sortable,
        "restrictedPicklist": field.restricted,
        "compoundFieldName": field.compound or None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship or None,
        "picklistValues": [_pick(pick) for pick in field.picklist],
    }


def _pick(pick: Pick) -> dict[str, Any]:
    return {
        "active": pick.active,
        "defaultValue": pick.default,
        "label": pick.label or pick.value,
        "validFor": None,
        "value": pick.value,
    }
