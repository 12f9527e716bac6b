"""Intents that were sent and have no receipt: looked up, never just sent again (design, rule 5).

Updates are looked at by id. Creates with an id property are found by it. Creates on a side that has neither key nor
token, such as SalesPulse, are looked for among the ids that were not known before, no sooner than two time-outs after
they can last have gone out, or as long after it as the side says that a write may turn up. A run waits for no more than
two time-outs: what may turn up later than that is left to a later run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncd.core.lens import same
from syncd.core.mapping import FieldRule
from syncd.core.match import keys_of
from syncd.core.model import (
    SIDES,
    Base,
    Hold,
    HoldReason,
    Intent,
    Observed,
    Op,
    Outcome,
    Receipt,
    Record,
    Side,
    Value,
    Values,
)
from syncd.cycle.asking import fetch
from syncd.cycle.observing import all_keys, observe, observe_fetched
from syncd.cycle.pulling import relist
from syncd.cycle.settling import derive_again, settle_batch
from syncd.cycle.world import Account, Spoke, World
from syncd.store import holds, journal, links, matching, observed, runs, sources
from syncd.store.journal import Doubt
from syncd.store.observed import Look


def resolve(world: World, spoke: Spoke) -> None:
    """Find out what became of everything that is in doubt. Waits where an answer would come too early to mean
    anything.
    """
    with world.database.read() as tx:
        doubts = journal.doubts(tx, spoke.name)
    for side in SIDES:
        _look_at_uncertain(world, spoke, side)
        there = [doubt for doubt in doubts if doubt.intent.side is side]
        creates = [doubt for doubt in there if doubt.intent.op is Op.CREATE]
        _look_at_targets(world, spoke, side, [doubt.intent for doubt in there if doubt.intent.op is not Op.CREATE])
        if not creates:
            continue
        if spoke.accounts[side].able.identity:
            _find_by_identity(world, spoke, side, [doubt.intent for doubt in creates])
        else:
            _find_among_new(world, spoke, side, creates)


def _look_at_targets(world: World, spoke: Spoke, side: Side, intents: Sequence[Intent]) -> None:
    """An update, stamp or removal is judged by what the record shows now."""
    if not intents:
        return
    account = spoke.accounts[side]
    fetched = fetch(world, account, [intent.target for intent in intents])
    with world.database.write() as tx:
        observe_fetched(world, tx, account.source, fetched)
        gone = set(fetched.gone) - set(observed.still_live(tx, account.source, list(fetched.gone)))
        answered = []
        for intent in intents:
            found = fetched.records.get(intent.target)
            if intent.op is Op.REMOVE and intent.target in gone:
                answered.append((intent, Receipt(intent_id=intent.id, outcome=Outcome.APPLIED)))
            elif (
                found is not None
                and found.id == intent.target
                and (applied := _applied(spoke, intent, found.values)).changes
            ):
                receipt = Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=intent.target, shown=found)
                answered.append((applied, receipt))
        settle_batch(world, tx, spoke, answered, fetched.looked_at)
        removed = {intent.id for intent, _ in answered if intent.op is Op.REMOVE}
        for intent in intents:
            if intent.id not in removed:
                derive_again(tx, spoke, intent)
        journal.drop(tx, [intent.id for intent in intents])


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
    ready_at = {doubt.intent.id: _sent_by(world, spoke, doubt) + _patience(account) for doubt in doubts}
    limit = world.clock.now() + 2 * account.timeout
    ready = [doubt for doubt in doubts if ready_at[doubt.intent.id] <= limit]
    later = [doubt for doubt in doubts if ready_at[doubt.intent.id] > limit]
    if later:
        _postpone(world, spoke, side, later, max(ready_at.values()))
    if not ready:
        return
    moment = max(ready_at[doubt.intent.id] for doubt in ready)
    _wait_until(world, spoke, moment, len(ready))
    if not _listed_since(world, account.source, moment):
        relist(world, account)
    with world.database.write() as tx:
        _choose(world, tx, spoke, side, ready, later)


def _patience(account: Account) -> timedelta:
    return max(2 * account.timeout, account.able.late)


def _sent_by(world: World, spoke: Spoke, doubt: Doubt) -> datetime:
    """When its request can last have gone out.

    The journal tells when an intent was about to be sent; its request may have waited long for the budget after that.
    It went out before its answer was known to be lost, and before its run was over where an earlier one sent it.
    """
    if doubt.run_id is None or doubt.run_id == world.run_id:
        return max(world.began, spoke.tally.lost_at or world.began)
    with world.database.read() as tx:
        return runs.over_by(tx, doubt.run_id) or world.began


def _postpone(world: World, spoke: Spoke, side: Side, doubts: Sequence[Doubt], moment: datetime) -> None:
    fresh = {doubt.intent.id for doubt in doubts} - spoke.tally.postponed
    spoke.tally.postponed |= fresh
    if fresh:
        world.report.note(
            spoke.name,
            f"{len(doubts)} creates in {spoke.label(side)} are in doubt and may turn up until {moment:%H:%M UTC}; they "
            "are not sent again, and a run after that looks what became of them",
        )


def _look_at_uncertain(world: World, spoke: Spoke, side: Side) -> None:
    """A person may have deleted the records that were too many: what is left now decides."""
    with world.database.read() as tx:
        doubts = [doubt for doubt in journal.uncertain(tx, spoke.name) if doubt.intent.side is side]
    if doubts:
        with world.database.write() as tx:
            _choose(world, tx, spoke, side, doubts)


def _choose(
    world: World, tx: Connection, spoke: Spoke, side: Side, doubts: Sequence[Doubt], rivals: Sequence[Doubt] = ()
) -> None:
    """Adopt the one record that a create can have made; none: it made none; several: nobody knows. ``rivals``: creates
    that are not judged yet and may have made the same one.
    """
    everyone = [*doubts, *rivals]
    fresh = observed.first_seen_since(tx, spoke.sources[side], min(doubt.sent_at for doubt in everyone))
    taken = links.living(tx, spoke.name, side, list(fresh))
    loose = {id_: seen for id_, seen in fresh.items() if id_ not in taken}
    bearing = _by_key(spoke, side, loose)
    candidates = {
        doubt.intent.id: [
            id_ for id_ in _near(spoke, doubt.intent, bearing, loose) if _is_it(spoke, doubt.intent, loose[id_])
        ]
        for doubt in everyone
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


def _by_key(spoke: Spoke, side: Side, loose: Mapping[str, Observed]) -> dict[tuple[str, str], list[str]]:
    """(key, value) → the records that carry it, so that not everything is compared with everything."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for id_, seen in loose.items():
        for key, values in all_keys(spoke, side, seen.record).items():
            for value in values:
                found[key, value].append(id_)
    return found


