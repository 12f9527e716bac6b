"""What went wrong with one request, before anything decides to repeat it. None of it leaves a connector.

A client turns network exceptions and statuses into these; ``retrying`` turns the rest into ``syncd.errors``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_LONGEST = 86_400.0  # HubSpot names up to a day when an account moves; a longer word is more likely a mistake


class Fault(Exception):
    """The root: one request did not get a usable answer."""


class TransientFault(Fault):
    """May work when sent again: a connection fault, a timeout, 500, 502, 503, 504 and kin. Counts an attempt.

    ``sent``: the request may have reached the server. ``retry_after``: seconds, when the server named them.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, sent: bool) -> None:
        self.retry_after = retry_after
        self.sent = sent
        super().__init__(message)


class Throttled(Fault):
    """429 and its kin (423, a "server busy" error): not done, wait, send again. Counts no attempt.

    ``wait_seconds``: how long to wait before the next try, on top of what the governor makes callers wait.
    """

    def __init__(self, message: str, *, wait_seconds: float | None = None) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(message)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Given a Retry-After header (seconds or an HTTP date), return seconds from ``now``: 0 to one day.

    None when it is missing or not understood. RFC 9110, 10.2.3; fractions are accepted although it has none.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST)
    moment = server_time(text)
    return None if moment is None else min(max((moment - now).total_seconds(), 0.0), _LONGEST)


def server_time(date_header: str | None) -> datetime | None:
    """Given a Date header, return the server's clock as aware UTC; None when missing or not understood."""
    if date_header is None:
        return None
    try:
        moment = parsedate_to_datetime(date_header.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
