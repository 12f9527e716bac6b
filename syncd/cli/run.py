"""`syncd run --full` and `syncd run --once`: one pass, one summary."""

from __future__ import annotations

from pathlib import Path

from syncd.cli.loading import load_config
from syncd.cli.render import as_json_text, run_text
from syncd.cli.reporting import reporter
from syncd.clock import Clock
from syncd.config.choice import chosen
from syncd.cycle.execute import Ended, execute
from syncd.errors import UsageError
from syncd.exits import Exit
from syncd.store import database


def run_command(clock: Clock, *, config: Path | None, full: bool, once: bool, names: list[str], as_json: bool) -> Exit:
    """Make the pass, print its summary, return the exit code."""
    if full == once:
        raise UsageError("say what to run: `syncd run --full` (everything) or `syncd run --once` (what changed)")
    ended = run_once(clock, config=config, full=full, names=names)
    print(as_json_text(ended.summary) if as_json else run_text(ended.summary))
    return ended.exit


def run_once(clock: Clock, *, config: Path | None, full: bool, names: list[str]) -> Ended:
    """One pass on the state that the config names, made if it is not there."""
    loaded = load_config(config, need_secrets=True)
    connections = chosen(loaded, names)
    with database.lease(loaded.state_path):
        state = database.create(loaded.state_path)
        try:
            with reporter() as report:
                command = "run --full" if full else "run --once"
                return execute(
                    loaded,
                    connections,
                    database=state,
                    clock=clock,
                    report=report,
                    command=command,
                    full=full,
                )
        finally:
            state.close()
