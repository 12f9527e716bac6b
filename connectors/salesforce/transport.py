"""Requests to Salesforce as the rest of the connector makes them: within the budget, retried, with a token that is
renewed once, faults sorted.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from connectors.port import Memory
from connectors.salesforce.faults import (
    CONCURRENT_SECONDS,
    PAUSE_SECONDS,
    Fault,
    Next,
    Passing,
    Refused,
    TokenRefused,
    fault_for,
    not_understood,
    parse_faults,
)
from connectors.salesforce.ids import full_id
from connectors.salesforce.kind import DAY, DAY_SECONDS
from connectors.salesforce.session import QUERY, QUERY_ALL, Door, Reply
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.tokens import Token, Tokens
from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.errors import AnswerLost, ConnectionStop, Parked, Unreachable
from syncd.net.faults import TransientFault, server_time
from syncd.net.governor import Governor, Priority, Slot
from syncd.net.retry import retrying

T = TypeVar("T")

PARKED_UNTIL = "parked_until"  #: key in Memory: the org's requests were used up, also for a process started meanwhile
_READS = Backoff()
#: Writes are repeated for seconds only: the look that they were decided on grows old meanwhile.
_WRITES = Backoff(base=0.5, cap=8.0, attempts=4)
_USAGE = re.compile(r"(?<![-\w])api-usage=(\d{1,12})/(\d{1,12})", re.ASCII)
_BATCH_SIZE = {"Sforce-Query-Options": "batchSize=2000"}  # rows a page at most, and only a hint (section 3.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. ``kind`` is its name in the summary; ``path`` is below services/data/vXX.X/ ("composite/sobjects"),
    its ids and values already quoted. The query has to stay below 16,384 bytes.
    """

    method: str
    path: str
    kind: str
    priority: Priority
    params: Sequence[tuple[str, str]] = ()
    body: Any = None  #: JSON; None: no body
    content: str | None = None  #: CSV, in place of ``body``
    headers: Mapping[str, str] = field(default_factory=dict)  #: sent with every try, also after a new token
    accept: Literal["json", "csv"] = "json"

    @property
    def where(self) -> str:
        """For messages; without the query, which may hold field values. Paths hold names and ids only."""
        return f"{self.method} {self.path} on Salesforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success. ``asked_at``: when its request was sent, syncd's clock. ``served_at``: Salesforce's clock, whole
    seconds. Header names are lower case.
    """

    data: Any  #: decoded JSON: dict or list; None for an empty body and for CSV
    text: str  #: CSV; "" for JSON
    status: int
    headers: Mapping[str, str]
    asked_at: datetime
    served_at: datetime | None
    took: timedelta  #: from the request to its answer
    repeated_within: timedelta | None = None
    #: set when an earlier try of a write may have been applied: the time since that try was sent


class Transport:
    """All requests of one opened connection. Used by several threads at once. Sends nothing when made."""

    def __init__(
        self,
        settings: SalesforceSettings,
        *,
        governor: Governor,
        clock: Clock,
        memory: Memory,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._governor = governor
        self._clock = clock
        self._memory = memory
        self._jitter = jitter
        self._tokens = Tokens(settings, clock, self._send_form)
        self._lock = threading.Lock()
        self._idle: list[Door] = []
        self._closed = False
        self._usage: tuple[int, int] | None = None
        self._org_id = ""
        self._parked_until: datetime | None = None
        self._remembered = False  # whether Memory was asked for it
        self.served_at: datetime | None = None  #: Salesforce's clock when it gave the last answer

    @property
    def usage(self) -> tuple[int, int] | None:
        """(used, limit) of the org's requests in a day by the last Sforce-Limit-Info; None where none came. Late and
        approximate (section 6).
        """
        with self._lock:
            return self._usage

    def read(self, ask: Ask) -> Answer:
        """Send a request that changes nothing, as often as it takes. Raises Refused or a ConnectionStop.

        Row locks, concurrent limits and transient faults are waited out here.
        """
        return self._retried(lambda: self._once(ask), ask, _READS, safe=True)

    def query(
        self, soql: str, *, all_rows: bool = False, kind: str = "query", priority: Priority = Priority.PULL
    ) -> Answer:
        """Send one SOQL query; ``data`` is its first page, ``{"totalSize", "done", "records": […]}``, of at most 2,000
        rows. ``all_rows``: also deleted ones (queryAll). Raises Refused or a ConnectionStop.
        """
        return self.read(
            Ask(
                method="GET",
                path=QUERY_ALL if all_rows else QUERY,
                kind=kind,
                priority=priority,
                params=(("q", soql),),
                headers=_BATCH_SIZE,
            )
        )

    def write(self, ask: Ask, *, safe: bool) -> Answer:
        """Send a request that changes something. ``safe``: it may be repeated although it may have been applied.

        Raises Refused, AnswerLost when it may have been applied and nothing is known, or a ConnectionStop when it was
        not.
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
            if first and (isinstance(stop, ConnectionStop) or stop.next in (Next.LOCKED, Next.SMALLER)):
                raise AnswerLost(f"{ask.where}: sent, and no answer says what became of it ({stop})") from None
            raise
        return replace(answer, repeated_within=self._clock.now() - first[0]) if first else answer

    def org_id(self) -> str:
        """Id of the org, 18 characters. The login tells it; where not, it is asked for. Raises a ConnectionStop."""
        if not self._org_id:
            ask = Ask(method="GET", path=QUERY, kind="account", priority=Priority.LIVE)
            told = self._retried(lambda: self._tokens.token().org_id, ask, _READS, safe=True)
            self._org_id = told or self._ask_org_id(ask)
        return self._org_id

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for door in idle:
            door.close()

    def _ask_org_id(self, ask: Ask) -> str:
        try:
            answer = self.query("SELECT Id FROM Organization LIMIT 1", kind=ask.kind, priority=ask.priority)
            return full_id(answer.data["records"][0]["Id"])
        except (Refused, LookupError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None

    def _retried(self, call: Callable[[], T], ask: Ask, backoff: Backoff, *, safe: bool) -> T:
        try:
            return retrying(call, clock=self._clock, backoff=backoff, safe=safe, random=self._jitter, what=ask.where)
        except Unreachable as stop:
            if isinstance(stop.__cause__, Passing):
                raise stop.__cause__.refused from None
            raise

    def _once(self, ask: Ask) -> Answer:
        self._refuse_if_parked()
        token = self._tokens.token()
        try:
            return self._exchange(ask, token)
        except TokenRefused:
            token = self._tokens.renew(token)
        try:
            return self._exchange(ask, token)
        except TokenRefused:
            raise self._tokens.refused_again() from None

    def _refuse_if_parked(self) -> None:
        now = self._clock.now()
        with self._lock:
            if not self._remembered:
                self._remembered, self._parked_until = True, _moment(self._memory.get(PARKED_UNTIL))
            left = (self._parked_until - now).total_seconds() if self._parked_until else 0.0
        if 0 < left <= PAUSE_SECONDS:  # more than that is a clock that was set back
            raise Parked(
                "Salesforce: the org's requests of the last 24 hours were used up a short while ago; nothing is sent "
                f"for {left:.0f} s, syncd goes on by itself afterwards",
                seconds=left,
            )

    def _exchange(self, ask: Ask, token: Token) -> Answer:
        with self._governor.ask(DAY, kind=ask.kind, priority=ask.priority) as slot, self._door() as door:
            asked_at = self._clock.now()
            reply = door.exchange(
                ask.method,
                ask.path,
                token=token.value,
                instance_url=token.instance_url,
                params=ask.params,
                body=ask.body,
                content=ask.content,
                headers=ask.headers,
                csv=ask.accept == "csv",
            )
            faults = () if reply.status < 300 else _faults_in(reply, token)
            self._tell(slot, reply, faults)
            took = max(timedelta(0), self._clock.now() - asked_at)
        served_at = server_time(reply.headers.get("date"))
        self.served_at = served_at or self.served_at
        if reply.status >= 300:
            raise fault_for(reply.status, reply.headers, faults, where=ask.where, now=self._clock.now())
        return Answer(
            data=reply.data,
            text=_text(reply, ask),
            status=reply.status,
            headers=reply.headers,
            asked_at=asked_at,
            served_at=served_at,
            took=took,
        )

    def _tell(self, slot: Slot, reply: Reply, faults: Sequence[Fault]) -> None:
        """Pass on what the answer says of the budget."""
        found = _USAGE.search(reply.headers.get("sforce-limit-info", ""))
        if found is None:
            slot.answered()
        else:
            used, limit = int(found[1]), int(found[2])
            with self._lock:
                self._usage = (used, limit)
            slot.answered(limit=limit, remaining=max(0, limit - used), window_seconds=DAY_SECONDS)
        wanted = faults[0].next if faults else None
        if wanted is Next.PARK:
            slot.refused(wait_seconds=PAUSE_SECONDS)
            until = self._clock.now() + timedelta(seconds=PAUSE_SECONDS)
            with self._lock:
                self._remembered, self._parked_until = True, until
            self._memory.set(PARKED_UNTIL, until.isoformat())
        elif wanted is Next.WAIT:
            slot.refused(wait_seconds=CONCURRENT_SECONDS)

    def _send_form(self, url: str, form: Mapping[str, str]) -> Reply:
        """Logins do not count as requests of the org, but they are few, and the summary shows all that was sent."""
        with self._governor.ask(DAY, kind="token", priority=Priority.LIVE) as slot, self._door() as door:
            reply = door.post_form(url, form)
            slot.answered()
        return reply

    @contextmanager
    def _door(self) -> Iterator[Door]:
        """A door that no other thread uses meanwhile (section 2.5); kept afterwards, with its connection."""
        with self._lock:
            door = self._idle.pop() if self._idle else None
        door = door or Door(
            timeout_seconds=self._settings.timeout.total_seconds(),
            api_version=self._settings.api_version,
        )
        try:
            yield door
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.append(door)
            if not keep:
                door.close()


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _text(reply: Reply, ask: Ask) -> str:
    """The CSV of a success. Raises TransientFault for an answer that was not what was asked for."""
    if not reply.broken:
        try:
            return reply.body.decode() if ask.accept == "csv" else ""
        except UnicodeDecodeError:
            pass
    wanted = "CSV" if ask.accept == "csv" else "JSON"
    raise TransientFault(f"{ask.where}: answered {reply.status} with something that is no {wanted}", sent=True)


def _faults_in(reply: Reply, token: Token) -> tuple[Fault, ...]:
    text = reply.body.replace(token.value.encode(), "…".encode())  # whoever repeats the request may repeat its token
    try:
        return parse_faults(json.loads(text))
    except (ValueError, RecursionError):
        return ()
