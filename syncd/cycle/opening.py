"""Opens a run's world: connectors and budgets, the account check, what each side says of its fields, the
mapping joined to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from connectors.port import Capabilities, Connector, Wanted
from syncd.clock import Clock
from syncd.config.model import Config, ConnectionConfig
from syncd.core.compile import compile_map
from syncd.core.mapping import STAGE_FIELD, FieldMap
from syncd.core.model import SIDES, FieldSpec, Op, Option, Side, Stage
from syncd.cycle.observing import all_keys
from syncd.cycle.world import HUB, Account, Reporter, Spoke, Tally, World
from syncd.errors import ConfigError, ConnectionStop, Problem, WrongAccount
from syncd.net.governor import Governor
from syncd.salespulse.settings import SalesPulseSettings
from syncd.salespulse.settings import governor as salespulse_governor
from syncd.salespulse.side import SalesPulseSide
from syncd.store import journal, links, matching, observed, sources
from syncd.store.database import Database
from syncd.store.sources import Source

#: How long a side's description of its fields and stages is believed without asking again.
CATALOG_AGE = timedelta(hours=24)
BULK_WINDOW = timedelta(minutes=1)


def open_world(
    config: Config,
    connections: Sequence[ConnectionConfig],
    *,
    database: Database,
    clock: Clock,
    report: Reporter,
    run_id: int,
    new_id: Callable[[], str],
    full: bool,
) -> World:
    """Put together everything for a run; send nothing yet. ``full``: what the sides say of themselves is asked anew."""
    hub = _open_hub(config, connections, database, clock, full=full)
    governors: dict[str, Governor] = {}
    spokes = []
    for connection in connections:
        if connection.account not in governors:
            governors[connection.account] = connection.kind.governor(connection.settings, clock)
        spokes.append(_open_spoke(connection, hub, governors[connection.account], database, clock, full=full))
    peers = _peers(config)
    spokes = [replace(spoke, peers=peers[spoke.name]) for spoke in spokes]
    return World(
        database=database,
        clock=clock,
        report=report,
        run_id=run_id,
        new_id=new_id,
        hub=hub,
        spokes=tuple(spokes),
    )


def _peers(config: Config) -> dict[str, tuple[str, ...]]:
    """name → every connection on the same CRM account, itself included: a contact has at most one link among them."""
    return {
        one.name: tuple(other.name for other in config.connections if other.account == one.account)
        for one in config.connections
    }


def _open_hub(
    config: Config, connections: Sequence[ConnectionConfig], database: Database, clock: Clock, *, full: bool
) -> Account:
    section = config.salespulse
    settings = SalesPulseSettings(
        base_url=section.base_url,
        api_key=section.api_key,
        rate=section.rate,
        bulk_rate=section.bulk_rate,
        share=section.share,
        page_size=None if section.page_size == "auto" else section.page_size,
        token_field=section.token_field,
        stage_method=section.stage_method,
        timeout=section.timeout.total_seconds(),
    )
    fields = sorted({name for one in connections for name in one.fields.fields(Side.SALESPULSE)})
    if section.token_field:
        fields.append(section.token_field)
    keys = {key: by_side[Side.SALESPULSE] for one in connections for key, by_side in one.fields.key_fields.items()}
    staged = any(rule.stage for one in connections for rule in one.fields.rules)
    with database.read() as tx:
        source = sources.get(tx, HUB)
        now = clock.now()
        lately = journal.sent_since(tx, Op.CREATE, Side.SALESPULSE, now - BULK_WINDOW)
    known_fields, known_stages = _known(source, clock, full=full)
    governor = salespulse_governor(settings, clock, bulk_spent=[(now - at).total_seconds() for at in lately])
    connector = SalesPulseSide(
        settings,
        Wanted(
            object="contacts",
            fields=tuple(fields),
            key_fields=keys,
            stage_field=STAGE_FIELD if staged else "",
            known_fields=known_fields,
            known_stages=known_stages,
        ),
        governor=governor,
        clock=clock,
        memory=sources.StoredMemory(database, HUB),
    )
    return Account(
        source=HUB,
        connector=connector,
        able=Capabilities(),
        governor=governor,
        list_every=section.sweep_every,
        max_age=section.max_age,
        timeout=section.timeout,
        identity=section.token_field,
    )


def _open_spoke(
    connection: ConnectionConfig, hub: Account, governor: Governor, database: Database, clock: Clock, *, full: bool
) -> Spoke:
    with database.read() as tx:
        source = sources.get(tx, connection.name)
    known_fields, known_stages = _known(source, clock, full=full)
    identity = connection.kind.identity(connection.settings)
    fields = connection.fields
    wanted = Wanted(
        object=fields.object,
        fields=tuple(sorted({*fields.fields(Side.CRM), *([identity] if identity else [])})),
        key_fields={key: by_side[Side.CRM] for key, by_side in fields.key_fields.items()},
        stage_field=next((rule.crm for rule in fields.rules if rule.stage), ""),
        scope=fields.scope_crm,
        known_fields=known_fields,
        known_stages=known_stages,
    )
    connector = connection.kind.open(
        connection.settings,
        wanted,
        governor=governor,
        clock=clock,
        memory=sources.StoredMemory(database, connection.name),
    )
    account = Account(
        source=connection.name,
        connector=connector,
        able=Capabilities(),
        governor=governor,
        list_every=connection.scan_every,
        max_age=connection.max_age,
        timeout=getattr(connection.settings, "timeout", timedelta(seconds=30)),
    )
    return Spoke(
        name=connection.name,
        accounts={Side.SALESPULSE: hub, Side.CRM: account},
        fields=fields,
        policy=connection.policy,
        brakes=connection.brakes,
        tally=Tally(),
        mapping_digest=b"",
    )


def prepare(world: World, *, full: bool) -> None:
    """Check the accounts, learn fields and stages where that is due, and join them to the mappings.

    Raise ConfigError with every problem that only the sides themselves could show; nothing has been written then.
    """
    problems: list[Problem] = []
    try:
        hub = _described(world, world.hub, full=full)
    except ConnectionStop as stop:
        _stop_all(world, stop)
        return
    world.hub = hub
    spokes = []
    for spoke in world.spokes:
        try:
            _check_account(world, spoke)
            account = _described(world, spoke.accounts[Side.CRM], full=full)
        except ConnectionStop as stop:
            spoke.tally.stop = stop
            world.report.note(spoke.name, str(stop))
            spokes.append(spoke)
            continue
        ready, found = _joined(world, replace(spoke, accounts={Side.SALESPULSE: hub, Side.CRM: account}))
        problems += found
        spokes.append(ready)
    world.spokes = tuple(spokes)
    if any(not problem.warning for problem in problems):
        raise ConfigError(problems)
    for spoke in world.running():
        _begin(world, spoke)


def _stop_all(world: World, stop: ConnectionStop) -> None:
    for spoke in world.spokes:
        spoke.tally.stop = stop
        world.report.note(spoke.name, str(stop))


def _check_account(world: World, spoke: Spoke) -> None:
    """Raise WrongAccount when the credentials open another account than the one that the links belong to."""
    account = spoke.accounts[Side.CRM].connector.account()
    with world.database.write() as tx:
        known = sources.get(tx, spoke.name).account_id
        if not known:
            sources.save(tx, spoke.name, account_id=account.id)
    if known and account.id and known != account.id:
        raise WrongAccount(
            f"[connections.{spoke.name}] the credentials open {spoke.label(Side.CRM)} account {account.id}, but the "
            f"links in the state belong to account {known}; nothing was believed missing and nothing written. Put the "
            "right credentials in place, or use a connection of another name for the other account"
        )


def _described(world: World, account: Account, *, full: bool) -> Account:
    """The account with its capabilities, its catalog asked anew where that is due."""
    with world.database.read() as tx:
        source = sources.get(tx, account.source)
    if full or _is_old(source, world.clock):
        catalog = _dump(account.connector.describe(), account.connector.stages())
        with world.database.write() as tx:
            sources.save(tx, account.source, catalog=catalog, catalog_at=world.clock.now())
    able = account.connector.capabilities()
    return replace(account, able=able, identity=able.identity or account.identity)


def _is_old(source: Source, clock: Clock) -> bool:
    return source.catalog_at is None or clock.now() - source.catalog_at > CATALOG_AGE


def _known(source: Source, clock: Clock, *, full: bool) -> tuple[tuple[FieldSpec, ...], tuple[Stage, ...]]:
    """The side's last description of itself, as long as it need not be asked again."""
    return ((), ()) if full or _is_old(source, clock) else _catalog(source.catalog)


