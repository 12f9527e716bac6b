"""What a condition says outright about ids and stamps, so that not every row has to be looked at.

It only leaves out rows that cannot fulfil the condition; the condition itself is still asked.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from syncd.sandbox.salesforce.row import Shown
from syncd.sandbox.salesforce.soql.columns import Scope
from syncd.sandbox.salesforce.soql.conditions import literal_value
from syncd.sandbox.salesforce.soql.tree import Among, And, Compare, Condition, Literal, Or, Path, Sort
from syncd.sandbox.salesforce.table import Order

ORDERS: dict[tuple[str, ...], Order] = {
    (): "Id",  # without ORDER BY the vendor promises no order
    ("Id",): "Id",
    ("SystemModstamp",): "SystemModstamp",
    ("SystemModstamp", "Id"): "SystemModstamp",
}
"""Keys of ORDER BY, all ascending, that a view of the org has already."""


class Bounds(NamedTuple):
    """The least and the greatest value possible, both included; None is no bound."""

    low: str | None = None
    high: str | None = None


def view_order(scope: Scope, keys: tuple[Sort, ...]) -> Order | None:
    """The view whose rows are sorted as asked; None when there is none. Raises ApiError (400 INVALID_FIELD)."""
    names = tuple(scope.column(key.path).name for key in keys)
    return None if any(key.down for key in keys) else ORDERS.get(names)


def wanted_ids(scope: Scope, condition: Condition | None) -> frozenset[str] | None:
    """The only ids that can fulfil it, where it names them; None when others might."""
    match condition:
        case And(parts):
            return next((ids for part in parts if (ids := wanted_ids(scope, part)) is not None), None)
        case Compare(path, "=", literal):
            return frozenset(_values(scope, path, (literal,))) if _is(scope, path, "Id") else None
        case Among(path, "IN", literals):
            return frozenset(_values(scope, path, literals)) if _is(scope, path, "Id") else None
    return None


def between(scope: Scope, condition: Condition | None, order: Order, rows: Sequence[Shown]) -> Sequence[Shown]:
    """The stretch of a view that can fulfil it."""
    low, high = _bounds(scope, condition, order)
    key: Callable[[Shown], str] = _id if order == "Id" else _stamp
    start = 0 if low is None else bisect_left(rows, low, key=key)
    end = len(rows) if high is None else bisect_right(rows, high, key=key)
    return rows if end - start == len(rows) else rows[start:end]


def _bounds(scope: Scope, condition: Condition | None, name: str) -> Bounds:
    match condition:
        case And(parts):
            inner = [_bounds(scope, part, name) for part in parts]
            lows, highs = _known(one.low for one in inner), _known(one.high for one in inner)
            return Bounds(max(lows, default=None), min(highs, default=None))
        case Or(parts):
            inner = [_bounds(scope, part, name) for part in parts]
            lows, highs = _known(one.low for one in inner), _known(one.high for one in inner)
            every = len(inner)
            return Bounds(min(lows) if len(lows) == every else None, max(highs) if len(highs) == every else None)
        case Compare(path, op, literal) if op in {"=", "<", "<=", ">", ">="} and _is(scope, path, name):
            value = next(iter(_values(scope, path, (literal,))), None)
            return Bounds(None if op in {"<", "<="} else value, None if op in {">", ">="} else value)
    return Bounds()


def _known(values: Iterable[str | None]) -> list[str]:
    return [value for value in values if value is not None]


def _is(scope: Scope, path: Path, name: str) -> bool:
    return scope.column(path).name == name


def _values(scope: Scope, path: Path, literals: tuple[Literal, ...]) -> list[str]:
    """The literals that are no null. Nulls match no id and no stamp."""
    field = scope.column(path).field
    values = (literal_value(scope, field, literal) for literal in literals)
    return [value for value in values if isinstance(value, str)]


def _id(row: Shown) -> str:
    return row.id


def _stamp(row: Shown) -> str:
    return str(row.values["SystemModstamp"])
