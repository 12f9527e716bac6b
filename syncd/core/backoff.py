"""How long to wait before a request is sent again, and when to give up. Only decides; waits nowhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits double from ``base`` to ``cap`` seconds, for ``attempts`` sends and ``patience`` seconds."""

    base: float = 1.0
    cap: float = 60.0
    attempts: int = 5
    patience: float = 900.0  #: also for refusals (429), which count no attempt

    def wait(self, attempt: int, *, jitter: float, retry_after: float | None = None) -> float | None:
        """Seconds to wait after the attempt-th send (1, 2, …) has failed; None: give up.

        ``jitter`` is 0 to 1. ``retry_after``, the server's own word in seconds, is never undercut.
        """
        if attempt >= self.attempts:
            return None
        return self.pause(attempt, jitter=jitter, at_least=retry_after)

    def pause(self, turn: int, *, jitter: float, at_least: float | None = None) -> float:
        """Seconds to wait before turn ``turn`` + 1, however many there were. Half of it is ``jitter``."""
        # The exponent is bounded: 2.0**1100 overflows, and no cap needs more than 2**60.
        full = min(self.cap, self.base * 2.0 ** min(turn - 1, 60))
        own = full * (0.5 + jitter / 2)
        if at_least is None:
            return own
        # Those who were told the same second do not all come back in it.
        return max(own, at_least + jitter * min(self.base, at_least))
