"""From the entries of a mapping file to core's FieldRules: defaults, inheritance, contradictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncd.config.mapping_schema import FieldEntry, MappingFile, StageSection
from syncd.config.problems import Findings, Place
from syncd.core.compile import round_trip_problems
from syncd.core.mapping import STAGE_FIELD, Blank, Direction, FieldRule, Kind, Rule
from syncd.core.model import SIDES, Side

_LABELS = {Side.SALESPULSE: "SalesPulse", Side.CRM: "CRM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What a mapping takes from its connection and from the SalesPulse section."""

    connection: str = ""
    direction: Direction = Direction.BOTH
    conflict: tuple[Rule, ...] = (Rule.NEWEST, Rule.HOLD)
    first_sync: tuple[Rule, ...] = (Rule.FILL, Rule.NEWEST, Rule.HOLD)
    region: str = "US"


@dataclass(frozen=True, slots=True)
class _Placed:
    rule: FieldRule
    steps: tuple[str | int, ...]  #: where in the file it stands


def rules_of(file: MappingFile, inherited: Inherited, place: Place, findings: Findings) -> tuple[FieldRule, ...]:
    """Given a mapping that is well formed, return its rules in the file's order, the stage last.

    Add a problem for all that cannot work.
    """
    placed: list[_Placed] = []
    names: set[str] = {STAGE_FIELD}
    for index, entry in enumerate(file.fields):
        if entry.salespulse == STAGE_FIELD:
            findings.add(
                place.at("fields", index, "salespulse"),
                "is the stage, which is no field",
                "map it under [stage]",
            )
            continue
        # The first rule of a SalesPulse field keeps the short name, so that adding a second one leaves its
        # bases alone.
        name = entry.salespulse if entry.salespulse not in names else f"{entry.salespulse}/{entry.crm}"
        names.add(name)
        here = place.below("fields", index)
        placed.append(
            _Placed(
                _field_rule(entry, name=name, file=file, inherited=inherited, place=here, findings=findings),
                ("fields", index),
            )
        )
    if file.stage is not None:
        placed.append(_Placed(_stage_rule(file.stage, inherited, place.below("stage"), findings), ("stage",)))
    if not file.fields and file.stage is None:
        findings.add(
            place.at("fields"),
            "is missing or empty",
            "add a [[fields]] table for each field that is to be kept in step",
        )
    _refuse_rivals(placed, place, findings)
    for one in placed:
        if _one_to_one(one, place, findings):
            for finding in round_trip_problems(one.rule):
                findings.add(place.at(*one.steps, "values"), finding.what, finding.remedy, warning=finding.warning)
    return tuple(one.rule for one in placed)


def unreached(rules: Sequence[Rule]) -> str:
    """Given rules in their order, return the warning for those that are never asked, "" if there are none."""
    for index, rule in enumerate(rules[:-1]):
        if rule in {Rule.SALESPULSE, Rule.CRM, Rule.HOLD}:
            later = ", ".join(f'"{one}"' for one in rules[index + 1 :])
            return f'asks "{rule}", which always decides, before {later}; put "{rule}" last'
    return ""


def _field_rule(
    entry: FieldEntry, *, name: str, file: MappingFile, inherited: Inherited, place: Place, findings: Findings
) -> FieldRule:
    kind = entry.as_ or _default_kind(entry, file)
    if entry.values is not None and kind not in {Kind.CHOICE, Kind.MULTICHOICE}:
        findings.add(
            place.at("as"),
            f'is "{kind}", which has no table of values',
            'write as = "choice" or "multichoice", or leave values out',
        )
    return FieldRule(
        name=name,
        salespulse=entry.salespulse,
        crm=entry.crm,
        kind=kind,
        table=tuple((entry.values or {}).items()),
        direction=_narrowed(entry.direction, inherited, place, findings),
        conflict=_chosen("conflict", entry.conflict, inherited.conflict, kind=kind, place=place, findings=findings),
        first_sync=_chosen(
            "first_sync", entry.first_sync, inherited.first_sync, kind=kind, place=place, findings=findings
        ),
        blank=Blank(entry.blank),
        unmapped=entry.unmapped,
        region=inherited.region,
    )


