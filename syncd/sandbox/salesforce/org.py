"""One org: its data, time and switches. Reads see what is committed, writes the latest data.

It answers no request itself: the doors do, which call it. Object names in arguments are ObjectDefs of ``schema``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.salesforce.conversion import convert
from syncd.sandbox.salesforce.effects import after_save
from syncd.sandbox.salesforce.errors import MultipleMatches
from syncd.sandbox.salesforce.how import API, How
from syncd.sandbox.salesforce.ids import full, make_id
from syncd.sandbox.salesforce.lifecycle import Lifecycle
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.row import Shown
from syncd.sandbox.salesforce.rules import Locks, key_of, key_value
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef, Schema
from syncd.sandbox.salesforce.seeds import plant
from syncd.sandbox.salesforce.soql.cursors import Cursors
from syncd.sandbox.salesforce.store import Store
from syncd.sandbox.salesforce.table import Order, Table
from syncd.sandbox.salesforce.writing import Writer

DEFAULTS = Options()


class Org:
    """One org of the vendor, with its setup records and nobody in it."""

    def __init__(self, clock: WorldClock, *, options: Options = DEFAULTS, seed: int = 1) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.org_id = make_id("00D", 1)
        self.user_id = make_id("005", 1)
        """The integration user."""
        self.person_id = make_id("005", 2)
        """The user in whose name people edit."""
        self.cursors = Cursors()
        self._store = Store(clock, options, user=self.user_id)
        self._writer = Writer(self._store, assignee=make_id("005", 3))
        self._lifecycle = Lifecycle(self._store, self._writer)
        self._visible: dict[str, Mapping[str, FieldDef]] = {}
        self.schema_changed = self.now()
        """Since when describe shows what it shows, in whole seconds."""
        plant(self._store)

    def now(self) -> datetime:
        """The org's time, in whole seconds: the stamp of a write made now."""
        return self._store.now()

    @property
    def schema(self) -> Schema:
        """The objects; another one when options bring or take fields."""
        return self._store.schema

    @property
    def options(self) -> Options:
        """The switches. Setting them changes the schema at once, and a changed ``lock`` holds its rows anew."""
        return self._store.options

    @options.setter
    def options(self, options: Options) -> None:
        if options.lock != self._store.options.lock:
            self._writer.locks = Locks(options.lock)
        self._store.options = options
        self._visible.clear()
        # Never the same second twice: a client that saw the change before would be told that nothing changed.
        self.schema_changed = max(self.now(), self.schema_changed + timedelta(seconds=1))

    # Reading (committed data)

    def visible(self, obj: ObjectDef) -> Mapping[str, FieldDef]:
        """The fields that the integration user sees, by lower-case name, in the order of describe.

        Hidden ones are left out; those that it may only read have ``createable`` and ``updateable`` false.
        """
        found = self._visible.get(obj.name)
        if found is None:
            hidden = {one.lower() for one in self.options.hidden_fields}
            readonly = {one.lower() for one in self.options.readonly_fields}
            found = {
                key: replace(one, createable=False, updateable=False)
                if f"{obj.name.lower()}.{key}" in readonly
                else one
                for key, one in self.schema.get(obj.name).fields.items()
                if f"{obj.name.lower()}.{key}" not in hidden
            }
            self._visible[obj.name] = found
        return found

    def table(self, obj: ObjectDef) -> Table:
        """All its records. ``table(obj).revision`` grows whenever reads may see something else."""
        return self._store.table(obj)

    def rows(self, obj: ObjectDef, *, deleted: bool) -> Iterator[Shown]:
        """All that is committed, in order of id; also what sharing hides from the integration user."""
        self._store.tidy()
        return iter(self.table(obj).view(deleted=deleted, order="Id"))

    def view(self, obj: ObjectDef, *, deleted: bool, order: Order = "Id") -> Sequence[Shown]:
        """Likewise as a list, in order of id or of (SystemModstamp, Id). Kept until something changes: do not alter.

        ``deleted`` also gives those in the recycle bin and archived tasks (queryAll).
        """
        self._store.tidy()
        rows = self.table(obj).view(deleted=deleted, order=order)
        if not self.options.invisible_ids:
            return rows
        return [row for row in rows if not self._store.is_invisible(row.id)]

    def find(self, obj: ObjectDef, record_id: str, *, deleted: bool = False) -> Shown | None:
        """The committed version by an id of 15 or 18 characters; None also for what is no id."""
        self._store.tidy()
        try:
            row = self.table(obj).committed(full(record_id))
        except ValueError:
            return None
        if row is None or self._store.is_invisible(row.id):
            return None
        return row if deleted or not row.deleted else None

    def by_external(self, obj: ObjectDef, field: FieldDef, value: str) -> list[Shown]:
        """Committed live records with this value, whatever its case unless the field is case-sensitive."""
        rows = self.table(obj).committed_holders(key_of(field), key_value(field, value))
        return [row for row in rows if not self._store.is_invisible(row.id)]

    def deleted_log(self, obj: ObjectDef, start: datetime, end: datetime) -> list[tuple[str, datetime]]:
        """Deletes, soft and hard, with ``start`` ≤ moment ≤ ``end``, oldest first. Restored records are not in it,
        unless ``log_keeps_undeleted``.
        """
        now = self.clock.now()
        found = (one for one in self.table(obj).removals if start <= one.stamp <= end and one.due <= now)
        return [(one.id, one.stamp) for one in found if not self._store.is_invisible(one.id)]

    def updated_ids(self, obj: ObjectDef, start: datetime, end: datetime) -> list[str]:
        """Live records made or changed with ``start`` ≤ stamp ≤ ``end``, in order of stamp."""
        rows = self.view(obj, deleted=False, order="SystemModstamp")
        return [row.id for row in rows if start <= row.stamp <= end]

    # Writing (latest data)

    def check_json(self, obj: ObjectDef, values: Mapping[str, Any]) -> None:
        """Raise ApiError (400 JSON_PARSER_ERROR) for a value whose JSON type its field cannot take.

        For doors that take many records: one such value fails the whole request before the first write.
        """
        self._writer.check_json(obj, values)

    def create(self, obj: ObjectDef, values: Mapping[str, Any], how: How = API) -> str:
        """Make a record of values by API name (any case) and give its id. Raises RecordFaults, ApiError."""
        row = self._writer.create(obj, values, how)
        after_save(self._store, row, None, how.user)
        return row.id

    def update(self, obj: ObjectDef, record_id: str, values: Mapping[str, Any], how: How = API) -> None:
        """Change fields of a record; None clears. The stamp moves also when nothing changes.

        Raises RecordFaults, ApiError.
        """
        before = self._writer.update(obj, record_id, values, how)
        after_save(self._store, self.table(obj).rows[before.id], before, how.user)

    def upsert(
        self, obj: ObjectDef, field: FieldDef, value: str, values: Mapping[str, Any], how: How = API
    ) -> tuple[str, bool]:
        """Update the record with this external id, or make one. Gives its id, and whether it was made.

        Raises MultipleMatches, RecordFaults, ApiError.
        """
        ids = self.table(obj).holders(key_of(field), key_value(field, value))
        if len(ids) > 1:
            raise MultipleMatches(ids)
        if ids:
            self.update(obj, ids[0], values, how)
            return ids[0], False
        others = {name: one for name, one in values.items() if name.lower() != field.name.lower()}
        return self.create(obj, {**others, field.name: value}, how), True

    def delete(self, obj: ObjectDef, record_id: str, how: How = API) -> None:
        """Move a record to the recycle bin. Raises RecordFaults (ENTITY_IS_DELETED the second time)."""
        self._lifecycle.delete(obj, record_id, how)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All writes within come to nothing when the block raises (allOrNone)."""
        with self._store.atomic():
            yield

    # What only people and the vendor itself can do (control paths)

    def undelete(self, record_id: str) -> None:
        """Bring a record back from the recycle bin. Raises RecordFaults."""
        self._lifecycle.undelete(record_id, self.person_id)

    def purge(self, record_id: str) -> None:
        """Remove a record for good, live or deleted; the log of deletes keeps it. Raises RecordFaults."""
        self._lifecycle.purge(record_id)

    def merge(self, obj: ObjectDef, winner: str, losers: Sequence[str]) -> None:
        """Merge one or two records into ``winner``. Raises RecordFaults."""
        self._lifecycle.merge(obj, winner, losers, self.person_id)

    def convert(self, lead_id: str, contact_id: str = "") -> dict[str, str]:
        """Convert a lead, into ``contact_id`` if given. Gives ids of ``contact``, ``account``, ``opportunity``."""
        return convert(self._store, self._writer, lead_id, contact_id, self.person_id)

    def bump(self, obj: ObjectDef, ids: Sequence[str] | None = None) -> int:
        """Move SystemModstamp of these (None: all) live records without a change of any field. Gives how many."""
        return self._lifecycle.bump(obj, ids)

    # The whole

    def export(self) -> dict[str, Any]:
        """The whole org as a JSON-able value; what is not committed yet counts as committed."""
        return {"options": self.options.model_dump(mode="json"), "tables": self._store.export()}

    def load(self, data: Mapping[str, Any]) -> None:
        """Take over what ``export`` gave, in the place of everything there is. The clock's time is not part of it."""
        self.options = Options.model_validate(data["options"])
        self._store.load(data["tables"])
