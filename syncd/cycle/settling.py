"""Settle: what a side shows after a write becomes links, bases, holds and ledger lines, in one transaction a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import (
    SIDES,
    Gone,
    Intent,
    LinkState,
    Op,
    Outcome,
    Receipt,
    Record,
    Settled,
    Side,
)
from syncd.core.settle import settle
from syncd.cycle.asking import fetch
from syncd.cycle.observing import observe, observe_fetched, observe_gone
from syncd.cycle.world import Spoke, World
from syncd.store import holds, journal, ledger, links, matching, observed
from syncd.store.observed import Look


def land(
    world: World, spoke: Spoke, side: Side, batch: Sequence[Intent], receipts: Sequence[Receipt], at: datetime
) -> None:
    """Given the receipts of a batch and when they came, look where they show too little and store what they mean."""
    by_id = {receipt.intent_id: receipt for receipt in receipts}
    answered = [(intent, by_id[intent.id]) for intent in batch if intent.id in by_id]
    answered = _complete(world, spoke, side, answered)
    with world.database.write() as tx:
        for intent, receipt in answered:
            land_one(world, tx, spoke, intent, receipt, at)


def _complete(
    world: World, spoke: Spoke, side: Side, answered: list[tuple[Intent, Receipt]]
) -> list[tuple[Intent, Receipt]]:
    """Believe only what the side shows: fields that an answer did not show, and records that it says are other
    than expected, are read.
    """
    asked = []
    for intent, receipt in answered:
        shown = receipt.shown.values if receipt.shown else {}
        missing = [c for c in intent.changes if c.field not in shown and c.field not in receipt.refused_fields]
        if receipt.outcome is Outcome.APPLIED and intent.op in (Op.CREATE, Op.UPDATE) and missing:
            asked.append(receipt.id or intent.target)
        elif receipt.outcome in (Outcome.STALE, Outcome.GONE):
            asked.append(intent.target)
        elif receipt.outcome is Outcome.REFUSED and receipt.existing_id:
            asked.append(receipt.existing_id)
    asked = list(dict.fromkeys(asked))
    if not asked:
        return answered
    account = spoke.accounts[side]
    fetched = fetch(world, account, asked)
    with world.database.write() as tx:
        observe_fetched(world, tx, account.source, fetched)
    return [(intent, _with_look(intent, receipt, fetched.records)) for intent, receipt in answered]


def _with_look(intent: Intent, receipt: Receipt, records: Mapping[str, Record]) -> Receipt:
    found = records.get(receipt.id or intent.target)
    if receipt.outcome is not Outcome.APPLIED or found is None:
        return receipt
    shown = receipt.shown
    values = {**found.values, **(shown.values if shown else {})}
    return replace(receipt, shown=replace(found, values=values))


def land_one(world: World, tx: Connection, spoke: Spoke, intent: Intent, receipt: Receipt, at: datetime) -> None:
    """Store what one receipt means. ``at``: when its answer had come; looks that were sent before it are older."""
    match receipt.outcome:
        case Outcome.UNKNOWN:
            return  # stays journalled as sent: looked up later
        case Outcome.APPLIED:
            if intent.op is Op.CREATE:
                _created(world, tx, spoke, intent, receipt, at)
            elif intent.op is Op.REMOVE:
                _removed(world, tx, spoke, intent, receipt, at)
            else:
                _updated(world, tx, spoke, intent, receipt, at)
        case Outcome.REFUSED:
            _refused(world, tx, spoke, intent, receipt)
        case Outcome.STALE | Outcome.GONE | Outcome.FAILED:
            spoke.tally.failed += receipt.outcome is Outcome.FAILED
            derive_again(tx, spoke, intent)
    journal.drop(tx, [intent.id])


def derive_again(tx: Connection, spoke: Spoke, intent: Intent) -> None:
    """Nothing of this intent holds: its pair is merged again, its record matched again."""
    if intent.link_id is not None:
        links.set_dirty(tx, [intent.link_id])
    elif intent.op is Op.CREATE:
        matching.mark(tx, spoke.name, [(intent.side.other, intent.origin)], "due")


def _created(world: World, tx: Connection, spoke: Spoke, intent: Intent, receipt: Receipt, at: datetime) -> None:
    now = world.clock.now()
    ids = {intent.side: receipt.id, intent.side.other: intent.origin}
    shown = replace(receipt.shown or Record(id=receipt.id, values={}), id=receipt.id)
    observe(world, tx, spoke.sources[intent.side], [Look(record=shown, looked_at=at, whole=False)])
    if links.living(tx, spoke.name, intent.side, [receipt.id]):
        # An upsert met a record that has another half already: whose it is, a person has to say.
        _refused(world, tx, spoke, intent, replace(receipt, outcome=Outcome.REFUSED, existing_id=receipt.id))
        return
    link_id = links.add(
        tx,
        spoke.name,
        ids[Side.SALESPULSE],
        ids[Side.CRM],
        matched_by="create" if receipt.created else "id property",
        run_id=world.run_id,
        at=now,
    )
    matching.unmark(tx, spoke.name, ids.items())
    settled = _settle(tx, spoke, replace(intent, link_id=link_id), receipt)
    # Merged once more in the next round: what the origin showed may have changed while the create was under way.
    links.settle(tx, link_id, bases=settled.bases, dirty=True)
    holds.carry_over(tx, spoke.name, salespulse_id=ids[Side.SALESPULSE], crm_id=ids[Side.CRM], at=now)
    ledger.write(tx, world.run_id, now, settled.ledger)
    spoke.tally.held += holds.put(tx, settled.holds, run_id=world.run_id, at=now)
    if receipt.created:
        spoke.tally.created[intent.side] += 1
    else:
        spoke.tally.linked += 1


def _updated(world: World, tx: Connection, spoke: Spoke, intent: Intent, receipt: Receipt, at: datetime) -> None:
    now = world.clock.now()
    if intent.link_id is None:
        return
    dirtied = bool(links.dirty_among(tx, [intent.link_id]))
    if receipt.shown is not None:
        dirtied |= _shows_an_edit(tx, spoke, intent, receipt.shown)
        observe(world, tx, spoke.sources[intent.side], [Look(record=receipt.shown, looked_at=at, whole=False)])
    settled = _settle(tx, spoke, intent, receipt)
    link = links.get(tx, intent.link_id)
    if link is None:
        return
    again = dirtied or settled.again or journal.has_planned(tx, link.id, but=intent.id)
    bases = {**link.bases, **settled.bases}
    digests = None if again or link.state is not LinkState.ACTIVE else _settled_digest(tx, spoke, intent)
    links.settle(tx, link.id, bases=bases, settled=digests, dirty=dirtied or settled.again)
    held_fields = {hold.field for hold in settled.holds}
    done = [change.rule for change in intent.changes if change.rule not in held_fields]
    holds.close_for(tx, spoke.name, salespulse_id=intent.salespulse_id, crm_id=intent.crm_id, fields=done, at=now)
    spoke.tally.held += holds.put(tx, settled.holds, run_id=world.run_id, at=now)
    ledger.write(tx, world.run_id, now, settled.ledger)
    counter = spoke.tally.stamped if intent.op is Op.STAMP else spoke.tally.updated
    counter[intent.side] += 1


def _shows_an_edit(tx: Connection, spoke: Spoke, intent: Intent, shown: Record) -> bool:
    """Whether the answer to our write shows a new value in a field that we did not write: somebody typed it."""
    written = {change.field for change in intent.changes} | {spoke.policy.identity.get(intent.side, "")}
    mapped = {rule.on(intent.side) for rule in spoke.fields.rules} - written
    before = observed.get_many(tx, spoke.sources[intent.side], [intent.target]).get(intent.target)
    known = before.record.values if before else {}
    return any(name in shown.values and shown.values[name] != known.get(name) for name in mapped)


def _settle(tx: Connection, spoke: Spoke, intent: Intent, receipt: Receipt) -> Settled:
    source = spoke.sources[intent.side.other]
    origin = observed.get_many(tx, source, [intent.origin])[intent.origin]
    return settle(spoke.fields, intent, receipt, origin, spoke.label(intent.side))


def _removed(world: World, tx: Connection, spoke: Spoke, intent: Intent, receipt: Receipt, at: datetime) -> None:
    now = world.clock.now()
    gone = Gone(id=intent.target, proof="archived" if intent.archive else "404")
    observe_gone(world, tx, spoke.sources[intent.side], {gone.id: gone}, at)
    settled = _settle(tx, spoke, intent, receipt)
    if intent.link_id is not None:
        links.set_state(tx, intent.link_id, LinkState.SEVERED, reason=intent.reason, dirty=False)
    ledger.write(tx, world.run_id, now, settled.ledger)
    spoke.tally.deleted[intent.side] += 1


def _refused(world: World, tx: Connection, spoke: Spoke, intent: Intent, receipt: Receipt) -> None:
    """The record is held, the rest goes on. A create that met an existing record is matched once more before it
    is held.
    """
    who = (intent.side.other, intent.origin)
    if intent.op is Op.CREATE:
        existing = receipt.existing_id
        known = existing and existing in observed.get_many(tx, spoke.sources[intent.side], [existing])
        if known and who not in spoke.tally.matched_again:
            spoke.tally.matched_again.add(who)
            loose = existing not in links.living(tx, spoke.name, intent.side, [existing])
            matching.mark(tx, spoke.name, [who, (intent.side, existing)] if loose else [who], "due")
            return
        matching.mark(tx, spoke.name, [who], "refused")
    settled = _settle(tx, spoke, intent, receipt)
    spoke.tally.held += holds.put(tx, settled.holds, run_id=world.run_id, at=world.clock.now())
    if intent.link_id is not None:
        link = links.get(tx, intent.link_id)
        bases = {**(link.bases if link else {}), **settled.bases}
        dirty = settled.again or bool(links.dirty_among(tx, [intent.link_id]))
        digests = None if dirty else _settled_digest(tx, spoke, intent)
        links.settle(tx, intent.link_id, bases=bases, dirty=dirty, settled=digests)


def _settled_digest(tx: Connection, spoke: Spoke, intent: Intent) -> bytes:
    """Both halves as they are now, and the mapping: while these stay, there is nothing to merge."""
    ids = {Side.SALESPULSE: intent.salespulse_id, Side.CRM: intent.crm_id}
    halves = (observed.digests(tx, spoke.sources[side], [ids[side]]).get(ids[side], b"") for side in SIDES)
    return b"".join(halves) + spoke.mapping_digest
