"""Reads a receipt: what the written side shows afterwards becomes bases, ledger lines and holds.

It believes what is shown, not that the answer was friendly. It must not store anything, and it never advances
the base of a field that nobody saw after the write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from typing import assert_never

from syncd.core import holds, lens
from syncd.core.mapping import FieldMap, FieldRule
from syncd.core.merge import counts_as_blank
from syncd.core.model import (
    Base,
    Change,
    Hold,
    HoldReason,
    Intent,
    LedgerLine,
    Observed,
    Op,
    Outcome,
    Receipt,
    Settled,
    Side,
    Value,
    Values,
)

#: An undo is an edit like a person's: the bases stay, so that the next merge carries the old value to the
#: other half as well.
BY_UNDO = "undo"
BY_UNION = "union"


def settle(fields: FieldMap, intent: Intent, receipt: Receipt, origin: Observed, label: str) -> Settled:
    """Given an intent's receipt and the half that was *not* written, return what changes in the state.

    ``origin`` may be newer than the intent: an edit made there meanwhile still counts as one afterwards. For
    a create or a delete it is the source's or the missing half's last observation. ``label``: the written
    side's name for people.
    ``unread`` names written fields that the receipt did not show; settle those with ``remainder`` after a
    look.
    """
    it = _Case(
        fields=fields,
        rules={rule.name: rule for rule in fields.rules},
        intent=intent,
        receipt=receipt,
        origin=origin,
        label=label,
    )
    match receipt.outcome:
        case Outcome.APPLIED:
            return _removed(it) if intent.op is Op.REMOVE else _applied(it)
        case Outcome.REFUSED:
            return _refused(it)
        case Outcome.GONE:
            # A record to remove that is not there is the end that was wanted; any other has to be looked at
            # first.
            return Settled(again=intent.op is not Op.REMOVE)
        case Outcome.STALE | Outcome.FAILED | Outcome.UNKNOWN:
            return Settled(again=True)
    assert_never(receipt.outcome)


def unproven(intent: Intent, receipt: Receipt, label: str) -> Hold:
    """The hold of a record that could not be written, is not shown by a look, and is not proven gone either."""
    why = f" ({receipt.message})" if receipt.message else ""
    over = (
        "delete it there by hand" if intent.op is Op.REMOVE else "if it is gone for good, delete its other half by hand"
    )
    return Hold(
        connection=intent.connection,
        reason=HoldReason.REFUSED,
        salespulse_id=intent.salespulse_id,
        crm_id=intent.crm_id,
        message=(
            f"{label} refused to {_verb(intent)} the record{why}, which cannot be seen any more, and nothing proves it "
            f"deleted; give syncd's user the right to see it, then run `syncd run --full`, or {over}"
        ),
    )


def remainder(intent: Intent, settled: Settled) -> Intent:
    """The intent with only the fields still to be seen, to be settled with a later look as its receipt.

    It is an UPDATE also for a create, whose record line is in the ledger already.
    """
    op = Op.UPDATE if intent.op is Op.CREATE else intent.op
    return replace(intent, op=op, changes=tuple(change for change in intent.changes if change.field in settled.unread))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One receipt with all that it is read by."""

    fields: FieldMap
    rules: Mapping[str, FieldRule]
    intent: Intent
    receipt: Receipt
    origin: Observed
    label: str

    @property
    def side(self) -> Side:
        return self.intent.side

    @property
    def ids(self) -> dict[Side, str]:
        return {self.side: self.receipt.id or self.intent.target, self.side.other: self.intent.origin}

    @property
    def shown(self) -> Values:
        """What the written side showed afterwards; empty when nobody looked yet."""
        return self.receipt.shown.values if self.receipt.shown else {}

    @property
    def edited_since(self) -> bool:
        """Whether the look behind ``shown`` found the record modified after it was written."""
        done_at, shown = self.receipt.answered_at, self.receipt.shown
        modified_at = shown.modified_at if shown is not None else None
        return done_at is not None and modified_at is not None and modified_at > done_at

    @property
    def source(self) -> Values:
        """What the other half shows."""
        return self.origin.record.values

    def blank(self, rule: FieldRule, side: Side, value: Value) -> bool:
        return counts_as_blank(self.fields, rule, side, value)

    def joined(self, rule: FieldRule, here: Value, there: Value) -> Base:
        values = {self.side: here, self.side.other: there}
        return Base(fingerprint=rule.fingerprint, salespulse=values[Side.SALESPULSE], crm=values[Side.CRM])

    def record_hold(self, reason: HoldReason, message: str, *, ids: Mapping[Side, str]) -> Hold:
        return Hold(
            connection=self.intent.connection,
            reason=reason,
            message=message,
            salespulse_id=ids[Side.SALESPULSE],
            crm_id=ids[Side.CRM],
        )

    def field_hold(self, reason: HoldReason, message: str, rule: FieldRule, here: Value) -> Hold:
        """``here``: what the written side shows of the field now."""
        there = rule.on(self.side.other)
        values = {self.side: here}
        if there in self.source:
            values[self.side.other] = self.source[there]
        return replace(self.record_hold(reason, message, ids=self.ids), field=rule.name, values=values)

    def record_line(self, by: str, reason: str) -> LedgerLine:
        """A line for the record itself has no field."""
        return LedgerLine(
            connection=self.intent.connection,
            side=self.side,
            op=self.intent.op,
            link_id=self.intent.link_id,
            salespulse_id=self.ids[Side.SALESPULSE],
            crm_id=self.ids[Side.CRM],
            field="",
            rule="",
            before=None,
            after=None,
            by=by,
            reason=reason,
        )

    def field_line(self, change: Change, after: Value) -> LedgerLine:
        return replace(
            self.record_line(change.by, change.reason),
            field=change.field,
            rule=change.rule,
            before=change.before,
            after=after,
            lost=change.lost,
        )


