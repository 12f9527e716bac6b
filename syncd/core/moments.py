"""Dates and moments as vendors write them: ISO 8601, and milliseconds since 1970 (HubSpot takes both).

It reads and writes; it does not know what time it is. A moment without a time zone is taken as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DIGITS = re.compile(r"-?\d+", re.ASCII)
_BASIC_DATE = 8  #: digits: YYYYMMDD
#: Milliseconds of 12 or 13 digits, either way from 1970. Fewer are a year, a day or seconds as a person typed them; who
#: takes those for milliseconds puts everybody into January 1970.
_EPOCH_RANGE = range(10**11, 10**13)

#: The longest text that is looked at.
_LONGEST = 40


def read_date(value: str | float) -> str | None:
    """The ISO date of a date, of a moment or of epoch milliseconds (in UTC; 12 or 13 digits); None for anything else.

    A moment's date is the one that is written in it, in its own zone: that is the day a person meant.
    """
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST:
            return None
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            pass  # not a bare date
    moment = _moment(value)
    return None if moment is None else moment.date().isoformat()


def read_moment(value: str | float) -> int | None:
    """Milliseconds since 1970 of an ISO moment or date (midnight UTC) or of epoch milliseconds; else None.

    Finer parts are cut off.
    """
    moment = _moment(value)
    if moment is None:
        return None
    return (moment - _EPOCH) // _MILLISECOND


def write_moment(milliseconds: int) -> str:
    """ISO 8601 in UTC with Z; milliseconds only where there are any."""
    moment = _EPOCH + milliseconds * _MILLISECOND
    timespec = "milliseconds" if milliseconds % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def _moment(value: str | float) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return _from_epoch(value)
    if isinstance(value, float):
        return _from_epoch(int(value)) if value.is_integer() else None
    text = value.strip()
    if len(text) > _LONGEST:
        return None
    # Digits alone first: ISO 8601 without its signs would make the year 1610 of 1610121212345.
    if _DIGITS.fullmatch(text) and len(text) != _BASIC_DATE:
        return _from_epoch(int(text))
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # the first and last hours of the calendar do not exist in every zone
    except (ValueError, OverflowError):
        return None
    return moment


def _from_epoch(milliseconds: int) -> datetime | None:
    return _EPOCH + milliseconds * _MILLISECOND if abs(milliseconds) in _EPOCH_RANGE else None
