"""The feed of changes: a walk by (SystemModstamp, Id), and the log of deletes for what is gone for good.

A window ``[since - overlap, upper)`` is frozen by its first page. ``upper`` is Salesforce's own clock, taken from the
Date header of that page's answer less the time that the request took, since the header is written after the query ran;
so that page is asked for without it, which shows at most a record too many. Stamps
are set when a transaction writes and seen when it commits, minutes later (section 3.2): only reading each stretch of
time again, for ``overlap`` long, finds what was committed late. So rows repeat in every pass of that time, which costs
nothing further: the state drops what it knows.

Soft deletes and merges are rows too (queryAll). Deletes for good are not: the log tells them, asked at the end of a
window and no more often than Salesforce wants to be polled (section 3.3). Where the log got to stands in the cursor and
not in the connector's memory: a page that was never stored is read again with all that it told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from connectors.port import Memory, Page
from connectors.salesforce import soql
from connectors.salesforce.codec import ID, MASTER, STAMP, is_gone, moment
from connectors.salesforce.deletions import Deletions, Log, whole_minute
from connectors.salesforce.faults import Refused, not_understood
from connectors.salesforce.looks import Looks, Told
from connectors.salesforce.reading import Reader, Row, Rows
from syncd.clock import Clock
from syncd.core.model import Gone, Record
from syncd.errors import Unreachable
from syncd.net.governor import Priority

#: Our record of Salesforce's clock may be this much off its stamps: a Date header has whole seconds.
_ALLOWANCE = timedelta(seconds=5)
_LOG_EVERY = 300  #: seconds, syncd's clock
_ORDER = f"{STAMP}, {ID}"
MISSED = "deletes_missed_since"  #: key in Memory: the log of deletes had a gap; "" once everything was listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the feed is. Moments are whole seconds since 1970, of Salesforce's clock unless said otherwise."""

    since: int  #: everything that was committed before is known, but for late commits
    upper: int | None = None  #: end of the window that is being walked; None: the next page begins one
    stamp: int | None = None  #: the last row of the page before
    last: str = ""
    deleted: int  #: the log of deletes is known up to here
    asked: int = 0  #: when the log was last asked for, syncd's clock

    def text(self) -> str:
        """The cursor as it is stored."""
        names = ("since", "upper", "stamp", "last", "deleted", "asked")
        return orjson.dumps({name: getattr(self, name) for name in names}).decode()


def read_cursor(text: str) -> Cursor:
    """The opposite of ``Cursor.text``. Raises KeyError, TypeError or ValueError for anything else."""
    data = orjson.loads(text)
    upper, stamp = data["upper"], data["stamp"]
    return Cursor(
        since=int(data["since"]),
        upper=None if upper is None else int(upper),
        stamp=None if stamp is None else int(stamp),
        last=str(data["last"]),
        deleted=int(data["deleted"]),
        asked=int(data["asked"]),
    )


def condition(cursor: Cursor, overlap: timedelta) -> str:
    """The SOQL condition for the next page."""
    back = soql.from_seconds(cursor.since) - overlap - _ALLOWANCE
    begin = f"{STAMP} >= {soql.moment(back)}"
    after = ""
    if cursor.stamp is not None:
        at = soql.moment(soql.from_seconds(cursor.stamp))
        begin = f"{STAMP} >= {at}"
        after = f"({STAMP} > {at} OR {ID} > {soql.text(cursor.last)})"
    end = "" if cursor.upper is None else f"{STAMP} < {soql.moment(soql.from_seconds(cursor.upper))}"
    return soql.both(begin, end, after)


def advance(cursor: Cursor, found: Rows) -> tuple[Cursor, bool]:
    """Given a page, return where to go on and whether the window is done.

    Raises ValueError when the rows are not in the order that was asked for: going on would skip records.
    """
    upper = soql.seconds(_clock_of(found.seen_at)) if cursor.upper is None else cursor.upper
    stamps = [_stamp(row) for row in found.rows]
    reached = (_stamp(found.last), str(found.last[ID])) if found.last is not None else None
    before = cursor.stamp if cursor.stamp is not None else 0
    if stamps != sorted(stamps) or (stamps and stamps[0] < before) or reached == (cursor.stamp, cursor.last):
        raise ValueError("the rows are not in the order that was asked for")
    if not found.more or reached is None:
        return replace(cursor, since=max(cursor.since, upper), upper=None, stamp=None, last=""), True
    return replace(cursor, upper=upper, stamp=reached[0], last=reached[1]), False


