"""Answers that are lost, late, cut, wrong or refused: no duplicate, no lost edit, in step by the next run."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from syncd.clock import Interrupted
from syncd.exits import Exit
from syncd.sandbox.salespulse.model import BASE
from syncd.sandbox.wire import Dropped, Request, Response, json_response
from syncd.store import database

Handle = Callable[[Request], Response]

#: Every kind of write: side, method, end of the path.
WRITES = (
    ("left", "POST", "/contacts/bulk$"),
    ("left", "POST", "/contacts$"),
    ("left", "PATCH", "/contacts/[^/]+$"),
    ("left", "DELETE", "/contacts/[^/]+$"),
    ("right", "POST", "/batch/upsert$"),
    ("right", "POST", "/batch/update$"),
)
#: Every kind of read.
READS = (
    ("left", "GET", "/contacts$"),
    ("left", "GET", "/contacts/[^/]+$"),
    ("left", "GET", "/pipeline/stages$"),
    ("right", "GET", "/contacts$"),
    ("right", "POST", "/batch/read$"),
    ("right", "POST", "/search$"),
    ("right", "GET", "/details$"),
)
TROUBLE: dict[str, dict[str, Any]] = {
    "the connection breaks before the work": {"action": "drop_before"},
    "the connection breaks after the work": {"action": "drop_after"},
    "half of the answer": {"action": "half_body"},
    "a 500 before the work": {"action": "status", "status": 500},
    "a 502 after the work": {"action": "status_after", "status": 502},
    "a 503 after the work": {"action": "status_after", "status": 503, "body": {"message": "busy"}},
    "a 503 that says when to come back": {"action": "status", "status": 503, "headers": {"retry-after": "7"}},
    "a page of HTML with a 200": {"action": "html", "status": 200},
    "a page of HTML with a 502": {"action": "html", "status": 502},
    "a 429": {"action": "status", "status": 429},
    "a 429 with Retry-After": {"action": "status", "status": 429, "headers": {"retry-after": "30"}},
}


def in_step(site: Any, each: int, shared: int, seed: int = 1) -> int:
    people: int = site.populate(each, shared, seed)
    ended = site.run()
    assert ended.code == Exit.DONE, ended.err
    site.assert_in_step(people)
    return people


def busy_day(site: Any, *, new: int = 5) -> int:
    """People edit, add and delete on both sides; return by how many there are more in the end."""
    links = sorted(site.links(), key=lambda link: link.id)
    for number, link in enumerate(links[:3]):
        site.s.edit_contact(link.salespulse_id, {"last_name": f"Edited{number}", "stage": "Sold"})
    for number, link in enumerate(links[3:6]):
        site.c.edit(link.crm_id, {"firstname": f"Typed{number}", "lifecyclestage": "customer"})
    for number in range(new):
        mail = {"email": f"left{number}@example.com"}
        site.s.add_contact({"first_name": f"Left{number}", "stage": "Quoted", **mail})
        site.c.add_contact({"firstname": f"Right{number}", "email": f"right{number}@example.com"})
    site.c.archive(links[6].crm_id)
    return 2 * new - 1


def assert_edited(site: Any) -> None:
    """Every edit of the busy day is on both sides."""
    last = {row.get("lastname") for row in site.c.records()}
    first = {row.get("first_name") for row in site.s.records()}
    assert {"Edited0", "Edited1", "Edited2"} <= last
    assert {"Typed0", "Typed1", "Typed2"} <= first


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("new", [5, 1], ids=["bulk", "single"])
def test_writes_that_meet(quick: Any, trouble: str, new: int) -> None:
    quick.connection["deletes"] = "delete"
    people = in_step(quick, 12, 12)
    more = busy_day(quick, new=new)
    for side, method, path in WRITES:
        getattr(quick, side).fault(method=method, path=path, **TROUBLE[trouble])
    first = quick.run()
    assert quick.left.struck() == 3
    assert quick.right.struck() == 2
    quick.mend()
    second = quick.run()
    assert second.code == Exit.DONE, (first.err, second.err)
    quick.assert_in_step(people + more)
    assert_edited(quick)
    assert quick.held() == Counter()
    quick.assert_quiet()
    quick.assert_no_leak(first.said, second.said)


@pytest.mark.parametrize("trouble", TROUBLE)
def test_reads_that_meet(quick: Any, trouble: str) -> None:
    quick.connection["deletes"] = "delete"
    people = in_step(quick, 12, 12)
    more = busy_day(quick)
    for side, method, path in READS:
        getattr(quick, side).fault(method=method, path=path, **TROUBLE[trouble])
    quick.clock.advance(120)
    first = quick.run(full=False)
    assert quick.left.struck() >= 1
    assert quick.right.struck() >= 1
    second = quick.run()
    assert second.code == Exit.DONE, (first.err, second.err)
    quick.assert_in_step(people + more)
    assert_edited(quick)
    quick.assert_quiet()


@pytest.mark.parametrize("chance", [0.1, 0.3])
def test_a_network_that_loses_every_third_answer_doubles_nobody(quick: Any, chance: float) -> None:
    people = quick.populate(60, 30)
    for served in (quick.left, quick.right):
        served.fault("drop_after", chance=chance, times=None)
    for _ in range(4):
        ended = quick.run()
        assert ended.code in {Exit.DONE, Exit.REMOTE}, ended.err
    quick.mend()
    assert quick.run().code == Exit.DONE
    quick.assert_in_step(people)
    assert quick.held() == Counter()
    quick.assert_quiet()


@pytest.mark.parametrize("headers", [{}, {"retry-after": "20"}], ids=["silent", "with Retry-After"])
@pytest.mark.parametrize(("side", "name"), [("left", "salespulse"), ("right", "hubspot")])
def test_a_whole_minute_of_refusals_is_waited_out(quick: Any, headers: dict[str, str], side: str, name: str) -> None:
    quick.connection["deletes"] = "delete"
    people = in_step(quick, 12, 12)
    more = busy_day(quick)
    until = quick.clock.monotonic() + 60

    def refuse(request: Request, handle: Handle) -> Response | None:
        if quick.clock.monotonic() >= until:
            return None
        return json_response(429, {"error": {"message": "Rate limit exceeded"}}, headers)

    getattr(quick, side).hooks.append(refuse)
    ended = quick.run()
    assert ended.code == Exit.DONE, ended.err
    assert 1 <= ended.json["requests"][name]["refused"] <= 12
    quick.mend()
    quick.run()
    quick.assert_in_step(people + more)


def test_writes_that_are_carried_out_only_after_the_time_out_double_nobody(site: Any) -> None:
    people = in_step(site, 12, 12)
    links = site.links()
    site.s.edit_contact(links[0].salespulse_id, {"last_name": "Edited"})
    site.c.edit(links[1].crm_id, {"firstname": "Typed"})
    for number in range(3):
        site.s.add_contact({"first_name": f"Left{number}", "email": f"left{number}@example.com"})
        site.c.add_contact({"firstname": f"Right{number}", "email": f"right{number}@example.com"})
    site.left.later(1.6, method="POST", path="/contacts/bulk$")
    site.left.later(1.2, method="PATCH", path="/contacts/[^/]+$")
    site.right.later(1.6, method="POST", path="/batch/upsert$")
    site.right.later(1.2, method="POST", path="/batch/update$")
    site.forget_writes()
    ended = site.inline("run", "--full")
    assert ended.code == Exit.DONE, ended.err
    assert sum("bulk" in one for one in site.writes) == 1
    site.assert_in_step(people + 6)
    assert site.held() == Counter()


@dataclass
class Late:
    """A create that reaches the server, and is carried out only so many seconds later, just before the next request."""

    site: Any
    path: str
    seconds: float
    on_arrival: Callable[[], None] = lambda: None
    request: Request | None = None
    due: float = 0.0
    done: bool = False

    def __call__(self, request: Request, handle: Handle) -> Response | None:
        if self.request is None and request.method == "POST" and re.search(self.path, request.path):
            self.request, self.due = request, self.site.clock.monotonic() + self.seconds
            self.on_arrival()
            raise Dropped
        if self.request is not None and not self.done and self.site.clock.monotonic() >= self.due:
            self.done = True
            handle(self.request)
        return None


LATE = [
    pytest.param("left", "/contacts/bulk$", 5, "salespulse_id", id="SalesPulse bulk"),
    pytest.param("left", "/contacts$", 1, "salespulse_id", id="SalesPulse single"),
    pytest.param("right", "/batch/create$", 5, "", id="HubSpot without id property"),
]


@pytest.mark.parametrize(("side", "path", "count", "id_property"), LATE)
def test_a_create_that_is_carried_out_within_two_time_outs_of_its_lost_answer_is_found(
    quick: Any, side: str, path: str, count: int, id_property: str
) -> None:
    quick.settings["id_property"] = id_property
    for number in range(count):
        person = {"email": f"late{number}@example.com"}
        quick.c.add_contact(person) if side == "left" else quick.s.add_contact(person)
    late = Late(quick, path, seconds=45)  # two time-outs are 60 seconds
    getattr(quick, side).hooks.append(late)
    ended = quick.run()
    assert late.done
    assert ended.code == Exit.DONE, ended.err
    quick.run()
    assert (len(quick.s.records()), len(quick.c.records())) == (count, count)
    assert len(quick.links()) == count
    assert quick.held() == Counter()
    quick.assert_quiet()


@pytest.mark.parametrize("waited", [0, 3600])
@pytest.mark.parametrize(("side", "path", "count", "id_property"), LATE)
def test_a_power_cut_while_a_create_is_on_its_way_doubles_nobody(
    quick: Any, side: str, path: str, count: int, id_property: str, waited: int
) -> None:
    """The next start has what was on the disk when the request arrived; the server carries it out long after that.

    ``waited``: for so many seconds the request, journalled as sent, had waited for its budget.
    """
    quick.settings["id_property"] = id_property
    for number in range(count):
        person = {"email": f"late{number}@example.com"}
        quick.c.add_contact(person) if side == "left" else quick.s.add_contact(person)
    disk = quick.folder / "as-it-was.db"

    def cut() -> None:
        database.copy(quick.state, disk)
        quick.clock.end.set()

    late = Late(quick, path, seconds=45, on_arrival=cut)
    getattr(quick, side).hooks.append(late)
    with pytest.raises(Interrupted):
        quick.run()
    quick.clock.end.clear()
    for file in quick.folder.glob("state.db-*"):
        file.unlink()
    disk.replace(quick.state)
    with closing(sqlite3.connect(quick.state)) as state, state:
        state.execute("UPDATE intents SET sent_at = sent_at - ? WHERE state = 'sent'", (waited * 1000,))
    ended = quick.run()
    assert late.done
    assert ended.code == Exit.DONE, ended.err
    quick.run()
    assert (len(quick.s.records()), len(quick.c.records())) == (count, count)
    assert len(quick.links()) == count
    assert quick.held() == Counter()
    quick.assert_quiet()


def test_of_a_lost_bulk_answer_those_that_are_there_twice_are_uncertain_until_a_person_decides(quick: Any) -> None:
    """Case 59, small: 28 of 30 are found once and adopted, 2 are found twice."""
    for number in range(30):
        quick.c.add_contact({"firstname": f"Right{number}", "email": f"right{number}@example.com"})
    twins: list[str] = []

    def lose(request: Request, handle: Handle) -> Response | None:
        if twins or not request.path.endswith("/contacts/bulk"):
            return None
        handle(request)
        twins.extend(
            quick.s.add_contact({"first_name": f"Right{number}", "email": f"right{number}@example.com"})
            for number in (4, 17)
        )
        raise Dropped

    quick.left.hooks.append(lose)
    first = quick.run()
    assert first.code == Exit.PERSON, first.err
    assert len(twins) == 2
    assert len(quick.links()) == 28
    assert quick.held()["uncertain"] == 2
    for full in (False, True):
        quick.clock.advance(120)
        quick.run(full=full)
        assert len(quick.s.records()) == 32
        assert len(quick.links()) == 28
        assert quick.held()["uncertain"] == 2
    for twin in twins:
        quick.s.delete_contact(twin)
    last = quick.run()
    assert last.code == Exit.DONE, last.err
    quick.assert_in_step(30)
    assert quick.held() == Counter()
    quick.assert_quiet()


def test_without_an_id_property_a_create_whose_answer_was_lost_is_found_by_its_keys(quick: Any) -> None:
    quick.settings["id_property"] = ""
    people = quick.populate(20, 10)
    quick.right.fault("drop_after", method="POST", path="/batch/create$")
    first = quick.run()
    assert quick.right.struck() == 1
    assert first.code == Exit.DONE, first.err
    quick.assert_in_step(people)
    assert quick.held() == Counter()
    quick.assert_quiet()


# ---- one side that cannot be used


@pytest.mark.parametrize(("side", "status"), [("left", 401), ("left", 403), ("right", 401), ("right", 403)])
def test_refused_credentials_end_with_4_and_say_which_to_replace(quick: Any, side: str, status: int) -> None:
    in_step(quick, 6, 6)
    getattr(quick, side).fault("status", status=status, body={"message": "no"}, times=None)
    ended = quick.run()
    assert ended.code == Exit.REMOTE
    assert str(status) in ended.err or "scope" in ended.err
    assert re.search(r"api_key|access_token|scope", ended.err), ended.err
    assert ended.json["connections"]["hubspot"]["stopped"]
    quick.assert_no_leak(ended.said)
    quick.mend()
    assert quick.run().code == Exit.DONE
    quick.assert_in_step(6)


@pytest.mark.parametrize("side", ["salespulse", "settings"])
def test_a_side_that_cannot_be_reached_ends_with_4_within_a_minute(quick: Any, side: str) -> None:
    in_step(quick, 6, 6)
    getattr(quick, side)["base_url"] = "http://127.0.0.1:9" + (BASE if side == "salespulse" else "")
    before = quick.clock.monotonic()
    ended = quick.run()
    assert ended.code == Exit.REMOTE, ended.err
    assert quick.clock.monotonic() - before < 60
    assert "cannot be reached" in ended.err or "no connection" in ended.err


def test_a_side_that_fails_in_the_middle_of_writing_loses_nothing(quick: Any) -> None:
    people = quick.populate(30, 10)
    quick.right.fault("status", status=503, method="POST", path="/batch/(upsert|update)$", times=None)
    first = quick.run()
    assert first.code == Exit.REMOTE, first.err
    assert "no answer" in first.json["connections"]["hubspot"]["stopped"]
    quick.mend()
    second = quick.run()
    assert second.code == Exit.DONE, second.err
    quick.assert_in_step(people)
    assert quick.held() == Counter()
    quick.assert_quiet()


def test_a_first_sync_that_was_never_made_ends_run_once_with_5_and_sends_no_write(quick: Any) -> None:
    quick.populate(6, 3)
    ended = quick.run(full=False)
    assert ended.code == Exit.BRAKE
    assert "syncd run --full" in ended.err
    assert ended.json["connections"]["hubspot"]["first_sync_missing"] is True
    assert quick.writes == []
