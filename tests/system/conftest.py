"""Both vendors served on loopback, a config, a state file, and the real command line run against them as a process.

The models live in the test's own process, so that a test can look into them, break them and act between two requests.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from syncd.cli import main as cli_main
from syncd.cli.run import run_once
from syncd.clock import Interrupted
from syncd.core.kinds import read
from syncd.core.mapping import Kind
from syncd.core.model import Hold
from syncd.exits import Exit
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.faults import Rule
from syncd.sandbox.harness import Stats
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.people import STAGES, STATE_NAMES, overlap
from syncd.sandbox.salespulse import Dialect
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import CONTROL, Request, Response
from syncd.store import database, holds, tables

#: Secrets that are easy to look for.
KEY = "sp_live_marked-0f9c4e"
TOKEN = "pat-marked-7d21aa"
ROOT = Path(__file__).parents[2]
READS = re.compile(r"GET |POST \S+/(search|batch/read)$")

Hook = Callable[[Request, Callable[[Request], Response]], Response | None]


class Ticking(WorldClock):
    """Ticks as the machine's clock, but whoever waits only moves it on."""

    def real(self, seconds: float) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        if self.end.is_set():
            raise Interrupted
        self.advance(max(0.0, seconds))


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        return self.out + self.err


class Process:
    """A running command. What it says is collected, so that it never waits for a reader."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.began = time.monotonic()
        self._popen = subprocess.Popen(
            arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
        )
        self._read = {"out": b"", "err": b""}
        self._threads = [
            threading.Thread(target=self._drain, args=(name, pipe), daemon=True)
            for name, pipe in (("out", self._popen.stdout), ("err", self._popen.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def _drain(self, name: str, pipe: Any) -> None:
        with pipe:
            while chunk := pipe.read1():
                self._read[name] += chunk

    @property
    def heard(self) -> str:
        """Standard output so far."""
        return self._read["out"].decode(errors="replace")

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._popen.kill()

    def gone(self) -> None:
        """Return when the process has ended."""
        self._popen.wait(10)

    def tell(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def end(self, timeout: float = 100) -> Ended:
        """Wait for the end."""
        code = self._popen.wait(timeout)
        for thread in self._threads:
            thread.join(10)
        return Ended(
            code=code,
            out=self._read["out"].decode(),
            err=self._read["err"].decode(),
            seconds=time.monotonic() - self.began,
        )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SYNCD_")}


class Served:
    """One served model. ``hooks`` see every request of the API first and may answer it, or return None."""

    def __init__(self, model: SalesPulse | HubSpot) -> None:
        self.model = model
        self.hooks: list[Hook] = []
        self.writes: list[Request] = []
        self._handle = model.handle
        model.handle = self._hooked  # type: ignore[method-assign] # the one place that all requests pass
        self.running: Running = serve(model)
        self._lock = self.running.harness.lock

    def _hooked(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self._handle(request)
        if not READS.match(f"{request.method} {request.path}"):
            self.writes.append(request)
        for hook in tuple(self.hooks):
            answer = hook(request, self._handle)
            if answer is not None:
                return answer
        return self._handle(request)

    @property
    def stats(self) -> Stats:
        return self.running.harness.stats

    def fault(self, action: str, **rule: Any) -> None:
        self.running.harness.faults.add([Rule(action=action, **rule)])

    def struck(self) -> int:
        """How many requests the faults struck so far."""
        return sum(rule["struck"] for rule in self.running.harness.faults.report())

    def mend(self) -> None:
        self.hooks.clear()
        self.running.harness.faults.clear()

    def later(self, seconds: float, *, method: str, path: str, times: int = 1) -> None:
        """Requests like this get no answer in time, and are carried out only after so many real seconds."""
        left = [times]

        def hook(request: Request, handle: Callable[[Request], Response]) -> Response | None:
            if not left[0] or request.method != method or not re.search(path, request.path):
                return None
            left[0] -= 1

            def work() -> None:
                with self._lock:
                    handle(request)

            threading.Timer(seconds, work).start()
            return Response(status=200, delay=60)

        self.hooks.append(hook)


@dataclass
class Site:
    """Both vendors, the config and the state."""

    folder: Path
    clock: WorldClock
    s: SalesPulse
    c: HubSpot
    left: Served
    right: Served
    salespulse: dict[str, Any] = field(default_factory=dict)
    connection: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    # ---- config and commands

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state.db"

    def write_config(self) -> Path:
        sections: dict[str, dict[str, Any]] = {
            "state": {"url": "sqlite:///state.db"},
            "salespulse": {
                "base_url": self.left.running.url + BASE,
                "api_key": KEY,
                "rate": "100000/60s",
                "bulk_rate": "10000/60s",
                "sweep_every": "1s",
                **self.salespulse,
            },
            "connections.hubspot": {"connector": "hubspot", "mapping": "hubspot-contacts", **self.connection},
            "connections.hubspot.settings": {
                "base_url": self.right.running.url,
                "access_token": TOKEN,
                "rate": "100000/10s",
                "search_rate": "5000/1s",
                **self.settings,
            },
        }
        text = "\n".join(
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            for name, table in sections.items()
        )
        self.config.write_text(text)
        self.config.chmod(0o600)
        return self.config

    def start(self, *arguments: str, configured: bool = True) -> Process:
        """Start `python -m syncd …`."""
        if configured:
            arguments = (*arguments, "--config", str(self.write_config()))
        return Process([sys.executable, "-m", "syncd", *arguments], self.folder)

    def cli(self, *arguments: str, configured: bool = True) -> Ended:
        """`python -m syncd …` as a process of its own, to its end."""
        return self.start(*arguments, configured=configured).end()

    def inline(self, *arguments: str, configured: bool = True) -> Ended:
        """The same command line within this process: quicker, where no signal and no crash is meant."""
        out, err = io.StringIO(), io.StringIO()
        began = time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli_main._run([*arguments, *(["--config", str(self.write_config())] if configured else [])])
        return Ended(code=code, out=out.getvalue(), err=err.getvalue(), seconds=time.monotonic() - began)

    def run(self, *, full: bool = True) -> Ended:
        """The body of `run` on the site's own clock, on which waits take no time."""
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            ended = run_once(self.clock, config=self.write_config(), full=full, names=[])
        return Ended(code=int(ended.exit), out=json.dumps(ended.summary), err=err.getvalue(), seconds=0)

    # ---- what there is

    def populate(self, each: int, shared: int, seed: int = 1) -> int:
        """Example people on both sides; return how many there are in all."""
        left, right = overlap(each, shared, seed)
        self.s.populate(left)
        for values in right:
            self.c.add_contact(values)
        return 2 * each - shared

    def mend(self) -> None:
        self.left.mend()
        self.right.mend()

    def forget_writes(self) -> None:
        self.left.writes.clear()
        self.right.writes.clear()

    @property
    def writes(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in (*self.left.writes, *self.right.writes)]

    def rows(self, table: Any) -> list[Any]:
        state = database.open_existing(self.state)
        try:
            with state.read() as tx:
                return list(tx.execute(select(table)))
        finally:
            state.close()

    def holds(self) -> list[Hold]:
        state = database.open_existing(self.state)
        try:
            with state.read() as tx:
                return [stored.hold for stored in holds.open_holds(tx)]
        finally:
            state.close()

    def held(self) -> Counter[str]:
        return Counter(hold.reason.value for hold in self.holds())

    def links(self) -> list[Any]:
        return [row for row in self.rows(tables.links) if row.state == "active"]

    def assert_in_step(self, people: int) -> None:
        """Everybody is on both sides once, linked once, and every mapped field means the same on both."""
        left = {row["id"]: row for row in self.s.records()}
        right = {row["id"]: row for row in self.c.records()}
        assert (len(left), len(right)) == (people, people)
        assert _twice(left.values()) == []
        assert _twice(right.values()) == []
        pairs = [(row.salespulse_id, row.crm_id) for row in self.links()]
        assert {pair[0] for pair in pairs} == set(left)
        assert {pair[1] for pair in pairs} == set(right)
        assert len(pairs) == people
        differing = [pair for pair in pairs if _meaning_s(left[pair[0]]) != _meaning_c(right[pair[1]])]
        assert not differing, (left[differing[0][0]], right[differing[0][1]], len(differing))

    def assert_quiet(self) -> None:
        """One more full run writes nothing."""
        self.forget_writes()
        ended = self.run()
        assert self.writes == []
        assert ended.code == Exit.DONE, ended.err

    def assert_no_leak(self, *texts: str) -> None:
        """No secret in what was said or in any file of the state, no name and no address in what was said."""
        said = "\n".join(texts)
        kept = b"".join(path.read_bytes() for path in self.folder.glob("state.db*"))
        for secret in (KEY, TOKEN):
            assert secret not in said
            assert secret.encode() not in kept
        assert "@example" not in said.lower()
        assert not re.search(r"\+1\d{10}", said)


