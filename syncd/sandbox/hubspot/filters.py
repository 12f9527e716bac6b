"""One search filter: its operator, its values and whether a record fulfils it. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from syncd.sandbox.hubspot.errors import validation
from syncd.sandbox.hubspot.schema import Prop, Schema
from syncd.sandbox.hubspot.table import SECONDARY, split
from syncd.sandbox.hubspot.values import moment_ms

ONE_VALUE = frozenset({"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"})
MANY_VALUES = frozenset({"IN", "NOT_IN"})
NO_VALUE = frozenset({"HAS_PROPERTY", "NOT_HAS_PROPERTY"})
TIMES = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parsed filter. Texts are compared without regard to case."""

    name: str
    prop: Prop | None  #: None: the object type has no such property
    operator: str
    texts: tuple[str, ...] = ()
    number: float | None = None  #: of the first value, for numbers and times
    high: float | None = None
    folded: bool = False  #: the values lost their case on the way, so they are no exact key

    def holds(self, values: Mapping[str, str]) -> bool:
        """Whether a record with these values fulfils it. Only a record that has the property can fail NEQ."""
        if self.prop is None:
            return False
        value = values.get(self.name)
        match self.operator:
            case "HAS_PROPERTY":
                return value is not None
            case "NOT_HAS_PROPERTY":
                return value is None
            case "EQ" | "IN":
                return self._is_one_of(value, values)
            case "NEQ" | "NOT_IN":
                return value is not None and not self._is_one_of(value, values)
            case "CONTAINS_TOKEN":
                return value is not None and self._has_token(value)
            case "NOT_CONTAINS_TOKEN":
                return value is None or not self._has_token(value)
        return value is not None and self._in_order(value)

    def _is_one_of(self, value: str | None, values: Mapping[str, str]) -> bool:
        if self.name == "email":
            secondaries = split(values.get(SECONDARY))
            return (value or "").lower() in self.texts or any(mail in self.texts for mail in secondaries)
        if value is None or self.prop is None:
            return False
        if self.number is not None:
            own = _number(self.prop, value)
            return own is not None and any(own == _number(self.prop, text) for text in self.texts)
        if self.prop.field_type == "checkbox":
            return any(part.lower() in self.texts for part in split(value))
        return value.lower() in self.texts

    def _has_token(self, value: str) -> bool:
        pattern = ".*".join(map(re.escape, self.texts[0].split("*")))
        return re.search(rf"(?<!\w){pattern}(?!\w)", value.lower()) is not None

    def _in_order(self, value: str) -> bool:
        if self.prop is None:
            return False
        own: float | str | None = _number(self.prop, value)
        bound: float | str | None = self.number
        if bound is None or own is None:
            own, bound = value.lower(), self.texts[0]
        match self.operator:
            case "LT":
                return own < bound  # type: ignore[operator]  # both numbers or both texts
            case "LTE":
                return own <= bound  # type: ignore[operator]  # likewise
            case "GT":
                return own > bound  # type: ignore[operator]  # likewise
            case "GTE":
                return own >= bound  # type: ignore[operator]  # likewise
        top: float | str = self.high if self.high is not None else self.texts[1]
        return bound <= own <= top  # type: ignore[operator]  # BETWEEN; likewise


def _number(prop: Prop, text: str) -> float | None:
    if prop.type in TIMES:
        return moment_ms(text)
    if prop.type != "number":
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def sort_key(prop: Prop, value: str | None) -> tuple[bool, float, str]:
    """Records without the property come last."""
    if value is None:
        return (True, 0.0, "")
    return (False, _number(prop, value) or 0.0, value.lower())


def filter_of(schema: Schema, raw: object) -> Filter:
    """Read one filter. Raises Refused (400)."""
    if not isinstance(raw, dict):
        raise validation("Invalid input JSON: a filter must be an object")
    name, operator = str(raw.get("propertyName", "")), str(raw.get("operator", ""))
    prop = schema.props.get(name)
    values = _values(raw, operator)
    texts = tuple(value.lower() for value in values)
    folded = texts != tuple(values) and name != "email"
    if prop is None or not values:
        return Filter(name=name, prop=prop, operator=operator, texts=texts, folded=folded)
    numbers = [_number(prop, value) for value in values]
    if prop.type in TIMES | {"number"} and None in numbers:
        raise validation(f"Invalid input: {name} must be compared with a number or a date", propertyName=[name])
    high = numbers[1] if operator == "BETWEEN" else None
    return Filter(name=name, prop=prop, operator=operator, texts=texts, number=numbers[0], high=high, folded=folded)


def _values(raw: dict[str, object], operator: str) -> list[str]:
    if operator in NO_VALUE:
        return []
    if operator in MANY_VALUES:
        values = raw.get("values")
        if not isinstance(values, list) or not values:
            raise validation(f"Invalid input: operator {operator} requires values")
        return [str(value) for value in values]
    if operator == "BETWEEN":
        if raw.get("value") is None or raw.get("highValue") is None:
            raise validation("Invalid input: operator BETWEEN requires value and highValue")
        return [str(raw["value"]), str(raw["highValue"])]
    if operator not in ONE_VALUE:
        raise validation(f"Invalid input: unknown operator {operator}")
    if raw.get("value") is None:
        raise validation(f"Invalid input: operator {operator} requires a value")
    return [str(raw["value"])]
