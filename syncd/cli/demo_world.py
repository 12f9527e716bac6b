"""The served systems of the demo: what people see and type there, and what the servers have counted.

It reads and writes the servers' own records, never through syncd: it is what the story is checked against.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from syncd.clock import Clock
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.main import SHARED, TOKEN, make_vendors, rate
from syncd.sandbox.people import PRODUCTS, STAGES, STATE_NAMES
from syncd.sandbox.salesforce.model import DEFAULTS
from syncd.sandbox.salespulse.model import BASE, BULK_RATE, KEY, RATE
from syncd.sandbox.shell import Running, serve

SALESPULSE, HUBSPOT, SALESFORCE = "SalesPulse", "HubSpot", "Salesforce"
SEED = 1
BLANK = "-"

#: The story's word for a field → its name in each system.
FIELDS = {
    "first_name": {SALESPULSE: "first_name", HUBSPOT: "firstname", SALESFORCE: "FirstName"},
    "last_name": {SALESPULSE: "last_name", HUBSPOT: "lastname", SALESFORCE: "LastName"},
    "email": {SALESPULSE: "email", HUBSPOT: "email", SALESFORCE: "Email"},
    "phone": {SALESPULSE: "phone", HUBSPOT: "phone", SALESFORCE: "Phone"},
    "state": {SALESPULSE: "state", HUBSPOT: "state", SALESFORCE: "MailingState"},
    "product": {SALESPULSE: "product_interest", HUBSPOT: "product_interest", SALESFORCE: "Product_Interest__c"},
    "stage": {SALESPULSE: "stage", HUBSPOT: "lifecyclestage", SALESFORCE: "SalesPulse_Stage__c"},
}
#: Where a system's record carries the id of its SalesPulse contact.
LINKED_BY = {SALESPULSE: "id", HUBSPOT: "salespulse_id", SALESFORCE: "SalesPulse_Id__c"}
#: System → field → SalesPulse's word → that system's own.
WORDS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    SALESPULSE: {},
    HUBSPOT: {"product": PRODUCTS, "stage": STAGES},
    SALESFORCE: {"product": PRODUCTS},
}
#: Requests that change nothing, as the servers name them; every other one is a write.
_READS = re.compile(r"GET |POST (/oauth2/token|\S+/search|\S+/batch/read|/composite/sobjects/Contact)$")
_CODES = {name: code for code, name in STATE_NAMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody as each system that has them shows them."""

    ids: Mapping[str, str]  #: system → the record's id
    shown: Mapping[str, Mapping[str, str]]  #: field → system → what stands there

    @property
    def name(self) -> str:
        """As the first of the systems writes it."""
        first, last = (next(iter(self.shown[field].values())) for field in ("first_name", "last_name"))
        return f"{first} {last}"

    def row(self, field: str) -> tuple[str, ...]:
        """A line of a table: the field, and what stands in each system."""
        return (field.replace("_", " "), *self.shown[field].values())

    @property
    def digits(self) -> str:
        """The phone number in SalesPulse without its writing."""
        return _digits(self.shown["phone"][SALESPULSE])

    @property
    def agrees(self) -> bool:
        """Whether every system means the same as SalesPulse in every field."""
        return all(self.agree(field, *shown) for field, shown in self.shown.items())

    def agree(self, field: str, *systems: str) -> bool:
        """Whether these systems, all if none is named, mean the same as SalesPulse in one field."""
        shown = self.shown[field]
        ours = shown[SALESPULSE]
        return all(
            _meaning(field, WORDS[system].get(field, {}).get(ours, ours)) == _meaning(field, shown[system])
            for system in systems or shown
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One served system: its model, and how a person types into it."""

    label: str
    running: Running
    all_records: Callable[[], list[dict[str, Any]]]
    type_into: Callable[[str, Mapping[str, Any]], None]

    def records(self) -> list[dict[str, Any]]:
        with self.running.harness.lock:
            return self.all_records()

    def edit(self, person: Person, **values: str) -> None:
        """Somebody types into these fields, named by the story's words."""
        with self.running.harness.lock:
            self.type_into(person.ids[self.label], {FIELDS[name][self.label]: text for name, text in values.items()})

    @property
    def requests(self) -> int:
        """Requests that the server has counted."""
        return self.running.harness.stats.requests.total()

    @property
    def writes(self) -> int:
        """The writing ones among them."""
        counted = self.running.harness.stats.requests.items()
        return sum(count for op, count in counted if not _READS.match(op))

    @property
    def refused(self) -> int:
        """Requests that came too fast."""
        return self.running.harness.stats.statuses[429]


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """All of them. ``each`` people were in each at the beginning, ``shared`` of them in any two, ``everywhere`` in
    all.
    """

    by_label: Mapping[str, System]
    each: int
    shared: int
    everywhere: int

    @property
    def everybody(self) -> int:
        return len(self.by_label) * (self.each - self.shared) + self.everywhere

    @property
    def missing(self) -> int:
        """So many were not in a system at the beginning; the same number for each."""
        return self.everybody - self.each

    @property
    def config(self) -> dict[str, str]:
        """What the config needs, with the limits that the real accounts have."""
        return {
            **{label.lower(): one.running.url for label, one in self.by_label.items()},
            "salespulse": self.by_label[SALESPULSE].running.url + BASE,
            "rate": rate(RATE, 60, 1, 1),
            "bulk_rate": rate(BULK_RATE, 60, 1, 1),
            "hubspot_rate": rate(100, 10, 1, 1),
            "search_rate": rate(5, 1, 1, 1),
            "consumer_key": DEFAULTS.consumer_key,
        }

    @property
    def secrets(self) -> dict[str, str]:
        """File → what it holds."""
        return {"salespulse.key": KEY, "hubspot.token": TOKEN, "salesforce.secret": DEFAULTS.consumer_secret}

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """All that is on the servers, with its times."""
        return {label: one.records() for label, one in self.by_label.items()}

    def linked(self) -> list[Person]:
        """Who is in every system and linked: the records in the CRMs carry the id of the SalesPulse contact."""
        return self._together(lambda label, record: str(record.get(LINKED_BY[label], "")))

    def alike(self) -> list[Person]:
        """Who is in every system by what is written there, linked or not."""
        return self._together(_who)

    def written_differently(self) -> Person:
        """Somebody who is in every system and looks different in nearly every field; one whose lines are short."""

        def differences(person: Person) -> tuple[bool, int]:
            widest = max(sum(map(len, shown.values())) for shown in person.shown.values())
            return widest < 80, sum(len(set(shown.values())) for shown in person.shown.values())

        return max(self.alike(), key=differences)

    def differing(self, people: Sequence[Person]) -> list[Person]:
        return [person for person in people if not person.agrees]

    def again(self, person: Person) -> Person:
        """The same person as the servers hold them now."""
        return next(one for one in self.linked() if one.ids[SALESPULSE] == person.ids[SALESPULSE])

    def some(self, *, count: int, skip: int = 0) -> list[Person]:
        """People that have a phone number and an e-mail address, always the same ones."""
        fit = [
            one for one in self.linked() if BLANK not in (one.shown["phone"][SALESPULSE], one.shown["email"][HUBSPOT])
        ]
        return sorted(fit, key=lambda one: one.shown["email"][HUBSPOT])[skip : skip + count]

    def in_stage(self, stage: str, *, but: Person) -> Person:
        """Somebody in this SalesPulse stage, another person than the one named."""
        people = sorted(self.linked(), key=lambda one: one.ids[SALESPULSE])
        return next(one for one in people if one.shown["stage"][SALESPULSE] == stage and one.ids != but.ids)

    def counted(self, what: Callable[[System], int]) -> dict[str, int]:
        """A figure of each server."""
        return {label: what(one) for label, one in self.by_label.items()}

    def _together(self, key: Callable[[str, Mapping[str, Any]], str]) -> list[Person]:
        found: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        for label, records in self.records().items():
            for record in records:
                found[key(label, record)][label] = record
        return [_person(records) for records in found.values() if len(records) == len(self.by_label)]


@contextmanager
def open_systems(people: int, clock: Clock) -> Iterator[Systems]:
    """Serve all on free ports with so many people in each, three in five of them in any other one.

    A clock of the sandbox's own kind drives the servers too; with any other they keep real time.
    """
    world = clock if isinstance(clock, WorldClock) else WorldClock()
    vendors = make_vendors(world, seed=SEED)
    shared = round(people * SHARED)
    vendors.populate(people, shared, SEED)
    s, h, f = vendors.salespulse, vendors.hubspot, vendors.salesforce
    by_label: dict[str, System] = {}
    with ExitStack() as stack:
        for label, model, type_into in (
            (SALESPULSE, s, s.edit_contact),
            (HUBSPOT, h, h.edit),
            (SALESFORCE, f, f.edit),
        ):
            running = stack.enter_context(serve(model))
            by_label[label] = System(label=label, running=running, all_records=model.records, type_into=type_into)
        opened = Systems(by_label=by_label, each=people, shared=shared, everywhere=0)
        yield replace(opened, everywhere=len(opened.alike()))


def _person(records: Mapping[str, Mapping[str, Any]]) -> Person:
    return Person(
        ids={label: str(record["id"]) for label, record in records.items()},
        shown={
            field: {label: str(record.get(names[label]) or BLANK) for label, record in records.items()}
            for field, names in FIELDS.items()
        },
    )


def _who(label: str, record: Mapping[str, Any]) -> str:
    """The same for one person in every way of writing."""
    email, phone, first = (str(record.get(FIELDS[name][label]) or "") for name in ("email", "phone", "first_name"))
    return email.lower() or f"{_digits(phone)} {first}"


def _digits(phone: str) -> str:
    return "".join(char for char in phone if char.isdigit())[-10:]


def _meaning(field: str, shown: str) -> str:
    """The same for two writings of one value."""
    match field:
        case "email":
            return shown.lower()
        case "phone":
            return _digits(shown)
        case "state":
            return _CODES.get(shown, shown)
        case _:
            return shown
