"""What agrees, what is written on the other side, and what is held; numbered rows are worked cases."""

from __future__ import annotations

import time

import pytest

from syncd.core.kinds import Odd
from syncd.core.lens import (
    Cannot,
    Carried,
    Skip,
    agree,
    blank,
    canonical,
    carry,
    mapped,
    rank,
    same,
    spell,
)
from syncd.core.mapping import FieldRule, Kind, Unmapped
from syncd.core.model import FieldSpec, HoldReason, Option, Side, Value

S, C = Side.SALESPULSE, Side.CRM


def make(
    kind: Kind = Kind.TEXT,
    *,
    table: tuple[tuple[str, str], ...] = (),
    salespulse: FieldSpec | None = None,
    crm: FieldSpec | None = None,
    unmapped: Unmapped = Unmapped.HOLD,
    stage: bool = False,
) -> FieldRule:
    specs = {side: spec for side, spec in ((S, salespulse), (C, crm)) if spec is not None}
    return FieldRule(
        name="f", salespulse="f", crm="g", kind=kind, table=table, specs=specs, unmapped=unmapped, stage=stage
    )


def spec(*options: str | tuple[str, str], **more: object) -> FieldSpec:
    made = tuple(
        Option(value=option, label=option) if isinstance(option, str) else Option(value=option[0], label=option[1])
        for option in options
    )
    return FieldSpec(name="g", options=made, **more)  # type: ignore[arg-type] # shorthand for tests


NAMES = spec("Florida", "Texas", "District of Columbia")
CODES = spec("FL", "TX", "DC")
NUMBERED = spec(("1", "Florida"), ("2", "Texas"))

AGREEING: list[tuple[str, FieldRule, Value, Value]] = [
    ("13", make(Kind.PHONE), "+13055551234", "(305) 555-1234"),
    ("19", make(Kind.US_STATE), "FL", "Florida"),
    ("19 numbered", make(Kind.US_STATE, crm=NUMBERED), "FL", "1"),
    ("43", make(Kind.EMAIL), "Ann@X.com", "ann@x.com"),
    ("blank", make(), None, "  "),
    ("blank list", make(Kind.MULTICHOICE), (), ""),
    ("text", make(), "a ", "a"),
    ("number", make(Kind.DECIMAL), 5, "5.00"),
    ("boolean", make(Kind.BOOLEAN), True, "true"),
    ("date", make(Kind.DATE), "2024-01-05", "1704412800000"),
    ("moment", make(Kind.DATETIME), "2024-01-05T10:00:00Z", "2024-01-05T10:00:00.000Z"),
    ("table", make(Kind.CHOICE, table=(("x1", "X one"),)), "x1", "X one"),
    ("table, other case", make(Kind.CHOICE, table=(("x1", "X one"),)), "X1", "x ONE"),
    (
        "table, label",
        make(Kind.CHOICE, table=(("x1", "X one"),), crm=spec(("x_one", "X one"))),
        "x1",
        "x_one",
    ),
    ("option label", make(Kind.CHOICE, crm=spec(("x_one", "X one"))), "X one", "x_one"),
    ("text with options", make(crm=spec(("x_one", "X one"))), "x one", "x_one"),
    (
        "labels on both sides",
        make(Kind.CHOICE, salespulse=spec(("7", "X one")), crm=spec(("x_one", "X one"))),
        "7",
        "x_one",
    ),
    ("unlisted option", make(Kind.CHOICE, crm=spec("a")), "zz", " zz"),
    ("set", make(Kind.MULTICHOICE), ("b", "a"), "a;b"),
    ("set by commas", make(Kind.MULTICHOICE), "b, a", "a;b"),
    ("set with table", make(Kind.MULTICHOICE, table=(("a", "A!"), ("b", "B!"))), "b,a", "A!;B!"),
]

DIFFERING: list[tuple[str, FieldRule, Value, Value]] = [
    ("blank and zero", make(Kind.INTEGER), None, 0),
    ("blank and false", make(Kind.BOOLEAN), "", False),
    ("text by case", make(), "a", "A"),
    ("true is no 1 as text", make(), True, 1),
    ("dots in e-mail", make(Kind.EMAIL), "a.b@x.com", "ab@x.com"),
    ("table", make(Kind.CHOICE, table=(("x1", "X one"), ("x2", "X two"))), "x1", "X two"),
    ("swapped table", make(Kind.CHOICE, table=(("a", "b"), ("b", "a"))), "a", "a"),
    ("unmapped on both sides", make(Kind.CHOICE, table=(("x1", "X one"),)), "x9", "x9"),
    ("set and part", make(Kind.MULTICHOICE), "a;b", "a"),
    ("set and blank", make(Kind.MULTICHOICE), "a", ";"),
    ("18: the end cut off", make(crm=spec(max_length=3)), "abcd", "abc"),
]


