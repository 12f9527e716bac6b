"""The journal of intents: planned, then sent, then settled and gone from here into the ledger.

After a crash only *sent* intents are in doubt; *planned* ones are dropped and derived again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, union, update

from syncd.core.model import Intent, Op, Side
from syncd.store.codec import dump_intent, from_ms, load_intent, to_ms
from syncd.store.ledger import arrived_since
from syncd.store.observed import chunks
from syncd.store.tables import intents, ledger, links, unmatched

PLANNED, SENT, UNCERTAIN, SHOWN = "planned", "sent", "uncertain", "shown"

# Statements of the hot paths are built once: building one costs more than running it.
_DROP = delete(intents).where(intents.c.id.in_(bindparam("b_ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An intent that was sent and has no receipt."""

    intent: Intent
    sent_at: datetime  #: when it was journalled as sent: its request went out then or later
    run_id: int | None = None  #: the run that sent it


def plan(tx: Connection, run_id: int | None, some: Iterable[Intent], *, state: str = PLANNED) -> None:
    """Store intents as planned, in this order."""
    rows = [
        {
            "id": intent.id,
            "run_id": run_id,
            "connection": intent.connection,
            "side": intent.side.value,
            "op": intent.op.value,
            "link_id": intent.link_id,
            "salespulse_id": intent.salespulse_id,
            "crm_id": intent.crm_id,
            "body": dump_intent(intent),
            "state": state,
        }
        for intent in some
    ]
    if rows:
        tx.execute(insert(intents), rows)


def planned(tx: Connection, connection: str, side: Side, op: Op, limit: int) -> tuple[Intent, ...]:
    """The next planned intents of one kind, oldest first."""
    rows = tx.execute(
        select(intents)
        .where(
            intents.c.connection == connection,
            intents.c.state == PLANNED,
            intents.c.side == side.value,
            intents.c.op == op.value,
        )
        .order_by(intents.c.seq)
        .limit(limit)
    )
    return tuple(load_intent(row) for row in rows)


def to_show(tx: Connection, connection: str, limit: int = 500) -> tuple[Intent, ...]:
    """The next planned intents of a dry run, in their order."""
    query = select(intents).where(intents.c.connection == connection, intents.c.state == PLANNED)
    return tuple(load_intent(row) for row in tx.execute(query.order_by(intents.c.seq).limit(limit)))


def keep_shown(tx: Connection, some: Iterable[Intent]) -> None:
    """A dry run keeps what it pretends to have sent, for its plan."""
    plan(tx, None, [replace(intent, id=f"{intent.id}-shown") for intent in some], state=SHOWN)


def all_lines(tx: Connection, connection: str, *, after: int = 0, limit: int = 500) -> tuple[tuple[int, Intent], ...]:
    """The lines of a dry run's plan in their order, a page at a time: (position, intent)."""
    rows = tx.execute(
        select(intents)
        .where(intents.c.connection == connection, intents.c.state.in_((PLANNED, SHOWN)), intents.c.seq > after)
        .order_by(intents.c.seq)
        .limit(limit)
    )
    return tuple((row.seq, load_intent(row)) for row in rows)


def counts(tx: Connection, connection: str, state: str = PLANNED) -> dict[tuple[Side, Op], int]:
    rows = tx.execute(
        select(intents.c.side, intents.c.op, func.count().label("n"))
        .where(intents.c.connection == connection, intents.c.state == state)
        .group_by(intents.c.side, intents.c.op)
    )
    return {(Side(row.side), Op(row.op)): row.n for row in rows}


def changed_pairs(tx: Connection, connection: str, since: datetime) -> int:
    """How many pairs have a planned update, or one in the ledger since that moment; each counts once.

    Those that a conversion brought since then are left out, as ``ledger.recent`` leaves them out.
    """
    planned_ones = select(intents.c.link_id).where(
        intents.c.connection == connection,
        intents.c.state == PLANNED,
        intents.c.op == Op.UPDATE.value,
        ~arrived_since(intents.c.link_id, since),
    )
    done = select(ledger.c.link_id).where(
        ledger.c.connection == connection,
        ledger.c.at >= to_ms(since),
        ledger.c.op == Op.UPDATE.value,
        ~arrived_since(ledger.c.link_id, since),
    )
    return int(tx.execute(select(func.count()).select_from(union(planned_ones, done).subquery())).scalar_one())


