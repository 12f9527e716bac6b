"""What a parsed query consists of. Names are as written; whether they exist is ``columns``' question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Path:
    """A field, or a field of a parent: ``Account.Name``. ``at`` is its place in the text."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; ``kind`` is one of string, number, boolean, null, date and datetime.

    A date reads ``2026-01-01``, a datetime is in the wire's form, a LIKE pattern keeps its escapes.
    """

    kind: str
    value: str | int | float | bool | None
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; ``op`` is one of ``= != < <= > >= LIKE``."""

    path: Path
    op: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Among:
    """IN and NOT IN, INCLUDES and EXCLUDES: ``op`` is one of these."""

    path: Path
    op: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the parts at least."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not the part."""

    part: Condition


Condition: TypeAlias = Compare | Among | And | Or | Not


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of ORDER BY."""

    path: Path
    down: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """A whole query. ``fields`` is empty for COUNT(), and only then.

    ``names`` are the object and its alias in lower case: any path may begin with one.
    """

    text: str
    names: frozenset[str]
    fields: tuple[Path, ...]
    object: str
    object_at: int
    where: Condition | None = None
    order: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int = 0
