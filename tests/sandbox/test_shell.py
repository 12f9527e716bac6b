"""The shared shell, clock, limits and faults, over real HTTP with a vendor of one endpoint."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from syncd.clock import Interrupted
from syncd.sandbox.clock import ManualClock, WorldClock
from syncd.sandbox.faults import Rule
from syncd.sandbox.limits import WindowLimit
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import Request, Response, json_response


class Tally:
    """A vendor that counts what was done."""

    name = "tally"

    def __init__(self) -> None:
        self.clock: WorldClock = ManualClock()
        self.done: list[Request] = []

    def handle(self, request: Request) -> Response:
        if request.path == "/boom":
            raise RuntimeError("a bug of the model")
        if request.path == "/_sandbox/own":
            return json_response(200, {"own": True})
        self.done.append(request)
        return json_response(200, {"done": len(self.done), "long": "x" * 2_000 if request.get("long") else ""})

    def template(self, path: str) -> str:
        return "/things/:id" if path.startswith("/things/") else path

    def export(self) -> dict[str, Any]:
        return {}

    def load(self, data: dict[str, Any]) -> None:
        raise NotImplementedError


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def running(tally: Tally) -> Iterator[Running]:
    with serve(tally) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, trust_env=False, timeout=5) as client:
        yield client


def test_the_model_sees_the_whole_request(tally: Tally, client: httpx.Client) -> None:
    client.post("/things/a%40b?x=1&x=2&empty=", content=b"body", headers={"X-Own": "Yes"})
    (seen,) = tally.done
    assert (seen.method, seen.path, seen.body) == ("POST", "/things/a@b", b"body")
    assert seen.query == (("x", "1"), ("x", "2"), ("empty", ""))
    assert (seen.get("x"), seen.all("x"), seen.headers["x-own"]) == ("1", ("1", "2"), "Yes")


def test_the_date_is_the_sandbox_clocks_and_stands_once(tally: Tally, client: httpx.Client) -> None:
    tally.clock.advance(3_600)
    answer = client.get("/things")
    assert answer.headers.get_list("date") == [answer.headers["date"]]
    assert parsedate_to_datetime(answer.headers["date"]) == datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def test_long_answers_are_gzipped_only_when_asked(client: httpx.Client) -> None:
    plain = client.get("/things?long=1", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", "/things?long=1", headers={"accept-encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        raw = b"".join(packed.iter_raw())
    assert gzip.decompress(raw).startswith(b'{"done":2')
    assert "content-encoding" not in client.get("/things").headers


def test_a_connection_is_kept_alive(running: Running) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line, line.makefile("rb") as answer:
        for number in (1, 2):
            line.sendall(b"GET /things HTTP/1.1\r\nhost: x\r\n\r\n")
            head = iter(answer.readline, b"\r\n")
            length = next(int(h.split(b":")[1]) for h in list(head) if h.startswith(b"content-length"))
            assert f'"done":{number}'.encode() in answer.read(length)


def test_a_bug_of_the_model_is_seen(client: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    assert client.get("/boom").status_code == 500
    assert "a bug of the model" in capfd.readouterr().err


def test_a_taken_port_is_an_error_at_once(running: Running, tally: Tally) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(tally, port=int(running.url.rsplit(":", 1)[1]))


def test_stopping_frees_the_port_and_ends_the_threads(tally: Tally) -> None:
    before = set(threading.enumerate())
    with serve(tally) as running:
        httpx.get(running.url, trust_env=False)
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url, trust_env=False)


def test_requests_are_counted_by_template_and_status(client: httpx.Client) -> None:
    client.post("/_sandbox/faults", json={"action": "status", "status": 429, "path": "^/limited$"})
    for path in ("/things/1", "/things/2", "/limited"):
        client.get(path)
    stats = client.get("/_sandbox/stats").json()
    assert stats["requests"] == {"GET /limited": 1, "GET /things/:id": 2}
    assert (stats["total"], stats["refused_429"], stats["statuses"]) == (3, 1, {"200": 2, "429": 1})
    client.post("/_sandbox/stats/reset")
    assert client.get("/_sandbox/stats").json()["total"] == 0


def test_peaks_are_counted_in_sandbox_time(tally: Tally, client: httpx.Client) -> None:
    for step in (0, 0, 9, 2):
        tally.clock.advance(step)
        client.get("/things")
    stats = client.get("/_sandbox/stats").json()
    assert (stats["peak_10s"], stats["peak_60s"]) == (3, 4)


def test_the_clock_can_be_moved_ahead_but_not_back(tally: Tally, client: httpx.Client) -> None:
    assert client.post("/_sandbox/clock", json={"advance": 300}).json()["now"] == "2026-03-02T14:05:00+00:00"
    refused = client.post("/_sandbox/clock", json={"advance": -1})
    assert refused.status_code == 400
    assert "cannot go back" in refused.json()["error"]["message"]


def test_other_control_paths_go_to_the_model_and_are_not_counted(client: httpx.Client) -> None:
    assert client.get("/_sandbox/own").json() == {"own": True}
    assert client.get("/_sandbox/stats").json()["total"] == 0


@pytest.mark.parametrize(
    ("rule", "status", "done"),
    [
        ({"action": "status", "status": 502, "body": "bad gateway"}, 502, 0),
        ({"action": "status_after", "status": 504}, 504, 1),
        ({"action": "html", "status": 503}, 503, 0),
        ({"action": "delay", "seconds": 30}, 200, 1),
    ],
)
def test_a_fault_answers_as_scripted_once(
    tally: Tally, client: httpx.Client, rule: dict[str, Any], status: int, done: int
) -> None:
    client.post("/_sandbox/faults", json=rule).raise_for_status()
    assert client.get("/things").status_code == status
    assert len(tally.done) == done
    assert client.get("/things").status_code == 200


def test_a_scripted_status_has_its_headers_and_body(client: httpx.Client) -> None:
    fault = {"action": "status", "status": 429, "headers": {"Retry-After": "7"}, "body": {"why": "too many"}}
    client.post("/_sandbox/faults", json=fault)
    answer = client.get("/things")
    assert (answer.headers["retry-after"], answer.json()) == ("7", {"why": "too many"})


@pytest.mark.parametrize(("action", "done"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_gives_no_answer(tally: Tally, client: httpx.Client, action: str, done: int) -> None:
    client.post("/_sandbox/faults", json={"action": action})
    with pytest.raises(httpx.TransportError):
        client.post("/things")
    assert len(tally.done) == done
    assert client.get("/_sandbox/stats").json()["statuses"] == {"0": 1}
    assert client.post("/things").status_code == 200


def test_half_a_body_breaks_off_after_the_work_is_done(tally: Tally, client: httpx.Client) -> None:
    client.post("/_sandbox/faults", json={"action": "half_body"})
    with client.stream("GET", "/things?long=1") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert len(tally.done) == 1


def test_a_delay_is_waited_in_scaled_time() -> None:
    tally = Tally()
    tally.clock = WorldClock(scale=100)
    with serve(tally) as running:
        running.harness.faults.add([Rule.model_validate({"action": "delay", "seconds": 30})])
        began = time.monotonic()
        httpx.get(running.url, trust_env=False)
        assert 0.3 <= time.monotonic() - began < 3


def test_a_fault_strikes_only_what_it_matches_after_and_as_often_as_said(client: httpx.Client) -> None:
    rule = {"action": "status", "status": 500, "op": "GET /things/:id", "after": 1, "times": 2}
    client.post("/_sandbox/faults", json=[rule])
    assert [client.get(f"/things/{n}").status_code for n in range(4)] == [200, 500, 500, 200]
    assert client.post("/things/1").status_code == 200
    assert client.get("/_sandbox/faults").json()["faults"][0]["struck"] == 2


def test_faults_match_by_method_path_and_body_and_can_be_cleared(client: httpx.Client) -> None:
    rule = {"action": "status", "method": "PATCH|PUT", "path": "/b$", "body_has": "jane", "times": None}
    client.post("/_sandbox/faults", json=rule)
    assert client.put("/a/b", content="jane").status_code == 503
    assert client.put("/a/b", content="joe").status_code == 200
    assert client.put("/a/c", content="jane").status_code == 200
    assert client.post("/a/b", content="jane").status_code == 200
    client.delete("/_sandbox/faults")
    assert client.put("/a/b", content="jane").status_code == 200


@pytest.mark.parametrize(
    ("rule", "hint"), [({"action": "explode"}, "action"), ({"action": "html", "path": "("}, "path"), (7, "")]
)
def test_a_wrong_fault_is_refused_with_its_field(client: httpx.Client, rule: object, hint: str) -> None:
    answer = client.post("/_sandbox/faults", json=rule)
    assert answer.status_code == 400
    assert hint in answer.json()["error"]["message"]


def test_a_sliding_window_lets_through_its_count_in_any_window() -> None:
    clock = ManualClock()
    limit = WindowLimit(3, 10, clock)
    taken = []
    for step in (0, 4, 4, 1):
        clock.advance(step)
        taken.append(limit.take())
    assert [(t.allowed, t.remaining) for t in taken] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert taken[-1].reset == 1
    clock.advance(1)
    assert limit.take().allowed
    assert not limit.take().allowed
    assert limit.refused == 2


def test_the_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    start = clock.now()
    clock.sleep(60)
    clock.advance(30)
    assert (clock.now() - start).total_seconds() == clock.monotonic() == 90


def test_the_world_clock_runs_faster_by_its_scale_and_wakes_at_the_end() -> None:
    end = threading.Event()
    clock = WorldClock(scale=1_000, end=end)
    began = clock.monotonic()
    clock.sleep(10)
    assert 10 <= clock.monotonic() - began < 10_000
    end.set()
    with pytest.raises(Interrupted):
        clock.sleep(1e9)
