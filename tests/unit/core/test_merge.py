"""Every row of the worked cases about fields and stages, and the branches between the rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from syncd.core.mapping import Blank, Direction, Kind, Rule, Unmapped
from syncd.core.merge import merge
from syncd.core.model import Base, Decision, FieldSpec, HoldReason, Option, Side, Verdict
from tests.unit.core.cases import NOON, UNREAD, C, S, at, between, field_map, observed, pair, rule, stage_rule

WRITE, HELD, LEFT = Verdict.WRITE, Verdict.HELD, Verdict.LEFT
AGREED, UNCHANGED, DIFFERS = Verdict.AGREED, Verdict.UNCHANGED, Verdict.DIFFERS

KEEP = {"blank": Blank.KEEP}
TO_CRM = {"direction": Direction.TO_CRM}
LETTERS = {"kind": Kind.MULTICHOICE, "conflict": (Rule.UNION,)}
NAMES_OF_STATES = (Option(value="Florida", label="Florida"), Option(value="Texas", label="Texas"))


@dataclass(frozen=True, kw_only=True)
class Row:
    id: str
    base: tuple[Any, Any] | None = ("a", "a")
    now: tuple[Any, Any]
    rule: dict[str, Any] = field(default_factory=dict)
    stage: bool = False
    since: tuple[Any, Any] = (None, None)
    modified: tuple[float | None, float | None] = (None, None)
    out: Verdict
    to: dict[Side, Any] = field(default_factory=dict)
    by: str | None = None
    lost: bool = False
    hold: HoldReason | None = None
    rebase: bool = False
    also: tuple[str, ...] = ()


def decide(row: Row) -> Decision:
    each = stage_rule(**row.rule) if row.stage else rule(**row.rule)
    fields = field_map(each)
    more: list[dict[str, Any]] = []
    for name, since, seconds in zip((each.salespulse, each.crm), row.since, row.modified, strict=True):
        moment = None if seconds is None else at(seconds).latest
        more.append({"since": {name: since} if since else {}, "modified_at": moment})
    more[1]["also"] = {each.crm: row.also}
    base = {each.name: row.base} if row.base else {}
    whole = pair(fields, {each.name: row.now}, base, salespulse=more[0], crm=more[1])
    (decision,) = merge(fields, whole, label="HubSpot")
    return decision


STAGE = {"stage": True}

FIELDS = [
    Row(id="1", now=("a", "a"), out=UNCHANGED),
    Row(id="2", now=("b", "a"), out=WRITE, to={C: "b"}, by="changed"),
    Row(id="3", now=("a", "b"), out=WRITE, to={S: "b"}, by="changed"),
    Row(id="4", now=("b", "b"), out=AGREED, rebase=True),
    Row(id="5", now=("b", "c"), since=(at(10), at(0)), out=WRITE, to={C: "b"}, by="newest", lost=True),
    Row(id="6", now=("b", "c"), since=(at(1), at(0)), out=HELD, hold=HoldReason.CONFLICT),
    Row(id="6b", now=("b", "c"), since=(between(-60, 60), at(0)), out=HELD, hold=HoldReason.CONFLICT),
    Row(id="7", now=("b", "c"), rule={"conflict": (Rule.CRM,)}, out=WRITE, to={S: "c"}, by="crm", lost=True),
    Row(id="8", now=("", "a"), out=WRITE, to={C: None}, by="changed"),
    Row(id="9", now=(None, "a"), rule=KEEP, out=WRITE, to={S: "a"}, by="blank"),
    Row(id="10", now=(None, "b"), rule=KEEP, out=WRITE, to={S: "b"}, by="blank"),
    Row(id="11", now=(UNREAD, "b"), out=Verdict.UNREAD),
    Row(id="12", now=("b", UNREAD), out=Verdict.UNREAD),
    Row(
        id="13",
        base=("+13055551234", "(305) 555-1234"),
        now=("+13055551234", "(305) 555-1234"),
        rule={"kind": Kind.PHONE},
        out=UNCHANGED,
    ),
    Row(
        id="14",
        base=("+13055551234", "(305) 555-1234"),
        now=("+13055559999", "(305) 555-1234"),
        rule={"kind": Kind.PHONE},
        out=WRITE,
        to={C: "+13055559999"},
    ),
    Row(id="15", base=None, now=("a", "a"), out=AGREED, rebase=True),
    Row(id="16", base=None, now=("a", ""), out=WRITE, to={C: "a"}, by="fill"),
    Row(id="17", base=None, now=("a", "b"), modified=(0, 10), out=WRITE, to={S: "b"}, by="newest", lost=True),
    Row(
        id="18",
        now=("a" * 300, "a"),
        rule={"specs": {C: FieldSpec(name="crm_note", max_length=255)}},
        out=HELD,
        hold=HoldReason.TOO_LONG,
    ),
    Row(
        id="19 names",
        base=("FL", "Florida"),
        now=("TX", "Florida"),
        rule={"kind": Kind.US_STATE, "specs": {C: FieldSpec(name="crm_note", options=NAMES_OF_STATES)}},
        out=WRITE,
        to={C: "Texas"},
    ),
    Row(
        id="19 codes",
        base=("FL", "Florida"),
        now=("TX", "Florida"),
        rule={"kind": Kind.US_STATE},
        out=WRITE,
        to={C: "TX"},
    ),
    Row(
        id="20",
        base=("x1", "X one"),
        now=("x9", "X one"),
        rule={"kind": Kind.CHOICE, "table": (("x1", "X one"),)},
        out=HELD,
        hold=HoldReason.NO_VALUE,
    ),
    Row(id="21", now=("a", "b"), rule=TO_CRM, out=DIFFERS),
    Row(id="22", now=("c", "b"), rule=TO_CRM, out=WRITE, to={C: "c"}, by="direction", lost=True),
    Row(
        id="26",
        base=(("a", "b"), ("a", "b")),
        now=(("a", "b", "c"), ("a", "d")),
        rule=LETTERS,
        out=WRITE,
        to={S: ("a", "c", "d"), C: ("a", "c", "d")},
        by="union",
    ),
]

STAGES = [
    Row(id="30", base=("New Lead", "lead"), now=("Contacted", "lead"), out=AGREED, rebase=True, **STAGE),
    Row(
        id="31",
        base=("New Lead", "lead"),
        now=("New Lead", "opportunity"),
        out=WRITE,
        to={S: "Quoted"},
        **STAGE,
    ),
    Row(
        id="32",
        base=("Quoted", "opportunity"),
        now=("Quoted", "lead"),
        out=WRITE,
        to={S: "New Lead"},
        **STAGE,
    ),
    Row(
        id="33",
        base=("New Lead", "lead"),
        now=("Quoted", "customer"),
        out=WRITE,
        to={S: "Sold"},
        by="advance",
        lost=True,
        **STAGE,
    ),
    Row(
        id="34",
        base=("Quoted", "opportunity"),
        now=("New Lead", "opportunity"),
        out=WRITE,
        to={C: "lead"},
        **STAGE,
    ),
    Row(id="35", base=("New Lead", "lead"), now=("New Lead", ""), out=LEFT, **STAGE),
    Row(
        id="35 with a move",
        base=("New Lead", "lead"),
        now=("Quoted", ""),
        out=WRITE,
        to={C: "opportunity"},
        **STAGE,
    ),
    Row(
        id="36 ignore",
        base=("New Lead", "lead"),
        now=("New Lead", "evangelist"),
        rule={"unmapped": Unmapped.IGNORE},
        out=LEFT,
        by="unmapped",
        **STAGE,
    ),
    Row(
        id="36 left alone when SalesPulse moves",
        base=("New Lead", "lead"),
        now=("Sold", "evangelist"),
        rule={"unmapped": Unmapped.IGNORE},
        out=LEFT,
        **STAGE,
    ),
    Row(
        id="36 hold",
        base=("New Lead", "lead"),
        now=("New Lead", "evangelist"),
        rule={"unmapped": Unmapped.HOLD},
        out=HELD,
        hold=HoldReason.NO_VALUE,
        **STAGE,
    ),
    Row(id="37", base=("New Lead", "lead"), now=("Lost", "lead"), out=LEFT, by="unmapped", **STAGE),
    Row(id="37 any", base=("New Lead", "lead"), now=("Lost", "customer"), out=LEFT, by="unmapped", **STAGE),
    Row(id="37 first sync", base=None, now=("Lost", "customer"), out=LEFT, by="unmapped", **STAGE),
    Row(id="47", now=("a", "b"), also=("a", "x"), rule={"kind": Kind.EMAIL}, out=AGREED, rebase=True),
    Row(
        id="50",
        base=("a", "a"),
        now=("b", "a"),
        out=WRITE,
        to={C: "b"},
        by="changed",
    ),
    Row(
        id="62",
        base=None,
        now=("(305) 555-1234", "+13055551234"),
        rule={"kind": Kind.PHONE},
        out=AGREED,
        rebase=True,
    ),
]

BETWEEN = [
    Row(
        id="a side that reformats its own value has not changed, though the two never looked alike",
        base=("Ann", "Ann B"),
        now=("ANN", "ann  b"),
        rule={"kind": Kind.NAME},
        out=UNCHANGED,
    ),
    Row(
        id="an interval wholly later decides",
        now=("b", "c"),
        since=(between(2, 60), at(0)),
        out=WRITE,
        to={C: "b"},
        lost=True,
    ),
    Row(
        id="an interval of unknown start cannot be later",
        now=("b", "c"),
        since=(between(None, 60), at(0)),
        out=HELD,
    ),
    Row(
        id="an interval of unknown start can be earlier",
        now=("b", "c"),
        since=(between(None, 0), at(2)),
        out=WRITE,
        to={S: "c"},
        lost=True,
    ),
    Row(id="no time at all decides nothing", now=("b", "c"), out=HELD, hold=HoldReason.CONFLICT),
    Row(
        id="the record's time is no evidence after the first sync",
        now=("b", "c"),
        modified=(0, 10),
        out=HELD,
    ),
    Row(
        id="one side's record time alone decides nothing",
        base=None,
        now=("b", "c"),
        modified=(None, 10),
        out=HELD,
    ),
    Row(
        id="where newest does not decide the next rule does",
        now=("b", "c"),
        rule={"conflict": (Rule.NEWEST, Rule.SALESPULSE)},
        out=WRITE,
        to={C: "b"},
        by="salespulse",
        lost=True,
    ),
    Row(id="an empty list of rules holds", now=("b", "c"), rule={"conflict": ()}, out=HELD),
    Row(id="advance is for stages only", now=("b", "c"), rule={"conflict": (Rule.ADVANCE,)}, out=HELD),
    Row(id="union is for multichoice only", now=("b", "c"), rule={"conflict": (Rule.UNION,)}, out=HELD),
    Row(
        id="fill is for first sync only",
        now=("b", ""),
        base=("a", "a"),
        rule={"conflict": (Rule.FILL,)},
        out=HELD,
    ),
    Row(
        id="stages of one rank do not advance",
        base=("New Lead", "lead"),
        now=("Sold", "opportunity"),
        rule={"table": (("New Lead", "lead"), ("Sold", "customer"), ("Quoted", "opportunity"))},
        out=WRITE,
        to={S: "Quoted"},
        by="advance",
        lost=True,
        **STAGE,
    ),
    Row(
        id="a clear may win a conflict where blanks travel",
        now=("", "c"),
        rule={"conflict": (Rule.SALESPULSE,)},
        out=WRITE,
        to={C: None},
        lost=True,
    ),
    Row(
        id="keep at a first sync without fill",
        base=None,
        now=("", "c"),
        rule=KEEP | {"first_sync": (Rule.SALESPULSE,)},
        out=WRITE,
        to={S: "c"},
        by="blank",
    ),
    Row(
        id="keep at a first sync where a rule before fill names the blank",
        base=None,
        now=("", "c"),
        rule=KEEP | {"first_sync": (Rule.SALESPULSE, Rule.FILL)},
        out=WRITE,
        to={S: "c"},
        by="blank",
    ),
    Row(
        id="a blank stage is left at a first sync without fill",
        base=None,
        now=("New Lead", ""),
        rule={"first_sync": (Rule.NEWEST,)},
        out=LEFT,
        **STAGE,
    ),
    Row(
        id="a blank stage is filled at a first sync with fill",
        base=None,
        now=("Quoted", ""),
        out=WRITE,
        to={C: "opportunity"},
        **STAGE,
    ),
    Row(id="one-way, sender cleared", now=("", "a"), rule=TO_CRM, out=WRITE, to={C: None}),
    Row(id="one-way, sender cleared, keep", now=("", "a"), rule=TO_CRM | KEEP, out=LEFT),
    Row(id="one-way, changed alone", now=("b", "a"), rule=TO_CRM, out=WRITE, to={C: "b"}, by="changed"),
    Row(
        id="one-way to SalesPulse, receiver changed",
        now=("b", "a"),
        rule={"direction": Direction.TO_SALESPULSE},
        out=DIFFERS,
    ),
    Row(
        id="one-way first sync that the receiver wins",
        base=None,
        now=("a", "b"),
        modified=(0, 10),
        rule=TO_CRM,
        out=DIFFERS,
        by="newest",
        rebase=True,
    ),
    Row(
        id="one-way first sync that the sender wins",
        base=None,
        now=("a", "b"),
        modified=(10, 0),
        rule=TO_CRM,
        out=WRITE,
        to={C: "a"},
        lost=True,
    ),
    Row(id="one-way first sync, sender blank", base=None, now=("", "b"), rule=TO_CRM, out=DIFFERS, rebase=True),
    Row(
        id="an unmapped choice that is ignored is left",
        base=("x1", "X one"),
        now=("x9", "X one"),
        rule={"kind": Kind.CHOICE, "table": (("x1", "X one"),), "unmapped": Unmapped.IGNORE},
        out=LEFT,
    ),
    Row(
        id="union at a first sync keeps all",
        base=None,
        now=(("a",), ("b",)),
        rule={"kind": Kind.MULTICHOICE, "first_sync": (Rule.UNION,)},
        out=WRITE,
        to={S: ("a", "b"), C: ("a", "b")},
    ),
    Row(
        id="union writes only the side that lacks something",
        base=(("a",), ("a",)),
        now=(("a", "b", "c"), ("a", "b")),
        rule=LETTERS,
        out=WRITE,
        to={C: ("a", "b", "c")},
    ),
]


@pytest.mark.parametrize("row", FIELDS + STAGES + BETWEEN, ids=lambda row: f"case {row.id}")
def test_a_field_is_decided_as_its_row_says(row: Row) -> None:
    decision = decide(row)
    assert decision.verdict is row.out
    assert {side: change.after for side, change in decision.writes.items()} == row.to
    assert row.by is None or decision.by == row.by
    assert {change.lost for change in decision.writes.values()} <= {row.lost}
    assert row.hold is None or decision.hold is row.hold
    assert decision.rebase is row.rebase
    assert decision.reason
    assert bool(decision.message) is (decision.verdict is HELD)


def test_case_20_says_which_value_has_no_row() -> None:
    (row,) = (row for row in FIELDS if row.id == "20")
    assert "no CRM value for x9" in decide(row).message


def test_a_change_carries_what_it_replaces_and_why() -> None:
    (row,) = (row for row in FIELDS if row.id == "5")
    change = decide(row).writes[C]
    assert (change.field, change.before, change.rule) == ("crm_note", "c", "note")
    assert change.reason == "newest: SalesPulse 10 s later"


def test_a_conflict_says_what_happened_on_both_sides_and_what_to_do_without_a_value() -> None:
    decision = decide(Row(id="", now=("Ann", "Bob"), since=(at(1), at(0)), base=("Amy", "Amy"), out=HELD))
    assert "changed in SalesPulse and in HubSpot" in decision.message
    assert "less than 2 s apart" in decision.message
    assert "make both sides show the value that is to stay" in decision.message
    assert not {"Ann", "Bob", "Amy"} & set(decision.message.split())


def test_decisions_come_one_a_rule_in_the_mapping_s_order() -> None:
    fields = field_map(rule("b"), rule("a"), rule("c"))
    whole = pair(fields, {"a": ("1", "1"), "b": ("1", "2"), "c": (UNREAD, "x")})
    assert [decision.rule for decision in merge(fields, whole)] == ["b", "a", "c"]


def test_a_base_of_another_fingerprint_is_void() -> None:
    fields = field_map(rule())
    whole = pair(fields, {"note": ("b", "a")})
    old = Base(fingerprint="another", salespulse="a", crm="a")
    whole = replace(whole, link=replace(whole.link, bases={"note": old}))
    (decision,) = merge(fields, whole)
    assert decision.hold is HoldReason.CONFLICT


class TestTimes:
    """What the vendor's own history adds."""

    fields = field_map(rule())

    def decision(self, since: Any = (None, None), times: Any = None, base: Any = ("a", "a"), **more: Any) -> Decision:
        sides = [
            {"since": {name: when} if when else {}} for name, when in zip(("note", "crm_note"), since, strict=True)
        ]
        whole = pair(
            self.fields,
            {"note": ("b", "c")},
            {"note": base} if base else {},
            salespulse=sides[0] | more,
            crm=sides[1] | more,
        )
        (decision,) = merge(self.fields, whole, times)
        return decision

    def test_an_undecided_conflict_asks_for_them(self) -> None:
        decision = self.decision((between(-60, 60), at(0)))
        assert decision.verdict is HELD
        assert decision.wants_times

    def test_they_decide_where_looks_did_not(self) -> None:
        decision = self.decision((between(-60, 60), between(-60, 0)), {S: {"note": at(-50)}, C: {"crm_note": at(-5)}})
        assert decision.writes[S].after == "c"
        assert not decision.wants_times

    def test_they_go_before_what_looks_know(self) -> None:
        decision = self.decision((between(-60, -30), at(0)), {S: {"note": at(100)}})
        assert decision.writes[C].after == "b"

    def test_they_are_asked_for_once(self) -> None:
        decision = self.decision((between(-60, 60), at(0)), {S: {}, C: {}})
        assert decision.verdict is HELD
        assert not decision.wants_times

    def test_they_are_not_asked_for_where_they_cannot_change_the_outcome(self) -> None:
        assert not self.decision((between(10, 20), between(-5, 0))).wants_times

    @pytest.mark.parametrize("since", [(at(0), at(1)), (at(60), at(0)), (between(10, 20), at(0))])
    def test_they_are_asked_for_where_only_the_time_of_a_record_is_known(self, since: Any) -> None:
        assert self.decision(since).wants_times

    def test_a_record_s_time_decides_a_first_sync_only_until_better_is_had(self) -> None:
        fields = self.fields
        whole = pair(
            fields,
            {"note": ("b", "c")},
            salespulse={"modified_at": NOON},
            crm={"modified_at": at(60).latest},
        )
        (decision,) = merge(fields, whole)
        assert decision.writes[S].after == "c"
        assert decision.wants_times
        (decision,) = merge(fields, whole, {C: {"crm_note": at(-60)}})
        assert decision.writes[C].after == "b"

    def test_rules_before_newest_do_not_ask(self) -> None:
        fields = field_map(rule(conflict=(Rule.CRM, Rule.NEWEST)))
        (decision,) = merge(fields, pair(fields, {"note": ("b", "c")}, {"note": ("a", "a")}))
        assert not decision.wants_times


