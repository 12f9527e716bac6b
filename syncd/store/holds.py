"""Everything that waits for a person. A hold is its identity: connection, record or link, field, reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from syncd.core.model import Hold, HoldReason, LinkState, Side
from syncd.store.codec import dump, from_ms, load, maybe_from_ms, to_ms, to_value
from syncd.store.observed import chunks
from syncd.store.tables import holds, links, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHold:
    """A hold with its number and times."""

    id: str
    hold: Hold
    since: datetime
    run_id: int | None
    closed_at: datetime | None


def hold_id(hold: Hold) -> str:
    """The same for the same connection, record or link, field and reason."""
    parts = [hold.connection, hold.salespulse_id, hold.crm_id, hold.field, hold.reason.value]
    identity = "\x1f".join(parts)
    return hashlib.blake2b(identity.encode(), digest_size=5).hexdigest()


_BEGAN = select(runs.c.started_at).where(runs.c.id == bindparam("b_run"))
_CLOSED = select(holds.c.id, holds.c.closed_at).where(holds.c.id.in_(bindparam("b_ids", expanding=True)))


def put(tx: Connection, some: Iterable[Hold], *, run_id: int, at: datetime) -> int:
    """Open these holds, or bring new values to those that are open; return how many are new.

    New is what was not open when the run began: one that was ended and opens again within a run goes on as it was.
    """
    by_id = {hold_id(hold): hold for hold in some}
    if not by_id:
        return 0
    new = 0
    began = tx.execute(_BEGAN, {"b_run": run_id}).scalar() or 0
    known_ones: dict[str, int | None] = {}
    for part in chunks(list(by_id)):
        known_ones |= {row.id: row.closed_at for row in tx.execute(_CLOSED, {"b_ids": list(part)})}
    for id_, hold in by_id.items():
        closed_at = known_ones.get(id_)
        row: dict[str, object] = {
            "connection": hold.connection,
            "reason": hold.reason.value,
            "field": hold.field,
            "salespulse_id": hold.salespulse_id,
            "crm_id": hold.crm_id,
            "message": hold.message,
            "shown": dump({side.value: value for side, value in hold.values.items()}),
        }
        row["closed_at"] = None
        if id_ not in known_ones or (closed_at is not None and closed_at < began):
            new += 1
            row |= {"since": to_ms(at), "run_id": run_id}
        statement = insert(holds).values(id=id_, **{"since": to_ms(at), "run_id": run_id, **row})
        tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    return new


def close_for(
    tx: Connection,
    connection: str,
    *,
    salespulse_id: str = "",
    crm_id: str = "",
    keep: Iterable[Hold] = (),
    fields: Sequence[str] | None = None,
    skip_fields: Sequence[str] = (),
    reasons: Sequence[HoldReason] | None = None,
    at: datetime,
) -> None:
    """End the open holds of this record or pair whose cause is gone: all but ``keep``,
    narrowed to ``fields``, without ``skip_fields``, narrowed to ``reasons``.
    """
    # Nearly always nothing is open, and to ask that first costs a fraction of an update.
    if not _any_open(tx, connection, salespulse_id, crm_id):
        return
    about = _about(salespulse_id, crm_id)
    query = update(holds).where(holds.c.connection == connection, holds.c.closed_at.is_(None), about)
    kept = [hold_id(hold) for hold in keep]
    if kept:
        query = query.where(holds.c.id.not_in(kept))
    if fields is not None:
        query = query.where(holds.c.field.in_(list(fields)))
    if skip_fields:
        query = query.where(holds.c.field.not_in(list(skip_fields)))
    if reasons is not None:
        query = query.where(holds.c.reason.in_([reason.value for reason in reasons]))
    tx.execute(query.values(closed_at=to_ms(at)))


def close_elsewhere(tx: Connection, connections: Sequence[str], salespulse_ids: Sequence[str], *, at: datetime) -> None:
    """These contacts are gone: end what waits for them alone in all connections but these."""
    living = select(links.c.id).where(
        links.c.connection == holds.c.connection,
        links.c.salespulse_id == holds.c.salespulse_id,
        links.c.state.in_((LinkState.ACTIVE.value, LinkState.FROZEN.value)),
    )
    for part in chunks(salespulse_ids):
        tx.execute(
            update(holds)
            .where(
                holds.c.connection.not_in(list(connections)),
                holds.c.closed_at.is_(None),
                holds.c.salespulse_id.in_(part),
                ~living.correlate(holds).exists(),
            )
            .values(closed_at=to_ms(at))
        )


# Statements of the hot paths are built once: building one costs more than running it.
_OPEN = (holds.c.connection == bindparam("b_connection"), holds.c.closed_at.is_(None))
_OPEN_EITHER = (
    select(holds.c.id)
    .where(*_OPEN, or_(holds.c.salespulse_id == bindparam("b_salespulse_id"), holds.c.crm_id == bindparam("b_crm_id")))
    .limit(1)
)
_OPEN_FOR = select(holds).where(
    *_OPEN, holds.c.salespulse_id == bindparam("b_salespulse_id"), holds.c.crm_id == bindparam("b_crm_id")
)


def _any_open(tx: Connection, connection: str, salespulse_id: str, crm_id: str) -> bool:
    """Whether anything waits for either half, with whomever else."""
    # A half that is not asked for is NULL, which equals nothing: "" would be any hold without that half.
    halves = {"b_salespulse_id": salespulse_id or None, "b_crm_id": crm_id or None}
    return tx.execute(_OPEN_EITHER, {"b_connection": connection, **halves}).first() is not None


def _about(salespulse_id: str, crm_id: str) -> ColumnElement[bool]:
    """With both ids: the pair, or one half of it alone, but no other pair that shares a half. With one: the record."""
    left, right = holds.c.salespulse_id, holds.c.crm_id
    if salespulse_id and crm_id:
        return or_(
            and_(left == salespulse_id, right.in_((crm_id, ""))),
            and_(left == "", right == crm_id),
        )
    return left == salespulse_id if salespulse_id else right == crm_id


def with_open(tx: Connection, connection: str, who: Iterable[tuple[Side, str]]) -> frozenset[tuple[Side, str]]:
    """Those of these records that anything waits for."""
    ids: dict[Side, list[str]] = {Side.SALESPULSE: [], Side.CRM: []}
    for side, id_ in who:
        ids[side].append(id_)
    found: set[tuple[Side, str]] = set()
    for side, column in ((Side.SALESPULSE, holds.c.salespulse_id), (Side.CRM, holds.c.crm_id)):
        for part in chunks(ids[side]):
            query = select(column.label("id")).where(
                holds.c.connection == connection, holds.c.closed_at.is_(None), column.in_(part)
            )
            found |= {(side, row.id) for row in tx.execute(query)}
    return frozenset(found)


def carry_over(tx: Connection, connection: str, *, salespulse_id: str, crm_id: str, at: datetime) -> None:
    """A record that was held alone has another half now: its field holds become the pair's, its other holds end."""
    if not _any_open(tx, connection, salespulse_id, crm_id):
        return
    own = or_(
        and_(holds.c.salespulse_id == salespulse_id, holds.c.crm_id == ""),
        and_(holds.c.salespulse_id == "", holds.c.crm_id == crm_id),
    )
    query = select(holds).where(holds.c.connection == connection, holds.c.closed_at.is_(None), own)
    for row in tx.execute(query).mappings().all():
        tx.execute(update(holds).where(holds.c.id == row["id"]).values(closed_at=to_ms(at)))
        if row["field"]:
            hold = replace(_stored(row).hold, salespulse_id=salespulse_id, crm_id=crm_id)
            moved = {**row, "id": hold_id(hold), "salespulse_id": salespulse_id, "crm_id": crm_id}
            tx.execute(insert(holds).values(**moved).on_conflict_do_nothing())


