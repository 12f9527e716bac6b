"""Worked cases 23 to 25, and what else a receipt can say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.mapping import Blank, FieldMap, FieldRule, Kind, Rule
from syncd.core.merge import merge
from syncd.core.model import Base, HoldReason, Intent, Op, Outcome, Pair, Receipt, Record, Settled, Side
from syncd.core.plan import creation, intents
from syncd.core.settle import BY_UNDO, remainder, settle
from tests.unit.core.cases import NOON, UNREAD, C, S, at, field_map, observed, pair, policy, rule, stage_rule

NOTE = rule("note")
FIELDS = field_map(NOTE, rule("city"))


def base(left: Any, right: Any, of: FieldRule = NOTE) -> Base:
    return Base(fingerprint=of.fingerprint, salespulse=left, crm=right)


def planned(fields: FieldMap, whole: Pair, side: Side = C) -> Intent:
    found = intents(fields, policy(), whole, merge(fields, whole), intent_id="i", wants_stamp={})
    return next(intent for intent in found if intent.side is side)


def receipt(intent: Intent, shown: dict[str, Any] | None = None, **more: Any) -> Receipt:
    record = None if shown is None else Record(id="c1", values=shown)
    return Receipt(**({"intent_id": intent.id, "outcome": Outcome.APPLIED, "shown": record} | more))


EDITED = pair(FIELDS, {"note": ("b", "a"), "city": ("x", "x")}, {"note": ("a", "a"), "city": ("x", "x")})


def settled(shown: dict[str, Any] | None = None, whole: Pair = EDITED, **more: Any) -> Settled:
    intent = planned(FIELDS, whole)
    return settle(FIELDS, intent, receipt(intent, shown, **more), whole.salespulse, "HubSpot")


def test_shown_equals_sent_is_agreed_and_in_the_ledger() -> None:
    found = settled({"crm_note": "b"})
    assert found.bases == {"note": base("b", "b")}
    (line,) = found.ledger
    assert (line.side, line.op, line.field, line.before, line.after, line.by) == (
        C,
        Op.UPDATE,
        "crm_note",
        "a",
        "b",
        "changed",
    )
    assert (line.link_id, line.salespulse_id, line.crm_id) == (7, "s1", "c1")
    assert not found.again


def test_case_23_a_write_that_left_the_old_value_is_ignored_and_keeps_its_base() -> None:
    found = settled({"crm_note": "a"})
    assert found.bases == {}
    assert found.ledger == ()
    (hold,) = found.holds
    assert (hold.reason, hold.field, hold.values) == (HoldReason.IGNORED, "note", {S: "b", C: "a"})
    assert "ignored by HubSpot" in hold.message


@pytest.mark.parametrize(
    ("modified", "told"),
    [(11, True), (10, False), (None, False)],
    ids=["later", "in the same second", "nobody knows when"],
)
def test_what_was_typed_after_the_write_is_an_edit_and_not_what_the_side_made_of_it(
    modified: int | None, told: bool
) -> None:
    changed_at = None if modified is None else NOON.replace(second=modified)
    intent = planned(FIELDS, EDITED)
    look = Record(id="c1", values={"crm_note": "typed"}, modified_at=changed_at)
    answer = receipt(intent, None, answered_at=NOON.replace(second=10))
    found = settle(FIELDS, intent, replace(answer, shown=look), EDITED.salespulse, "HubSpot")
    (line,) = found.ledger
    assert found.again is told
    assert found.bases == {"note": base("b", "b" if told else "typed")}
    assert (line.after, line.by) == (("b", "changed") if told else ("typed", "changed, reshaped"))


def test_case_24_another_value_is_reshaped_and_both_bases_take_what_is_shown() -> None:
    found = settled({"crm_note": "B!"})
    assert found.bases == {"note": base("b", "B!")}
    (line,) = found.ledger
    assert (line.after, line.by) == ("B!", "changed, reshaped")
    assert "HubSpot shows it differently" in line.reason


def test_case_14_a_crm_s_own_style_of_a_phone_is_no_reshaping() -> None:
    phone = rule("phone", kind=Kind.PHONE)
    fields = field_map(phone)
    whole = pair(fields, {"phone": ("+13055559999", "x")}, {"phone": ("+13055551234", "x")})
    intent = planned(fields, whole)
    found = settle(fields, intent, receipt(intent, {"crm_phone": "(305) 555-9999"}), whole.salespulse, "HubSpot")
    assert found.bases == {"phone": base("+13055559999", "(305) 555-9999", phone)}
    assert [line.by for line in found.ledger] == ["changed"]


TWO = pair(FIELDS, {"note": ("b", "a"), "city": ("y", "x")}, {"note": ("a", "a"), "city": ("x", "x")})


def test_case_25_a_refused_field_is_held_in_the_vendor_s_words_and_the_others_settle() -> None:
    found = settled({"crm_city": "y", "crm_note": "a"}, TWO, refused_fields={"crm_note": "NOTE_TOO_ODD"})
    assert list(found.bases) == ["city"]
    assert [line.field for line in found.ledger] == ["crm_city"]
    (hold,) = found.holds
    assert (hold.reason, hold.field, hold.values) == (HoldReason.REFUSED, "note", {S: "b", C: "a"})
    assert "NOTE_TOO_ODD" in hold.message


def test_case_25_where_nothing_was_written_the_fields_that_were_not_named_are_sent_again() -> None:
    refused: dict[str, Any] = {"outcome": Outcome.REFUSED, "refused_fields": {"crm_note": "odd"}}
    assert settled(None, TWO, **refused).again
    assert not settled(None, EDITED, **refused).again


def test_case_25_where_no_field_is_named_the_record_is_held() -> None:
    found = settled(outcome=Outcome.REFUSED, message="validation failed")
    (hold,) = found.holds
    assert (hold.reason, hold.field, hold.subject) == (HoldReason.REFUSED, "", "s1|c1")
    assert "HubSpot refused to update the record (validation failed)" in hold.message
    assert not found.again


def test_a_named_field_that_was_not_sent_holds_the_record() -> None:
    found = settled({"crm_note": "b"}, refused_fields={"salespulse_id": "not unique"})
    assert [(hold.field, hold.reason) for hold in found.holds] == [("", HoldReason.REFUSED)]


@pytest.mark.parametrize("outcome", [Outcome.STALE, Outcome.FAILED, Outcome.GONE, Outcome.UNKNOWN])
def test_what_was_not_applied_is_decided_again(outcome: Outcome) -> None:
    assert settled(outcome=outcome) == Settled(again=True)


def test_what_the_answer_did_not_show_is_settled_by_a_later_look() -> None:
    intent = planned(FIELDS, TWO)
    first = settle(FIELDS, intent, receipt(intent, {"crm_note": "b"}), TWO.salespulse, "HubSpot")
    assert (list(first.bases), first.unread) == (["note"], ("crm_city",))
    rest = remainder(intent, first)
    second = settle(FIELDS, rest, receipt(rest, {"crm_note": "b", "crm_city": "y"}), TWO.salespulse, "HubSpot")
    assert (list(second.bases), second.unread) == (["city"], ())
    assert [line.field for line in second.ledger] == ["crm_city"]
    assert settled(None).unread == ("crm_note",)


def test_a_lost_value_is_marked_in_the_ledger() -> None:
    whole = pair(
        FIELDS,
        {"note": ("b", "c"), "city": ("x", "x")},
        {"note": ("a", "a"), "city": ("x", "x")},
        salespulse={"since": {"note": at(10)}},
        crm={"since": {"crm_note": at(0)}},
    )
    (line,) = settled({"crm_note": "b"}, whole).ledger
    assert (line.before, line.after, line.by, line.lost) == ("c", "b", "newest", True)


class TestOriginEditedMeanwhile:
    """An edit that came between the plan and the receipt must still look like one."""

    def test_the_base_is_what_was_sent(self) -> None:
        intent = planned(FIELDS, EDITED)
        newer = observed("s1", {"note": "c", "city": "x"})
        found = settle(FIELDS, intent, receipt(intent, {"crm_note": "b"}), newer, "HubSpot")
        assert found.bases == {"note": base("b", "b")}

    def test_the_next_merge_carries_it(self) -> None:
        stage = stage_rule()
        fields = field_map(stage)
        whole = pair(fields, {"stage": ("Contacted", "customer")}, {"stage": ("Sold", "customer")})
        intent = planned(fields, whole)
        newer = observed("s1", {"stage": "Quoted"})
        found = settle(fields, intent, receipt(intent, {"lifecyclestage": "lead"}), newer, "HubSpot")
        after = pair(fields, {"stage": ("Quoted", "lead")})
        after = replace(after, link=replace(after.link, bases=found.bases))
        (decision,) = merge(fields, after)
        assert decision.writes[C].after == "opportunity"

    def test_a_field_that_is_no_longer_read_takes_what_was_sent(self) -> None:
        intent = planned(FIELDS, EDITED)
        found = settle(FIELDS, intent, receipt(intent, {"crm_note": "b"}), observed("s1", {}), "HubSpot")
        assert found.bases == {"note": base("b", "b")}

    def test_where_what_was_sent_cannot_be_carried_back_the_old_base_stays(self) -> None:
        one = rule("kind", kind=Kind.CHOICE, table=(("x", "X"),))
        fields = field_map(one)
        whole = pair(fields, {"kind": ("x", "")}, {"kind": ("", "")})
        intent = planned(fields, whole)
        odd = replace(intent, changes=(replace(intent.changes[0], after="Z"),))
        found = settle(fields, odd, receipt(odd, {"crm_kind": "Z"}), whole.salespulse, "HubSpot")
        assert found.bases == {}
        assert found.again


def test_half_a_union_keeps_the_old_bases_and_the_next_merge_finishes_it() -> None:
    letters = rule("tags", kind=Kind.MULTICHOICE, conflict=(Rule.UNION,))
    fields = field_map(letters)
    whole = pair(fields, {"tags": (("a", "b", "c"), ("a", "d"))}, {"tags": (("a", "b"), ("a", "b"))})
    intent = planned(fields, whole, C)
    half = settle(fields, intent, receipt(intent, {"crm_tags": ("a", "c", "d")}), whole.salespulse, "HubSpot")
    assert (half.bases, half.again, len(half.ledger)) == ({}, True, 1)
    after = pair(fields, {"tags": (("a", "b", "c"), ("a", "c", "d"))}, {"tags": (("a", "b"), ("a", "b"))})
    (decision,) = merge(fields, after)
    assert {side: change.after for side, change in decision.writes.items()} == {S: ("a", "c", "d")}
    intent = planned(fields, after, S)
    done = settle(fields, intent, receipt(intent, {"tags": ("a", "c", "d")}), after.crm, "SalesPulse")
    assert done.bases == {"tags": base(("a", "c", "d"), ("a", "c", "d"), letters)}


def test_an_undo_keeps_the_bases_so_that_the_other_half_follows() -> None:
    intent = planned(FIELDS, EDITED)
    (change,) = intent.changes
    undo = replace(intent, changes=(replace(change, before="b", after="a", by=BY_UNDO),))
    source = observed("s1", {"note": "b", "city": "x"})
    found = settle(FIELDS, undo, receipt(undo, {"crm_note": "a"}), source, "HubSpot")
    assert (found.bases, found.again, len(found.ledger)) == ({}, True, 1)
    (decision, _) = merge(FIELDS, pair(FIELDS, {"note": ("b", "a"), "city": ("x", "x")}, {"note": ("b", "b")}))
    assert decision.writes[S].after == "a"


def test_a_refilled_blank_is_agreed() -> None:
    fields = field_map(rule("note", blank=Blank.KEEP))
    whole = pair(fields, {"note": ("a", "")}, {"note": ("a", "a")})
    intent = planned(fields, whole, C)
    found = settle(fields, intent, receipt(intent, {"crm_note": "a"}), whole.salespulse, "HubSpot")
    assert found.bases == {"note": base("a", "a")}
    assert [line.by for line in found.ledger] == ["blank"]


SHOWN = {"crm_note": "b", "crm_city": None, "crm_status": "NEW", "crm_long": "y", "Company": "Individual"}


class TestCreates:
    fields = field_map(
        NOTE,
        rule("city"),
        rule("status"),
        rule("long"),
        create={C: {"crm_status": "NEW", "Company": "Individual"}},
    )
    source = observed("s1", {"note": "b", "city": "", "status": "", "long": "x"})

    def made(self, **more: Any) -> Settled:
        intent = creation(self.fields, policy(), S, self.source, "i").intent
        intent = replace(intent, changes=tuple(each for each in intent.changes if each.rule != "long"))
        arrived = receipt(intent, **({"shown": SHOWN, "id": "c9"} | more))
        return settle(self.fields, intent, arrived, self.source, "HubSpot")

    def test_a_create_has_a_line_of_its_own_and_one_a_field(self) -> None:
        lines = self.made().ledger
        assert [(line.field, line.after, line.by) for line in lines] == [
            ("", None, "create"),
            ("crm_note", "b", "create"),
            ("crm_status", "NEW", "default"),
            ("Company", "Individual", "default"),
        ]
        assert {(line.salespulse_id, line.crm_id, line.op) for line in lines} == {("s1", "c9", Op.CREATE)}

    def test_written_blank_and_default_fields_have_bases_and_differing_ones_have_none(self) -> None:
        bases = self.made().bases
        assert {name: (each.salespulse, each.crm) for name, each in bases.items()} == {
            "note": ("b", "b"),
            "city": ("", None),
            "status": ("", "NEW"),
        }

    def test_an_upsert_that_met_the_record_can_be_undone_without_removing_it(self) -> None:
        lines = self.made(created=False).ledger
        assert {line.op for line in lines} == {Op.UPDATE}
        assert "" not in {line.field for line in lines}

    def test_a_create_that_the_other_side_knows_is_a_duplicate(self) -> None:
        found = self.made(
            outcome=Outcome.REFUSED, existing_id="c4", message="Contact already exists", id="", shown=None
        )
        (hold,) = found.holds
        assert (hold.reason, hold.salespulse_id, hold.crm_id) == (HoldReason.DUPLICATE, "s1", "c4")

    def test_a_field_that_stayed_blank_is_ignored(self) -> None:
        found = self.made(shown=SHOWN | {"crm_note": ""})
        assert [(hold.reason, hold.field) for hold in found.holds] == [(HoldReason.IGNORED, "note")]
        assert "note" not in found.bases


class TestRemovals:
    intent = Intent(
        id="i",
        connection="hubspot",
        side=S,
        op=Op.REMOVE,
        link_id=7,
        salespulse_id="s1",
        crm_id="c1",
        reason="deleted in HubSpot",
    )

    def test_the_ledger_keeps_the_last_values(self) -> None:
        change = planned(FIELDS, EDITED).changes[0]
        intent = replace(self.intent, changes=(replace(change, field="note", before="a", after=None),))
        found = settle(FIELDS, intent, receipt(intent), observed("c1", {}), "SalesPulse")
        assert [(line.field, line.before, line.after) for line in found.ledger] == [
            ("", None, None),
            ("note", "a", None),
        ]
        assert found.unread == ()

    def test_one_that_was_gone_already_is_done(self) -> None:
        found = settle(
            FIELDS, self.intent, receipt(self.intent, outcome=Outcome.GONE), observed("c1", {}), "SalesPulse"
        )
        assert found == Settled()

    def test_a_refused_one_is_held(self) -> None:
        answer = receipt(self.intent, outcome=Outcome.REFUSED)
        (hold,) = settle(FIELDS, self.intent, answer, observed("c1", {}), "SalesPulse").holds
        assert "SalesPulse refused to delete the record" in hold.message


def test_nothing_is_believed_of_a_field_that_was_never_shown() -> None:
    whole = pair(FIELDS, {"note": ("b", "a"), "city": (UNREAD, "x")}, {"note": ("a", "a")})
    assert settled({}, whole).bases == {}
    assert whole.salespulse.looked_at == NOON