@pytest.mark.parametrize(("rule", "salespulse", "crm"), [pytest.param(*row[1:], id=row[0]) for row in AGREEING])
def test_sides_agree(rule: FieldRule, salespulse: Value, crm: Value) -> None:
    assert agree(rule, salespulse, crm)


@pytest.mark.parametrize(("rule", "salespulse", "crm"), [pytest.param(*row[1:], id=row[0]) for row in DIFFERING])
def test_sides_do_not_agree(rule: FieldRule, salespulse: Value, crm: Value) -> None:
    assert not agree(rule, salespulse, crm)


CARRIED: list[tuple[str, FieldRule, Side, Value, Value, Value]] = [
    ("14", make(Kind.PHONE), C, "+13055559999", "(305) 555-1234", "+13055559999"),
    ("19 names", make(Kind.US_STATE, crm=NAMES), C, "TX", "Florida", "Texas"),
    ("19 codes", make(Kind.US_STATE, crm=CODES), C, "texas", "FL", "TX"),
    ("19 numbers", make(Kind.US_STATE, crm=NUMBERED), C, "TX", "1", "2"),
    ("19 back from numbers", make(Kind.US_STATE, crm=NUMBERED), S, "2", "FL", "TX"),
    ("19 free text", make(Kind.US_STATE), C, "TX", "Florida", "TX"),
    ("19 territory", make(Kind.US_STATE), S, "puerto rico", None, "PR"),
    ("no state, but an option", make(Kind.US_STATE, crm=spec("Ontario")), C, "ontario", None, "Ontario"),
    ("blank", make(Kind.PHONE), C, " ", "x", None),
    ("blank set", make(Kind.MULTICHOICE, crm=spec(separator=";")), C, (), "a", None),
    ("text as typed", make(), C, " a\n", None, " a\n"),
    ("text that just fits", make(crm=spec(max_length=3)), C, "äbc", None, "äbc"),
    ("name", make(Kind.NAME), S, "McDonald", "MCDONALD", "McDonald"),
    ("table", make(Kind.CHOICE, table=(("x1", "X one"),)), C, "x1", None, "X one"),
    ("table back", make(Kind.CHOICE, table=(("x1", "X one"),)), S, "x one", None, "x1"),
    (
        "table to label",
        make(Kind.CHOICE, table=(("x1", "X one"),), crm=spec(("x_one", "X one"))),
        C,
        "x1",
        None,
        "x_one",
    ),
    ("boolean by table", make(Kind.BOOLEAN, table=(("true", "Y"), ("false", "N"))), C, True, None, "Y"),
    ("option by label", make(Kind.CHOICE, crm=spec(("x_one", "X one"))), C, "X ONE", None, "x_one"),
    ("boolean option", make(Kind.BOOLEAN, crm=spec(("true", "Yes"), ("false", "No"))), C, 1, None, "true"),
    ("number option", make(Kind.INTEGER, crm=spec("1", "2")), C, 2.0, None, "2"),
    (
        "date into date and time",
        make(Kind.DATE, crm=spec(type="datetime")),
        C,
        "2024-01-05",
        None,
        "2024-01-05T00:00:00Z",
    ),
    ("set to separator", make(Kind.MULTICHOICE, crm=spec(separator=";")), C, ("b", "a"), None, "b;a"),
    ("set to list", make(Kind.MULTICHOICE, crm=spec(separator=";")), S, "b;a", (), ("b", "a")),
    ("set to list style", make(Kind.MULTICHOICE), S, "b;a", ("c",), ("b", "a")),
    ("set to comma style", make(Kind.MULTICHOICE), S, "b;a;b", "a, c", "b, a"),
    ("set to tight commas", make(Kind.MULTICHOICE), S, "b;a", "a,c", "b,a"),
    ("set to unknown style", make(Kind.MULTICHOICE), S, "b;a", "a", "b;a"),
    (
        "set with table",
        make(Kind.MULTICHOICE, table=(("a", "A!"), ("b", "B!"))),
        C,
        "b,a",
        ("x",),
        ("B!", "A!"),
    ),
    (
        "option with a comma",
        make(Kind.MULTICHOICE, salespulse=spec("Life, Whole")),
        C,
        "Life, Whole",
        None,
        ("Life, Whole",),
    ),
]