def _joined(world: World, spoke: Spoke) -> tuple[Spoke, list[Problem]]:
    specs: dict[Side, tuple[FieldSpec, ...]] = {}
    stages: dict[Side, tuple[Stage, ...]] = {}
    with world.database.read() as tx:
        for side in SIDES:
            specs[side], stages[side] = _catalog(sources.get(tx, spoke.sources[side]).catalog)
    fields, findings = compile_map(spoke.fields, specs, stages)
    problems = [
        Problem(
            where=f"mapping {spoke.fields.name}: {finding.where}",
            what=finding.what,
            remedy=finding.remedy,
            warning=finding.warning,
        )
        for finding in findings
    ]
    identity = {side: name for side in SIDES if (name := spoke.accounts[side].identity)}
    policy = replace(spoke.policy, identity=identity)
    digest = _digest(fields, policy)
    return replace(spoke, fields=fields, policy=policy, mapping_digest=digest), problems


def _digest(fields: FieldMap, policy: object) -> bytes:
    return hashlib.blake2b(f"{fields!r}{policy!r}".encode(), digest_size=8).digest()


def _begin(world: World, spoke: Spoke) -> None:
    """Drop what a broken-off run had planned; renew match keys where their rules changed."""
    with world.database.write() as tx:
        journal.drop_planned(tx, spoke.name)
    rules = hashlib.sha256(
        repr((spoke.fields.keys, spoke.fields.key_fields, dict(spoke.policy.identity))).encode()
    ).hexdigest()
    with world.database.read() as tx:
        known = sources.keys_fingerprint(tx, spoke.name)
    if known != rules:
        _renew_keys(world, spoke, rules)


