"""One record as the model keeps it, and where a value came from. Rows never change: a write makes another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Source(NamedTuple):
    """Who wrote a value, as property history tells it."""

    type: str
    id: str | None
    label: str | None = None
    user: int | None = None


API = Source("INTEGRATION", "50780459", "syncd sandbox")
PERSON = Source("CRM_UI", "userId:9", None, 9)
AUTOMATION = Source("AUTOMATION_PLATFORM", "enrollmentId:1")
CALCULATED = Source("CALCULATED", None)
MERGE = Source("MERGE_OBJECTS", None)


class Entry(NamedTuple):
    """One value that a property had, and since when (milliseconds)."""

    value: str
    at: int
    source: Source


class Row(NamedTuple):
    """A record. ``values`` holds no blanks; times are milliseconds."""

    id: int
    values: Mapping[str, str]
    created: int
    modified: int
    archived: int | None
    source: Source

    def plain(self) -> list[Any]:
        """JSON-able."""
        return [self.id, dict(self.values), self.created, self.modified, self.archived, list(self.source)]

    @classmethod
    def of(cls, data: list[Any]) -> Row:
        """The reverse of ``plain``."""
        row_id, values, created, modified, archived, source = data
        return cls(row_id, values, created, modified, archived, Source(*source))
