"""What `check --online` asks: credentials, accounts, fields, types, stages, permissions, limits. Writes no record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.clock import Clock
from syncd.config.model import Config, ConnectionConfig
from syncd.core.compile import compile_map
from syncd.core.model import Side, Stage
from syncd.cycle.catalogs import problems_of
from syncd.cycle.opening import close as close_world
from syncd.cycle.opening import open_world, shared_account
from syncd.cycle.world import Spoke, World
from syncd.errors import ConnectionStop, MappingUnfit, Problem
from syncd.store import sources
from syncd.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found on one side."""

    name: str
    account: str = ""
    facts: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreachable: str = ""  #: why it could not be asked; "" when it could


class _Nowhere:
    """A check shows its findings, no progress."""

    def progress(self, who: str, step: str, done: int, total: int | None) -> None: ...

    def note(self, who: str, text: str) -> None: ...


def inspect(
    config: Config, connections: Sequence[ConnectionConfig], *, database: Database, clock: Clock, fix: bool
) -> tuple[Inspection, ...]:
    """Ask SalesPulse and every connection; one that cannot be asked stops no other."""
    world = open_world(
        config, connections, database=database, clock=clock, report=_Nowhere(), run_id=0, new_id=lambda: "", full=True
    )
    try:
        hub = world.hub.connector
        stages: tuple[Stage, ...] = ()
        try:
            stages = hub.stages()
            page = hub.scan(None)
        except ConnectionStop as stop:
            found = [Inspection(name="SalesPulse", unreachable=str(stop))]
        else:
            count = f"{page.total} contacts" if page.total is not None else f"at least {len(page.records)} contacts"
            names = ", ".join(stage.label or stage.id for stage in stages) or "none"
            found = [Inspection(name="SalesPulse", account="the key is accepted", facts=(count, f"stages: {names}"))]
        for spoke, connection in zip(world.spokes, connections, strict=True):
            found.append(_connection(world, spoke, connection, stages=stages, fix=fix))
        return tuple(found)
    finally:
        close_world(world)


def _connection(
    world: World, spoke: Spoke, connection: ConnectionConfig, *, stages: Sequence[Stage], fix: bool
) -> Inspection:
    connector = spoke.accounts[Side.CRM].connector
    try:
        account = connector.account()
        specs = connector.describe()
        own = connector.stages()
        _, findings = compile_map(
            spoke.fields,
            {Side.CRM: specs, Side.SALESPULSE: ()},
            {Side.CRM: own, Side.SALESPULSE: tuple(stages)},
        )
        checked = connection.kind.check(connector, fix=fix)
    except MappingUnfit as unfit:
        return Inspection(name=spoke.name, problems=unfit.problems)
    except ConnectionStop as stop:
        return Inspection(name=spoke.name, unreachable=str(stop))
    problems = problems_of(spoke.fields, findings) + [one.problem for one in checked]
    with world.database.write() as tx:
        sources.save(tx, spoke.name, account_id=account.id)
    if shared := shared_account(world, spoke):
        problems.append(shared)
    facts = (
        f"{len(specs)} fields",
        f"stages: {', '.join(stage.label or stage.id for stage in own) or 'none'}",
    )
    return Inspection(name=spoke.name, account=account.name or account.id, facts=facts, problems=tuple(problems))
