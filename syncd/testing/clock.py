"""Time that passes only when somebody sleeps. For tests and simulations; never for a running syncd."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from syncd.clock import Interrupted

#: Where virtual time starts unless told otherwise: a plain Monday noon, far from any change of clocks.
EPOCH = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """A Clock whose sleepers move it on at once. ``end()`` makes every later sleep raise Interrupted.

    ``on_sleep`` is called after each move with the seconds slept, so that a simulated world can act while
    syncd waits.
    """

    def __init__(self, start: datetime = EPOCH, *, on_sleep: Callable[[float], None] | None = None) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware start, such as datetime(2026, 3, 2, tzinfo=UTC)")
        self._start = start.astimezone(UTC)
        self._passed = 0.0
        self._lock = threading.Lock()
        self._ended = False
        self._on_sleep = on_sleep
        self.slept = 0.0  #: seconds of all sleeps so far; not those of ``advance``

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        with self._lock:
            return self._passed

    def sleep(self, seconds: float) -> None:
        if self._ended:
            raise Interrupted
        pause = max(0.0, seconds)
        with self._lock:
            self._passed += pause
            self.slept += pause
        if self._on_sleep is not None and pause > 0:
            self._on_sleep(pause)

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody sleeping."""
        if seconds < 0:
            raise ValueError("time does not go backwards here; give seconds of zero or more")
        with self._lock:
            self._passed += seconds

    def end(self) -> None:
        """As a signal would: whoever sleeps next is interrupted."""
        self._ended = True