def close_one(tx: Connection, hold: Hold, at: datetime) -> None:
    tx.execute(
        update(holds).where(holds.c.id == hold_id(hold), holds.c.closed_at.is_(None)).values(closed_at=to_ms(at))
    )


def open_holds(tx: Connection, connections: Sequence[str] | None = None) -> tuple[StoredHold, ...]:
    """What waits now, oldest first."""
    query = select(holds).where(holds.c.closed_at.is_(None)).order_by(holds.c.since, holds.c.id)
    if connections is not None:
        query = query.where(holds.c.connection.in_(list(connections)))
    return tuple(_stored(row) for row in tx.execute(query).mappings())


def open_for(tx: Connection, connection: str, salespulse_id: str, crm_id: str) -> tuple[Hold, ...]:
    """What waits for exactly this pair."""
    whose = {"b_connection": connection, "b_salespulse_id": salespulse_id, "b_crm_id": crm_id}
    return tuple(_stored(row).hold for row in tx.execute(_OPEN_FOR, whose).mappings())


def get(tx: Connection, id_: str) -> StoredHold | None:
    """The hold whose number begins with ``id_``, open ones first; None when there is none."""
    query = select(holds).where(holds.c.id.startswith(id_, autoescape=True)).order_by(holds.c.closed_at.isnot(None))
    row = tx.execute(query).mappings().first()
    return _stored(row) if row else None


def counts(tx: Connection, connection: str) -> dict[str, int]:
    """reason → number of open holds."""
    rows = tx.execute(
        select(holds.c.reason, func.count().label("n"))
        .where(holds.c.connection == connection, holds.c.closed_at.is_(None))
        .group_by(holds.c.reason)
    )
    return {row.reason: row.n for row in rows}


def _stored(row: RowMapping) -> StoredHold:
    return StoredHold(
        id=row["id"],
        hold=Hold(
            connection=row["connection"],
            reason=HoldReason(row["reason"]),
            message=row["message"],
            field=row["field"],
            salespulse_id=row["salespulse_id"],
            crm_id=row["crm_id"],
            values={Side(side): to_value(value) for side, value in load(row["shown"]).items()},
        ),
        since=from_ms(row["since"]),
        run_id=row["run_id"],
        closed_at=maybe_from_ms(row["closed_at"]),
    )
