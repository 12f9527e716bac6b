"""Decides every field of a pair from what both sides show and what they last agreed on: one decision a field.

It must not read or write anything, look at a clock, or compare values other than through the lens. It never
raises for odd values. The order of the branches is the meaning: each comment says what is known where it
stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import assert_never

from syncd.core import holds, lens
from syncd.core.judge import Judgement, judge
from syncd.core.mapping import Blank, Direction, FieldMap, FieldRule, Rule, Unmapped
from syncd.core.model import SIDES, Base, Change, Decision, HoldReason, Pair, Side, Value, Verdict, When

#: side → that side's field name → when its present value was set, as the vendor's own history says
Times = Mapping[Side, Mapping[str, When]]


def merge(fields: FieldMap, pair: Pair, times: Times | None = None, *, label: str = "the CRM") -> tuple[Decision, ...]:
    """Given a mapping and a pair, return one decision for every rule, in the mapping's order.

    ``times`` is fetched only after a first merge answered ``wants_times``; such a decision stands on weaker
    evidence until then and must not be acted on when the times can be had. ``label`` is the CRM's name for
    people.
    """
    return tuple(_decide(fields, rule, pair, times, label) for rule in fields.rules)


def counts_as_blank(fields: FieldMap, rule: FieldRule, side: Side, value: Value) -> bool:
    """Whether a side shows no value of its own: a blank, or what ``[create]`` puts into new records there."""
    if lens.blank(value):
        return True
    default = fields.create.get(side, {}).get(rule.on(side))
    return default is not None and lens.same(rule, side, value, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One field of one pair: everything that its decision depends on."""

    rule: FieldRule
    pair: Pair
    base: Base | None  #: None: the pair never agreed on the field under this rule
    now: Mapping[Side, Value]
    blank: Mapping[Side, bool]
    changed: Mapping[Side, bool]  #: against each side's own base; without a base both count as changed
    times: Times | None
    names: Mapping[Side, str]

    def decision(self, verdict: Verdict, *, by: str, reason: str) -> Decision:
        return Decision(rule=self.rule.name, verdict=verdict, by=by, reason=reason)

    def held(self, reason: HoldReason, message: str, *, by: str) -> Decision:
        clause = holds.ADVICE[reason].title
        return Decision(rule=self.rule.name, verdict=Verdict.HELD, by=by, reason=clause, hold=reason, message=message)

    @property
    def sender(self) -> Side | None:
        """The side whose values are copied, for a one-way field."""
        match self.rule.direction:
            case Direction.BOTH:
                return None
            case Direction.TO_CRM:
                return Side.SALESPULSE
            case Direction.TO_SALESPULSE:
                return Side.CRM


@lru_cache(maxsize=1024)
def _unchanged(name: str) -> Decision:
    """Nearly every decision is this one, so it is made once a rule."""
    return Decision(rule=name, verdict=Verdict.UNCHANGED, by="base", reason="each side shows what it last showed")


def _decide(fields: FieldMap, rule: FieldRule, pair: Pair, times: Times | None, label: str) -> Decision:
    names = {Side.SALESPULSE: "SalesPulse", Side.CRM: label}
    shown = {side: pair.on(side).record.values for side in SIDES}
    for side in SIDES:
        if rule.on(side) not in shown[side]:
            return Decision(rule=rule.name, verdict=Verdict.UNREAD, reason=f"not read in {names[side]}")
    now = {side: shown[side][rule.on(side)] for side in SIDES}
    base = pair.link.bases.get(rule.name)
    if base is not None and base.fingerprint != rule.fingerprint:
        base = None
    if base is not None and all(base.on(side) == now[side] for side in SIDES):
        return _unchanged(rule.name)

    blank = {side: counts_as_blank(fields, rule, side, now[side]) for side in SIDES}
    changed = {side: base is None or not _same(fields, rule, side, base.on(side), now[side]) for side in SIDES}
    # Two bases, so a side that reformats or loses detail is still unchanged, whether or not the two would
    # agree today.
    if not any(changed.values()):
        return _unchanged(rule.name)
    # Equal is agreed: before anything is called a change or a conflict. This heals interrupted passes and
    # lost state.
    also = pair.crm.record.also.get(rule.crm, ())
    if all(blank.values()) or lens.agree(rule, now[Side.SALESPULSE], now[Side.CRM], also):
        return replace(_unchanged(rule.name), verdict=Verdict.AGREED, reason="both sides show the same", rebase=True)

    it = _Field(rule=rule, pair=pair, base=base, now=now, blank=blank, changed=changed, times=times, names=names)
    # From here on the sides disagree and at least one has changed.
    if rule.stage and (outside := _outside_the_table(it)):
        return outside
    if base is None:
        return _first(it)
    if it.sender is not None:
        return _one_way(it, it.sender)
    if changed[Side.SALESPULSE] and changed[Side.CRM]:
        return _both_changed(it)
    return _one_changed(it, Side.SALESPULSE if changed[Side.SALESPULSE] else Side.CRM)


