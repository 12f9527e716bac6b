"""The ledger: every value that syncd replaced, created or removed, with the rule that did it and the value it
replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, exists, func, insert, select

from syncd.core.model import LedgerLine, Op
from syncd.store.codec import dump, to_ms
from syncd.store.links import BY_CONVERSION
from syncd.store.tables import ledger, links


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What a connection did since some moment, for the brakes."""

    creates: int
    changes: int  #: pairs with an update, but those that a conversion brought since then
    deletes: int


def write(tx: Connection, run_id: int, at: datetime, lines: Iterable[LedgerLine]) -> None:
    rows = [
        {
            "run_id": run_id,
            "at": to_ms(at),
            "connection": line.connection,
            "side": line.side.value,
            "op": line.op.value,
            "link_id": line.link_id,
            "salespulse_id": line.salespulse_id,
            "crm_id": line.crm_id,
            "field": line.field,
            "rule": line.rule,
            "before": dump(line.before),
            "after": dump(line.after),
            "by": line.by,
            "reason": line.reason,
            "lost": line.lost,
        }
        for line in lines
    ]
    if rows:
        tx.execute(insert(ledger), rows)


def pairs_written(tx: Connection, connection: str, run_id: int, since: datetime) -> int:
    """How many pairs a run wrote values of, which began at ``since``."""
    where = (ledger.c.connection == connection, ledger.c.at >= to_ms(since), ledger.c.run_id == run_id)
    return int(tx.execute(select(func.count(func.distinct(ledger.c.link_id))).where(*where)).scalar_one())


def arrived_since(link_id: Column[int], since: datetime) -> ColumnElement[bool]:
    """Whether a conversion brought the link after that moment: a person began what its first merge writes."""
    return exists().where(links.c.id == link_id, links.c.matched_by == BY_CONVERSION, links.c.linked_at >= to_ms(since))


def recent(tx: Connection, connection: str, since: datetime) -> Recent:
    """Given the start of the window, return what the ledger shows for it."""
    where = (ledger.c.connection == connection, ledger.c.at >= to_ms(since))

    def count(op: Op, what: object, *but: ColumnElement[bool]) -> int:
        return int(tx.execute(select(what).where(*where, ledger.c.op == op.value, *but)).scalar_one())  # type: ignore[call-overload] # a column expression

    # A record has a line for itself and one for each of its fields.
    pairs = func.count(func.distinct(ledger.c.salespulse_id + "|" + ledger.c.crm_id))
    creates = count(Op.CREATE, pairs)
    changes = count(Op.UPDATE, func.count(func.distinct(ledger.c.link_id)), ~arrived_since(ledger.c.link_id, since))
    deletes = count(Op.REMOVE, pairs)
    return Recent(creates=creates, changes=changes, deletes=deletes)