def _stage_rule(stage: StageSection, inherited: Inherited, place: Place, findings: Findings) -> FieldRule:
    return FieldRule(
        name=STAGE_FIELD,
        salespulse=STAGE_FIELD,
        crm=stage.field,
        kind=Kind.CHOICE,
        table=tuple(stage.values.items()),
        direction=_narrowed(stage.direction, inherited, place, findings),
        conflict=_chosen("conflict", stage.conflict, inherited.conflict, kind=None, place=place, findings=findings),
        first_sync=_chosen(
            "first_sync", stage.first_sync, inherited.first_sync, kind=None, place=place, findings=findings
        ),
        blank=Blank.NEVER,
        unmapped=stage.unmapped,
        stage=True,
        region=inherited.region,
    )


def _default_kind(entry: FieldEntry, file: MappingFile) -> Kind:
    if entry.values is not None:
        return Kind.CHOICE
    # A key that is compared as plain text would miss the same address in capitals, and double the person.
    return Kind(entry.salespulse) if entry.salespulse in file.match.keys else Kind.TEXT


def _narrowed(own: Direction | None, inherited: Inherited, place: Place, findings: Findings) -> Direction:
    if own is None or own is Direction.BOTH or own is inherited.direction:
        return inherited.direction
    if inherited.direction is not Direction.BOTH:
        findings.add(
            place.at("direction"),
            f'is "{own}" while connection {inherited.connection} is "{inherited.direction}": nothing '
            "would ever be written",
            "leave the field out of this mapping, or change the connection's direction",
        )
    return own


def _chosen(
    key: str,
    own: tuple[Rule, ...] | None,
    above: tuple[Rule, ...],
    *,
    kind: Kind | None,
    place: Place,
    findings: Findings,
) -> tuple[Rule, ...]:
    """The field's own rules, or those of the connection's that make sense for it.

    ``kind`` is None for a stage.
    """
    senseless = {Rule.ADVANCE: kind is not None, Rule.UNION: kind is not Kind.MULTICHOICE}
    if own is None:
        return tuple(rule for rule in above if not senseless.get(rule, False)) or (Rule.HOLD,)
    for rule in own:
        if senseless.get(rule, False):
            only = "stages" if rule is Rule.ADVANCE else 'fields with as = "multichoice"'
            findings.add(place.at(key), f'has "{rule}", which works for {only} only', "leave it out")
    if text := unreached(own):
        findings.add_text(place.at(key), text, warning=True)
    return own


def _refuse_rivals(placed: Iterable[_Placed], place: Place, findings: Findings) -> None:
    pairs: dict[tuple[str, str], _Placed] = {}
    writers: dict[tuple[Side, str], list[_Placed]] = defaultdict(list)
    for one in placed:
        pair = (one.rule.salespulse, one.rule.crm)
        if pair in pairs:
            findings.add(place.at(*one.steps), f"maps {pair[0]} to {pair[1]} a second time", "remove one of the two")
            continue
        pairs[pair] = one
        for side in SIDES:
            if one.rule.direction.allows(side):
                writers[side, one.rule.on(side)].append(one)
    for (side, field), ones in writers.items():
        if len(ones) > 1:
            names = " and ".join(one.rule.name for one in ones)
            away = "to_crm" if side is Side.SALESPULSE else "to_salespulse"
            findings.add(
                place.at(*ones[1].steps),
                f"the {_LABELS[side]} field {field} would be written by {names}, which would undo each other",
                f'remove one, or write direction = "{away}" in all but one',
            )


def _one_to_one(one: _Placed, place: Place, findings: Findings) -> bool:
    """Whether the rule's table can be used backwards where it has to be.

    (A stage takes the first row; forwards, keys are unique.)
    """
    rule = one.rule
    if rule.stage or not rule.direction.allows(Side.SALESPULSE):
        return True
    rows: dict[str, list[str]] = defaultdict(list)
    for left, right in rule.table:
        rows[right].append(left)
    doubled = {right: lefts for right, lefts in rows.items() if len(lefts) > 1}
    for right, lefts in doubled.items():
        findings.add(
            place.at(*one.steps, "values"),
            f'has "{right}" for {" and ".join(lefts)}, so the way back is not known',
            'give each its own CRM value, or write direction = "to_crm"',
        )
    return not doubled
