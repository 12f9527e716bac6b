"""Carries out what core's backoff decides: call, catch a fault, wait, call again. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.errors import AnswerLost, Parked, Unreachable
from syncd.net.faults import Throttled, TransientFault

T = TypeVar("T")


def retrying(
    call: Callable[[], T],
    *,
    clock: Clock,
    backoff: Backoff,
    safe: bool,
    random: Callable[[], float],
    what: str = "the request",
) -> T:
    """Return what ``call`` returns; repeat it while it raises TransientFault or Throttled.

    ``call`` sends one request and asks the governor for a slot itself. ``safe``: it may be repeated although
    it may have been applied (every read, an upsert by a unique key). ``random`` gives 0 to 1 for the jitter.
    ``what`` names it in messages: "GET /contacts on SalesPulse".

    Raise Unreachable when the attempts are used up, Parked when the server wants a longer wait than
    ``backoff.patience`` or refuses for that long, and AnswerLost when not safe and the request may have been
    applied.
    """
    repeats = _Repeats(clock, backoff, random, what)
    while True:
        try:
            return call()
        except Throttled as fault:
            pause = repeats.after_refusal(fault)
        except TransientFault as fault:
            if fault.sent and not safe:
                raise AnswerLost(
                    f"{what}: {fault}; it may have been applied and is looked up before anything else"
                ) from fault
            pause = repeats.after_fault(fault)
        clock.sleep(pause)


class _Repeats:
    """The waits of one call: how many there were and how long they may still go on."""

    def __init__(self, clock: Clock, backoff: Backoff, random: Callable[[], float], what: str) -> None:
        self._clock = clock
        self._backoff = backoff
        self._random = random
        self._what = what
        self._attempts = 0
        self._refusals = 0
        self._first: float | None = None  # when the first fault or refusal came

    def after_refusal(self, fault: Throttled) -> float:
        self._refusals += 1
        pause = self._backoff.pause(self._refusals, jitter=self._random(), at_least=fault.wait_seconds)
        spent = self._spent()
        if spent + pause > self._backoff.patience:
            raise Parked(
                f"{self._what}: refused for its rate {self._refusals} times in {spent:.0f} s ({fault}); "
                f"something else uses up the account's limit or the day's; next try in {pause:.0f} s",
                seconds=pause,
            ) from fault
        return pause

    def after_fault(self, fault: TransientFault) -> float:
        self._attempts += 1
        spent = self._spent()
        if fault.retry_after is not None and fault.retry_after > self._backoff.patience:
            raise Parked(
                f"{self._what}: {fault}; the server asks to be left alone for {fault.retry_after:.0f} s",
                seconds=fault.retry_after,
            ) from fault
        pause = self._backoff.wait(self._attempts, jitter=self._random(), retry_after=fault.retry_after)
        if pause is None or spent + pause > self._backoff.patience:
            times = "once" if self._attempts == 1 else f"{self._attempts} times"
            raise Unreachable(
                f"{self._what}: {fault}; tried {times} in {spent:.0f} s; check that the service is up and "
                "reachable from here, syncd tries again in a later run"
            ) from fault
        return pause

    def _spent(self) -> float:
        """Seconds since the first fault."""
        now = self._clock.monotonic()
        if self._first is None:
            self._first = now
        return now - self._first
