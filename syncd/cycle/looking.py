"""Guarded writes: a look that is too old is renewed before it is acted on, by the cheaper of single looks and a
listing.

SalesPulse and HubSpot have no conditional write: a fresh look is what protects an edit that was made since the last
one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from syncd.core.model import Intent, Op, Side
from syncd.cycle.asking import fetch
from syncd.cycle.observing import observe, observe_fetched
from syncd.cycle.planning import plan_links
from syncd.cycle.pulling import relist
from syncd.cycle.world import Account, Spoke, World
from syncd.store import journal, links, matching, observed, sources
from syncd.store.observed import Look


def renew(world: World, spoke: Spoke, side: Side, batch: Sequence[Intent]) -> bool:
    """Look again where the looks behind this batch are too old. Return whether the plan had to be changed: take
    the batch anew.
    """
    return (
        _renew_creates(world, spoke, side, batch)
        if batch[0].op is Op.CREATE
        else _renew_targets(world, spoke, side, batch)
    )


def _renew_targets(world: World, spoke: Spoke, side: Side, batch: Sequence[Intent]) -> bool:
    account = spoke.accounts[side]
    removing = batch[0].op is Op.REMOVE
    # A guarded side compares with what an update replaces when it writes: a look of the pass before it adds nothing.
    ids = () if account.able.guarded and not removing else [intent.target for intent in batch]
    old = _stale(world, account, ids)
    if old and _listing_is_cheaper(world, account, _waiting(world, spoke, side, batch[0].op)):
        relist(world, account)
    elif old:
        _look(world, account, old)
    if removing:
        # The proof is looked at once more right before anything is deleted on its strength: halves come back.
        _look(world, spoke.accounts[side.other], [intent.origin for intent in batch])
    elif not old:
        return False
    with world.database.read() as tx:
        dirty = links.dirty_among(tx, [intent.link_id for intent in batch if intent.link_id is not None])
    plan_links(world, spoke, dirty)
    return bool(dirty)


def _look(world: World, account: Account, ids: Sequence[str]) -> None:
    fetched = fetch(world, account, ids)
    with world.database.write() as tx:
        observe_fetched(world, tx, account.source, fetched)


def _renew_creates(world: World, spoke: Spoke, side: Side, batch: Sequence[Intent]) -> bool:
    """Before a first send the other side is asked for the keys, unless it was listed completely within ``max_age``."""
    account = spoke.accounts[side]
    with world.database.read() as tx:
        listed_at = sources.get(tx, account.source).listed_at
        own = matching.keys_of(tx, spoke.name, [(side.other, intent.origin) for intent in batch])
    fresh = listed_at is not None and world.clock.now() - listed_at <= max(account.max_age, timedelta(seconds=1))
    if fresh and not _may_have_skipped(world, account):
        return False
    wanted: dict[str, list[str]] = {}
    for by_key in own.values():
        for key, values in by_key.items():
            if key != matching.IDENTITY:
                wanted.setdefault(key, []).extend(sorted(values))
    if _pages(world, account) < math.ceil(sum(map(len, wanted.values())) / max(1, account.able.fetch_batch)):
        relist(world, account)
    elif wanted:
        sent_at = world.clock.now()
        found = account.connector.find(wanted)
        with world.database.write() as tx:
            observe(world, tx, account.source, (Look(record=record, looked_at=sent_at) for record in found))
    return _withdraw(world, spoke, side, batch)


def _may_have_skipped(world: World, account: Account) -> bool:
    """Whether somebody who is there may never have been seen: a create would double them.

    Only a side without a feed of changes counts its pages.
    """
    with world.database.read() as tx:
        return not account.able.changes and not sources.get(tx, account.source).confirmed


def _withdraw(world: World, spoke: Spoke, side: Side, batch: Sequence[Intent]) -> bool:
    """Creates for which somebody with the same key has turned up are matched again instead of sent."""
    with world.database.write() as tx:
        due = {id_ for one, id_ in matching.in_state(tx, spoke.name, "due") if one is side}
        if not due:
            return False
        own = matching.keys_of(tx, spoke.name, [(side.other, intent.origin) for intent in batch])
        values = {(key, value) for by_key in own.values() for key, some in by_key.items() for value in some}
        taken = {
            (key, value)
            for one, id_, key, value in matching.bearers(tx, spoke.name, values)
            if one is side and id_ in due
        }
        back = [
            intent
            for intent in batch
            if any((key, value) in taken for key, some in own[side.other, intent.origin].items() for value in some)
        ]
        journal.drop(tx, [intent.id for intent in back])
        matching.mark(tx, spoke.name, ((side.other, intent.origin) for intent in back), "due")
    return bool(back)


def _stale(world: World, account: Account, ids: Sequence[str]) -> tuple[str, ...]:
    """Records whose last look, single or in a listing, is older than ``max_age``."""
    limit = world.clock.now() - account.max_age
    with world.database.read() as tx:
        listed_at = sources.get(tx, account.source).listed_at
        if listed_at is not None and listed_at >= limit:
            return ()
        return observed.stale(tx, account.source, ids, limit)


def _waiting(world: World, spoke: Spoke, side: Side, op: Op) -> int:
    with world.database.read() as tx:
        return journal.counts(tx, spoke.name).get((side, op), 0)


def _pages(world: World, account: Account) -> int:
    with world.database.read() as tx:
        return math.ceil(max(1, sources.live_count(tx, account.source)) / max(1, account.able.page_size))


def _listing_is_cheaper(world: World, account: Account, waiting: int) -> bool:
    """Compare requests: listing everything, against looking singly at what can be written before that look is old.

    A listing counts from its start and takes its own time, so only what is left of ``max_age`` after it is of use.
    """
    able = account.able
    pages = _pages(world, account)
    a_second = min(
        (
            window.allowed / window.rate.seconds
            for pool in account.governor.snapshot().values()
            for window in pool.windows
        ),
        default=1.0,
    )
    left = a_second * account.max_age.total_seconds() - pages
    within = min(waiting, int(left * max(able.batch.values(), default=1)))
    return pages < within / max(1, able.fetch_batch)
