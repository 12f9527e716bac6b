"""A mapping file becomes core's FieldMap; whatever in it cannot work is found when it is read."""

from __future__ import annotations

import pytest

from syncd.config.mappings import shipped_names
from syncd.core.mapping import STAGE_FIELD, Blank, Direction, Kind, Rule, Unmapped
from syncd.core.model import Side

HEAD = 'connector = "acme"\nobject = "people"\n'
EMAIL = '[[fields]]\nsalespulse = "email"\ncrm = "mail"\n'
CHOICE = '[[fields]]\nsalespulse = "plan"\ncrm = "plan"\nvalues = { a = "A", b = "B" }\n'
STAGE = """
[stage]
field = "phase"
values = { "New Lead" = "lead", "Contacted" = "lead", "Quoted" = "opportunity", "Sold" = "customer" }
"""


def field(salespulse: str, crm: str, more: str = "") -> str:
    return f'[[fields]]\nsalespulse = "{salespulse}"\ncrm = "{crm}"\n{more}\n'


def test_a_field_without_more_is_text_and_inherits_from_its_connection(bench):
    (rule,) = bench.mapped(
        HEAD + field("city", "town"), 'direction = "to_crm"\nconflict = ["crm"]\nfirst_sync = ["salespulse"]'
    ).rules
    assert (rule.name, rule.salespulse, rule.crm, rule.kind, rule.table) == (
        "city",
        "city",
        "town",
        Kind.TEXT,
        (),
    )
    assert (rule.direction, rule.conflict, rule.first_sync) == (
        Direction.TO_CRM,
        (Rule.CRM,),
        (Rule.SALESPULSE,),
    )
    assert (rule.blank, rule.unmapped, rule.stage, rule.region) == (Blank.COPY, Unmapped.HOLD, False, "US")


def test_a_field_overrides_its_connection(bench):
    more = 'as = "integer"\ndirection = "to_crm"\nconflict = ["salespulse"]\nfirst_sync = ["crm"]\n'
    more += 'blank = "keep"\nunmapped = "ignore"'
    (rule,) = bench.mapped(HEAD + field("age", "age", more)).rules
    assert (rule.kind, rule.direction, rule.conflict) == (Kind.INTEGER, Direction.TO_CRM, (Rule.SALESPULSE,))
    assert (rule.first_sync, rule.blank, rule.unmapped) == ((Rule.CRM,), Blank.KEEP, Unmapped.IGNORE)


def test_a_table_of_values_makes_a_choice_and_keeps_its_order(bench):
    (rule,) = bench.mapped(HEAD + CHOICE).rules
    assert (rule.kind, rule.table) == (Kind.CHOICE, (("a", "A"), ("b", "B")))


def test_the_region_of_salespulse_reaches_every_rule(bench):
    bench.good = bench.good.replace("[salespulse]", '[salespulse]\nregion = "CA"')
    config = bench.load(bench.good)
    assert {rule.region for rule in config.connections[0].fields.rules} == {"CA"}


def test_a_stage_is_a_choice_whose_blank_never_overwrites(bench):
    fields = bench.mapped(HEAD + EMAIL + STAGE)
    rule = fields.rules[-1]
    assert (rule.name, rule.salespulse, rule.crm, rule.stage) == (STAGE_FIELD, STAGE_FIELD, "phase", True)
    assert (rule.kind, rule.blank, rule.unmapped) == (Kind.CHOICE, Blank.NEVER, Unmapped.IGNORE)
    assert rule.table == (
        ("New Lead", "lead"),
        ("Contacted", "lead"),
        ("Quoted", "opportunity"),
        ("Sold", "customer"),
    )
    assert rule.conflict == (Rule.NEWEST, Rule.HOLD)
    assert fields.fields(Side.CRM) == ("mail", "phase")


def test_rules_that_make_no_sense_for_a_field_are_not_inherited(bench):
    mapping = HEAD + EMAIL + field("tags", "tags", 'as = "multichoice"') + STAGE
    email, tags, stage = bench.mapped(mapping, 'conflict = ["advance", "union", "crm"]').rules
    assert email.conflict == (Rule.CRM,)
    assert tags.conflict == (Rule.UNION, Rule.CRM)
    assert stage.conflict == (Rule.ADVANCE, Rule.CRM)


def test_a_field_that_inherits_no_rule_at_all_is_held(bench):
    (rule,) = bench.mapped(HEAD + EMAIL, 'conflict = ["advance"]').rules
    assert rule.conflict == (Rule.HOLD,)


