"""All records of one object type: live, archived and merged away, with unique values and property history.

It keeps what is true together (identities, order, index). Which writes are allowed is decided in ``writer``.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from syncd.sandbox.hubspot.errors import Duplicate
from syncd.sandbox.hubspot.hooks import Hooks
from syncd.sandbox.hubspot.index import Index
from syncd.sandbox.hubspot.rows import API, MERGE, PERSON, Entry, Row, Source
from syncd.sandbox.hubspot.schema import Schema
from syncd.sandbox.hubspot.values import iso

BIN_MS = 90 * 86_400_000
"""How long the recycle bin keeps a record."""

SECONDARY = "hs_additional_emails"
MERGED = "hs_merged_object_ids"


def split(text: str | None) -> list[str]:
    """The parts of a ``;``-separated value."""
    return [part for part in (text or "").split(";") if part]


class Table:
    """Records of one type. ``now`` gives milliseconds."""

    def __init__(self, schema: Schema, *, now: Callable[[], int], lag_ms: int, first_id: int) -> None:
        self.schema = schema
        self.rows: dict[int, Row] = {}
        self.live: list[int] = []
        self.bin: list[int] = []
        self.moved: dict[int, int] = {}
        self.hooks: Hooks | None = None
        self.index = Index(lag_ms=lag_ms, now=now, is_live=self._is_live)
        self._now = now
        self._next = first_id
        self._past: dict[int, dict[str, list[Entry]]] = {}
        self._secondary: dict[str, int] = {}
        self._holders: dict[str, dict[str, int]] = {}
        for prop in schema.props.values():
            if prop.unique or prop.name == "email":
                self._holders[prop.name] = {}

    # Finding

    def find(self, row_id: int) -> Row | None:
        """The live record of this id, or the one that it was merged into."""
        while row_id in self.moved:
            row_id = self.moved[row_id]
        row = self.rows.get(row_id)
        return row if row is not None and row.archived is None else None

    def look_up(self, prop: str, value: str) -> Row | None:
        """The live record with this unique value; secondary e-mails count."""
        owner = self.owner(prop, value)
        return self.find(owner[0]) if owner else None

    def is_unique(self, prop: str) -> bool:
        """Whether records can be looked up by it."""
        return prop in self._holders

    def owner(self, prop: str, value: str) -> tuple[int, bool] | None:
        """Who holds a unique value, and whether as a secondary e-mail."""
        if prop == "email":
            value = value.lower()
        holder = self._holders.get(prop, {}).get(value)
        if holder is not None:
            return holder, False
        holder = self._secondary.get(value) if prop == "email" else None
        return None if holder is None else (holder, True)

    def check_unique(self, changes: Mapping[str, str], me: int | None) -> None:
        """Raise Duplicate for the first value that another record holds."""
        for prop in self._holders:
            value = changes.get(prop)
            owner = self.owner(prop, value) if value else None
            if value and owner and owner[0] != me:
                raise Duplicate(prop=prop, value=value, owner=owner[0], secondary=owner[1])

    def history(self, row: Row, prop: str) -> list[Entry]:
        """Values that the property had, newest first."""
        kept = self._past.get(row.id, {}).get(prop)
        if kept is not None:
            return kept
        value = row.values.get(prop)
        return [] if value is None else [Entry(value, row.created, row.source)]

    # Changing

    def take_id(self) -> int:
        """A fresh id, used up even if nothing comes of it."""
        self._next += 1
        return self._next - 1

    def insert(self, values: Mapping[str, str], source: Source = API, *, row_id: int | None = None) -> Row:
        """A new live record. Values must have been checked."""
        now = self._now()
        new = self.take_id() if row_id is None else row_id
        stamp = iso(now)
        kept = {name: value for name, value in values.items() if value != ""}
        kept |= {"hs_object_id": str(new), self.schema.created: stamp, self.schema.modified: stamp}
        row = Row(new, kept, now, now, None, source)
        self._add_live(row)
        self.index.note(row)
        if source is not MERGE:
            self._tell("creation", row.id, source, changeFlag="CREATED")
        return row

    def change(self, row: Row, changes: Mapping[str, str], source: Source = API, *, at: int | None = None) -> Row:
        """Write values ("" clears) and move the modified time. Values must have been checked."""
        now = max(self._now() if at is None else at, row.modified)
        values = dict(row.values)
        for prop, value in changes.items():
            old = values.get(prop, "")
            if old == value:
                continue
            past = self._past.setdefault(row.id, {})
            past[prop] = [Entry(value, now, source), *self.history(row, prop)]
            if value == "":
                values.pop(prop, None)
            else:
                values[prop] = value
            if source is not MERGE:
                self._tell("propertyChange", row.id, source, propertyName=prop, propertyValue=value)
        values[self.schema.modified] = iso(now)
        self._release(row)
        fresh = row._replace(values=values, modified=now)
        self.rows[row.id] = fresh
        self._claim(fresh)
        self.index.note(fresh)
        return fresh

    def archive(self, row: Row, source: Source = API) -> Row:
        """Move a live record to the recycle bin. Its unique values become free."""
        del self.live[bisect_left(self.live, row.id)]
        insort(self.bin, row.id)
        self._release(row)
        self.index.drop(row.id)
        self.rows[row.id] = row._replace(archived=self._now())
        self._tell("deletion", row.id, source, changeFlag="DELETED")
        return self.rows[row.id]

    def restore(self, row_id: int) -> Row:
        """Bring a record back from the bin. Raises KeyError, or Duplicate if one of its values was taken."""
        row = self.rows[row_id]
        if row.archived is None:
            raise KeyError(row_id)
        self.check_unique(row.values, row_id)
        del self.bin[bisect_left(self.bin, row_id)]
        now = self._now()
        back = row._replace(archived=None, modified=now, values={**row.values, self.schema.modified: iso(now)})
        self._add_live(back)
        self.index.note(back)
        self._tell("restore", row_id, PERSON)
        return back

    def purge(self, row_id: int) -> bool:
        """Remove a record for good, live or archived. False if there was none."""
        row = self.rows.get(row_id)
        if row is None:
            return False
        self._forget(row)
        self._tell("privacyDeletion", row_id, API)
        return True

    def _forget(self, row: Row) -> None:
        row_id = row.id
        if row.archived is None:
            self._take_away(row)
        else:
            del self.bin[bisect_left(self.bin, row_id)]
        del self.rows[row_id]
        self._past.pop(row_id, None)

    def empty_bin(self) -> None:
        """Forget records that were archived too long ago."""
        oldest = self._now() - BIN_MS
        for row in [self.rows[row_id] for row_id in self.bin]:
            if (row.archived or 0) < oldest:
                self._forget(row)

    def merge(self, primary: Row, other: Row, *, keep_primary: bool = False) -> Row:
        """One record out of two: the primary's values, the other's where it has none. Its id is new."""
        values = {**other.values, **primary.values}
        emails = [*split(primary.values.get(SECONDARY)), other.values.get("email", ""),
                  *split(other.values.get(SECONDARY))]  # fmt: skip
        secondary = [mail for mail in dict.fromkeys(emails) if mail and mail != values.get("email")]
        gone = [other.id] if keep_primary else [primary.id, other.id]
        before = [*split(primary.values.get(MERGED)), *split(other.values.get(MERGED))]
        values[SECONDARY] = ";".join(secondary)
        values[MERGED] = ";".join(dict.fromkeys([*before, *map(str, gone)]))
        self._take_away(other)
        del self.rows[other.id]
        if keep_primary:
            self.moved[other.id] = primary.id
            kept = self.change(primary, values, MERGE)
            self._tell_merge(primary, other, kept)
            return kept
        self._take_away(primary)
        del self.rows[primary.id]
        created = min(primary.created, other.created)
        merged = self.insert(values, MERGE)
        merged = merged._replace(created=created, values={**merged.values, self.schema.created: iso(created)})
        self.rows[merged.id] = merged
        self.index.note(merged)
        self.moved |= {primary.id: merged.id, other.id: merged.id}
        self._tell_merge(primary, other, merged)
        return merged

    # Keeping

    def export(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "next": self._next,
            "rows": [row.plain() for row in self.rows.values()],
            "moved": [[old, new] for old, new in self.moved.items()],
            "past": [
                [row_id, prop, [[entry.value, entry.at, list(entry.source)] for entry in entries]]
                for row_id, props in self._past.items()
                for prop, entries in props.items()
            ],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Fill an empty table with what ``export`` gave; all of it is in the search index at once."""
        self._next = data["next"]
        self.moved = dict(data["moved"])
        for row_id, prop, entries in data["past"]:
            kept = [Entry(value, at, Source(*source)) for value, at, source in entries]
            self._past.setdefault(row_id, {})[prop] = kept
        for row in sorted(map(Row.of, data["rows"])):  # by id, the first part of a row
            if row.archived is None:
                self._add_live(row)
            else:
                self.rows[row.id] = row
                self.bin.append(row.id)
        self.index.fill(self.rows[row_id] for row_id in self.live)

    def allow_unique(self, prop: str) -> None:
        """A unique property was created."""
        self._holders[prop] = {}

    def touch(self, row_ids: Iterable[int]) -> None:
        """Stamp many records with one and the same millisecond, as HubSpot's own bulk jobs do."""
        now = self._now()
        for row_id in row_ids:
            row = self.find(row_id)
            if row is not None:
                self.change(row, {}, PERSON, at=now)

    def _tell(self, event: str, row_id: int, source: Source, **more: Any) -> None:
        if self.hooks is not None:
            self.hooks.put(f"{self.schema.singular}.{event}", row_id, self._now(), source, **more)

    def _tell_merge(self, primary: Row, other: Row, survivor: Row) -> None:
        self._tell(
            "merge",
            primary.id,
            PERSON,
            primaryObjectId=primary.id,
            mergedObjectIds=[other.id],
            newObjectId=survivor.id,
            numberOfPropertiesMoved=len(survivor.values) - len(primary.values),
        )

    def _is_live(self, row_id: int) -> bool:
        row = self.rows.get(row_id)
        return row is not None and row.archived is None

    def _add_live(self, row: Row) -> None:
        self.rows[row.id] = row
        insort(self.live, row.id)
        self._claim(row)

    def _take_away(self, row: Row) -> None:
        del self.live[bisect_left(self.live, row.id)]
        self._release(row)
        self.index.drop(row.id)

    def _claim(self, row: Row) -> None:
        for prop, holders in self._holders.items():
            value = row.values.get(prop)
            if value:
                holders[value] = row.id
        for mail in split(row.values.get(SECONDARY)):
            self._secondary[mail] = row.id

    def _release(self, row: Row) -> None:
        for prop, holders in self._holders.items():
            value = row.values.get(prop)
            if value and holders.get(value) == row.id:
                del holders[value]
        for mail in split(row.values.get(SECONDARY)):
            if self._secondary.get(mail) == row.id:
                del self._secondary[mail]
