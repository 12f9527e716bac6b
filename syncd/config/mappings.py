"""Mapping files: found by name or path, read, and built into core's FieldMap.

All problems of a file at once; never asks a vendor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.port import ConnectorKind
from syncd.config.mapping_rules import Inherited, rules_of
from syncd.config.mapping_schema import MappingFile
from syncd.config.problems import Findings, Place, add_validation, suggestion
from syncd.config.toml import parse_toml
from syncd.core.mapping import FieldMap, FieldRule, Kind
from syncd.core.model import SIDES, Side, Value, Values

__all__ = ["Inherited", "load_mapping", "shipped_names"]

_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*fields[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    label: str  #: how messages call the file
    text: bytes


def shipped_names() -> tuple[str, ...]:
    """Names of the mappings that come with syncd."""
    found = (item.name for item in files("mappings").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load_mapping(
    name: str,
    *,
    directory: Path,
    kind: ConnectorKind | None,
    inherited: Inherited,
    findings: Findings,
    asked_at: str,
) -> FieldMap | None:
    """Given what ``mapping`` says in the config, return the mapping as it applies there; None if unreadable.

    ``directory`` is the config's; a file ``mappings/NAME.toml`` there goes before the shipped one. ``kind``
    is None where the connection's connector is unknown. ``asked_at`` says where the config names the mapping.
    """
    source = _find(name, directory, findings, asked_at)
    raw = source and parse_toml(source.text, source.label, findings)
    if source is None or raw is None:
        return None
    lines = tuple(source.text[: match.start()].count(b"\n") + 1 for match in _headers(source.text))
    place = Place(file=source.label, lines=lines)
    try:
        file = MappingFile.model_validate(raw)
    except ValidationError as error:
        add_validation(findings, error, MappingFile, place)
        return None
    rules = rules_of(file, inherited, place, findings)
    keys, key_fields = _keys(file, rules, place, findings)
    if kind is not None:
        _check_kind(file, kind, place, findings, asked_at)
    return FieldMap(
        name=Path(name).stem if _is_path(name) else name,
        connector=file.connector,
        object=file.object,
        rules=rules,
        keys=keys,
        key_fields=key_fields,
        scope_salespulse=file.scope.salespulse,
        scope_crm=file.scope.crm,
        create={
            Side.SALESPULSE: _values(file.create.salespulse, place.below("create", "salespulse"), findings),
            Side.CRM: _values(file.create.crm, place.below("create", "crm"), findings),
        },
    )


def _headers(text: bytes) -> list[re.Match[bytes]]:
    return list(re.finditer(_HEADER.pattern.encode(), text, re.MULTILINE))


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith(".toml")


def _find(name: str, directory: Path, findings: Findings, asked_at: str) -> _Source | None:
    if _is_path(name):
        path = directory / name
        if not path.is_file():
            findings.add(
                asked_at,
                f"there is no file {path}",
                "write the path from this config's folder, or a shipped mapping's name",
            )
            return None
        return _read(path, name, findings)
    own = directory / "mappings" / f"{name}.toml"
    shipped = files("mappings") / f"{name}.toml"
    for candidate in (own, shipped):
        if candidate.is_file():
            return _read(candidate, f"mappings/{name}.toml", findings)
    findings.add(
        asked_at,
        f'there is no mapping "{name}" (looked in: {own.parent}, the mappings that come with syncd)',
        suggestion(name, shipped_names()),
    )
    return None


def _read(path: Traversable, label: str, findings: Findings) -> _Source | None:
    try:
        return _Source(label=label, text=path.read_bytes())
    except OSError as error:
        findings.add(label, f"cannot be read: {error.strerror}", "let the user that syncd runs as read it")
        return None


def _check_kind(file: MappingFile, kind: ConnectorKind, place: Place, findings: Findings, asked_at: str) -> None:
    if file.connector != kind.name:
        findings.add(
            asked_at,
            f'{place.file} is for connector "{file.connector}", this connection is "{kind.name}"',
            "name a mapping for this connector",
        )
        return
    if file.object not in kind.objects:
        findings.add(place.at("object"), f"is nothing that {kind.label} syncs", suggestion(file.object, kind.objects))
    if file.scope.crm is not None and (what := kind.scope_problem(file.scope.crm)):
        findings.add_text(place.at("scope", "crm"), what)


def _keys(
    file: MappingFile, rules: tuple[FieldRule, ...], place: Place, findings: Findings
) -> tuple[tuple[str, ...], Mapping[str, Mapping[Side, str]]]:
    """The keys that can be used, and the fields that bear them.

    A default key that is not mapped is simply not used.
    """
    found: dict[str, Mapping[Side, str]] = {}
    for key in file.match.keys:
        rule = _bearer(key, rules)
        if rule is not None:
            found[key] = {side: rule.on(side) for side in SIDES}
            if rule.kind is not Kind(key):
                findings.add(
                    place.at("match", "keys"),
                    f'the key {key} is mapped as "{rule.kind}", so the same {key} written in another '
                    "way is not recognised",
                    f'write as = "{key}" there',
                    warning=True,
                )
        elif "match" in file.model_fields_set and "keys" in file.match.model_fields_set:
            findings.add(
                place.at("match", "keys"),
                f"has {key}, which no field maps",
                f'add a [[fields]] table with salespulse = "{key}" and as = "{key}", or leave the key out',
            )
    return tuple(found), found


def _bearer(key: str, rules: tuple[FieldRule, ...]) -> FieldRule | None:
    fit = [rule for rule in rules if not rule.stage and (rule.salespulse == key or rule.kind is Kind(key))]
    fit.sort(key=lambda rule: (rule.kind is not Kind(key), rule.salespulse != key))
    return fit[0] if fit else None


def _values(raw: Mapping[str, Any], place: Place, findings: Findings) -> Values:
    values: dict[str, Value] = {}
    for key, value in raw.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            values[key] = tuple(value)
        elif isinstance(value, str | bool | int | float):
            values[key] = value
        else:
            findings.add(
                place.at(key),
                "is no value of a field",
                "write text, a number, true, false or a list of texts",
            )
    return values
