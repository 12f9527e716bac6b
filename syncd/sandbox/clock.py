"""The sandbox's own time, which may run faster than ours, jump ahead, or stand still until told.

Both clocks satisfy ``syncd.clock.Clock``, so one clock can drive a vendor and syncd together in a simulation.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from syncd.clock import Interrupted


class WorldClock:
    """Real time times ``scale`` (sandbox seconds per real second), plus every ``advance``."""

    def __init__(
        self, *, scale: float = 1.0, start: datetime | None = None, end: threading.Event | None = None
    ) -> None:
        if scale <= 0:
            raise ValueError("the time scale must be above 0; write 1 for real time")
        self.scale = scale
        self.end = end or threading.Event()
        self._start = start or datetime.now(UTC)
        self._origin = time.monotonic()
        self._ahead = 0.0

    def now(self) -> datetime:
        """The sandbox's wall clock, aware, UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Sandbox seconds since the clock was made."""
        return (time.monotonic() - self._origin) * self.scale + self._ahead

    def advance(self, seconds: float) -> None:
        """Jump ahead by sandbox seconds. Time never goes back: a negative jump raises ValueError."""
        if seconds < 0:
            raise ValueError("time cannot go back; advance by 0 or more seconds")
        self._ahead += seconds

    def real(self, seconds: float) -> float:
        """Real seconds that so many sandbox seconds take."""
        return seconds / self.scale

    def sleep(self, seconds: float) -> None:
        """Wait sandbox seconds. Raises syncd.clock.Interrupted when ``end`` is set meanwhile."""
        if self.end.wait(max(0.0, self.real(seconds))):
            raise Interrupted


class ManualClock(WorldClock):
    """A clock that stands still but for ``advance`` and ``sleep``; it never waits nor reads real time."""

    START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)

    def __init__(self, *, start: datetime | None = None) -> None:
        super().__init__(start=start or self.START)

    def monotonic(self) -> float:
        return self._ahead

    def real(self, seconds: float) -> float:  # noqa: ARG002 - waits take no real time here
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))
