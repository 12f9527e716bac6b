"""A whole world for one test: both vendors served on loopback, a config, a state file, and one clock for all of them.

People edit through the models, syncd sees nothing but HTTP. The clock ticks as the machine's does, but a wait costs no
real time: it only moves the clock on.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from syncd.cli.plan import plan_document
from syncd.clock import Interrupted
from syncd.config.choice import chosen
from syncd.config.load import load
from syncd.core.model import Hold
from syncd.cycle.execute import Ended, execute
from syncd.exits import Exit
from syncd.registry import kinds
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.faults import Rule
from syncd.sandbox.harness import Harness
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.salespulse.dialect import Dialect
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import CONTROL, Delivery, Request, Response
from syncd.store import database, holds, tables
from syncd.store.database import Database

KEY = "sp_live_marked-key-of-the-scenarios"
TOKEN = "pat-marked-token-of-the-scenarios"
READS = re.compile(r"GET |POST \S+/(search|batch/read)$")
PACKAGED = (Path(__file__).parents[2] / "mappings" / "hubspot-contacts.toml").read_text()


class Ticking(WorldClock):
    """Ticks as the machine's clock; whoever waits moves it on instead."""

    def real(self, seconds: float) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        if self.end.is_set():
            raise Interrupted
        self.advance(max(0.0, seconds))


class Recorded:
    """A vendor that writes down each write that it is asked for."""

    def __init__(self, model: SalesPulse | HubSpot) -> None:
        self.model = model
        self.name = model.name
        self.clock = model.clock
        self.writes: list[Request] = []
        self.before: Callable[[Request], None] = lambda _request: None

    def handle(self, request: Request) -> Response:
        if not request.path.startswith(CONTROL):
            self.before(request)
            if not READS.match(f"{request.method} {request.path}"):
                self.writes.append(request)
        return self.model.handle(request)

    def template(self, path: str) -> str:
        return self.model.template(path)

    def export(self) -> dict[str, Any]:
        return self.model.export()

    def load(self, data: dict[str, Any]) -> None:
        self.model.load(data)

    def drain(self) -> list[Delivery]:
        return self.model.drain() if isinstance(self.model, SalesPulse) else []


