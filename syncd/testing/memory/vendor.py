"""A vendor that is a dictionary. ``MemorySide`` is what people work on: it keeps its own time and rules. It imitates no
particular vendor; what vendors differ in is switched by ``Traits``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.clock import Clock
from syncd.core.model import FieldSpec, Stage, Value, Values

FIELDS = tuple(
    FieldSpec(name=name, label=name, unique=name in ("email", "link_id"))
    for name in ("firstname", "lastname", "email", "phone", "state", "stage", "link_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What one vendor can and another cannot."""

    fields: tuple[FieldSpec, ...] = FIELDS  #: unique, writable, options and max_length are kept to
    describes: bool = True
    stages: tuple[Stage, ...] = ()
    key_fields: Mapping[str, str] = field(default_factory=lambda: {"email": "email", "phone": "phone"})
    identity: str | None = "link_id"
    changes: bool = True
    tells_gone: bool = False  #: the feed of changes reports deletes
    field_times: bool = False
    versions: bool = True
    moments: bool = True  #: records show when they were created and modified
    archives: bool = True
    guarded: bool = False  #: an update of a field that shows another value than was decided on is stale
    late: timedelta = timedelta(0)
    names_items: bool = True  #: False: one bad record rejects its batch and is not named
    names_fields: bool = True  #: False: a bad field refuses its record
    shows_writes: bool = True  #: answers to writes hold the record
    page_size: int = 100
    fetch_batch: int = 100
    write_batch: int = 100
    ignored: frozenset[str] = frozenset()  #: fields whose writes are answered as done and are not
    reshape: Mapping[str, Callable[[Value], Value]] = field(default_factory=dict)  #: how a field rewrites values
    scope: Callable[[Values], bool] = lambda _values: True


@dataclass(slots=True, kw_only=True)
class Row:
    """One record of the vendor, live or not."""

    id: str
    values: dict[str, Value]
    also: dict[str, tuple[str, ...]]
    version: int
    created_at: datetime
    modified_at: datetime
    times: dict[str, datetime]
    merged_ids: tuple[str, ...] = ()
    merged_into: str = ""
    proof: str = ""  #: why it is gone; "" while it is live


class MemorySide:
    """The vendor. Its methods are what people do there; they count no request and fail only for unknown ids."""

    def __init__(
        self, clock: Clock, traits: Traits | None = None, *, account: str = "memory", prefix: str = ""
    ) -> None:
        self.clock = clock
        self.traits = traits or Traits()
        self.account = account
        self.rows: dict[str, Row] = {}
        self.lock = threading.RLock()
        self.version = 0
        self.hidden: set[str] = set()  #: ids that syncd's user has no right to see: not shown, not written, no proof
        self._prefix = prefix
        self._made = 0

    def add(self, values: Values, *, also: Mapping[str, tuple[str, ...]] | None = None) -> str:
        """A person makes a record; return its id."""
        with self.lock:
            self._made += 1
            now = self.clock.now()
            row_id = f"{self._prefix}{self._made}"
            self.rows[row_id] = Row(
                id=row_id,
                values={},
                also=dict(also or {}),
                version=0,
                created_at=now,
                modified_at=now,
                times={},
            )
            self.edit(row_id, values)
            return row_id

    def edit(self, row_id: str, values: Values) -> None:
        """A person edits a record; None clears a field."""
        with self.lock:
            row = self.rows[row_id]
            now = self.clock.now()
            for name, value in values.items():
                if row.values.get(name) != value:
                    row.times[name] = now
                row.values[name] = value
            self._touch(row)

    def delete(self, row_id: str, *, proof: str = "404") -> None:
        """A person deletes a record."""
        with self.lock:
            self.rows[row_id].proof = proof
            self._touch(self.rows[row_id])

    def restore(self, row_id: str) -> None:
        """A person brings a deleted record back."""
        with self.lock:
            self.rows[row_id].proof = ""
            self._touch(self.rows[row_id])

    def merge(self, winner: str, loser: str) -> str:
        """A person merges two records into a new one, whose id is returned; both old ids lead to it."""
        with self.lock:
            left, right = self.rows[winner], self.rows[loser]
            joined = {
                **right.values,
                **{name: value for name, value in left.values.items() if value is not None},
            }
            new_id = self.add(joined, also={**right.also, **left.also})
            new = self.rows[new_id]
            new.merged_ids = (winner, loser, *left.merged_ids, *right.merged_ids)
            for old in (left, right):
                old.merged_into = new_id
                old.proof = "merged"
            return new_id

    def live(self) -> Iterator[Row]:
        """Every record that is there, in the order of making."""
        return (row for row in self.rows.values() if not row.proof)

    def resolve(self, row_id: str) -> Row | None:
        """The live record of an id, also of one that was merged away."""
        row = self.rows.get(row_id)
        while row is not None and row.merged_into:
            row = self.rows.get(row.merged_into)
        return row if row is not None and not row.proof else None

    def _touch(self, row: Row) -> None:
        self.version += 1
        row.version = self.version
        row.modified_at = self.clock.now()
