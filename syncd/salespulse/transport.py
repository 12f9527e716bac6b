"""One request to SalesPulse: budget, key, time-outs, retries. Knows no endpoint and no contact.

The key is attached to requests to the configured address only, and redirects are never followed. Nothing of a
request is logged: addresses of searches hold e-mails and phones.
"""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import httpx
import orjson

from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.net.address import is_loopback
from syncd.net.faults import TransientFault
from syncd.net.governor import Governor, Priority, Slot
from syncd.net.retry import retrying
from syncd.salespulse import faults
from syncd.salespulse.settings import API, BULK, SalesPulseSettings

_MOST_BYTES = 64 * 2**20  #: a thousand contacts are well under one megabyte
_WHOLE = 4  #: time-outs that one whole answer may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A 2xx answer: its JSON (None when empty) and when its request was sent, by syncd's clock."""

    body: Any
    sent_at: datetime


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes longer than a request, so once."""
    return httpx.create_ssl_context()


class _Bearer(httpx.Auth):
    """Attaches the key where it belongs; anything else goes out without it."""

    def __init__(self, key: str, home: httpx.URL) -> None:
        self._key = key
        self._home = (home.scheme, home.host, home.port)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if (request.url.scheme, request.url.host, request.url.port) == self._home:
            request.headers["Authorization"] = f"Bearer {self._key}"
        yield request


class Transport:
    """Sends requests for one account. May be used by several threads at once."""

    def __init__(
        self,
        settings: SalesPulseSettings,
        *,
        governor: Governor,
        clock: Clock,
        backoff: Backoff | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base = settings.base_url.rstrip("/")
        self._key = settings.api_key.get_secret_value()
        self._timeout = settings.timeout
        self._governor = governor
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._jitter = jitter
        self._most_told = (settings.rate.count, settings.bulk_rate.count)
        home = httpx.URL(self._base)
        self._host = home.host
        # httpx writes every address, with the search in it, to its log at the level "info".
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._http = httpx.Client(
            auth=_Bearer(self._key, home),
            timeout=settings.timeout,
            follow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": "syncd"},
            verify=_trusted(),
            trust_env=not is_loopback(home.host),  # a proxy would carry plain requests to this machine elsewhere
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: str,
        priority: Priority,
        params: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        hide: Sequence[str] = (),
        bulk: bool = False,
        safe: bool,
    ) -> Answer:
        """Send until there is an answer, and return it.

        ``path``: below the base address, quoted. ``kind``: what the summary counts. ``hide``: values that no
        message may repeat. ``safe``: may be repeated although it may have been applied. Raise Refusal for a
        4xx that speaks of this request, AnswerLost (only where not safe), or a ConnectionStop.
        """
        content = None if body is None else orjson.dumps(body)

        def once() -> Answer:
            pools = (API, BULK) if bulk else (API,)
            with self._governor.ask(*pools, kind=kind, priority=priority) as slot:
                sent_at = self._clock.now()
                status, headers, answer = self._exchange(method, path, params, content, slot=slot, bulk=bulk, kind=kind)
            found = faults.judge(
                status,
                headers,
                answer,
                what=kind,
                host=self._host,
                now=self._clock.now(),
                hide=(self._key, *hide),
            )
            return Answer(body=found, sent_at=sent_at)

        return retrying(
            once,
            clock=self._clock,
            backoff=self._backoff,
            safe=safe,
            random=self._jitter,
            what=f"{kind} on SalesPulse",
        )

    def _exchange(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]],
        content: bytes | None,
        *,
        slot: Slot,
        bulk: bool,
        kind: str,
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            with self._http.stream(
                method,
                self._base + path,
                params=list(params) or None,
                content=content,
                headers={"Content-Type": "application/json"} if content is not None else None,
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                self._tell(slot, response.status_code, headers, bulk=bulk)
                return response.status_code, headers, self._read(response, kind=kind)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            why = faults.scrub(str(error), (self._key,)) or type(error).__name__
            raise TransientFault(f"{self._host} cannot be reached: {why[:200]}", sent=False) from None
        except httpx.RequestError as error:
            raise TransientFault(f"{self._host} broke off during {kind} ({type(error).__name__})", sent=True) from None

    def _read(self, response: httpx.Response, *, kind: str) -> bytes:
        """The whole body. httpx limits each wait, not the sum of them: a server that drips would hold a
        thread for ever.
        """
        deadline = self._clock.monotonic() + _WHOLE * self._timeout
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > _MOST_BYTES:
                raise TransientFault(f"{self._host} answered {kind} with more than {_MOST_BYTES} bytes", sent=True)
            if self._clock.monotonic() > deadline:
                raise TransientFault(f"{self._host} took too long over the answer to {kind}", sent=True)
        return b"".join(chunks)

    def _tell(self, slot: Slot, status: int, headers: Mapping[str, str], *, bulk: bool) -> None:
        """Rate headers to the budget; X-RateLimit-* come with every answer (vendor page)."""
        if status == 429:
            # Which of two limits was hit is not said, so everything waits.
            slot.refused(wait_seconds=faults.wait_of(headers, now=self._clock.now()))
            return
        limit = faults.count_of(headers, "x-ratelimit-limit")
        remaining = faults.count_of(headers, "x-ratelimit-remaining")
        most, most_bulk = self._most_told
        # Which limit the headers of a bulk answer speak of is not documented: a limit no larger than bulk's
        # own is bulk's.
        of_bulk = bulk and limit is not None and limit <= most_bulk < most
        slot.answered(limit=limit, remaining=remaining, pool=BULK if of_bulk else API)

    def close(self) -> None:
        self._http.close()
