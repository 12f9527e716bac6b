"""kill -9 at any moment: the next start goes on, nobody is doubled, nothing is left uncertain."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from connectors.hubspot.transport import CONTACTS
from syncd.exits import Exit
from syncd.sandbox.salespulse import Dialect
from syncd.sandbox.salespulse.dialect import Order
from syncd.sandbox.wire import Request, Response
from syncd.store import tables

#: People on each side, and on both, for the kills at random moments.
EACH, SHARED = int(os.environ.get("SYNCD_TEST_EACH", "150")), int(os.environ.get("SYNCD_TEST_SHARED", "90"))
REACH = 14 + EACH // 40  #: requests of a run, about

Handle = Callable[[Request], Response]


def kill_at(site: Any, process_of: Callable[[], Any], match: Callable[[Request], bool], *, applied: bool) -> list[str]:
    """Kill the running command when a request matches: before its work is done, or after it and before its answer.

    Return a list that tells what was struck.
    """
    struck: list[str] = []

    def hook(request: Request, handle: Handle) -> Response | None:
        if struck or not match(request):
            return None
        struck.append(f"{request.method} {request.path}")
        answer = handle(request) if applied else Response(status=503)
        process = process_of()
        process.kill()
        process.gone()  # the answer goes nowhere: nobody is left to read it
        return answer

    site.left.hooks.append(hook)
    site.right.hooks.append(hook)
    return struck


def killed_run(site: Any, match: Callable[[Request], bool], *, applied: bool) -> str:
    """`run --full`, killed when a request matches; say which one it was."""
    box: list[Any] = []
    started = threading.Event()

    def process() -> Any:
        started.wait(10)
        return box[0]

    struck = kill_at(site, process, match, applied=applied)
    box.append(site.start("run", "--full"))
    started.set()
    ended = box[0].end()
    site.left.hooks.clear()
    site.right.hooks.clear()
    assert ended.code == -9, ended.err
    assert len(struck) == 1
    return struck[0]


def is_write(path: str, method: str = "POST") -> Callable[[Request], bool]:
    return lambda request: request.method == method and request.path.endswith(path)


def test_a_first_sync_links_everybody_once_and_the_second_writes_nothing(site: Any) -> None:
    people = site.populate(400, 240)
    first = site.cli("run", "--full", "--json")
    assert first.code == Exit.DONE, first.err
    figures = first.json["connections"]["hubspot"]
    assert figures["linked"] == 240
    assert figures["created"] == {"salespulse": 160, "crm": 160}
    site.assert_in_step(people)
    site.forget_writes()
    second = site.cli("run", "--full", "--json")
    assert second.code == Exit.DONE, second.err
    assert site.writes == []
    site.assert_no_leak(first.said, second.said)


def test_ten_kills_at_random_moments_leave_the_same_as_none(site: Any) -> None:
    people = site.populate(EACH, SHARED, seed=3)
    chance = random.Random(11)
    kills = attempts = 0
    while kills < 10:
        attempts += 1
        assert attempts < 30
        for side in ("left", "right"):  # so that there is always something to write
            site.s.add_contact({"first_name": "New", "email": f"{side}{attempts}@example.com"})
            site.c.add_contact({"firstname": "New", "email": f"{side}{attempts}.c@example.com"})
            people += 2
        box: list[Any] = []
        hook = at_random(chance, box)
        site.left.hooks, site.right.hooks = [hook], [hook]
        box.append(site.start("run", "--full"))
        ended = box[0].end()
        site.assert_no_leak(ended.said)
        assert ended.code in {-9, Exit.DONE}, ended.err
        kills += ended.code == -9
    site.mend()
    last = site.cli("run", "--full")
    assert last.code == Exit.DONE, last.err
    site.assert_in_step(people)
    assert site.held() == Counter()
    site.assert_quiet()


def at_random(chance: random.Random, box: list[Any]) -> Callable[[Request, Handle], None]:
    """Kill what is in the box at the n-th request or the n-th write, or a moment later, between two requests."""
    only_writes = chance.random() < 0.6
    left = [chance.randint(1, 3) if only_writes else chance.randint(1, REACH)]
    pause = chance.choice((0.0, 0.0, 0.05, 0.2))

    def hook(request: Request, handle: Handle) -> None:
        if only_writes and (request.method == "GET" or request.path.endswith(("/search", "/batch/read"))):
            return
        left[0] -= 1
        if left[0] == 0 and box:
            threading.Timer(pause, box[0].kill).start()

    return hook


@pytest.mark.parametrize(
    ("path", "applied"),
    [
        ("/contacts/bulk", True),
        ("/contacts/bulk", False),
        ("/batch/upsert", True),
        ("/batch/upsert", False),
        ("/batch/update", True),
    ],
)
def test_a_kill_between_a_write_and_its_answer_doubles_nobody(site: Any, path: str, applied: bool) -> None:
    people = site.populate(60, 30, seed=5)
    killed_run(site, is_write(path), applied=applied)
    again = site.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    site.assert_in_step(people)
    assert site.held() == Counter()
    site.assert_quiet()


def test_a_kill_before_the_stages_of_a_bulk_create_are_moved_doubles_nobody(make_site: Any) -> None:
    """The contacts exist, in their first stage: not what was sent, and yet the ones that were sent."""
    site = make_site(dialect=Dialect(stage_on_create=False))
    site.salespulse, site.settings = {"timeout": "1s"}, {"timeout": "1s"}
    people = site.populate(40, 20, seed=6)
    killed_run(site, is_write("/stage", "PATCH"), applied=True)
    again = site.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    site.assert_in_step(people)
    site.assert_quiet()


def test_a_create_without_id_property_whose_run_was_killed_is_found_by_its_keys(site: Any) -> None:
    site.settings["id_property"] = ""
    people = site.populate(40, 20, seed=7)
    killed_run(site, is_write("/batch/create"), applied=True)
    again = site.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    site.assert_in_step(people)
    site.assert_quiet()


# ---- listings


def pages_asked(asked: list[Request]) -> Counter[str]:
    return Counter(request.get("page") or request.get("after") or "1" for request in asked)


def assert_read_once(asked: list[Request]) -> None:
    """But for the page under way, and the one before it, which may not have been stored yet."""
    twice = [page for page, count in pages_asked(asked).items() if count > 1]
    assert len(twice) <= 2, twice


def watch(asked: list[Request], path: str) -> Callable[[Request, Handle], None]:
    def hook(request: Request, handle: Handle) -> None:
        if request.method == "GET" and request.path.endswith(path):
            asked.append(request)

    return hook


def test_a_listing_of_salespulse_that_was_killed_goes_on_from_its_cursor(site: Any) -> None:
    site.populate(100, 100, seed=8)
    site.salespulse["page_size"] = 10
    asked: list[Request] = []
    site.left.hooks.append(watch(asked, "/contacts"))
    killed_run(site, lambda request: request.path.endswith("/contacts") and request.get("page") == "6", applied=True)
    site.left.hooks.append(watch(asked, "/contacts"))
    again = site.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    assert "goes on with the listing" in again.err
    assert_read_once(asked)
    assert len(pages_asked(asked)) >= 10
    site.assert_in_step(100)


def test_a_listing_of_hubspot_that_was_killed_goes_on_from_its_cursor(site: Any) -> None:
    site.populate(600, 600, seed=9)
    asked: list[Request] = []
    site.right.hooks.append(watch(asked, CONTACTS))
    killed_run(
        site,
        lambda request: request.method == "GET" and request.path == CONTACTS and len(asked) == 4,
        applied=True,
    )
    site.right.hooks.append(watch(asked, CONTACTS))
    again = site.cli("run", "--full")
    assert again.code == Exit.DONE, again.err
    assert_read_once(asked)
    assert len(pages_asked(asked)) >= 6
    site.assert_in_step(600)


def drifting(site: Any, order: Order, gone: list[str]) -> Callable[[Request, Handle], None]:
    """Between two pages of the first listing people delete contacts of pages that were read, and add others."""
    listed = [row["id"] for row in site.s.records()]
    if order is Order.NEWEST_FIRST:
        listed.reverse()
    pages: set[str] = set()

    def hook(request: Request, handle: Handle) -> None:
        page = request.get("page")
        if not request.path.endswith("/contacts") or page not in {"3", "5"} - pages:
            return
        pages.add(page)
        for victim in listed[2 * len(gone) : 2 * len(gone) + 2]:
            site.s.delete_contact(victim)
            gone.append(victim)
        site.s.add_contact({"first_name": f"New{page}", "email": f"new{page}@example.com"})

    return hook


@pytest.mark.parametrize("order", list(Order))
def test_people_added_and_deleted_between_two_pages_cost_nobody_else(make_site: Any, order: Order) -> None:
    site = make_site(dialect=Dialect(order=order))
    site.salespulse["page_size"] = 10
    site.connection["deletes"] = "archive"
    people = site.populate(100, 100, seed=10)
    assert site.run().code == Exit.DONE
    site.assert_in_step(people)
    gone: list[str] = []
    site.left.hooks.append(drifting(site, order, gone))
    ended = site.run()
    site.mend()
    assert len(gone) == 4
    assert ended.code == Exit.DONE, ended.err
    site.run()
    site.assert_in_step(people - len(gone) + 2)
    observed = {row.id for row in site.rows(tables.observed) if row.source == "salespulse" and row.gone}
    assert observed == set(gone)


@pytest.mark.parametrize("order", list(Order))
def test_who_is_skipped_by_the_first_listing_is_not_created_a_second_time(make_site: Any, order: Order) -> None:
    """Nobody was observed before, so nobody is missed: what is not seen has to be asked for before it is created."""
    site = make_site(dialect=Dialect(order=order))
    site.salespulse["page_size"] = 10
    people = site.populate(100, 100, seed=10)
    gone: list[str] = []
    site.left.hooks.append(drifting(site, order, gone))
    ended = site.run()
    site.mend()
    assert len(gone) == 4
    assert ended.code == Exit.DONE, ended.err
    site.run()
    left, right = site.s.records(), site.c.records()
    for rows in (left, right):
        addresses = Counter(row["email"].casefold() for row in rows if row.get("email"))
        assert addresses.most_common(1)[0][1] == 1
    # Who was seen before the deletion is severed now, who was not comes back from the other side.
    assert len(right) == people + 2
    assert {row.salespulse_id for row in site.links()} == {row["id"] for row in left}
