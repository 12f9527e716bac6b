"""`syncd check`: config and mappings; with --online also what they lead to. Changes nothing, but for --fix."""

from __future__ import annotations

import tempfile
from pathlib import Path

from syncd.cli.loading import load_config
from syncd.cli.render import as_json_text
from syncd.clock import Clock
from syncd.config.choice import chosen
from syncd.config.load import check_offline, find_config, load
from syncd.config.model import Config, ConnectionConfig
from syncd.cycle.inspect import Inspection, inspect
from syncd.errors import Problem, UsageError
from syncd.exits import Exit
from syncd.registry import kinds
from syncd.store import database


def check_command(
    clock: Clock, *, config: Path | None, online: bool, fix: bool, names: list[str], as_json: bool
) -> Exit:
    """Print every finding at once; return 2 when one of them has to be mended, 4 when a side could not be asked."""
    if fix and not online:
        raise UsageError("check --fix: what to mend is only known with --online; add it")
    path = find_config(config)
    problems = list(check_offline(path, kinds=kinds()))
    inspections: tuple[Inspection, ...] = ()
    sound = all(problem.warning for problem in problems)
    if sound and online:
        loaded = load_config(config, need_secrets=True)
        inspections = _online(loaded, chosen(loaded, names), clock, fix=fix)
    elif sound and names:
        chosen(load(path, need_secrets=False, kinds=kinds()), names)  # for names that do not exist
    findings = problems + [problem for one in inspections for problem in one.problems]
    unreachable = [one for one in inspections if one.unreachable]
    broken = [problem for problem in findings if not problem.warning]
    code = Exit.USAGE if broken else Exit.REMOTE if unreachable else Exit.DONE
    _print(path, findings, inspections, as_json=as_json, online=online, code=code)
    return code


def _online(
    config: Config, connections: tuple[ConnectionConfig, ...], clock: Clock, *, fix: bool
) -> tuple[Inspection, ...]:
    with tempfile.TemporaryDirectory(prefix="syncd-check-") as folder:
        state = database.create(Path(folder) / "state.db")
        try:
            return inspect(config, connections, database=state, clock=clock, fix=fix)
        finally:
            state.close()


def _print(
    path: Path,
    findings: list[Problem],
    inspections: tuple[Inspection, ...],
    *,
    as_json: bool,
    online: bool,
    code: Exit,
) -> None:
    if as_json:
        document = {
            "config": str(path),
            "online": online,
            "findings": [
                {"where": one.where, "what": one.what, "remedy": one.remedy, "warning": one.warning} for one in findings
            ],
            "sides": [
                {
                    "name": one.name,
                    "account": one.account,
                    "facts": list(one.facts),
                    "unreachable": one.unreachable,
                }
                for one in inspections
            ],
            "exit_code": int(code),
        }
        print(as_json_text(document))
        return
    lines = []
    for one in inspections:
        lines.append(f"{one.name}: {one.unreachable or one.account or 'reached'}")
        lines += [f"  {fact}" for fact in one.facts]
    lines += [f"{'warning' if one.warning else 'problem'}: {one}" for one in findings]
    broken = sum(not one.warning for one in findings)
    how = "config, mappings and both sides" if online else "config and mappings"
    lines.append(f"{path}: {how}: " + (f"{broken} to mend" if broken else "nothing to mend"))
    print("\n".join(lines))
