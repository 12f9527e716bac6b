"""WHERE → a function that says whether a row fulfils it, and ORDER BY → a sorted list (contract, section 3.1).

Values are compared in their wire form: dates and whole-second moments sort as texts. Text is compared without regard
to case unless the field is case-sensitive; ids are compared exactly, in their 18 characters. Null equals null and the
empty text, differs from every value, and is neither below nor above one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.schema import FieldDef
from syncd.sandbox.salesforce.soql.columns import Column, Scope, Value
from syncd.sandbox.salesforce.soql.lexer import malformed, pattern
from syncd.sandbox.salesforce.soql.tree import Among, And, Compare, Condition, Literal, Not, Or, Path, Sort

Test: TypeAlias = Callable[[Shown], bool]

IDS = frozenset({"id", "reference"})
NUMBERS = frozenset({"int", "double", "currency", "percent"})
NOT_TEXT = IDS | NUMBERS | {"boolean", "date", "datetime", "address"}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def test(scope: Scope, condition: Condition) -> Test:
    """Compile a condition. Raises ApiError (400) for names, types and operators that do not fit."""
    match condition:
        case And(parts):
            return _all([test(scope, part) for part in parts])
        case Or(parts):
            return _any([test(scope, part) for part in parts])
        case Not(part):
            inner = test(scope, part)
            return lambda row: not inner(row)
        case Compare(path, op, literal):
            return _compare(scope, _filterable(scope, path), op, literal)
        case Among(path, op, literals):
            return _among(scope, _filterable(scope, path), op, literals)


def ordered(scope: Scope, rows: list[Shown], keys: tuple[Sort, ...]) -> list[Shown]:
    """The rows sorted by all keys, nulls first unless asked for last. Raises ApiError (400 INVALID_FIELD)."""
    for key in reversed(keys):  # sorting is stable: the last key first
        column = scope.column(key.path)
        if not column.field.sortable:
            text = f"field '{column.field.name}' can not be sorted in a query call"
            raise scope.invalid(key.path, text)
        value = _comparable(scope, column)
        nulls = [row for row in rows if value(row) is None]
        rest = [row for row in rows if value(row) is not None] if nulls else list(rows)
        rest.sort(key=value, reverse=key.down)  # type: ignore[arg-type]  # one field's values are of one type
        rows = rest + nulls if key.nulls_last else nulls + rest
    return rows


def literal_value(scope: Scope, field: FieldDef, literal: Literal) -> Json:
    """A literal in the form in which the field's values are compared. Raises ApiError where its type is not theirs."""
    value = literal.value
    if literal.kind == "null" or value == "":
        if field.type in NOT_TEXT - IDS and literal.kind != "null":
            raise _wrong_type(field, _type_of(field))
        return None
    if field.type in IDS and literal.kind == "string":
        try:
            return full(str(value))
        except ValueError:
            raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}") from None
    expected = _type_of(field)
    if field.type == "date" and literal.kind == "datetime":
        text = f"a date is wanted for field '{field.name}', without a time"
        raise malformed(scope.select.text, literal.at, text)
    if literal.kind != {"dateTime": "datetime", "double": "number"}.get(expected, expected):
        raise _wrong_type(field, expected)
    return str(value).lower() if _folds(field) else value


def _all(tests: list[Test]) -> Test:
    def holds(row: Shown) -> bool:
        for one in tests:  # noqa: SIM110  a generator costs more than the tests
            if not one(row):
                return False
        return True

    return holds


def _any(tests: list[Test]) -> Test:
    def holds(row: Shown) -> bool:
        for one in tests:  # noqa: SIM110  likewise
            if one(row):
                return True
        return False

    return holds


def _filterable(scope: Scope, path: Path) -> Column:
    column = scope.column(path)
    if not column.field.filterable:
        raise scope.invalid(path, f"field '{column.field.name}' can not be filtered in a query call")
    return column


def _compare(scope: Scope, column: Column, op: str, literal: Literal) -> Test:
    field = column.field
    if op == "LIKE":
        return _like(scope, column, literal)
    if op in _ORDERS and field.type in {"boolean", "multipicklist"}:
        raise _bad_operator(field)
    value, wanted = _comparable(scope, column), literal_value(scope, field, literal)
    if op == "=":
        return lambda row: value(row) == wanted
    if op == "!=":
        return lambda row: value(row) != wanted
    if wanted is None:
        return lambda _: False
    in_order = _ORDERS[op]
    return lambda row: (own := value(row)) is not None and in_order(own, wanted)


def _like(scope: Scope, column: Column, literal: Literal) -> Test:
    if column.field.type in NOT_TEXT | {"multipicklist"}:
        raise _bad_operator(column.field)
    if literal.kind != "string":
        raise _wrong_type(column.field, "string")
    fits, value = pattern(str(literal.value)).fullmatch, scope.value(column)
    return lambda row: (own := value(row)) is not None and fits(str(own)) is not None


def _among(scope: Scope, column: Column, op: str, literals: tuple[Literal, ...]) -> Test:
    value = _comparable(scope, column)
    wanted = [literal_value(scope, column.field, literal) for literal in literals]
    if op in {"IN", "NOT IN"}:
        listed = frozenset(wanted)
        return (lambda row: value(row) in listed) if op == "IN" else (lambda row: value(row) not in listed)
    if column.field.type != "multipicklist":
        text = f"{op.lower()} operator is only valid on a multipicklist field"
        raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", text)
    groups = [frozenset(str(one).split(";")) for one in wanted if one is not None]

    def included(row: Shown) -> bool:
        own = value(row)
        chosen = frozenset() if own is None else frozenset(str(own).split(";"))
        return any(group <= chosen for group in groups)

    return included if op == "INCLUDES" else lambda row: not included(row)


def _folds(field: FieldDef) -> bool:
    return field.type not in NOT_TEXT and not field.case_sensitive


def _comparable(scope: Scope, column: Column) -> Value:
    """A column's value in the form in which it is compared."""
    value = scope.value(column)
    if not _folds(column.field):
        return value
    return lambda row: None if (own := value(row)) is None else str(own).lower()


def _type_of(field: FieldDef) -> str:
    """The type as the vendor's message names it."""
    if field.type in NUMBERS:
        return "double"
    if field.type == "datetime":
        return "dateTime"
    return field.type if field.type in {"boolean", "date"} else "string"


def _wrong_type(field: FieldDef, expected: str) -> ApiError:
    quotes = "should be" if expected == "string" else "should not be"
    text = (
        f"value of filter criterion for field '{field.name}' must be of type {expected} and {quotes} enclosed in quotes"
    )
    return ApiError(400, "INVALID_FIELD", text)


def _bad_operator(field: FieldDef) -> ApiError:
    return ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field")
