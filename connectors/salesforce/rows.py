"""Records on their way out, and what the answer to one of them means. Pure: it sends nothing.

A row is the same whether it goes alone, by collections or by a bulk job, and so is what Salesforce says of it: done,
refused with entries of section 6, or something that none of them fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.salesforce.codec import written
from connectors.salesforce.faults import Fault, Next
from connectors.salesforce.ids import full_id
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One way to write. ``safe``: sending it twice does what sending it once does."""

    name: str
    method: str
    key_field: str  #: what carries a row's key: "id", the external id field, or "" for a plain create
    safe: bool
    bulk: bool  #: a bulk job can do it as well

    @property
    def creates(self) -> bool:
        return self.name in {"create", "upsert"}


CREATE = Verb(name="create", method="POST", key_field="", safe=False, bulk=False)
UPDATE = Verb(name="update", method="PATCH", key_field="id", safe=True, bulk=True)
#: One record, written only if nobody has changed it since; never by collections (section 4.2).
CONDITIONAL = Verb(name="conditional", method="PATCH", key_field="id", safe=False, bulk=False)
DELETE = Verb(name="delete", method="DELETE", key_field="id", safe=True, bulk=False)


def upsert_by(field_name: str) -> Verb:
    """Create by an external id field: what is there already is updated instead."""
    return Verb(name="upsert", method="PATCH", key_field=field_name, safe=True, bulk=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record to be written. ``values``: by API name, without the key; None clears."""

    intent: Intent
    values: Mapping[str, Value]
    key: str  #: the record's id, or the value of the external id field; "" for a plain create
    refused: Mapping[str, str] = field(default_factory=dict)  #: fields left out since they were refused → words
    rounds: int = 0  #: times that it was refused
    locks: int = 0  #: times that it was locked
    plain: bool = False  #: not by a bulk job

    @property
    def trace(self) -> str:
        return self.intent.id

    def body(self, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
        """The values as JSON."""
        return {name: written(specs.get(name), value) for name, value in self.values.items()}

    def again(self, *, plain: bool) -> Row | None:
        """The same to be sent once more; None when that was done often enough."""
        return replace(self, rounds=self.rounds + 1, plain=self.plain or plain) if self.rounds < ROUNDS else None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An end that no error entry stands for."""

    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Nothing is wrong with the row and it was not written: it goes once more. ``plain``: then not by a bulk job."""

    plain: bool = False


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
    told = receipt(replace(row, refused={**row.refused, **named}), _outcome(verb, faults, named), _words(faults))
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


def ids_in(words: str, prefix: str) -> tuple[str, ...]:
    """The ids of an object that a message names, 18 characters each. Ids are not localised."""
    found = (text for text in _ID.findall(words) if text.startswith(prefix))
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


def _outcome(verb: Verb, faults: Sequence[Fault], named: Mapping[str, str]) -> Outcome:
    nexts = {fault.next for fault in faults}
    if Next.GONE in nexts and verb.key_field == "id" and not named:
        return Outcome.APPLIED if verb is DELETE else Outcome.GONE
    if Next.STALE in nexts:
        return Outcome.STALE
    if nexts & {Next.LATER, Next.SMALLER}:
        # Of what can be repeated a new plan is made; of a plain create nobody knows how far it came.
        return Outcome.FAILED if verb.safe or verb is CONDITIONAL else Outcome.UNKNOWN
    if nexts & {Next.RENEW, Next.PARK, Next.WAIT, Next.STOP}:
        return Outcome.FAILED
    return Outcome.REFUSED


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
