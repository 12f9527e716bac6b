from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.backoff import Backoff
from syncd.errors import AnswerLost, Parked, Unreachable
from syncd.net.faults import Throttled, TransientFault, parse_retry_after, server_time
from syncd.net.retry import retrying
from syncd.testing.clock import FakeClock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BACKOFF = Backoff(base=1, cap=8, attempts=4)


def script(*outcomes: object) -> tuple[Callable[[], object], list[object]]:
    """A call that goes through the outcomes, raising the exceptions among them; and those still to come."""
    left = list(outcomes)

    def call() -> object:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return call, left


def lost() -> TransientFault:
    return TransientFault("the answer timed out after 30 s", sent=True)


def run(call: Callable[[], object], clock: FakeClock, *, safe: bool = True, jitter: float = 1.0) -> object:
    return retrying(
        call,
        clock=clock,
        backoff=BACKOFF,
        safe=safe,
        random=lambda: jitter,
        what="GET /contacts on SalesPulse",
    )


def test_a_transient_fault_is_repeated_after_waits_that_double() -> None:
    clock = FakeClock()
    call, _ = script(lost(), lost(), lost(), "done")
    assert run(call, clock) == "done"
    assert clock.slept == 1 + 2 + 4


def test_the_wait_that_the_server_names_is_kept() -> None:
    clock = FakeClock()
    call, _ = script(TransientFault("503", retry_after=20, sent=True), "done")
    run(call, clock, jitter=0.0)
    assert clock.slept == 20


def test_the_last_fault_is_told_when_the_attempts_are_used_up() -> None:
    clock = FakeClock()
    call, _ = script(lost())
    with pytest.raises(
        Unreachable, match=r"GET /contacts on SalesPulse: the answer timed out.*tried 4 times"
    ) as caught:
        run(call, clock)
    assert isinstance(caught.value.__cause__, TransientFault)


def test_a_write_that_may_have_been_applied_is_not_repeated() -> None:
    clock = FakeClock()
    call, left = script(lost(), "done")
    with pytest.raises(AnswerLost, match="looked up"):
        run(call, clock, safe=False)
    assert left == ["done"]
    assert clock.slept == 0


def test_a_write_that_never_reached_the_server_is_repeated() -> None:
    clock = FakeClock()
    call, _ = script(TransientFault("connection refused", sent=False), "done")
    assert run(call, clock, safe=False) == "done"


def test_refusals_for_the_rate_count_no_attempt() -> None:
    clock = FakeClock()
    call, _ = script(*[Throttled("429", wait_seconds=10) for _ in range(30)], "done")
    assert run(call, clock, safe=False) == "done"


def test_nothing_but_refusals_ends_after_a_quarter_of_an_hour() -> None:
    clock = FakeClock()
    call, _ = script(Throttled("429"))
    with pytest.raises(Parked, match="refused for its rate") as caught:
        run(call, clock)
    assert 840 <= clock.slept <= 900
    assert caught.value.seconds > 0


@pytest.mark.parametrize(
    "fault",
    [
        TransientFault("477, the account moves", retry_after=7200, sent=True),
        Throttled("daily limit", wait_seconds=7200),
    ],
)
def test_a_long_wait_that_the_server_names_parks_the_connection_at_once(fault: Exception) -> None:
    clock = FakeClock()
    call, _ = script(fault)
    with pytest.raises(Parked) as caught:
        run(call, clock, jitter=0.0)
    assert caught.value.seconds == 7200
    assert clock.slept == 0


def test_other_errors_pass_through_untouched() -> None:
    call, left = script(KeyError("x"), "done")
    with pytest.raises(KeyError):
        run(call, FakeClock())
    assert left == ["done"]


@given(
    attempt=st.integers(1, 5000),
    jitter=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1000),
)
def test_a_wait_is_bounded_and_never_undercuts_the_server(
    attempt: int, jitter: float, retry_after: float | None
) -> None:
    wait = Backoff(attempts=10_000).wait(attempt, jitter=jitter, retry_after=retry_after)
    assert wait is not None
    assert (retry_after or 0.5) <= wait or retry_after == 0
    assert wait <= max(60.0, (retry_after or 0) + 1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("999999999", 86_400),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("1e9", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOON) == seconds


@given(st.text())
def test_no_header_makes_the_parsers_raise(value: str) -> None:
    wait = parse_retry_after(value, NOON)
    assert wait is None or 0 <= wait <= 86_400
    moment = server_time(value)
    assert moment is None or moment.utcoffset() == timedelta()


def test_the_server_s_clock_is_read_in_utc() -> None:
    assert server_time("Mon, 02 Mar 2026 12:00:00 GMT") == NOON
    assert server_time("Mon, 02 Mar 2026 13:00:00 +0100") == NOON
    assert server_time(None) is None
