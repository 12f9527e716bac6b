"""From decisions to intents, holds, bases and counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.holds import ADVICE
from syncd.core.mapping import Direction, Kind, Rule
from syncd.core.merge import merge
from syncd.core.model import FieldSpec, HoldReason, Intent, LinkState, Op, Pair, Verdict
from syncd.core.plan import bases_after, creation, fingerprint, holds_of, intents, tally, withhold
from tests.unit.core.cases import UNREAD, C, S, field_map, observed, pair, policy, rule, stage_rule

FIELDS = field_map(rule("a"), rule("b"), rule("c"))
BOTH = policy(identity={C: "salespulse_id"})
AGREED = {"a": ("1", "1"), "b": ("1", "1"), "c": ("1", "1")}
NO_STAMP: dict[Any, bool] = {}


def plan(now: dict[str, Any], wants_stamp: Any = NO_STAMP, by: Any = BOTH, **link: Any) -> tuple[Intent, ...]:
    whole = pair(FIELDS, AGREED | now, AGREED)
    whole = replace(whole, link=replace(whole.link, **link))
    return intents(FIELDS, by, whole, merge(FIELDS, whole), intent_id="i", wants_stamp=wants_stamp)


def test_all_changes_of_a_side_are_one_intent() -> None:
    (intent,) = plan({"a": ("2", "1"), "c": ("3", "1")})
    assert (intent.side, intent.op, intent.target, intent.origin) == (C, Op.UPDATE, "c1", "s1")
    assert intent.values == {"crm_a": "2", "crm_c": "3"}
    assert intent.stamp is None


def test_each_side_has_an_intent_with_an_id_of_its_own() -> None:
    found = plan({"a": ("2", "1"), "b": ("1", "2")})
    assert [(intent.id, intent.side) for intent in found] == [("i-salespulse", S), ("i-crm", C)]


def test_nothing_to_write_is_no_intent() -> None:
    assert plan({"b": ("9", UNREAD)}) == ()


def test_only_the_id_property_missing_is_a_stamp() -> None:
    (intent,) = plan({}, {C: True, S: True})
    assert (intent.side, intent.op, intent.stamp, intent.changes) == (C, Op.STAMP, "s1", ())


def test_the_id_property_travels_with_an_update() -> None:
    (intent,) = plan({"a": ("2", "1")}, {C: True})
    assert (intent.op, intent.stamp) == (Op.UPDATE, "s1")


def test_case_44_a_side_that_may_not_be_written_gets_no_id_property() -> None:
    assert plan({}, {C: True}, replace(BOTH, direction=Direction.TO_SALESPULSE)) == ()


@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.SEVERED, LinkState.MOVED])
def test_case_57_only_an_active_link_is_written_to(state: LinkState) -> None:
    assert plan({"a": ("2", "1")}, {C: True}, state=state) == ()


def test_two_rules_onto_one_field_write_it_once() -> None:
    first, second = rule("a", "x"), rule("b", "x", direction=Direction.TO_CRM)
    fields = field_map(first, second)
    whole = pair(fields, {"a": ("2", "1"), "b": ("3", "1")}, {"a": ("1", "1"), "b": ("1", "1")})
    decisions = merge(fields, whole)
    (intent,) = intents(fields, BOTH, whole, decisions[::-1], intent_id="i", wants_stamp={})
    assert [(change.field, change.after) for change in intent.changes] == [("x", "2")]


def test_a_held_field_is_a_hold_with_both_values() -> None:
    whole = pair(FIELDS, AGREED | {"b": ("2", "3")}, AGREED)
    (hold,) = holds_of(FIELDS, whole, merge(FIELDS, whole))
    assert (hold.reason, hold.field, hold.values) == (HoldReason.CONFLICT, "b", {S: "2", C: "3"})
    assert (hold.connection, hold.subject) == ("hubspot", "s1|c1")
    assert hold.message


def test_agreed_fields_take_what_both_sides_show_as_bases() -> None:
    whole = pair(FIELDS, {"a": ("1", "1"), "b": ("2", "2"), "c": ("3", "1")}, {"a": ("1", "1"), "c": ("1", "1")})
    bases = bases_after(FIELDS, whole, merge(FIELDS, whole))
    assert {name: (each.salespulse, each.crm) for name, each in bases.items()} == {"b": ("2", "2")}
    assert bases["b"].fingerprint == FIELDS.rules[1].fingerprint


class TestWithhold:
    """A refused write is not repeated until something changes."""

    def verdict(self, reason: HoldReason, whole: Pair, held_on: Pair) -> Verdict:
        decisions = merge(FIELDS, whole)
        writing = replace(decisions[1], verdict=Verdict.HELD, hold=reason, message="NO", writes={})
        standing = holds_of(FIELDS, held_on, [writing])
        return withhold(FIELDS, whole, decisions, standing)[1].verdict

    edited = pair(FIELDS, AGREED | {"b": ("2", "1")}, AGREED)
    again = pair(FIELDS, AGREED | {"b": ("3", "1")}, AGREED)

    @pytest.mark.parametrize("reason", [HoldReason.REFUSED, HoldReason.IGNORED, HoldReason.FLIPS])
    def test_the_same_write_stays_held(self, reason: HoldReason) -> None:
        assert self.verdict(reason, self.edited, self.edited) is Verdict.HELD

    def test_a_new_value_is_a_new_attempt(self) -> None:
        assert self.verdict(HoldReason.REFUSED, self.again, self.edited) is Verdict.WRITE

    def test_a_hold_that_a_merge_can_end_does_not_stand(self) -> None:
        assert self.verdict(HoldReason.CONFLICT, self.edited, self.edited) is Verdict.WRITE


class TestCreation:
    fields = field_map(
        rule("name"),
        rule("note", specs={C: FieldSpec(name="crm_note", max_length=3)}),
        rule("kind", kind=Kind.CHOICE, table=(("x1", "X one"),)),
        rule("back", direction=Direction.TO_SALESPULSE),
        stage_rule(),
        create={C: {"crm_note": "-", "status": "NEW", "crm_name": "Unknown"}},
    )

    def made(self, values: dict[str, Any], identity: Any = BOTH.identity) -> Any:
        return creation(self.fields, policy(identity=identity), S, observed("s1", values), "i")

    def test_it_carries_what_it_can_and_fills_in_defaults(self) -> None:
        made = self.made({"name": "Ann", "note": " ", "kind": "x1", "back": "b", "stage": "Quoted"})
        assert made.intent.values == {
            "crm_name": "Ann",
            "crm_kind": "X one",
            "lifecyclestage": "opportunity",
            "crm_note": "-",
            "status": "NEW",
        }
        assert (made.intent.op, made.intent.side, made.intent.origin, made.intent.target) == (
            Op.CREATE,
            C,
            "s1",
            "",
        )
        assert made.holds == ()

    def test_a_field_that_cannot_be_carried_is_held_and_the_record_made(self) -> None:
        made = self.made({"name": "Ann", "note": "long", "kind": "x9"})
        assert "crm_kind" not in made.intent.values
        assert [(hold.field, hold.reason, hold.values) for hold in made.holds] == [
            ("note", HoldReason.TOO_LONG, {S: "long"}),
            ("kind", HoldReason.NO_VALUE, {S: "x9"}),
        ]

    def test_case_37_a_stage_without_a_row_is_left_out(self) -> None:
        made = self.made({"name": "Ann", "stage": "Lost"})
        assert "lifecyclestage" not in made.intent.values
        assert made.holds == ()

    def test_case_40_the_id_property_is_set_where_there_is_one(self) -> None:
        assert self.made({"name": "Ann"}).intent.stamp == "s1"
        assert self.made({"name": "Ann"}, identity={}).intent.stamp is None

    def test_a_default_of_the_source_side_is_not_copied(self) -> None:
        source = observed("c1", {"crm_name": "Unknown", "crm_kind": "X one"})
        made = creation(self.fields, policy(), C, source, "i")
        assert made.intent.values == {"kind": "x1"}
        assert made.intent.side is S


def test_the_tally_counts_intents_by_side() -> None:
    found = tally([*plan({"a": ("2", "1"), "c": ("3", "1")}), *plan({"b": ("1", "2")}), *plan({}, {C: True})])
    assert found.changes == {S: 1, C: 1}
    assert found.stamps == {S: 0, C: 1}
    assert found.creates == found.deletes == {S: 0, C: 0}


class TestFingerprint:
    """It names what would be written, and nothing else."""

    one, other = plan({"a": ("2", "1"), "b": ("1", "2")})

    def test_order_ids_and_wording_do_not_matter(self) -> None:
        renamed = replace(self.one, id="z", reason="said otherwise")
        assert fingerprint([self.one, self.other]) == fingerprint([self.other, renamed])

    @pytest.mark.parametrize(
        "more",
        [
            {"stamp": "s1"},
            {"crm_id": "c2"},
            {"op": Op.CREATE},
            {"archive": True},
            {"connection": "other"},
            {"changes": ()},
        ],
    )
    def test_every_part_of_a_write_matters(self, more: Any) -> None:
        assert fingerprint([replace(self.one, **more)]) != fingerprint([self.one])

    def test_values_of_another_type_matter(self) -> None:
        (change,) = self.one.changes
        text = replace(self.one, changes=(replace(change, after="2"),))
        number = replace(self.one, changes=(replace(change, after=2),))
        assert fingerprint([text]) != fingerprint([number])

    def test_a_repeated_line_matters(self) -> None:
        assert fingerprint([self.one]) != fingerprint([self.one, self.one])


def test_every_reason_to_hold_has_advice() -> None:
    assert set(ADVICE) == set(HoldReason)
    assert all(advice.title and advice.remedy and not advice.remedy.endswith(".") for advice in ADVICE.values())


def test_a_first_sync_that_is_left_to_differ_has_bases_too() -> None:
    fields = field_map(rule("a", direction=Direction.TO_CRM, first_sync=(Rule.CRM,)))
    whole = pair(fields, {"a": ("1", "2")})
    decisions = merge(fields, whole)
    assert decisions[0].verdict is Verdict.DIFFERS
    assert bases_after(fields, whole, decisions)["a"].crm == "2"
