"""The feed of changes: search by last-modified time, walked so that nothing is skipped. Decides nothing about
what it finds.

A window ``[since, upper)`` is frozen by its first page and walked by ``hs_object_id``, always page 0. So
there is no 10,000 cap, no drift, and no endless loop where a bulk job stamped many records with one
millisecond (section 5). A record that is modified during the walk leaves the window and falls into the next.

``upper`` is HubSpot's own clock, taken from the Date header of the window's first answer; so that page is
asked for without an upper bound, which costs nothing and shows at most a record too many. The next window
starts OVERLAP earlier: the index shows late what was changed shortly before.

Rows of the index may be older than the record: callers drop looks by version and re-read what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from connectors.hubspot.codec import MODIFIED, Lens, epoch_ms, record_of
from connectors.hubspot.faults import Refused, not_understood
from connectors.hubspot.transport import ACCOUNT, CONTACTS, Ask, Transport
from connectors.port import Page
from syncd.errors import Unreachable
from syncd.net.governor import Priority

OVERLAP = timedelta(minutes=2)
#: The Date header has whole seconds, and the moment before a scan needs no more allowance than that.
_START_ALLOWANCE = timedelta(seconds=2)
LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the walk stands; milliseconds by HubSpot's clock. Without ``upper`` the window is not begun."""

    since: int
    upper: int | None = None
    last_id: int = 0
    floor: int = 0  #: a complete listing began then: nothing older was missed, so no overlap reaches below it

    def text(self) -> str:
        plain = {"since": self.since, "upper": self.upper, "last": self.last_id, "floor": self.floor}
        return orjson.dumps(plain).decode()


def read_cursor(text: str) -> Cursor:
    """The opposite of ``Cursor.text``. Raises ValueError, KeyError or TypeError for anything else."""
    data = orjson.loads(text)
    upper = data["upper"]
    return Cursor(
        since=int(data["since"]),
        upper=None if upper is None else int(upper),
        last_id=int(data["last"]),
        floor=int(data["floor"]),
    )


def start_cursor(now: datetime) -> Cursor:
    """The cursor of a feed that is to show all changes from ``now`` on, by HubSpot's clock."""
    since = epoch_ms(now - _START_ALLOWANCE)
    return Cursor(since=since, floor=since)


def query(cursor: Cursor, lens: Lens) -> dict[str, Any]:
    """The search for the next page of the window."""
    filters = [{"propertyName": MODIFIED, "operator": "GTE", "value": str(cursor.since)}]
    if cursor.upper is not None:
        filters.append({"propertyName": MODIFIED, "operator": "LT", "value": str(cursor.upper)})
    filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(cursor.last_id)})
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(lens.requested),
        "limit": LIMIT,
    }


def advance(cursor: Cursor, *, ids: list[int], served_at: datetime, more: bool = False) -> tuple[Cursor, bool]:
    """Given a page's ids and the moment of its answer, return where to go on and whether the window is done.

    ``more``: the answer names a next page, so a short one is not the last. Raises ValueError when the ids are not in
    the asked order or none came although there are more: going on would skip records.
    """
    if more and not ids:
        raise ValueError("a page without rows names a next one")
    if ids != sorted(ids) or (ids and ids[0] <= cursor.last_id):
        raise ValueError("the rows are not in the order that was asked for")
    upper = epoch_ms(served_at) if cursor.upper is None else cursor.upper
    if len(ids) < LIMIT and not more:
        since = max(upper - OVERLAP // timedelta(milliseconds=1), cursor.floor)
        return Cursor(since=since, floor=cursor.floor), True
    return replace(cursor, upper=upper, last_id=ids[-1]), False


class Feed:
    """The feed of one opened connection."""

    def __init__(self, transport: Transport, lens: Lens) -> None:
        self._transport = transport
        self._lens = lens

    def start(self) -> str:
        """A cursor at the moment of the last answer by HubSpot's clock, which is early enough.

        Costs one small request where nothing was answered yet. Raises a ConnectionStop.
        """
        if (served_at := self._transport.served_at) is not None:
            return start_cursor(served_at).text()
        ask = Ask(method="GET", path=ACCOUNT, kind="account", priority=Priority.PULL)
        try:
            answer = self._transport.read(ask)
        except Refused as refused:
            raise not_understood(ask.where, refused) from None
        return start_cursor(_clock_of(answer.served_at, ask.where)).text()

    def page(self, text: str) -> Page:
        """The next page after a cursor; nothing changed costs exactly one search. Raises a ConnectionStop."""
        ask_where = "the feed of changes"
        try:
            cursor = read_cursor(text)
            ask = Ask(
                method="POST",
                path=f"{CONTACTS}/search",
                kind="search",
                priority=Priority.PULL,
                body=query(cursor, self._lens),
                search=True,
            )
            answer = self._transport.read(ask)
            ask_where = ask.where
            records = tuple(record_of(row, self._lens) for row in answer.data["results"])
            following, done = advance(
                cursor,
                ids=[int(record.id) for record in records],
                served_at=_clock_of(answer.served_at, ask.where),
                more=bool((answer.data.get("paging") or {}).get("next")),
            )
        except (Refused, AttributeError, KeyError, TypeError, ValueError) as error:
            raise not_understood(ask_where, error) from None
        return Page(records=records, looked_at=answer.asked_at, cursor=following.text(), complete=done)


def _clock_of(served_at: datetime | None, where: str) -> datetime:
    """HubSpot's clock. Refused alternative: ours, which may be ahead by more than the overlap and would skip
    changes.
    """
    if served_at is None:
        raise Unreachable(
            f"{where}: the answer has no Date header, so the time of the look is not known; does a proxy drop it?"
        )
    return served_at
