"""Journal and push: planned intents go out in batches; threads only send, the pass's own thread journals and
settles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

from connectors.port import Connector
from syncd.clock import Clock
from syncd.core.model import SIDES, Intent, Op, Outcome, Receipt, Side
from syncd.cycle.landing import land
from syncd.cycle.looking import renew
from syncd.cycle.world import Spoke, World
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop
from syncd.store import journal

#: Creates first (they are what a crash can double, so they are short-lived), removals last.
ORDER = (Op.CREATE, Op.UPDATE, Op.STAMP, Op.REMOVE)
#: The receipts of a batch, and when they had come.
Answer = tuple[tuple[Receipt, ...], datetime]
#: How often one batch is taken anew because its looks were too old and showed something else.
RENEWALS = 5


@dataclass(slots=True)
class _Lane:
    """What goes out to one side."""

    side: Side
    halves: deque[tuple[Intent, ...]] = field(default_factory=deque)  #: of refused batches, journalled as sent already
    flying: int = 0
    most: int = 1  #: batches under way at once: the first goes alone, since its answer may show how to send the others
    waves: set[Op] = field(default_factory=set)  #: operations of which so many waited that all of them go in waves


def push(world: World, spoke: Spoke) -> None:
    """Send everything that is planned for a connection and settle each answer as it comes."""
    with world.database.read() as tx:
        total = sum(journal.counts(tx, spoke.name).values())
    if not total:
        return
    done = 0
    lanes = {side: _Lane(side) for side in SIDES}
    flying: dict[Future[Answer], tuple[_Lane, tuple[Intent, ...]]] = {}
    with ThreadPoolExecutor(max_workers=world.workers * len(SIDES), thread_name_prefix="push") as pool:
        while True:
            for lane in lanes.values():
                while spoke.tally.stop is None and lane.flying < lane.most:
                    batch = _next(world, spoke, lane)
                    if not batch:
                        break
                    connector = spoke.accounts[lane.side].connector
                    if _is_wave(connector, batch):
                        lane.most = 1  # nothing beside it, until its answer is there
                    lane.flying += 1
                    flying[pool.submit(_timed, world.clock, connector, batch)] = (lane, batch)
            if not flying:
                break
            finished, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in finished:
                lane, batch = flying.pop(future)
                lane.flying -= 1
                lane.most = world.workers
                done += _received(world, spoke, lane, batch, future)
                world.report.progress(spoke.name, "writing", min(done, total), total)


def _timed(clock: Clock, connector: Connector, batch: Sequence[Intent]) -> Answer:
    receipts = _send(connector, batch)
    return receipts, clock.now()


def _send(connector: Connector, batch: Sequence[Intent]) -> tuple[Receipt, ...]:
    match batch[0].op:
        case Op.CREATE:
            return connector.create(batch)
        case Op.UPDATE | Op.STAMP:
            return connector.update(batch)
        case Op.REMOVE:
            return connector.remove(batch)


def _next(world: World, spoke: Spoke, lane: _Lane) -> tuple[Intent, ...]:
    """The next batch for a side, its looks fresh and journalled as sent; () when there is none."""
    if lane.halves:
        return lane.halves.popleft()
    try:
        batch = _planned(world, spoke, lane)
        for _ in range(RENEWALS):
            if not batch or not renew(world, spoke, lane.side, batch):
                break
            batch = _planned(world, spoke, lane)
    except ConnectionStop as stop:
        spoke.tally.stop = stop
        world.report.note(spoke.name, str(stop))
        return ()
    if batch:
        with world.database.write() as tx:
            journal.mark_sent(tx, [intent.id for intent in batch], world.clock.now())
    return batch


def _planned(world: World, spoke: Spoke, lane: _Lane) -> tuple[Intent, ...]:
    # Asked each time: SalesPulse takes larger batches once it has shown that a create takes the stage along.
    side = lane.side
    able = spoke.accounts[side].connector.capabilities()
    with world.database.read() as tx:
        for op in ORDER:
            size, wave = able.batch.get(op, 1), able.waves.get(op)
            if wave is not None:
                if op not in lane.waves and journal.counts(tx, spoke.name).get((side, op), 0) > wave.above:
                    lane.waves.add(op)
                size = wave.batch if op in lane.waves else size
            batch = journal.planned(tx, spoke.name, side, op, size)
            if batch:
                return batch
    return ()


def _is_wave(connector: Connector, batch: Sequence[Intent]) -> bool:
    return len(batch) > connector.capabilities().batch.get(batch[0].op, 1)


def _received(world: World, spoke: Spoke, lane: _Lane, batch: tuple[Intent, ...], future: Future[Answer]) -> int:
    """Settle one answer; return how many intents it ended."""
    try:
        receipts, at = future.result()
    except BatchRefused as refusal:
        if len(batch) > 1:
            middle = len(batch) // 2
            lane.halves.extend((batch[:middle], batch[middle:]))
            return 0
        receipts = (Receipt(intent_id=batch[0].id, outcome=Outcome.REFUSED, message=str(refusal)),)
        at = world.clock.now()
    except AnswerLost as lost:
        spoke.tally.lost_at = world.clock.now()
        world.report.note(spoke.name, f"{lost}; {len(batch)} writes are in doubt and will be looked up")
        return 0
    except ConnectionStop as stop:
        # The batch stays journalled as sent: the next pass looks whether any of it was applied.
        spoke.tally.lost_at = world.clock.now()
        spoke.tally.stop = stop
        world.report.note(spoke.name, str(stop))
        return 0
    if any(receipt.outcome is Outcome.UNKNOWN for receipt in receipts):
        spoke.tally.lost_at = world.clock.now()
    try:
        land(world, spoke, lane.side, batch, receipts, at)
    except ConnectionStop as stop:
        spoke.tally.stop = stop
        world.report.note(spoke.name, str(stop))
    return len(batch)
