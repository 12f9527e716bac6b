"""query, queryAll and the pages after the first (contract, sections 3.1 and 7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import Shown
from syncd.sandbox.salesforce.soql.cursors import Cursor
from syncd.sandbox.salesforce.soql.run import Query
from syncd.sandbox.wire import Request, Response, json_response

PAGE_MOST = 2_000
PAGE_LEAST = 200
_BASE = re.compile(r"/services/data/v\d+\.\d")
_BATCH = re.compile(r"\bbatchSize\s*=\s*(\d+)", re.IGNORECASE)
_LOCATOR = re.compile(r"(\w{18})-(\d{1,9})", re.ASCII)


def query(org: Org, request: Request, *, all_rows: bool) -> Response:
    """The first page of ``q``; with ``all_rows`` records in the recycle bin are found, too. Raises ApiError (400)."""
    text = request.get("q")
    if not text.strip():
        raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
    found = Query(org, text, all_rows=all_rows)
    rows = found.rows()
    if found.counts:
        return json_response(200, {"totalSize": len(rows), "done": True, "records": []})
    size = _page_size(org, found, request)
    locator = ""
    if len(rows) > size:
        ids = tuple(row.id for row in rows)
        locator = org.cursors.keep(Cursor(text=text, all_rows=all_rows, ids=ids, made=org.clock.now()))
    return _page(found, rows[:size], request, total=len(rows), following=f"{locator}-{size}" if locator else "")


def query_more(org: Org, locator: str, request: Request) -> Response:
    """The page that a ``nextRecordsUrl`` leads to; the same one gives the same page.

    Which rows belong to it was settled with the first page, their values are those of now. Raises ApiError (400
    INVALID_QUERY_LOCATOR for a locator that is unknown or too old).
    """
    match = _LOCATOR.fullmatch(locator)
    cursor = org.cursors.get(match[1], org.clock.now(), org.options.locator_seconds) if match else None
    start = int(match[2]) if match else 0
    if match is None or cursor is None or start >= len(cursor.ids):
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    found = Query(org, cursor.text, all_rows=cursor.all_rows)
    end = start + _page_size(org, found, request)
    rows = found.again(cursor.ids[start:end])
    following = f"{match[1]}-{end}" if end < len(cursor.ids) else ""
    return _page(found, rows, request, total=len(cursor.ids), following=following)


def _page_size(org: Org, found: Query, request: Request) -> int:
    hint = _BATCH.search(request.headers.get("sforce-query-options", ""))
    size = max(PAGE_LEAST, min(int(hint[1]), PAGE_MOST)) if hint else PAGE_MOST
    if found.long_texts > 1:
        size = PAGE_LEAST
    return min(size, org.options.page_limit)


def _page(found: Query, rows: Sequence[Shown], request: Request, *, total: int, following: str) -> Response:
    match = _BASE.match(request.path)
    base = match[0] if match else ""
    answer: dict[str, Any] = {"totalSize": total, "done": not following}
    if following:
        # Also after queryAll; the cursor knows which of the two it was.
        answer["nextRecordsUrl"] = f"{base}/query/{following}"
    answer["records"] = found.records(rows, base)
    return json_response(200, answer)
