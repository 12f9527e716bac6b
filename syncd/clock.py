"""Time as an argument: everything that waits or stamps takes a Clock, so that a whole world can run on virtual time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Interrupted(BaseException):
    """A wait was cut short because syncd is ending. Not an Exception: nothing may swallow it."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""

    def sleep(self, seconds: float) -> None:
        """Wait. Raise Interrupted if syncd is told to end meanwhile."""


class SystemClock:
    """The machine's clock. ``end`` is set by a signal and wakes every sleeper."""

    def __init__(self, end: threading.Event | None = None) -> None:
        self.end = end or threading.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self.end.wait(max(0.0, seconds)):
            raise Interrupted
