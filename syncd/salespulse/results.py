"""What the SalesPulse API answers, typed. Plain values: nothing here reads JSON or sends anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from syncd.core.model import Value, Values

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRef:
    """A stage as an answer names it. ``text`` "" says that there is none."""

    text: str
    exact: bool  #: ``text`` is an id; else it may be an id or a name
    also: tuple[str, ...] = ()  #: what the answer's other stage keys say, ids or names: to be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact as one answer showed it. A key in neither ``fields`` nor ``unreadable`` was not in the answer."""

    id: str
    fields: Values
    unreadable: frozenset[str] = frozenset()  #: keys that were shown and cannot be told: never taken for blank
    stage: StageRef | None = None  #: None: not shown
    modified_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One phone call. Fields that the answer left out are blank."""

    id: str
    contact_id: str = ""
    direction: str = ""
    duration_seconds: int | None = None
    recording_url: str = field(default="", repr=False)  #: opens the recording for whoever has it
    transcript: str = field(default="", repr=False)
    disposition: str = ""
    at: datetime | None = None
    other: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    id: str
    contact_id: str
    stage: StageRef | None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInfo:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What an answer says of pages to come. None: it does not say."""

    has_more: bool | None = None
    next_page: int | None = None  #: a page number; 0: there is none
    total: int | None = None
    total_pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """One page of a list. ``rows``: how many rows the answer had, also those that could not be read."""

    items: tuple[T, ...]
    rows: int
    hint: Hint
    sent_at: datetime  #: when the request was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Single(Generic[T]):
    """One object, or None where the answer did not show it."""

    item: T | None
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why one item was refused, in the vendor's words; ``fields``: the fields that the answer names."""

    message: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Answer to a bulk create: index in the request → what became of it. An index in neither is in doubt."""

    created: Mapping[int, Contact]
    refused: Mapping[int, Refused]
