"""HubSpot's webhooks (contract, section 11): arrays of events, signed, lost, repeated, reordered or forged by script.

Events are hints, one property a piece. A failed delivery is not tried again here: repetition is scripted instead.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from syncd.sandbox.hubspot.rows import Source
from syncd.sandbox.wire import Delivery

EVENTS_MOST = 100
APP_ID = 50780459


class HookSettings(BaseModel):
    """Where events go and how badly they travel; the last four are probabilities."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = ""
    secret: str = "sandbox-secret"  # noqa: S105  it signs nothing but the sandbox's events
    properties: tuple[str, ...] = (
        "email",
        "firstname",
        "lastname",
        "phone",
        "state",
        "product_interest",
        "lifecyclestage",
    )
    """Property changes that are subscribed to; the vendor has no wildcard."""
    lose: float = Field(default=0.0, ge=0, le=1)
    duplicate: float = Field(default=0.0, ge=0, le=1)
    reorder: float = Field(default=0.0, ge=0, le=1)
    """The events of one delivery are shuffled."""
    forge: float = Field(default=0.0, ge=0, le=1)
    """The signature is wrong."""


class Hooks:
    """Events on their way out. Nothing is kept while no URL is set."""

    def __init__(self, portal_id: int) -> None:
        self.settings = HookSettings()
        self._portal_id = portal_id
        self._random = random.Random(f"hooks {portal_id}")
        self._waiting: list[dict[str, Any]] = []
        self._serial = 4_101_286_121

    def put(self, kind: str, row_id: int, at: int, source: Source, **more: Any) -> None:
        """One event: ``kind`` is "contact.propertyChange" and the like, ``at`` milliseconds."""
        settings = self.settings
        prop = more.get("propertyName")
        if not settings.url or (prop is not None and prop not in settings.properties):
            return
        self._serial += 1
        subscription = 7_562_680 + (settings.properties.index(prop) if prop else sum(kind.encode()))
        event: dict[str, Any] = {
            "eventId": self._serial,
            "subscriptionId": subscription,
            "portalId": self._portal_id,
            "appId": APP_ID,
            "occurredAt": at,
            "subscriptionType": kind,
            "attemptNumber": 0,
            "objectId": row_id,
            **more,
            "changeSource": source.type,
        }
        if source.id is not None:
            event["sourceId"] = source.id
        self._waiting.append(event)

    def drain(self, now: int) -> list[Delivery]:
        """Take out everything that waits, as POSTs of at most a hundred events; ``now`` is in milliseconds."""
        chance = self._random.random
        events = [event for event in self._waiting if chance() >= self.settings.lose]
        self._waiting = []
        deliveries = []
        for start in range(0, len(events), EVENTS_MOST):
            chunk = events[start : start + EVENTS_MOST]
            if chance() < self.settings.reorder:
                self._random.shuffle(chunk)
            delivery = self._signed(orjson.dumps(chunk), now)
            deliveries += [delivery] * (2 if chance() < self.settings.duplicate else 1)
        return deliveries

    def _signed(self, body: bytes, now: int) -> Delivery:
        secret = self.settings.secret
        if self._random.random() < self.settings.forge:
            secret += "x"
        headers = {
            "content-type": "application/json",
            "X-HubSpot-Request-Timestamp": str(now),
            "X-HubSpot-Signature-v3": signature(secret, self.settings.url, body, str(now)),
        }
        return Delivery(url=self.settings.url, headers=headers, body=body)


def signature(secret: str, url: str, body: bytes, timestamp: str) -> str:
    """Signature v3 of a POST: base64 of HMAC-SHA256 over method, URI, body and timestamp."""
    text = b"POST" + url.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
