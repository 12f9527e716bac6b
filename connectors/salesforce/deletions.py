"""The org's log of deletes (getDeleted): the only place that shows a record deleted for good (section 3.3).

It reaches back 15 days, less where it was trimmed, and is read in whole minutes. It knows soft deletes and losers of
merges as well, and ids that have come back since; so what it tells is looked at by id before it is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce import soql
from connectors.salesforce.codec import moment
from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.transport import Ask, Transport
from syncd.net.governor import Priority

#: How far the log reaches back at most; a minute less, since the server counts by its own clock.
REACH = timedelta(days=15) - timedelta(minutes=1)
#: Tried one after the other for a look by id, where a trimmed log refuses the longer.
_REACHES = (REACH, timedelta(days=5), timedelta(days=1), timedelta(hours=2), timedelta(minutes=15))
_MINUTE = 60
_TOO_EARLY = "INVALID_REPLICATION_DATE"
_NO_LOG = "INVALID_TYPE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was deleted within a span."""

    deleted: Mapping[str, datetime | None] = field(default_factory=dict)  #: id → when last; a record may be back since
    covered: datetime  #: complete up to here: where the next span begins
    trimmed: bool = False  #: the log no longer reached back to the start, so deletes were missed


def whole_minute(at: datetime) -> datetime:
    """The minute that a moment counts as: Salesforce cuts the seconds off."""
    return soql.from_seconds(soql.seconds(at) // _MINUTE * _MINUTE)


class Deletions:
    """Reads the log for one object of one opened connection."""

    def __init__(self, transport: Transport, *, object: str) -> None:  # noqa: A002  the port's word for it
        self._transport = transport
        self._object = object
        self.missing = False  #: Salesforce keeps no log of this object's deletes

    def between(self, start: datetime, end: datetime) -> Log:
        """What was deleted from ``start`` to ``end``, which lie in different minutes. Raises a ConnectionStop."""
        where = f"the log of deleted {self._object} records on Salesforce"
        if self.missing:
            return Log(covered=whole_minute(end))
        try:
            return self._between(whole_minute(start), whole_minute(end))
        except Refused as refused:
            if _says(refused, _TOO_EARLY):
                return Log(covered=whole_minute(end), trimmed=True)
            if _says(refused, _NO_LOG):
                self.missing = True
                return Log(covered=whole_minute(end))
            raise not_understood(where, refused) from None
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(where, error) from None

    def lately(self, now: datetime) -> Mapping[str, datetime | None]:
        """Everything that the log still knows; empty where it refuses. Raises a ConnectionStop."""
        for reach in _REACHES:
            log = self.between(now - reach, now)
            if log.deleted or not log.trimmed:
                return log.deleted
        return {}

    def _between(self, start: datetime, end: datetime) -> Log:
        try:
            return self._ask(start, end)
        except Refused as refused:
            middle = whole_minute(start + (end - start) / 2)
            if refused.next is not Next.SMALLER or middle in {start, end}:
                raise
        first, second = self._between(start, middle), self._between(middle, end)
        # Where the earlier half is not covered to its end, the later one does not count.
        covered = second.covered if first.covered >= middle else first.covered
        return Log(deleted={**first.deleted, **second.deleted}, covered=covered, trimmed=first.trimmed)

    def _ask(self, start: datetime, end: datetime) -> Log:
        span = (("start", soql.moment(start)), ("end", soql.moment(end)))
        path = f"sobjects/{self._object}/deleted"
        ask = Ask(method="GET", path=path, kind="getDeleted", priority=Priority.PULL, params=span)
        data: Mapping[str, object] = self._transport.read(ask).data
        rows = data.get("deletedRecords")
        covered = moment(data["latestDateCovered"])
        earliest = moment(data.get("earliestDateAvailable"))
        return Log(
            deleted=_latest(rows) if isinstance(rows, list) else {},
            # Held back by somebody's open transaction for as long as it lasts, but never before the start.
            covered=max(start, min(end, covered or start)),
            trimmed=earliest is not None and earliest > start,
        )


def _latest(rows: Sequence[Mapping[str, Any]]) -> dict[str, datetime | None]:
    """A record that was brought back and deleted again is listed more than once."""
    found: dict[str, datetime | None] = {}
    for row in rows:
        one, at = str(row["id"]), moment(row.get("deletedDate"))
        known = found.get(one)
        found[one] = max(at, known) if at and known else at or known
    return found


def _says(refused: Refused, code: str) -> bool:
    return any(fault.code == code for fault in refused.faults)
