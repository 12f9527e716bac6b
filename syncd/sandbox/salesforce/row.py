"""One record as reads show it, and the wire form of moments. Rows never change: a write makes another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Json: TypeAlias = str | int | float | bool | None
"""What a field can hold. Blank is null; dates and moments are texts in their wire form."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """A record of ``object`` (exact API name), with its 18-character id.

    ``values`` has every field of the object under its exact name, fields that the user may not see included
    (``Org.visible`` says which). ``stamp`` is SystemModstamp, in whole seconds. It must not be changed.
    """

    object: str
    id: str
    values: Mapping[str, Json]
    deleted: bool
    stamp: datetime


def wire(moment: datetime) -> str:
    """``2026-01-01T00:00:00.000+0000``: milliseconds are shown and always zero."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def moment(text: str) -> datetime:
    """The reverse of ``wire``; any ISO 8601 moment with a zone will do. Raises ValueError."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return when.astimezone(UTC)


def whole_seconds(when: datetime) -> datetime:
    """The moment without its fraction."""
    return _EPOCH + timedelta(seconds=(when - _EPOCH) // timedelta(seconds=1))
