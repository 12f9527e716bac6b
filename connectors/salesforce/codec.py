"""Salesforce's JSON to Records, and values to its JSON and CSV. Pure: it sends nothing, keeps nothing, reads no clock.

Facts about the wire (spec, sections 3 and 5): values are JSON of the field's type, a blank is null, and a checkbox is
never blank; stamps are whole seconds; a multi-select is ``A;B``; in CSV an empty cell leaves a field as it is and
``#N/A`` clears it (section 4.5).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.salesforce.soql import seconds
from syncd.core.kinds import blank, text_of
from syncd.core.model import Converted, FieldSpec, Option, Record, Value
from syncd.core.moments import read_date, read_moment, write_moment
from syncd.core.numerals import as_number, plain

ID = "Id"
STAMP = "SystemModstamp"
MODIFIED = "LastModifiedDate"
CREATED = "CreatedDate"
DELETED = "IsDeleted"
MASTER = "MasterRecordId"
PERSON = "IsPersonAccount"
CONVERTED = "IsConverted"
CONTACT = "ConvertedContactId"
LEAD = "Lead"
_OWN = (ID, STAMP, MODIFIED, CREATED, DELETED)
_OWN_IF_SHOWN = (MASTER, CONVERTED, CONTACT, PERSON)
_CLEARED = "#N/A"

#: describe's type → FieldSpec.type. Picklists have a line of their own below.
_TYPES = {
    "boolean": "boolean",
    "combobox": "text",
    "currency": "number",
    "date": "date",
    "datetime": "datetime",
    "double": "number",
    "email": "text",
    "encryptedstring": "text",
    "id": "text",
    "int": "number",
    "long": "number",
    "multipicklist": "multichoice",
    "percent": "number",
    "phone": "text",
    "picklist": "choice",
    "reference": "text",
    "string": "text",
    "textarea": "text",
    "url": "text",
}
#: A number with its thousands parted as in the US; "1.234,5" could be another number and is left alone.
_GROUPED = re.compile(r"\s*[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*", re.ASCII)
_WORDS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Which fields a connection reads at this moment, and which of them become values of a Record."""

    object: str
    shown: tuple[str, ...]  #: fields that become values
    requested: tuple[str, ...]  #: all that is asked for


def make_lens(object_name: str, shown: Iterable[str], known: Container[str]) -> Lens:
    """Given the fields that the connection is about and those that Salesforce shows, return what to ask for."""
    values = tuple(sorted({name for name in shown if name and name in known}))
    own = (*_OWN, *(name for name in _OWN_IF_SHOWN if name in known))
    return Lens(object=object_name, shown=values, requested=tuple(dict.fromkeys([*own, *values])))


def record_of(row: Mapping[str, Any], lens: Lens) -> Record:
    """Given one row of an answer, return its Record; whether the scope holds it is judged elsewhere.

    Only fields that the row holds become values: what is missing was not read. Raises KeyError, TypeError or
    ValueError when it is no row.
    """
    stamp = moment(row.get(STAMP))
    # Without the right to see the contact it is still a lead that takes no part, only one that leads nowhere.
    contact = row.get(CONTACT) if row.get(CONVERTED) else None
    return Record(
        id=str(row[ID]),
        values={name: _value(row[name]) for name in lens.shown if name in row},
        version=None if stamp is None else seconds(stamp),
        modified_at=moment(row.get(MODIFIED)),
        created_at=moment(row.get(CREATED)),
        in_scope=not row.get(CONVERTED) and not row.get(PERSON),
        converted=Converted(object="Contact", id=str(contact)) if contact else None,
    )


def is_gone(row: Mapping[str, Any]) -> bool:
    """Whether a row tells of a deletion. A converted lead's never does: its contact stands for the person, wherever the
    lead is.
    """
    return bool(row.get(DELETED)) and not (row.get(CONVERTED) and row.get(CONTACT))


def _value(raw: Any) -> Value:
    if raw is None or raw == "":
        return None
    return raw if isinstance(raw, str | bool | int | float) else str(raw)


def moment(raw: Any) -> datetime | None:
    """Given a datetime as Salesforce writes it (``2026-01-01T00:00:00.000+0000``), return the moment in UTC; None for a
    blank. Raises ValueError for anything else.
    """
    if raw is None or raw == "":
        return None
    at = datetime.fromisoformat(str(raw))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def written(spec: FieldSpec | None, value: Value) -> Any:
    """Given a value to write, return its JSON; None clears. ``spec`` None: the field is not known.

    A checkbox has no blank, so clearing unticks it. What is not of the field's type goes as it is: Salesforce refuses
    it and says so.
    """
    kind = spec.type if spec is not None else ""
    if kind == "boolean":
        return _ticked(value)
    if value is None or blank(value):
        return None
    if kind == "number" and isinstance(value, str):
        digits = plain(value.replace(",", "") if _GROUPED.fullmatch(value) else value)
        if digits is None:
            return value
        number = as_number(digits)
        return digits if number is None else number  # as text, where JSON's numbers are not exact enough
    if kind == "date" and not isinstance(value, tuple):
        return read_date(value) or value
    if kind == "datetime" and not isinstance(value, tuple):
        at = read_moment(value)
        return value if at is None else write_moment(at)
    if kind == "number" or not kind:
        return ";".join(value) if isinstance(value, tuple) else value
    return text_of(value)


def _ticked(value: Value) -> Any:
    if blank(value):
        return False
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    return bool(value) if value in (0, 1) else value


def csv_text(spec: FieldSpec | None, value: Value) -> str:
    """The same for a cell of a bulk job: a blank is ``#N/A``, since an empty cell leaves the field as it is."""
    given = written(spec, value)
    if given is None:
        return _CLEARED
    if isinstance(given, bool):
        return "true" if given else "false"
    return text_of(given)


def field_spec(item: Mapping[str, Any]) -> FieldSpec:
    """Given one field of describe, return its FieldSpec (section 5.1). ``unique``: no two records bear the same value.

    A picklist's options are given also where it is not restricted: Salesforce would store a typo as a new value.
    Compound fields and files have no value of their own and are not readable.
    """
    kind = _TYPES.get(str(item.get("type", "")), "unknown")
    length = item.get("length")
    choices = tuple(
        Option(value=str(one["value"]), label=str(one.get("label") or one["value"]))
        for one in item.get("picklistValues") or ()
        if one.get("active", True)
    )
    return FieldSpec(
        name=str(item["name"]),
        label=str(item.get("label") or ""),
        type=kind,
        readable=kind != "unknown",
        writable=bool(item.get("updateable", True)),
        max_length=length if kind == "text" and isinstance(length, int) and length > 0 else None,
        options=choices if kind in {"choice", "multichoice"} else (),
        separator=";" if kind == "multichoice" else None,
        unique=bool(item.get("unique") and item.get("externalId")),
    )
