"""Waiting for the budget costs nothing: who waits does not keep the others awake."""

from __future__ import annotations

import threading

from syncd.clock import SystemClock
from syncd.net.governor import Governor
from syncd.net.rate import Rate

THREADS, EACH = 4, 15


class CountingClock(SystemClock):
    """The machine's clock, counting how often somebody looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return super().monotonic()


def test_waiting_threads_do_not_wake_each_other_without_end() -> None:
    clock = CountingClock()
    governor = Governor("account", {"api": (Rate(10, 0.3),)}, clock=clock)

    def ask() -> None:
        for _ in range(EACH):
            with governor.ask("api", kind="GET /x") as slot:
                slot.answered(limit=10, remaining=5)

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert governor.counts == {"GET /x": THREADS * EACH}
    assert clock.looks < 100 * THREADS * EACH
