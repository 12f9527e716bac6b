"""The straight line of one pass: pull → observe → match → merge → plan → guard → journal → push → settle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from syncd.core.model import SIDES, LinkState
from syncd.cycle import doubts, opening
from syncd.cycle.arriving import receive
from syncd.cycle.beginning import mark_everything
from syncd.cycle.matching import match_all, tell_waiting
from syncd.cycle.planning import judge, plan_all
from syncd.cycle.pretending import pretend
from syncd.cycle.pulling import pull
from syncd.cycle.pushing import push
from syncd.cycle.world import Account, Spoke, World
from syncd.errors import ConnectionStop, Unreachable
from syncd.store import journal, ledger, links, matching, sources

#: A change may travel through the hub, a create that met an existing record is matched again, a new pair is merged
#: once more.
ROUNDS = 4


def run(world: World, *, full: bool, dry: bool = False) -> None:
    """One pass over every connection of the world. ``dry``: on a private copy of the state; nothing is sent."""
    opening.prepare(world, full=full)
    _skip_unsynced(world, full=full)
    _pull(world, full=full)
    for _ in range(ROUNDS):
        for spoke in _active(world):
            # What another connection's lost answer left in SalesPulse must not pass for a person's late edit.
            for each in _active(world):
                _attempt(world, each, partial(_clear_up, dry=dry))
            if spoke.tally.stop is None:
                _attempt(world, spoke, partial(_round, dry=dry))
        if not any(_unfinished(world, spoke) for spoke in _active(world)):
            break
    _count_unchanged(world)
    for spoke in _active(world):
        tell_waiting(world, spoke)
    if not dry:
        _give_up(world)
        _close(world, full=full)


def _skip_unsynced(world: World, *, full: bool) -> None:
    """A connection's first sync is made by a person, knowingly."""
    for spoke in world.running():
        with world.database.read() as tx:
            done = sources.first_sync_at(tx, spoke.name) is not None
        if not done and not full:
            spoke.tally.first_sync_missing = True
            world.report.note(
                spoke.name,
                "has never been synced; `syncd plan --full` shows the first sync, `syncd run --full` makes it",
            )


def _active(world: World) -> tuple[Spoke, ...]:
    return tuple(spoke for spoke in world.running() if not spoke.tally.first_sync_missing)


def _pull(world: World, *, full: bool) -> None:
    spokes = _active(world)
    accounts: dict[str, Account] = {}
    for spoke in spokes:
        for side in SIDES:
            accounts[spoke.accounts[side].source] = spoke.accounts[side]
    pull(world, accounts.values(), full=full)
    _notice(world, accounts.values())
    if full:
        for spoke in _active(world):
            mark_everything(world, spoke)


def _notice(world: World, accounts: Iterable[Account]) -> None:
    """What the sides left out, said where a person sees it."""
    for account in accounts:
        for text in account.connector.notices():
            world.report.note(account.source, text)


def _attempt(world: World, spoke: Spoke, step: Callable[[World, Spoke], None]) -> None:
    """One step of a connection; what stops it, stops it alone."""
    try:
        step(world, spoke)
    except ConnectionStop as stop:
        spoke.tally.stop = stop
        world.report.note(spoke.name, str(stop))


def _clear_up(world: World, spoke: Spoke, *, dry: bool) -> None:
    if not dry:
        for side in SIDES:
            spoke.accounts[side].connector.recover()
    doubts.resolve(world, spoke)


def _round(world: World, spoke: Spoke, *, dry: bool) -> None:
    receive(world, spoke)
    match_all(world, spoke)
    plan_all(world, spoke)
    judge(world, spoke)
    if spoke.tally.brakes:
        return
    if dry:
        pretend(world, spoke)
    else:
        push(world, spoke)


def _unfinished(world: World, spoke: Spoke) -> bool:
    with world.database.read() as tx:
        return bool(
            links.dirty_count(tx, spoke.name) > len(links.dirty_among(tx, tuple(spoke.tally.left)))
            or matching.count(tx, spoke.name, "due")
            or journal.counts(tx, spoke.name)
            or any(doubt.intent.id not in spoke.tally.postponed for doubt in journal.doubts(tx, spoke.name))
        )


def _count_unchanged(world: World) -> None:
    for spoke in world.spokes:
        with world.database.read() as tx:
            active = links.counts(tx, spoke.name).get(LinkState.ACTIVE.value, 0)
            written = ledger.pairs_written(tx, spoke.name, world.run_id, world.began)
            spoke.tally.unchanged = max(0, active - written - links.dirty_count(tx, spoke.name))


def _give_up(world: World) -> None:
    """Writes that no round got an answer to: that side could not be reached, and the pass is not done."""
    for spoke in _active(world):
        with world.database.read() as tx:
            doubts_ = journal.doubts(tx, spoke.name)
        sent = [doubt.intent.side for doubt in doubts_ if doubt.intent.id not in spoke.tally.postponed]
        if sent:
            labels = " and ".join(sorted({spoke.label(side) for side in sent}))
            spoke.tally.stop = Unreachable(
                f"{labels}: {len(sent)} writes were sent and no answer came, also when they were sent again; "
                "check that the service is up; the next run looks up what became of them before it writes anything"
            )
            world.report.note(spoke.name, str(spoke.tally.stop))


def _close(world: World, *, full: bool) -> None:
    """Remember what the next pass compares with."""
    now = world.clock.now()
    with world.database.write() as tx:
        for spoke in _active(world):
            for side in SIDES:
                source = spoke.sources[side]
                sources.save(tx, source, live_before=sources.live_count(tx, source))
            sources.save_connection(tx, spoke.name, last_success_at=now)
            if full and sources.first_sync_at(tx, spoke.name) is None:
                sources.save_connection(tx, spoke.name, first_sync_at=now)
