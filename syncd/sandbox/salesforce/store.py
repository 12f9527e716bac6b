"""The org's records with their system fields: ids, stamps, who wrote, the log of deletes. It checks nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.salesforce import objects
from syncd.sandbox.salesforce.ids import make_id
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.row import Json, Shown, moment, whole_seconds, wire
from syncd.sandbox.salesforce.schema import ObjectDef
from syncd.sandbox.salesforce.table import Removal, Table

BIN = timedelta(days=15)
"""How long the recycle bin keeps a record (contract, section 3.4)."""


class Binned(NamedTuple):
    """A record in the recycle bin, since ``stamp``."""

    stamp: datetime
    object: str
    id: str


class Store:
    """Everything that is kept, by object. ``options`` may be replaced at any time."""

    def __init__(self, clock: WorldClock, options: Options, *, user: str) -> None:
        self.clock = clock
        self.user = user
        self.schema = objects.schema(options)
        self.tables = {name: Table(clock.now) for name in self.schema.objects}
        self.numbers: dict[str, int] = dict.fromkeys(self.schema.objects, 0)
        self._options = options
        self._blank = self._blanks()
        self._bin: deque[Binned] = deque()
        self._archived: tuple[date, int, int] | None = None

    def now(self) -> datetime:
        """The org's time in whole seconds."""
        return whole_seconds(self.clock.now())

    @property
    def options(self) -> Options:
        """The switches. Fields that new ones bring are blank in all records."""
        return self._options

    @options.setter
    def options(self, options: Options) -> None:
        self._options = options
        self.schema = objects.schema(options)
        before, self._blank = self._blank, self._blanks()
        for name, blank in self._blank.items():
            new = {field: value for field, value in blank.items() if field not in before[name]}
            if new:
                self.tables[name].widen(new)

    def table(self, obj: ObjectDef) -> Table:
        """Its records."""
        return self.tables[obj.name.lower()]

    def blank(self, obj: ObjectDef) -> Mapping[str, Json]:
        """A record before anything is written to it: defaults under exact names."""
        return self._blank[obj.name.lower()]

    def latest(self, record_id: str) -> Shown | None:
        """The latest version by an id of 18 characters, deleted or not."""
        rows = (self.table(obj).rows.get(record_id) for obj in self.schema.sharing(record_id))
        return next((row for row in rows if row is not None), None)

    def is_invisible(self, record_id: str) -> bool:
        """Whether sharing hides the record from the integration user."""
        hidden = self._options.invisible_ids
        return bool(hidden) and record_id[:15] in {one[:15] for one in hidden}

    def live(self, obj: ObjectDef) -> Iterator[Shown]:
        """The latest versions of all that are not deleted."""
        return (row for row in list(self.table(obj).rows.values()) if not row.deleted)

    # Writing

    def insert(self, obj: ObjectDef, values: Mapping[str, Json], user: str = "") -> Shown:
        """A new record of checked values under exact names; what is missing is blank."""
        number = self.numbers[obj.name.lower()] = self.numbers[obj.name.lower()] + 1
        now = self.now()
        who, stamp = user or self.user, wire(now)
        whole = dict(self.blank(obj))
        if "OwnerId" in whole:
            whole["OwnerId"] = who
        whole.update(values)
        whole.update(
            Id=make_id(obj.prefix, number),
            CreatedDate=stamp,
            CreatedById=who,
            LastModifiedDate=stamp,
            LastModifiedById=who,
            SystemModstamp=stamp,
        )
        row = Shown(obj.name, str(whole["Id"]), whole, deleted=False, stamp=now)
        self.table(obj).put(row, self._options.commit_delay_seconds)
        return row

    def change(self, row: Shown, changes: Mapping[str, Json], user: str = "", *, system: bool = False) -> Shown:
        """A new version. ``system`` work moves SystemModstamp alone and nobody's name is put to it."""
        now = max(self.now(), row.stamp)
        stamp = wire(now)
        signed = {} if system else {"LastModifiedDate": stamp, "LastModifiedById": user or self.user}
        whole = {**row.values, **changes, **signed, "SystemModstamp": stamp}
        fresh = replace(row, values=whole, deleted=bool(whole.get("IsDeleted")), stamp=now)
        self.tables[row.object.lower()].put(fresh, self._options.commit_delay_seconds)
        return fresh

    def bin(self, row: Shown, user: str, **changes: Json) -> None:
        """Move a live record to the recycle bin and log it."""
        gone = self.change(row, {**changes, "IsDeleted": True}, user)
        self.tables[row.object.lower()].log_removal(row.id, gone.stamp, self._options.commit_delay_seconds)
        self._bin.append(Binned(gone.stamp, row.object, row.id))

    def remove(self, row: Shown) -> None:
        """Take a record out for good; logged now unless its delete was."""
        table = self.tables[row.object.lower()]
        table.remove(row.id, self._options.commit_delay_seconds)
        if not row.deleted:
            table.log_removal(row.id, self.now(), self._options.commit_delay_seconds)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All writes within come to nothing when the block raises."""
        saved = {name: table.save() for name, table in self.tables.items()}
        binned = tuple(self._bin)
        try:
            yield
        except BaseException:
            for name, table in self.tables.items():
                table.restore(saved[name])
            self._bin = deque(binned)
            raise

    # What time alone does

    def tidy(self) -> None:
        """Empty the recycle bin of what is too old, and archive old closed tasks."""
        now = self.clock.now()
        while self._bin and self._bin[0].stamp + BIN <= now:
            one = self._bin.popleft()
            row = self.tables[one.object.lower()].rows.get(one.id)
            if row is not None and row.deleted and row.stamp == one.stamp:
                self.tables[one.object.lower()].remove(one.id, 0.0)
        self._archive(now)

    def _archive(self, now: datetime) -> None:
        days = self._options.tasks_archived_after_days
        table = self.tables["task"]
        if not days or (now.date(), days, table.revision) == self._archived:
            return
        before = (now - timedelta(days=days)).date().isoformat()
        for row in list(table.rows.values()):
            due = row.values["ActivityDate"]
            old = row.values["IsClosed"] and isinstance(due, str) and due < before
            if old and not row.values["IsArchived"]:
                table.put(replace(row, values={**row.values, "IsArchived": True}), 0.0)
        self._archived = (now.date(), days, table.revision)

    # The whole

    def export(self) -> dict[str, Any]:
        """JSON-able. Values stand in rows under one list of names, which keeps a large org small."""
        tables = {}
        for name, table in self.tables.items():
            names = list(self._blank[name])
            tables[name] = {
                "number": self.numbers[name],
                "fields": names,
                "rows": [[row.values[field] for field in names] for row in table.rows.values()],
                "removals": [[one.id, wire(one.stamp)] for one in table.removals],
            }
        return tables

    def load(self, data: Mapping[str, Any]) -> None:
        """Take over what ``export`` gave. The options must be those of then."""
        binned = []
        stamps: dict[str, datetime] = {}  # a large org has few different stamps
        for name, table in self.tables.items():
            kept = data[name]
            exact = self.schema.objects[name].name
            rows = []
            for listed in kept["rows"]:
                values = dict(zip(kept["fields"], listed, strict=True))
                text = values["SystemModstamp"]
                stamp = stamps.get(text) or stamps.setdefault(text, moment(text))
                row = Shown(exact, values["Id"], values, deleted=bool(values.get("IsDeleted")), stamp=stamp)
                rows.append(row)
                if row.deleted:
                    binned.append(Binned(stamp, exact, row.id))
            removals = [(record_id, moment(when)) for record_id, when in kept["removals"]]
            table.load(rows, [Removal(record_id, when, when) for record_id, when in removals])
            self.numbers[name] = kept["number"]
        self._bin = deque(sorted(binned))
        self._archived = None

    def _blanks(self) -> dict[str, dict[str, Json]]:
        """A record of each object before anything is written to it."""
        return {
            name: {field.name: field.default for field in obj.fields.values()}
            for name, obj in self.schema.objects.items()
        }
