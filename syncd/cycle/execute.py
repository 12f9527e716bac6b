"""One run as a command makes it: numbered, opened, passed, summed up, closed. Every command that pulls goes
through here.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from syncd.clock import Clock
from syncd.config.model import Config, ConnectionConfig
from syncd.cycle import line, opening, summary
from syncd.cycle.world import Reporter
from syncd.errors import ConfigError, UsageError
from syncd.exits import Exit
from syncd.store import runs
from syncd.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended."""

    summary: dict[str, Any]
    exit: Exit


def chosen(config: Config, names: Sequence[str]) -> tuple[ConnectionConfig, ...]:
    """The connections that a command works on: those named, else all that are enabled. Raise UsageError for
    unknown names.
    """
    known = {connection.name: connection for connection in config.connections}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"--connection {unknown[0]}: there is no such connection in {config.path}; "
            f"there are: {', '.join(known) or 'none'}"
        )
    if names:
        return tuple(known[name] for name in names)
    enabled = tuple(connection for connection in config.connections if connection.enabled)
    if not enabled:
        raise UsageError(
            f"{config.path}: no connection is enabled; add a [connections.NAME] table, or set enabled = true"
        )
    return enabled


def execute(
    config: Config,
    connections: Sequence[ConnectionConfig],
    *,
    database: Database,
    clock: Clock,
    report: Reporter,
    command: str,
    full: bool,
    dry: bool = False,
) -> Ended:
    """Make one pass over these connections and return its figures. The state is the caller's to lock."""
    begun = clock.monotonic()
    with database.write() as tx:
        run_id = runs.begin(tx, command, clock.now())
    world = opening.open_world(
        config,
        connections,
        database=database,
        clock=clock,
        report=report,
        run_id=run_id,
        new_id=lambda: uuid.uuid4().hex[:16],
        full=full,
    )
    try:
        line.run(world, full=full, dry=dry)
    except ConfigError:
        with database.write() as tx:
            runs.end(tx, run_id, clock.now(), Exit.USAGE, {})
        raise
    finally:
        opening.close(world)
    code = summary.exit_of(world)
    figures = summary.summarise(world, seconds=clock.monotonic() - begun)
    with database.write() as tx:
        runs.end(tx, run_id, clock.now(), code, figures)
    return Ended(summary={**figures, "exit_code": int(code)}, exit=code)
