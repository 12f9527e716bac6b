"""Intents that were sent and have no receipt: looked up, never just sent again (design, rule 5).

Updates are looked at by id. Creates with an id property are found by it. Creates in SalesPulse, which has neither key
nor
token, are looked for no sooner than two time-outs after they were sent, among the ids that were not known before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.lens import same
from syncd.core.mapping import FieldRule
from syncd.core.model import SIDES, Hold, HoldReason, Intent, Observed, Op, Outcome, Receipt, Side, Values
from syncd.cycle.observing import observe, observe_fetched
from syncd.cycle.pulling import relist
from syncd.cycle.settling import derive_again, land_one
from syncd.cycle.world import Spoke, World
from syncd.store import holds, journal, links, matching, observed, sources
from syncd.store.journal import Doubt
from syncd.store.observed import Look


def resolve(world: World, spoke: Spoke) -> None:
    """Find out what became of everything that is in doubt. Waits where an answer would come too early to mean
    anything.
    """
    with world.database.read() as tx:
        doubts = journal.doubts(tx, spoke.name)
    for side in SIDES:
        there = [doubt for doubt in doubts if doubt.intent.side is side]
        creates = [doubt for doubt in there if doubt.intent.op is Op.CREATE]
        _look_at_targets(world, spoke, side, [doubt.intent for doubt in there if doubt.intent.op is not Op.CREATE])
        if not creates:
            continue
        if spoke.policy.identity.get(side):
            _find_by_identity(world, spoke, side, [doubt.intent for doubt in creates])
        else:
            _find_among_new(world, spoke, side, creates)


def _look_at_targets(world: World, spoke: Spoke, side: Side, intents: Sequence[Intent]) -> None:
    """An update, stamp or removal is judged by what the record shows now."""
    if not intents:
        return
    account = spoke.accounts[side]
    fetched = account.connector.fetch([intent.target for intent in intents])
    with world.database.write() as tx:
        observe_fetched(world, tx, account.source, fetched)
        for intent in intents:
            found = fetched.records.get(intent.target)
            if intent.op is Op.REMOVE and intent.target in fetched.gone:
                land_one(world, tx, spoke, intent, Receipt(intent_id=intent.id, outcome=Outcome.APPLIED))
                continue
            if found is not None:
                applied = _applied(spoke, intent, found.values)
                if applied.changes:
                    receipt = Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=intent.target, shown=found)
                    land_one(world, tx, spoke, applied, receipt)
            derive_again(tx, spoke, intent)
            journal.drop(tx, [intent.id])


def _applied(spoke: Spoke, intent: Intent, values: Values) -> Intent:
    """The intent with only those changes that the record shows."""
    rules = {rule.name: rule for rule in spoke.fields.rules}
    done = tuple(
        change
        for change in intent.changes
        if change.field in values
        and same(_rule(rules, change.rule, change.field), intent.side, change.after, values[change.field])
    )
    return replace(intent, changes=done)


def _rule(rules: dict[str, FieldRule], name: str, field: str) -> FieldRule:
    return rules.get(name) or FieldRule(name=field, salespulse=field, crm=field)


def _find_by_identity(world: World, spoke: Spoke, side: Side, intents: Sequence[Intent]) -> None:
    """The id property tells; what it does not find was not created, and an upsert may be repeated."""
    account = spoke.accounts[side]
    sent_at = world.clock.now()
    found = account.connector.find({matching.IDENTITY: [intent.origin for intent in intents]})
    name = spoke.policy.identity[side]
    by_origin = {str(record.values.get(name)): record for record in found}
    with world.database.write() as tx:
        observe(world, tx, account.source, [Look(record=record, looked_at=sent_at) for record in found])
        for intent in intents:
            _adopt(world, tx, spoke, intent, by_origin[intent.origin].id if intent.origin in by_origin else None)


def _find_among_new(world: World, spoke: Spoke, side: Side, doubts: Sequence[Doubt]) -> None:
    account = spoke.accounts[side]
    ready_at = max(doubt.sent_at for doubt in doubts) + 2 * account.timeout
    _wait_until(world, spoke, ready_at, len(doubts))
    if not _listed_since(world, account.source, ready_at):
        relist(world, account)
    with world.database.write() as tx:
        fresh = observed.first_seen_since(tx, account.source, min(doubt.sent_at for doubt in doubts))
        taken = links.living(tx, spoke.name, side, list(fresh))
        loose = {id_: seen for id_, seen in fresh.items() if id_ not in taken}
        candidates = {
            doubt.intent.id: [id_ for id_, seen in loose.items() if _is_it(spoke, doubt, seen)] for doubt in doubts
        }
        claimed: dict[str, int] = defaultdict(int)
        for some in candidates.values():
            for id_ in some:
                claimed[id_] += 1
        for doubt in doubts:
            some = candidates[doubt.intent.id]
            if not some:
                _adopt(world, tx, spoke, doubt.intent, None)
            elif len(some) == 1 and claimed[some[0]] == 1:
                _adopt(world, tx, spoke, doubt.intent, some[0])
            else:
                _hold_uncertain(world, tx, spoke, doubt.intent, some)


def _is_it(spoke: Spoke, doubt: Doubt, seen: Observed) -> bool:
    """Compared on all sent values, not on the key alone: a household shares a phone."""
    rules = {rule.name: rule for rule in spoke.fields.rules}
    intent, shown = doubt.intent, seen.record.values
    return all(
        same(_rule(rules, change.rule, change.field), intent.side, change.after, shown[change.field])
        for change in intent.changes
        if change.field in shown
    )


def _adopt(world: World, tx: Connection, spoke: Spoke, intent: Intent, id_: str | None) -> None:
    """``id_``: the record that the create made, None when it made none and is to be derived again."""
    origin_link = links.living(tx, spoke.name, intent.side.other, [intent.origin]).get(intent.origin)
    if origin_link is not None:
        journal.drop(tx, [intent.id])  # matching has found the two meanwhile
        return
    if id_ is None or links.living(tx, spoke.name, intent.side, [id_]):
        derive_again(tx, spoke, intent)
        journal.drop(tx, [intent.id])
        return
    shown = observed.get_many(tx, spoke.sources[intent.side], [id_])[id_].record
    receipt = Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=id_, shown=shown)
    land_one(world, tx, spoke, intent, receipt)


def _hold_uncertain(world: World, tx: Connection, spoke: Spoke, intent: Intent, found: Sequence[str]) -> None:
    """No proof either way: never guessed, never sent again."""
    journal.mark_uncertain(tx, [intent.id])
    matching.mark_due_as(tx, spoke.name, [(intent.side, id_) for id_ in found], "held")
    label = spoke.label(intent.side)
    hold = Hold(
        connection=spoke.name,
        reason=HoldReason.UNCERTAIN,
        salespulse_id=intent.salespulse_id,
        crm_id=intent.crm_id,
        message=(
            f"uncertain: the answer to its create in {label} was lost, and {label} has {len(found)} new records "
            f"that it could be ({', '.join(sorted(found)[:5])}); delete the ones that are too many, then run "
            "`syncd run --full`"
        ),
    )
    spoke.tally.held += holds.put(tx, [hold], run_id=world.run_id, at=world.clock.now())


def _wait_until(world: World, spoke: Spoke, moment: datetime, many: int) -> None:
    seconds = (moment - world.clock.now()).total_seconds()
    if seconds > 0:
        world.report.note(
            spoke.name,
            f"{many} creates are in doubt; looked for in {seconds:.0f} s, when a late request can no longer arrive",
        )
        world.clock.sleep(seconds)


def _listed_since(world: World, source: str, moment: datetime) -> bool:
    with world.database.read() as tx:
        listed_at = sources.get(tx, source).listed_at
    return listed_at is not None and listed_at > moment
