"""Joins a mapping with what both sides say of themselves, and finds everything in it that could not work.

It changes no policy and asks nobody: specs and stages come as arguments, and findings go back all at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from syncd.core.kinds import NOUNS, blank, fold, text_of, tidy
from syncd.core.lens import Carried, carry, same
from syncd.core.mapping import STAGE_FIELD, Direction, FieldMap, FieldRule, Kind
from syncd.core.model import SIDES, FieldSpec, Side, Stage
from syncd.core.vocabulary import Vocabulary

_SIDE_NAMES = {Side.SALESPULSE: "SalesPulse", Side.CRM: "CRM"}

#: Field types that can hold a kind without loss. A kind that is missing here fits everything.
_FITTING: Mapping[Kind, frozenset[str]] = {
    Kind.EMAIL: frozenset({"text", "choice"}),
    Kind.PHONE: frozenset({"text", "choice"}),
    Kind.US_STATE: frozenset({"text", "choice"}),
    Kind.NAME: frozenset({"text", "choice"}),
    Kind.INTEGER: frozenset({"number", "text", "choice"}),
    Kind.DECIMAL: frozenset({"number", "text", "choice"}),
    Kind.BOOLEAN: frozenset({"boolean", "text", "choice"}),
    Kind.DATE: frozenset({"date", "datetime", "text"}),
    Kind.DATETIME: frozenset({"datetime", "text"}),
    Kind.CHOICE: frozenset({"choice", "text", "boolean", "number"}),
    Kind.MULTICHOICE: frozenset({"multichoice", "text"}),
}
#: What to write in ``as`` for a field of a type.
_KIND_FOR = {
    "text": Kind.TEXT,
    "number": Kind.DECIMAL,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "datetime": Kind.DATETIME,
    "choice": Kind.CHOICE,
    "multichoice": Kind.MULTICHOICE,
}
#: Text in such a field works while nobody writes it in another way.
_LOOSE_TEXT = frozenset({"number", "boolean", "date", "datetime", "multichoice"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing in a mapping that cannot work (a warning: that may not): its key, what, what instead."""

    where: str
    what: str
    remedy: str
    warning: bool = False


def compile_map(
    draft: FieldMap,
    specs: Mapping[Side, Sequence[FieldSpec]],
    stages: Mapping[Side, Sequence[Stage]],
) -> tuple[FieldMap, tuple[Finding, ...]]:
    """Return the mapping with specs joined and names turned into ids and values, and all findings.

    A side without specs, or without stages, does not describe itself: nothing is checked against it.
    """
    findings: list[Finding] = []
    rules: list[FieldRule] = []
    for draft_rule in draft.rules:
        rule = _join(draft_rule, specs)
        found = [finding for side in SIDES for finding in _field_findings(rule, side, specs.get(side, ()))]
        if rule.stage:
            rule, unknown = _resolve_stages(rule, stages)
        else:
            rule, unknown = _resolve_words(rule)
        found += unknown or round_trip_problems(rule)
        findings += found
        rules.append(rule)
    findings += _create_findings(draft, specs)
    findings += _name_findings(draft, specs)
    scope, unknown = _resolve_scope(draft, stages)
    findings += unknown
    return replace(draft, rules=tuple(rules), scope_salespulse=scope), tuple(dict.fromkeys(findings))


def round_trip_problems(rule: FieldRule) -> tuple[Finding, ...]:
    """What in a rule's values or options would not come back as itself from the other side.

    Works without specs too: then only the value table is looked at.
    """
    findings = _table_findings(rule)
    if findings:
        return tuple(findings)
    if rule.direction is Direction.BOTH:
        findings = [*_row_findings(rule), *_option_findings(rule)]
    return tuple(findings)


# ---- fields ----


def _join(rule: FieldRule, specs: Mapping[Side, Sequence[FieldSpec]]) -> FieldRule:
    by_side = {side: {spec.name: spec for spec in specs.get(side, ())} for side in SIDES}
    joined = {side: by_side[side][rule.on(side)] for side in SIDES if rule.on(side) in by_side[side]}
    return replace(rule, specs=joined)


def _field_findings(rule: FieldRule, side: Side, known: Sequence[FieldSpec]) -> Iterable[Finding]:
    name, who, where = rule.on(side), _SIDE_NAMES[side], _where(rule)
    spec = rule.specs.get(side)
    if spec is None:
        if known and not (side is Side.SALESPULSE and name == STAGE_FIELD):
            yield _missing(where, side, name, known)
        return
    if not spec.readable:
        yield Finding(
            where=where,
            what=f"the {who} field {name} cannot be read with these credentials",
            remedy="give them permission to read it, or leave the field out",
        )
    if not spec.writable and rule.direction.allows(side):
        away = Direction.TO_SALESPULSE if side is Side.CRM else Direction.TO_CRM
        yield Finding(
            where=where,
            what=f'the {who} field {name} is read-only, and direction = "{rule.direction}" writes to it',
            remedy=f'set direction = "{away}" for this field, or map another one',
        )
    yield from _type_findings(rule, side, spec)


