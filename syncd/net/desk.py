"""The one lock of a budget: callers wait at the desk for their turn, and answers are told to it.

Every wait is here. ``line`` says who is next, ``pool`` when there is room; both are pure and touched with the
lock held.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from syncd.clock import Clock, SystemClock
from syncd.errors import Parked
from syncd.net.line import Caller, Line, Priority
from syncd.net.pool import Pool

T = TypeVar("T")

_PATIENCE = 900.0  # seconds; who would have to wait longer is told so instead
_SLICE = 0.25  # seconds; how long a wait for other threads may overlook that syncd is ending


class Desk:
    """Gives leave to send and takes in what became of it. Thread-safe."""

    def __init__(self, account: str, pools: Mapping[str, Pool], clock: Clock) -> None:
        self._account = account
        self._pools = pools
        self._clock = clock
        self._change = threading.Condition(threading.RLock())  # end() is told within read() and refuse()
        self._line = Line()
        self._arrivals = 0
        self._threads: dict[int, int] = {}  # request under way → the thread that sends it
        self.counts: Counter[str] = Counter()  # requests by kind
        self.waited = 0.0  # seconds
        self.refused = 0

    def wait_turn(self, names: Sequence[str], priority: Priority, kind: str) -> Caller:
        """Return the caller once it may send. Raise Parked or Interrupted instead; then nothing was taken."""
        pools = tuple(self._pools[name] for name in dict.fromkeys(names))
        with self._change:
            began = self._clock.monotonic()
            self._arrivals += 1
            caller = Caller(arrival=self._arrivals, priority=priority, pools=pools, thread=threading.get_ident())
            self._line.join(caller)
            try:
                self._serve()
                while caller.granted is None:
                    self._wait(caller, began)
            except BaseException:
                self._withdraw(caller)
                raise
            self.waited += caller.granted - began
            self.counts[kind] += 1
            return caller

    def end(self, caller: Caller) -> None:
        """The answer is there, or will not come: from now on the request holds its place for one window."""
        with self._change:
            if caller.ended is not None:
                return
            caller.ended = self._clock.monotonic()
            for pool in caller.pools:
                pool.usage.answer(caller.arrival, caller.ended)
            self._threads.pop(caller.arrival, None)
            self._serve()

    def read(
        self,
        caller: Caller,
        pool: Pool,
        *,
        limit: int | None,
        remaining: int | None,
        window_seconds: float | None,
    ) -> bool:
        """Take in the headers of an answer. False: they do not tell what is used of the pool."""
        with self._change:
            self.end(caller)
            sent, ended = caller.span
            heard = pool.read(sent=sent, ended=ended, limit=limit, remaining=remaining, window_seconds=window_seconds)
            self._serve()
            return heard

    def refuse(self, caller: Caller, pools: Sequence[Pool], *, wait_seconds: float | None) -> None:
        """The server refused the request for its rate."""
        with self._change:
            self.end(caller)
            sent, _ = caller.span
            self.refused += 1
            for pool in pools:
                pool.refuse(sent=sent, now=self._clock.monotonic(), wait_seconds=wait_seconds)
            self._serve()

    def served(self, caller: Caller, heard: Sequence[Pool]) -> None:
        """All was told of an answer that was no refusal; ``heard``: the pools that its headers spoke of."""
        with self._change:
            sent, _ = caller.span
            for pool in caller.pools:
                pool.served(sent=sent, heard=pool in heard)
            self._serve()

    def look(self, view: Callable[[float], T]) -> T:
        """What ``view`` makes of this moment (``monotonic``) while nothing moves."""
        with self._change:
            return view(self._clock.monotonic())

    # ---- with the lock held --------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Give leave to all who may go now, in their order; the others reckon anew. Called after every change."""
        self._grant()
        self._change.notify_all()

    def _grant(self) -> bool:
        now = self._clock.monotonic()
        granted = False
        while (caller := self._line.next(now)) is not None:
            self._line.grant(caller, now)
            self._threads[caller.arrival] = caller.thread
            granted = True
        return granted

    def _wait(self, caller: Caller, began: float) -> None:
        """Wait until the caller's turn may have come, the lock being free meanwhile; then serve."""
        now = self._clock.monotonic()
        moments = [(pool, pool.earliest(now)) for pool in caller.pools]
        blocked = [pool for pool, moment in moments if moment is None]
        wake = max((moment for _, moment in moments if moment is not None), default=now)
        self._refuse_deadlock(caller, blocked)
        self._refuse_long_wait(caller, wake=wake, now=now, began=began)
        if blocked or wake <= now:
            # Another thread has to act first: an answer, or a caller before this one. That takes real time on
            # any clock.
            self._change.wait(_SLICE)
            self._clock.sleep(0.0)
        elif isinstance(self._clock, SystemClock):
            # Not clock.sleep(wake - now): an answer's headers can make room earlier, and notify tells of it.
            self._change.wait(min(wake - now, _SLICE))
            self._clock.sleep(0.0)
        else:
            self._change.release()
            try:
                self._clock.sleep(wake - now)
            finally:
                self._change.acquire()
        # Time alone has passed: who waits is woken only where that gave leave. Waking all of them each time would have
        # them wake each other without end.
        if caller.granted is None and self._grant():
            self._change.notify_all()

    def _refuse_deadlock(self, caller: Caller, blocked: Sequence[Pool]) -> None:
        for pool in blocked:
            if all(self._threads.get(request) == caller.thread for request in pool.usage.requests):
                raise RuntimeError(
                    f"{self._account}: this thread asks for a slot that only the end of its own slot can free"
                )

    def _refuse_long_wait(self, caller: Caller, *, wake: float, now: float, began: float) -> None:
        if wake - now > _PATIENCE:
            until = (self._clock.now() + timedelta(seconds=wake - now)).strftime("%Y-%m-%d %H:%M UTC")
            raise Parked(
                f"{self._account}: the request limit leaves no room before {until}; nothing is sent "
                "until then, syncd goes on by itself afterwards",
                seconds=wake - now,
            )
        idle = now - max([began, *(pool.last_grant for pool in caller.pools)])
        if idle > _PATIENCE:
            raise Parked(
                f"{self._account}: a request has been without an answer for {idle / 60:.0f} minutes "
                "and others wait for it; check the network and the service's status page, "
                "syncd tries again by itself",
                seconds=_PATIENCE,
            )

    def _withdraw(self, caller: Caller) -> None:
        """The caller gave up. Leave that came meanwhile goes back: nothing was sent."""
        self._line.leave(caller)
        for pool in caller.pools:
            pool.usage.unsend(caller.arrival)
        self._threads.pop(caller.arrival, None)
        self._serve()