@dataclass(slots=True, kw_only=True)
class _Findings:
    """Gathers what the single fields yield."""

    bases: dict[str, Base] = attribute(default_factory=dict)
    held: list[Hold] = attribute(default_factory=list)
    ledger: list[LedgerLine] = attribute(default_factory=list)
    unread: list[str] = attribute(default_factory=list)
    again: bool = False


def _applied(it: _Case) -> Settled:
    found = _Findings()
    creating = it.intent.op is Op.CREATE
    if creating and it.receipt.created:
        found.ledger.append(it.record_line("create", it.intent.reason))
    for change in it.intent.changes:
        if change.field in it.receipt.refused_fields:
            continue
        if change.field in it.shown:
            _one(found, it, change)
        else:
            found.unread.append(change.field)
    if creating:
        found.bases |= _untouched(it)
    if creating and not it.receipt.created:
        # An upsert met the record: these lines may be undone, but undoing them must not remove the record.
        found.ledger = [replace(line, op=Op.UPDATE, reason=f"{line.reason}; found there") for line in found.ledger]
    return Settled(
        bases=found.bases,
        holds=(*found.held, *_refused_fields(it)),
        ledger=tuple(found.ledger),
        unread=tuple(found.unread),
        again=found.again,
    )


def _one(found: _Findings, it: _Case, change: Change) -> None:
    """Settle one written field whose value afterwards is known."""
    shown, known = it.shown[change.field], it.rules.get(change.rule)
    # A [create] value may belong to no rule; its field is then compared as text and has no base.
    rule = known or FieldRule(name=change.field, salespulse=change.field, crm=change.field)
    sent_is_shown = lens.same(rule, it.side, change.after, shown)
    if not sent_is_shown and lens.same(rule, it.side, change.before, shown):
        if known is not None:
            what = f"{rule.name}: ignored by {it.label}, which answered as if written and shows the old value"
            message = holds.message(HoldReason.IGNORED, what)
            found.held.append(it.field_hold(HoldReason.IGNORED, message, rule, shown))
        return
    edited = not sent_is_shown and it.edited_since
    if edited:  # somebody's edit came after the write: the two had agreed on what was sent, and the edit goes on
        shown = change.after
        found.again = True
    line = it.field_line(change, shown)
    if not sent_is_shown and not edited:
        reason = f"{change.reason}; {it.label} shows it differently from what was sent"
        line = replace(line, by=f"{change.by}, reshaped", reason=reason)
    found.ledger.append(line)
    if known is None:
        return
    base = _base(it, known, change, shown)
    if base is None:
        found.again = True
    else:
        found.bases[known.name] = base


