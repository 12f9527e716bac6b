"""A mapping meets what both sides say of themselves: what is joined, resolved and found wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from syncd.core.compile import Finding, compile_map, round_trip_problems
from syncd.core.lens import Carried, carry
from syncd.core.mapping import STAGE_FIELD, Direction, FieldMap, FieldRule, Kind
from syncd.core.model import FieldSpec, Option, Side, Stage

S, C = Side.SALESPULSE, Side.CRM
GRANT = "If it is there, give these credentials the right to read it"

CRM_FIELDS = (
    FieldSpec(name="firstname", label="First name", max_length=40),
    FieldSpec(name="phone", label="Phone Number"),
    FieldSpec(name="age", label="Age", type="number"),
    FieldSpec(name="score", label="Score", type="number", writable=False),
    FieldSpec(name="secret", label="Secret", readable=False),
    FieldSpec(name="birthday", label="Birthday", type="date"),
    FieldSpec(name="interests", label="Interests", type="multichoice", separator=";"),
    FieldSpec(
        name="product_interest",
        label="Product interest",
        type="choice",
        options=(Option(value="fe", label="Final Expense"), Option(value="tl", label="Term Life")),
    ),
    FieldSpec(
        name="state",
        label="State",
        type="choice",
        options=(Option(value="Florida", label="Florida"), Option(value="Texas", label="Texas")),
    ),
    FieldSpec(name="lifecyclestage", label="Lifecycle Stage", type="choice"),
)
STAGES: Mapping[Side, Sequence[Stage]] = {
    S: (
        Stage(id="stg_1", label="New Lead"),
        Stage(id="stg_2", label="Contacted"),
        Stage(id="stg_3", label="Sold"),
    ),
    C: (Stage(id="lead", label="Lead"), Stage(id="998877", label="Customer")),
}


def rule(
    crm: str,
    kind: Kind = Kind.TEXT,
    table: tuple[tuple[str, str], ...] = (),
    direction: Direction = Direction.BOTH,
) -> FieldRule:
    return FieldRule(name=crm, salespulse=f"s_{crm}", crm=crm, kind=kind, table=table, direction=direction)


def stage_rule(*table: tuple[str, str]) -> FieldRule:
    return FieldRule(
        name="stage", salespulse=STAGE_FIELD, crm="lifecyclestage", kind=Kind.CHOICE, table=table, stage=True
    )


def compiled(*rules: FieldRule, **more: object) -> tuple[FieldMap, tuple[Finding, ...]]:
    draft = FieldMap(name="m", connector="hubspot", object="contacts", rules=rules, **more)  # type: ignore[arg-type] # shorthand
    return compile_map(draft, {C: CRM_FIELDS}, STAGES)


def test_specs_are_joined_to_their_rules_by_side() -> None:
    made, findings = compiled(rule("firstname"))
    assert findings == ()
    assert made.rules[0].specs == {C: CRM_FIELDS[0]}
    assert made.rules[0].name == "firstname"


def test_nothing_is_checked_against_sides_that_describe_nothing() -> None:
    draft = FieldMap(
        name="m",
        connector="x",
        object="o",
        rules=(rule("no_such"), stage_rule(("New Lead", "lead"))),
        create={C: {"nowhere": "1"}},
    )
    made, findings = compile_map(draft, {S: (), C: ()}, {})
    assert findings == ()
    assert made == draft


@pytest.mark.parametrize(
    ("wrong", "where", "what", "remedy"),
    [
        (rule("frstname"), "fields.frstname", "CRM has no field frstname", 'did you mean "firstname"?'),
        (
            rule("phone_number"),
            "fields.phone_number",
            "CRM has no field phone_number",
            'did you mean "phone"?',
        ),
        (
            rule("zzzzzz"),
            "fields.zzzzzz",
            "CRM has no field zzzzzz",
            f"correct the name, make the field, or leave it out. {GRANT}",
        ),
        (
            rule("score", Kind.INTEGER),
            "fields.score",
            'the CRM field score is read-only, and direction = "both" writes to it',
            'set direction = "to_salespulse"',
        ),
        (rule("secret"), "fields.secret", "cannot be read", "permission"),
        (
            rule("age", Kind.DATE),
            "fields.age.as",
            "is of type number and would be treated as a date",
            'as = "decimal"',
        ),
        (rule("birthday", Kind.DATETIME), "fields.birthday.as", "of type date", 'as = "date"'),
        (rule("interests", Kind.CHOICE), "fields.interests.as", "of type multichoice", 'as = "multichoice"'),
        (
            rule("product_interest", Kind.CHOICE, (("a", "Annuity"),)),
            "fields.product_interest.values",
            "Annuity is no option of the CRM field product_interest",
            "choose one of: fe, tl",
        ),
        (
            rule("product_interest", Kind.CHOICE, (("a", "fe"), ("b", "Final Expense"))),
            "fields.product_interest.values",
            "the CRM value fe stands in more than one row",
            'direction = "to_crm"',
        ),
        (
            stage_rule(("Nowhere", "lead")),
            "stage.values",
            "SalesPulse has no stage Nowhere",
            "choose one of: New Lead (stg_1), Contacted (stg_2), Sold (stg_3)",
        ),
        (
            stage_rule(("Sold", "Won")),
            "stage.values",
            "CRM has no stage Won",
            "choose one of: Lead (lead), Customer (998877)",
        ),
        (
            stage_rule(("New Lead", "lead"), ("stg_1", "Customer")),
            "stage.values",
            "the SalesPulse value stg_1 stands in more than one row",
            "keep one of the rows",
        ),
    ],
)
def test_a_problem_is_found_with_its_key_and_what_to_write_instead(
    wrong: FieldRule, where: str, what: str, remedy: str
) -> None:
    _, findings = compiled(wrong)
    assert len(findings) == 1
    assert findings[0].where == where
    assert what in findings[0].what
    assert remedy in findings[0].remedy
    assert not findings[0].warning


def test_all_problems_are_found_at_once() -> None:
    _, findings = compiled(
        rule("frstname"), rule("score", Kind.DATE), stage_rule(("Nowhere", "Won")), create={C: {"nope": 1}}
    )
    assert [finding.where for finding in findings] == [
        "fields.frstname",
        "fields.score",
        "fields.score.as",
        "stage.values",
        "stage.values",
        "create.crm.nope",
    ]


def test_a_read_only_field_may_be_read() -> None:
    assert compiled(rule("score", Kind.INTEGER, direction=Direction.TO_SALESPULSE))[1] == ()


def test_text_in_a_typed_field_is_a_warning() -> None:
    _, findings = compiled(rule("age"))
    assert [(finding.where, finding.warning) for finding in findings] == [("fields.age.as", True)]


def test_stage_names_become_ids_on_both_sides_whatever_their_case() -> None:
    made, findings = compiled(stage_rule(("new lead", "LEAD"), ("stg_2", "lead"), ("Sold", "customer")))
    assert findings == ()
    assert made.rules[0].table == (("stg_1", "lead"), ("stg_2", "lead"), ("stg_3", "998877"))
    assert carry(made.rules[0], S, "lead", "stg_2") == Carried(value="stg_2")


def test_a_stage_name_that_two_stages_bear_is_a_problem_and_its_id_is_not() -> None:
    stages = {S: (Stage(id="1", label="New"), Stage(id="2", label="New")), C: STAGES[C]}
    for word, count in (("New", 1), ("1", 0)):
        draft = FieldMap(name="m", connector="x", object="o", rules=(stage_rule((word, "lead")),))
        assert len(compile_map(draft, {}, stages)[1]) == count


def test_labels_in_a_value_table_become_option_values() -> None:
    wanted = rule("product_interest", Kind.CHOICE, (("final_expense", "Final Expense"), ("term", "tl")))
    made, findings = compiled(wanted)
    assert findings == ()
    assert made.rules[0].table == (("final_expense", "fe"), ("term", "tl"))


def test_values_for_new_records_are_checked() -> None:
    created = {"product_interest": "zz", "score": 1, "state": "Texas", "interests": "a;b", "stat": "x"}
    _, findings = compiled(create={C: created})
    assert [(finding.where, finding.remedy) for finding in findings] == [
        ("create.crm.product_interest", "choose one of: fe, tl"),
        ("create.crm.score", "leave it out"),
        ("create.crm.stat", f'did you mean "state"? {GRANT}'),
    ]


def test_fields_of_keys_and_scope_are_checked_where_the_side_describes_itself() -> None:
    draft = FieldMap(
        name="m",
        connector="x",
        object="o",
        rules=(),
        key_fields={"phone": {S: "phone", C: "phnoe"}},
        scope_salespulse={"stat": ("FL",)},
    )
    _, findings = compile_map(draft, {S: (FieldSpec(name="phone"), FieldSpec(name="state")), C: CRM_FIELDS}, {})
    assert [(finding.where, finding.remedy) for finding in findings] == [
        ("match.keys.phone", f'did you mean "phone"? {GRANT}'),
        ("scope.salespulse.stat", f'did you mean "state"? {GRANT}'),
    ]


# ---- round trips ----


@pytest.mark.parametrize(
    ("table", "direction", "count"),
    [
        ((("a", "x"), ("b", "y")), Direction.BOTH, 0),
        ((("a", "x"), ("b", "x")), Direction.BOTH, 1),
        ((("a", "x"), ("b", "x")), Direction.TO_CRM, 0),
        ((("a", "x"), ("a ", "y")), Direction.TO_CRM, 1),
        ((("a", "b"), ("b", "a")), Direction.BOTH, 0),
        ((("a", ""), ("b", "x")), Direction.BOTH, 1),
        ((("a", "x"), ("A", "X")), Direction.BOTH, 0),
    ],
)
def test_a_table_is_one_to_one_unless_it_is_one_way(
    table: tuple[tuple[str, str], ...], direction: Direction, count: int
) -> None:
    assert len(round_trip_problems(rule("f", Kind.CHOICE, table, direction))) == count


def test_a_stage_table_may_be_many_to_one() -> None:
    assert round_trip_problems(stage_rule(("a", "x"), ("b", "x"), ("c", "y"))) == ()


def test_a_word_that_holds_the_separator_does_not_come_back() -> None:
    spec = FieldSpec(name="f", separator=";")
    wrong = FieldRule(name="f", salespulse="f", crm="f", kind=Kind.MULTICHOICE, table=(("a", "x;y"),), specs={C: spec})
    assert len(round_trip_problems(wrong)) == 1


def test_a_crm_option_that_comes_back_as_another_is_a_problem() -> None:
    sides = {
        S: FieldSpec(name="f", options=(Option(value="1", label="A"),)),
        C: FieldSpec(name="f", options=(Option(value="x", label="1"), Option(value="y", label="A"))),
    }
    wrong = FieldRule(name="f", salespulse="f", crm="f", kind=Kind.CHOICE, specs=sides)
    assert [finding.what for finding in round_trip_problems(wrong)] == [
        "the CRM value y does not come back as itself from the SalesPulse field f"
    ]


def test_two_options_for_one_state_are_the_same_state_and_no_problem() -> None:
    spec = FieldSpec(
        name="f",
        type="choice",
        options=(Option(value="FL", label="FL"), Option(value="Florida", label="Florida")),
    )
    fine = FieldRule(name="f", salespulse="f", crm="f", kind=Kind.US_STATE, specs={C: spec})
    assert round_trip_problems(fine) == ()


def test_stages_of_the_scope_are_named_and_become_their_ids() -> None:
    made, findings = compiled(
        stage_rule(("New Lead", "lead")), scope_salespulse={"stage": ("new lead", "stg_2"), "state": ("FL",)}
    )
    assert findings == ()
    assert made.scope_salespulse == {"stage": ("stg_1", "stg_2"), "state": ("FL",)}


def test_a_stage_of_the_scope_that_does_not_exist_is_found_with_the_nearest() -> None:
    draft = FieldMap(
        name="m", connector="x", object="o", rules=(), scope_salespulse={"stage": ("New Laed", "Sold", "Nothing")}
    )
    _, findings = compile_map(draft, {S: (FieldSpec(name="email"),)}, STAGES)
    assert [(one.where, one.remedy) for one in findings] == [
        ("scope.salespulse.stage", 'did you mean "New Lead"?'),
        ("scope.salespulse.stage", "choose one of: New Lead (stg_1), Contacted (stg_2), Sold (stg_3)"),
    ]
    assert "SalesPulse has no stage New Laed" in findings[0].what


def test_stages_of_the_scope_are_taken_as_given_where_salespulse_names_none() -> None:
    draft = FieldMap(name="m", connector="x", object="o", rules=(), scope_salespulse={"stage": ("New Lead",)})
    made, findings = compile_map(draft, {}, {})
    assert (made.scope_salespulse, findings) == ({"stage": ("New Lead",)}, ())