def test_keys_that_are_mapped_are_used_and_bear_both_names(bench):
    fields = bench.mapped(HEAD + EMAIL)
    assert fields.keys == ("email",)
    assert fields.key_fields == {"email": {Side.SALESPULSE: "email", Side.CRM: "mail"}}


def test_a_key_is_of_its_own_kind_without_being_told(bench):
    assert [rule.kind for rule in bench.mapped(HEAD + EMAIL + field("phone", "tel")).rules] == [
        Kind.EMAIL,
        Kind.PHONE,
    ]


def test_a_key_found_by_kind_need_not_have_its_name(bench):
    fields = bench.mapped(HEAD + field("e_mail", "mail", 'as = "email"') + '[match]\nkeys = ["email"]\n')
    assert fields.key_fields["email"][Side.SALESPULSE] == "e_mail"


def test_a_key_of_another_kind_is_warned_about(bench):
    bench.write("people.toml", HEAD + EMAIL + 'as = "text"\n')
    (warning,) = bench.load().warnings
    assert warning.where == "./people.toml: match.keys"
    assert 'as = "email"' in warning.remedy


def test_one_salespulse_field_may_go_to_two_crm_fields_and_the_first_keeps_its_name(bench):
    mapping = HEAD + field("name", "given") + field("name", "nickname", 'direction = "to_crm"')
    assert [rule.name for rule in bench.mapped(mapping).rules] == ["name", "name/nickname"]


def test_scope_and_values_for_new_records_are_passed_on(bench):
    fields = bench.mapped(
        HEAD
        + EMAIL
        + '[scope]\nsalespulse = { state = ["FL", "TX"], kind = "lead" }\ncrm = "x = 1"\n'
        + '[create]\ncrm = { status = "NEW", tags = ["a", "b"], hot = true, age = 3 }\n'
    )
    assert fields.scope_salespulse == {"state": ("FL", "TX"), "kind": ("lead",)}
    assert fields.scope_crm == "x = 1"
    assert fields.create[Side.CRM] == {"status": "NEW", "tags": ("a", "b"), "hot": True, "age": 3}
    assert fields.create[Side.SALESPULSE] == {}


def test_many_to_one_is_fine_for_a_field_that_only_goes_to_the_crm(bench):
    mapping = HEAD + CHOICE.replace('"B"', '"A"') + 'direction = "to_crm"\n'
    assert bench.mapped(mapping).rules[0].table == (("a", "A"), ("b", "A"))


def test_a_mapping_beside_the_config_goes_before_the_shipped_one(bench):
    bench.write("mappings/hubspot-contacts.toml", HEAD + EMAIL)
    config = bench.load(bench.good.replace("./people.toml", "hubspot-contacts"))
    assert config.connections[0].fields.name == "hubspot-contacts"
    assert config.connections[0].fields.connector == "acme"


