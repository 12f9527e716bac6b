"""Queries that can be gone on with: which rows they found, not what these held (contract, sections 3.1 and 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.sandbox.salesforce.ids import make_id

PREFIX = "01g"
KEPT = 10
"""Cursors of one user; the oldest makes way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The rows of one query, in order. A row that is gone by the time its page is asked for is left out."""

    text: str
    all_rows: bool
    ids: tuple[str, ...]
    made: datetime


class Cursors:
    """The open cursors of an org, by id. They do not outlive it: an export has none."""

    def __init__(self) -> None:
        self._open: dict[str, Cursor] = {}
        self._made = 0

    def keep(self, cursor: Cursor) -> str:
        """Give a cursor its id."""
        self._made += 1
        cursor_id = make_id(PREFIX, self._made)
        self._open[cursor_id] = cursor
        while len(self._open) > KEPT:
            del self._open[next(iter(self._open))]
        return cursor_id

    def get(self, cursor_id: str, now: datetime, seconds: float) -> Cursor | None:
        """The cursor, unless it is unknown or was made ``seconds`` ago or longer."""
        cursor = self._open.get(cursor_id)
        if cursor is None or now - cursor.made >= timedelta(seconds=seconds):
            return None
        return cursor
