"""Single records and the listing: ``/crm/v3/objects/{type}`` and its dated twins (contract, section 4)."""

from __future__ import annotations

from bisect import bisect_left

from syncd.sandbox.hubspot import batch, search, ties
from syncd.sandbox.hubspot.calls import Answer, Call
from syncd.sandbox.hubspot.errors import not_found, not_numeric, validation
from syncd.sandbox.hubspot.portal import Portal, Wanted
from syncd.sandbox.hubspot.rows import Row
from syncd.sandbox.hubspot.table import Table

LIST_MOST = 100
HISTORY_MOST = 50


def handle(portal: Portal, call: Call) -> Answer:
    """Answer one call below ``objects``. Raises Refused."""
    table = portal.table(call.parts[0])
    reads = call.method == "GET" or call.parts[1:] in (("search",), ("batch", "read"))
    call.need(f"crm.objects.{table.schema.scope}.{'read' if reads else 'write'}")
    match call.method, call.parts[1:]:
        case "GET", ():
            return _list(portal, table, call)
        case "POST", ():
            return _create(portal, table, call)
        case "POST", ("search",):
            return search.handle(portal, table, call)
        case "POST", ("merge",):
            return _merge(portal, table, call)
        case "POST", ("gdpr-delete",):
            return _forget(table, call)
        case "POST", ("batch", op):
            return batch.handle(portal, table, call, op)
        case "GET", (row_id,):
            return _get(portal, table, call, row_id)
        case "PATCH", (row_id,):
            return _update(portal, table, call, row_id)
        case "DELETE", (row_id,):
            row = table.find(int(row_id)) if row_id.isdecimal() else None
            if row is not None:
                table.archive(row)
            return Answer(204)
        case _, (row_id, "associations", *rest):
            return ties.single(portal, table, call, row_id, rest)
    raise not_found()


def _wanted(portal: Portal, table: Table, call: Call) -> Wanted:
    return portal.wanted(
        table, call.names("properties"), call.names("propertiesWithHistory"), call.names("associations")
    )


def _list(portal: Portal, table: Table, call: Call) -> Answer:
    wanted = _wanted(portal, table, call)
    limit = call.number("limit", 10, HISTORY_MOST if wanted.history else LIST_MOST)
    after = call.request.get("after")
    if after and not after.isdecimal():
        raise validation("Invalid input: after is not a valid cursor")
    if call.flag("archived"):
        table.empty_bin()
        ids = table.bin
    else:
        ids = table.live
    start = bisect_left(ids, int(after or 0))
    page = ids[start : start + limit]
    body: dict[str, object] = {"results": [portal.shown(table, table.rows[one], wanted) for one in page]}
    if start + limit < len(ids):
        mark = str(page[-1] + 1)
        link = f"https://api.hubapi.com{call.request.path}?after={mark}"
        body["paging"] = {"next": {"after": mark, "link": link}}
    return Answer(200, body)


def resolve(table: Table, text: str, prop: str) -> Row | None:
    """The live record that an id, or the value of a unique property, leads to. Raises Refused (400)."""
    if prop and prop != "hs_object_id":
        if not table.is_unique(prop):
            raise batch.not_unique(table, prop)
        return table.look_up(prop, text)
    return table.find(int(text)) if text.isdecimal() else None


def _get(portal: Portal, table: Table, call: Call, text: str) -> Answer:
    prop = call.request.get("idProperty")
    if not prop and not text.isdecimal():
        raise not_numeric()
    row = resolve(table, text, prop)
    if call.flag("archived"):
        table.empty_bin()
        row = table.rows.get(int(text)) if text.isdecimal() else None
        row = row if row is not None and row.archived is not None else None
    if row is None:
        raise not_found()
    return Answer(200, portal.shown(table, row, _wanted(portal, table, call)))


def _create(portal: Portal, table: Table, call: Call) -> Answer:
    body = call.body()
    draft = portal.writer.draft(
        table, None, body.get("properties"), version=call.version, links=body.get("associations")
    )
    row = portal.writer.write(draft)
    return Answer(201, portal.written(table, row, draft.values))


def _update(portal: Portal, table: Table, call: Call, text: str) -> Answer:
    prop = call.request.get("idProperty")
    if not prop and not text.isdecimal():
        raise not_numeric()
    row = resolve(table, text, prop)
    merged = not prop and int(text) in table.moved
    if row is None or (merged and portal.options.merged_patch == "not_found"):
        raise not_found()
    draft = portal.writer.draft(table, row, call.body().get("properties"), version=call.version)
    return Answer(200, portal.written(table, portal.writer.write(draft), draft.values))


def _merge(portal: Portal, table: Table, call: Call) -> Answer:
    body = call.body()
    pair = [str(body.get(key, "")) for key in ("primaryObjectId", "objectIdToMerge")]
    rows = [table.find(int(one)) if one.isdecimal() else None for one in pair]
    primary, other = rows
    if primary is None or other is None:
        raise not_found()
    if primary.id == other.id:
        raise validation("Invalid input: a record cannot be merged with itself", ids=pair)
    merged = merge(portal, table, primary, other)
    return Answer(200, portal.shown(table, merged, portal.wanted(table, ())))


def merge(portal: Portal, table: Table, primary: Row, other: Row) -> Row:
    """Merge two live records, and what is tied to them."""
    merged = table.merge(primary, other, keep_primary=portal.options.merge_keeps_primary)
    portal.associations.move(table.schema.name, (primary.id, other.id), merged.id)
    return merged


def _forget(table: Table, call: Call) -> Answer:
    body = call.body()
    text = str(body.get("objectId", ""))
    row = resolve(table, text, str(body.get("idProperty") or ""))
    if row is not None:
        table.purge(row.id)
    elif text.isdecimal():
        table.purge(int(text))
    return Answer(204)
