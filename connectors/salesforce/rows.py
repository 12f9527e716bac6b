"""Records on their way out, and what the answer to one of them means. Pure: it sends nothing.

A row is the same whether it goes alone, by collections or by a bulk job, and so is what Salesforce says of it: done,
refused with entries of section 6, or something that none of them fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.salesforce.codec import written
from connectors.salesforce.faults import Fault, Next
from connectors.salesforce.ids import full_id
from syncd.core.kinds import blank
from syncd.core.model import FieldSpec, Intent, Outcome, Receipt, Value

#: A row is sent this often without its refused fields, each time for what only the last answer showed.
ROUNDS = 4
#: A row that is locked by somebody is sent again so often (section 6).
LOCK_TRIES = 5
#: Key prefixes of the objects that are synchronised (section 5.1): a message can name ids of others as well.
PREFIXES = {"Contact": "003", "Lead": "00Q"}
#: Errors whose message names the field where ``fields`` is empty. Of others the message can hold values.
_NAMES_FIELD = {"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "DUPLICATE_VALUE"}
#: Errors that show that the schema is no longer what it was.
_SCHEMA = {"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"}
_WORD = re.compile(r"\w+")
_ID = re.compile(r"\b[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?\b")
#: In the prefix, which tells an id from a long word.
_HAS_DIGIT = re.compile("[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One way to write. ``safe``: it may be sent again though it may have been applied."""

    name: str
    method: str
    key_field: str  #: what carries a row's key: "id", the unique id field, or "" for a create without one
    safe: bool
    bulk: bool  #: a bulk job can do it as well

    @property
    def creates(self) -> bool:
        return self.name == "create"

    @property
    def keyed(self) -> bool:
        """Whether it makes records that bear a unique id, so that none can be made twice."""
        return self.creates and bool(self.key_field)


CREATE = Verb(name="create", method="POST", key_field="", safe=False, bulk=False)
#: Not safe: between two tries somebody may have typed something else.
UPDATE = Verb(name="update", method="PATCH", key_field="id", safe=False, bulk=True)
#: One record, written only if nobody has changed it since; never by collections (section 4.2).
CONDITIONAL = Verb(name="conditional", method="PATCH", key_field="id", safe=False, bulk=False)
DELETE = Verb(name="delete", method="DELETE", key_field="id", safe=True, bulk=False)


