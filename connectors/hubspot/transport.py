"""Requests to HubSpot as the rest of the connector makes them: within the budget, retried, on dated paths,
faults sorted.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.hubspot.faults import (
    Locked,
    Refused,
    TokenRefused,
    credentials_refused,
    parse_body,
    raise_for,
    rate_refusal,
    until_midnight,
)
from connectors.hubspot.oauth import Credentials
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.wire import Reply, Wire
from connectors.port import Memory
from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.errors import AnswerLost, ConnectionStop, Parked, Unreachable
from syncd.net.faults import Throttled, TransientFault, parse_retry_after, server_time
from syncd.net.governor import Governor, Priority, Slot
from syncd.net.retry import retrying

#: The one place that names HubSpot's API version. Supported at least until March 2028 (dated versions live 18
#: months, section 1).
API_VERSION = "2026-09"
CONTACTS = f"/crm/objects/{API_VERSION}/contacts"
PROPERTIES = f"/crm/properties/{API_VERSION}/contacts"
PIPELINES = f"/crm/pipelines/{API_VERSION}/contacts"
ACCOUNT = f"/account-info/{API_VERSION}/details"
TOKEN = f"/oauth/{API_VERSION}/token"

API_POOL = "api"
SEARCH_POOL = "search"
LOCKED = 423  #: status of a Refused: the record stayed locked through all tries
TIME_ZONE = "time_zone"  #: key in Memory: the account's time zone, in which its day ends

_READS = Backoff()
#: Writes are repeated for seconds only: the look that they were decided on grows old meanwhile.
_WRITES = Backoff(base=0.5, cap=8.0, attempts=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. ``kind`` is its name in the summary; searches draw on the search budget as well."""

    method: str
    path: str
    kind: str
    priority: Priority
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Any] | None = None
    search: bool = False

    @property
    def where(self) -> str:
        """For messages; without the query, which may hold an e-mail address."""
        return f"{self.method} {self.path} on HubSpot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success. ``asked_at``: when its request was sent, syncd's clock. ``served_at``: HubSpot's clock,
    whole seconds.
    """

    data: Mapping[str, Any]
    asked_at: datetime
    served_at: datetime | None
    repeated_within: timedelta | None = None
    #: set when an earlier try may have been applied: the time since that try was sent


class Transport:
    """All requests of one opened connection. Used by several threads at once."""

    def __init__(
        self,
        settings: HubSpotSettings,
        *,
        governor: Governor,
        clock: Clock,
        memory: Memory,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._wire = Wire(settings.base_url, timeout_seconds=settings.timeout.total_seconds())
        self._governor = governor
        self._clock = clock
        self._memory = memory
        self._jitter = jitter
        self._credentials = Credentials(settings, clock, self._fetch_token)
        self._lock = threading.Lock()
        self._daily_left: tuple[int, int] | None = None
        self.served_at: datetime | None = None  #: HubSpot's clock when it gave the last answer

    @property
    def daily_left(self) -> tuple[int, int] | None:
        """(left, limit) of the account's requests today by the last answer's headers; None where they said
        nothing.
        """
        with self._lock:
            return self._daily_left

    def read(self, ask: Ask) -> Answer:
        """Send a request that changes nothing, as often as it takes. Raises Refused or a ConnectionStop."""
        return self._retried(lambda: self._once(ask), ask, _READS, safe=True)

    def write(self, ask: Ask, *, safe: bool) -> Answer:
        """Send a request that changes something. ``safe``: it may be repeated although it may have been
        applied.

        Raises Refused, AnswerLost when it may have been applied and nothing is known, or a ConnectionStop
        when it was not.
        """
        first: list[datetime] = []  # when the first try was sent that may have been applied

        def attempt() -> Answer:
            sent_at = self._clock.now()
            try:
                return self._once(ask)
            except TransientFault as fault:
                if fault.sent and not first:
                    first.append(sent_at)
                raise

        try:
            answer = self._retried(attempt, ask, _WRITES, safe=safe)
        except (ConnectionStop, Refused) as stop:
            if first and (isinstance(stop, ConnectionStop) or stop.status == LOCKED):
                raise AnswerLost(f"{ask.where}: sent, and no answer says what became of it ({stop})") from None
            raise
        return replace(answer, repeated_within=self._clock.now() - first[0]) if first else answer

    def close(self) -> None:
        """Close the kept connections."""
        self._wire.close()

    def _retried(self, call: Callable[[], Answer], ask: Ask, backoff: Backoff, *, safe: bool) -> Answer:
        try:
            return retrying(call, clock=self._clock, backoff=backoff, safe=safe, random=self._jitter, what=ask.where)
        except Unreachable as stop:
            if isinstance(stop.__cause__, Locked):
                raise Refused(LOCKED, stop.__cause__.body, ask.where) from None
            raise

    def _once(self, ask: Ask) -> Answer:
        token = self._credentials.token()
        try:
            return self._exchange(ask, token)
        except TokenRefused:
            if not self._credentials.renewable:
                raise credentials_refused(ask.where) from None
        self._credentials.renew(token)
        try:
            return self._exchange(ask, self._credentials.token())
        except TokenRefused:
            raise credentials_refused(ask.where) from None

    def _exchange(self, ask: Ask, token: str) -> Answer:
        # The vendor counts searches apart; whether they count against the burst as well is not documented, so
        # both are asked.
        pools = (SEARCH_POOL, API_POOL) if ask.search else (API_POOL,)
        with self._governor.ask(*pools, kind=ask.kind, priority=ask.priority) as slot:
            asked_at = self._clock.now()
            reply = self._wire.exchange(ask.method, ask.path, token=token, query=ask.query, body=ask.body)
            self._tell(slot, reply, ask)
        body = reply.body.replace(token.encode(), "…".encode())  # whoever repeats the request may repeat its token
        data = raise_for(reply.status, reply.headers, body, where=ask.where, now=self._clock.now())
        served_at = server_time(reply.headers.get("date"))
        self.served_at = served_at or self.served_at
        return Answer(data=data, asked_at=asked_at, served_at=served_at)

    def _tell(self, slot: Slot, reply: Reply, ask: Ask) -> None:
        """Pass on what the answer says of the budget. Raises Throttled or Parked for a 429."""
        self._note_daily(reply)
        if reply.status != 429:
            slot.answered(
                pool=API_POOL,
                limit=_number(reply, "x-hubspot-ratelimit-max"),
                remaining=_number(reply, "x-hubspot-ratelimit-remaining"),
                window_seconds=_seconds(reply),
            )
            return
        refusal = rate_refusal(parse_body(reply.body) or {}, reply.headers, self._clock.now())
        if refusal.daily:
            seconds = until_midnight(self._clock.now(), self._memory.get(TIME_ZONE))
            raise Parked(
                "HubSpot's daily number of requests is used up for the whole account; syncd comes back "
                "when the account's day "
                f"ends, in {seconds:.0f} s. Find out what else uses the account's requests, or raise the "
                "limit",
                seconds=seconds,
            )
        slot.refused(
            wait_seconds=refusal.wait_seconds,
            pool=SEARCH_POOL if ask.search and refusal.searches_only else None,
        )
        raise Throttled(f"{ask.where}: too many requests (429)")

    def _note_daily(self, reply: Reply) -> None:
        left, limit = (
            _number(reply, "x-hubspot-ratelimit-daily-remaining"),
            _number(reply, "x-hubspot-ratelimit-daily"),
        )
        if left is not None and limit:
            with self._lock:
                self._daily_left = (left, limit)

    def _fetch_token(self, form: list[tuple[str, str]]) -> Reply:
        with self._governor.ask(API_POOL, kind="token", priority=Priority.LIVE) as slot:
            reply = self._wire.exchange("POST", TOKEN, form=form)
            if reply.status == 429:
                hint = parse_retry_after(reply.headers.get("retry-after"), self._clock.now())
                slot.refused(wait_seconds=hint)
                raise Throttled("HubSpot's token path: too many requests (429)")
            slot.answered()
        return reply


def _number(reply: Reply, name: str) -> int | None:
    text = reply.headers.get(name, "")
    return int(text) if text.isdecimal() else None


def _seconds(reply: Reply) -> float | None:
    milliseconds = _number(reply, "x-hubspot-ratelimit-interval-milliseconds")
    return None if milliseconds is None else milliseconds / 1000