def _type_findings(rule: FieldRule, side: Side, spec: FieldSpec) -> Iterable[Finding]:
    wanted = _KIND_FOR.get(spec.type)
    if wanted is None or rule.stage:
        return
    loose = rule.kind is Kind.TEXT and spec.type in _LOOSE_TEXT and not rule.table
    fitting = _FITTING.get(rule.kind)
    if loose or (fitting is not None and spec.type not in fitting):
        yield Finding(
            where=f"{_where(rule)}.as",
            what=f"the {_SIDE_NAMES[side]} field {spec.name} is of type {spec.type} and would be treated as"
            f" {NOUNS[rule.kind]}",
            remedy=f'write as = "{wanted}"',
            warning=loose,
        )


def _missing(where: str, side: Side, name: str, known: Sequence[FieldSpec]) -> Finding:
    near = _nearest(name, known)
    guess = f'did you mean "{near}"?' if near else "correct the name, make the field, or leave it out."
    return Finding(
        where=where,
        what=f"{_SIDE_NAMES[side]} has no field {name} that these credentials can see",
        remedy=f"{guess} If it is there, give these credentials the right to read it",
    )


def _nearest(name: str, known: Sequence[FieldSpec]) -> str:
    """The field whose name or label is most like the given name; "" if none is."""
    names = {fold(spec.label): spec.name for spec in known if spec.label}
    names |= {fold(spec.name): spec.name for spec in known}
    near = difflib.get_close_matches(fold(name), names, n=1, cutoff=0.6)
    return names[near[0]] if near else ""


def _create_findings(draft: FieldMap, specs: Mapping[Side, Sequence[FieldSpec]]) -> Iterable[Finding]:
    for side in SIDES:
        known = {spec.name: spec for spec in specs.get(side, ())}
        for name, value in draft.create.get(side, {}).items():
            where = f"create.{side}.{name}"
            if not known:
                continue
            spec = known.get(name)
            if spec is None:
                yield _missing(where, side, name, tuple(known.values()))
            elif not spec.writable:
                yield Finding(
                    where=where,
                    what=f"the {_SIDE_NAMES[side]} field {name} is read-only",
                    remedy="leave it out",
                )
            elif spec.options and spec.type != "multichoice" and not _known_option(spec, text_of(value)):
                yield Finding(
                    where=where,
                    what=f"{text_of(value)} is no option of the {_SIDE_NAMES[side]} field {name}",
                    remedy=_choose(option.value for option in spec.options),
                )


def _known_option(spec: FieldSpec, text: str) -> bool:
    return any(tidy(option.value) == tidy(text) for option in spec.options)


def _name_findings(draft: FieldMap, specs: Mapping[Side, Sequence[FieldSpec]]) -> Iterable[Finding]:
    """Fields that only keys and scope name."""
    mapped = {(side, rule.on(side)) for rule in draft.rules for side in SIDES}
    named = [
        (f"match.keys.{key}", side, name) for key, by_side in draft.key_fields.items() for side, name in by_side.items()
    ]
    named += [(f"scope.salespulse.{name}", Side.SALESPULSE, name) for name in draft.scope_salespulse]
    for where, side, name in named:
        known = specs.get(side, ())
        if side is Side.SALESPULSE and name == STAGE_FIELD:
            continue
        if known and (side, name) not in mapped and name not in {spec.name for spec in known}:
            yield _missing(where, side, name, known)


# ---- words of tables ----


def _resolve_stages(rule: FieldRule, stages: Mapping[Side, Sequence[Stage]]) -> tuple[FieldRule, list[Finding]]:
    """The rule with stage ids for names on both sides, and the stages that do not exist."""
    columns = list(zip(*rule.table, strict=True)) or [(), ()]
    findings: list[Finding] = []
    resolved: list[list[str]] = []
    for side, column in zip(SIDES, columns, strict=True):
        known = stages.get(side, ())
        ids = [_stage_id(known, word) for word in column] if known else list(column)
        findings += [
            Finding(
                where="stage.values",
                what=f"{_SIDE_NAMES[side]} has no stage {word}, or more than one by that name",
                remedy=_choose(f"{stage.label} ({stage.id})" for stage in known),
            )
            for word, found in zip(column, ids, strict=True)
            if found is None
        ]
        resolved.append([word if found is None else found for word, found in zip(column, ids, strict=True)])
    return replace(rule, table=tuple(zip(*resolved, strict=True))), findings


def _resolve_scope(
    draft: FieldMap, stages: Mapping[Side, Sequence[Stage]]
) -> tuple[Mapping[str, tuple[str, ...]], list[Finding]]:
    """SalesPulse's scope with stage ids for names, and the stages that do not exist."""
    known = stages.get(Side.SALESPULSE, ())
    words = draft.scope_salespulse.get(STAGE_FIELD, ())
    if not known or not words:
        return draft.scope_salespulse, []
    ids = {word: _stage_id(known, word) for word in words}
    findings = [
        Finding(
            where=f"scope.salespulse.{STAGE_FIELD}",
            what=f"{_SIDE_NAMES[Side.SALESPULSE]} has no stage {word}, or more than one by that name",
            remedy=_nearest_stage(word, known),
        )
        for word, found in ids.items()
        if found is None
    ]
    resolved = tuple(found or word for word, found in ids.items())
    return {**draft.scope_salespulse, STAGE_FIELD: resolved}, findings


