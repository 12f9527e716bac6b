"""From a status to what happens next. Knows the vendor's table of statuses; neither sends nor waits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from syncd.errors import CredentialsRefused, SyncdError, Unreachable
from syncd.net.faults import Throttled, TransientFault, parse_retry_after, server_time
from syncd.salespulse import tolerance
from syncd.salespulse.tolerance import NotUnderstood

#: They come with every answer of SalesPulse (vendor page, Rate Limits), so a 404 without them is somebody else's.
_RATE_HEADERS = frozenset({"x-ratelimit-limit", "x-ratelimit-remaining"})


class Refusal(SyncdError):
    """A 4xx that speaks of this request alone. ``str()`` holds the vendor's words without the values that were sent."""

    def __init__(
        self,
        *,
        what: str,
        status: int,
        message: str,
        fields: Mapping[str, str],
        allow: Sequence[str] = (),
        body: Any = None,
    ) -> None:
        self.status = status
        self.message = message or f"SalesPulse gave no reason (status {status})"
        self.fields = dict(fields)
        self.allow = tuple(allow)  #: methods that a 405 allows
        self.body = body  #: the answer itself, for refusals that speak of single items
        super().__init__(f"SalesPulse refused {what} with status {status}: {self.message}")


def judge(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    what: str,
    host: str,
    now: datetime,
    hide: Sequence[str],
) -> Any:
    """Given a whole answer, return its JSON, or raise what has to happen next.

    ``headers``: lower-case names. ``what`` names the request in messages. ``hide``: texts that no message may
    repeat (the key, the values sent). Raise Refusal, CredentialsRefused, Unreachable, TransientFault or
    Throttled. Statuses: vendor page, Error Codes.
    """
    if 300 <= status < 400:
        raise Unreachable(_redirected(headers, what=what, host=host))
    if status == 429:
        raise Throttled(
            f"SalesPulse answered {what} with 429, too many requests", wait_seconds=wait_of(headers, now=now)
        )
    if status in (401, 403):
        raise CredentialsRefused(
            f"SalesPulse at {host} refused the API key ({status} on {what}); "
            "make a key in SalesPulse under Settings → API Keys and put it into [salespulse] api_key"
        )
    if status >= 500 or status in (408, 425) or status < 200:
        retry_after = parse_retry_after(headers.get("retry-after"), now)
        raise TransientFault(f"SalesPulse answered {what} with {status}", retry_after=retry_after, sent=True)
    if status == 404 and not headers.keys() >= _RATE_HEADERS:
        # Whatever its body says: a gateway that lost its route, or a proxy that cuts headers. It proves no delete.
        raise TransientFault(
            f"{host} answered {what} with a 404 that is not SalesPulse's own, for it lacks the X-RateLimit headers; "
            "is [salespulse] base_url right, and does a proxy or gateway in between leave these headers in?",
            sent=True,
        )
    try:
        found = tolerance.parse(body)
    except NotUnderstood:
        # "All responses are JSON": a page of HTML, whatever its status, was made by something in front of the API.
        raise TransientFault(
            f"{host} answered {what} with {status} and something that is not JSON; "
            "is [salespulse] base_url right, and is a proxy or a login page in between?",
            sent=True,
        ) from None
    if status < 300:
        return found
    said = tolerance.refusal(found)
    allow = [word.strip().upper() for word in headers.get("allow", "").split(",") if word.strip()]
    raise Refusal(
        what=what,
        status=status,
        message=scrub(said.message, hide),
        fields={name: scrub(text, hide) for name, text in said.fields.items()},
        allow=allow,
        body=found,
    )


def _redirected(headers: Mapping[str, str], *, what: str, host: str) -> str:
    try:
        target = urlsplit(headers.get("location", "")).hostname or host
    except ValueError:
        target = "an address that cannot be read"
    return (
        f"{host} redirected {what} to {target}; syncd never follows a redirect, since the API key would go "
        "along; put the address that the API really has into [salespulse] base_url"
    )


def scrub(message: str, hide: Sequence[str]) -> str:
    """The message without any of the texts. Vendors like to repeat what they refuse."""
    for text in sorted({text for text in hide if len(text) > 2}, key=len, reverse=True):
        message = re.sub(re.escape(text), "…", message, flags=re.IGNORECASE)
    return message


def wait_of(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that a 429 asks to wait: Retry-After, else a reset header as seconds or as a moment. None: it
    does not say.
    """
    asked = parse_retry_after(headers.get("retry-after"), now)
    if asked is not None:
        return asked
    for name in ("x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-reset-after"):
        text = headers.get(name, "").strip()
        if not re.fullmatch(r"\d{1,13}(\.\d{1,6})?", text, re.ASCII):
            continue
        seconds = float(text)
        if seconds > 1e9:  # a moment by the server's clock, in seconds or milliseconds since 1970
            at = seconds / 1000 if seconds > 1e11 else seconds
            seconds = at - (server_time(headers.get("date")) or now).timestamp()
        if 0 <= seconds <= 86_400:
            return seconds
    return None


def count_of(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a plain number; None when it is missing or is not."""
    text = headers.get(name, "").strip()
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None
