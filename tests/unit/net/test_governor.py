"""The governor on virtual time: one caller, a server that counts."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from syncd.clock import Interrupted
from syncd.errors import Parked
from syncd.net.governor import Governor, Priority
from syncd.net.line import Caller, Line
from syncd.net.pool import Pool, Spent
from syncd.net.rate import Rate
from syncd.testing.clock import FakeClock

MINUTE = Rate(100, 60)


class Server:
    """A sliding log of 100 a minute that others use too; refuses what is over."""

    def __init__(self, clock: FakeClock, *, limit: int = 100, seconds: float = 60.0) -> None:
        self.clock = clock
        self.limit = limit
        self.seconds = seconds
        self.log: list[float] = []
        self.ours: list[float] = []
        self.refused = 0

    def used(self) -> int:
        now = self.clock.monotonic()
        return sum(moment > now - self.seconds for moment in self.log)

    def others(self, count: int) -> None:
        self.log += [self.clock.monotonic()] * count

    def request(self, governor: Governor, *, kind: str = "GET /contacts", priority: Priority = Priority.PULL) -> bool:
        with governor.ask("api", kind=kind, priority=priority) as slot:
            if self.used() >= self.limit:
                self.refused += 1
                slot.refused()
                return False
            now = self.clock.monotonic()
            self.log.append(now)
            self.ours.append(now)
            slot.answered(limit=self.limit, remaining=self.limit - self.used())
            return True


def governed(clock: FakeClock, *rates: Rate, share: float = 0.9) -> Governor:
    return Governor("SalesPulse", {"api": rates or (MINUTE,)}, share=share, clock=clock)


def sent_within(clock: FakeClock, governor: Governor, seconds: float, request: Callable[[], object]) -> int:
    """How many requests get through before ``seconds`` have passed."""
    end = clock.monotonic() + seconds
    count = 0
    while True:
        request()
        if clock.monotonic() >= end:
            return count
        count += 1


def test_a_long_run_uses_its_share_and_is_never_refused() -> None:
    clock = FakeClock()
    server, governor = Server(clock), governed(clock)
    count = sent_within(clock, governor, 1200, lambda: server.request(governor))
    assert count >= 0.97 * 0.9 * 100 * 20
    assert server.refused == 0
    moments = server.ours
    assert all(late - early > 60 for early, late in zip(moments, moments[90:], strict=False))


def test_a_share_of_one_uses_everything_and_is_never_refused() -> None:
    clock = FakeClock()
    server, governor = Server(clock), governed(clock, share=1.0)
    assert sent_within(clock, governor, 1200, lambda: server.request(governor)) >= 0.97 * 2000
    assert server.refused == 0


def test_several_rates_of_a_pool_hold_at_once() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(10, 1), Rate(30, 10), share=1.0)
    moments: list[float] = []
    for _ in range(100):
        with governor.ask("api", kind="GET /x") as slot:
            moments.append(clock.monotonic())
            slot.answered()
    assert all(late - early > 1 for early, late in zip(moments, moments[10:], strict=False))
    assert all(late - early > 10 for early, late in zip(moments, moments[30:], strict=False))
    assert moments[-1] < 35


def test_a_request_of_two_pools_counts_in_both() -> None:
    clock = FakeClock()
    governor = Governor("SalesPulse", {"api": [MINUTE], "bulk": [Rate(2, 60)]}, clock=clock)
    for _ in range(3):
        with governor.ask("api", "bulk", kind="POST /contacts/bulk") as slot:
            slot.answered(limit=100, remaining=97)
    assert clock.monotonic() > 60
    with governor.ask("api", kind="GET /contacts") as slot:
        slot.answered()
    assert clock.monotonic() < 61
    assert governor.counts == {"POST /contacts/bulk": 3, "GET /contacts": 1}


def test_a_share_too_small_for_one_request_still_lets_one_through() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(5, 1), share=0.1)
    for _ in range(3):
        with governor.ask("api", kind="x") as slot:
            slot.answered()
    assert 2 < clock.monotonic() < 2.1


def test_a_place_is_held_until_a_window_after_the_answer() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(1, 10), share=1.0)
    with governor.ask("api", kind="x") as slot:
        clock.advance(25)
        slot.answered()
    governor.ask("api", kind="x")
    assert clock.monotonic() > 35


def test_a_slot_left_without_an_outcome_is_spent() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(1, 10), share=1.0)

    def time_out() -> None:
        with governor.ask("api", kind="x"):
            clock.advance(3)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        time_out()
    assert governor.snapshot()["api"].windows[0].own == 1
    with governor.ask("api", kind="x") as slot:
        slot.answered()
    assert clock.monotonic() > 13


# ---- what headers teach ------------------------------------------------------------------------------------


def test_a_smaller_limit_in_the_headers_lowers_the_rate_and_a_larger_one_does_not_raise_it() -> None:
    clock = FakeClock()
    governor = governed(clock)
    for limit, allowed in [(50, 45), (1000, 90), (0, 90), (60, 54)]:
        with governor.ask("api", kind="x") as slot:
            slot.answered(limit=limit, remaining=max(0, limit - 1))
        assert governor.snapshot()["api"].windows[0].allowed == allowed


def test_headers_are_taken_for_the_rate_of_their_window() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(100, 10), Rate(1000, 86_400), share=1.0)
    with governor.ask("api", kind="x") as slot:
        slot.answered(limit=40, remaining=39, window_seconds=10)
        slot.answered(limit=500, remaining=499, window_seconds=86_400)
        slot.answered(limit=3, remaining=1, window_seconds=60)
    assert [window.allowed for window in governor.snapshot()["api"].windows] == [40, 500]


def test_what_others_use_is_left_to_them_with_a_reserve() -> None:
    clock = FakeClock()
    server, governor = Server(clock), governed(clock)
    server.request(governor)
    server.others(60)
    count = sent_within(clock, governor, 55, lambda: server.request(governor))
    assert server.refused == 0
    assert 30 <= count + 1 <= 35
    assert len(server.ours) + 60 <= 100


def test_others_at_work_all_the_time_never_make_syncd_cause_a_refusal_nor_starve_it() -> None:
    clock = FakeClock()
    server, governor = Server(clock), governed(clock)
    server.request(governor)
    before = len(server.ours)
    for _ in range(600):
        if server.used() < server.limit - 1:
            server.others(1)
        clock.advance(0.9)  # others alone would take two thirds of the limit
        if governor.snapshot()["api"].windows[0].own < 20:
            server.request(governor)
    assert server.refused == 0
    assert len(server.ours) - before > 100


def test_the_estimate_of_others_expires_after_a_window() -> None:
    clock = FakeClock()
    server, governor = Server(clock), governed(clock)
    server.others(99)
    server.request(governor)
    assert governor.snapshot()["api"].windows[0].foreign == 99
    server.request(governor)
    assert 60 < clock.monotonic() < 61
    assert server.refused == 0
    assert governor.snapshot()["api"].windows[0].foreign == 0


def test_what_an_earlier_process_spent_is_learnt_from_the_first_answer() -> None:
    clock = FakeClock()
    server = Server(clock)
    before = governed(clock)
    for _ in range(80):
        server.request(before)
    after = governed(clock)  # a restart: nothing is known
    for _ in range(30):
        server.request(after)
    assert server.refused == 0


def test_a_silent_pool_waits_out_short_windows_and_remembers_long_ones() -> None:
    clock = FakeClock()
    rates = [Rate(5, 1), Rate(10, 60)]
    governor = Governor(
        "HubSpot", {"search": rates}, clock=clock, spent={"search": Spent(ago=[50.0, 40.0, 30.0, 300.0])}
    )
    moments = []
    for _ in range(8):
        with governor.ask("search", kind="POST /search") as slot:
            moments.append(clock.monotonic())
            slot.answered()
    assert 1 < moments[0] < 1.1
    assert moments[6] < 3  # seven of the ten were free
    assert 10 < moments[7] < 10.1  # the request of 50 s ago has left its window


def test_a_pool_with_headers_waits_for_nothing_at_the_start() -> None:
    clock = FakeClock()
    governed(clock, Rate(5, 1)).ask("api", kind="x")
    assert clock.monotonic() == 0


# ---- refusals ----------------------------------------------------------------------------------------------


def test_a_refusal_makes_the_whole_pool_wait_for_the_time_that_the_server_names() -> None:
    clock = FakeClock()
    governor = governed(clock)
    with governor.ask("api", kind="x") as slot:
        slot.refused(wait_seconds=17)
    state = governor.snapshot()["api"]
    assert state.not_before is not None
    assert (state.not_before - clock.now()).total_seconds() == 17
    governor.ask("api", kind="x")
    assert clock.monotonic() == 17
    assert governor.refused == 1
    assert governor.waited == 17


def test_a_refusal_without_a_time_waits_one_window_and_longer_each_time_in_a_row() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(100, 10), Rate(250_000, 86_400))
    moments = []
    for _ in range(8):
        with governor.ask("api", kind="x") as slot:
            moments.append(clock.monotonic())
            slot.refused()
    waits = [late - early for early, late in pairwise(moments)]
    assert [round(wait, -1) for wait in waits] == [10, 20, 40, 80, 160, 300, 300]


def test_an_answer_ends_the_row_of_refusals() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(100, 10))
    for refused in (True, True, False, True):
        with governor.ask("api", kind="x") as slot:
            slot.refused() if refused else slot.answered(limit=100, remaining=50)
    began = clock.monotonic()
    governor.ask("api", kind="x")
    assert 10 <= clock.monotonic() - began < 11


def test_a_refusal_of_one_pool_leaves_the_others_alone() -> None:
    clock = FakeClock()
    governor = Governor("HubSpot", {"api": [Rate(100, 10)], "search": [Rate(5, 1)]}, clock=clock)
    with governor.ask("api", "search", kind="POST /search") as slot:
        slot.refused(pool="search", wait_seconds=30)
    with governor.ask("api", kind="GET /x") as slot:
        slot.answered()
    assert clock.monotonic() == 0
    governor.ask("api", "search", kind="POST /search")
    assert clock.monotonic() == 30


def test_a_wait_of_more_than_a_quarter_of_an_hour_is_told_instead_of_waited() -> None:
    clock = FakeClock()
    governor = governed(clock)
    with governor.ask("api", kind="x") as slot:
        slot.refused(wait_seconds=7200)
    with pytest.raises(Parked, match=r"SalesPulse: .*no room before 2026-03-02 14:00 UTC") as caught:
        governor.ask("api", kind="x")
    assert caught.value.seconds == 7200
    assert governor.counts == {"x": 1}
    clock.advance(7200)
    governor.ask("api", kind="x")
    assert governor.snapshot()["api"].windows[0].own == 1  # the caller that gave up left the line


def test_leave_that_comes_while_a_caller_is_interrupted_goes_back() -> None:
    def interrupt(_: float) -> None:
        second.answered()  # makes the governor serve: the waiting caller has its leave now
        raise Interrupted

    clock = FakeClock(on_sleep=interrupt)
    governor = Governor("x", {"api": [Rate(2, 10)]}, clock=clock, spent={"api": Spent()})
    governor.ask("api", kind="first").answered()
    second = governor.ask("api", kind="second")
    with pytest.raises(Interrupted):
        governor.ask("api", kind="third")
    assert governor.counts == {"first": 1, "second": 1}
    assert governor.snapshot()["api"].windows[0].own == 1


# ---- misuse ------------------------------------------------------------------------------------------------


def test_a_thread_that_would_wait_for_its_own_slot_is_told_so() -> None:
    clock = FakeClock()
    governor = governed(clock, Rate(1, 1), share=1.0)
    with governor.ask("api", kind="x"), pytest.raises(RuntimeError, match="own slot"):
        governor.ask("api", kind="x")


def test_unknown_pools_and_senseless_budgets_are_refused() -> None:
    clock = FakeClock()
    governor = governed(clock)
    with pytest.raises(ValueError, match="has no pool search; it has api"):
        governor.ask("search", kind="x")
    with pytest.raises(ValueError, match="at least one pool"):
        governor.ask(kind="x")
    with governor.ask("api", kind="x") as slot, pytest.raises(ValueError, match="other pools"):
        slot.answered(pool="search")
    with pytest.raises(ValueError, match="share"):
        governed(clock, share=0)
    with pytest.raises(ValueError, match="at least one rate"):
        Governor("x", {"api": []}, clock=clock)
    with pytest.raises(ValueError, match="does not have: search"):
        Governor("x", {"api": [MINUTE]}, clock=clock, spent={"search": Spent()})


# ---- whose turn it is --------------------------------------------------------------------------------------


def served(waiting: dict[Priority, int], grants: int) -> list[Priority]:
    """The classes served, in order, when each of ``waiting`` has so many callers in line at all times."""
    pool = Pool("api", [Rate(10_000, 60)], share=1.0, now=0.0, spent=Spent())
    line, arrival = Line(), 0
    order: list[Priority] = []
    for _ in range(grants):
        for priority, count in waiting.items():
            while sum(caller.priority is priority for caller in line.callers) < count:
                arrival += 1
                line.join(Caller(arrival=arrival, priority=priority, pools=(pool,), thread=0))
        caller = line.next(0.0)
        assert caller is not None
        line.grant(caller, 0.0)
        order.append(caller.priority)
    return order


def test_callers_are_served_by_priority_and_then_by_arrival() -> None:
    pool = Pool("api", [Rate(100, 60)], share=1.0, now=0.0, spent=Spent())
    line = Line()
    for arrival, priority in enumerate([Priority.SWEEP, Priority.PULL, Priority.LIVE, Priority.PULL, Priority.PUSH]):
        line.join(Caller(arrival=arrival, priority=priority, pools=(pool,), thread=0))
    order = []
    while (caller := line.next(0.0)) is not None:
        line.grant(caller, 0.0)
        order.append(caller.arrival)
    assert order == [2, 4, 1, 3, 0]


def test_every_class_that_waits_gets_at_least_a_twentieth() -> None:
    order = served(dict.fromkeys(Priority, 3), 2000)
    for priority in (Priority.PUSH, Priority.PULL, Priority.SWEEP):
        assert order.count(priority) >= 100
    assert order.count(Priority.LIVE) >= 1600


def test_a_class_alone_gets_everything() -> None:
    assert served({Priority.SWEEP: 2}, 50) == [Priority.SWEEP] * 50


def test_a_caller_that_waits_for_one_pool_does_not_hold_up_another() -> None:
    full = Pool("search", [Rate(1, 60)], share=1.0, now=0.0, spent=Spent())
    free = Pool("api", [Rate(100, 60)], share=1.0, now=0.0, spent=Spent())
    full.send(99, 0.0)
    line = Line()
    line.join(Caller(arrival=1, priority=Priority.LIVE, pools=(free, full), thread=0))
    line.join(Caller(arrival=2, priority=Priority.SWEEP, pools=(free,), thread=0))
    caller = line.next(0.0)
    assert caller is not None
    assert caller.arrival == 2