def _nearest_stage(word: str, known: Sequence[Stage]) -> str:
    labels = {fold(stage.label): stage.label for stage in known}
    near = difflib.get_close_matches(fold(word), labels, n=1, cutoff=0.6)
    if near and near[0] != fold(word):
        return f'did you mean "{labels[near[0]]}"?'
    return _choose(f"{stage.label} ({stage.id})" for stage in known)


def _stage_id(known: Sequence[Stage], word: str) -> str | None:
    """The id of the one stage that a word names: by id, by label, or by either without case."""
    for wanted in (
        {stage.id for stage in known if stage.id == word},
        {stage.id for stage in known if stage.label == word},
        {stage.id for stage in known if fold(word) in (fold(stage.id), fold(stage.label))},
    ):
        if wanted:
            return wanted.pop() if len(wanted) == 1 else None
    return None


def _resolve_words(rule: FieldRule) -> tuple[FieldRule, list[Finding]]:
    """The rule with option values for labels in its table, and the words that are no option."""
    if not rule.table:
        return rule, []
    vocabulary = Vocabulary(rule)
    findings: list[Finding] = []
    for side, position in ((Side.SALESPULSE, 0), (Side.CRM, 1)):
        options = vocabulary.options[side]
        findings += [
            Finding(
                where=f"{_where(rule)}.values",
                what=f"{row[position]} is no option of the {_SIDE_NAMES[side]} field {rule.on(side)}",
                remedy=_choose(option.value for option in rule.specs[side].options),
            )
            for row in rule.table
            if options is not None and options.find(row[position]) is None
        ]
    return replace(rule, table=vocabulary.table), findings


def _choose(words: Iterable[str]) -> str:
    listed = list(words)
    more = f" and {len(listed) - 12} more" if len(listed) > 12 else ""
    return f"choose one of: {', '.join(listed[:12])}{more}"


# ---- round trips ----


def _table_findings(rule: FieldRule) -> list[Finding]:
    """Rows that could not be told apart. Stages and one-way fields may be many to one."""
    where = f"{_where(rule)}.values"
    findings = [
        Finding(where=where, what="a value is blank", remedy="leave the row out; blanks are handled by blank")
        for row in rule.table
        if blank(row[0]) or blank(row[1])
    ]
    once = {Side.SALESPULSE}
    if rule.direction is Direction.BOTH and not rule.stage:
        once.add(Side.CRM)
    for side, position in ((Side.SALESPULSE, 0), (Side.CRM, 1)):
        column = [tidy(row[position]) for row in rule.table]
        twice = sorted({word for word in column if column.count(word) > 1}) if side in once else []
        findings += [
            Finding(
                where=where,
                what=f"the {_SIDE_NAMES[side]} value {word} stands in more than one row",
                remedy='keep one of the rows, or set direction = "to_crm" for this field'
                if side is Side.CRM
                else "keep one of the rows",
            )
            for word in twice
        ]
    return findings


def _row_findings(rule: FieldRule) -> Iterable[Finding]:
    """Every row, carried to the CRM and back, has to be itself; a stage, one with the same CRM stage."""
    for left, _ in rule.table:
        there = carry(rule, Side.CRM, left)
        if not isinstance(there, Carried):
            yield _lost(rule, left, Side.CRM)
            continue
        back = carry(rule, Side.SALESPULSE, there.value)
        if isinstance(back, Carried) and rule.stage:
            again = carry(rule, Side.CRM, back.value)
            kept = isinstance(again, Carried) and same(rule, Side.CRM, again.value, there.value)
        else:
            kept = isinstance(back, Carried) and same(rule, Side.SALESPULSE, back.value, left)
        if not kept:
            yield _lost(rule, left, Side.CRM)


def _option_findings(rule: FieldRule) -> Iterable[Finding]:
    """Every option that can be carried to the other side has to come back as itself."""
    for side in SIDES:
        spec = rule.specs.get(side)
        for option in spec.options if spec is not None else ():
            there = carry(rule, side.other, option.value)
            if not isinstance(there, Carried) or there.value is None:
                continue
            # Of stages that map to one CRM stage any may come back: the present one stays.
            back = carry(rule, side, there.value, option.value if rule.stage else None)
            if not (isinstance(back, Carried) and same(rule, side, back.value, option.value)):
                yield _lost(rule, option.value, side.other)


def _lost(rule: FieldRule, word: str, to: Side) -> Finding:
    return Finding(
        where=f"{_where(rule)}.values",
        what=f"the {_SIDE_NAMES[to.other]} value {word} does not come back as itself from the"
        f" {_SIDE_NAMES[to]} field {rule.on(to)}",
        remedy="give every value a row of its own whose words are options of their fields",
    )


def _where(rule: FieldRule) -> str:
    return "stage" if rule.stage else f"fields.{rule.name}"
