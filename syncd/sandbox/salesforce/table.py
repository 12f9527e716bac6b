"""All records of one object: the latest data, which writes see, and the committed data, which reads see.

A write stamped T is committed at T plus the commit delay; until then reads see the record's former version, or
nothing (contract, section 3.2). Which writes are allowed is decided in ``writing``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal, NamedTuple

from syncd.sandbox.salesforce.row import Json, Shown

Order = Literal["Id", "SystemModstamp"]
KeyOf = Callable[[Shown], Hashable]
Index = dict[Hashable, dict[str, None]]
"""Value → ids of the records that have it, in order of their writes."""


class Removal(NamedTuple):
    """One entry of the log of deletes. ``due`` is the moment from which reads see it."""

    id: str
    stamp: datetime
    due: datetime


class _Pending(NamedTuple):
    due: datetime
    id: str


class Saved(NamedTuple):
    """A table at one moment."""

    rows: Mapping[str, Shown]
    removals: tuple[Removal, ...]
    pending: tuple[_Pending, ...]
    former: Mapping[str, tuple[Shown | None, ...]]


class Table:
    """Records of one object, in order of id. ``now`` is the org's time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.rows: dict[str, Shown] = {}
        """The latest version of every record that was not purged."""
        self.removals: list[Removal] = []
        self.revision = 0
        """Grows whenever reads may see something else than before."""
        self._now = now
        self._pending: deque[_Pending] = deque()
        self._former: dict[str, deque[Shown | None]] = {}
        self._views: dict[tuple[bool, Order], list[Shown]] = {}
        self._indexes: dict[KeyOf, Index] = {}

    # Reading what is committed

    def settle(self) -> None:
        """Commit what is due."""
        if not self._pending:
            return
        now = self._now()
        while self._pending and self._pending[0].due <= now:
            one = self._pending.popleft()
            former = self._former[one.id]
            former.popleft()
            if not former:
                del self._former[one.id]
            self._changed()

    def committed(self, record_id: str) -> Shown | None:
        """The version that reads see, deleted or not."""
        self.settle()
        former = self._former.get(record_id)
        return former[0] if former else self.rows.get(record_id)

    def view(self, *, deleted: bool, order: Order) -> Sequence[Shown]:
        """All that reads see; ``deleted`` adds the bin and archived tasks. The same list until ``revision`` grows."""
        self.settle()
        found = self._views.get((deleted, order))
        if found is None:
            found = self._views[deleted, order] = self._view(deleted=deleted, order=order)
        return found

    def _view(self, *, deleted: bool, order: Order) -> list[Shown]:
        if order == "SystemModstamp":
            # The sort is stable, so rows of one stamp stay in order of id.
            return sorted(self.view(deleted=deleted, order="Id"), key=attrgetter("stamp"))
        if not self._former:
            return [row for row in self.rows.values() if deleted or _plain(row)]
        ids = self.rows.keys() | self._former.keys()
        seen = (self.committed(one) for one in sorted(ids))
        return [row for row in seen if row is not None and (deleted or _plain(row))]

    def committed_holders(self, key: KeyOf, value: Hashable) -> list[Shown]:
        """Like ``holders``, of what reads see."""
        self.settle()
        ids = dict.fromkeys([*self.holders(key, value), *self._former])
        seen = (self.committed(one) for one in ids)
        return [row for row in seen if row is not None and not row.deleted and key(row) == value]

    # Reading the latest data

    def holders(self, key: KeyOf, value: Hashable) -> list[str]:
        """Ids of live records of which ``key`` gives ``value``; None is never looked for."""
        index = self._indexes.get(key)
        if index is None:
            index = self._indexes[key] = {}
            for row in self.rows.values():
                _enter(index, key, row)
        return list(index.get(value, ()))

    # Changing

    def put(self, row: Shown, delay: float) -> None:
        """Store a new record or a new version. New ids must be greater than all before."""
        self._keep_former(row.id, delay)
        self._store(row.id, row)

    def remove(self, record_id: str, delay: float) -> None:
        """Take a record out for good."""
        self._keep_former(record_id, delay)
        self._store(record_id, None)

    def log_removal(self, record_id: str, stamp: datetime, delay: float) -> None:
        """Enter a delete into the log of deletes."""
        self.removals.append(Removal(record_id, stamp, self._due(delay)))

    def widen(self, blank: Mapping[str, Json]) -> None:
        """Give every record the fields that are new."""
        self.rows = {one: _widened(row, blank) for one, row in self.rows.items()}
        for versions in self._former.values():
            wider = [None if row is None else _widened(row, blank) for row in versions]
            versions.clear()
            versions.extend(wider)
        self._indexes.clear()
        self._changed()

    def save(self) -> Saved:
        """Everything as it is now, for ``restore``."""
        former = {record_id: tuple(versions) for record_id, versions in self._former.items()}
        return Saved(dict(self.rows), tuple(self.removals), tuple(self._pending), former)

    def restore(self, saved: Saved) -> None:
        """Have everything as it was then, as if nothing had been written since."""
        self.rows = dict(saved.rows)
        self.removals = list(saved.removals)
        self._pending = deque(saved.pending)
        self._former = {record_id: deque(versions) for record_id, versions in saved.former.items()}
        self._indexes.clear()
        self._changed()

    def load(self, rows: Sequence[Shown], removals: Sequence[Removal]) -> None:
        """Have these rows, in order of id, instead of all; nothing is pending then."""
        self.restore(Saved({row.id: row for row in rows}, tuple(removals), (), {}))

    def _keep_former(self, record_id: str, delay: float) -> None:
        if delay > 0 or self._pending:
            due = self._due(delay)
            self._pending.append(_Pending(due, record_id))
            self._former.setdefault(record_id, deque()).append(self.rows.get(record_id))

    def _due(self, delay: float) -> datetime:
        # Commits keep the order of the writes, also when the delay was made shorter meanwhile.
        due = self._now() + timedelta(seconds=delay)
        return max(due, self._pending[-1].due) if self._pending else due

    def _store(self, record_id: str, row: Shown | None) -> None:
        former = self.rows.get(record_id)
        for key, index in self._indexes.items():
            if former is not None:
                _leave(index, key, former)
            if row is not None:
                _enter(index, key, row)
        if row is None:
            self.rows.pop(record_id, None)
        else:
            self.rows[record_id] = row
        self._changed()

    def _changed(self) -> None:
        self.revision += 1
        self._views.clear()


def _widened(row: Shown, blank: Mapping[str, Json]) -> Shown:
    return replace(row, values={**blank, **row.values})


def _plain(row: Shown) -> bool:
    """Neither in the bin nor archived."""
    return not row.deleted and row.values.get("IsArchived") is not True


def _enter(index: Index, key: KeyOf, row: Shown) -> None:
    value = None if row.deleted else key(row)
    if value is not None:
        index.setdefault(value, {})[row.id] = None


def _leave(index: Index, key: KeyOf, row: Shown) -> None:
    value = None if row.deleted else key(row)
    if value is not None:
        index[value].pop(row.id, None)
        if not index[value]:
            del index[value]