@dataclass
class Notes:
    """What a run says on the way."""

    lines: list[str] = field(default_factory=list)

    def progress(self, who: str, step: str, done: int, total: int | None) -> None:
        self.lines.append(f"{who}: {step} {done} of {total}")

    def note(self, who: str, text: str) -> None:
        self.lines.append(f"{who}: {text}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(kw_only=True)
class Ran:
    """One run: how it ended, what it said, and what both servers were asked to write."""

    exit: Exit
    summary: dict[str, Any]
    said: str
    written: dict[str, list[Request]]

    def of(self, connection: str = "hubspot") -> dict[str, Any]:
        """The figures of a connection."""
        figures = self.summary["connections"][connection]
        assert isinstance(figures, dict)
        return figures

    @property
    def writes(self) -> int:
        return sum(len(requests) for requests in self.written.values())

    def bodies(self, name: str) -> list[Any]:
        return [request.json() for request in self.written[name]]


@dataclass
class World:
    """Both sides, the config and the state."""

    folder: Path
    database: Database
    clock: Ticking
    s: SalesPulse
    portals: dict[str, HubSpot]
    recorded: dict[str, Recorded]
    running: dict[str, Running]
    options: dict[str, dict[str, Any]]
    mapping: str = PACKAGED
    salespulse: dict[str, Any] = field(default_factory=dict)

    @property
    def c(self) -> HubSpot:
        return self.portals["hubspot"]

    # ---- config

    def configure(self, connection: str = "hubspot", **changed: Any) -> None:
        """Change keys of a connection; ``brakes`` and ``settings`` are tables and are merged, None removes."""
        options = self.options[connection]
        for key, value in changed.items():
            if isinstance(value, dict):
                options[key] = {**options.get(key, {}), **value}
            else:
                options[key] = value

    def write_config(self) -> Path:
        sections = {
            "state": {"url": f"sqlite:///{self.state}"},
            "salespulse": {
                "base_url": self.running["salespulse"].url + BASE,
                "api_key": KEY,
                "rate": "100000/60s",
                "bulk_rate": "10000/60s",
                "sweep_every": "30s",
                **self.salespulse,
            },
        }
        for name, options in self.options.items():
            mapping = options.get("mapping", self.mapping)
            (self.folder / f"{name}.toml").write_text(mapping)
            given = {**options, "connector": "hubspot", "mapping": f"./{name}.toml"}
            settings = {
                "base_url": self.running[name].url,
                "access_token": TOKEN,
                "rate": "100000/10s",
                "search_rate": "5000/1s",
                **given.pop("settings", {}),
            }
            brakes = given.pop("brakes", {})
            sections[f"connections.{name}"] = given
            sections[f"connections.{name}.brakes"] = brakes
            sections[f"connections.{name}.settings"] = settings
        text = "\n".join(
            f"[{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items() if value is not None)
            for name, table in sections.items()
        )
        path = self.folder / "config.toml"
        path.write_text(text)
        path.chmod(0o600)
        return path

    # ---- runs

    def full(self, *names: str) -> Ran:
        """`syncd run --full`, a minute after whatever was before."""
        return self.run(full=True, names=names)

    def once(self, *names: str) -> Ran:
        """`syncd run --once`, a minute after whatever was before, so that SalesPulse is listed again."""
        return self.run(full=False, names=names)

    def run(self, *, full: bool, names: tuple[str, ...] = (), wait: float = 60) -> Ran:
        self.clock.advance(wait)
        with database.lease(self.state):
            return self._execute(self.database, full=full, names=names, dry=False)[1]

    def plan(self, *, full: bool = True) -> tuple[dict[str, Any], Ran]:
        """`syncd plan`: the plan as its JSON document, and the dry run."""
        self.clock.advance(60)
        private = self.folder / f"private-{self.clock.monotonic()}.db"
        database.copy(self.state, private)
        state = database.create(private)
        try:
            ended, ran = self._execute(state, full=full, names=(), dry=True)
            return plan_document(state, ended), ran
        finally:
            state.close()

    def _execute(self, state: Database, *, full: bool, names: tuple[str, ...], dry: bool) -> tuple[Ended, Ran]:
        for recorded in self.recorded.values():
            recorded.writes.clear()
        notes = Notes()
        config = load(self.write_config(), need_secrets=True, kinds=kinds(), environ={})
        ended = execute(
            config,
            chosen(config, names),
            database=state,
            clock=self.clock,
            report=notes,
            command="plan" if dry else "run",
            full=full,
            dry=dry,
        )
        written = {name: list(recorded.writes) for name, recorded in self.recorded.items()}
        return ended, Ran(exit=ended.exit, summary=ended.summary, said=notes.text, written=written)

    def settled(self, *, full: bool = True) -> Ran:
        """Assert the first promise: one pass was made, with one more both agree, and the next writes nothing."""
        self.run(full=full)
        last = self.run(full=full)
        assert last.writes == 0, [(name, r.method, r.path, r.body) for name, rs in last.written.items() for r in rs]
        return last

    # ---- people

    def in_s(self, **values: Any) -> str:
        return self.s.add_contact(values)

    def in_c(self, connection: str = "hubspot", **values: Any) -> str:
        return self.portals[connection].add_contact(values)

    def ann(self, s: Mapping[str, Any] | None = None, c: Mapping[str, Any] | None = None) -> tuple[str, str]:
        """Ann Lee on both sides, linked and agreed."""
        left = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "state": "FL", "stage": "New Lead"}
        right = {
            "firstname": "Ann",
            "lastname": "Lee",
            "email": "ann@example.com",
            "state": "FL",
            "lifecyclestage": "lead",
        }
        pair = self.in_s(**{**left, **(s or {})}), self.in_c(**{**right, **(c or {})})
        ran = self.full()
        assert ran.exit is Exit.DONE, self.holds()
        return pair

    def fill(self, count: int, *, first: int = 0) -> list[tuple[str, str]]:
        """So many more people on both sides, alike."""
        pairs = []
        for number in range(first, first + count):
            mail = f"p{number}@example.com"
            pairs.append(
                (
                    self.in_s(first_name=f"P{number}", last_name="Q", email=mail, stage="New Lead"),
                    self.in_c(firstname=f"P{number}", lastname="Q", email=mail, lifecyclestage="lead"),
                )
            )
        return pairs

    def edit_s(self, contact: str, **values: Any) -> None:
        self.clock.advance(5)
        self.s.edit_contact(contact, values)

    def edit_c(self, record: str, connection: str = "hubspot", **values: Any) -> None:
        self.clock.advance(5)
        self.portals[connection].edit(record, values)

    def s_of(self, contact: str) -> dict[str, Any]:
        return next(row for row in self.s.records() if row["id"] == contact)

    def c_of(self, record: str, connection: str = "hubspot") -> dict[str, str]:
        return self.portals[connection].record(record)

    def options_of(self, connection: str = "hubspot", **switches: Any) -> None:
        """Turn switches of a HubSpot model."""
        portal = self.portals[connection]
        portal.set_options(Options(**{**portal.portal.options.model_dump(), **switches}))

    def fault(self, server: str, **rule: Any) -> None:
        self.running[server].harness.faults.add([Rule(**rule)])

    def mend(self) -> None:
        for running in self.running.values():
            running.harness.faults.clear()

    # ---- the state

    @property
    def state(self) -> Path:
        return self.database.path

    def forget(self) -> None:
        """The state is lost."""
        with self.database.write() as tx:
            for table in reversed(tables.metadata.sorted_tables):
                tx.execute(delete(table))

    def on_disk(self) -> bytes:
        """The state file and what was written behind it; the third file only says who reads."""
        return b"".join(path.read_bytes() for path in (self.state, self.state.with_name("state.db-wal")))

    def rows(self, table: Any) -> list[Any]:
        with self.database.read() as tx:
            return list(tx.execute(select(table)))

    def holds(self) -> list[Hold]:
        with self.database.read() as tx:
            return [stored.hold for stored in holds.open_holds(tx)]

    def held(self) -> list[tuple[str, str]]:
        """(reason, field) of each open hold, sorted."""
        return sorted((hold.reason.value, hold.field) for hold in self.holds())

    def links(self, connection: str = "hubspot") -> dict[tuple[str, str], str]:
        rows = self.rows(tables.links)
        return {(row.salespulse_id, row.crm_id): row.state for row in rows if row.connection == connection}

    def ledger(self, **where: Any) -> list[Any]:
        rows = self.rows(tables.ledger)
        return [row for row in rows if all(getattr(row, name) == value for name, value in where.items())]

    def counts(self) -> Counter[str]:
        """Links by state."""
        return Counter(self.links().values())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture(scope="session")
