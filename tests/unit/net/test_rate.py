from datetime import timedelta

import pytest

from syncd.net.rate import Rate, parse_duration, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/minute", Rate(100, 60)),
        ("10/minute", Rate(10, 60)),
        ("190/10s", Rate(190, 10)),
        ("5/s", Rate(5, 1)),
        ("250000/day", Rate(250_000, 86_400)),
        (" 3 / 2m ", Rate(3, 120)),
    ],
)
def test_a_rate_is_a_count_in_a_period(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "100", "100/", "/minute", "0/s", "5/0s", "-5/s", "5/fortnight", "5 per s", "٣/s"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write .*\"5/s\"|write .*\"30s\""):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("6h", timedelta(hours=6)),
        ("2m", timedelta(minutes=2)),
        ("1m", timedelta(minutes=1)),
        ("30s", timedelta(seconds=30)),
        ("0s", timedelta()),
        ("1.5s", timedelta(seconds=1.5)),
        ("180d", timedelta(days=180)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "6", "h", "-1s", "1 week", "1h30m", "999999999d", "1e3s"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write .*\"180d\""):
        parse_duration(text)


@pytest.mark.parametrize(("count", "seconds"), [(0, 1), (1, 0), (-1, 5), (1, float("inf")), (1, float("nan"))])
def test_a_rate_that_lets_nothing_through_does_not_exist(count: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Rate(count, seconds)
