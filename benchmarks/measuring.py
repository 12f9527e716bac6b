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

BASE = """\
[state]
url = "sqlite:///state.db"

[salespulse]
base_url = "{salespulse}/api/v1"
api_key = "sp_live_sandbox"
rate = "{rate}"
bulk_rate = "{bulk_rate}"
"""
CONNECTION = """
[connections.{name}]
connector = "{name}"
mapping = "{name}-contacts"

[connections.{name}.brakes]
max_changes_percent = 100

[connections.{name}.settings]
"""
SETTINGS = {
    "hubspot": """\
base_url = "{hubspot}"
access_token = "pat-sandbox"
rate = "100000/10s"
search_rate = "5000/1s"
""",
    "salesforce": """\
login_url = "{salesforce}"
consumer_key = "3MVG9.sandbox"
consumer_secret = "sandbox-secret"
""",
}
#: The command line, where Salesforce gets no bulk jobs however much there is to write.
WITHOUT_BULK = """\
from dataclasses import replace
from connectors.salesforce import connector
from syncd.cli.main import main
connector._WAVE = replace(connector._WAVE, above=10**9)
main()
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

    def total(self, word: str) -> int:
        """A figure of all connections together."""
        return sum(one[word] for one in self.summary["connections"].values())

    def stamped(self, connection: str) -> int:
        """CRM records that got the id property alone."""
        figures = self.summary["connections"].get(connection)
        return int(figures["stamped"]["crm"]) if figures else 0


@dataclass(slots=True)
class World:
    """The servers and one syncd with its config and state."""

    folder: Path
    servers: subprocess.Popen[bytes]
    urls: Mapping[str, str]
    connections: tuple[str, ...]
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

    def syncd(self, *arguments: str, bulk: bool = True) -> Run:
        """Run the real command line once, with ``--json``. Without ``bulk`` Salesforce gets no bulk jobs."""
        rates = {"rate": "100000/60s", "bulk_rate": "10000/60s", **self.rates}
        config = self.folder / "config.toml"
        parts = [CONNECTION.format(name=name) + SETTINGS[name] for name in self.connections]
        config.write_text("".join([BASE, *parts]).format(**self.urls, **rates))
        config.chmod(0o600)
        self.ask("reset")
        output, errors = self.folder / "output.json", self.folder / "errors.log"
        with output.open("wb") as out, errors.open("wb") as err:
            program = ("-m", "syncd") if bulk else ("-c", WITHOUT_BULK)
            command = [sys.executable, *program, "run", *arguments, "--json", "--config", str(config)]
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
        [
            sys.executable,
            "-c",
            "import syncd.cli.run, syncd.cli.main, connectors.hubspot.connector, connectors.salesforce.connector",
        ],
        env=found,
        check=True,
    )
    return found


@contextmanager
def world(
    shape: Mapping[str, Any], *, connections: tuple[str, ...] = ("hubspot",), rates: Mapping[str, str] | None = None
) -> Iterator[World]:
    """Servers with these people and limits. ``rates``: syncd's configured ones, if not as good as none."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        command = [sys.executable, str(HERE / "servers.py"), orjson.dumps(shape).decode()]
        servers = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        found = World(Path(folder), servers, {}, connections, rates or {})
        try:
            found.urls = found.heard()
            yield found
        finally:
            assert servers.stdin is not None
            servers.stdin.close()
            servers.wait(timeout=30)
