"""What a pool lets go when requests overlap; times are plain numbers."""

import pytest

from syncd.net.pool import Pool, Spent
from syncd.net.rate import Rate

MINUTE = Rate(10, 60)


def answer(pool: Pool, request: int, *, sent: float, now: float, remaining: int | None = None, limit: int = 10) -> None:
    pool.usage.answer(request, now)
    heard = pool.read(sent=sent, ended=now, limit=limit, remaining=remaining, window_seconds=None)
    pool.served(sent=sent, heard=heard)


def exchange(pool: Pool, request: int, *, now: float, remaining: int | None = None) -> None:
    pool.send(request, now)
    answer(pool, request, sent=now, now=now, remaining=remaining)


def test_no_more_are_under_way_at_once_than_the_newest_answer_left_room_for() -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0)
    for request in range(5):
        exchange(pool, request, now=0.0, remaining=9 - request)
    # At 50 the server begins a new fixed window, in which others use six; our own count hides most of them.
    exchange(pool, 5, now=50.0, remaining=3)
    for request in range(6, 9):
        assert pool.earliest(70.0) is not None
        pool.send(request, 70.0)
    assert pool.earliest(70.0) is None
    answer(pool, 6, sent=70.0, now=70.5, remaining=8)
    assert pool.earliest(70.5) is not None


def test_the_answer_to_a_slower_request_does_not_replace_newer_news() -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0)
    exchange(pool, 0, now=0.0, remaining=9)
    pool.send(1, 1.0)
    exchange(pool, 2, now=2.0, remaining=3)
    assert pool.windows[0].foreign(2.0) == 4
    answer(pool, 1, sent=1.0, now=3.0, remaining=8)
    assert pool.windows[0].foreign(3.0) == 4


def test_news_of_others_that_is_older_than_a_window_lets_only_one_go_at_a_time() -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0)
    exchange(pool, 0, now=0.0, remaining=6)
    assert pool.windows[0].foreign(0.0) == 3
    pool.send(1, 50.0)
    assert pool.earliest(55.0) is not None
    assert pool.earliest(65.0) is None
    answer(pool, 1, sent=50.0, now=66.0, remaining=9)
    assert pool.earliest(66.0) is not None


def test_after_a_pause_one_request_goes_alone() -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0)
    exchange(pool, 0, now=0.0, remaining=9)
    pool.send(1, 500.0)
    assert pool.earliest(500.0) is None
    answer(pool, 1, sent=500.0, now=501.0, remaining=9)
    assert pool.earliest(501.0) is not None


@pytest.mark.parametrize("remaining", [9, None])
def test_after_a_refusal_one_request_goes_alone(remaining: int | None) -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0, spent=Spent() if remaining is None else None)
    pool.send(0, 0.0)
    pool.usage.answer(0, 1.0)
    pool.refuse(sent=0.0, now=1.0, wait_seconds=100.0)
    assert pool.earliest(50.0) == 101.0
    pool.send(1, 101.0)
    assert pool.earliest(101.0) is None
    answer(pool, 1, sent=101.0, now=102.0, remaining=remaining)
    assert pool.earliest(102.0) is not None


def test_requests_that_were_refused_together_are_one_refusal() -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0, spent=Spent())
    for request in range(4):
        pool.send(request, 0.0)
    for request in range(4):
        pool.usage.answer(request, 1.0 + request)
        pool.refuse(sent=0.0, now=1.0 + request, wait_seconds=None)
    assert pool.not_before < 66.0


def test_a_server_that_sends_no_headers_is_not_served_one_by_one_for_ever() -> None:
    pool = Pool("api", [MINUTE], share=1.0, now=0.0)
    for request in range(3):
        exchange(pool, request, now=0.0)
    pool.send(3, 1.0)
    assert pool.earliest(1.0) is not None
