"""What a mapping file says, as frozen values that core works with. Reading the file is config's work; applying
it is lens and merge.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from syncd.core.model import FieldSpec, Side, Values


class Kind(StrEnum):
    """How a field's values are understood: ``as`` in a mapping."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    US_STATE = "us_state"
    NAME = "name"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    MULTICHOICE = "multichoice"


class Direction(StrEnum):
    BOTH = "both"
    TO_CRM = "to_crm"
    TO_SALESPULSE = "to_salespulse"

    def allows(self, to: Side) -> bool:
        """Whether values may be written to that side."""
        return self is Direction.BOTH or (self is Direction.TO_CRM) == (to is Side.CRM)


class Rule(StrEnum):
    """Conflict rules: ``conflict`` and ``first_sync`` name them in the order in which they are asked."""

    NEWEST = "newest"
    SALESPULSE = "salespulse"
    CRM = "crm"
    ADVANCE = "advance"  #: stages only: the later row of the table
    UNION = "union"  #: multichoice only
    FILL = "fill"  #: first_sync only: the side that is not blank
    HOLD = "hold"


class Blank(StrEnum):
    COPY = "copy"  #: clearing a field clears it there too
    KEEP = "keep"  #: a blank never overwrites, and is filled again from the other side
    NEVER = "never"  #: stages: a blank is left where it is and overwrites nothing


class Unmapped(StrEnum):
    HOLD = "hold"
    IGNORE = "ignore"


class Deletes(StrEnum):
    UNLINK = "unlink"
    ARCHIVE = "archive"
    DELETE = "delete"


class CreateIn(StrEnum):
    BOTH = "both"
    CRM = "crm"
    SALESPULSE = "salespulse"
    NONE = "none"

    def allows(self, side: Side) -> bool:
        return self is CreateIn.BOTH or self.value == side.value


#: The SalesPulse side shows and takes a contact's stage id under this field name, wherever the API keeps it.
STAGE_FIELD = "stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One mapped field (or the stage), complete: policies inherited, specs of both sides joined."""

    name: str
    #: one word for it everywhere: holds, ledger, bases. The SalesPulse field, or "salespulse/crm" where that is not
    #: unique
    salespulse: str
    crm: str
    kind: Kind = Kind.TEXT
    table: tuple[tuple[str, str], ...] = ()
    #: value table, SalesPulse value → CRM value, in the file's order; () for none
    direction: Direction = Direction.BOTH
    conflict: tuple[Rule, ...] = (Rule.NEWEST, Rule.HOLD)
    first_sync: tuple[Rule, ...] = (Rule.FILL, Rule.NEWEST, Rule.HOLD)
    blank: Blank = Blank.COPY
    unmapped: Unmapped = Unmapped.HOLD
    stage: bool = False
    region: str = "US"  #: for phone numbers without a country code
    specs: MappingOf[Side, FieldSpec] = field(default_factory=dict)  #: missing: the side does not describe the field

    def on(self, side: Side) -> str:
        """The field's name on that side."""
        return self.salespulse if side is Side.SALESPULSE else self.crm

    @property
    def fingerprint(self) -> str:
        """Changes when names, kind or values change, and only then: the bases of another fingerprint are void."""
        table = ";".join(f"{left}={right}" for left, right in self.table)
        return f"{self.salespulse}>{self.crm}:{self.kind}:{table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """A whole mapping as it applies to one connection."""

    name: str
    connector: str
    object: str
    rules: tuple[FieldRule, ...]
    keys: tuple[str, ...] = ("email", "phone")  #: tried in this order, after the id property
    key_fields: MappingOf[str, MappingOf[Side, str]] = field(default_factory=dict)  #: key → side → field that bears it
    scope_salespulse: MappingOf[str, tuple[str, ...]] = field(default_factory=dict)  #: field → values that take part
    scope_crm: Any = None  #: the connector's own filter, opaque here
    create: MappingOf[Side, Values] = field(default_factory=dict)
    #: values for new records; count as blank, never copied back

    def fields(self, side: Side) -> tuple[str, ...]:
        """Every field of that side that has to be read: mapped, keys and scope; sorted, without repeats."""
        names = {rule.on(side) for rule in self.rules}
        names |= {by_side[side] for by_side in self.key_fields.values() if side in by_side}
        if side is Side.SALESPULSE:
            names |= set(self.scope_salespulse)
        return tuple(sorted(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A connection's own policies that are not a field's."""

    connection: str
    label: str  #: the CRM's name for people: "HubSpot"
    direction: Direction = Direction.BOTH
    create: CreateIn = CreateIn.BOTH
    deletes: Deletes = Deletes.UNLINK
    identity: MappingOf[Side, str] = field(default_factory=dict)
    #: side → its unique field that carries the other half's id (id property, token_field); missing: it has none

    def may_create(self, side: Side) -> bool:
        return self.create.allows(side) and self.direction.allows(side)
