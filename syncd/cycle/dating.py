"""When values came: what the vendors are asked of a conflict, and which time a value keeps when it is carried on.

A value is as old as a person's edit. syncd's own write of it is none: another connection would take it for a late one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core import lens
from syncd.core.mapping import FieldMap, FieldRule
from syncd.core.model import (
    SIDES,
    Change,
    Decision,
    Intent,
    Link,
    Observed,
    Op,
    Outcome,
    Pair,
    Receipt,
    Record,
    Side,
    When,
)
from syncd.core.settle import BY_UNDO
from syncd.cycle.world import Spoke, World
from syncd.errors import ConnectionStop
from syncd.store import links, observed

#: Link → side → that side's field → when its present value was set.
Times = dict[int, dict[Side, dict[str, When]]]


def field_times(
    world: World, spoke: Spoke, pairs: Sequence[Pair], decided: Mapping[int, tuple[Decision, ...]]
) -> Times:
    """Ask the sides that know it when the fields in conflict were set; only for those pairs and fields.

    What SalesPulse shows may have come from another CRM that knows it: that one is asked as well.
    """
    rules = {rule.name: rule for rule in spoke.fields.rules}
    disputed = {
        pair.link.id: [rules[decision.rule] for decision in decided[pair.link.id] if decision.wants_times]
        for pair in pairs
    }
    found: Times = {pair.link.id: {} for pair in pairs}
    for side in SIDES:
        account = spoke.accounts[side]
        if not account.able.field_times:
            continue
        asked = {rule.on(side) for some in disputed.values() for rule in some}
        known = account.connector.field_times([pair.link.on(side) for pair in pairs], sorted(asked))
        for pair in pairs:
            moments = known.get(pair.link.on(side), {})
            found[pair.link.id][side] = {name: When(earliest=at, latest=at) for name, at in moments.items()}
    for other in world.running():
        if other.name != spoke.name and other.accounts[Side.CRM].able.field_times:
            _ask_another(world, other, pairs, disputed, found)
    return found


def _ask_another(
    world: World, other: Spoke, pairs: Sequence[Pair], disputed: Mapping[int, Sequence[FieldRule]], found: Times
) -> None:
    """Date values of SalesPulse by another CRM that shows the same: they are no younger than they are there."""
    with world.database.read() as tx:
        halves = links.living(tx, other.name, Side.SALESPULSE, [pair.link.salespulse_id for pair in pairs])
        shown = observed.get_many(tx, other.sources[Side.CRM], [link.crm_id for link in halves.values()])
    agreed: dict[int, dict[str, FieldRule]] = {}
    for pair in pairs:
        link = halves.get(pair.link.salespulse_id)
        if link is not None and link.crm_id in shown:
            fields = {rule.salespulse for rule in disputed[pair.link.id]}
            agreed[pair.link.id] = dict(_agreed(other, link, pair.salespulse, shown[link.crm_id], fields))
    ids = {pair.link.id: halves[pair.link.salespulse_id].crm_id for pair in pairs if agreed.get(pair.link.id)}
    if not ids:
        return
    try:
        asked = {rule.crm for some in agreed.values() for rule in some.values()}
        known = other.accounts[Side.CRM].connector.field_times(list(ids.values()), sorted(asked))
    except ConnectionStop:
        return  # its own round tells; here the value keeps the time of the record that it came from
    for pair in pairs:
        for field, rule in agreed.get(pair.link.id, {}).items():
            at = known.get(ids[pair.link.id], {}).get(rule.crm)
            earlier = _earlier(pair.salespulse, field, at)
            if earlier is not None:
                found[pair.link.id].setdefault(Side.SALESPULSE, {}).setdefault(field, earlier)


def _agreed(
    other: Spoke, link: Link, mine: Observed, theirs: Observed, fields: set[str]
) -> Iterator[tuple[str, FieldRule]]:
    """Those of these SalesPulse fields on whose present values the other connection's pair has agreed."""
    for rule in other.fields.rules:
        base = link.bases.get(rule.name)
        halves = {Side.SALESPULSE: mine.record.values, Side.CRM: theirs.record.values}
        if (
            rule.salespulse in fields
            and base is not None
            and all(
                rule.on(side) in halves[side] and lens.same(rule, side, base.on(side), halves[side][rule.on(side)])
                for side in SIDES
            )
        ):
            yield rule.salespulse, rule


def _earlier(seen: Observed, field: str, at: datetime | None) -> When | None:
    """The moment, if it is before what is known of the value; of a later one, syncd's own write is the reason."""
    if at is None:
        return None
    known = seen.since[field].latest if field in seen.since else seen.edited_at or seen.record.modified_at
    if known is None:
        return When(earliest=None, latest=at)
    return When(earliest=at, latest=at) if at < known else None


def carried(
    fields: FieldMap, answered: Sequence[tuple[Intent, Receipt]], origins: Mapping[str, Observed]
) -> dict[str, dict[str, When]]:
    """Given receipts of SalesPulse and the halves that were carried there, return contact → field → when a person set
    the value.

    A write that was ignored carried nothing; what an undo wrote is as young as the undo.
    """
    rules = {rule.name: rule for rule in fields.rules}
    found: dict[str, dict[str, When]] = {}
    for intent, receipt in answered:
        origin = origins.get(intent.origin)
        if receipt.outcome is not Outcome.APPLIED or receipt.shown is None or origin is None:
            continue
        moments = {
            change.field: _since(rule, intent, origin)
            for change in intent.changes
            if (rule := rules.get(change.rule)) and change.by != BY_UNDO and _took(rule, change, receipt.shown)
        }
        if moments:
            found[receipt.id or intent.target] = moments
    return found


def _took(rule: FieldRule, change: Change, shown: Record) -> bool:
    if change.field not in shown.values:
        return False
    value, side = shown.values[change.field], Side.SALESPULSE
    return lens.same(rule, side, change.after, value) or not lens.same(rule, side, change.before, value)


def _since(rule: FieldRule, intent: Intent, origin: Observed) -> When:
    """The field's own time, else its record's; never that of syncd's write."""
    field = rule.on(intent.side.other)
    when = origin.since.get(field)
    if when is None:
        at = origin.edited_at or origin.record.modified_at
        when = When(earliest=at, latest=at or origin.looked_at)
    if intent.op is Op.CREATE and rule.stage:
        value = str(origin.record.values.get(field))
        fitting = tuple(mine for mine, theirs in rule.table if theirs == value)
        when = replace(when, among=fitting if len(fitting) > 1 else ())
    return when
