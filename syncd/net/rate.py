"""Rates and durations as people write them: "100/minute", "190/10s", "6h". Neither waits nor counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
}
_LONGEST = 36_525 * 86_400
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(s|m|h|d)", re.ASCII)
_RATE = re.compile(r"(\d{1,9})\s*/\s*(\S.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` requests in any ``seconds``."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.seconds < float("inf"):
            raise ValueError(f"{self.count}/{self.seconds}s is no rate; both numbers have to be above zero")

    def __str__(self) -> str:
        return f"{self.count}/{self.seconds:g}s"


def parse_duration(text: str) -> timedelta:
    """Given "6h", "2m", "30s", "0s" or "180d", return it. Raise ValueError, with what to write instead."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is no duration; write a number and s, m, h or d: "30s", "2m", "6h", "180d"')
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:  # also keeps what is subtracted from a date within the calendar
        raise ValueError(f'"{text}" is longer than a hundred years; write a shorter one, such as "180d"')
    return timedelta(seconds=seconds)


def parse_rate(text: str) -> Rate:
    """Given "100/minute", "190/10s" or "5/s", return it. Raise ValueError, with what to write instead."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is no rate; write COUNT/PERIOD: "100/minute", "190/10s" or "5/s"')
    count, period = int(found[1]), found[2].strip()
    seconds = float(_UNITS[period]) if period in _UNITS else parse_duration(period).total_seconds()
    if count == 0 or seconds == 0:
        raise ValueError(f'"{text}" would never let a request go; write a rate above zero, such as "5/s"')
    return Rate(count, seconds)
