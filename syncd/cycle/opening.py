"""Opens a run's world: connectors and budgets, the account check, what each side says of its fields, the
mapping joined to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from connectors.port import Capabilities, Connector, Wanted
from syncd.clock import Clock
from syncd.config.model import Config, ConnectionConfig
from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import Op, Side
from syncd.cycle import budgets, converting
from syncd.cycle.beginning import begin, object_of
from syncd.cycle.catalogs import described, joined, known
from syncd.cycle.world import HUB, Account, Peer, Reporter, Spoke, Tally, World
from syncd.errors import ConfigError, ConnectionStop, MappingUnfit, Problem, WrongAccount
from syncd.net.governor import Governor
from syncd.salespulse.settings import SalesPulseSettings
from syncd.salespulse.settings import governor as salespulse_governor
from syncd.salespulse.side import SalesPulseSide
from syncd.store import journal, links, matching, sources
from syncd.store.database import Database

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
    hub = _open_hub(config, database, clock, full=full)
    governors: dict[str, Governor] = {}
    spokes = []
    for connection in connections:
        if connection.account not in governors:
            governors[connection.account] = connection.kind.governor(
                connection.settings, clock, spent=budgets.spent(database, connection.account, clock)
            )
        spokes.append(_open_spoke(connection, hub, governors[connection.account], database, clock, full=full))
    active = {one.name for one in connections} | {one.name for one in config.connections if one.enabled}
    peers = _peers(config, active)
    spokes = [
        replace(spoke, peers=peers[spoke.name], strangers=_strangers(config, spoke.name, active)) for spoke in spokes
    ]
    return World(
        database=database,
        clock=clock,
        report=report,
        run_id=run_id,
        began=clock.now(),
        new_id=new_id,
        hub=hub,
        spokes=tuple(spokes),
        configured=frozenset(one.name for one in config.connections),
    )


def _peers(config: Config, active: set[str]) -> dict[str, tuple[Peer, ...]]:
    """name → every connection on the same CRM account, itself included: a contact has at most one link among them."""
    return {
        one.name: tuple(
            Peer(name=other.name, fields=other.fields, enabled=other.name in active)
            for other in config.connections
            if other.account == one.account
        )
        for one in config.connections
    }


def _strangers(config: Config, name: str, active: set[str]) -> tuple[str, ...]:
    """The active connections before this one that must not turn out to be on its account: of its connector, but with a
    budget of their own. Of two connections the later one in the config is stopped, whatever the command line says.
    """
    names = [one.name for one in config.connections]
    me = config.connections[names.index(name)]
    return tuple(
        one.name
        for one in config.connections[: names.index(name)]
        if one.name in active and one.kind.name == me.kind.name and one.account != me.account
    )


def _open_hub(config: Config, database: Database, clock: Clock, *, full: bool) -> Account:
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
        region=section.region,
    )
    # All connections of the config, also those that are not in this run: SalesPulse is observed once for all.
    connections = config.connections
    fields = sorted({name for one in connections for name in one.fields.fields(Side.SALESPULSE)})
    if section.token_field:
        fields.append(section.token_field)
    keys = {key: by_side[Side.SALESPULSE] for one in connections for key, by_side in one.fields.key_fields.items()}
    staged = any(rule.stage for one in connections for rule in one.fields.rules)
    with database.read() as tx:
        source = sources.get(tx, HUB)
        now = clock.now()
        lately = journal.sent_since(tx, Op.CREATE, Side.SALESPULSE, now - BULK_WINDOW)
    known_fields, known_stages = known(source, clock, full=full)
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
    known_fields, known_stages = known(source, clock, full=full)
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
        budget=connection.account,
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

    A mapping that names what its sides do not have stops its connection, and so does an account that an earlier
    connection opens in another way. Raise ConfigError when that is all of them.
    """
    problems: list[Problem] = []
    try:
        hub = described(world, world.hub, full=full)
    except ConnectionStop as stop:
        _stop_all(world, stop)
        return
    world.hub = hub
    for spoke in world.spokes:  # all of them, before they are compared
        try:
            _check_account(world, spoke)
        except ConnectionStop as stop:
            _stop(world, spoke, stop)
    spokes = []
    for spoke in world.spokes:
        ready, found = spoke, list[Problem]()
        try:
            if spoke.tally.stop is None:
                ready, found = _fitted(world, spoke, full=full)
        except ConnectionStop as stop:
            _stop(world, spoke, stop)
        if any(not problem.warning for problem in found):
            ready.tally.stop = MappingUnfit(found)
            problems += found
        spokes.append(ready)
    world.spokes = tuple(spokes)
    if all(isinstance(spoke.tally.stop, MappingUnfit) for spoke in world.spokes):
        raise ConfigError(problems)
    for spoke in world.spokes:
        if isinstance(spoke.tally.stop, MappingUnfit):
            world.report.note(spoke.name, str(spoke.tally.stop))
    for spoke in world.running():
        begin(world, spoke)
        converting.catch_up(world, spoke)