class Feed:
    """The feed of one opened connection."""

    def __init__(
        self,
        reader: Reader,
        looks: Looks,
        deletions: Deletions,
        *,
        overlap: timedelta,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self._reader = reader
        self._looks = looks
        self._deletions = deletions
        self._overlap = overlap
        self._clock = clock
        self._memory = memory

    def start(self) -> str:
        """A cursor at the moment of the last answer by Salesforce's clock, which is early enough.

        Costs one small request where nothing was answered yet. Raises a ConnectionStop.
        """
        now = self._reader.served_at or self._reader.probe(priority=Priority.PULL)
        at = soql.seconds(_clock_of(now))
        return Cursor(since=at, deleted=at).text()

    def page(self, text: str) -> Page:
        """The next page after a cursor. Raises a ConnectionStop.

        Nothing changed costs two requests, one where the log of deletes was asked for within five minutes.
        """
        where = "the feed of changes on Salesforce"
        try:
            cursor = read_cursor(text)
            found = self._reader.page(
                condition(cursor, self._overlap), order=_ORDER, all_rows=True, kind="queryAll", priority=Priority.PULL
            )
            following, done = advance(cursor, found)
            if cursor.upper is None:
                self._reader.walked_at = found.seen_at
            dead = {str(row[ID]): str(row.get(MASTER) or "") for row in found.rows if is_gone(row)}
        except (Refused, AttributeError, KeyError, TypeError, ValueError) as error:
            raise not_understood(where, error) from None
        log = None
        if done:
            following, log = self._log(following)
        fresh = {one: at for one, at in log.deleted.items() if one not in dead} if log is not None else {}
        merged = {loser: master for loser, master in dead.items() if master}
        told = Told()
        if fresh or merged:
            told = self._looks.look(fresh, merged=merged, log=fresh)
        return Page(
            records=self._records(found, told),
            looked_at=found.asked_at,
            cursor=following.text(),
            complete=done,
            gone=_gone([one for one, master in dead.items() if not master], told),
        )

    def _records(self, found: Rows, told: Told) -> tuple[Record, ...]:
        """The page's live rows, and the winners of merges, which say whom they have absorbed."""
        rows: list[Row] = [row for row in found.rows if not is_gone(row)]
        records = {record.id: record for record in self._looks.records(rows, found.lens)}
        winners = {told.end(loser) for loser in told.merged}
        records |= {one: told.live[one] for one in winners if one in told.live}
        return self._looks.judged(tuple(records.values()))

    def _log(self, cursor: Cursor) -> tuple[Cursor, Log | None]:
        """Ask the log of deletes where that is due; return the cursor behind it and what it told."""
        now = int(self._clock.now().timestamp())
        start, end = soql.from_seconds(cursor.deleted), soql.from_seconds(cursor.since)
        if 0 <= now - cursor.asked < _LOG_EVERY or whole_minute(start) >= whole_minute(end):
            return cursor, None
        log = self._deletions.between(start, end)
        if log.trimmed:
            self._memory.set(MISSED, start.isoformat())
        return replace(cursor, deleted=soql.seconds(log.covered), asked=now), log


def _gone(deleted: Sequence[str], told: Told) -> tuple[Gone, ...]:
    """Rows that are deleted and no merge, what the log proved, and losers whose winner is gone as well."""
    gone = {one: Gone(id=one, proof="is_deleted") for one in deleted} | told.gone
    for loser in told.merged:
        end = told.end(loser)
        if end not in told.live and end in told.gone:
            gone[loser] = replace(told.gone[end], id=loser)
    return tuple(gone.values())


def _stamp(row: Row) -> int:
    at = moment(row[STAMP])
    if at is None:
        raise ValueError("a row without a stamp")
    return soql.seconds(at)


def _clock_of(served_at: datetime | None) -> datetime:
    """Salesforce's clock. Refused alternative: ours, which may be ahead by more than the overlap and would skip
    changes.
    """
    if served_at is None:
        raise Unreachable(
            "the feed of changes on Salesforce: the answer has no Date header, so the time of the look is not known; "
            "does a proxy drop it?"
        )
    return served_at
