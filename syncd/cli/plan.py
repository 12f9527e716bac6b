"""`syncd plan`: the exact dry run. It pulls into a private copy of the state and stops after guard."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncd.cli.loading import load_config
from syncd.cli.render import as_json_text
from syncd.cli.render_plan import plan_text
from syncd.cli.reporting import reporter
from syncd.clock import Clock
from syncd.config.choice import chosen
from syncd.core.model import Intent
from syncd.core.plan import fingerprint, line_fingerprint
from syncd.cycle.execute import Ended, execute
from syncd.errors import UsageError
from syncd.exits import Exit
from syncd.store import database, holds, journal, sources
from syncd.store.database import Database


def plan_command(
    clock: Clock, *, config: Path | None, full: bool, output: Path | None, names: list[str], as_json: bool
) -> Exit:
    """Plan, print the plan, write it to ``output`` if given, return the exit code (0, 4 or 5)."""
    loaded = load_config(config, need_secrets=True)
    connections = chosen(loaded, names)
    with tempfile.TemporaryDirectory(prefix="syncd-plan-") as folder:
        private = Path(folder) / "state.db"
        if loaded.state_path.exists():
            database.copy(loaded.state_path, private)
        state = database.create(private)
        try:
            with state.read() as tx:
                unsynced = any(sources.first_sync_at(tx, one.name) is None for one in connections)
            with reporter() as report:
                ended = execute(
                    loaded,
                    connections,
                    database=state,
                    clock=clock,
                    report=report,
                    command="plan",
                    full=full or unsynced,
                    dry=True,
                )
            document = plan_document(state, ended)
        finally:
            state.close()
    if output is not None:
        _write(output, as_json_text(document) + "\n")
    print(as_json_text(document) if as_json else plan_text(document))
    return Exit.DONE if ended.exit is Exit.PERSON else ended.exit


def _write(output: Path, text: str) -> None:
    """A plan holds people's data: it is readable by its owner alone."""
    try:
        os.close(os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        output.chmod(0o600)  # also one that was there already
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"-o {output}: the plan cannot be written there ({error.strerror})") from error


def plan_document(state: Database, ended: Ended) -> dict[str, Any]:
    """The plan as plain data: every line with its fields, what would be held, and a fingerprint over all lines."""
    lines: list[str] = []
    connections: dict[str, Any] = {}
    for name, figures in ended.summary["connections"].items():
        shown = []
        for intent in planned(state, name):
            lines.append(line_fingerprint(intent))
            shown.append(_line(intent))
        with state.read() as tx:
            held = [
                {
                    "id": stored.id,
                    "reason": stored.hold.reason.value,
                    "field": stored.hold.field,
                    "message": stored.hold.message,
                }
                for stored in holds.open_holds(tx, [name])
            ]
        connections[name] = {
            "lines": shown,
            "holds": held,
            "linked": figures["linked"],
            "unchanged": figures["unchanged"],
            "brakes": figures["brakes"],
            "stopped": figures["stopped"],
        }
    return {"fingerprint": fingerprint(lines), "connections": connections, "exit_code": int(ended.exit)}


def planned(state: Database, connection: str) -> Iterator[Intent]:
    """Every planned intent of a connection, a page at a time."""
    after = 0
    while True:
        with state.read() as tx:
            page = journal.all_lines(tx, connection, after=after)
        if not page:
            return
        after = page[-1][0]
        yield from (intent for _, intent in page)


def _line(intent: Intent) -> dict[str, Any]:
    return {
        "side": intent.side.value,
        "op": intent.op.value,
        "salespulse_id": intent.salespulse_id,
        "crm_id": intent.crm_id,
        "reason": intent.reason,
        "id_property": intent.stamp,
        "changes": [
            {
                "field": change.field,
                "before": change.before,
                "after": change.after,
                "rule": change.rule,
                "by": change.by,
                "reason": change.reason,
                "lost": change.lost,
            }
            for change in intent.changes
        ],
    }