def _base(it: _Case, rule: FieldRule, change: Change, shown: Value) -> Base | None:
    """Both bases after a write: what the origin showed *when it was sent*, and what the write has made of the field.

    None leaves the old bases. The origin may have been edited since the intent was made. Its present value as
    its base would swallow that edit; so where it no longer carries to what was sent, its base is what was
    sent, carried back.
    """
    if change.by == BY_UNDO:
        return None
    there = rule.on(it.side.other)
    now = it.source.get(there)
    if there in it.source and _still_carries(it, rule, change, now):
        return it.joined(rule, shown, now)
    if change.by == BY_UNION:
        # The other half of a union is still on its way; with the old bases a merge comes to the same union
        # again.
        return None
    back = lens.carry(rule, it.side.other, change.after, now)
    return it.joined(rule, shown, back.value) if isinstance(back, lens.Carried) else None


def _still_carries(it: _Case, rule: FieldRule, change: Change, now: Value) -> bool:
    """Whether the origin still shows the value that was sent."""
    if it.blank(rule, it.side.other, now):
        return it.blank(rule, it.side, change.after)
    carried = lens.carry(rule, it.side, now, change.before)
    return isinstance(carried, lens.Carried) and lens.same(rule, it.side, carried.value, change.after)


def _untouched(it: _Case) -> Mapping[str, Base]:
    """Bases of a new pair's other fields where both halves agree, mostly blanks: no work for first_sync."""
    written = {change.rule for change in it.intent.changes}
    found: dict[str, Base] = {}
    for rule in it.fields.rules:
        here, there = rule.on(it.side), rule.on(it.side.other)
        if rule.name in written or here not in it.shown or there not in it.source:
            continue
        base = it.joined(rule, it.shown[here], it.source[there])
        blanks = all(it.blank(rule, side, base.on(side)) for side in Side)
        if blanks or lens.agree(rule, base.salespulse, base.crm):
            found[rule.name] = base
    return found


def _removed(it: _Case) -> Settled:
    """A removed record's lines hold its last values: all that undo needs to make it again."""
    record = it.record_line("deletes", it.intent.reason or f"removed from {it.label}")
    return Settled(ledger=(record, *(it.field_line(change, None) for change in it.intent.changes)))


def _refused(it: _Case) -> Settled:
    named = _refused_fields(it)
    if named:
        # Nothing was written. The fields that were not named are sent once more without the others.
        rest = any(change.field not in it.receipt.refused_fields for change in it.intent.changes)
        return Settled(holds=named, again=rest)
    reason, ids = HoldReason.REFUSED, it.ids
    what = f"{it.label} refused to {_verb(it.intent)} the record"
    existing = it.receipt.existing_id
    if existing and it.intent.op is Op.CREATE:
        reason, ids = HoldReason.DUPLICATE, {**ids, it.side: existing}
        what = f"{it.label} has record {existing} with the same key, which matching did not find"
    message = holds.message(reason, what, why=it.receipt.message or "it gave no reason")
    return Settled(holds=(it.record_hold(reason, message, ids=ids),))


def _verb(intent: Intent) -> str:
    match intent.op:
        case Op.CREATE:
            return "create"
        case Op.UPDATE:
            return "update"
        case Op.STAMP:
            return "set the id property of"
        case Op.REMOVE:
            return "archive" if intent.archive else "delete"
    assert_never(intent.op)


def _refused_fields(it: _Case) -> tuple[Hold, ...]:
    """One hold for every field that the vendor named; a named field that was not sent holds the record."""
    changes = {change.field: change for change in it.intent.changes}
    held: list[Hold] = []
    for name, words in it.receipt.refused_fields.items():
        message = holds.message(HoldReason.REFUSED, f"{it.label} refused {name}", why=words)
        change = changes.get(name)
        rule = it.rules.get(change.rule) if change else None
        if change is None or rule is None:
            held.append(it.record_hold(HoldReason.REFUSED, message, ids=it.ids))
        else:
            held.append(it.field_hold(HoldReason.REFUSED, message, rule, change.before))
    return tuple(held)
