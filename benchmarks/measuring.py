"""Runs servers and syncd as two processes and measures syncd: requests, CPU seconds, memory.

CPU seconds and memory are the kernel's figures for the one child process that is syncd; requests are those that the
servers counted. Wall-clock time is shown where it means something and decides nothing.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
CONNECTION = "hubspot"

CONFIG = """\
[state]
url = "sqlite:///state.db"

[salespulse]
base_url = "{salespulse}/api/v1"
api_key = "sp_live_sandbox"
rate = "{rate}"
bulk_rate = "{bulk_rate}"

[connections.hubspot]
connector = "hubspot"
mapping = "hubspot-contacts"

[connections.hubspot.brakes]
max_changes_percent = 100

[connections.hubspot.settings]
base_url = "{hubspot}"
access_token = "pat-sandbox"
rate = "100000/10s"
search_rate = "5000/1s"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of syncd."""

    exit: int
    summary: Mapping[str, Any]
    requests: Mapping[str, int]  #: "side METHOD /template" → how many the servers counted
    times: Mapping[str, tuple[float, float]]  #: the same keys → real seconds of the first and the last
    refused: int  #: 429s
    cpu: float  #: seconds, user and system
    memory: int  #: MiB at the peak
    seconds: float  #: wall clock, by syncd

    @property
    def figures(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.summary["connections"][CONNECTION]
        return found

    @property
    def pulled(self) -> int:
        return sum(self.figures["pulled"].values())


@dataclass(slots=True)
class World:
    """Both servers and one syncd with its config and state."""

    folder: Path
    servers: subprocess.Popen[bytes]
    urls: Mapping[str, str]
    rates: Mapping[str, str] = field(default_factory=dict)

    def ask(self, do: str, **parameters: Any) -> Any:
        """Give the servers a command."""
        assert self.servers.stdin is not None
        self.servers.stdin.write(orjson.dumps({"do": do, **parameters}) + b"\n")
        self.servers.stdin.flush()
        return self.heard()

    def heard(self) -> Any:
        """The next answer of the servers; their first line names their addresses."""
        assert self.servers.stdout is not None
        line = self.servers.stdout.readline()
        if not line:
            raise SystemExit("benchmarks/servers.py ended; what it said is above")
        return orjson.loads(line)

    def syncd(self, *arguments: str) -> Run:
        """Run the real command line once, with ``--json``."""
        rates = {"rate": "100000/60s", "bulk_rate": "10000/60s", **self.rates}
        config = self.folder / "config.toml"
        config.write_text(CONFIG.format(**self.urls, **rates))
        config.chmod(0o600)
        self.ask("reset")
        output, errors = self.folder / "output.json", self.folder / "errors.log"
        with output.open("wb") as out, errors.open("wb") as err:
            command = [sys.executable, "-m", "syncd", "run", *arguments, "--json", "--config", str(config)]
            child = subprocess.Popen(command, stdout=out, stderr=err, cwd=self.folder, env=_environment())
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 3):
            raise SystemExit(f"syncd ended with {child.returncode}:\n{errors.read_text()[-3000:]}")
        stats, summary = self.ask("stats"), orjson.loads(output.read_bytes())
        return Run(
            exit=child.returncode,
            summary=summary,
            requests={f"{side} {op}": n for side, one in stats.items() for op, n in one["requests"].items()},
            times={f"{side} {op}": (a, b) for side, one in stats.items() for op, (a, b) in one["times"].items()},
            refused=sum(one["refused_429"] for one in stats.values()),
            cpu=usage.ru_utime + usage.ru_stime,
            memory=usage.ru_maxrss // 1024,
            seconds=float(summary["seconds"]),
        )


@cache
def _environment() -> Mapping[str, str]:
    """As an installed program runs: with its bytecode compiled already, here into a folder of the benchmark's own."""
    folder = tempfile.mkdtemp(prefix="syncd-bench-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    found = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    found["PYTHONPYCACHEPREFIX"] = folder
    subprocess.run(  # everything that a run imports
        [sys.executable, "-c", "import syncd.cli.run, syncd.cli.main, connectors.hubspot.connector"],
        env=found,
        check=True,
    )
    return found


@contextmanager
def world(shape: Mapping[str, Any], *, rates: Mapping[str, str] | None = None) -> Iterator[World]:
    """Servers with these people and limits. ``rates``: syncd's configured ones, if not as good as none."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        command = [sys.executable, str(HERE / "servers.py"), orjson.dumps(shape).decode()]
        servers = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        found = World(Path(folder), servers, {}, rates or {})
        try:
            found.urls = found.heard()
            yield found
        finally:
            assert servers.stdin is not None
            servers.stdin.close()
            servers.wait(timeout=30)