def _same(fields: FieldMap, rule: FieldRule, side: Side, a: Value, b: Value) -> bool:
    if lens.same(rule, side, a, b):
        return True
    return counts_as_blank(fields, rule, side, a) and counts_as_blank(fields, rule, side, b)


def _outside_the_table(it: _Field) -> Decision | None:
    """A stage without a row is neither copied nor overwritten: nobody said what it means over there."""
    for side in SIDES:
        if it.blank[side] or lens.mapped(it.rule, side, it.now[side]):
            continue
        reason = f"the stage in {it.names[side]} has no row in the mapping's stage table"
        if side is Side.SALESPULSE or it.rule.unmapped is Unmapped.IGNORE:
            return it.decision(Verdict.LEFT, by="unmapped", reason=reason)
        carried = lens.carry(it.rule, side.other, it.now[side], it.now[side.other])
        said = carried.message if isinstance(carried, lens.Cannot) else holds.message(HoldReason.NO_VALUE, reason)
        return it.held(HoldReason.NO_VALUE, said, by="unmapped")
    return None


def _one_changed(it: _Field, side: Side) -> Decision:
    """A two-way field that only ``side`` changed: carried, unless it is a blank that may not travel."""
    name, other = it.names[side], it.names[side.other]
    if not it.blank[side]:
        return _write(it, side, by="changed", reason=f"changed in {name} only", lost=False)
    match it.rule.blank:
        case Blank.COPY:
            return _write(it, side, by="changed", reason=f"cleared in {name} only", lost=False)
        case Blank.KEEP:
            reason = f"cleared in {name}, but a blank never overwrites: filled again from {other}"
            return _write(it, side.other, by="blank", reason=reason, lost=not lens.blank(it.now[side]))
        case Blank.NEVER:
            return it.decision(Verdict.LEFT, by="blank", reason=f"blank in {name}; a blank here overwrites nothing")
    assert_never(it.rule.blank)


def _one_way(it: _Field, sender: Side) -> Decision:
    """A one-way field that once agreed: the receiving side's edits stand until the sender changes."""
    name, receiver = it.names[sender], it.names[sender.other]
    if not it.changed[sender]:
        reason = f"edited in {receiver}; the field goes from {name} only, so it is left until {name} changes"
        return it.decision(Verdict.DIFFERS, by="direction", reason=reason)
    if it.blank[sender] and it.rule.blank is not Blank.COPY:
        return it.decision(Verdict.LEFT, by="blank", reason=f"cleared in {name}; a blank here overwrites nothing")
    if it.changed[sender.other]:
        reason = f"changed in {name}; the field goes from {name} only, so the edit in {receiver} was replaced"
        return _write(it, sender, by="direction", reason=reason, lost=True)
    return _write(it, sender, by="changed", reason=f"changed in {name} only", lost=False)


def _both_changed(it: _Field) -> Decision:
    """A two-way field that once agreed and was changed on both sides to different things."""
    blank = _only_blank(it)
    # Where blanks do not travel, a blank against a value is no conflict: whoever typed a value wins.
    if blank is not None and it.rule.blank is not Blank.COPY:
        reason = f"changed in {it.names[blank.other]}; blank in {it.names[blank]}, and a blank never wins"
        return _write(it, blank.other, by="blank", reason=reason, lost=not lens.blank(it.now[blank]))
    return _by_rules(it, it.rule.conflict, "changed in {} and in {} since they last agreed")


def _first(it: _Field) -> Decision:
    """The pair never agreed on this field, so nobody knows who changed what: ``first_sync`` decides."""
    blank = _only_blank(it)
    if blank is not None and it.rule.blank is not Blank.COPY and Rule.FILL not in it.rule.first_sync:
        name = it.names[blank]
        if it.rule.blank is Blank.NEVER:
            return it.decision(Verdict.LEFT, by="blank", reason=f"blank in {name}; a blank here is left alone")
        reason = f"blank in {name}, and a blank never wins"
        return _write(it, blank.other, by="blank", reason=reason, lost=False)
    return _by_rules(it, it.rule.first_sync, "different in {} and in {}, which never agreed before")