def mark_everything(world: World, spoke: Spoke) -> None:
    """A full run recomputes every mark: pairs that are not settled, records without a link."""
    with world.database.write() as tx:
        links.mark_unsettled(tx, spoke.name, spoke.sources, spoke.mapping_digest)
        matching.refill(tx, spoke.name, spoke.sources)


def _renew_keys(world: World, spoke: Spoke, rules: str) -> None:
    with world.database.write() as tx:
        matching.clear_keys(tx, spoke.name)
    for side in SIDES:
        after = ""
        while True:
            with world.database.write() as tx:
                page = observed.page(tx, spoke.sources[side], after)
                if not page:
                    break
                after = max(page)
                found = {id_: all_keys(spoke, side, seen.record) for id_, seen in page.items()}
                matching.save_keys(tx, spoke.name, side, found)
    with world.database.write() as tx:
        matching.refill(tx, spoke.name, spoke.sources)
        matching.release(tx, spoke.name, "refused", "due")
        sources.save_connection(tx, spoke.name, keys_fingerprint=rules)


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


def _catalog(text: str) -> tuple[tuple[FieldSpec, ...], tuple[Stage, ...]]:
    plain = orjson.loads(text)
    fields = tuple(
        FieldSpec(**{**spec, "options": tuple(Option(value=value, label=label) for value, label in spec["options"])})
        for spec in plain.get("fields", ())
    )
    return fields, tuple(Stage(id=id_, label=label) for id_, label in plain.get("stages", ()))


def close(world: World) -> None:
    """Let go of every connection."""
    connectors: list[Connector] = [
        world.hub.connector,
        *(spoke.accounts[Side.CRM].connector for spoke in world.spokes),
    ]
    for connector in connectors:
        connector.close()