def _fitted(world: World, spoke: Spoke, *, full: bool) -> tuple[Spoke, list[Problem]]:
    """The connection joined to what its sides say of themselves, and what does not fit."""
    if problem := shared_account(world, spoke) or _other_object(world, spoke):
        return spoke, [problem]
    with world.database.read() as tx:
        former = sources.former(tx, spoke.name, object_of(spoke), but=world.configured)
    spoke = replace(spoke, former=former)
    try:
        account = described(world, spoke.accounts[Side.CRM], full=full)
    except MappingUnfit as unfit:
        return spoke, list(unfit.problems)
    return joined(world, replace(spoke, accounts={Side.SALESPULSE: world.hub, Side.CRM: account}))


def _other_object(world: World, spoke: Spoke) -> Problem | None:
    """What is wrong when the links of a connection lead to another object than its mapping now names: to the new one
    all of them would be missing.
    """
    mine = object_of(spoke)
    with world.database.write() as tx:
        before = sources.known_connection(tx, spoke.name).object
        if not before or before == mine:
            return None
        if not links.counts(tx, spoke.name):
            account_id = sources.get(tx, spoke.name).account_id
            sources.forget(tx, spoke.name)  # nothing hangs on what the other object showed
            sources.save(tx, spoke.name, account_id=account_id)
            matching.forget(tx, spoke.name)
            return None
    return Problem(
        where=f"[connections.{spoke.name}]",
        what=f"its mapping is for {mine}, but its links in the state lead to {before}",
        remedy="put the former mapping back, and use a connection of another name for the other object",
    )


def _stop_all(world: World, stop: ConnectionStop) -> None:
    for spoke in world.spokes:
        _stop(world, spoke, stop)


def _stop(world: World, spoke: Spoke, stop: ConnectionStop) -> None:
    spoke.tally.stop = stop
    world.report.note(spoke.name, str(stop))


def _check_account(world: World, spoke: Spoke) -> None:
    """Raise WrongAccount when the credentials open another account than the one that the links belong to."""
    account = spoke.accounts[Side.CRM].connector.account()
    with world.database.write() as tx:
        remembered = sources.get(tx, spoke.name).account_id
        changed = bool(remembered and account.id and remembered != account.id)
        linked = bool(links.counts(tx, spoke.name))
        if changed and not linked:
            sources.forget(tx, spoke.name)  # nothing hangs on what the other account showed
            matching.forget(tx, spoke.name)
        if not remembered or (changed and not linked):
            sources.save(tx, spoke.name, account_id=account.id)
    if changed and linked:
        raise WrongAccount(
            f"[connections.{spoke.name}] the credentials open {spoke.label(Side.CRM)} account {account.id}, but the "
            f"links in the state belong to account {remembered}; nothing was believed missing and nothing written. Put "
            "the right credentials in place, or use a connection of another name for the other account"
        )


def shared_account(world: World, spoke: Spoke) -> Problem | None:
    """What is wrong when an earlier connection opens this one's account in another way: each would spend the whole of
    its budget, and a contact could be created or linked there twice.
    """
    with world.database.read() as tx:
        mine = sources.get(tx, spoke.name).account_id
        other = next((name for name in spoke.strangers if mine and sources.get(tx, name).account_id == mine), None)
    if other is None:
        return None
    return Problem(
        where=f"[connections.{spoke.name}]",
        what=f"opens the same {spoke.label(Side.CRM)} account {mine} as [connections.{other}]",
        remedy="use the same credentials and base_url for both, so that they share its budget, and let only one of "
        "them create there",
    )


def close(world: World) -> None:
    """Let go of every connection, and remember what was spent of budgets that last longer than a run."""
    for account in (spoke.accounts[Side.CRM] for spoke in world.spokes):
        budgets.remember(world.database, account.budget, account.governor, world.clock)
    connectors: list[Connector] = [
        world.hub.connector,
        *(spoke.accounts[Side.CRM].connector for spoke in world.spokes),
    ]
    for connector in connectors:
        connector.close()
