"""One rate of one pool: what syncd may use, what it and others have used. Pure: times come in, nothing waits.

A request holds its place from before it is sent until one window after its *answer* came. The server counted
it somewhere between the two, so no window of the server's, sliding or fixed, can hold more requests than hold
a place here.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from syncd.net.rate import Rate

_SLOWEST = 300.0  # seconds; a reading speaks of the time when its request was sent, so what counted then is kept


class Usage:
    """The requests that a pool has sent: which are under way, and when the others were answered."""

    def __init__(self, *, keep: float, answered: Iterable[float] = ()) -> None:
        """``keep``: seconds that the longest of the pool's rates holds a place. ``answered``: of earlier processes."""
        self._keep = keep + _SLOWEST
        self._answered = sorted(answered)  # ascending; appended to, cut from the front
        self._told = len(self._answered)  # so many of them need not be told by ``newly_answered`` (any more)
        self._sent: dict[int, float] = {}  # request → when it was sent

    @property
    def under_way(self) -> int:
        return len(self._sent)

    @property
    def requests(self) -> tuple[int, ...]:
        """The requests under way."""
        return tuple(self._sent)

    def send(self, request: int, now: float) -> None:
        self._sent[request] = now

    def unsend(self, request: int) -> None:
        """The request never left."""
        self._sent.pop(request, None)

    def answer(self, request: int, now: float) -> None:
        if self._sent.pop(request, None) is None:
            return
        self._answered.append(now)
        gone = bisect_left(self._answered, now - self._keep)
        if gone > 512:  # not each time: cutting moves the rest
            del self._answered[:gone]
            self._told = max(0, self._told - gone)

    def newly_answered(self, now: float) -> tuple[float, ...]:
        """Seconds since each answer that came to this process since this was last asked."""
        fresh = tuple(now - moment for moment in self._answered[self._told :])
        self._told = len(self._answered)
        return fresh

    def answered_after(self, moment: float) -> int:
        return len(self._answered) - bisect_right(self._answered, moment)

    def held(self, span: float, now: float) -> int:
        """Places held at ``now`` when each is held for ``span`` seconds after its answer."""
        return len(self._sent) + len(self._answered) - self._first_held(span, now)

    def frees(self, places: int, span: float, now: float) -> float | None:
        """When at most ``places`` are held; ``now`` if so already; None: after an answer has come."""
        first = self._first_held(span, now)
        excess = len(self._sent) + len(self._answered) - first - places
        if excess <= 0:
            return now
        if excess > len(self._answered) - first:
            return None
        return self._answered[first + excess - 1] + span

    def _first_held(self, span: float, now: float) -> int:
        return bisect_right(self._answered, now, key=lambda moment: moment + span)


@dataclass(slots=True)
class Reading:
    """What the headers of one answer said of a window."""

    sent: float  #: when the request that it answers was sent
    came: float
    limit: int
    foreign: int  #: used by others than this process; 0 if none
    spare: int  #: requests for which there is room, also if all those under way count; falls with each one sent


class Window:
    """One rate with the newest reading of it."""

    def __init__(self, rate: Rate, share: float) -> None:
        self.rate = rate
        self.limit = rate.count  #: what the account has, as far as known; never more than configured
        self.reading: Reading | None = None
        self._share = share
        # Held a little longer than the window: clocks differ by parts in ten thousand, and servers round to
        # ms.
        self.span = rate.seconds * 1.0002 + 0.001

    @property
    def allowed(self) -> int:
        """What syncd may use of it in any window, when nobody else does."""
        return max(1, math.floor(self.limit * self._share + 1e-9))

    def fresh(self, now: float) -> Reading | None:
        """The reading, while it is not older than a window."""
        reading = self.reading
        return reading if reading is not None and now < reading.came + self.span else None

    def foreign(self, now: float) -> int:
        reading = self.fresh(now)
        return reading.foreign if reading else 0

    def earliest(self, usage: Usage, now: float) -> float | None:
        """When one more request may be sent; None: not before an answer has come."""
        own = usage.frees(self.allowed - 1, self.span, now)
        reading = self.fresh(now)
        if own is None or reading is None:
            return own
        if reading.spare <= 0 and usage.under_way:
            return None
        if reading.foreign <= 0:
            return own
        # Others are at work. They keep a small reserve, so that syncd does not cause *their* refusals.
        room = reading.limit - max(1, reading.limit // 20) - reading.foreign
        shared = usage.frees(room - 1, self.span, now) if room > 0 else None
        expiry = reading.came + self.span
        return max(own, expiry if shared is None else min(shared, expiry))

    def sent(self, now: float) -> None:
        reading = self.fresh(now)
        if reading is not None:
            reading.spare -= 1

    def read(self, usage: Usage, *, sent: float, ended: float, limit: int | None, remaining: int | None) -> bool:
        """Take in an answer's headers, its request ``sent`` then and ``ended`` now. False: no news of use."""
        if limit is not None and limit >= 1:
            self.limit = min(self.rate.count, limit)
        else:
            limit = self.reading.limit if self.reading else self.rate.count
        if remaining is None or remaining < 0:
            return False
        fresh = self.fresh(ended)
        if fresh is not None and sent < fresh.sent:
            return True  # a slower request's answer says nothing newer
        # All that held a place when this request was sent, and all sent since: at least what the server
        # counts as ours, so that foreign use is never invented while syncd is alone.
        own = usage.held(self.span, sent)
        others = usage.under_way + usage.answered_after(sent) - (1 if ended > sent else 0)
        self.reading = Reading(
            sent=sent,
            came=ended,
            limit=limit,
            foreign=max(0, limit - remaining - own),
            spare=min(remaining, limit) - others,
        )
        return True
