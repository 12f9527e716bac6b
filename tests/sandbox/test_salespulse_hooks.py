"""SalesPulse's webhooks, delivered over real HTTP to a receiver of our own; losses on a simulated line."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import orjson
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salespulse import DIALECTS, Dialect, SalesPulse
from syncd.sandbox.salespulse.dialect import HookData
from syncd.sandbox.salespulse.hooks import EVENTS, HookSettings
from syncd.sandbox.salespulse.model import BASE, KEY
from syncd.sandbox.shell import Running, serve

JANE = {"first_name": "Jane", "phone": "+13055551234"}
Arrived = "queue.Queue[dict[str, Any]]"


@pytest.fixture
def receiver() -> Iterator[tuple[str, Arrived]]:
    arrived: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.put(orjson.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hooks/secret", arrived
        server.shutdown()
        thread.join()


@pytest.fixture
def running(receiver: tuple[str, Arrived]) -> Iterator[Running]:
    model = SalesPulse(ManualClock())
    with serve(model) as running:
        httpx.post(f"{running.url}/_sandbox/webhooks", json={"urls": [receiver[0]]}, trust_env=False)
        yield running


def test_all_seven_events_arrive_in_the_shape_of_the_page(running: Running, receiver: tuple[str, Arrived]) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False) as client:
        one = client.post(f"{BASE}/contacts", json=JANE).json()["id"]
        client.patch(f"{BASE}/contacts/{one}", json={"state": "FL"})
        client.patch(f"{BASE}/contacts/{one}", json={"state": "FL"})  # changes nothing, tells nothing
        client.patch(f"{BASE}/contacts/{one}/stage", json={"stage_id": "stg_sold"})
        client.post("/_sandbox/call", json={"contact_id": one})
        client.post("/_sandbox/call", json={"contact_id": one, "event": "call.missed"})
        client.post("/_sandbox/call", json={"contact_id": one, "event": "callpulse.call_received"})
        client.post("/_sandbox/sms", json={"contact_id": one, "body": "Hello"})
        client.delete(f"{BASE}/contacts/{one}")  # there is no event for it
        client.post("/_sandbox/add", json={"values": {"first_name": "Last"}})
    got = [receiver[1].get(timeout=5) for _ in range(8)]
    assert [event["event"] for event in got] == [
        "contact.created",
        "contact.updated",
        "pipeline.stage_changed",
        "call.completed",
        "call.missed",
        "callpulse.call_received",
        "sms.received",
        "contact.created",
    ]
    assert {event["event"] for event in got} == set(EVENTS)
    for event in got:
        assert set(event) == {"event", "timestamp", "data"}
        assert event["timestamp"] == "2026-03-02T14:00:00Z"
    assert got[0]["data"]["id"] == one
    assert got[2]["data"] == {"contact_id": one, "from_stage_id": "stg_new", "to_stage_id": "stg_sold"}
    assert set(got[3]["data"]) == {
        "call_id",
        "contact_id",
        "direction",
        "duration_seconds",
        "recording_url",
        "disposition",
    }


def test_changes_made_by_direct_calls_are_delivered_too(running: Running, receiver: tuple[str, Arrived]) -> None:
    model = running.harness.vendor
    assert isinstance(model, SalesPulse)
    with running.harness.lock:
        one = model.add_contact(JANE)
    assert receiver[1].get(timeout=5)["data"]["id"] == one


def test_a_lost_answer_still_tells_its_webhook(running: Running, receiver: tuple[str, Arrived]) -> None:
    httpx.post(f"{running.url}/_sandbox/faults", json={"action": "drop_after"}, trust_env=False)
    with pytest.raises(httpx.TransportError):
        httpx.post(
            f"{running.url}{BASE}/contacts",
            json=JANE,
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
        )
    assert receiver[1].get(timeout=5)["event"] == "contact.created"


def events(model: SalesPulse) -> list[str]:
    return [orjson.loads(delivery.body)["data"]["first_name"] for delivery in model.drain()]


def make(count: int, **settings: Any) -> SalesPulse:
    model = SalesPulse(ManualClock(), seed=1)
    model.outbox.settings = HookSettings(urls=["http://127.0.0.1:1/"], **settings)
    for number in range(count):
        model.add_contact({"first_name": f"N{number:03}"})
    return model


def test_events_can_be_lost() -> None:
    assert events(make(20, lose=1)) == []
    assert 60 < len(events(make(200, lose=0.5))) < 140


def test_events_can_be_repeated() -> None:
    assert events(make(2, duplicate=1)) == ["N000", "N000", "N001", "N001"]


def test_events_can_overtake_each_other_and_none_is_lost_by_it() -> None:
    model = make(200, reorder=0.3)
    first = events(model)
    assert first != sorted(first)
    model.clock.advance(6)
    assert sorted(first + events(model)) == [f"N{n:03}" for n in range(200)]


def test_a_held_back_event_goes_out_alone_after_a_while() -> None:
    model = make(1, reorder=1)
    assert events(model) == []
    model.clock.advance(6)
    assert events(model) == ["N000"]


def test_only_the_chosen_events_are_sent_and_to_every_url() -> None:
    model = SalesPulse(ManualClock())
    model.outbox.settings = HookSettings(urls=["http://a/", "http://b/"], events=["contact.updated"])
    one = model.add_contact(JANE)
    model.edit_contact(one, {"first_name": "Joan"})
    assert [delivery.url for delivery in model.drain()] == ["http://a/", "http://b/"]


def test_changes_through_the_api_can_be_kept_quiet() -> None:
    model = SalesPulse(ManualClock(), hooks_on_api=False)
    model.outbox.settings = HookSettings(urls=["http://a/"])
    with serve(model) as running:
        httpx.post(
            f"{running.url}{BASE}/contacts",
            json=JANE,
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
        )
    assert len(model.book.contacts) == 1
    assert model.drain() == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [(HookData.CONTACT, {"id"}), (HookData.NESTED, {"contact"}), (HookData.ID_ONLY, {"contact_id"})],
)
def test_the_data_of_contact_events_depends_on_the_dialect(data: HookData, expected: set[str]) -> None:
    model = SalesPulse(ManualClock(), dialect=Dialect(hook_data=data))
    model.outbox.settings = HookSettings(urls=["http://a/"])
    model.add_contact(JANE)
    (delivery,) = model.drain()
    assert expected <= set(orjson.loads(delivery.body)["data"])
    assert {dialect.hook_data for dialect in DIALECTS.values()} == set(HookData)