@pytest.mark.parametrize(
    ("rule", "to", "value", "present", "written"), [pytest.param(*row[1:], id=row[0]) for row in CARRIED]
)
def test_a_value_is_carried(rule: FieldRule, to: Side, value: Value, present: Value, written: Value) -> None:
    assert carry(rule, to, value, present) == Carried(value=written)
    salespulse, crm = (value, written) if to is C else (written, value)
    assert agree(rule, salespulse, crm)


HELD: list[tuple[str, FieldRule, Side, Value, HoldReason, str]] = [
    (
        "18",
        make(crm=spec(max_length=255)),
        C,
        "a" * 300,
        HoldReason.TOO_LONG,
        (
            "longer than the field: 300 characters, and the CRM field g holds 255;"
            " shorten it in SalesPulse or lengthen the field"
        ),
    ),
    (
        "20",
        make(Kind.CHOICE, table=(("x1", "X one"),)),
        C,
        "x9",
        HoldReason.NO_VALUE,
        (
            "no CRM value for x9: the values of f have no row for it; add a row to the mapping,"
            " or correct it in SalesPulse"
        ),
    ),
    (
        "20 back",
        make(Kind.CHOICE, table=(("x1", "X one"),)),
        S,
        "X nine",
        HoldReason.NO_VALUE,
        (
            "no SalesPulse value for X nine: the values of f have no row for it; add a row to the mapping,"
            " or correct it in the CRM"
        ),
    ),
    (
        "no option",
        make(Kind.CHOICE, crm=spec("a")),
        C,
        "b\n\ud800",
        HoldReason.NO_VALUE,
        ("no CRM value for b??: the CRM field g has no such option; add one there, or correct it in SalesPulse"),
    ),
    (
        "a row, but no option",
        make(Kind.CHOICE, table=(("x1", "X one"),), crm=spec("a")),
        C,
        "x1",
        HoldReason.NO_VALUE,
        "no CRM value for x1: the CRM field g has no such option; add one there, or correct it in SalesPulse",
    ),
    (
        "no option for the state",
        make(Kind.US_STATE, crm=NAMES),
        C,
        "Guam",
        HoldReason.NO_VALUE,
        "no CRM value for GU: the CRM field g has no such option; add one there, or correct it in SalesPulse",
    ),
    (
        "36 with hold",
        make(Kind.CHOICE, table=(("New", "lead"),), stage=True),
        S,
        "evangelist",
        HoldReason.NO_VALUE,
        (
            "no SalesPulse value for evangelist: the values of f have no row for it;"
            " add a row to the mapping, or correct it in the CRM"
        ),
    ),
    (
        "not the kind",
        make(Kind.DATE),
        C,
        "5 Jan",
        HoldReason.INVALID,
        ("what the SalesPulse field f shows cannot be written to the CRM field g as a date; correct it in SalesPulse"),
    ),
    (
        "half a character",
        make(),
        S,
        "a\ud83d",
        HoldReason.INVALID,
        ("what the CRM field g shows cannot be written to the SalesPulse field f as text; correct it in the CRM"),
    ),
    (
        "separator inside a word",
        make(Kind.MULTICHOICE, crm=spec(separator=";")),
        C,
        ("a;b", "c"),
        HoldReason.INVALID,
        (
            "what the SalesPulse field f shows cannot be written to the CRM field g as a set of the field's"
            " options;"
            " correct it in SalesPulse"
        ),
    ),
]


@pytest.mark.parametrize(
    ("rule", "to", "value", "reason", "message"), [pytest.param(*row[1:], id=row[0]) for row in HELD]
)
def test_what_cannot_be_written_is_held_with_what_why_and_what_to_do(
    rule: FieldRule, to: Side, value: Value, reason: HoldReason, message: str
) -> None:
    assert carry(rule, to, value) == Cannot(reason=reason, message=message)


def test_an_unmapped_value_is_skipped_where_the_mapping_says_so() -> None:
    rule = make(Kind.CHOICE, table=(("x1", "X one"),), unmapped=Unmapped.IGNORE)
    found = carry(rule, C, "x9")
    assert found == Skip(reason="no CRM value for x9, and unmapped values are ignored")