BROKEN = {
    "unknown key": (HEAD + field("a", "b", 'az = "text"'), "fields[0].az (line 3)", "is not a key"),
    "unknown kind": (
        HEAD + EMAIL + field("p", "p", 'as = "fone"'),
        "fields[1].as (line 6)",
        'did you mean "phone"',
    ),
    "no name": (HEAD + '[[fields]]\nsalespulse = "a"\n', "fields[0].crm (line 3)", "is missing"),
    "blank name": (HEAD + field("a", ""), "fields[0].crm (line 3)", "no field name"),
    "no fields": (HEAD, "fields", "add a [[fields]]"),
    "object": (HEAD.replace("people", "person") + EMAIL, "object", "people, firms"),
    "scope": (HEAD + EMAIL + "[scope]\ncrm = 3\n", "scope.crm", "write a text"),
    "empty scope": (
        HEAD + EMAIL + "[scope]\nsalespulse = { state = [] }\n",
        "scope.salespulse.state",
        "no record",
    ),
    "table not one to one": (
        HEAD + CHOICE.replace('"B"', '"A"'),
        "fields[0].values (line 3)",
        '"A" for a and b',
    ),
    "table the wrong way": (
        HEAD + CHOICE.replace('"B"', '"A"') + 'direction = "to_salespulse"\n',
        "fields[0].values (line 3)",
        "way back",
    ),
    "table of numbers": (HEAD + CHOICE.replace('"B"', "2"), "fields[0].values.b (line 3)", "in quotes"),
    "blank row": (HEAD + CHOICE.replace('"B"', '""'), "fields[0].values (line 3)", "blank"),
    "empty table": (HEAD + field("a", "b", "values = {}"), "fields[0].values (line 3)", "leave it out"),
    "table for a number": (HEAD + CHOICE + 'as = "integer"\n', "fields[0].as (line 3)", '"multichoice"'),
    "unknown rule": (
        HEAD + EMAIL + 'conflict = ["newest", "cmr"]\n',
        "fields[0].conflict[1] (line 3)",
        '"crm"',
    ),
    "advance for a field": (
        HEAD + EMAIL + 'conflict = ["advance"]\n',
        "fields[0].conflict (line 3)",
        "stages only",
    ),
    "union for a field": (
        HEAD + EMAIL + 'conflict = ["union"]\n',
        "fields[0].conflict (line 3)",
        "multichoice",
    ),
    "fill in conflict": (HEAD + EMAIL + 'conflict = ["fill"]\n', "fields[0].conflict (line 3)", "first_sync"),
    "union for a stage": (HEAD + EMAIL + STAGE + 'conflict = ["union"]\n', "stage.conflict", "multichoice"),
    "blank never": (HEAD + EMAIL + 'blank = "never"\n', "fields[0].blank (line 3)", "copy, keep"),
    "key without field": (
        HEAD + EMAIL + '[match]\nkeys = ["email", "phone"]\n',
        "match.keys",
        "no field maps",
    ),
    "unknown key of match": (
        HEAD + EMAIL + '[match]\nkeys = ["emial"]\n',
        "match.keys[0]",
        'did you mean "email"',
    ),
    "same pair twice": (HEAD + EMAIL + EMAIL, "fields[1] (line 6)", "a second time"),
    "two writers in the CRM": (HEAD + EMAIL + field("alt", "mail"), "fields[1] (line 6)", "undo each other"),
    "two writers in SalesPulse": (
        HEAD + EMAIL + field("email", "work"),
        "fields[1] (line 6)",
        "undo each other",
    ),
    "stage as a field": (HEAD + field("stage", "x"), "fields[0].salespulse (line 3)", "[stage]"),
    "field of the stage mapped": (HEAD + field("x", "phase") + STAGE, "stage", "undo each other"),
    "stage without values": (HEAD + EMAIL + '[stage]\nfield = "x"\n', "stage.values", "is missing"),
    "value for a new record": (
        HEAD + EMAIL + "[create]\ncrm = { x = 2020-01-01 }\n",
        "create.crm.x",
        "is no value",
    ),
    "fields inline": (HEAD + 'fields = [{ salespulse = "a", crm = 1 }]\n', "fields[0].crm", "in quotes"),
    "bad TOML": (HEAD + "[[fields]\n", "line 3, column 9", "is no TOML"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_mapping_gives_one_problem_with_its_key_and_line(bench, only, case):
    mapping, where, words = BROKEN[case]
    problem = only(bench.mapping_problems(mapping))
    assert problem.where == f"./people.toml: {where}"
    assert words in f"{problem.what}; {problem.remedy}".replace("write one of: ", "")


def test_all_problems_of_a_mapping_come_at_once(bench):
    mapping = (
        HEAD.replace("people", "x")
        + CHOICE.replace('"B"', '"A"')
        + field("a", "b", 'conflict = ["advance"]')
        + field("a", "b")
        + '[match]\nkeys = ["phone"]\n'
        + "[scope]\ncrm = 3\n"
        + "[create]\nsalespulse = { x = {} }\n"
    )
    assert {problem.where.partition(": ")[2].partition(" (")[0] for problem in bench.mapping_problems(mapping)} == {
        "object",
        "fields[0].values",
        "fields[1].conflict",
        "fields[2]",
        "match.keys",
        "scope.crm",
        "create.salespulse.x",
    }


def test_a_direction_that_would_write_nothing_is_refused(bench, only):
    bench.write("people.toml", HEAD + EMAIL + 'direction = "to_salespulse"\n')
    problems = bench.problems(bench.good.replace('connector = "acme"', 'connector = "acme"\ndirection = "to_crm"'))
    assert "nothing would ever be written" in only(problems).what


def test_a_mapping_that_two_connections_share_gives_each_problem_once(bench, only):
    bench.write("people.toml", HEAD + EMAIL + 'as = "mail"\n')
    second = bench.good[bench.good.index("[connections") :].replace("connections.acme", "connections.b")
    assert only(bench.problems(bench.good + second)).where.endswith("fields[0].as (line 3)")


def test_an_unreadable_mapping_is_a_problem_and_no_traceback(bench, only):
    (bench.folder / "mappings" / "odd.toml").mkdir(parents=True)
    problem = only(bench.problems(bench.good.replace("./people.toml", "odd")))
    assert 'there is no mapping "odd"' in problem.what


def test_the_shipped_mappings_are_found():
    assert "hubspot-contacts" in shipped_names()
