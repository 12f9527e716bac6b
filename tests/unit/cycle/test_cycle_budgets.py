"""What is remembered of a day's requests, over hundreds of starts on clocks that are never quite even."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.cycle import budgets
from syncd.net.governor import Governor
from syncd.net.rate import Rate
from syncd.store.database import Database, create

DAY = 86_400.0
ORG = "salesforce:org"
DRIFT = 1.00003  #: the monotonic part is that much faster than the wall


class UnevenClock:
    """Each reading takes a few microseconds, and its two parts run at speeds of their own."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 11, 23, 7, 13, 5, 123_457, tzinfo=UTC)
        self.ticks = 81_234.567_891

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds * DRIFT

    def now(self) -> datetime:
        self.pass_(3.1e-6)
        return self.wall

    def monotonic(self) -> float:
        self.pass_(1.7e-6)
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.pass_(seconds)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Database]:
    database = create(tmp_path / "state.db")
    yield database
    database.close()


def opened(state: Database, clock: UnevenClock, *, share: float = 1.0) -> Governor:
    pools = {"day": (Rate(1_000_000, DAY),), "search": (Rate(5, 1),)}
    return Governor("org", pools, share=share, clock=clock, spent=budgets.spent(state, ORG, clock))


def ask(governor: Governor, *, limit: int | None = None) -> None:
    with governor.ask("day", kind="GET") as slot:
        slot.answered(limit=limit)


def test_what_is_remembered_is_what_was_sent_in_the_last_day_over_hundreds_of_restarts(state: Database) -> None:
    clock, chance = UnevenClock(), random.Random(7)
    sent: list[datetime] = []
    for _ in range(900):
        governor = opened(state, clock)
        for _ in range(chance.randint(0, 3)):
            clock.pass_(chance.uniform(0.01, 2.5))
            ask(governor)
            sent.append(clock.wall)
        clock.pass_(chance.uniform(0.001, 0.9))
        budgets.remember(state, ORG, governor, clock)
        clock.pass_(chance.uniform(30, 211.7))
        remembered = len(budgets.spent(state, ORG, clock)["day"].ago) if sent else 0
        slot = timedelta(seconds=budgets.SLOT + 1)
        day = timedelta(seconds=DAY)
        assert sum(clock.wall - at <= day for at in sent) <= remembered
        assert remembered <= sum(clock.wall - at <= day + slot for at in sent)
    assert clock.wall - sent[0] > timedelta(hours=27)  # so that most have aged


def test_a_request_keeps_its_slot_however_often_it_is_remembered(state: Database) -> None:
    clock = UnevenClock()
    governor = opened(state, clock)
    ask(governor)
    for _ in range(300):
        budgets.remember(state, ORG, governor, clock)
        clock.pass_(0.37)
        governor = opened(state, clock)
    (ago,) = budgets.spent(state, ORG, clock)["day"].ago
    assert ago <= 300 * 0.38
    clock.pass_(DAY + budgets.SLOT)
    assert budgets.spent(state, ORG, clock)["day"].ago == ()


def test_a_process_that_remembers_twice_adds_each_request_once(state: Database) -> None:
    clock = UnevenClock()
    governor = opened(state, clock)
    for expected in (1, 2):
        ask(governor)
        for _ in range(2):
            budgets.remember(state, ORG, governor, clock)
            assert len(budgets.spent(state, ORG, clock)["day"].ago) == expected


def test_the_limit_that_was_told_last_holds_before_the_first_answer_of_the_next_process(state: Database) -> None:
    clock = UnevenClock()
    governor = opened(state, clock, share=0.1)
    ask(governor, limit=15_000)
    budgets.remember(state, ORG, governor, clock)
    for _ in range(2):  # the second one is told nothing and passes on what it knew
        governor = opened(state, clock, share=0.1)
        (window,) = governor.snapshot()["day"].windows
        assert (window.limit, window.allowed, window.own) == (15_000, 1_500, 1)
        budgets.remember(state, ORG, governor, clock)


def test_a_slot_that_a_wrong_clock_put_far_ahead_is_forgotten(state: Database) -> None:
    clock = UnevenClock()
    clock.wall += timedelta(days=400)
    governor = opened(state, clock)
    ask(governor)
    budgets.remember(state, ORG, governor, clock)
    clock.wall -= timedelta(days=400)
    assert budgets.spent(state, ORG, clock)["day"].ago == ()


def test_pools_of_short_rates_are_not_remembered(state: Database) -> None:
    clock = UnevenClock()
    governor = opened(state, clock)
    with governor.ask("search", kind="GET"):
        pass
    ask(governor)
    budgets.remember(state, ORG, governor, clock)
    assert list(budgets.spent(state, ORG, clock)) == ["day"]
