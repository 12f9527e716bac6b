"""Asks the conflict rules, in the order that the mapping gives, which side of a disputed field wins.

It names a winner or says why none was found. It must not carry values, and it never makes up an order: times
that do not tell which edit was later decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from syncd.core import lens
from syncd.core.mapping import FieldRule, Kind, Rule
from syncd.core.model import Pair, Side, When

#: Clocks of two hosts are never equal: times closer than this do not say who was later (contract, "newest").
SKEW = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """``by`` decided for ``winner``. A union has no single winner; HOLD has none, and ``reason`` says why."""

    by: Rule
    winner: Side | None = None
    reason: str = ""
    wants_times: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    when: When
    told: bool  #: it is about this field; otherwise it is the time of the record that it is in


def judge(
    rule: FieldRule,
    order: Sequence[Rule],
    *,
    pair: Pair,
    first: bool,
    blank: Mapping[Side, bool],
    times: Mapping[Side, Mapping[str, When]] | None,
    names: Mapping[Side, str],
) -> Judgement:
    """Given the rules in their order, return the first that decides, else HOLD with what each of them lacked.

    ``first``: the pair never agreed on the field. Only then is ``fill`` asked and the record's modified time
    evidence.
    ``times`` and ``names``: as in merge.
    """
    lacking: list[str] = []
    wants = False
    for asked in order:
        match asked:
            case Rule.NEWEST:
                found = _newest(rule, pair, first=first, times=times, names=names)
                wants = found.wants_times
            case Rule.SALESPULSE:
                found = _wins(asked, Side.SALESPULSE, names)
            case Rule.CRM:
                found = _wins(asked, Side.CRM, names)
            case Rule.ADVANCE:
                found = _advance(rule, pair, names)
            case Rule.UNION:
                if rule.kind is Kind.MULTICHOICE:
                    return Judgement(by=asked, wants_times=wants)
                found = _undecided("union: not a multichoice field")
            case Rule.FILL:
                found = _fill(blank, names) if first else _undecided("")
            case Rule.HOLD:
                break
            case _:
                assert_never(asked)
        if found.winner is not None:
            return replace(found, wants_times=wants)
        lacking.append(found.reason)
    return Judgement(by=Rule.HOLD, reason="; ".join(filter(None, lacking)), wants_times=wants)


def _undecided(why: str, *, wants_times: bool = False) -> Judgement:
    return Judgement(by=Rule.HOLD, reason=why, wants_times=wants_times)


def _wins(by: Rule, side: Side, names: Mapping[Side, str]) -> Judgement:
    return Judgement(by=by, winner=side, reason=f"{by.value}: {names[side]} wins")


def _fill(blank: Mapping[Side, bool], names: Mapping[Side, str]) -> Judgement:
    empty = [side for side in Side if blank[side]]
    if len(empty) != 1:
        return _undecided("")
    return Judgement(by=Rule.FILL, winner=empty[0].other, reason=f"fill: blank in {names[empty[0]]}")


def _advance(rule: FieldRule, pair: Pair, names: Mapping[Side, str]) -> Judgement:
    if not rule.stage:
        return _undecided("advance: not a stage")
    ranks = {side: lens.rank(rule, side, pair.on(side).record.values.get(rule.on(side))) for side in Side}
    mine, theirs = ranks[Side.SALESPULSE], ranks[Side.CRM]
    if mine is None or theirs is None or mine == theirs:
        return _undecided("advance: neither stage is further along")
    winner = Side.SALESPULSE if mine > theirs else Side.CRM
    return Judgement(by=Rule.ADVANCE, winner=winner, reason=f"advance: {names[winner]} is further along")


def _newest(
    rule: FieldRule,
    pair: Pair,
    *,
    first: bool,
    times: Mapping[Side, Mapping[str, When]] | None,
    names: Mapping[Side, str],
) -> Judgement:
    if _chosen_by_nobody(rule, pair):
        reason = f"newest: {names[Side.CRM]} later than a stage of several that nobody chose in SalesPulse"
        return Judgement(by=Rule.NEWEST, winner=Side.CRM, reason=reason)
    known = {side: _evidence(rule, pair, side, first=first, times=times) for side in Side}
    mine, theirs = known[Side.SALESPULSE], known[Side.CRM]
    if mine is None or theirs is None:
        silent = " and in ".join(names[side] for side in Side if known[side] is None)
        return _undecided(f"newest: when it changed in {silent} is not known", wants_times=times is None)
    told = mine.told and theirs.told
    for side, later, earlier in ((Side.SALESPULSE, mine, theirs), (Side.CRM, theirs, mine)):
        gap = _gap(later.when, earlier.when)
        if gap is not None and gap >= SKEW:
            # A field's own exact time lies inside its interval, so intervals that are apart cannot change
            # their order.
            return Judgement(
                by=Rule.NEWEST,
                winner=side,
                reason=f"newest: {names[side]} {_spoken(gap)} later",
                wants_times=times is None and not told,
            )
    exact = mine.when.exact and theirs.when.exact
    why = "less than 2 s apart" if exact else "not known closely enough to tell which was later"
    return _undecided(f"newest: the times are {why}", wants_times=times is None and not (told and exact))


def _evidence(
    rule: FieldRule,
    pair: Pair,
    side: Side,
    *,
    first: bool,
    times: Mapping[Side, Mapping[str, When]] | None,
) -> _Evidence | None:
    """The best that is known of when a side's value came.

    That is the vendor's history, else the look that showed it, else, at a first sync only, the record's time.
    """
    field, observed = rule.on(side), pair.on(side)
    when = (times or {}).get(side, {}).get(field)
    if when is not None:
        return _Evidence(when=when, told=True)
    when = observed.since.get(field)
    if when is not None:
        # A moment that a look found is its record's: another field may have moved it on since the edit.
        return _Evidence(when=when, told=not when.exact)
    at = observed.edited_at or observed.record.modified_at
    # Later than the first sync a record's time says little: any other field may have moved it since the edit.
    return _Evidence(when=When(earliest=at, latest=at), told=False) if first and at is not None else None


def _chosen_by_nobody(rule: FieldRule, pair: Pair) -> bool:
    """Whether SalesPulse shows the first of several stages, and the CRM's stage is another of these."""
    when = pair.salespulse.since.get(rule.salespulse)
    if when is None or not when.among:
        return False
    carried = lens.carry(rule, Side.SALESPULSE, pair.crm.record.values.get(rule.crm))
    return isinstance(carried, lens.Carried) and str(carried.value) in when.among


def _gap(later: When, earlier: When) -> timedelta | None:
    """The least time between the two, if the first is wholly after the second."""
    if later.earliest is None or later.earliest < earlier.latest:
        return None
    return later.earliest - earlier.latest


def _spoken(gap: timedelta) -> str:
    seconds = gap.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
