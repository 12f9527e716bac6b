"""Rate limits as vendors keep them: a sliding log of accepted requests on the sandbox's clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from syncd.sandbox.clock import WorldClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one request: ``remaining`` in the window now, ``reset`` seconds until one more fits."""

    allowed: bool
    remaining: int
    reset: float


class WindowLimit:
    """At most ``count`` requests in any ``seconds``. A refused request uses nothing up."""

    def __init__(self, count: int, seconds: float, clock: WorldClock) -> None:
        self.count = max(1, count)
        self.seconds = seconds
        self.refused = 0
        self._clock = clock
        self._log: deque[float] = deque()

    def peek(self) -> Taken:
        """What ``take`` would say, without taking."""
        now = self._clock.monotonic()
        while self._log and self._log[0] <= now - self.seconds:
            self._log.popleft()
        left = self.count - len(self._log)
        reset = self._log[0] + self.seconds - now if self._log else 0.0
        return Taken(allowed=left > 0, remaining=max(0, left), reset=reset)

    def take(self) -> Taken:
        """Count one request if it fits. ``remaining`` and ``reset`` describe the window afterwards."""
        before = self.peek()
        if not before.allowed:
            self.refused += 1
            return before
        now = self._clock.monotonic()
        self._log.append(now)
        return Taken(allowed=True, remaining=before.remaining - 1, reset=self._log[0] + self.seconds - now)

    def spend(self, count: int) -> None:
        """Use up so many places at once, as another program on the account would."""
        now = self._clock.monotonic()
        self._log.extend([now] * count)
