"""Search (contract, section 5): groups of filters over the index, one sort, 200 a page, nothing past 10,000.

Conditions on the modified time and the record id narrow the rows by bisection before any row is looked at.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from syncd.sandbox.hubspot.calls import Answer, Call, bounded, text_list
from syncd.sandbox.hubspot.errors import Refused, validation
from syncd.sandbox.hubspot.filters import Filter, filter_of, sort_key
from syncd.sandbox.hubspot.index import FAR
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.hubspot.rows import Row
from syncd.sandbox.hubspot.table import Table

PAGE_MOST = 200
REACH = 10_000
QUERY_MOST = 3_000
GROUPS_MOST = 5
FILTERS_MOST = 6
FILTERS_IN_ALL = 18

_BOUNDS: dict[str, Callable[[int], tuple[int, int]]] = {
    "EQ": lambda value: (value, value),
    "GT": lambda value: (value + 1, FAR),
    "GTE": lambda value: (value, FAR),
    "LT": lambda value: (-1, value - 1),
    "LTE": lambda value: (-1, value),
}


def handle(portal: Portal, table: Table, call: Call) -> Answer:
    """Answer one search. Raises Refused (400)."""
    body = call.body()
    limit = bounded("limit", body.get("limit", 10), PAGE_MOST)
    after = str(body.get("after") or "0")
    if not after.isdecimal():
        raise validation("Invalid input: after must be an integer offset")
    offset = int(after)
    if offset + limit > REACH:
        # The body of this answer is not established; the status is.
        raise validation(f"Paging through more than {REACH} results is not possible", after=[after])
    table.index.catch_up()
    groups = _groups(portal, table, body)
    ids = _matching(table, groups)
    ids = _with_query(table, ids, body.get("query"))
    ids = _sorted(table, ids, body.get("sorts"))
    wanted = portal.wanted(table, text_list(body, "properties"))
    rows = [table.index.rows[one] for one in ids[offset : offset + limit]]
    answer: dict[str, Any] = {
        "total": len(ids),
        "results": [portal.shown(table, row, wanted) for row in rows],
    }
    if offset + limit < len(ids):
        answer["paging"] = {"next": {"after": str(offset + limit)}}
    return Answer(200, answer)


def _groups(portal: Portal, table: Table, body: dict[str, Any]) -> list[list[Filter]]:
    raw = body.get("filterGroups") or []
    if not raw and body.get("filters"):
        raw = [{"filters": body["filters"]}]
    if not isinstance(raw, list) or not all(isinstance(group, dict) for group in raw):
        raise validation("Invalid input JSON: filterGroups must be a list of objects")
    lists = [group.get("filters") or [] for group in raw]
    if len(lists) > GROUPS_MOST:
        raise validation(f"Invalid input: at most {GROUPS_MOST} filterGroups are allowed")
    if any(len(one) > FILTERS_MOST for one in lists) or sum(map(len, lists)) > FILTERS_IN_ALL:
        raise validation(f"Invalid input: at most {FILTERS_MOST} filters in a group and {FILTERS_IN_ALL} in all")
    groups = []
    for one in lists:
        filters = [filter_of(table.schema, raw_filter) for raw_filter in one]
        unknown = [one.name for one in filters if one.prop is None]
        if unknown and portal.options.wrong_property == "bad_request":
            raise _unknown(table, unknown)
        groups.append(filters)
    return groups


def _unknown(table: Table, names: list[str]) -> Refused:
    return validation(
        f"There was a problem with the request. Property {names[0]} of {table.schema.name} does not exist",
        propertyName=names,
    )


def _matching(table: Table, groups: Sequence[Sequence[Filter]]) -> list[int]:
    if not groups:
        return table.index.ids()
    if len(groups) == 1:
        return _group(table, groups[0])
    return sorted({one for group in groups for one in _group(table, group)})


def _group(table: Table, filters: Sequence[Filter]) -> list[int]:
    """Ids that fulfil all filters, ascending. The list may be the index's own."""
    if any(one.prop is None for one in filters):
        return []
    low, high, first, last = -1, FAR, -1, FAR
    rest: list[Filter] = []
    for one in filters:
        bounds = _bounds(one)
        if bounds is None or one.name not in (table.schema.modified, "hs_object_id"):
            rest.append(one)
        elif one.name == "hs_object_id":
            first, last = max(first, bounds[0]), min(last, bounds[1])
        else:
            low, high = max(low, bounds[0]), min(high, bounds[1])
    narrow = (low, high) != (-1, FAR)
    ids = table.index.window(low, high) if narrow else table.index.ids()
    if (first, last) != (-1, FAR):
        ids = ids[bisect_left(ids, first) : bisect_right(ids, last)]
    if not rest:
        return ids
    rows = table.index.rows
    if not narrow:
        for one in rest:
            holder = _holder(table, one)
            if holder is not None:
                ids = [found for found in holder if first <= found <= last]
                break
    return [one for one in ids if all(condition.holds(rows[one].values) for condition in rest)]


def _bounds(one: Filter) -> tuple[int, int] | None:
    if one.number is None:
        return None
    if one.operator == "BETWEEN":
        return (int(one.number), int(one.high)) if one.high is not None else None
    bounds = _BOUNDS.get(one.operator)
    return bounds(int(one.number)) if bounds and one.number == int(one.number) else None


def _holder(table: Table, one: Filter) -> list[int] | None:
    """Candidates for an exact look-up of a unique property; None when there is no such short cut.

    Only with an index that is never late: the holders are those of now.
    """
    if table.index.lag_ms or one.operator not in ("EQ", "IN") or not table.is_unique(one.name) or one.folded:
        return None
    owners = (table.owner(one.name, text) for text in one.texts)
    return sorted({owner[0] for owner in owners if owner and owner[0] in table.index.rows})


def _with_query(table: Table, ids: list[int], query: object) -> list[int]:
    if not query:
        return ids
    if not isinstance(query, str) or len(query) > QUERY_MOST:
        raise validation(f"Invalid input: query must be a text of at most {QUERY_MOST} characters")
    words = query.lower().split()
    rows = table.index.rows

    def holds(row: Row) -> bool:
        text = "\n".join(row.values.values()).lower()
        return all(word in text for word in words)

    return [one for one in ids if holds(rows[one])]


def _sorted(table: Table, ids: list[int], raw: object) -> list[int]:
    """Sorted as asked; by id otherwise, which is also how equal values follow each other."""
    sorts = raw or []
    if not isinstance(sorts, list):
        raise validation("Invalid input JSON: sorts must be a list")
    if not sorts:
        return ids
    if len(sorts) > 1:
        raise validation("Invalid input: only one sort is allowed")
    name, down = _sort(sorts[0])
    prop = table.schema.props.get(name)
    if prop is None:
        raise _unknown(table, [name])
    if name == "hs_object_id":
        return ids[::-1] if down else ids
    rows = table.index.rows
    if name == table.schema.modified:
        return sorted(ids, key=lambda one: rows[one].modified, reverse=down)
    return sorted(ids, key=lambda one: sort_key(prop, rows[one].values.get(name)), reverse=down)


def _sort(raw: object) -> tuple[str, bool]:
    if isinstance(raw, str):
        return raw.removeprefix("-"), raw.startswith("-")
    if isinstance(raw, dict) and raw.get("direction", "ASCENDING") in ("ASCENDING", "DESCENDING"):
        return str(raw.get("propertyName", "")), raw.get("direction") == "DESCENDING"
    raise validation("Invalid input: a sort has a propertyName and the direction ASCENDING or DESCENDING")
