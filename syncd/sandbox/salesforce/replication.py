"""getUpdated and getDeleted: which records changed, or went, in a stretch of time (contract, section 3.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.sandbox.salesforce.errors import ApiError, invalid_type
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import moment, wire
from syncd.sandbox.salesforce.schema import ObjectDef
from syncd.sandbox.wire import Request, Response, json_response

UPDATED_REACH = timedelta(days=30)
DELETED_REACH = timedelta(days=15)
IDS_MOST = 600_000


def updated(org: Org, name: str, request: Request) -> Response:
    """Ids of records that were made or changed from ``start`` to ``end``. Raises ApiError (400, 404)."""
    obj, start, end = _asked(org, name, request)
    ids = org.updated_ids(obj, start, end)
    _bounded(len(ids))
    return json_response(200, {"ids": list(ids), "latestDateCovered": wire(_covered(org, end))})


def deleted(org: Org, name: str, request: Request) -> Response:
    """Records deleted from ``start`` to ``end``, for good or into the bin. Raises ApiError (400, 404).

    ``earliestDateAvailable`` is the beginning of the log of deletes. When it is later than ``start``, deletes may be
    missing from the answer.
    """
    obj, start, end = _asked(org, name, request)
    purged = org.options.delete_log_purged_before
    if purged is not None and start < _minute(purged):
        raise _bad_date("startDate is before the earliest date for which deleted records are available")
    earliest = _minute(org.clock.now() - DELETED_REACH)
    if purged is not None:
        earliest = max(earliest, _minute(purged))
    found = org.deleted_log(obj, max(start, earliest), end)
    _bounded(len(found))
    answer = {
        "deletedRecords": [{"id": record_id, "deletedDate": wire(when)} for record_id, when in found],
        "earliestDateAvailable": wire(earliest),
        "latestDateCovered": wire(_covered(org, end)),
    }
    return json_response(200, answer)


def _asked(org: Org, name: str, request: Request) -> tuple[ObjectDef, datetime, datetime]:
    obj = org.schema.get(name)
    if not obj.replicateable:
        raise invalid_type(obj.name)
    start, end = (_minute(_moment(request, part)) for part in ("start", "end"))
    if start >= end:
        raise _bad_date("endDate must be at least one minute greater than startDate")
    if start < _minute(org.clock.now() - UPDATED_REACH):
        raise _bad_date("startDate cannot be more than 30 days ago")
    return obj, start, end


def _moment(request: Request, name: str) -> datetime:
    try:
        return moment(request.get(name))
    except (ValueError, OverflowError):
        # What the vendor answers is not established. Not INVALID_REPLICATION_DATE: that one asks for a full pull.
        raise ApiError(400, "MALFORMED_QUERY", f"{name} is not a valid date and time with a zone") from None


def _minute(when: datetime) -> datetime:
    """Seconds are not looked at."""
    return when.replace(second=0, microsecond=0)


def _covered(org: Org, end: datetime) -> datetime:
    """Up to where nothing can come after: behind the oldest open transaction, and never later than ``end``."""
    options = org.options
    covered = min(end, _minute(org.clock.now() - timedelta(seconds=options.commit_delay_seconds)))
    return covered if options.stuck_latest_covered is None else min(covered, _minute(options.stuck_latest_covered))


def _bounded(count: int) -> None:
    if count > IDS_MOST:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"more than {IDS_MOST} ids; ask for a shorter time")


def _bad_date(message: str) -> ApiError:
    return ApiError(400, "INVALID_REPLICATION_DATE", message)
