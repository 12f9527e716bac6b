"""Webhooks of the HubSpot model: events, signatures and what may go wrong with them (contract, section 11)."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import orjson
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS, Direct
from syncd.sandbox.hubspot.hooks import signature
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.shell import serve

URL = "http://127.0.0.1:9/webhooks/hubspot"


@pytest.fixture
def hubspot() -> HubSpot:
    model = HubSpot(ManualClock(), limit_scale=1000)
    model.set_hooks(url=URL)
    return model


def events(hubspot: HubSpot) -> list[dict[str, Any]]:
    return [event for delivery in hubspot.drain() for event in orjson.loads(delivery.body)]


def test_an_api_write_and_a_persons_edit_bear_their_source(hubspot: HubSpot) -> None:
    api = Direct(hubspot)
    row_id = api.post(CONTACTS, {"properties": {"email": "a@b.co"}}).json()["id"]
    api.patch(f"{CONTACTS}/{row_id}", {"properties": {"email": "x@b.co", "city": "not subscribed"}})
    hubspot.edit(row_id, {"firstname": "A"})
    created, written, typed = events(hubspot)
    assert (created["subscriptionType"], created["changeFlag"]) == ("contact.creation", "CREATED")
    assert written == {
        "eventId": written["eventId"],
        "subscriptionId": written["subscriptionId"],
        "portalId": 62515,
        "appId": 50780459,
        "occurredAt": 1772460000000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": int(row_id),
        "propertyName": "email",
        "propertyValue": "x@b.co",
        "changeSource": "INTEGRATION",
        "sourceId": "50780459",
    }
    assert (typed["changeSource"], typed["sourceId"]) == ("CRM_UI", "userId:9")
    assert len({created["eventId"], written["eventId"], typed["eventId"]}) == 3
    assert hubspot.drain() == []


def test_deletes_restores_and_merges_are_told(hubspot: HubSpot) -> None:
    one, two = (hubspot.add_contact({"email": f"{n}@b.co"}) for n in range(2))
    events(hubspot)
    hubspot.archive(one)
    hubspot.restore(one)
    new = hubspot.merge(one, two)
    hubspot.purge(new)
    told = events(hubspot)
    assert [event["subscriptionType"].split(".")[1] for event in told] == [
        "deletion",
        "restore",
        "merge",
        "privacyDeletion",
    ]
    assert (
        told[2].items()
        >= {
            "primaryObjectId": int(one),
            "mergedObjectIds": [int(two)],
            "newObjectId": int(new),
        }.items()
    )


def test_the_signature_is_the_vendors(hubspot: HubSpot) -> None:
    vector = signature("secret", "https://example.com/hook", b'[{"eventId":1}]', "1700000000000")
    assert vector == "G7Tuc4la8lPIPNeYZBYQJLZG1coYBhNfQe36ytqvNjI="
    hubspot.add_contact({"email": "a@b.co"})
    (delivery,) = hubspot.drain()
    stamp = delivery.headers["X-HubSpot-Request-Timestamp"]
    expected = signature("sandbox-secret", URL, delivery.body, stamp)
    assert (stamp, delivery.headers["X-HubSpot-Signature-v3"]) == ("1772460000000", expected)
    hubspot.set_hooks(forge=1.0)
    hubspot.add_contact({"email": "c@b.co"})
    (forged,) = hubspot.drain()
    assert forged.headers["X-HubSpot-Signature-v3"] != signature("sandbox-secret", URL, forged.body, stamp)


def test_events_get_lost_repeated_and_reordered(hubspot: HubSpot) -> None:
    hubspot.set_hooks(duplicate=1.0, reorder=1.0)
    for n in range(150):
        hubspot.add_contact({"firstname": str(n)})
    deliveries = hubspot.drain()
    assert [len(orjson.loads(one.body)) for one in deliveries] == [100, 100, 50, 50]
    assert deliveries[0].body == deliveries[1].body
    order = [event["objectId"] for event in orjson.loads(deliveries[0].body)]
    assert order != sorted(order)
    hubspot.set_hooks(lose=1.0)
    hubspot.add_contact({"firstname": "A"})
    assert hubspot.drain() == []


def test_nothing_is_kept_without_an_address() -> None:
    hubspot = HubSpot(ManualClock())
    hubspot.add_contact({"firstname": "A"})
    hubspot.set_hooks(url=URL)
    assert hubspot.drain() == []


def test_served_events_reach_a_receiver(hubspot: HubSpot) -> None:
    got: Queue[tuple[str | None, bytes]] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.put((self.headers["X-HubSpot-Signature-v3"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=receiver.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{receiver.server_port}/hook"
        with serve(hubspot) as running, httpx.Client(base_url=running.url, trust_env=False) as http:
            assert http.post("/_sandbox/hooks", json={"url": url}).json()["url"] == url
            assert http.post("/_sandbox/hooks", json={"lose": 2}).status_code == 400
            http.post("/_sandbox/add", json={"values": {"email": "a@b.co"}})
            signed, body = got.get(timeout=10)
        assert signed
        assert orjson.loads(body)[0]["subscriptionType"] == "contact.creation"
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()
