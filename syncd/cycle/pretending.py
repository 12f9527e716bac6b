"""A dry run's push: in its private copy of the state, every planned intent is settled as if it had been sent and shown.

So the rounds after it show what follows from it: the id property of a record that is yet to be created, a change that
travels on through SalesPulse to another connection. Looks that are too old are renewed as before a real write. Nothing
is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from syncd.core.model import SIDES, Intent, Op, Outcome, Receipt, Record, Side, Value, Values
from syncd.cycle.catalogs import first_stage
from syncd.cycle.looking import renew
from syncd.cycle.settling import settle_batch
from syncd.cycle.world import Spoke, World
from syncd.store import journal

#: How often a page is taken anew because its looks were too old and showed something else.
RENEWALS = 5
#: What is pretended stands before every look of the run: the side itself still shows what was there before.
AHEAD = timedelta(days=1)
#: How the id of a record begins that is yet to be created.
NEW = "(new, for "


def pretend(world: World, spoke: Spoke) -> None:
    """Settle all that is planned for a connection; keep each intent in the journal as shown."""
    chosen = _chosen(world, spoke)
    while page := _page(world, spoke):
        with world.database.write() as tx:
            journal.keep_shown(tx, page)
            for side in SIDES:
                now = world.clock.now()
                answered = [
                    (intent, _as_if(spoke, intent, chosen.get(side, {}), now)) for intent in page if intent.side is side
                ]
                settle_batch(world, tx, spoke, answered, now + AHEAD)


def _page(world: World, spoke: Spoke) -> tuple[Intent, ...]:
    """The next planned intents, their looks fresh; () when there are none."""
    page = _planned(world, spoke)
    for _ in range(RENEWALS):
        if not page or not _renewed(world, spoke, page):
            break
        page = _planned(world, spoke)
    return page


def _planned(world: World, spoke: Spoke) -> tuple[Intent, ...]:
    with world.database.read() as tx:
        return journal.to_show(tx, spoke.name)


def _renewed(world: World, spoke: Spoke, page: Sequence[Intent]) -> bool:
    """Whether a fresh look changed the plan."""
    for side in SIDES:
        for op in Op:
            batch = [intent for intent in page if intent.side is side and intent.op is op and not _is_new(intent)]
            if batch and renew(world, spoke, side, batch):
                return True
    return False


def _is_new(intent: Intent) -> bool:
    """A record that is yet to be created cannot be looked at."""
    return intent.target.startswith(NEW) or intent.origin.startswith(NEW)


def _chosen(world: World, spoke: Spoke) -> Mapping[Side, Values]:
    """What a side puts into a new record by itself: SalesPulse its pipeline's first stage."""
    stage = first_stage(world, spoke.accounts[Side.SALESPULSE])
    fields = [rule.salespulse for rule in spoke.fields.rules if rule.stage]
    return {Side.SALESPULSE: dict.fromkeys(fields, stage)} if stage else {}


def _as_if(spoke: Spoke, intent: Intent, chosen: Values, now: datetime) -> Receipt:
    """The receipt of a side that does exactly what it is asked."""
    if intent.op is Op.REMOVE:
        return Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=intent.target)
    values: dict[str, Value] = {}
    if intent.op is Op.CREATE:
        values |= dict.fromkeys(spoke.fields.fields(intent.side))
        values |= chosen
    values |= intent.values
    identity = spoke.policy.identity.get(intent.side)
    if identity and intent.stamp is not None:
        values[identity] = intent.stamp
    id_ = intent.target or f"{NEW}{intent.origin})"
    shown = Record(id=id_, values=values, modified_at=now)
    return Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=id_, shown=shown)