class TestCreateDefaults:
    """What ``[create]`` puts into new records counts as blank and is never copied back."""

    fields = field_map(rule("status"), create={C: {"crm_status": "NEW"}})

    @pytest.mark.parametrize("base", [{}, {"status": ("", "NEW")}, {"status": ("", "")}])
    def test_a_default_is_not_copied_back(self, base: Any) -> None:
        (decision,) = merge(self.fields, pair(self.fields, {"status": ("", "NEW")}, base))
        assert decision.verdict in {UNCHANGED, AGREED}

    def test_a_value_fills_a_default(self) -> None:
        (decision,) = merge(self.fields, pair(self.fields, {"status": ("won", "NEW")}))
        assert decision.writes[C].after == "won"

    def test_a_person_s_value_over_a_default_travels(self) -> None:
        (decision,) = merge(self.fields, pair(self.fields, {"status": ("", "OPEN")}, {"status": ("", "NEW")}))
        assert decision.writes[S].after == "OPEN"


ODD = [
    None,
    "",
    " ",
    "\0",
    "𝟘",
    "1e999",
    "x" * 100_000,
    10**40,
    float("nan"),
    float("inf"),
    True,
    (),
    ("a", ""),
    -0.0,
]


@pytest.mark.parametrize("kind", Kind)
def test_odd_values_never_raise(kind: Kind) -> None:
    every = (Rule.ADVANCE, Rule.UNION, Rule.NEWEST, Rule.HOLD)
    fields = field_map(rule(kind=kind, conflict=every, first_sync=(Rule.FILL, *every)))
    for left in ODD:
        for right in ODD:
            for base in ({}, {"note": (right, left)}, {"note": ("a", "b")}):
                assert merge(fields, pair(fields, {"note": (left, right)}, base))


def test_what_a_pair_does_not_show_at_all_is_unread() -> None:
    fields = field_map(rule())
    whole = replace(pair(fields, {"note": ("b", "a")}), crm=observed("c1", {}))
    (decision,) = merge(fields, whole)
    assert decision.verdict is Verdict.UNREAD
    assert decision.writes == {}
