"""A served SalesPulse model and the side under test, on one virtual clock: waiting costs no real time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.port import Wanted
from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import Change, Intent, Op, Record, Side, Value
from syncd.net.governor import Governor
from syncd.net.rate import Rate
from syncd.salespulse.settings import SalesPulseSettings, governor
from syncd.salespulse.side import SalesPulseSide
from syncd.sandbox.clock import ManualClock
from syncd.sandbox.faults import Rule
from syncd.sandbox.harness import Harness
from syncd.sandbox.people import Style, people, write_as
from syncd.sandbox.salespulse.dialect import Dialect
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.sandbox.shell import Running, serve

KEY = "sp_live_0123456789abcdef"

WANTED = Wanted(
    object="contacts",
    fields=("email", "first_name", "last_name", "phone", "product_interest", STAGE_FIELD, "state"),
    key_fields={"email": "email", "phone": "phone"},
    stage_field=STAGE_FIELD,
)


class Notes(dict[str, str]):
    """A Memory that outlives the side."""

    def set(self, key: str, value: str) -> None:
        self[key] = value


@dataclass
class World:
    """One account, one server, and as many sides (processes) as a test opens."""

    model: SalesPulse
    running: Running
    clock: ManualClock
    stack: ExitStack
    settings: SalesPulseSettings
    memory: Notes = field(default_factory=Notes)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    governor: Governor = field(init=False)
    side: SalesPulseSide = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self, *, wanted: Wanted = WANTED, **changed: Any) -> SalesPulseSide:
        """A new process: the memory is all that it knows."""
        settings = replace(self.settings, **changed)
        self.governor = governor(settings, self.clock)
        self.side = SalesPulseSide(
            settings, wanted, governor=self.governor, clock=self.clock, memory=self.memory, jitter=lambda: 0.0
        )
        self.stack.callback(self.side.close)
        return self.side

    def add(self, count: int, *, seed: int = 1) -> list[str]:
        return self.model.populate(write_as(person, Style.SALESPULSE) for person in people(count, seed))

    def scan(self) -> list[Record]:
        records: list[Record] = []
        cursor: str | None = None
        while True:
            page = self.side.scan(cursor)
            records += page.records
            if page.complete:
                assert page.cursor is None
                return records
            cursor = page.cursor

    def fault(self, **rule: Any) -> None:
        self.running.harness.faults.add([Rule(**rule)])

    def asked(self) -> Mapping[str, int]:
        """Requests that arrived, by what they were."""
        return self.running.harness.stats.requests

    def statuses(self) -> Mapping[int, int]:
        return self.running.harness.stats.statuses

    def intent(self, op: Op, target: str = "", *, stamp: str | None = None, **values: Value) -> Intent:
        changes = tuple(
            Change(field=name, before=None, after=value, rule=name, by="changed", reason="a test")
            for name, value in values.items()
        )
        number = f"i{next(self.numbers)}"
        return Intent(
            id=number,
            connection="hubspot",
            side=Side.SALESPULSE,
            op=op,
            salespulse_id=target,
            crm_id=f"crm-{number}",
            changes=changes,
            stamp=stamp,
        )

    def plain(self, contact_id: str) -> dict[str, Any]:
        """What the server holds."""
        return next(row for row in self.model.records() if row["id"] == contact_id)


@pytest.fixture(scope="session")
def servers() -> Iterator[list[Running]]:
    """Running servers, made as tests need them and handed on: starting one takes longer than most tests."""
    made: list[Running] = []
    yield made
    for running in made:
        running.stop()


@pytest.fixture
def make_world(servers: list[Running]) -> Iterator[Callable[..., World]]:
    with ExitStack() as stack:
        free = iter(tuple(servers))

        def make(dialect: Dialect | None = None, *, limit_scale: float = 100, **settings: Any) -> World:
            clock = ManualClock()
            model = SalesPulse(clock, dialect=dialect, limit_scale=limit_scale, key=KEY)
            running = next(free, None)
            if running is None:
                running = serve(model)
                servers.append(running)
            fresh = Harness(model)
            harness = running.harness
            harness.vendor, harness.clock = model, clock
            harness.faults, harness.stats = fresh.faults, fresh.stats
            found = {
                "rate": Rate(round(100 * limit_scale), 60),
                "bulk_rate": Rate(round(10 * limit_scale), 60),
                **settings,
            }
            return World(
                model=model,
                running=running,
                clock=clock,
                stack=stack,
                settings=SalesPulseSettings(base_url=running.url + BASE, api_key=SecretStr(KEY), **found),
            )

        yield make
