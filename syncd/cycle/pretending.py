"""A dry run's push: in its private copy of the state, every planned intent is settled as if it had been sent and shown.

So the rounds after it show what follows from it: the id property of a record that is yet to be created, a change that
travels on through SalesPulse to another connection. Nothing is sent.
"""

from __future__ import annotations

from syncd.core.model import SIDES, Intent, Op, Outcome, Receipt, Record, Value
from syncd.cycle.settling import settle_batch
from syncd.cycle.world import Spoke, World
from syncd.store import journal


def pretend(world: World, spoke: Spoke) -> None:
    """Settle all that is planned for a connection; keep each intent in the journal as shown."""
    while True:
        with world.database.write() as tx:
            page = journal.to_show(tx, spoke.name)
            if not page:
                return
            journal.keep_shown(tx, page)
            for side in SIDES:
                answered = [(intent, _as_if(spoke, intent)) for intent in page if intent.side is side]
                settle_batch(world, tx, spoke, answered, world.clock.now())


def _as_if(spoke: Spoke, intent: Intent) -> Receipt:
    """The receipt of a side that does exactly what it is asked."""
    if intent.op is Op.REMOVE:
        return Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=intent.target)
    values: dict[str, Value] = {}
    if intent.op is Op.CREATE:
        values |= dict.fromkeys(spoke.fields.fields(intent.side))
    values |= intent.values
    identity = spoke.policy.identity.get(intent.side)
    if identity and intent.stamp is not None:
        values[identity] = intent.stamp
    id_ = intent.target or f"(new, for {intent.origin})"
    return Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=id_, shown=Record(id=id_, values=values))