def _near(
    spoke: Spoke, intent: Intent, bearing: Mapping[tuple[str, str], list[str]], loose: Mapping[str, Observed]
) -> Iterable[str]:
    """The records that share a key with what was sent; all of them where nothing that was sent is a key."""
    sent = Record(id="", values=intent.values)
    keys = [(key, value) for key, values in keys_of(spoke.fields, intent.side, sent).items() for value in values]
    return sorted({id_ for pair in keys for id_ in bearing.get(pair, ())}) if keys else loose


def _is_it(spoke: Spoke, intent: Intent, seen: Observed) -> bool:
    """Compared on all sent values, not on the key alone: a household shares a phone.

    A field that carries the other half's id proves it alone. The stage is left out: it may be set by a request of
    its own, which need not have been sent yet.
    """
    shown = seen.record.values
    token = spoke.policy.identity.get(intent.side)
    if token and intent.stamp and shown.get(token):
        return str(shown[token]) == intent.stamp
    rules = {rule.name: rule for rule in spoke.fields.rules}
    return all(
        same(_rule(rules, change.rule, change.field), intent.side, change.after, shown[change.field])
        for change in intent.changes
        if change.field in shown and not _rule(rules, change.rule, change.field).stage
    )


def _adopt(world: World, tx: Connection, spoke: Spoke, intent: Intent, id_: str | None) -> None:
    """``id_``: the record that the create made, None when it made none and is to be derived again."""
    holds.close_for(
        tx,
        spoke.name,
        salespulse_id=intent.salespulse_id,
        crm_id=intent.crm_id,
        reasons=(HoldReason.UNCERTAIN,),
        at=world.clock.now(),
    )
    origin_link = links.living(tx, spoke.name, intent.side.other, [intent.origin]).get(intent.origin)
    if origin_link is not None:
        journal.drop(tx, [intent.id])  # matching has found the two meanwhile
        return
    if id_ is None or links.living(tx, spoke.name, intent.side, [id_]):
        derive_again(tx, spoke, intent)
        journal.drop(tx, [intent.id])
        return
    seen = observed.get_many(tx, spoke.sources[intent.side], [id_])[id_]
    shown = seen.record
    receipt = Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=id_, shown=shown)
    applied = _applied(spoke, intent, shown.values)
    settle_batch(world, tx, spoke, [(applied, receipt)], seen.looked_at)
    if not spoke.accounts[intent.side].able.identity:
        _rest_of_create(tx, spoke, intent, applied, shown)


def _rest_of_create(tx: Connection, spoke: Spoke, intent: Intent, applied: Intent, shown: Record) -> None:
    """A stage set by a request of its own need not have been set: what the new record shows was chosen by nobody.

    So that is its base, and a blank the other half's: the next merge writes the stage as a change of the other half.
    """
    link = links.living(tx, spoke.name, intent.side, [shown.id]).get(shown.id)
    missing = {change.rule for change in intent.changes} - {change.rule for change in applied.changes}
    rules = [rule for rule in spoke.fields.rules if rule.stage and rule.name in missing]
    rules = [rule for rule in rules if rule.on(intent.side) in shown.values]
    if link is None or not rules:
        return
    bases = dict(link.bases)
    for rule in rules:
        own = shown.values[rule.on(intent.side)]
        halves: dict[Side, Value] = {intent.side: own, intent.side.other: None}
        bases[rule.name] = Base(fingerprint=rule.fingerprint, salespulse=halves[Side.SALESPULSE], crm=halves[Side.CRM])
    links.settle(tx, link.id, bases=bases, dirty=True)


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