def _twice(rows: Any) -> list[Any]:
    """Addresses that two records of one side bear: no two people share one."""
    counted = Counter(row["email"].casefold() for row in rows if row.get("email"))
    return [address for address, count in counted.items() if count > 1]


def _meaning_s(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        row.get("first_name", ""),
        row.get("last_name", ""),
        row.get("email", "").casefold(),
        read(Kind.PHONE, row.get("phone", ""), "US"),
        row.get("state", ""),
        row.get("product_interest", ""),
        STAGES.get(row.get("stage") or "", ""),
    )


def _meaning_c(row: Mapping[str, str]) -> tuple[Any, ...]:
    codes = {name: code for code, name in STATE_NAMES.items()}
    state = row.get("state", "")
    return (
        row.get("firstname", ""),
        row.get("lastname", ""),
        row.get("email", "").casefold(),
        read(Kind.PHONE, row.get("phone", ""), "US"),
        codes.get(state, state),
        row.get("product_interest", "").casefold().replace(" ", "_"),
        row.get("lifecyclestage", ""),
    )


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(
        *, clock: WorldClock | None = None, dialect: Dialect | None = None, limit_scale: float = 1000, **options: Any
    ) -> Site:
        clock = clock or WorldClock()
        s = SalesPulse(clock, key=KEY, dialect=dialect, limit_scale=limit_scale)
        c = HubSpot(clock, token=TOKEN, limit_scale=limit_scale, options=Options(**options))
        folder = tmp_path / f"site{len(made)}"
        folder.mkdir()
        site = Site(folder=folder, clock=clock, s=s, c=c, left=Served(s), right=Served(c))
        made.append(site)
        return site

    yield make
    for site in made:
        site.left.running.stop()
        site.right.running.stop()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site on the machine's clock, for commands run as processes. Doubts wait two time-outs: these are short."""
    made = make_site()
    made.salespulse = {"timeout": "1s"}
    made.settings = {"timeout": "1s"}
    return made


@pytest.fixture
def quick(make_site: Callable[..., Site]) -> Site:
    """A site on a clock on which waits take no time."""
    return make_site(clock=Ticking())
