"""SalesPulse's webhooks: an outbox of events with scriptable loss, repetition and reordering; none signed."""

from __future__ import annotations

import random
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from syncd.sandbox.wire import Delivery

EVENTS = (
    "contact.created",
    "contact.updated",
    "call.completed",
    "call.missed",
    "sms.received",
    "pipeline.stage_changed",
    "callpulse.call_received",
)
"""Every event of the vendor's page. There is none for deletes."""

HELD = 5.0
"""Sandbox seconds after which a held-back event goes out even if none overtook it."""


class HookSettings(BaseModel):
    """Where events go and how badly they travel; all three are probabilities."""

    model_config = ConfigDict(extra="forbid")

    urls: list[str] = Field(default_factory=list)
    events: list[str] = Field(default_factory=lambda: list(EVENTS))
    lose: float = Field(default=0.0, ge=0, le=1)
    duplicate: float = Field(default=0.0, ge=0, le=1)
    reorder: float = Field(default=0.0, ge=0, le=1)
    """Held back until another event has gone first."""


class Outbox:
    """Events on their way out."""

    def __init__(self, seed: int = 0) -> None:
        self.settings = HookSettings()
        self._random = random.Random(f"hooks {seed}")
        self._ready: list[Delivery] = []
        self._held: list[tuple[float, Delivery]] = []

    def put(self, event: str, timestamp: str, data: dict[str, Any], now: float) -> None:
        """Queue an event for every URL. ``now`` is the clock's monotonic time."""
        settings = self.settings
        if event not in EVENTS:
            raise ValueError(f"{event} is no event of SalesPulse")
        if event not in settings.events:
            return
        body = orjson.dumps({"event": event, "timestamp": timestamp, "data": data})
        for url in settings.urls:
            if self._random.random() < settings.lose:
                continue
            delivery = Delivery(url=url, headers={"content-type": "application/json"}, body=body)
            copies = 2 if self._random.random() < settings.duplicate else 1
            if self._random.random() < settings.reorder:
                self._held.extend([(now + HELD, delivery)] * copies)
                continue
            self._ready.extend([delivery] * copies)
            self._release(float("inf"))

    def drain(self, now: float) -> list[Delivery]:
        """Take out what is due."""
        self._release(now)
        due, self._ready = self._ready, []
        return due

    def _release(self, until: float) -> None:
        self._ready.extend(delivery for due, delivery in self._held if due <= until)
        self._held = [(due, delivery) for due, delivery in self._held if due > until]
