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
from syncd.errors import ConfigError
from syncd.exits import Exit
from syncd.store import runs
from syncd.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended."""

    summary: dict[str, Any]
    exit: Exit


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