def _only_blank(it: _Field) -> Side | None:
    """The blank side. Two blanks agree and do not come this far."""
    return next((side for side in SIDES if it.blank[side]), None)


def _by_rules(it: _Field, rules: tuple[Rule, ...], what: str) -> Decision:
    """Ask the conflict rules in their order. ``what`` has a place for the name of each side."""
    verdict = judge(
        it.rule,
        rules,
        pair=it.pair,
        first=it.base is None,
        blank=it.blank,
        times=it.times,
        names=it.names,
    )
    decision = _carry_out(it, verdict, what.format(*(it.names[side] for side in SIDES)))
    return replace(decision, wants_times=True) if verdict.wants_times else decision


def _carry_out(it: _Field, verdict: Judgement, what: str) -> Decision:
    if verdict.by is Rule.UNION:
        return _union(it, what)
    if verdict.winner is None:
        said = holds.message(HoldReason.CONFLICT, f"{it.rule.name}: {what}", why=verdict.reason)
        return it.held(HoldReason.CONFLICT, said, by=verdict.by.value)
    winner = verdict.winner
    # A blank cannot win where blanks do not travel, whichever rule names it (a first sync that lists fill
    # last).
    if it.blank[winner] and it.rule.blank is not Blank.COPY:
        winner = winner.other
        return _write(it, winner, by="blank", reason="a blank never wins", lost=False)
    lost = it.changed[winner.other] and (it.base is not None or not it.blank[winner.other])
    return _write(it, winner, by=verdict.by.value, reason=verdict.reason, lost=lost)


def _write(it: _Field, winner: Side, *, by: str, reason: str, lost: bool) -> Decision:
    """Write the winner's value to the other side, if it may and can be written there."""
    to = winner.other
    if not it.rule.direction.allows(to):
        # Only a first sync comes here. The bases are set all the same, so that the sender's next edit is seen
        # as one.
        reason = f"{reason}, but the field goes from {it.names[to]} only: left"
        return Decision(rule=it.rule.name, verdict=Verdict.DIFFERS, by=by, reason=reason, rebase=True)
    present = it.now[to]
    carried: lens.Carried | lens.Cannot | lens.Skip
    carried = lens.Carried(value=None) if it.blank[winner] else lens.carry(it.rule, to, it.now[winner], present)
    match carried:
        case lens.Cannot(reason=cause, message=said):
            return it.held(cause, said, by=by)
        case lens.Skip(reason=said):
            return it.decision(Verdict.LEFT, by="unmapped", reason=said)
        case lens.Carried(value=after):
            # The sides disagree, so what is carried differs from what is there: never an empty write.
            change = Change(
                field=it.rule.on(to),
                before=present,
                after=after,
                rule=it.rule.name,
                by=by,
                reason=reason,
                lost=lost,
            )
            return Decision(rule=it.rule.name, verdict=Verdict.WRITE, by=by, reason=reason, writes={to: change})
    assert_never(carried)


def _union(it: _Field, what: str) -> Decision:
    """Three-way merge of two sets: what either side added is in, what either side removed is out."""
    union: frozenset[str] = frozenset().union(*(_words(it.rule, side, it.now[side]) for side in SIDES))
    if it.base is not None:
        for side in SIDES:
            union -= _words(it.rule, side, it.base.on(side)) - _words(it.rule, side, it.now[side])
    reason = f"union: {what}; additions of both, removals of either"
    writes: dict[Side, Change] = {}
    for to in SIDES:
        carried = lens.spell(it.rule, to, union, it.now[to])
        match carried:
            case lens.Cannot(reason=cause, message=said):
                return it.held(cause, said, by=Rule.UNION.value)
            case lens.Skip(reason=said):
                return it.decision(Verdict.LEFT, by="unmapped", reason=said)
            case lens.Carried(value=after):
                if it.rule.direction.allows(to) and not lens.same(it.rule, to, after, it.now[to]):
                    writes[to] = Change(
                        field=it.rule.on(to),
                        before=it.now[to],
                        after=after,
                        rule=it.rule.name,
                        by=Rule.UNION.value,
                        reason=reason,
                    )
    if not writes:
        verdict = Verdict.AGREED if it.sender is None else Verdict.DIFFERS
        return Decision(rule=it.rule.name, verdict=verdict, by=Rule.UNION.value, reason=reason, rebase=True)
    return Decision(rule=it.rule.name, verdict=Verdict.WRITE, by=Rule.UNION.value, reason=reason, writes=writes)


def _words(rule: FieldRule, side: Side, value: Value) -> frozenset[str]:
    words = lens.canonical(rule, side, value)
    return words if isinstance(words, frozenset) else frozenset()
