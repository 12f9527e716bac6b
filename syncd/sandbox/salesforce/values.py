"""What one field can hold: from a request's JSON, or from the text of a CSV, to the stored value.

Pure functions. Rules that need other records or other fields are not here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from syncd.sandbox.salesforce.errors import RecordFault
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.row import Json, moment, wire
from syncd.sandbox.salesforce.schema import FieldDef

NUMBERS = frozenset({"int", "double", "currency", "percent"})
YEARS = range(1700, 4001)
_EMAIL = re.compile(r"[^@\s,;<>()\"\[\]\\]+@(?:[^@\s.,;<>()\"]+\.)+[^@\s.,;<>()\"]{2,}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class WrongType(ValueError):
    """The value is nothing that its field's type can be read from."""


class Unfit(Exception):
    """The value is of the right type and cannot be stored."""

    def __init__(self, code: str, field: FieldDef, message: str) -> None:
        super().__init__(code)
        self.fault = RecordFault(code, message, (field.name,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What the org does to texts on save."""

    trims: bool
    lowers_email: bool


def unfit(code: str, field: FieldDef, why: str) -> Unfit:
    """The usual form of the message: the field's label, then the reason."""
    return Unfit(code, field, f"{field.label}: {why}")


def token(raw: Any) -> str:
    """How the vendor's JSON reader calls a value: ``VALUE_STRING value abc``."""
    kind = {str: "VALUE_STRING", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}.get(type(raw))
    if isinstance(raw, bool):
        kind = "VALUE_TRUE" if raw else "VALUE_FALSE"
    if kind is None:
        return "START_OBJECT value {" if isinstance(raw, dict) else "START_ARRAY value ["
    return f"{kind} value {raw if isinstance(raw, str) else json.dumps(raw)}"


def read(field: FieldDef, raw: Any) -> Json:
    """The value in its field's type; None stays. Raises WrongType."""
    if raw is None:
        return None
    if field.type in NUMBERS:
        return _number(field, raw)
    reader = _READERS.get(field.type)
    if reader is not None:
        return reader(raw)
    if not isinstance(raw, str):
        raise WrongType
    return raw


def stored(field: FieldDef, value: Json, habits: Habits) -> Json:
    """What is kept of a value of the right type. Raises Unfit."""
    if field.type == "boolean":
        if value is None:
            raise unfit("INVALID_TYPE_ON_FIELD_IN_RECORD", field, "value not of required type: null")
        return value
    if isinstance(value, (int, float)):
        return _in_range(field, value)
    if not isinstance(value, str) or field.type in ("date", "datetime"):
        return value
    text = value.strip() if habits.trims else value
    if not text:
        return None
    if len(text) > field.length and field.type != "reference":
        raise unfit("STRING_TOO_LONG", field, f"data value too large: {text} (max length={field.length})")
    match field.type:
        case "email":
            return _email(field, text, lowers=habits.lowers_email)
        case "picklist":
            _allowed(field, (text,))
        case "multipicklist":
            return _several(field, text)
        case "reference":
            return _reference(field, text)
    return text


def _email(field: FieldDef, text: str, *, lowers: bool) -> str:
    if not _EMAIL.fullmatch(text.strip()):
        raise unfit("INVALID_EMAIL_ADDRESS", field, f"invalid email address: {text}")
    return text.lower() if lowers else text


def _allowed(field: FieldDef, parts: tuple[str, ...]) -> None:
    known = {pick.value for pick in field.picklist if pick.active}
    for part in parts:
        if field.restricted and part not in known:
            why = f"bad value for restricted picklist field: {part}"
            raise unfit("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", field, why)


def _several(field: FieldDef, text: str) -> str | None:
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))
    _allowed(field, parts)
    order = {pick.value: at for at, pick in enumerate(field.picklist)}
    return ";".join(sorted(parts, key=lambda part: order.get(part, len(order)))) or None


def _reference(field: FieldDef, text: str) -> str:
    try:
        return full(text)
    except ValueError:
        raise unfit("MALFORMED_ID", field, f"id value of incorrect type: {text}") from None


def _in_range(field: FieldDef, value: float) -> Json:
    if abs(value) >= 10 ** (field.precision - field.scale):
        why = f"value outside of valid range on numeric field: {value}"
        raise unfit("NUMBER_OUTSIDE_VALID_RANGE", field, why)
    if isinstance(value, int):
        return value
    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP))


def _number(field: FieldDef, raw: Any) -> Json:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise WrongType
    try:
        value = Decimal(raw if isinstance(raw, str) else repr(raw))
    except InvalidOperation:
        raise WrongType from None
    if not value.is_finite():
        raise WrongType
    if field.type != "int":
        number = float(value)
        if not math.isfinite(number):
            raise WrongType
        return number
    if value != value.to_integral_value():
        raise WrongType
    return int(value)


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    raise WrongType


def _date(raw: Any) -> str:
    if not isinstance(raw, str) or not _DAY.fullmatch(raw):
        raise WrongType
    if date.fromisoformat(raw).year not in YEARS:  # its ValueError is caught below
        raise WrongType
    return raw


def _datetime(raw: Any) -> str:
    if not isinstance(raw, str):
        raise WrongType
    return wire(moment(raw))


def _of_text(reader: Callable[[Any], Json]) -> Callable[[Any], Json]:
    def read_it(raw: Any) -> Json:
        try:
            return reader(raw)
        except ValueError:
            raise WrongType from None

    return read_it


_READERS: dict[str, Callable[[Any], Json]] = {
    "boolean": _boolean,
    "date": _of_text(_date),
    "datetime": _of_text(_datetime),
}