def create_by(field_name: str) -> Verb:
    """Create with a unique id field: Salesforce refuses a second record with the same id.

    Refused alternative: upsert. It overwrites a record that somebody has given the id since the last look.
    """
    return Verb(name="create", method="POST", key_field=field_name, safe=True, bulk=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record to be written. ``values``: by API name, without the key, which no refusal takes away; None clears."""

    intent: Intent
    values: Mapping[str, Value]
    key: str  #: the record's id, or the value of the unique id field; "" for a create without one
    refused: Mapping[str, str] = field(default_factory=dict)  #: fields left out since they were refused → words
    rounds: int = 0  #: times that it was refused
    locks: int = 0  #: times that it was locked
    plain: bool = False  #: not by a bulk job
    unanswered: bool = False  #: it was sent before, and nobody knows whether it arrived

    @property
    def trace(self) -> str:
        return self.intent.id

    def body(self, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
        """The values as JSON."""
        return {name: written(specs.get(name), value) for name, value in self.values.items()}

    def again(self, once_more: Again) -> Row | None:
        """The same to be sent once more; None when that was done often enough."""
        if self.rounds >= ROUNDS:
            return None
        return replace(
            self,
            rounds=self.rounds + 1,
            plain=self.plain or once_more.plain,
            unanswered=self.unanswered or once_more.unanswered,
        )

    def without(self, names: Mapping[str, str]) -> Row:
        """The same without fields that were refused: name → Salesforce's words."""
        kept = {name: value for name, value in self.values.items() if name not in names}
        return replace(self, values=kept, refused={**self.refused, **names}, rounds=self.rounds + 1)


# ---- what Salesforce says of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Written. ``created``: it was not there before."""

    id: str
    created: bool = True
    at: datetime | None = None  #: Salesforce's clock when it was done, or a little before; None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An end that no error entry stands for."""

    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Nothing is wrong with the row and it was not written, as far as is known: it goes once more."""

    plain: bool = False  #: then not by a bulk job
    unanswered: bool = False  #: it may still be written by the try before


#: Error entries mean that the row was not written.
Said = Done | Other | Again | tuple[Fault, ...]


def sort(verb: Verb, row: Row, faults: Sequence[Fault], *, prefix: str) -> Receipt | Row:
    """Given a row that was refused, return its receipt, or the row as it is sent once more.

    ``prefix``: that of the ids of the object which is written.
    """
    if any(fault.next is Next.LOCKED for fault in faults):
        if row.locks >= LOCK_TRIES:
            return receipt(row, Outcome.FAILED, _words(faults))
        return replace(row, locks=row.locks + 1)
    named = {} if verb is DELETE else _named(verb, row, faults)
    lighter = row.without(named)
    if named and lighter.values and row.rounds < ROUNDS:
        return lighter
    told = receipt(replace(row, refused={**row.refused, **named}), _outcome(verb, row, faults, named), _words(faults))
    if verb.creates and told.outcome is Outcome.REFUSED:
        return _with_existing(told, faults, prefix)
    return told


def receipt(row: Row, outcome: Outcome, message: str = "") -> Receipt:
    """A receipt for a row that was not written as it was meant."""
    return Receipt(
        intent_id=row.trace,
        outcome=outcome,
        id=row.intent.crm_id,
        refused_fields=row.refused,
        message=message,
    )


def applied(row: Row, done: Done) -> Receipt:
    """A receipt without a look: Salesforce's answers show no values."""
    return Receipt(
        intent_id=row.trace,
        outcome=Outcome.APPLIED,
        id=done.id or row.intent.crm_id,
        refused_fields=row.refused,
        created=done.created,
        answered_at=done.at,
    )


def wants_details(faults: Sequence[Fault]) -> bool:
    """Whether a duplicate rule found records and did not say which: only a single write tells (section 4.3)."""
    return any(fault.code == "DUPLICATES_DETECTED" and not fault.duplicates for fault in faults)


def shows_new_schema(faults: Iterable[Fault]) -> bool:
    """Whether the fields are no longer what they were when they were described."""
    return any(fault.code in _SCHEMA for fault in faults)


def named_in(words: str, names: Iterable[str]) -> tuple[str, ...]:
    """Which of the API names stand in a message as whole words. Names are not localised."""
    found = {word.casefold() for word in _WORD.findall(words)}
    return tuple(name for name in names if name.casefold() in found)


def ids_in(words: str, prefix: str = "") -> tuple[str, ...]:
    """The ids of an object that a message names, 18 characters each; of any object without ``prefix``. Ids are not
    localised.
    """
    found = (text for text in _ID.findall(words) if text.startswith(prefix) and _HAS_DIGIT.search(text[:3]))
    # Of 18 characters the last three are a checksum: what it does not fit only looks like an id.
    return tuple(dict.fromkeys(full_id(text) for text in found if full_id(text).startswith(text)))


def _named(verb: Verb, row: Row, faults: Sequence[Fault]) -> dict[str, str]:
    """The fields of the row that are blamed, with the words."""
    by_name = {name.casefold(): name for name in row.values}
    found: dict[str, str] = {}
    for fault in faults:
        blamed = [by_name[name.casefold()] for name in fault.fields if name.casefold() in by_name]
        # A new record that exists already is refused for it, one that is there only the field.
        if not blamed and fault.code in _NAMES_FIELD and not (verb.creates and fault.next is Next.EXISTS):
            blamed = list(named_in(fault.message, row.values))
        found |= {name: _words([fault]) for name in blamed}
    return found


def _outcome(verb: Verb, row: Row, faults: Sequence[Fault], named: Mapping[str, str]) -> Outcome:
    nexts = {fault.next for fault in faults}
    if not verb.creates and not named and any(fault.next is Next.GONE and _is_own(row, fault) for fault in faults):
        # Only a delete is proof; the other codes also stand for a record that sharing hides.
        deleted = any(fault.code == "ENTITY_IS_DELETED" for fault in faults)
        return Outcome.APPLIED if verb is DELETE and deleted else Outcome.GONE
    if Next.STALE in nexts:  # a new record cannot be: it is refused for a record that it refers to
        return Outcome.REFUSED if verb.creates else Outcome.STALE
    if nexts & {Next.LATER, Next.SMALLER}:
        # Of what can be repeated a new plan is made; of a create without an id nobody knows how far it came.
        return Outcome.UNKNOWN if verb is CREATE else Outcome.FAILED
    if nexts & {Next.RENEW, Next.PARK, Next.WAIT, Next.STOP, Next.NOT_NOW}:
        return Outcome.FAILED
    return Outcome.REFUSED


def _is_own(row: Row, fault: Fault) -> bool:
    """Whether a fault that something is not there speaks of the record itself, and not of one that a lookup names."""
    if any(name.casefold() != "id" for name in fault.fields):
        return False
    if named := ids_in(fault.message):
        return any(one[:15] == row.key[:15] for one in named)
    return fault.code != "INVALID_CROSS_REFERENCE_KEY" or not any(_refers(value) for value in row.values.values())


def _refers(value: Value) -> bool:
    """Whether a value may be the id of another record."""
    return isinstance(value, str) and not blank(value) and bool(ids_in(value))


def _with_existing(told: Receipt, faults: Sequence[Fault], prefix: str) -> Receipt:
    """The record that a refused create met. Of several found by an external id none is better than another."""
    for fault in faults:
        if fault.next is not Next.EXISTS:
            continue
        if fault.duplicates:
            own = [one for one in fault.duplicates if one.startswith(prefix)]
            words = f"{told.message}; its duplicate rules found {', '.join(fault.duplicates)}"
            return replace(told, existing_id=own[0] if own else "", message=words)
        found = ids_in(fault.message, prefix)
        if len(found) == 1:
            return replace(told, existing_id=found[0])
    return told


def _words(faults: Sequence[Fault]) -> str:
    said = (fault.code if fault.message in {"", fault.code} else f"{fault.message} ({fault.code})" for fault in faults)
    return "; ".join(said) or "refused without a reason"
