"""The search index: a copy of the records, as late as the model is told, by id and by modified time.

It answers which ids may match; conditions on other properties are ``search``'s. It holds no archived ones.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from syncd.sandbox.hubspot.rows import Row

FAR = 1 << 62
KEPT_WINDOWS = 8


@dataclass(frozen=True, slots=True)
class _Due:
    at: int
    row: Row


class Index:
    """``lag_ms`` is how long a write stays unseen; 0 shows it at once."""

    def __init__(self, *, lag_ms: int, now: Callable[[], int], is_live: Callable[[int], bool]) -> None:
        self.lag_ms = lag_ms
        self.rows: dict[int, Row] = {}
        self._now = now
        self._is_live = is_live
        self._ids: list[int] = []
        self._by_time: list[tuple[int, int]] = []
        self._due: deque[_Due] = deque()
        self._windows: dict[tuple[int, int], list[int]] = {}

    def note(self, row: Row) -> None:
        """A record was written."""
        if self.lag_ms:
            self._due.append(_Due(self._now() + self.lag_ms, row))
        else:
            self._take(row)

    def fill(self, rows: Iterable[Row]) -> None:
        """Live records that were there long ago, into an empty index."""
        self.rows = {row.id: row for row in rows}
        self._ids = sorted(self.rows)
        self._by_time = sorted((row.modified, row.id) for row in self.rows.values())

    def drop(self, row_id: int) -> None:
        """A record is gone, at once."""
        old = self.rows.pop(row_id, None)
        if old is None:
            return
        self._windows.clear()
        del self._ids[bisect_left(self._ids, row_id)]
        del self._by_time[bisect_left(self._by_time, (old.modified, row_id))]

    def catch_up(self) -> None:
        """Show what is due by now."""
        now = self._now()
        while self._due and self._due[0].at <= now:
            self._take(self._due.popleft().row)

    def ids(self) -> list[int]:
        """Every id, ascending. Not to be changed by the caller."""
        return self._ids

    def window(self, low: int, high: int) -> list[int]:
        """Ids modified in [low, high] (milliseconds), ascending by id. Not to be changed by the caller."""
        found = self._windows.get((low, high))
        if found is None:
            start = bisect_left(self._by_time, (low, -1))
            stop = bisect_right(self._by_time, (high, FAR))
            # A walk through a window asks for it once a page; not kept, each page would sort anew.
            found = sorted(row_id for _, row_id in self._by_time[start:stop])
            if len(self._windows) >= KEPT_WINDOWS:
                self._windows.clear()
            self._windows[low, high] = found
        return found

    def _take(self, row: Row) -> None:
        old = self.rows.get(row.id)
        if not self._is_live(row.id) or (old is not None and old.modified > row.modified):
            return  # the second happens when the lag was shortened while a write was on its way
        self._windows.clear()
        if old is None:
            insort(self._ids, row.id)
        else:
            del self._by_time[bisect_left(self._by_time, (old.modified, row.id))]
        self.rows[row.id] = row
        insort(self._by_time, (row.modified, row.id))
