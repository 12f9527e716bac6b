"""Looks go into the state here, whoever took them: the observation, the match keys, and the marks on what
depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from connectors.port import Fetched
from syncd.core.match import keys_of
from syncd.core.model import Gone, Hold, HoldReason, Link, LinkState, Record, Side
from syncd.cycle import converting
from syncd.cycle.world import HUB, Spoke, World
from syncd.store import holds, links, matching, observed, sources
from syncd.store.observed import Look


def observe(world: World, tx: Connection, source: str, looks: Iterable[Look]) -> int:
    """Store looks; mark every pair and every unmatched record that they concern. Return how many showed
    something new.
    """
    noticed = observed.observe(tx, source, looks, listed_at=sources.get(tx, source).listed_at)
    touched = [*noticed.new, *noticed.changed]
    if not touched:
        return 0
    if source == HUB:
        _mark_absent(world, tx, touched)
    for spoke, side in world.users(source):
        _free_neighbours(tx, spoke, side, noticed.changed)
        matching.save_keys(tx, spoke.name, side, {id_: all_keys(spoke, side, noticed.records[id_]) for id_ in touched})
        if side is Side.CRM:
            for id_ in touched:
                if noticed.records[id_].merged_ids:
                    _follow_merge(world, tx, spoke, noticed.records[id_])
            _follow_conversions(world, tx, spoke, [noticed.records[id_] for id_ in touched])
        links.mark_dirty(tx, spoke.name, side, touched)  # a converted record's heir is linked before it is seen
        with_link = links.living(tx, spoke.name, side, touched)
        waiting = matching.states(tx, spoke.name, side, touched)
        loose = [id_ for id_ in touched if id_ not in with_link and waiting.get(id_) != "planned"]
        matching.mark(tx, spoke.name, ((side, id_) for id_ in loose), "due")
    return len(touched)


def observe_fetched(
    world: World, tx: Connection, source: str, fetched: Fetched, *, own: frozenset[str] = frozenset()
) -> None:
    """Store the answer to a fetch by ids: looks, merges, proven deletions. ``own``: records that syncd has just
    written.
    """
    looks = {
        record.id: Look(record=record, looked_at=fetched.looked_at, own=record.id in own)
        for record in fetched.records.values()
    }
    moved = {asked: record for asked, record in fetched.records.items() if record.id != asked}
    observe(world, tx, source, looks.values())
    for asked, record in moved.items():
        observed.mark_moved(tx, source, asked, record.id, fetched.looked_at)
        for spoke, side in world.users(source):
            _move(world, tx, spoke, side, (asked,), record)
    same = [asked for asked in fetched.records if asked not in moved]
    observed.looked_again(tx, source, same, fetched.looked_at)
    observe_gone(world, tx, source, fetched.gone, fetched.looked_at)


def observe_gone(world: World, tx: Connection, source: str, gone: Mapping[str, Gone], at: datetime) -> None:
    """Store proven deletions and mark the pairs that they concern."""
    lost = observed.mark_gone(tx, source, tuple(gone.values()), at)
    if source == HUB and lost:
        _mark_absent(world, tx, lost)
        holds.close_elsewhere(tx, [spoke.name for spoke in world.spokes], lost, at=at)
    for spoke, side in world.users(source):
        links.mark_dirty(tx, spoke.name, side, lost)
        _free_neighbours(tx, spoke, side, lost)
        matching.unmark(tx, spoke.name, ((side, id_) for id_ in lost))
        matching.save_keys(tx, spoke.name, side, {id_: {} for id_ in lost})
        with_link = links.living(tx, spoke.name, side, lost)
        for id_ in lost:
            if id_ not in with_link:  # what waited for it alone is over
                salespulse_id, crm_id = (id_, "") if side is Side.SALESPULSE else ("", id_)
                holds.close_for(tx, spoke.name, salespulse_id=salespulse_id, crm_id=crm_id, at=at)


def _free_neighbours(tx: Connection, spoke: Spoke, side: Side, ids: Sequence[str]) -> None:
    """Whoever was held over keys that these records bore until now is judged again. Call it before the keys change."""
    if not ids or not matching.count(tx, spoke.name, "held"):
        return
    borne = matching.keys_of(tx, spoke.name, [(side, id_) for id_ in ids])
    values = {(key, value) for by_key in borne.values() for key, some in by_key.items() for value in some}
    neighbours = {(one, id_) for one, id_, _key, _value in matching.bearers(tx, spoke.name, values)}
    held = {one: matching.states(tx, spoke.name, one, [id_ for of, id_ in neighbours if of is one]) for one in Side}
    freed = [(one, id_) for one, states in held.items() for id_, state in states.items() if state == "held"]
    matching.mark(tx, spoke.name, freed, "due")


def _mark_absent(world: World, tx: Connection, ids: Sequence[str]) -> None:
    """SalesPulse is observed once for all connections: those that are not in this run must not miss the change."""
    present = [spoke.name for spoke in world.spokes]
    links.mark_dirty_elsewhere(tx, present, ids)
    sources.forget_keys(tx, present)


def all_keys(spoke: Spoke, side: Side, record: Record) -> dict[str, frozenset[str]]:
    """The record's match keys, and under IDENTITY the other half's id where the side carries it."""
    keys = dict(keys_of(spoke.fields, side, record))
    name = spoke.policy.identity.get(side)
    if name and (value := record.values.get(name)):
        keys[matching.IDENTITY] = frozenset({str(value)})
    return keys


def _follow_conversions(world: World, tx: Connection, spoke: Spoke, records: Iterable[Record]) -> None:
    found = {record.id: record.converted for record in records if record.converted is not None}
    if found:
        converting.follow(world, tx, spoke, found)


def _follow_merge(world: World, tx: Connection, spoke: Spoke, survivor: Record) -> None:
    """A record says which others it has absorbed: merges come before matching, creates and deletes."""
    source = spoke.sources[Side.CRM]
    for old_id in survivor.merged_ids:
        if old_id != survivor.id:
            observed.mark_moved(tx, source, old_id, survivor.id, world.clock.now())
    _move(world, tx, spoke, Side.CRM, survivor.merged_ids, survivor)


def _move(world: World, tx: Connection, spoke: Spoke, side: Side, old_ids: Iterable[str], survivor: Record) -> None:
    """Links of absorbed records go to the survivor and keep their bases; of two, one moves and the other is held."""
    absorbed = [id_ for id_ in old_ids if id_ != survivor.id]
    _free_neighbours(tx, spoke, side, absorbed)
    matching.unmark(tx, spoke.name, ((side, id_) for id_ in absorbed))
    matching.save_keys(tx, spoke.name, side, {id_: {} for id_ in absorbed})
    name = spoke.policy.identity.get(side)
    winner_id = str(survivor.values.get(name) or "") if name else ""

    def rank(link: Link) -> tuple[bool, int]:
        return link.on(side.other) != winner_id, link.id

    moving = sorted(links.living(tx, spoke.name, side, absorbed).values(), key=rank)
    present = links.living(tx, spoke.name, side, [survivor.id]).get(survivor.id)
    for link in moving:
        if present is None:
            links.move(tx, link.id, side, survivor.id)
            matching.unmark(tx, spoke.name, [(side, survivor.id)])
            present = link
            continue
        reason = f"its record was merged into {survivor.id}, which is linked to {present.on(side.other)}"
        links.set_state(tx, link.id, LinkState.SEVERED, reason=reason, dirty=False)
        holds.close_for(tx, spoke.name, salespulse_id=link.salespulse_id, crm_id=link.crm_id, at=world.clock.now())
        hold = Hold(
            connection=spoke.name,
            reason=HoldReason.TWO_CONTACTS,
            salespulse_id=link.salespulse_id,
            crm_id=survivor.id,
            message=(
                f"two contacts, one record: {link.salespulse_id} and {present.salespulse_id} were both linked to "
                f"records that {spoke.policy.label} merged into {survivor.id}; make one contact of the two in "
                "SalesPulse, or delete the one that is not wanted"
            ),
        )
        spoke.tally.held += holds.put(tx, [hold], run_id=world.run_id, at=world.clock.now())
