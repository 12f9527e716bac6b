"""What comes between receipts and settling: a look at every record that an answer told too little of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.model import Intent, Op, Outcome, Receipt, Record, Side
from syncd.cycle.asking import fetch
from syncd.cycle.observing import observe_fetched
from syncd.cycle.settling import Answered, settle_batch
from syncd.cycle.world import Spoke, World
from syncd.store import observed


def land(
    world: World, spoke: Spoke, side: Side, batch: Sequence[Intent], receipts: Sequence[Receipt], at: datetime
) -> None:
    """Given the receipts of a batch and when they came, look where they show too little and store what they mean."""
    by_id = {receipt.intent_id: receipt for receipt in receipts}
    answered = [(intent, by_id[intent.id]) for intent in batch if intent.id in by_id]
    answered, unseen = _complete(world, spoke, side, answered)
    with world.database.write() as tx:
        settle_batch(world, tx, spoke, answered, at, unseen=unseen)


def _complete(
    world: World, spoke: Spoke, side: Side, answered: list[Answered]
) -> tuple[list[Answered], frozenset[str]]:
    """Believe only what the side shows: fields that an answer did not show, and records that it says are other
    than expected, are read. Also return the intents whose record is neither shown nor proven gone.
    """
    asked = [id_ for intent, receipt in answered if (id_ := _to_look_at(intent, receipt))]
    asked = list(dict.fromkeys(asked))
    if not asked:
        return answered, frozenset()
    account = spoke.accounts[side]
    fetched = fetch(world, account, asked)
    with world.database.write() as tx:
        written = frozenset(
            receipt.id or intent.target for intent, receipt in answered if receipt.outcome is Outcome.APPLIED
        )
        observe_fetched(world, tx, account.source, fetched, own=written)
        live = set(observed.still_live(tx, account.source, asked))
    unseen = frozenset(
        intent.id
        for intent, receipt in answered
        if receipt.outcome in (Outcome.STALE, Outcome.GONE)
        and intent.target in live
        and intent.target not in fetched.records
    )
    return [(intent, _with_look(intent, receipt, fetched.records)) for intent, receipt in answered], unseen


def _to_look_at(intent: Intent, receipt: Receipt) -> str:
    """The record that the receipt tells too little of; "" for none."""
    shown = receipt.shown.values if receipt.shown else {}
    missing = [c for c in intent.changes if c.field not in shown and c.field not in receipt.refused_fields]
    if receipt.outcome is Outcome.APPLIED and intent.op in (Op.CREATE, Op.UPDATE) and missing:
        return receipt.id or intent.target
    if receipt.outcome in (Outcome.STALE, Outcome.GONE):
        return intent.target
    return receipt.existing_id if receipt.outcome is Outcome.REFUSED else ""


def _with_look(intent: Intent, receipt: Receipt, records: Mapping[str, Record]) -> Receipt:
    """The receipt as the look right after it has it."""
    found = records.get(receipt.id or intent.target)
    if found is None:
        return receipt
    merged = found.id != (receipt.id or intent.target)
    if receipt.outcome is Outcome.GONE and not merged:
        return replace(receipt, outcome=Outcome.REFUSED, message=receipt.message or "it answered that there is none")
    if receipt.outcome is not Outcome.APPLIED:
        return receipt
    if not merged:
        values = {**found.values, **(receipt.shown.values if receipt.shown else {})}
        return replace(receipt, shown=replace(found, values=values))
    if intent.op is Op.CREATE:
        return replace(receipt, id=found.id, shown=found)
    return replace(receipt, outcome=Outcome.STALE)  # what the other record shows was not decided on