@pytest.mark.parametrize(("length", "fits"), [(254, True), (255, True), (256, False)])
def test_a_field_holds_as_many_characters_as_it_says(length: int, fits: bool) -> None:
    found = carry(make(crm=spec(max_length=255)), C, "é" * length)
    assert isinstance(found, Carried if fits else Cannot)


def test_one_element_that_cannot_be_sent_holds_the_whole_list() -> None:
    found = carry(make(Kind.MULTICHOICE), S, ("a", "b\ud800"), ())
    assert isinstance(found, Cannot)
    assert found.reason is HoldReason.INVALID


def test_one_unmapped_element_holds_the_whole_set() -> None:
    rule = make(Kind.MULTICHOICE, table=(("a", "A!"),))
    found = carry(rule, C, "a,b")
    assert isinstance(found, Cannot)
    assert found.message.startswith("no CRM value for b:")


def test_a_long_value_is_cut_in_a_message() -> None:
    found = carry(make(Kind.CHOICE, crm=spec("a")), C, "b" * 10_000_000)
    assert isinstance(found, Cannot)
    assert len(found.message) < 200


def test_a_personal_value_never_stands_in_a_message() -> None:
    found = carry(make(Kind.DATE, crm=spec("2024-01-05")), C, "1990-12-31")
    assert isinstance(found, Cannot)
    assert "1990" not in found.message


# ---- stages ----

STAGES = make(
    Kind.CHOICE,
    table=(("New Lead", "lead"), ("Contacted", "lead"), ("Quoted", "opportunity"), ("Sold", "customer")),
    stage=True,
    unmapped=Unmapped.IGNORE,
)


def test_30_stages_that_map_to_one_crm_stage_agree_with_it() -> None:
    assert agree(STAGES, "New Lead", "lead")
    assert agree(STAGES, "Contacted", "lead")
    assert not agree(STAGES, "Quoted", "lead")


def test_31_and_32_coming_back_the_first_listed_stage_is_written_unless_the_present_one_maps_there() -> None:
    assert carry(STAGES, S, "opportunity", "New Lead") == Carried(value="Quoted")
    assert carry(STAGES, S, "lead", "Quoted") == Carried(value="New Lead")
    assert carry(STAGES, S, "lead", "Contacted") == Carried(value="Contacted")
    assert carry(STAGES, S, "lead") == Carried(value="New Lead")


def test_33_ranks_follow_the_table_and_stages_of_one_crm_stage_tie() -> None:
    assert rank(STAGES, S, "New Lead") == rank(STAGES, S, "Contacted") == rank(STAGES, C, "lead")
    ranks = [rank(STAGES, S, "Contacted"), rank(STAGES, C, "opportunity"), rank(STAGES, S, "Sold")]
    assert ranks == sorted(ranks, key=lambda found: -1 if found is None else found)
    assert len(set(ranks)) == 3
    assert rank(STAGES, S, "Quoted") == rank(STAGES, C, "opportunity")
    assert rank(STAGES, C, "evangelist") is None
    assert rank(STAGES, S, None) is None
    assert rank(make(), S, "a") is None


def test_a_stage_listed_again_further_down_ranks_by_its_own_row() -> None:
    rule = make(Kind.CHOICE, table=(("A", "lead"), ("B", "opportunity"), ("C", "lead")), stage=True)
    ranks = [rank(rule, S, stage) for stage in "ABC"]
    assert ranks == [0, 1, 2]


def test_36_and_37_a_stage_without_a_row_is_not_written() -> None:
    assert isinstance(carry(STAGES, S, "evangelist", "New Lead"), Skip)
    holding = make(Kind.CHOICE, table=STAGES.table, stage=True)
    assert isinstance(carry(holding, S, "evangelist"), Cannot)
    assert isinstance(carry(STAGES, C, "Lost"), Skip)
    assert isinstance(carry(holding, C, "Lost"), Skip)
    assert not mapped(STAGES, S, "Lost")
    assert not mapped(STAGES, C, "evangelist")
    assert mapped(STAGES, C, "customer")
    assert mapped(STAGES, C, "")
    assert mapped(make(), S, "anything")


# ---- keys and sets ----


