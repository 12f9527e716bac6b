"""``[scope] crm`` for HubSpot: the search filters of its API, judged here on what a look showed.

The change feed is read without the filter and every record is judged locally, so that one that leaves the
scope is seen leaving. This module sends nothing.

The language is a list of ``{property, operator, value | values}``, all of which must hold, or a list of such
lists, one of which must; or either of them as a JSON text. Text is compared without regard to case; a
multi-select holds when any of its parts does; a blank value satisfies only NEQ, NOT_IN and NOT_HAS_PROPERTY.
CONTAINS_TOKEN looks for a whole word, ``*`` stands for any letters.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, assert_never

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, model_validator

from syncd.core.model import Value, Values


class Operator(StrEnum):
    EQ = "EQ"
    NEQ = "NEQ"
    IN = "IN"
    NOT_IN = "NOT_IN"
    HAS_PROPERTY = "HAS_PROPERTY"
    NOT_HAS_PROPERTY = "NOT_HAS_PROPERTY"
    LT = "LT"
    LTE = "LTE"
    GT = "GT"
    GTE = "GTE"
    CONTAINS_TOKEN = "CONTAINS_TOKEN"  # noqa: S105  an operator's name, no secret


_MANY = {Operator.IN, Operator.NOT_IN}
_NONE = {Operator.HAS_PROPERTY, Operator.NOT_HAS_PROPERTY}


def _written(value: object) -> object:
    """Numbers and booleans of a TOML file in HubSpot's writing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_written)]


class Filter(BaseModel):
    """One condition on one property."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    property: str
    operator: Operator
    value: Text | None = None
    values: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _has_its_operand(self) -> Filter:
        if not self.property:
            raise ValueError("property must name a HubSpot property")
        wants = "values" if self.operator in _MANY else "" if self.operator in _NONE else "value"
        given = "values" if self.values else "" if self.value is None else "value"
        if wants != given or (self.values and self.value is not None):
            raise ValueError(f"{self.operator} takes {wants or 'neither value nor values'}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Filters in groups: all of a group must hold, of the groups one. No group at all: everything is in."""

    groups: tuple[tuple[Filter, ...], ...] = ()

    @property
    def properties(self) -> tuple[str, ...]:
        """What has to be read to judge a record."""
        return tuple(sorted({one.property for group in self.groups for one in group}))

    def holds(self, values: Values) -> bool:
        """Whether a record with these values takes part; a property that was not read counts as blank."""
        return not self.groups or any(
            all(_holds(one, values.get(one.property)) for one in group) for group in self.groups
        )

    def judge_partial(self, values: Values) -> bool:
        """The same for an answer that may lack properties: what cannot be judged is left in."""
        return not all(name in values for name in self.properties) or self.holds(values)


_FLAT = TypeAdapter(tuple[Filter, ...])
_NESTED = TypeAdapter(tuple[tuple[Filter, ...], ...])


def parse_scope(scope: object) -> Scope:
    """Given ``[scope] crm``, return the Scope. Raises ValueError with what is wrong and what to write."""
    if scope is None or scope == "":
        return Scope()
    if isinstance(scope, str):
        try:
            scope = json.loads(scope)
        except ValueError:
            raise ValueError(f"the text is not JSON; write {_EXAMPLE}") from None
    if isinstance(scope, Mapping):
        scope = [scope]
    if not isinstance(scope, Sequence) or not scope:
        raise ValueError(f"write a list of filters, such as {_EXAMPLE}")
    try:
        if isinstance(scope[0], Mapping):
            return Scope(groups=(_FLAT.validate_python(scope),))
        return Scope(groups=_NESTED.validate_python(scope))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"filter {place}: {first['msg']}; write for instance {_EXAMPLE}") from None


_EXAMPLE = '[{ property = "state", operator = "IN", values = ["FL", "TX"] }]'


def _holds(one: Filter, value: Value) -> bool:
    parts = _parts(value)
    match one.operator:
        case Operator.HAS_PROPERTY:
            return bool(parts)
        case Operator.NOT_HAS_PROPERTY:
            return not parts
        case Operator.EQ:
            return _same(one.value or "", parts)
        case Operator.NEQ:
            return not _same(one.value or "", parts)
        case Operator.IN:
            return any(_same(wanted, parts) for wanted in one.values)
        case Operator.NOT_IN:
            return not any(_same(wanted, parts) for wanted in one.values)
        case Operator.CONTAINS_TOKEN:
            return any(_has_token(part, one.value or "") for part in parts)
        case Operator.LT:
            return _ordered(parts, one.value or "", lambda left, right: left < right)
        case Operator.LTE:
            return _ordered(parts, one.value or "", lambda left, right: left <= right)
        case Operator.GT:
            return _ordered(parts, one.value or "", lambda left, right: left > right)
        case Operator.GTE:
            return _ordered(parts, one.value or "", lambda left, right: left >= right)
        case _:
            assert_never(one.operator)


def _parts(value: Value) -> tuple[str, ...]:
    """The value and, for a multi-select, its parts; nothing for a blank."""
    if value is None or value in ("", ()):
        return ()
    text = ";".join(value) if isinstance(value, tuple) else str(_written(value))
    parts = tuple(part.strip() for part in text.split(";") if part.strip())
    return (text, *parts) if len(parts) > 1 else (text,)


def _same(wanted: str, parts: Sequence[str]) -> bool:
    return any(_key(wanted) == _key(part) for part in parts)


def _key(text: str) -> float | str:
    number = _number(text)
    return text.strip().casefold() if number is None else number


def _number(text: str) -> float | None:
    try:
        return float(text) if re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", text) else None
    except ValueError:
        return None


def _ordered(parts: Sequence[str], bound: str, test: Callable[[float, float], bool]) -> bool:
    """Order by number, or by moment (epoch ms and ISO 8601 are one); texts have none."""
    right = _rank(bound)
    return right is not None and any(test(left, right) for left in (_rank(part) for part in parts) if left is not None)


def _rank(text: str) -> float | None:
    number = _number(text)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _has_token(value: str, pattern: str) -> bool:
    words = re.split(r"[\s;,@.]+", value.casefold())
    wanted = pattern.strip().casefold()
    return any(fnmatch.fnmatchcase(word, wanted) for word in (*words, value.casefold()))
