"""Laws of merging: make an agreed pair, perturb both halves, merge, apply, settle, and see what must hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.mapping import Blank, Direction, FieldMap, FieldRule, Kind, Rule
from syncd.core.merge import merge
from syncd.core.model import SIDES, Decision, Outcome, Pair, Receipt, Side, Verdict
from syncd.core.plan import bases_after, intents
from syncd.core.settle import settle
from tests.unit.core.cases import C, S, between, field_map, pair, policy, rule, stage_rule

WORDS = st.sampled_from(["", "a", "b", "c", "A"])
TAGS = st.lists(st.sampled_from("abcd"), unique=True).map(lambda found: tuple(sorted(found)))
STAGES = {
    S: st.sampled_from(["", "New Lead", "Contacted", "Quoted", "Sold", "Lost"]),
    C: st.sampled_from(["", "lead", "opportunity", "customer", "evangelist"]),
}
PHONES = st.sampled_from(["", "+13055551234", "(305) 555-1234", "305.555.9999", "call Ann"])
CONFLICTS = st.permutations([Rule.NEWEST, Rule.SALESPULSE, Rule.CRM, Rule.HOLD]).map(tuple)
FIRSTS = st.permutations([Rule.FILL, Rule.NEWEST, Rule.SALESPULSE, Rule.CRM, Rule.HOLD]).map(tuple)
MOMENTS = st.none() | st.builds(
    lambda first, length: between(first, first + length), st.integers(0, 20), st.integers(0, 5)
)


@st.composite
def fields_and_pairs(draw: st.DrawFn) -> tuple[FieldMap, Pair]:
    """A mapping with every sort of rule, and a pair whose fields agreed once or never and edited since."""
    more = {
        "blank": draw(st.sampled_from([Blank.COPY, Blank.KEEP])),
        "conflict": draw(CONFLICTS),
        "first_sync": draw(FIRSTS),
    }
    text = rule("text", direction=draw(st.sampled_from(Direction)), **more)
    name = rule("name", kind=Kind.NAME, **more)
    phone = rule("phone", kind=Kind.PHONE, **more)
    tags = rule("tags", kind=Kind.MULTICHOICE, blank=more["blank"], conflict=(Rule.UNION,), first_sync=(Rule.UNION,))
    stage = stage_rule(first_sync=more["first_sync"])
    values = {"text": WORDS, "name": WORDS, "phone": PHONES, "tags": TAGS}
    now: dict[str, Any] = {}
    base: dict[str, Any] = {}
    for each in (text, name, phone, tags, stage):
        left, right = (STAGES[S], STAGES[C]) if each is stage else (values[each.name],) * 2
        agreed = draw(st.none() | (st.sampled_from(each.table) if each is stage else left.map(lambda v: (v, v))))
        if agreed is None:
            now[each.name] = draw(left), draw(right)
            continue
        base[each.name] = agreed
        now[each.name] = (
            draw(st.just(agreed[0]) | left),
            draw(st.just(agreed[1]) | right),
        )
    fields = field_map(text, name, phone, tags, stage)
    sides = {
        side: {"since": {each.on(side): when for each in fields.rules if (when := draw(MOMENTS)) is not None}}
        for side in SIDES
    }
    return fields, pair(fields, now, base, salespulse=sides[S], crm=sides[C])


def shown(whole: Pair, side: Side, each: FieldRule) -> Any:
    return whole.on(side).record.values[each.on(side)]


def written(whole: Pair, side: Side, values: Any) -> Pair:
    observed = whole.on(side)
    record = replace(observed.record, values={**observed.record.values, **values})
    return replace(whole, **{side.value: replace(observed, record=record)})


def after(fields: FieldMap, whole: Pair, decisions: tuple[Decision, ...]) -> Pair:
    """The pair when a pass has written, been answered and settled everything."""
    bases = {**whole.link.bases, **bases_after(fields, whole, decisions)}
    for intent in intents(fields, policy(), whole, decisions, intent_id="i", wants_stamp={}):
        whole = written(whole, intent.side, intent.values)
        receipt = Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, shown=whole.on(intent.side).record)
        bases |= settle(fields, intent, receipt, whole.on(intent.side.other), "HubSpot").bases
    return replace(whole, link=replace(whole.link, bases=bases))


@given(fields_and_pairs())
def test_after_a_pass_nothing_is_left_to_write(world: tuple[FieldMap, Pair]) -> None:
    fields, whole = world
    for _ in range(2):
        whole = after(fields, whole, merge(fields, whole))
    rest = merge(fields, whole)
    assert {decision.verdict for decision in rest}.isdisjoint({Verdict.WRITE, Verdict.UNREAD})
    assert not any(decision.rebase for decision in rest)


@given(fields_and_pairs())
def test_one_pass_is_enough_unless_both_halves_of_a_union_are_written(world: tuple[FieldMap, Pair]) -> None:
    fields, whole = world
    first = merge(fields, whole)
    unions = {decision.rule for decision in first if len(decision.writes) == 2}
    rest = merge(fields, after(fields, whole, first))
    assert unions >= {decision.rule for decision in rest if decision.verdict in {Verdict.WRITE, Verdict.AGREED}}


@given(fields_and_pairs())
def test_every_two_way_field_agrees_or_says_why_not(world: tuple[FieldMap, Pair]) -> None:
    fields, whole = world
    done = after(fields, whole, merge(fields, whole))
    for each, decision in zip(fields.rules, merge(fields, done), strict=True):
        if each.direction is Direction.BOTH and decision.verdict is Verdict.UNCHANGED:
            alone = replace(done, link=replace(done.link, bases={}))
            (fresh,) = merge(replace(fields, rules=(each,)), alone)
            assert fresh.verdict is Verdict.AGREED


@given(fields_and_pairs())
def test_no_side_is_written_that_its_direction_forbids(world: tuple[FieldMap, Pair]) -> None:
    fields, whole = world
    for each, decision in zip(fields.rules, merge(fields, whole), strict=True):
        assert all(each.direction.allows(side) for side in decision.writes)


@given(fields_and_pairs())
def test_no_write_repeats_what_is_there_or_forgets_what_it_replaces(world: tuple[FieldMap, Pair]) -> None:
    fields, whole = world
    for each, decision in zip(fields.rules, merge(fields, whole), strict=True):
        for side, change in decision.writes.items():
            assert change.field == each.on(side)
            assert change.before == shown(whole, side, each)
            assert change.after != change.before


@given(fields_and_pairs(), st.sampled_from(SIDES))
def test_an_edit_on_one_side_alone_is_never_lost(world: tuple[FieldMap, Pair], edited: Side) -> None:
    """Whoever edits alone sees the edit stand, unless it is a blank that may not travel."""
    fields, whole = world
    values = {
        each.on(edited.other): base.on(edited.other)
        for each in fields.rules
        if (base := whole.link.bases.get(each.name))
    }
    whole = written(whole, edited.other, values)
    for each, decision in zip(fields.rules, merge(fields, whole), strict=True):
        if each.name in whole.link.bases and edited in decision.writes:
            assert decision.by == "blank"
            assert each.blank is Blank.KEEP
            assert not shown(whole, edited, each)


@given(fields_and_pairs())
def test_a_replaced_edit_is_marked_lost(world: tuple[FieldMap, Pair]) -> None:
    """A typed value that neither side has afterwards lost to a named rule, and the ledger will say so."""
    fields, whole = world
    for each, decision in zip(fields.rules, merge(fields, whole), strict=True):
        for side, change in decision.writes.items():
            base = whole.link.bases.get(each.name)
            untouched = base is not None and base.on(side) == change.before
            if not untouched and change.before and change.by != "union":
                # A value that only differs in writing from its base was not edited.
                alone = written(whole, side.other, {each.on(side.other): base.on(side.other)} if base else {})
                same = base is not None and merge(replace(fields, rules=(each,)), alone)[0].verdict is Verdict.UNCHANGED
                assert change.lost is not same


@given(fields_and_pairs(), st.randoms(use_true_random=False))
def test_a_field_s_decision_does_not_depend_on_the_others(world: tuple[FieldMap, Pair], random: Any) -> None:
    fields, whole = world
    shuffled = list(fields.rules)
    random.shuffle(shuffled)
    by_name = {decision.rule: decision for decision in merge(fields, whole)}
    assert {decision.rule: decision for decision in merge(replace(fields, rules=tuple(shuffled)), whole)} == by_name
    for each in fields.rules:
        assert merge(replace(fields, rules=(each,)), whole) == (by_name[each.name],)


MIRROR = {Rule.SALESPULSE: Rule.CRM, Rule.CRM: Rule.SALESPULSE}


@given(
    st.none() | WORDS,
    st.tuples(WORDS, WORDS),
    st.tuples(MOMENTS, MOMENTS),
    st.sampled_from([Blank.COPY, Blank.KEEP]),
    st.tuples(CONFLICTS, FIRSTS),
)
def test_mirrored_sides_have_a_mirrored_plan(
    agreed: str | None, values: Any, since: Any, blank: Blank, orders: Any
) -> None:
    outcomes = []
    for mirrored in (False, True):
        rules = [tuple(MIRROR.get(each, each) if mirrored else each for each in order) for order in orders]
        fields = field_map(rule("x", "x", blank=blank, conflict=rules[0], first_sync=rules[1]))
        now = values[::-1] if mirrored else values
        times = since[::-1] if mirrored else since
        sides = [{"since": {"x": when} if when else {}} for when in times]
        base = {} if agreed is None else {"x": (agreed, agreed)}
        (decision,) = merge(fields, pair(fields, {"x": now}, base, salespulse=sides[0], crm=sides[1]))
        writes = {
            side.other if mirrored else side: (change.after, change.lost) for side, change in decision.writes.items()
        }
        outcomes.append((decision.verdict, decision.rebase, decision.wants_times, decision.hold, writes))
    assert outcomes[0] == outcomes[1]
