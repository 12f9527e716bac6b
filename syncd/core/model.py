"""The values that travel through one pass, in the order of its steps. Every type is frozen; nothing here does anything.

Headings say which steps share the types below them: pull → observe → match → merge → plan → guard → journal → push →
settle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import datetime
from enum import StrEnum

# ---- all steps
# ---------------------------------------------------------------------------------------------------------


class Side(StrEnum):
    """One of the two halves of every pair. Loops go over ``SIDES``; code is never written twice."""

    SALESPULSE = "salespulse"
    CRM = "crm"

    @property
    def other(self) -> Side:
        return Side.CRM if self is Side.SALESPULSE else Side.SALESPULSE


SIDES = (Side.SALESPULSE, Side.CRM)

#: A value as a side shows it, in its own writing.
Value = str | int | float | bool | tuple[str, ...] | None
#: Field name → value. Three states: a key that is missing was *not read*; ``None``, ``""`` and ``()`` are *blank*;
#: else a value.
Values = Mapping[str, Value]


# ---- describe: shared by connectors, config and merge
# --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One allowed value of an enumeration. ``value`` is written, ``label`` is shown to people."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """What a side says of one of its fields. ``None`` means the side does not say."""

    name: str
    label: str = ""
    type: str = "text"  #: text, number, boolean, date, datetime, choice, multichoice or unknown
    readable: bool = True
    writable: bool = True
    max_length: int | None = None
    options: tuple[Option, ...] = ()  #: empty: any value
    separator: str | None = None  #: how a multichoice is joined on the wire; None: a JSON list
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One pipeline stage or lifecycle stage of a side, in the side's own order."""

    id: str
    label: str


# ---- pull and observe
# ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a record has become: it is read-only from then on, and the other record stands for the person."""

    object: str  #: the object of the other record, as ``FieldMap.object`` names it
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one look at one record showed. Nothing in it has been mapped or tidied."""

    id: str
    values: Values
    also: Mapping[str, tuple[str, ...]] = attribute(default_factory=dict)
    #: further values that count as the field's own, such as secondary e-mail addresses
    version: int | None = None  #: grows with every change of this record; None where the side has none
    modified_at: datetime | None = None
    created_at: datetime | None = None
    in_scope: bool = True  #: the connector's own filter; SalesPulse scopes are judged in core
    merged_ids: tuple[str, ...] = ()  #: ids of records that were merged into this one
    converted: Converted | None = None  #: set once it was converted; then ``in_scope`` is False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Proof that a record is no longer there. A record merely missing from a list is not gone."""

    id: str
    proof: str  #: "404", "archived", "is_deleted" or "get_deleted"
    at: datetime | None = None  #: when it was deleted, by the side's clock, where the proof says so


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a value came to be: after ``earliest`` and not later than ``latest``. Both equal: the vendor gave
    the moment.
    """

    earliest: datetime | None
    latest: datetime
    among: tuple[str, ...] = ()
    #: the value is the first of several that would have done as well: against these nobody chose it

    @property
    def exact(self) -> bool:
        return self.earliest == self.latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a side last showed of a record, as the store keeps it."""

    record: Record
    looked_at: datetime  #: when the request of that look was sent
    since: Mapping[str, When] = attribute(default_factory=dict)
    #: field → when its present value came, where it was seen to change
    edited_at: datetime | None = None  #: ``modified_at`` before syncd's own writes moved it; None: they did not
    gone: Gone | None = None


# ---- match
# ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What each side showed when the pair last agreed on one field, and the fingerprint of the rule it agreed under."""

    fingerprint: str
    salespulse: Value
    crm: Value

    def on(self, side: Side) -> Value:
        return self.salespulse if side is Side.SALESPULSE else self.crm


