"""A whole world for one test: the vendors served on loopback, a config, a state file, and one clock for all of them.

People edit through the models, syncd sees nothing but HTTP. The clock ticks as the machine's does, but a wait costs no
real time: it only moves the clock on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from syncd.cli.plan import plan_document
from syncd.config.choice import chosen
from syncd.config.load import load
from syncd.core.model import Hold
from syncd.cycle.execute import Ended, execute
from syncd.exits import Exit
from syncd.registry import kinds
from syncd.sandbox.faults import Rule
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.sandbox.shell import Running
from syncd.store import database, holds, tables
from syncd.store.database import Database
from tests.scenarios.orgs import OBJECTS, ORG, InOrg, settings_for
from tests.scenarios.stage import KEY, TOKEN, Notes, Ran, Recorded, Ticking

MAPPINGS = Path(__file__).parents[2] / "mappings"
PACKAGED = (MAPPINGS / "hubspot-contacts.toml").read_text()


@dataclass
class World(InOrg):
    """Every side, the config and the state."""

    folder: Path
    database: Database
    clock: Ticking
    s: SalesPulse
    portals: dict[str, HubSpot]
    org: Salesforce | None
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
        for name in self.options:
            given, settings, brakes = self._connection(name)
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

    def _connection(self, name: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Its table, its settings and its brakes. The mapping is written beside the config."""
        given = dict(self.options[name])
        if name in OBJECTS:
            packaged = (MAPPINGS / f"salesforce-{name}.toml").read_text()
            connector, settings = "salesforce", settings_for(self.running[ORG].url)
        else:
            packaged, connector = self.mapping, "hubspot"
            settings = {
                "base_url": self.running[name].url,
                "access_token": TOKEN,
                "rate": "100000/10s",
                "search_rate": "5000/1s",
            }
        (self.folder / f"{name}.toml").write_text(given.pop("mapping", packaged))
        settings |= given.pop("settings", {})
        brakes = given.pop("brakes", {})
        return {**given, "connector": connector, "mapping": f"./{name}.toml"}, settings, brakes

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
        assert last.writes == 0, last.asked
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

    def rows_of_links(self, connection: str = "hubspot") -> list[Any]:
        """As the state has them."""
        return [row for row in self.rows(tables.links) if row.connection == connection]

    def links(self, connection: str = "hubspot") -> dict[tuple[str, str], str]:
        return {(row.salespulse_id, row.crm_id): row.state for row in self.rows_of_links(connection)}

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
