"""Merge, plan and guard: every dirty pair becomes decisions, the decisions intents and holds, the totals a go
or a stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from syncd.core.gone import decide_gone
from syncd.core.guard import guard
from syncd.core.mapping import Deletes
from syncd.core.merge import merge
from syncd.core.model import SIDES, Decision, Hold, LinkState, Op, Pair, Side, Totals, Verdict
from syncd.core.plan import bases_after, holds_of, intents, withhold
from syncd.core.scope import in_scope
from syncd.cycle import converting
from syncd.cycle.dating import field_times
from syncd.cycle.world import Spoke, World
from syncd.store import holds, journal, ledger, links, sources

#: Pairs merged in one transaction.
CHUNK = 500
WINDOW = timedelta(hours=24)


def plan_all(world: World, spoke: Spoke) -> None:
    """Merge every dirty pair, a chunk at a time."""
    with world.database.read() as tx:
        total = links.dirty_count(tx, spoke.name)
    after = done = 0
    while True:
        with world.database.read() as tx:
            pairs = links.dirty_pairs(tx, spoke.name, spoke.sources, after=after, limit=CHUNK)
        if not pairs:
            break
        after = pairs[-1][0].link.id
        plan_pairs(world, spoke, [one for one in pairs if one[0].link.id not in spoke.tally.left])
        done += len(pairs)
        world.report.progress(spoke.name, "comparing", min(done, total), total)


def plan_links(world: World, spoke: Spoke, link_ids: Sequence[int]) -> None:
    """Merge these pairs again: what was planned for them is dropped."""
    for start in range(0, len(link_ids), CHUNK):
        part = link_ids[start : start + CHUNK]
        with world.database.write() as tx:
            journal.drop_for_links(tx, spoke.name, part)
        with world.database.read() as tx:
            pairs = links.dirty_pairs(tx, spoke.name, spoke.sources, only=part, limit=CHUNK)
        # What a lost half or the scope asks for waits for the next round, where the brakes judge it.
        plan_pairs(world, spoke, [(pair, digest) for pair, digest in pairs if _ready(spoke, pair)])


def plan_pairs(world: World, spoke: Spoke, pairs: Sequence[tuple[Pair, bytes]]) -> None:
    """Decide these pairs and store intents, bases and holds, in one transaction."""
    decided: dict[int, tuple[Decision, ...]] = {}
    asking: list[Pair] = []
    label = spoke.label(Side.CRM)
    for pair, _digest in pairs:
        if not _ready(spoke, pair):
            continue
        decided[pair.link.id] = merge(spoke.fields, pair, label=label)
        if any(decision.wants_times for decision in decided[pair.link.id]):
            asking.append(pair)
    if asking:
        times = field_times(world, spoke, asking, decided)
        for pair in asking:
            decided[pair.link.id] = merge(spoke.fields, pair, times.get(pair.link.id, {}), label=label)
    with world.database.write() as tx:
        for pair, digest in pairs:
            if pair.link.id in decided:
                _plan_pair(world, tx, spoke, pair, digest, decided[pair.link.id])
            else:
                _plan_unready(world, tx, spoke, pair)


def _ready(spoke: Spoke, pair: Pair) -> bool:
    """Both halves live and in scope, and the link not severed: the pair can be merged."""
    if pair.link.state in {LinkState.SEVERED, LinkState.MOVED} or any(pair.on(side).gone for side in SIDES):
        return False
    return all(in_scope(spoke.fields, side, pair.on(side).record) for side in SIDES)


def _plan_pair(
    world: World, tx: Connection, spoke: Spoke, pair: Pair, digest: bytes, decisions: tuple[Decision, ...]
) -> None:
    link = pair.link
    if link.state is LinkState.FROZEN:
        links.set_state(tx, link.id, LinkState.ACTIVE, reason="", dirty=False)
        pair = replace(pair, link=replace(link, state=LinkState.ACTIVE))
    decisions = withhold(spoke.fields, pair, decisions, holds.open_for(tx, spoke.name, link.salespulse_id, link.crm_id))
    planned = intents(
        spoke.fields,
        spoke.policy,
        pair,
        decisions,
        intent_id=world.new_id(),
        wants_stamp=_unstamped(spoke, pair),
    )
    held = holds_of(spoke.fields, pair, decisions)
    journal.plan(tx, world.run_id, planned)
    spoke.tally.unmapped += sum(
        decision.verdict is Verdict.LEFT and decision.by == "unmapped" for decision in decisions
    )
    replace_holds(
        world,
        tx,
        spoke,
        pair,
        held,
        keep_fields=[d.rule for d in decisions if d.verdict in (Verdict.WRITE, Verdict.UNREAD)],
    )
    bases = {**link.bases, **bases_after(spoke.fields, pair, decisions)}
    settled = None if planned else digest + spoke.mapping_digest
    links.settle(tx, link.id, bases=bases if bases != link.bases else None, settled=settled)


def replace_holds(
    world: World,
    tx: Connection,
    spoke: Spoke,
    pair: Pair,
    held: Sequence[Hold],
    *,
    keep_fields: Sequence[str] = (),
) -> None:
    """Open what a merge holds, end what it no longer holds. Fields about to be written keep theirs until that
    is settled.
    """
    now, link = world.clock.now(), pair.link
    holds.close_for(
        tx,
        spoke.name,
        salespulse_id=link.salespulse_id,
        crm_id=link.crm_id,
        keep=held,
        skip_fields=keep_fields,
        at=now,
    )
    spoke.tally.held += holds.put(tx, held, run_id=world.run_id, at=now)


def _unstamped(spoke: Spoke, pair: Pair) -> dict[Side, bool]:
    """Whether the CRM's id property was read and does not carry the contact's id.

    A token field in SalesPulse only makes creates provable. It is not filled in afterwards, at a request a contact.
    """
    name = spoke.policy.identity.get(Side.CRM)
    if name is None:
        return {}
    shown = pair.crm.record.values
    return {Side.CRM: name in shown and str(shown[name] or "") != pair.link.salespulse_id}


def _plan_unready(world: World, tx: Connection, spoke: Spoke, pair: Pair) -> None:
    """A half is gone, or out of scope, or the link is severed or moved: none of these is merged."""
    link = pair.link
    if link.state is LinkState.MOVED:  # its heir carries on
        links.settle(tx, link.id)
        return
    gone = [side for side in SIDES if pair.on(side).gone]
    if link.state is LinkState.SEVERED:
        if Side.SALESPULSE in gone:
            holds.close_for(tx, spoke.name, salespulse_id=link.salespulse_id, at=world.clock.now())
        if len(gone) == 1:  # clearing the id property may have been cut off by a crash
            unlink = replace(spoke.policy, deletes=Deletes.UNLINK)
            journal.plan(
                tx,
                world.run_id,
                decide_gone(unlink, spoke.fields, pair, gone[0], intent_id=world.new_id()).intents,
            )
        back = not gone and link.reason.startswith("deleted")
        links.set_state(tx, link.id, LinkState.ACTIVE if back else link.state, reason=link.reason, dirty=back)
        return
    if not gone:
        replace_holds(world, tx, spoke, pair, ())
        reason = converting.FROZEN_AS if pair.crm.record.converted else "out of scope"
        links.set_state(tx, link.id, LinkState.FROZEN, reason=reason, dirty=False)
        return
    if len(gone) == len(SIDES):
        replace_holds(world, tx, spoke, pair, ())
        links.set_state(tx, link.id, LinkState.SEVERED, reason="deleted on both sides", dirty=False)
        return
    policy, survivor = spoke.policy, gone[0].other
    if link.state is LinkState.FROZEN or not in_scope(spoke.fields, survivor, pair.on(survivor).record):
        policy = replace(policy, deletes=Deletes.UNLINK)  # what takes no part is not deleted
    removal = decide_gone(policy, spoke.fields, pair, gone[0], intent_id=world.new_id())
    replace_holds(world, tx, spoke, pair, (removal.hold,) if removal.hold else ())
    journal.plan(tx, world.run_id, removal.intents)
    if removal.sever:
        links.set_state(tx, link.id, LinkState.SEVERED, reason=removal.reason, dirty=False)
        spoke.tally.unlinked += 1
    else:
        links.settle(tx, link.id)


def judge(world: World, spoke: Spoke) -> None:
    """Hold the totals of the plan against the brakes. A trip stops the connection before its first write."""
    with world.database.read() as tx:
        counts = journal.counts(tx, spoke.name)
        first = sources.first_sync_at(tx, spoke.name)
        since = world.clock.now() - WINDOW
        # What the first sync did was shown and approved; the brakes are for what comes after it.
        recent = ledger.recent(tx, spoke.name, max(since, first) if first else since)
        touched = journal.changed_pairs(tx, spoke.name, max(since, first) if first else since)
        live = {side: sources.live_count(tx, spoke.sources[side]) for side in SIDES}
        before = {side: sources.get(tx, spoke.sources[side]).live_before for side in SIDES}
        totals = Totals(
            links=links.counts(tx, spoke.name).get(LinkState.ACTIVE.value, 0),
            creates={side: counts.get((side, Op.CREATE), 0) for side in SIDES},
            changes={Side.CRM: touched - recent.changes},  # pairs that were not changed in the window yet
            deletes={side: counts.get((side, Op.REMOVE), 0) for side in SIDES},
            records=live,
            records_before={side: before[side] or 0 for side in SIDES},
            recent_creates=recent.creates,
            recent_changes=recent.changes,
            recent_deletes=recent.deletes,
            first_sync_done=first is not None,
        )
    spoke.tally.brakes = guard(spoke.brakes, totals, spoke.policy)
    for trip in spoke.tally.brakes:
        world.report.note(spoke.name, trip.message)
