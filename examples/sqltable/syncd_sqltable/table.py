"""What the table has to look like, and how its rows become records. Connects to nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, MetaData, RowMapping, Select, String, Table, inspect, select
from sqlalchemy.exc import NoSuchTableError

from syncd.core.model import FieldSpec, Record
from syncd.errors import MappingUnfit, Problem

PEOPLE, COUNTER = "people", "people_counter"
ID, IDENTITY, VERSION, CHANGED = "id", "salespulse_id", "version", "changed_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The tables as they are in the database."""

    people: Table
    counter: Table
    fields: Mapping[str, FieldSpec]  #: the columns that can be mapped
    shown: tuple[str, ...]  #: those of them that this connection reads

    @property
    def looks(self) -> Select[Any]:
        """The query for everything that a look shows. Nothing else leaves the database."""
        return select(*(self.people.c[name] for name in dict.fromkeys((ID, VERSION, CHANGED, *self.shown))))

    def record_of(self, row: RowMapping) -> Record:
        """Given a row of ``looks``, return it as a record; NULL is blank."""
        changed_at: datetime | None = row[CHANGED]
        if changed_at is not None and changed_at.tzinfo is None:
            changed_at = changed_at.replace(tzinfo=UTC)
        return Record(
            id=str(row[ID]),
            values={name: row[name] for name in self.shown},
            version=row[VERSION],
            modified_at=changed_at,
        )


def read_layout(connection: Connection, wanted: Sequence[str]) -> Layout:
    """Ask the database for the columns; ``wanted``: those to read. Raise MappingUnfit when the tables do not fit."""
    try:
        people, counter = (Table(name, MetaData(), autoload_with=connection) for name in (PEOPLE, COUNTER))
    except NoSuchTableError as missing:
        raise _unfit(f"the database has no table {missing}") from None
    columns = set(people.columns.keys())
    lacking = [name for name in (ID, IDENTITY, VERSION, CHANGED) if name not in columns]
    if lacking:
        raise _unfit(f"the table {PEOPLE} has no column {', '.join(lacking)}")
    inspector = inspect(connection)
    unique = [one["column_names"] for one in inspector.get_unique_constraints(PEOPLE)]
    unique += [[str(name) for name in one["column_names"]] for one in inspector.get_indexes(PEOPLE) if one["unique"]]
    if [IDENTITY] not in unique:
        raise _unfit(f"the column {IDENTITY} allows the same value twice")
    # A column of another type needs its values turned into syncd's and back; what is not told of is never mapped.
    fields = {
        column.name: FieldSpec(name=column.name, max_length=column.type.length, unique=[column.name] in unique)
        for column in people.columns
        if isinstance(column.type, String)
    }
    shown = tuple(name for name in wanted if name in fields)
    return Layout(people=people, counter=counter, fields=fields, shown=shown)


def _unfit(what: str) -> MappingUnfit:
    return MappingUnfit(
        [Problem(where="the database", what=what, remedy="make it as create_table.sql of syncd-sqltable does")]
    )