class LinkState(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"  #: out of scope or converted; kept, not written to
    SEVERED = "severed"  #: never linked again by itself; neither half is created again
    MOVED = "moved"  #: one half was merged or converted into another record


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """That this SalesPulse contact is that CRM record. Never dropped. ``bases`` is keyed by rule name."""

    id: int
    connection: str
    salespulse_id: str
    crm_id: str
    state: LinkState = LinkState.ACTIVE
    reason: str = ""
    bases: Mapping[str, Base] = attribute(default_factory=dict)

    def on(self, side: Side) -> str:
        return self.salespulse_id if side is Side.SALESPULSE else self.crm_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A link with what both sides last showed: all that merging needs."""

    link: Link
    salespulse: Observed
    crm: Observed

    def on(self, side: Side) -> Observed:
        return self.salespulse if side is Side.SALESPULSE else self.crm


# ---- merge
# ---------------------------------------------------------------------------------------------------------------


class Verdict(StrEnum):
    UNCHANGED = "unchanged"  #: each side equals its own base
    AGREED = "agreed"  #: both sides show the same; the bases follow, nothing is written
    WRITE = "write"
    HELD = "held"  #: a person decides
    DIFFERS = "differs"  #: the receiving side of a one-way field was edited; left until the sender changes
    LEFT = "left"  #: a blank or unmapped stage that overwrites nothing
    UNREAD = "unread"  #: a side did not show the field; nothing is decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of one side to be written."""

    field: str  #: the written side's own field name
    before: Value  #: what the last look showed there; the write is right only while it still does
    after: Value  #: what to write; None clears
    rule: str  #: name of the FieldRule
    by: str  #: which rule decided: "changed", "fill", "newest", "crm", "blank", "create", …
    reason: str  #: one clause for people
    lost: bool = False  #: ``before`` was typed by a person and loses to a named rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome for one field of one pair, with its reason."""

    rule: str
    verdict: Verdict
    by: str = ""
    reason: str = ""
    writes: Mapping[Side, Change] = attribute(default_factory=dict)  #: one for WRITE; two for a union
    rebase: bool = False  #: set both bases to what both sides show now (AGREED; a first sync that is left to differ)
    hold: HoldReason | None = None
    message: str = ""  #: for a hold: what, why and what to do
    wants_times: bool = False  #: ``newest`` would decide if the vendors' times for the field were known


# ---- holds
# ---------------------------------------------------------------------------------------------------------------


class HoldReason(StrEnum):
    """Why something waits for a person. ``core.holds`` has what to do about each."""

    CONFLICT = "conflict"
    TOO_LONG = "too_long"
    NO_VALUE = "no_value"  #: no row in the value table, or no such option
    INVALID = "invalid"  #: cannot be written as the other side's kind
    REFUSED = "refused"  #: the vendor refused it; its words are in the message
    IGNORED = "ignored"  #: answered as done, but the side still shows the old value
    AMBIGUOUS = "ambiguous"
    NO_KEY = "no_key"
    NAMES_DIFFER = "names_differ"  #: same phone, other names: a household
    DUPLICATE = "duplicate"  #: the other side says that the record exists already
    UNCERTAIN = "uncertain"  #: a create whose answer was lost and which may or may not have happened
    DELETED_EDITED = "deleted_edited"  #: deleted on one side, edited on the other
    TWO_CONTACTS = "two_contacts"  #: two SalesPulse contacts, one CRM record after a merge
    FLIPS = "flips"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something that waits for a person. (connection, record or link, field, reason) is its identity."""

    connection: str
    reason: HoldReason
    message: str
    field: str = ""  #: rule name; "" when the whole record is held
    salespulse_id: str = ""
    crm_id: str = ""
    values: Mapping[Side, Value] = attribute(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"{self.salespulse_id}|{self.crm_id}"


# ---- plan, journal and push
# ----------------------------------------------------------------------------------------------


class Op(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    STAMP = "stamp"  #: only the id property is written; counted apart
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One planned write to one record of one side. Journalled before it is sent."""

    id: str
    connection: str
    side: Side  #: the side that is written
    op: Op
    link_id: int | None = None
    salespulse_id: str = ""
    crm_id: str = ""
    changes: tuple[Change, ...] = ()
    stamp: str | None = None  #: value for the id property of the written side: the other half's id; "" clears it
    archive: bool = False  #: REMOVE: move to the recycle bin instead of deleting
    reason: str = ""
    based_on: datetime | None = None
    #: ``modified_at`` of the written record at the look that this was decided on, for a conditional write

    @property
    def target(self) -> str:
        """Id of the record that is written; "" for a create."""
        return self.salespulse_id if self.side is Side.SALESPULSE else self.crm_id

    @property
    def origin(self) -> str:
        """Id of the half on the other side."""
        return self.crm_id if self.side is Side.SALESPULSE else self.salespulse_id

    @property
    def values(self) -> Values:
        return {change.field: change.after for change in self.changes}


class Outcome(StrEnum):
    APPLIED = "applied"
    REFUSED = "refused"  #: the record or some fields, for good: held until something changes
    STALE = "stale"  #: the record is no longer what the intent expected: look and decide again
    GONE = "gone"  #: the record does not exist (any more)
    FAILED = "failed"  #: not applied, may work later: tried again in a later pass
    UNKNOWN = "unknown"  #: may have been applied: looked up before anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one intent, in the connector's words."""

    intent_id: str
    outcome: Outcome
    id: str = ""  #: the written record's id, also of one just created
    shown: Record | None = None  #: what the answer showed; fields missing in it were not read
    refused_fields: Mapping[str, str] = attribute(default_factory=dict)  #: side's field name → the vendor's words
    message: str = ""  #: the vendor's words for the record
    existing_id: str = ""  #: REFUSED because this record already has the key
    created: bool = True  #: False: an upsert that found the record there
    answered_at: datetime | None = None
    #: the side's clock when the write was done, for answers that show no values: a look at a record that was modified
    #: later may show somebody's edit


# ---- settle
# --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One value that was replaced, created or removed: enough to explain it and to undo it."""

    connection: str
    side: Side
    op: Op
    link_id: int | None
    salespulse_id: str
    crm_id: str
    field: str  #: the written side's own field name
    rule: str
    before: Value
    after: Value
    by: str
    reason: str
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one receipt changes in the state. A delta, not a write."""

    bases: Mapping[str, Base] = attribute(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    ledger: tuple[LedgerLine, ...] = ()
    unread: tuple[str, ...] = ()  #: written fields that the answer did not show: look before settling them
    again: bool = False  #: the pair stays dirty


# ---- guard
# ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """A connection's limits, as configured."""

    max_deletes: int = 25
    max_deletes_percent: float = 2
    max_creates: int = 1000
    max_changes_percent: float = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a pass would do, and what was done in the 24 hours before it."""

    links: int = 0  #: active links
    creates: Mapping[Side, int] = attribute(default_factory=dict)
    changes: Mapping[Side, int] = attribute(default_factory=dict)  #: pairs with an update
    deletes: Mapping[Side, int] = attribute(default_factory=dict)
    records: Mapping[Side, int] = attribute(default_factory=dict)  #: live records observed on the side
    records_before: Mapping[Side, int] = attribute(default_factory=dict)  #: the same when the last pass ended
    recent_creates: int = 0
    recent_changes: int = 0
    recent_deletes: int = 0
    first_sync_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeTrip:
    """A limit that the plan would exceed: the connection stops before its first write."""

    brake: str
    message: str  #: what would happen, why it stops, what to do
