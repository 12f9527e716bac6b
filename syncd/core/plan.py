"""Turns decisions into what is journalled: intents, holds, bases, counts, and a fingerprint for approvals.

It must not decide anything about a field again, and it must not send or store. Ids come from the caller.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute

from syncd.core import lens
from syncd.core.mapping import FieldMap, FieldRule, Policy
from syncd.core.merge import counts_as_blank
from syncd.core.model import (
    SIDES,
    Base,
    Change,
    Decision,
    Hold,
    HoldReason,
    Intent,
    LinkState,
    Observed,
    Op,
    Pair,
    Side,
    Value,
    Verdict,
)

#: Held until the value, the mapping or the rule changes: sending the same write again would end the same way.
STANDING = frozenset({HoldReason.REFUSED, HoldReason.IGNORED, HoldReason.FLIPS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A new record for one side, and the fields that could not be carried there."""

    intent: Intent
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a list of intents would do, by the side that is written. ``changes`` counts pairs, not fields."""

    creates: Mapping[Side, int] = attribute(default_factory=dict)
    changes: Mapping[Side, int] = attribute(default_factory=dict)
    deletes: Mapping[Side, int] = attribute(default_factory=dict)
    stamps: Mapping[Side, int] = attribute(default_factory=dict)


def intents(
    fields: FieldMap,
    policy: Policy,
    pair: Pair,
    decisions: Sequence[Decision],
    *,
    intent_id: str,
    wants_stamp: Mapping[Side, bool],
) -> tuple[Intent, ...]:
    """Given a pair's decisions, return at most one intent a side: all its changes, or only the id property.

    ``intent_id`` is the pair's; the intents get it with the side's name behind it. ``wants_stamp``: sides
    whose id property does not carry the other half's id yet. Nothing for a link that is not active.
    """
    if pair.link.state is not LinkState.ACTIVE:
        return ()
    order = {rule.name: place for place, rule in enumerate(fields.rules)}
    found: list[Intent] = []
    for side in SIDES:
        changes: dict[str, Change] = {}
        for decision in sorted(decisions, key=lambda each: order.get(each.rule, len(order))):
            if decision.verdict is Verdict.WRITE and side in decision.writes:
                change = decision.writes[side]
                # Two rules may lead to one field; the mapping's first speaks, and the other sees its value
                # next time.
                changes.setdefault(change.field, change)
        stamp = _stamp(policy, pair, side, wanted=wants_stamp.get(side, False))
        if not changes and stamp is None:
            continue
        reasons = dict.fromkeys(change.reason for change in changes.values())
        found.append(
            Intent(
                id=f"{intent_id}-{side.value}",
                connection=policy.connection,
                side=side,
                op=Op.UPDATE if changes else Op.STAMP,
                link_id=pair.link.id,
                salespulse_id=pair.link.salespulse_id,
                crm_id=pair.link.crm_id,
                changes=tuple(changes.values()),
                stamp=stamp,
                reason="; ".join(reasons) if changes else "id property was not set",
                based_on=pair.on(side).record.modified_at,
            )
        )
    return tuple(found)


def _stamp(policy: Policy, pair: Pair, side: Side, *, wanted: bool) -> str | None:
    if not wanted or side not in policy.identity or not policy.direction.allows(side):
        return None
    return pair.link.on(side.other)


def withhold(
    fields: FieldMap, pair: Pair, decisions: Sequence[Decision], standing: Iterable[Hold]
) -> tuple[Decision, ...]:
    """Given a pair's open holds, turn writes that would repeat a refused or ignored one into that hold.

    A hold stands while both sides show the values that it was made for; a new value on either side is a new
    attempt.
    """
    held = {hold.field: hold for hold in standing if hold.reason in STANDING and hold.values}
    rules = {rule.name: rule for rule in fields.rules}

    def repeats(decision: Decision) -> bool:
        hold = held.get(decision.rule)
        if hold is None or decision.verdict is not Verdict.WRITE:
            return False
        now = _values(rules[decision.rule], pair)
        return all(now.get(side) == value for side, value in hold.values.items())

    return tuple(
        replace(
            decision,
            verdict=Verdict.HELD,
            writes={},
            hold=held[decision.rule].reason,
            message=held[decision.rule].message,
        )
        if repeats(decision)
        else decision
        for decision in decisions
    )


def holds_of(fields: FieldMap, pair: Pair, decisions: Iterable[Decision]) -> tuple[Hold, ...]:
    """One hold for every held field, with what both sides show."""
    rules = {rule.name: rule for rule in fields.rules}
    return tuple(
        Hold(
            connection=pair.link.connection,
            reason=decision.hold,
            message=decision.message,
            field=decision.rule,
            salespulse_id=pair.link.salespulse_id,
            crm_id=pair.link.crm_id,
            values=_values(rules[decision.rule], pair),
        )
        for decision in decisions
        if decision.verdict is Verdict.HELD and decision.hold is not None
    )


def bases_after(fields: FieldMap, pair: Pair, decisions: Iterable[Decision]) -> Mapping[str, Base]:
    """Bases that a merge sets without any write: fields found agreed, or left to differ on purpose."""
    rules = {rule.name: rule for rule in fields.rules}
    found: dict[str, Base] = {}
    for decision in decisions:
        if decision.rebase:
            rule = rules[decision.rule]
            now = _values(rule, pair)
            found[rule.name] = Base(fingerprint=rule.fingerprint, salespulse=now[Side.SALESPULSE], crm=now[Side.CRM])
    return found


def _values(rule: FieldRule, pair: Pair) -> dict[Side, Value]:
    shown = {side: pair.on(side).record.values for side in SIDES}
    return {side: shown[side][rule.on(side)] for side in SIDES if rule.on(side) in shown[side]}


def creation(fields: FieldMap, policy: Policy, source_side: Side, observed: Observed, intent_id: str) -> Creation:
    """Given a record without another half, return the intent that makes one on the other side.

    Blanks and fields that were not read are left out. A field that cannot be carried is left out and held;
    the record is made all the same. ``[create]`` fills target fields that got no value.
    """
    target, record = source_side.other, observed.record
    name = "SalesPulse" if source_side is Side.SALESPULSE else policy.label
    ids = {source_side: record.id, target: ""}
    changes: dict[str, Change] = {}
    held: list[Hold] = []
    for rule in fields.rules:
        value = record.values.get(rule.on(source_side))
        goes = rule.direction.allows(target) and rule.on(target) not in changes
        if not goes or counts_as_blank(fields, rule, source_side, value):
            continue
        carried = lens.carry(rule, target, value)
        if isinstance(carried, lens.Cannot):
            held.append(
                Hold(
                    connection=policy.connection,
                    reason=carried.reason,
                    message=carried.message,
                    field=rule.name,
                    salespulse_id=ids[Side.SALESPULSE],
                    crm_id=ids[Side.CRM],
                    values={source_side: value},
                )
            )
        elif isinstance(carried, lens.Carried) and not lens.blank(carried.value):
            changes[rule.on(target)] = Change(
                field=rule.on(target),
                before=None,
                after=carried.value,
                rule=rule.name,
                by="create",
                reason=f"new in {name}",
            )
    for field, value in fields.create.get(target, {}).items():
        rules = [rule.name for rule in fields.rules if rule.on(target) == field]
        default = Change(
            field=field,
            before=None,
            after=value,
            rule=rules[0] if rules else "",
            by="default",
            reason="the mapping's [create] value for new records",
        )
        changes.setdefault(field, default)
    intent = Intent(
        id=intent_id,
        connection=policy.connection,
        side=target,
        op=Op.CREATE,
        salespulse_id=ids[Side.SALESPULSE],
        crm_id=ids[Side.CRM],
        changes=tuple(changes.values()),
        stamp=record.id if target in policy.identity else None,
        reason=f"new in {name}",
    )
    return Creation(intent=intent, holds=tuple(held))


def tally(planned: Iterable[Intent]) -> Tally:
    """Count intents as the brakes do."""
    counts: Counter[tuple[Op, Side]] = Counter((intent.op, intent.side) for intent in planned)
    by_op = {op: {side: counts[op, side] for side in SIDES} for op in Op}
    return Tally(
        creates=by_op[Op.CREATE],
        changes=by_op[Op.UPDATE],
        deletes=by_op[Op.REMOVE],
        stamps=by_op[Op.STAMP],
    )


def line_fingerprint(intent: Intent) -> str:
    """Names what one intent would do. The intent's own id and its wording are no part of it."""
    changes = sorted((change.field, _plain(change.before), _plain(change.after)) for change in intent.changes)
    line = [
        intent.connection,
        intent.side,
        intent.op,
        intent.salespulse_id,
        intent.crm_id,
        changes,
        intent.stamp,
        intent.archive,
    ]
    return hashlib.sha256(json.dumps(line).encode()).hexdigest()


def fingerprint(planned: Iterable[Intent] | Iterable[str]) -> str:
    """Names a whole plan whatever the order of its lines, given as intents or as their line fingerprints."""
    lines = sorted(line if isinstance(line, str) else line_fingerprint(line) for line in planned)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _plain(value: Value) -> str:
    """Text that tells "1" from 1 and a list from a string."""
    return json.dumps([type(value).__name__, value])
