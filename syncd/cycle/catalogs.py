"""What each side says of its fields and stages: asked where that is due, remembered, joined to the mappings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from syncd.clock import Clock
from syncd.core.compile import Finding, compile_map
from syncd.core.mapping import FieldMap
from syncd.core.model import SIDES, FieldSpec, Option, Side, Stage
from syncd.cycle.world import Account, Spoke, World
from syncd.errors import Problem
from syncd.store import sources
from syncd.store.sources import Source

#: How long a side's description of its fields and stages is believed without asking again.
AGE = timedelta(hours=24)


def described(world: World, account: Account, *, full: bool) -> Account:
    """The account with its capabilities, its catalog asked anew where that is due."""
    with world.database.read() as tx:
        source = sources.get(tx, account.source)
    if full or _is_old(source, world.clock):
        catalog = _dump(account.connector.describe(), account.connector.stages())
        with world.database.write() as tx:
            sources.save(tx, account.source, catalog=catalog, catalog_at=world.clock.now())
    able = account.connector.capabilities()
    return replace(account, able=able, identity=able.identity or account.identity)


def known(source: Source, clock: Clock, *, full: bool) -> tuple[tuple[FieldSpec, ...], tuple[Stage, ...]]:
    """The side's last description of itself, as long as it need not be asked again."""
    return ((), ()) if full or _is_old(source, clock) else _load(source.catalog)


def joined(world: World, spoke: Spoke) -> tuple[Spoke, list[Problem]]:
    """The connection with its mapping joined to both catalogs, and every problem that only the sides could show."""
    specs: dict[Side, tuple[FieldSpec, ...]] = {}
    stages: dict[Side, tuple[Stage, ...]] = {}
    with world.database.read() as tx:
        for side in SIDES:
            specs[side], stages[side] = _load(sources.get(tx, spoke.sources[side]).catalog)
    fields, findings = compile_map(spoke.fields, specs, stages)
    problems = problems_of(spoke.fields, findings)
    identity = {side: name for side in SIDES if (name := spoke.accounts[side].identity)}
    policy = replace(spoke.policy, identity=identity)
    return replace(spoke, fields=fields, policy=policy, mapping_digest=_digest(fields, policy)), problems


def first_stage(world: World, account: Account) -> str:
    """Id of the first stage of the side's pipeline, as far as it described itself; else ""."""
    with world.database.read() as tx:
        _, stages = _load(sources.get(tx, account.source).catalog)
    return stages[0].id if stages else ""


def problems_of(fields: FieldMap, findings: Iterable[Finding]) -> list[Problem]:
    """Core's findings in a mapping as problems of its file."""
    return [
        Problem(
            where=f"mapping {fields.name}: {finding.where}",
            what=finding.what,
            remedy=finding.remedy,
            warning=finding.warning,
        )
        for finding in findings
    ]


def _digest(fields: FieldMap, policy: object) -> bytes:
    return hashlib.blake2b(f"{fields!r}{policy!r}".encode(), digest_size=8).digest()


def _is_old(source: Source, clock: Clock) -> bool:
    return source.catalog_at is None or clock.now() - source.catalog_at > AGE


def _dump(fields: Sequence[FieldSpec], stages: Sequence[Stage]) -> str:
    plain: dict[str, Any] = {
        "fields": [
            {
                **{name: getattr(spec, name) for name in FieldSpec.__slots__ if name != "options"},
                "options": [[option.value, option.label] for option in spec.options],
            }
            for spec in fields
        ],
        "stages": [[stage.id, stage.label] for stage in stages],
    }
    return orjson.dumps(plain).decode()


def _load(text: str) -> tuple[tuple[FieldSpec, ...], tuple[Stage, ...]]:
    plain = orjson.loads(text)
    fields = tuple(
        FieldSpec(**{**spec, "options": tuple(Option(value=value, label=label) for value, label in spec["options"])})
        for spec in plain.get("fields", ())
    )
    return fields, tuple(Stage(id=id_, label=label) for id_, label in plain.get("stages", ()))
