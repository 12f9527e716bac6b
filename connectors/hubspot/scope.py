"""``[scope] crm`` for HubSpot: the search filters of its API, judged here on what a look showed.

The change feed is read without the filter and every record is judged locally, so that one that leaves the
scope is seen leaving. This module sends nothing.

The language is a list of ``{property, operator, value | values}``, all of which must hold, or a list of such
lists, one of which must; or either of them as a JSON text. Text is compared without regard to case, numbers by
their value where the property is one; a multi-select holds when any of its parts does; a blank value satisfies only
NEQ, NOT_IN and NOT_HAS_PROPERTY, and a property that was not read satisfies nothing. CONTAINS_TOKEN looks for a
whole word, ``*`` stands for any letters.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, assert_never

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, model_validator

from syncd.core.model import FieldSpec, Value, Values


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
    types: Mapping[str, str] = field(default_factory=dict)  #: property → FieldSpec.type; what is missing is text

    @property
    def properties(self) -> tuple[str, ...]:
        """What has to be read to judge a record."""
        return tuple(sorted({one.property for group in self.groups for one in group}))

    def typed(self, specs: Iterable[FieldSpec]) -> Scope:
        """The same, with numbers and multi-selects compared as such: a text "01234" is not the number 1234."""
        names = set(self.properties)
        return replace(self, types={spec.name: spec.type for spec in specs if spec.name in names})

    def holds(self, values: Values) -> bool:
        """Whether a record with these values takes part; what was not read fulfils no filter, not even NEQ."""
        return not self.groups or any(all(self._fulfils(one, values) for one in group) for group in self.groups)

    def _fulfils(self, one: Filter, values: Values) -> bool:
        return one.property in values and _holds(one, values[one.property], self.types.get(one.property, "text"))

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


def _holds(one: Filter, value: Value, type_: str) -> bool:
    parts = _parts(value)
    exact = _exact(value, type_)
    match one.operator:
        case Operator.HAS_PROPERTY:
            return bool(parts)
        case Operator.NOT_HAS_PROPERTY:
            return not parts
        case Operator.EQ:
            return _key(one.value or "", type_) in exact
        case Operator.NEQ:
            return _key(one.value or "", type_) not in exact
        case Operator.IN:
            return any(_key(wanted, type_) in exact for wanted in one.values)
        case Operator.NOT_IN:
            return not any(_key(wanted, type_) in exact for wanted in one.values)
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


def _exact(value: Value, type_: str) -> set[float | str]:
    """What EQ and its kin compare with: a multi-select's parts, a number's value, any other as it is written."""
    parts = _parts(value)
    return {_key(part, type_) for part in (parts if type_ == "multichoice" else parts[:1])}


def _key(text: str, type_: str) -> float | str:
    number = _number(text) if type_ == "number" else None
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