def test_26_canonical_sets_can_be_merged_and_spelled_on_both_sides() -> None:
    rule = make(Kind.MULTICHOICE, crm=spec(separator=";"))
    base = canonical(rule, S, "a,b")
    ours, theirs = canonical(rule, S, "a,b,c"), canonical(rule, C, "a;d")
    assert isinstance(base, frozenset)
    assert isinstance(ours, frozenset)
    assert isinstance(theirs, frozenset)
    merged = (base & ours & theirs) | (ours - base) | (theirs - base)
    assert spell(rule, S, merged, "a,b,c") == Carried(value="a,c,d")
    assert spell(rule, C, merged, "a;d") == Carried(value="a;c;d")


def test_a_canonical_set_is_in_salespulse_words_where_there_is_a_table() -> None:
    rule = make(Kind.MULTICHOICE, table=(("a", "b"), ("x", "y")), crm=spec(separator=";"))
    assert canonical(rule, C, "b;y") == canonical(rule, S, ("x", "a")) == frozenset({"a", "x"})
    # The CRM's own "a" has no row; it must not pass for SalesPulse's "a".
    foreign = canonical(rule, C, "a")
    assert foreign != canonical(rule, S, "a")
    assert isinstance(foreign, frozenset)
    assert isinstance(spell(rule, C, foreign), Cannot)


def test_a_canonical_set_without_a_table_meets_in_the_words_of_the_side_with_options() -> None:
    rule = make(Kind.MULTICHOICE, salespulse=spec(("7", "X one")), crm=spec(("x_one", "X one"), separator=";"))
    words = canonical(rule, S, "7")
    assert words == canonical(rule, C, "x_one") == frozenset({"x_one"})
    assert isinstance(words, frozenset)
    assert spell(rule, S, words) == Carried(value=("7",))
    assert spell(rule, C, words) == Carried(value="x_one")


def test_47_a_secondary_email_of_the_crm_agrees() -> None:
    rule = make(Kind.EMAIL)
    assert agree(rule, "Second@x.com", "first@x.com", ("other@x.com", "second@X.com"))
    assert not agree(rule, "third@x.com", "first@x.com", ("second@x.com",))
    assert not agree(rule, None, "first@x.com", ("",))


def test_keys_are_text_only_where_the_value_could_be_read() -> None:
    assert canonical(make(Kind.PHONE), C, "(305) 555-1234") == "+13055551234"
    assert canonical(make(Kind.EMAIL), S, " Ann@X.com") == "ann@x.com"
    assert isinstance(canonical(make(Kind.PHONE), C, "n/a"), Odd)
    assert isinstance(canonical(make(Kind.EMAIL), C, "n/a"), Odd)
    assert canonical(make(Kind.EMAIL), C, " ") is None


def test_same_compares_on_one_side_under_the_kind() -> None:
    assert same(make(Kind.PHONE), C, "(305) 555-1234", "305-555-1234")
    assert not same(make(Kind.PHONE), C, "(305) 555-1234", "305-555-1235")
    assert same(make(Kind.CHOICE, crm=spec(("x_one", "X one"))), C, "x_one", "X one")
    assert not same(make(Kind.CHOICE, crm=spec("A", "a")), C, "A", "a")
    assert not same(STAGES, S, "New Lead", "Contacted")
    assert same(make(Kind.MULTICHOICE), S, ("a", "b"), "b;a;b")
    assert same(make(), S, None, "")
    assert not same(make(), S, 1, True)


def test_blank_is_no_value() -> None:
    assert blank(" ")
    assert blank(())
    assert not blank(False)


def test_options_that_differ_only_in_case_are_never_guessed() -> None:
    rule = make(Kind.CHOICE, crm=spec("Hot", "HOT"))
    assert carry(rule, C, "HOT") == Carried(value="HOT")
    assert isinstance(carry(rule, C, "hot"), Cannot)


def test_many_rules_in_turn_keep_their_own_words() -> None:
    rules = [make(Kind.CHOICE, table=((f"s{number}", f"c{number}"),)) for number in range(3000)]
    assert all(carry(rule, C, f"s{number}") == Carried(value=f"c{number}") for number, rule in enumerate(rules))
    assert carry(rules[0], C, "s0") == Carried(value="c0")


def test_comparing_takes_microseconds() -> None:
    """Eight fields of 100,000 pairs are compared in a pass; a full parse for each would show here."""
    phone, stage = make(Kind.PHONE), STAGES
    started = time.process_time()
    for number in range(20_000):
        assert agree(phone, f"+1305555{number % 10_000:04}", f"(305) 555-{number % 10_000:04}")
        assert agree(stage, "Quoted", "opportunity")
        assert same(phone, S, "+13055551234", "+13055551234")
    assert time.process_time() - started < 2
