"""What becomes of one intent within a transaction. A refusal undoes the whole batch, and the pass splits it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Update, delete, insert, select
from sqlalchemy import update as updating

from syncd.core.model import Intent, Outcome, Receipt, Record
from syncd.errors import BatchRefused
from syncd_sqltable.table import CHANGED, ID, IDENTITY, Layout

#: The state keeps moments to the millisecond; a database may keep more.
_PRECISION = timedelta(milliseconds=1)


def create(tx: Connection, layout: Layout, intent: Intent) -> Receipt:
    """Make the row, or write to the one that carries the other half's id already. Raise BatchRefused."""
    people = layout.people
    values = _values(layout, intent) | {IDENTITY: intent.stamp or intent.origin}
    known = tx.scalar(select(people.c[ID]).where(people.c[IDENTITY] == values[IDENTITY]))
    if known is None:
        made = tx.execute(insert(people).values(values)).inserted_primary_key
        id_ = made[0] if made else None
    else:
        tx.execute(updating(people).where(people.c[ID] == known).values(values))
        id_ = known
    return Receipt(
        intent_id=intent.id,
        outcome=Outcome.APPLIED,
        id=str(id_),
        shown=_look(tx, layout, people.c[ID] == id_),
        created=known is None,
    )


def update(tx: Connection, layout: Layout, intent: Intent) -> Receipt:
    """Write the changes and the stamp to the row, if it still is what the intent was decided on. Raise BatchRefused."""
    values = _values(layout, intent)
    if intent.stamp is not None:
        values[IDENTITY] = intent.stamp or None
    return _to_row(tx, layout, intent, updating(layout.people).values(values), missing=Outcome.GONE)


def remove(tx: Connection, layout: Layout, intent: Intent) -> Receipt:
    """Delete the row, if it still is what the intent was decided on. Gone already is done."""
    return _to_row(tx, layout, intent, delete(layout.people), missing=Outcome.APPLIED)


def _to_row(tx: Connection, layout: Layout, intent: Intent, statement: Update | Delete, *, missing: Outcome) -> Receipt:
    people = layout.people
    it = people.c[ID] == int(intent.target)
    conditions = [it]
    if intent.based_on is not None:
        limit = intent.based_on + _PRECISION
        aware = getattr(people.c[CHANGED].type, "timezone", False)
        conditions.append(people.c[CHANGED] < (limit if aware else limit.replace(tzinfo=None)))
    done = tx.execute(statement.where(*conditions)).rowcount
    shown = _look(tx, layout, it)
    outcome = Outcome.APPLIED if done else missing if shown is None else Outcome.STALE
    return Receipt(intent_id=intent.id, outcome=outcome, id=intent.target, shown=shown)


def _look(tx: Connection, layout: Layout, condition: ColumnElement[bool]) -> Record | None:
    """The row as the triggers have left it: what is settled is what the table shows."""
    row = tx.execute(layout.looks.where(condition)).mappings().first()
    return layout.record_of(row) if row is not None else None


def _values(layout: Layout, intent: Intent) -> dict[str, Any]:
    unknown = [name for name in intent.values if name not in layout.fields]
    if unknown:
        raise BatchRefused(f"the table people has no text column {', '.join(unknown)}")
    return {name: None if value is None else str(value) for name, value in intent.values.items()}
