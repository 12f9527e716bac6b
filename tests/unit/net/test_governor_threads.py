"""The governor under real threads and real time, against a server that counts every arrival."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncd.clock import Interrupted, SystemClock
from syncd.net.governor import Governor, Priority
from syncd.net.rate import Rate
from syncd.testing.clock import FakeClock


class Server:
    """A sliding log in memory; answers after a random while, counting the request somewhere in it."""

    def __init__(self, rates: list[Rate], *, seed: int, slow: float) -> None:
        self.rates = rates
        self.arrivals: list[float] = []
        self.refused = 0
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._slow = slow

    def request(self) -> tuple[bool, int, int]:
        with self._lock:
            there, back = self._random.uniform(0, self._slow), self._random.uniform(0, self._slow)
        time.sleep(there)  # the latency of a network; nothing is waited for
        with self._lock:
            now = time.monotonic()
            over = any(self._used(rate, now) >= rate.count for rate in self.rates)
            if over:
                self.refused += 1
            else:
                self.arrivals.append(now)
            first = self.rates[0]
            answer = (not over, first.count, first.count - self._used(first, now))
        time.sleep(back)
        return answer

    def _used(self, rate: Rate, now: float) -> int:
        return sum(moment > now - rate.seconds for moment in self.arrivals)


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("slow", [0.0, 0.04])
def test_many_threads_never_send_more_than_the_server_allows(*, headers: bool, slow: float) -> None:
    rates = [Rate(20, 0.4), Rate(8, 0.1)]
    server = Server(rates, seed=7, slow=slow)
    governor = Governor("test", {"api": rates}, clock=SystemClock())

    def work(number: int) -> None:
        with governor.ask("api", kind="x", priority=Priority(number % 4)) as slot:
            well, limit, remaining = server.request()
            if not well:
                slot.refused(wait_seconds=0.1)
            elif headers:
                slot.answered(limit=limit, remaining=remaining, window_seconds=0.4)
            else:
                slot.answered()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(50)))
    assert server.refused == 0
    assert len(server.arrivals) == 50
    assert governor.counts == {"x": 50}
    spread = server.arrivals[-1] - server.arrivals[0]
    assert spread < 5  # 50 at 20 in 0.4 s take 0.8 s at least; slow answers hold their places longer


def until_in_line(governor: Governor, count: int) -> None:
    """Wait until so many callers wait."""
    deadline = time.monotonic() + 20
    while len(governor._desk._line.callers) < count:
        assert time.monotonic() < deadline, "the callers never came"
        time.sleep(0.001)


def test_a_live_event_overtakes_the_sweeps_that_wait() -> None:
    governor = Governor("test", {"api": [Rate(1, 0.1)]}, clock=SystemClock())
    first = governor.ask("api", kind="first")
    order: list[str] = []

    def work(name: str, priority: Priority) -> None:
        with governor.ask("api", kind=name, priority=priority) as slot:
            order.append(name)
            slot.answered()

    threads = [threading.Thread(target=work, args=("sweep", Priority.SWEEP)) for _ in range(3)]
    threads.append(threading.Thread(target=work, args=("live", Priority.LIVE)))
    for count, thread in enumerate(threads, start=1):
        thread.start()
        until_in_line(governor, count)
    first.answered()
    for thread in threads:
        thread.join()
    assert order == ["live", "sweep", "sweep", "sweep"]


def test_only_one_request_is_under_way_until_an_answer_tells_what_is_used() -> None:
    governor = Governor("test", {"api": [Rate(100, 60)]}, clock=SystemClock())
    first = governor.ask("api", kind="first")
    through = threading.Event()

    def second() -> None:
        with governor.ask("api", kind="second"):
            through.set()

    thread = threading.Thread(target=second)
    thread.start()
    until_in_line(governor, 1)
    assert not through.wait(0.05)
    first.answered(limit=100, remaining=99)
    assert through.wait(5)
    thread.join()
    assert governor.waited >= 0.05


@pytest.mark.parametrize("blocked_by", ["time", "an answer"])
def test_the_end_of_syncd_ends_every_wait_at_once(blocked_by: str) -> None:
    end = threading.Event()
    governor = Governor("test", {"api": [Rate(1, 60)]}, clock=SystemClock(end))
    first = governor.ask("api", kind="x")
    if blocked_by == "time":
        first.answered()
    ended: list[str] = []

    def wait() -> None:
        try:
            governor.ask("api", kind="x")
        except Interrupted:
            ended.append("interrupted")

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    until_in_line(governor, 3)
    began = time.monotonic()
    end.set()
    for thread in threads:
        thread.join(5)
    assert ended == ["interrupted"] * 3
    assert time.monotonic() - began < 2
    first.answered()
    assert governor.snapshot()["api"].windows[0].own == 1


def test_threads_share_virtual_time() -> None:
    clock = FakeClock()
    governor = Governor("test", {"api": [Rate(5, 60)]}, clock=clock)

    def work(_: int) -> None:
        with governor.ask("api", kind="x") as slot:
            slot.answered(limit=5, remaining=5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert governor.counts == {"x": 20}
    assert clock.monotonic() >= 180
