"""Worlds for scenarios (``tests/scenarios/world.py``). Servers and the state file are handed on from test to test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.harness import Harness
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.salespulse.dialect import Dialect
from syncd.sandbox.salespulse.model import SalesPulse
from syncd.sandbox.shell import Running, serve
from syncd.store import database
from syncd.store.database import Database
from tests.scenarios.orgs import OBJECTS, ORG, open_org
from tests.scenarios.stage import KEY, TOKEN, Model, Recorded, Ticking
from tests.scenarios.world import PACKAGED, World


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

    def running(model: Model) -> tuple[Running, Recorded]:
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
        org: Mapping[str, Any] | None = None,
        index_lag_seconds: float = 0.0,
        **options: Any,
    ) -> World:
        """``connections``: names; those in ``orgs.OBJECTS`` open one Salesforce org, where the first may create; any
        other a HubSpot portal of its own. ``options``: keys of all of them. ``hubspot``, ``org``: switches.
        """
        clock = Ticking()
        names = connections or ("hubspot",)
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
            for place, name in enumerate(name for name in names if name not in OBJECTS)
        }
        on_org = [name for name in names if name in OBJECTS]
        world = World(
            folder=tmp_path,
            database=state,
            clock=clock,
            s=s,
            portals=portals,
            org=open_org(clock, org or {}) if on_org else None,
            recorded={},
            running={},
            options={name: {**options, **({"create": "none"} if name in on_org[1:] else {})} for name in names},
            mapping=mapping,
            salespulse=dict(salespulse or {}),
        )
        models: dict[str, Model] = {"salespulse": s, **portals, **({ORG: world.f} if on_org else {})}
        for name, model in models.items():
            world.running[name], world.recorded[name] = running(model)
        world.forget()
        return world

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
