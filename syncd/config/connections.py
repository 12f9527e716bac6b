"""The connections of a config: settings, mapping and policies of each, and what they forbid each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from connectors.port import ConnectorKind
from syncd.config.mapping_rules import Inherited, unreached
from syncd.config.mappings import load_mapping
from syncd.config.model import ConnectionConfig
from syncd.config.notation import service_url
from syncd.config.problems import Findings, Place, suggestion
from syncd.config.schema import ConnectionSection
from syncd.config.secrets import SecretSource
from syncd.config.tables import read_table
from syncd.core.mapping import FieldMap, Policy
from syncd.core.model import Brakes, Side

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: A connection's webhooks come to /webhooks/NAME, and these are taken.
_TAKEN = {"salespulse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What connections are read against."""

    directory: Path  #: of the config file
    place: Place
    source: SecretSource
    kinds: Mapping[str, ConnectorKind]
    region: str
    token_field: str


def read_connections(raw: Any, around: Surroundings, findings: Findings) -> tuple[ConnectionConfig, ...]:
    """Given the ``[connections]`` table, return those that are well formed; add what is wrong."""
    where = around.place.at("connections")
    if not isinstance(raw, dict) or not raw:
        findings.add(
            where,
            "must be a table"
            if raw and not isinstance(raw, dict)
            else "there is no connection, so there is nothing to sync",
            'add [connections.hubspot] with connector = "hubspot" and mapping = "hubspot-contacts"',
        )
        return ()
    seen: dict[str, str] = {}
    for name in raw:
        _check_name(name, seen, around.place, findings)
    found = (_read_connection(name, table, around, findings) for name, table in raw.items())
    return tuple(connection for connection in found if connection is not None)


def check_accounts(connections: Iterable[ConnectionConfig], place: Place, findings: Findings) -> None:
    """Connections on one vendor account share its budget: they agree on it, and only one creates there."""
    accounts: dict[tuple[str, str], list[ConnectionConfig]] = defaultdict(list)
    for connection in connections:
        if connection.enabled:
            accounts[connection.kind.name, connection.account].append(connection)
    for first, *others in accounts.values():
        for other in others:
            _check_same_budget(first, other, place, findings)
        creators = [one for one in (first, *others) if one.policy.may_create(Side.CRM)]
        for extra in creators[1:]:
            findings.add(
                place.at("connections", extra.name, "create"),
                f"lets this connection create in the {extra.kind.label} account where "
                f'"{creators[0].name}" creates already',
                'write create = "salespulse" or create = "none" for all but one of them',
            )


def _check_same_budget(first: ConnectionConfig, other: ConnectionConfig, place: Place, findings: Findings) -> None:
    for key in type(first.settings).model_fields:
        if {"rate", "share"} & set(key.split("_")) and getattr(first.settings, key) != getattr(other.settings, key):
            findings.add(
                place.at("connections", other.name, "settings", key),
                f'differs from that of "{first.name}", which draws on the same {first.kind.label} account',
                "write the same in both",
            )


def _check_name(name: str, seen: dict[str, str], place: Place, findings: Findings) -> None:
    where = place.at("connections", name)
    if not _NAME.fullmatch(name):
        findings.add(
            where,
            "is no name for a connection",
            "use letters, digits, _ and - only; it becomes part of addresses",
        )
    elif name.lower() in _TAKEN:
        findings.add(where, "is the name of the other side", 'take another name, such as "hubspot"')
    elif name.lower() in seen:
        findings.add(
            where,
            f'differs from "{seen[name.lower()]}" only in capitals',
            "take a name that nobody can mix up",
        )
    seen.setdefault(name.lower(), name)


def _read_connection(name: str, raw: Any, around: Surroundings, findings: Findings) -> ConnectionConfig | None:
    place = around.place.below("connections", name)
    section = read_table(raw, ConnectionSection, place, around.source, findings)
    table = raw if isinstance(raw, dict) else {}
    kind = _kind(table.get("connector"), around.kinds, place, findings)
    settings = _settings(table.get("settings", {}), kind, place.below("settings"), around, findings)
    fields = _fields(name, table.get("mapping"), section=section, kind=kind, around=around, findings=findings)
    if section is None or kind is None or settings is None or fields is None:
        return None
    for key, rules in (("conflict", section.conflict), ("first_sync", section.first_sync)):
        if text := unreached(rules):
            findings.add_text(place.at(key), text, warning=True)
    identity = _identity(kind.identity(settings), around.token_field)
    _check_identity(fields, identity, name, findings)
    return ConnectionConfig(
        name=name,
        kind=kind,
        settings=settings,
        account=kind.budget_key(settings),
        fields=fields,
        policy=Policy(
            connection=name,
            label=kind.label,
            direction=section.direction,
            create=section.create,
            deletes=section.deletes,
            identity=identity,
        ),
        brakes=Brakes(**section.brakes.model_dump()),
        enabled=section.enabled,
        every=section.every,
        scan_every=section.scan_every,
        max_age=section.max_age,
    )


def _kind(named: Any, kinds: Mapping[str, ConnectorKind], place: Place, findings: Findings) -> ConnectorKind | None:
    if not isinstance(named, str):
        return None  # missing or no text: the table's own check says so
    if named not in kinds:
        installed = ", ".join(sorted(kinds)) or "none"
        findings.add(
            place.at("connector"),
            f'there is no connector "{named}" (installed: {installed})',
            suggestion(named, sorted(kinds)),
        )
    return kinds.get(named)


def _settings(
    raw: Any, kind: ConnectorKind | None, place: Place, around: Surroundings, findings: Findings
) -> BaseModel | None:
    if kind is None or not isinstance(raw, dict):
        return None  # unknown connector, or no table: said already
    settings = read_table(raw, kind.settings, place, around.source, findings)
    for key in kind.settings.model_fields:
        value = getattr(settings, key, None)
        if (key == "url" or key.endswith("_url")) and isinstance(value, str) and value:
            try:
                service_url(value)
            except ValueError as error:
                findings.add_text(place.at(key), str(error))
    return settings


def _fields(
    name: str,
    named: Any,
    *,
    section: ConnectionSection | None,
    kind: ConnectorKind | None,
    around: Surroundings,
    findings: Findings,
) -> FieldMap | None:
    if not isinstance(named, str):
        return None
    inherited = Inherited(connection=name, region=around.region)
    if section is not None:
        inherited = Inherited(
            connection=name,
            direction=section.direction,
            conflict=section.conflict,
            first_sync=section.first_sync,
            region=around.region,
        )
    return load_mapping(
        named,
        directory=around.directory,
        kind=kind,
        inherited=inherited,
        findings=findings,
        asked_at=around.place.at("connections", name, "mapping"),
    )


def _identity(crm: str, salespulse: str) -> dict[Side, str]:
    return {side: field for side, field in ((Side.SALESPULSE, salespulse), (Side.CRM, crm)) if field}


def _check_identity(fields: FieldMap, identity: Mapping[Side, str], connection: str, findings: Findings) -> None:
    for side, field in identity.items():
        for rule in fields.rules:
            if rule.on(side) == field:
                findings.add(
                    f"mapping {fields.name}: {rule.name}",
                    f"maps {field}, where syncd itself keeps the id of the other half (connection {connection})",
                    "leave this field out of the mapping",
                )
