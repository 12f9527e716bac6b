"""Whole passes between a served SalesPulse and a CRM in memory, which can be as odd as a test needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from connectors.port import Connector, Finding, Wanted
from connectors.port import Memory as KeptMemory
from syncd.clock import Clock
from syncd.config.choice import chosen
from syncd.config.load import load
from syncd.core.model import Hold
from syncd.cycle.execute import execute
from syncd.exits import Exit
from syncd.net.governor import Governor, Spent
from syncd.net.rate import Rate
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.sandbox.shell import Running, serve
from syncd.store import database, holds, journal, tables
from syncd.store.database import Database
from syncd.testing.memory.connector import MemoryConnector
from syncd.testing.memory.vendor import MemorySide, Traits
from tests.scenarios.stage import Ticking

KEY = "sp_live_marked-key-of-the-passes"
MAPPING = """
connector = "memory"
object = "people"
[match]
keys = ["email", "phone"]
[[fields]]
salespulse = "first_name"
crm = "firstname"
[[fields]]
salespulse = "last_name"
crm = "lastname"
[[fields]]
salespulse = "email"
crm = "email"
as = "email"
[[fields]]
salespulse = "phone"
crm = "phone"
as = "phone"
[[fields]]
salespulse = "state"
crm = "state"
as = "us_state"
"""


class NoSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Kind:
    """A ConnectorKind whose connector a test has made."""

    name = "memory"
    label = "Memory"
    settings = NoSettings
    objects = ("people",)

    def __init__(self, connector: MemoryConnector) -> None:
        self.connector = connector

    def scope_problem(self, scope: object) -> str:
        return "" if scope is None else "it has no scope"

    def identity(self, settings: Any) -> str:
        return self.connector.side.traits.identity or ""

    def budget_key(self, settings: Any) -> str:
        return "memory"

    def governor(self, settings: Any, clock: Clock, *, spent: Mapping[str, Spent] | None = None) -> Governor:
        return Governor("memory", {"api": (Rate(100_000, 1),)}, clock=clock)

    def open(self, settings: Any, wanted: Wanted, *, governor: Governor, clock: Clock, memory: KeptMemory) -> Connector:
        return self.connector

    def check(self, connector: Connector, *, fix: bool) -> tuple[Finding, ...]:
        return ()


@dataclass(kw_only=True)
class Ran:
    """How a run ended, and what it said."""

    exit: Exit
    figures: dict[str, Any]
    said: list[str]


@dataclass(kw_only=True)
class Passes:
    """Both sides, the state and the clock."""

    folder: Path
    clock: Ticking
    s: SalesPulse
    served: Running
    state: Database
    crm: MemorySide
    connector: MemoryConnector
    options: str = ""
    said: list[str] = field(default_factory=list)

    def traits(self, **changed: Any) -> None:
        self.crm.traits = replace(self.crm.traits, **changed)

    def progress(self, who: str, step: str, done: int, total: int | None) -> None:
        """Of no interest."""

    def note(self, who: str, text: str) -> None:
        self.said.append(f"{who}: {text}")

    def run(self, *, full: bool = False, dry: bool = False, wait: float = 60) -> Ran:
        self.clock.advance(wait)
        self.said.clear()
        path = self.folder / "config.toml"
        (self.folder / "people.toml").write_text(MAPPING)
        path.write_text(f"""
            [state]
            url = "sqlite:///{self.folder / "state.db"}"
            [salespulse]
            base_url = "{self.served.url}{BASE}"
            api_key = "{KEY}"
            rate = "100000/60s"
            bulk_rate = "10000/60s"
            sweep_every = "30s"
            [connections.crm]
            connector = "memory"
            mapping = "./people.toml"
            {self.options}
            """)
        path.chmod(0o600)
        config = load(path, need_secrets=True, kinds={"memory": Kind(self.connector)}, environ={})
        state = self.state
        if dry:
            database.copy(self.folder / "state.db", self.folder / "private.db")
            state = database.create(self.folder / "private.db")
        ended = execute(
            config,
            chosen(config, ()),
            database=state,
            clock=self.clock,
            report=self,
            command="run",
            full=full,
            dry=dry,
        )
        if dry:
            state.close()
        return Ran(exit=ended.exit, figures=dict(ended.summary["connections"]["crm"]), said=list(self.said))

    def pair(self, number: int = 1) -> tuple[str, str]:
        """A person on both sides, alike, not linked yet."""
        mail = f"p{number}@example.com"
        contact = self.s.add_contact({"first_name": f"P{number}", "last_name": "Q", "email": mail, "state": "FL"})
        row = self.crm.add({"firstname": f"P{number}", "lastname": "Q", "email": mail, "state": "FL"})
        return contact, row

    def holds(self) -> list[Hold]:
        with self.state.read() as tx:
            return [one.hold for one in holds.open_holds(tx)]

    def in_doubt(self) -> int:
        with self.state.read() as tx:
            return len(journal.doubts(tx))

    def links(self) -> dict[tuple[str, str], str]:
        with self.state.read() as tx:
            rows = tx.execute(select(tables.links))
            return {(row.salespulse_id, row.crm_id): row.state for row in rows}

    def contact(self, contact: str) -> dict[str, Any]:
        return next(one for one in self.s.records() if one["id"] == contact)


@pytest.fixture
def make_passes(tmp_path: Path) -> Iterator[Callable[..., Passes]]:
    """``connector``: a class derived from MemoryConnector; the rest are traits of the CRM."""
    made: list[Passes] = []

    def make(connector: type[MemoryConnector] = MemoryConnector, *, options: str = "", **traits: Any) -> Passes:
        clock = Ticking()
        s = SalesPulse(clock, limit_scale=1000, key=KEY)
        crm = MemorySide(clock, Traits(**traits), prefix="r")
        passes = Passes(
            folder=tmp_path,
            clock=clock,
            s=s,
            served=serve(s),
            state=database.create(tmp_path / "state.db"),
            crm=crm,
            connector=connector(crm),
            options=options,
        )
        made.append(passes)
        return passes

    yield make
    for passes in made:
        passes.served.stop()
        passes.state.close()
