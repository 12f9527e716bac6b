"""A SQL table as one side of syncd: the port's methods."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from connectors.port import Account, Capabilities, Fetched, Memory, Page, Wanted
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Gone, Intent, Op, Receipt, Record, Stage
from syncd.errors import ConnectionStop
from syncd.net.governor import Governor, Priority
from syncd_sqltable import writes
from syncd_sqltable.database import Database
from syncd_sqltable.settings import SqlTableSettings
from syncd_sqltable.table import COUNTER, ID, IDENTITY, VERSION, Layout, read_layout

BATCH = 200


class SqlTableConnector:
    """One opened connection. What each method promises is in connectors.port.Connector."""

    def __init__(
        self, settings: SqlTableSettings, wanted: Wanted, *, governor: Governor, clock: Clock, memory: Memory
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._clock = clock
        self._memory = memory
        self._database = Database(settings, governor=governor, clock=clock)

    # ---- who and what

    @property
    def label(self) -> str:
        return "SQL table"

    def account(self) -> Account:
        """The id that was given to the table when it was made. An address can lead elsewhere tomorrow; and in another
        table every known id would be missing.
        """
        account, _ = self._counter()
        return Account(id=account, name=f"table people in {self._settings.database}")

    def capabilities(self) -> Capabilities:
        return Capabilities(
            identity=IDENTITY,
            fetch_batch=BATCH,
            page_size=BATCH,
            batch=dict.fromkeys(Op, BATCH),
            archives=False,
            requests_per_create=1 / BATCH,
        )

    def notices(self) -> tuple[str, ...]:
        return ()

    def recover(self) -> None:
        """Nothing is left under way: every write ends with its request."""

    def describe(self) -> tuple[FieldSpec, ...]:
        return tuple(self._layout.fields.values())

    def stages(self) -> tuple[Stage, ...]:
        """None: the column is plain text and knows no list of stages."""
        return ()

    def unversioned(self) -> int:
        """How many rows no trigger has ever counted: the feed will not show them."""
        people = self._layout.people
        query = select(func.count()).select_from(people).where(people.c[VERSION] == 0)
        return self._database.read("check", lambda connection: int(connection.scalar(query) or 0))

    @cached_property
    def _layout(self) -> Layout:
        return self._database.read("columns", lambda connection: read_layout(connection, self._wanted.fields))

    def _counter(self) -> tuple[str, int]:
        """Which table this is, and how many changes it has seen: never fewer than before."""
        counter = self._layout.counter
        query = select(counter.c.account, counter.c[VERSION])
        rows = self._database.read("counter", lambda connection: connection.execute(query).all())
        if len(rows) != 1:
            raise ConnectionStop(f"{COUNTER} has {len(rows)} rows and needs one; make it as create_table.sql does")
        account, version = str(rows[0][0]), int(rows[0][1])
        known = int(self._memory.get(f"version:{account}") or 0)
        if version < known:
            raise ConnectionStop(
                f"{COUNTER} went back from {known} to {version}, as when a backup is restored, and changes would be "  # noqa: S608 - for a person to run
                f"missed; run UPDATE {COUNTER} SET version = {known} and UPDATE people SET version = version"
            )
        if version > known:
            self._memory.set(f"version:{account}", str(version))
        return account, version

    # ---- looks

    def scan(self, cursor: str | None) -> Page:
        """By primary key: a row that comes or goes meanwhile moves no other one to a page that was read already."""
        people, looks = self._layout.people, self._layout.looks
        query = looks.where(people.c[ID] > int(cursor or 0)).order_by(people.c[ID]).limit(BATCH + 1)
        looked_at, rows = self._rows("scan", query, Priority.SWEEP)
        more = len(rows) > BATCH
        return Page(
            records=self._records(rows[:BATCH]),
            looked_at=looked_at,
            cursor=str(rows[BATCH - 1][ID]) if more else None,
            complete=not more,
        )

    def feed_start(self) -> str:
        _, version = self._counter()
        return str(version)

    def changes(self, cursor: str) -> Page:
        """By version, which becomes visible in its order (create_table.sql). Deletes are found by the next scan."""
        self._counter()
        people, looks = self._layout.people, self._layout.looks
        query = looks.where(people.c[VERSION] > int(cursor)).order_by(people.c[VERSION]).limit(BATCH + 1)
        looked_at, rows = self._rows("changes", query, Priority.PULL)
        shown = rows[:BATCH]
        return Page(
            records=self._records(shown),
            looked_at=looked_at,
            cursor=str(shown[-1][VERSION]) if shown else cursor,
            complete=len(rows) <= BATCH,
        )

    def fetch(self, ids: Sequence[str]) -> Fetched:
        """A primary key that is not there proves that its row was deleted: ids are never given out twice."""
        people = self._layout.people
        records: dict[str, Record] = {}
        looked_at = self._clock.now()
        for some in _chunks(ids):
            query = self._layout.looks.where(people.c[ID].in_([int(one) for one in some]))
            _, rows = self._rows("fetch", query, Priority.PUSH)
            records |= {record.id: record for record in self._records(rows)}
        gone = {one: Gone(id=one, proof="absent by primary key") for one in ids if one not in records}
        return Fetched(records=records, gone=gone, looked_at=looked_at)

    def find(self, keys: Mapping[str, Sequence[str]]) -> tuple[Record, ...]:
        people = self._layout.people
        names = {**self._wanted.key_fields, "identity": IDENTITY}
        found: dict[str, Record] = {}
        for key in keys.keys() & names.keys():
            for some in _chunks([one for one in keys[key] if key != "phone" or _digits(one)]):
                query = self._layout.looks.where(_bears(key, people.c[names[key]], some))
                _, rows = self._rows("find", query, Priority.PUSH)
                found |= {record.id: record for record in self._records(rows)}
        return tuple(found.values())

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:  # noqa: ARG002 - not capable
        return {}

    def _rows(self, kind: str, query: Select[Any], priority: Priority) -> tuple[datetime, Sequence[RowMapping]]:
        """The rows, and the moment before they were asked for."""

        def work(connection: Connection) -> tuple[datetime, Sequence[RowMapping]]:
            return self._clock.now(), connection.execute(query).mappings().all()

        return self._database.read(kind, work, priority=priority)

    def _records(self, rows: Sequence[RowMapping]) -> tuple[Record, ...]:
        return tuple(self._layout.record_of(row) for row in rows)

    # ---- writes: a batch is one transaction

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        layout = self._layout
        return self._database.write("create", lambda tx: tuple(writes.create(tx, layout, one) for one in intents))

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        layout = self._layout
        return self._database.write("update", lambda tx: tuple(writes.update(tx, layout, one) for one in intents))

    def remove(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        layout = self._layout
        return self._database.write("remove", lambda tx: tuple(writes.remove(tx, layout, one) for one in intents))

    def close(self) -> None:
        self._database.close()


def _bears(key: str, column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """The condition that a row's column has one of the values, however it is written. Callers compare."""
    if key == "email":
        return func.lower(column).in_([value.strip().lower() for value in values])
    if key == "phone":
        digits: ColumnElement[str] = column
        for sign in " ()-./+":
            digits = func.replace(digits, sign, "")
        return or_(*(digits.like("%" + _digits(value)) for value in values))
    return column.in_(values)


def _digits(number: str) -> str:
    """The last seven to ten of them, without the country code; "" where there are too few to tell anybody by."""
    digits = re.sub(r"\D", "", number)[-10:]
    return digits if len(digits) >= 7 else ""


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    """Distinct values, so many at a time: databases limit the parameters of a statement."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), BATCH):
        yield distinct[start : start + BATCH]
