"""SalesPulse, HubSpot and a Salesforce org by the real command line: first sync, kill -9, bulk waves, requests."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from syncd.exits import Exit
from syncd.sandbox.wire import Request, Response
from syncd.store import database
from tests.system.site import Site
from tests.system.vendors import READS, Ticking

#: People in each of the three, and on each two, for the kills at random moments.
EACH, SHARED = int(os.environ.get("SYNCD_TEST_EACH", "300")), int(os.environ.get("SYNCD_TEST_SHARED", "180"))
REACH = 40 + EACH // 25  #: requests of a run, about
PAST_OVERLAP = 660  # seconds; the feed of an org reaches ten minutes back
WAVE = 10_001  #: one more than go out by Collections

Handle = Callable[[Request], Response]


def test_a_first_sync_of_three_brings_everybody_everywhere_once(trio: Site) -> None:
    people = trio.populate(200, 120)
    first = trio.cli("run", "--full", "--json")
    assert first.code == Exit.DONE, first.err
    second = trio.cli("run", "--full", "--json")
    assert second.code == Exit.DONE, second.err
    trio.assert_in_step(people)
    assert trio.held() == Counter()
    trio.assert_quiet()
    trio.assert_no_leak(first.said, second.said)


# ---- kill -9


def test_ten_kills_at_random_moments_leave_the_same_as_none(trio: Site) -> None:
    people = trio.populate(EACH, SHARED, seed=3)
    chance = random.Random(23)
    kills = attempts = 0
    while kills < 10:
        attempts += 1
        assert attempts < 40
        people += newcomers(trio, attempts)
        box: list[Any] = []
        hook = at_random(chance, box)
        for served in trio.served:
            served.hooks = [hook]
        box.append(trio.start("run", "--full"))
        ended = box[0].end()
        trio.assert_no_leak(ended.said)
        assert ended.code in {-9, Exit.DONE}, ended.err
        kills += ended.code == -9
    trio.mend()
    last = trio.cli("run", "--full")
    assert last.code == Exit.DONE, last.err
    trio.run()
    trio.assert_in_step(people)
    assert trio.held() == Counter()
    trio.assert_quiet()


def newcomers(trio: Site, attempt: int) -> int:
    """Somebody new in each, so that there is always something to write; return how many."""
    assert trio.f is not None
    trio.s.add_contact({"first_name": "New", "last_name": "S", "email": f"s{attempt}@example.com"})
    trio.c.add_contact({"firstname": "New", "lastname": "C", "email": f"c{attempt}@example.com"})
    trio.f.add_contact({"FirstName": "New", "LastName": "F", "Email": f"f{attempt}@example.com"})
    return 3


def at_random(chance: random.Random, box: list[Any]) -> Callable[[Request, Handle], None]:
    """Kill what is in the box at the n-th request or the n-th write, or a moment later, between two requests."""
    only_writes = chance.random() < 0.6
    left = [chance.randint(1, 5) if only_writes else chance.randint(1, REACH)]
    pause = chance.choice((0.0, 0.0, 0.05, 0.2))

    def hook(request: Request, handle: Handle) -> None:
        if only_writes and READS.match(f"{request.method} {request.path}"):
            return
        left[0] -= 1
        if left[0] == 0 and box:
            threading.Timer(pause, box[0].kill).start()

    return hook


def killed_run(site: Site, match: Callable[[Request], bool], *, applied: bool) -> str:
    """`run --full`, killed when a request to the org matches: before its work is done, or after it and before its
    answer. Say which one it was.
    """
    box: list[Any] = []
    struck: list[str] = []
    started = threading.Event()

    def hook(request: Request, handle: Handle) -> Response | None:
        if struck or not match(request):
            return None
        struck.append(f"{request.method} {request.path}")
        answer = handle(request) if applied else Response(status=503)
        started.wait(10)
        box[0].kill()
        box[0].gone()  # the answer goes nowhere: nobody is left to read it
        return answer

    site.served[2].hooks.append(hook)
    box.append(site.start("run", "--full"))
    started.set()
    ended = box[0].end()
    site.mend()
    assert ended.code == -9, ended.err
    assert len(struck) == 1
    return struck[0]


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_kill_between_a_batch_for_the_org_and_its_answer_doubles_nobody(
    trio: Site, method: str, applied: bool
) -> None:
    people = trio.populate(60, 36, seed=5)
    killed_run(
        trio, lambda request: request.method == method and request.path.endswith("/composite/sobjects"), applied=applied
    )
    again = trio.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    trio.run()
    trio.assert_in_step(people)
    assert trio.held() == Counter()
    trio.assert_quiet()


def test_a_create_without_an_id_field_whose_run_was_killed_is_found_by_its_keys(make_site: Any) -> None:
    trio: Site = make_site(org={"has_external_id": False})
    for settings in (trio.salespulse, trio.settings, trio.org_settings):
        settings["timeout"] = "1s"
    people = trio.populate(40, 24, seed=9)
    killed_run(
        trio, lambda request: request.method == "POST" and request.path.endswith("/composite/sobjects"), applied=True
    )
    again = trio.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    trio.run()
    trio.assert_in_step(people)


# ---- waves


def crowd(site: Site, count: int) -> None:
    """So many people in SalesPulse, of whom nothing is known but a name and an address."""
    site.s.populate(
        [
            {"first_name": f"P{number}", "last_name": "Q", "email": f"p{number}@example.com", "stage": "New Lead"}
            for number in range(count)
        ]
    )


@pytest.fixture
def wave(make_site: Any) -> Site:
    """SalesPulse with more people than go out by Collections, and an empty org; no portal takes part."""
    made: Site = make_site(org={})
    made.connection = {"enabled": False}
    made.salespulse = {"timeout": "1s"}
    made.org = {"contacts": {"create": "crm"}}
    made.org_settings = {"timeout": "1s"}
    crowd(made, WAVE)
    return made


def assert_everybody_once(site: Site) -> None:
    assert site.f is not None
    contacts = site.f.records()
    assert len(contacts) == WAVE
    assert len({one["Email"] for one in contacts}) == len({one["SalesPulse_Id__c"] for one in contacts}) == WAVE
    pairs = [(row.salespulse_id, row.crm_id) for row in site.links("contacts")]
    assert {(one["SalesPulse_Id__c"], one["id"]) for one in contacts} == set(pairs)
    assert len(pairs) == WAVE
    assert site.held() == Counter()


def asks(path: str, body: bytes) -> Callable[[Request], bool]:
    return lambda request: bool(re.search(path, request.path)) and body in request.body


def jobs_of(site: Site) -> int:
    """Bulk jobs that were made."""
    return sum(one.method == "POST" and one.path.endswith("/jobs/ingest") for one in site.served[2].writes)


def test_a_wave_of_creates_goes_by_bulk_jobs(wave: Site) -> None:
    ended = wave.cli("run", "--full", "--json")
    assert ended.code == Exit.DONE, ended.err
    assert ended.json["connections"]["contacts"]["created"]["crm"] == WAVE
    assert jobs_of(wave) >= 1
    assert_everybody_once(wave)
    creates = [
        one for one in wave.served[2].writes if one.method == "POST" and one.path.endswith("/composite/sobjects")
    ]
    assert len(creates) <= 1, "what is left over after the wave"
    wave.forget_writes()
    again = wave.cli("run", "--full")
    assert (again.code, wave.writes) == (Exit.DONE, [])


@pytest.mark.timeout(300)  # ten thousand people, five times
def test_runs_that_are_killed_within_bulk_jobs_double_nobody(wave: Site) -> None:
    """Before the job is started, when it was started, and while what became of it is looked up."""
    for path, body in (("/batches$", b""), ("/jobs/ingest/[^/]+$", b"UploadComplete"), ("/jobs/ingest/.+", b"")):
        killed_run(wave, asks(path, body), applied=True)
    again = wave.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    assert_everybody_once(wave)
    wave.forget_writes()
    last = wave.cli("run", "--full")
    assert (last.code, wave.writes) == (Exit.DONE, []), last.err


def test_the_lost_answer_to_the_start_of_a_bulk_job_doubles_nobody(wave: Site) -> None:
    wave.served[2].fault("drop_after", method="PATCH", path="/jobs/ingest/[^/]+$")
    ended = wave.cli("run", "--full")
    assert wave.served[2].struck() == 1
    wave.mend()
    if ended.code != Exit.DONE:
        ended = wave.cli("run", "--full")
    assert ended.code == Exit.DONE, ended.err
    assert_everybody_once(wave)


# ---- what a run costs


def test_a_quiet_run_after_the_overlap_costs_two_requests_to_each_crm_and_none_to_salespulse(
    make_site: Any,
) -> None:
    clock = Ticking()
    trio: Site = make_site(clock=clock, org={})
    trio.salespulse = {"sweep_every": "6h"}
    trio.populate(60, 36)
    trio.run()
    trio.run()
    clock.advance(PAST_OVERLAP)
    trio.run(full=False)
    clock.advance(PAST_OVERLAP)
    for served in trio.served:
        served.stats.requests.clear()
    ended = trio.run(full=False)
    assert ended.code == Exit.DONE, ended.err
    left, right, third = (Counter(served.stats.requests) for served in trio.served)
    assert left == Counter()
    assert right.total() <= 2, right
    tokens = third.pop("POST /oauth2/token", 0)
    assert tokens <= 1
    assert third.total() <= 2, third


# ---- a state of an earlier version


def test_a_state_of_the_first_schema_opens_and_goes_on(make_site: Any) -> None:
    site: Site = make_site()
    people = site.populate(30, 18)
    assert site.cli("run", "--full").code == Exit.DONE
    as_of_the_first_schema(site)
    ended = site.cli("status")
    assert ended.code == Exit.DONE, ended.err
    ended = site.cli("run", "--full")
    assert ended.code == Exit.DONE, ended.err
    site.assert_in_step(people)
    site.assert_quiet()
    with sqlite3.connect(site.state) as state:
        assert state.execute("SELECT version_num FROM alembic_version").fetchone() == (database.SCHEMA,)


def as_of_the_first_schema(site: Site) -> None:
    """The same rows in a file that the first migration alone has made."""
    former, now = site.folder / "former.db", site.state
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{former}")
    with engine.begin() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(former) as state:
        state.execute("ATTACH ? AS later", (str(now),))
        for (table,) in state.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            names = ", ".join(f'"{row[1]}"' for row in state.execute(f"PRAGMA main.table_info({table})"))
            if table != "alembic_version":
                state.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM later.{table}")
    for path in site.folder.glob("state.db*"):
        path.unlink()
    former.rename(now)
