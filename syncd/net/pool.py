"""All rates of one pool, refusals, and what is not known yet. Pure: times come in; the desk locks and waits.

While it is not known what others (or an earlier process of ours) used, only one request is under way: after a
start, after a refusal, and after a pause of more than a window. Its answer's headers then say how much room
there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.net.rate import Rate
from syncd.net.window import Usage, Window

_SHORT = 10.0  # seconds; a shorter window is waited out after a start rather than remembered
_HEADERLESS = 3  # so many answers in a row without headers: the server sends none
_LONGEST_GUESS = 300.0  # seconds; the longest wait after refusals that name no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What is known of a pool before its first answer."""

    ago: Sequence[float] = ()  #: seconds ago, of each request
    limit: int | None = None  #: what the account had of the pool's longest rate, by the server's word; None: not known


class Pool:
    """One counter, or several at once, that the server keeps for some of its requests."""

    def __init__(
        self,
        name: str,
        rates: Sequence[Rate],
        *,
        share: float,
        now: float,
        spent: Spent | None = None,
    ) -> None:
        """``spent``: what earlier processes knew; None: the first answer is read before more is sent."""
        self.name = name
        self.windows = tuple(Window(rate, share) for rate in rates)
        self._shortest = min(window.span for window in self.windows)
        keep = max(window.span for window in self.windows)
        self.usage = Usage(keep=keep, answered=[now - ago for ago in spent.ago] if spent else ())
        self._longest = max(self.windows, key=lambda window: window.span)
        if spent is not None and spent.limit is not None:
            self._longest.limit = min(self._longest.rate.count, spent.limit)
        self.not_before = now
        if spent is not None:
            short = [window.span for window in self.windows if window.rate.seconds < _SHORT]
            self.not_before = now + max(short, default=0.0)
        self.last_grant = now
        self._alone = spent is None  # only one request at a time until an answer says what is used
        self._headerless = 0 if spent is None else _HEADERLESS
        self._known_until = now
        self._refused_at = now - 1.0
        self._refusals = 0

    def earliest(self, now: float) -> float | None:
        """When one more request may be sent (``now`` or before: at once); None: after an answer has come."""
        if self.usage.under_way and (self._alone or self._lapsed(now)):
            return None
        latest = self.not_before
        for window in self.windows:
            moment = window.earliest(self.usage, now)
            if moment is None:
                return None
            latest = max(latest, moment)
        return latest

    def send(self, request: int, now: float) -> None:
        """One request goes out. Only when ``earliest`` allows it."""
        if self._reads and now >= self._known_until and not self.usage.under_way:
            self._alone = True
        self.usage.send(request, now)
        self.last_grant = now
        for window in self.windows:
            window.sent(now)

    def read(
        self,
        *,
        sent: float,
        ended: float,
        limit: int | None,
        remaining: int | None,
        window_seconds: float | None,
    ) -> bool:
        """Take in the headers of an answer that ``usage`` knows of. False: they say nothing about use."""
        window = self._window(window_seconds)
        if window is None:
            return False
        if not window.read(self.usage, sent=sent, ended=ended, limit=limit, remaining=remaining):
            return False
        self._headerless = 0
        self._known_until = ended + self._shortest
        if sent >= self._refused_at:
            self._alone = False
        return True

    def served(self, *, sent: float, heard: bool) -> None:
        """A request was answered other than by a refusal; ``heard``: its headers spoke of this pool."""
        if sent >= self._refused_at:
            self._refusals = 0
        if not heard:
            self._headerless += 1
            if not self._reads and sent >= self._refused_at:
                self._alone = False

    def refuse(self, *, sent: float, now: float, wait_seconds: float | None) -> None:
        """A 429: all wait for the seconds that the server named, else a window, longer each time in a row."""
        if sent >= self._refused_at:  # those that were under way together are one refusal
            self._refusals += 1
            self._refused_at = now
        wait = self._guess() if wait_seconds is None else max(wait_seconds, 0.1)
        self.not_before = max(self.not_before, now + wait)
        self._alone = True

    def newly_spent(self, now: float) -> Spent:
        """The requests of this process that were answered since this was last asked, and the limit if it is known."""
        limit = self._longest.limit
        return Spent(ago=self.usage.newly_answered(now), limit=limit if limit < self._longest.rate.count else None)

    @property
    def _reads(self) -> bool:
        """Whether the server tells in headers what is used, as far as known."""
        return self._headerless < _HEADERLESS

    def _lapsed(self, now: float) -> bool:
        """Others were at work when the server last told, and that is longer ago than a window."""
        return (
            self._reads
            and now >= self._known_until
            and any(window.reading is not None and window.reading.foreign > 0 for window in self.windows)
        )

    def _window(self, seconds: float | None) -> Window | None:
        if seconds is None:
            return self.windows[0]
        return next((window for window in self.windows if abs(window.rate.seconds - seconds) < 0.5e-3), None)

    def _guess(self) -> float:
        """The longest window up to a minute was most likely full; for a daily limit clients name a time."""
        spans = [window.span for window in self.windows]
        base = max((span for span in spans if span <= 61.0), default=min(spans))
        return max(base, min(base * 2.0 ** (self._refusals - 1), _LONGEST_GUESS))