def served() -> Iterator[list[Running]]:
    """Running servers, made as tests need them and handed on: starting one takes longer than many tests."""
    made: list[Running] = []
    yield made
    for running in made:
        running.stop()


@pytest.fixture(scope="session")
def state() -> Iterator[Database]:
    """One state file for all tests, emptied for each: opening one takes longer than a pass over a small world."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="syncd-", dir=memory if memory.is_dir() else None) as folder:
        opened = database.create(Path(folder) / "state.db")
        yield opened
        opened.close()


@pytest.fixture
def make_world(served: list[Running], state: Database, tmp_path: Path) -> Callable[..., World]:
    free = iter(tuple(served))

    def running(model: SalesPulse | HubSpot) -> tuple[Running, Recorded]:
        recorded = Recorded(model)
        found = next(free, None)
        if found is None:
            found = serve(recorded)
            served.append(found)
            return found, recorded
        fresh = Harness(recorded)
        harness = found.harness
        harness.vendor, harness.clock = recorded, model.clock
        harness.faults, harness.stats = fresh.faults, fresh.stats
        return found, recorded

    def make(
        *connections: str,
        mapping: str = PACKAGED,
        salespulse: Mapping[str, Any] | None = None,
        dialect: Dialect | None = None,
        hubspot: Mapping[str, Any] | None = None,
        index_lag_seconds: float = 0.0,
        **options: Any,
    ) -> World:
        clock = Ticking()
        s = SalesPulse(clock, dialect=dialect, limit_scale=1000, key=KEY)
        portals = {
            name: HubSpot(
                clock,
                limit_scale=1000,
                token=TOKEN,
                portal_id=62515 + place,
                index_lag_seconds=index_lag_seconds,
                options=Options(**(hubspot or {})),
            )
            for place, name in enumerate(connections or ("hubspot",))
        }
        world = World(
            folder=tmp_path,
            database=state,
            clock=clock,
            s=s,
            portals=portals,
            recorded={},
            running={},
            options={name: dict(options) for name in portals},
            mapping=mapping,
            salespulse=dict(salespulse or {}),
        )
        for name, model in {"salespulse": s, **portals}.items():
            world.running[name], world.recorded[name] = running(model)
        world.forget()
        return world

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
