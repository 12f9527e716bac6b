"""The promise of the budget against servers that count in both known ways, with any latency."""

import heapq
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.net.pool import Pool
from syncd.net.rate import Rate

RATES = st.lists(
    st.builds(Rate, st.integers(1, 12), st.sampled_from([0.2, 1.0, 3.0, 10.0, 60.0])),
    min_size=1,
    max_size=3,
    unique_by=lambda rate: rate.seconds,
)


class Server:
    """Counts arrivals; its answers' headers speak of the first rate, sliding or in fixed windows."""

    def __init__(self, rates: list[Rate], *, fixed: bool, phase: float) -> None:
        self.rates = rates
        self.fixed = fixed
        self.phase = phase
        self.arrivals: list[float] = []

    def used(self, rate: Rate, now: float) -> int:
        if self.fixed:
            start = (now - self.phase) // rate.seconds * rate.seconds + self.phase
            return sum(start <= moment <= now for moment in self.arrivals)
        return sum(now - rate.seconds < moment <= now for moment in self.arrivals)

    def arrive(self, now: float) -> tuple[int, int]:
        self.arrivals.append(now)
        rate = self.rates[0]
        return rate.count, rate.count - self.used(rate, now)


def drive(pool: Pool, server: Server, *, requests: int, threads: int, seed: int, headers: bool, slow: float) -> float:
    """Send as early as the pool allows, at most ``threads`` under way; return the virtual time it took."""
    rng = random.Random(seed)
    now, serial = 0.0, 0
    sent: dict[int, float] = {}
    events: list[tuple[float, int, str]] = []
    readings: dict[int, tuple[int, int]] = {}
    while serial < requests or events:
        moment = pool.earliest(now)
        due = events[0][0] if events else None
        if (
            serial < requests
            and len(sent) < threads
            and moment is not None
            and (due is None or max(now, moment) <= due)
        ):
            now = max(now, moment)
            pool.send(serial, now)
            sent[serial] = now
            reach = now + rng.uniform(0, slow)
            heapq.heappush(events, (reach, serial, "arrive"))
            serial += 1
            continue
        assert due is not None, "nothing is under way and the pool still lets nothing go"
        now, request, what = heapq.heappop(events)
        if what == "arrive":
            readings[request] = server.arrive(now)
            heapq.heappush(events, (now + rng.uniform(0, slow), request, "answer"))
            continue
        pool.usage.answer(request, now)
        began = sent.pop(request)
        limit, remaining = readings.pop(request) if headers and rng.random() < 0.9 else (None, None)
        heard = pool.read(sent=began, ended=now, limit=limit, remaining=remaining, window_seconds=None)
        pool.served(sent=began, heard=heard)
    return now


def most_in_any_window(moments: list[float], seconds: float) -> int:
    moments = sorted(moments)
    return max(sum(start <= moment <= start + seconds for moment in moments) for start in moments)


@settings(max_examples=150, deadline=None)
@given(
    rates=RATES,
    share=st.sampled_from([0.3, 0.5, 0.9, 1.0]),
    threads=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    headers=st.booleans(),
    fixed=st.booleans(),
    slow=st.sampled_from([0.0, 0.01, 0.4, 5.0]),
)
def test_never_more_than_the_share_arrives_in_any_window(
    *, rates: list[Rate], share: float, threads: int, seed: int, headers: bool, fixed: bool, slow: float
) -> None:
    server = Server(rates, fixed=fixed, phase=0.37)
    pool = Pool("api", rates, share=share, now=0.0)
    drive(pool, server, requests=60, threads=threads, seed=seed, headers=headers, slow=slow)
    assert len(server.arrivals) == 60
    for rate in rates:
        assert most_in_any_window(server.arrivals, rate.seconds) <= max(1, int(rate.count * share + 1e-9))


@settings(max_examples=60, deadline=None)
@given(
    threads=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    fixed=st.booleans(),
    slow=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_alone_on_the_account_nobody_else_is_ever_seen(threads: int, seed: int, fixed: bool, slow: float) -> None:
    rate = Rate(20, 10.0)
    pool = Pool("api", [rate], share=0.9, now=0.0)
    seen: list[int] = []
    read = pool.windows[0].read

    def watched(*args: object, **named: object) -> bool:
        heard = read(*args, **named)  # type: ignore[arg-type]  # passed on as it came
        seen.append(pool.windows[0].reading.foreign if pool.windows[0].reading else 0)
        return heard

    pool.windows[0].read = watched  # type: ignore[method-assign]  # watches, changes nothing
    drive(
        pool,
        Server([rate], fixed=fixed, phase=1.7),
        requests=120,
        threads=threads,
        seed=seed,
        headers=True,
        slow=slow,
    )
    assert set(seen) == {0}


@settings(max_examples=40, deadline=None)
@given(threads=st.integers(1, 8), seed=st.integers(0, 10_000), fixed=st.booleans())
def test_a_long_run_uses_its_share(threads: int, seed: int, fixed: bool) -> None:
    rate = Rate(100, 60.0)
    pool = Pool("api", [rate], share=0.9, now=0.0)
    took = drive(
        pool,
        Server([rate], fixed=fixed, phase=13.0),
        requests=901,
        threads=threads,
        seed=seed,
        headers=True,
        slow=0.1,
    )
    # 901 requests at 90 a minute: ten full windows have to pass between the first and the last
    assert took <= 600 / 0.97
