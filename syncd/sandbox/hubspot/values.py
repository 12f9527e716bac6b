"""What one property value must look like and how it is stored; every stored value is a text.

Pure functions. Rules that need other records (uniqueness, stages of a pipeline) are not here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from syncd.sandbox.hubspot.errors import BadValue
from syncd.sandbox.hubspot.schema import Prop

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TEXT = 65_536
FARTHEST_MS = 60_000_000_000_000
"""More than 1,900 years before or after 1970 is no date."""
_EMAIL = re.compile(r"[^@\s,;<>()\"]+@(?:[^@\s.,;<>()\"]+\.)+[^@\s.,;<>()\"]{2,}")
_INTEGER = re.compile(r"-?\d{1,18}")
_RECORDING = re.compile(r"https://\S+\.(?:mp3|wav)(?:\?\S*)?", re.IGNORECASE)


def millis(when: datetime) -> int:
    """Milliseconds since 1970."""
    return (when - EPOCH) // timedelta(milliseconds=1)


def iso(ms: int) -> str:
    """HubSpot's text for a moment: milliseconds, left out when they are zero."""
    moment = EPOCH + timedelta(milliseconds=ms)
    text = moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"


def moment_ms(text: str) -> int | None:
    """Milliseconds of an ISO 8601 moment, a date, or epoch milliseconds; None when it is none of these."""
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return millis(when if when.tzinfo else when.replace(tzinfo=UTC))


def digits_of_phone(text: str) -> str:
    """The digits that HubSpot searches a phone number by, without the country code 1."""
    digits = re.sub(r"\D", "", text)
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits


def national(text: str) -> str:
    """(305) 555-1234 for a ten-digit US number; anything else as it is."""
    digits = digits_of_phone(text)
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else text


class Bad(Exception):
    """The value cannot be stored."""

    def __init__(self, value: BadValue) -> None:
        super().__init__(value.message)
        self.value = value


def _bad(prop: Prop, code: str, message: str) -> Bad:
    return Bad(BadValue(name=prop.name, code=code, message=message))


def stored(prop: Prop, raw: Any) -> str:
    """The text to store, "" to clear. Raises Bad."""
    if isinstance(raw, str):
        text = raw
    elif isinstance(raw, bool):
        text = "true" if raw else "false"
    elif isinstance(raw, (int, float)):
        text = str(raw)
    else:
        raise _bad(prop, "INVALID_VALUE", f'Property "{prop.name}" must be a text, a number or a boolean')
    if text == "":
        return ""
    if prop.type == "string":
        return _text(prop, text)
    if text != text.strip():
        raise _bad(prop, "LEADING_TRAILING_WHITESPACE", f"{text} cannot have leading or trailing whitespace")
    return _BY_TYPE[prop.type](prop, text)


def _text(prop: Prop, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise _bad(prop, "PROPERTY_TOO_LONG", f'Property "{prop.name}" exceeds {MAX_TEXT} characters')
    if prop.name == "email":
        text = text.lower()
        if not _EMAIL.fullmatch(text):
            raise _bad(prop, "INVALID_EMAIL", f"Email address {text} is invalid")
    elif prop.name == "hs_call_recording_url" and not _RECORDING.fullmatch(text):
        raise _bad(prop, "INVALID_URL", "The recording must be an https address of an .mp3 or .wav file")
    return text


def _enumeration(prop: Prop, text: str) -> str:
    if prop.external and not prop.choices:
        return text
    parts = text.split(";") if prop.field_type == "checkbox" else [text]
    parts = [part for part in parts if part]
    for part in parts:
        if part not in prop.values:
            allowed = ", ".join(choice.value for choice in prop.choices)
            raise _bad(prop, "INVALID_OPTION", f"{part} was not one of the allowed options: [{allowed}]")
    return ";".join(parts)


def _number(prop: Prop, text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        raise _bad(prop, "INVALID_LONG", f"{text} was not a valid number.") from None
    if not math.isfinite(value):
        raise _bad(prop, "INVALID_FLOAT", f"{text} was not a valid number.")
    return text


def _boolean(prop: Prop, text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise _bad(prop, "INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
    return text.lower()


def _date(prop: Prop, text: str) -> str:
    if _INTEGER.fullmatch(text):
        ms = int(text)
        if ms % 86_400_000 or abs(ms) > FARTHEST_MS:
            raise _bad(prop, "INVALID_DATE", f"{text} is not midnight UTC")
        return iso(ms)[:10]
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise _bad(prop, "INVALID_DATE", f"{text} is not a date") from None


def _datetime(prop: Prop, text: str) -> str:
    ms = moment_ms(text)
    if ms is None or abs(ms) > FARTHEST_MS:
        raise _bad(prop, "INVALID_DATE", f"{text} is not a date and time")
    return iso(ms)


_BY_TYPE: dict[str, Callable[[Prop, str], str]] = {
    "enumeration": _enumeration,
    "number": _number,
    "bool": _boolean,
    "date": _date,
    "datetime": _datetime,
    "phone_number": _text,
}