def mark_sent(tx: Connection, ids: Sequence[str], at: datetime) -> None:
    """These go out right after this transaction is on disk."""
    for part in chunks(ids):
        tx.execute(update(intents).where(intents.c.id.in_(part)).values(state=SENT, sent_at=to_ms(at)))


def mark_uncertain(tx: Connection, ids: Sequence[str]) -> None:
    """Whether these were applied cannot be found out: a person decides, and nobody sends them again."""
    for part in chunks(ids):
        tx.execute(update(intents).where(intents.c.id.in_(part)).values(state=UNCERTAIN))


def put_back(tx: Connection, ids: Sequence[str]) -> None:
    """Nothing of these was applied, for certain: they wait again."""
    for part in chunks(ids):
        tx.execute(update(intents).where(intents.c.id.in_(part)).values(state=PLANNED, sent_at=None))


def drop(tx: Connection, ids: Sequence[str]) -> None:
    """Settled, or to be derived again."""
    for part in chunks(ids):
        tx.execute(_DROP, {"b_ids": list(part)})


def drop_for_links(tx: Connection, connection: str, link_ids: Sequence[int]) -> None:
    """Planned intents of pairs that are to be merged again."""
    if link_ids:
        tx.execute(
            delete(intents).where(
                intents.c.connection == connection,
                intents.c.state == PLANNED,
                intents.c.link_id.in_(list(link_ids)),
            )
        )


def drop_planned(tx: Connection, connection: str) -> None:
    """Drop what was planned and never sent; its pairs are to be merged, its records to be matched again."""
    waiting = (intents.c.connection == connection, intents.c.state == PLANNED)
    tx.execute(update(links).where(links.c.id.in_(select(intents.c.link_id).where(*waiting))).values(dirty=True))
    for side in Side:
        origin = intents.c.crm_id if side is Side.SALESPULSE else intents.c.salespulse_id
        creates = select(origin).where(*waiting, intents.c.op == Op.CREATE.value, intents.c.side == side.value)
        tx.execute(
            update(unmatched)
            .where(
                unmatched.c.connection == connection,
                unmatched.c.side == side.other.value,
                unmatched.c.id.in_(creates),
            )
            .values(state="due")
        )
    tx.execute(delete(intents).where(*waiting))


def doubts(tx: Connection, connection: str | None = None) -> tuple[Doubt, ...]:
    """Sent and without a receipt, oldest first; of all connections if None."""
    return _sent_in(tx, SENT, connection)


def uncertain(tx: Connection, connection: str | None = None) -> tuple[Doubt, ...]:
    """Sent, and looked for without proof: a person was asked."""
    return _sent_in(tx, UNCERTAIN, connection)


def _sent_in(tx: Connection, state: str, connection: str | None) -> tuple[Doubt, ...]:
    query = select(intents).where(intents.c.state == state).order_by(intents.c.seq)
    if connection is not None:
        query = query.where(intents.c.connection == connection)
    return tuple(
        Doubt(intent=load_intent(row), sent_at=from_ms(row.sent_at), run_id=row.run_id) for row in tx.execute(query)
    )


def unfinished(tx: Connection, link_ids: Sequence[int], *, but: Sequence[str]) -> set[int]:
    """Those of these pairs that have another intent that is not settled."""
    if not link_ids:
        return set()
    query = select(intents.c.link_id, intents.c.id).where(
        intents.c.link_id.in_(list(link_ids)), intents.c.state.in_((PLANNED, SENT, UNCERTAIN))
    )
    own = frozenset(but)
    return {row.link_id for row in tx.execute(query) if row.id not in own}


def sent_since(tx: Connection, op: Op, side: Side, since: datetime) -> tuple[datetime, ...]:
    """When batches of this kind went out lately, as far as the journal still knows."""
    rows = tx.execute(
        select(intents.c.sent_at)
        .where(intents.c.op == op.value, intents.c.side == side.value, intents.c.sent_at >= to_ms(since))
        .distinct()
    )
    return tuple(from_ms(row.sent_at) for row in rows)
