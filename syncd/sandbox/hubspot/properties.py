"""Property descriptions and the creation of new ones (contract, section 9)."""

from __future__ import annotations

import re
from typing import Any

from syncd.sandbox.hubspot.calls import Answer, Call
from syncd.sandbox.hubspot.errors import Refused, not_found, validation
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.hubspot.schema import Choice, Prop
from syncd.sandbox.hubspot.table import Table
from syncd.sandbox.hubspot.values import iso

UNIQUE_MOST = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_PAIRS = {
    "bool": {"booleancheckbox", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "enumeration": {"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"},
    "number": {"number", "calculation_equation"},
    "phone_number": {"phonenumber"},
    "string": {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
}
"""Which field types go with a type; any other pair is refused."""


def handle(portal: Portal, call: Call) -> Answer:
    """Answer one call below ``properties``. Raises Refused."""
    table = portal.table(call.parts[0])
    scope = table.schema.scope
    call.need(f"crm.objects.{scope}.read" if call.method == "GET" else f"crm.schemas.{scope}.write")
    match call.method, call.parts[1:]:
        case "GET", ():
            archived = call.flag("archived")
            return Answer(200, {"results": [] if archived else [shown(p) for p in table.schema.props.values()]})
        case "GET", (name,):
            prop = table.schema.props.get(name)
            if prop is None:
                raise not_found()
            return Answer(200, shown(prop))
        case "POST", ():
            return Answer(201, shown(_create(table, call.body())))
    raise not_found()


def shown(prop: Prop) -> dict[str, Any]:
    """As the API gives it. Properties with external options list none."""
    options = [] if prop.external else [
        {"label": choice.label, "value": choice.value, "displayOrder": place, "hidden": choice.hidden}
        for place, choice in enumerate(prop.choices)
    ]  # fmt: skip
    return {
        "name": prop.name,
        "label": prop.label,
        "type": prop.type,
        "fieldType": prop.field_type,
        "description": "",
        "groupName": prop.group,
        "options": options,
        "displayOrder": -1,
        "calculated": prop.calculated,
        "externalOptions": prop.external,
        "hasUniqueValue": prop.unique,
        "hidden": prop.hidden,
        "hubspotDefined": prop.defined,
        "modificationMetadata": {
            "archivable": not prop.defined,
            "readOnlyDefinition": prop.defined,
            "readOnlyValue": prop.read_only,
        },
        "formField": not prop.read_only,
        "dataSensitivity": "non_sensitive",
        "createdAt": iso(0),
        "updatedAt": iso(0),
    }


def _create(table: Table, body: dict[str, Any]) -> Prop:
    name = body.get("name")
    missing = [key for key in ("name", "label", "type", "fieldType", "groupName") if not body.get(key)]
    if missing:
        raise validation(f"Invalid input JSON: required fields are missing: {missing}", fields=missing)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise validation("Invalid input: a property name has lower-case letters, digits and _", name=[str(name)])
    if name in table.schema.props:
        # The body of this answer is not established; the status is.
        raise Refused(409, f"A property named '{name}' already exists.", category="CONFLICT")
    kind, field = body["type"], body["fieldType"]
    if field not in _PAIRS.get(kind, set()):
        raise validation(f"Invalid input: fieldType {field} is not valid for type {kind}", type=[str(kind)])
    unique = body.get("hasUniqueValue") is True
    if unique and sum(prop.unique for prop in table.schema.props.values()) >= UNIQUE_MOST:
        raise validation(f"At most {UNIQUE_MOST} unique properties are allowed for {table.schema.name}")
    choices = tuple(
        Choice(value=str(one.get("value", "")), label=str(one.get("label", "")), hidden=bool(one.get("hidden")))
        for one in body.get("options") or []
    )
    prop = Prop(
        name=name,
        label=str(body["label"]),
        type=kind,
        field_type=field,
        group=str(body["groupName"]),
        choices=choices,
        unique=unique,
        defined=False,
    )
    add(table, prop)
    return prop


def add(table: Table, prop: Prop) -> None:
    """A new property of a type."""
    table.schema.props[prop.name] = prop
    if prop.unique:
        table.allow_unique(prop.name)


def export(table: Table) -> list[dict[str, Any]]:
    """Every property that the account made, JSON-able."""
    return [
        {
            "name": prop.name,
            "label": prop.label,
            "type": prop.type,
            "field_type": prop.field_type,
            "group": prop.group,
            "unique": prop.unique,
            "choices": [[choice.value, choice.label, choice.hidden] for choice in prop.choices],
        }
        for prop in table.schema.props.values()
        if not prop.defined
    ]


def load(table: Table, data: list[dict[str, Any]]) -> None:
    """Take over what ``export`` gave, in the place of the account's own properties."""
    for name in [prop.name for prop in table.schema.props.values() if not prop.defined]:
        del table.schema.props[name]
    for one in data:
        choices = tuple(Choice(value=value, label=label, hidden=hidden) for value, label, hidden in one["choices"])
        add(table, Prop(**{**one, "choices": choices}, defined=False))
