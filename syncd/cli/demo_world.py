"""The two served systems of the demo: what people see and type there, and what the servers have counted.

It reads and writes the servers' own records, never through syncd: it is what the story is checked against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from syncd.clock import Clock
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.main import SHARED, TOKEN, rate
from syncd.sandbox.people import PRODUCTS, STAGES, STATE_NAMES, overlap
from syncd.sandbox.salespulse.model import BASE, BULK_RATE, KEY, RATE, SalesPulse
from syncd.sandbox.shell import Running, serve

SEED = 1

#: The story's word for a field → its name in SalesPulse and in HubSpot.
FIELDS = {
    "first_name": ("first_name", "firstname"),
    "last_name": ("last_name", "lastname"),
    "email": ("email", "email"),
    "phone": ("phone", "phone"),
    "state": ("state", "state"),
    "product": ("product_interest", "product_interest"),
    "stage": ("stage", "lifecyclestage"),
}
#: Requests that write, as the servers name them.
WRITES = ("PATCH ", "PUT ", "DELETE ", "POST /contacts", "/batch/create", "/batch/update", "/batch/upsert")
_CODES = {name: code for code, name in STATE_NAMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One person as both servers hold it."""

    contact: Mapping[str, Any]
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.contact['first_name']} {self.contact['last_name']}"

    @property
    def digits(self) -> str:
        """The phone number in SalesPulse without its writing."""
        return _digits(self.contact.get("phone"))

    def shows(self, field: str) -> tuple[str, str]:
        left, right = FIELDS[field]
        return str(self.contact.get(left) or "-"), str(self.record.get(right) or "-")

    @property
    def agrees(self) -> bool:
        """Whether both mean the same in every field."""
        shown = {field: self.shows(field) for field in FIELDS}
        return all(_meaning(field, left) == _meaning(field, right) for field, (left, right) in shown.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """Both servers. ``shared`` people are in both, ``missing`` more are in each alone."""

    salespulse: SalesPulse
    hubspot: HubSpot
    left: Running
    right: Running
    shared: int
    missing: int

    @property
    def everybody(self) -> int:
        return self.shared + 2 * self.missing

    @property
    def addresses(self) -> dict[str, str]:
        """What the config needs, with the limits that the real accounts have."""
        return {
            "salespulse": self.left.url + BASE,
            "hubspot": self.right.url,
            "rate": rate(RATE, 60, 1, 1),
            "bulk_rate": rate(BULK_RATE, 60, 1, 1),
            "hubspot_rate": rate(100, 10, 1, 1),
            "search_rate": rate(5, 1, 1, 1),
        }

    @property
    def secrets(self) -> dict[str, str]:
        return {"salespulse.key": KEY, "hubspot.token": TOKEN}

    def contacts(self) -> list[dict[str, Any]]:
        with self.left.harness.lock:
            return self.salespulse.records()

    def records(self) -> list[dict[str, Any]]:
        with self.right.harness.lock:
            return self.hubspot.records()

    def everything(self) -> tuple[Any, Any]:
        """All that is on both servers, with its times."""
        return self.contacts(), self.records()

    def pairs(self) -> list[Pair]:
        """Who is linked: a HubSpot record carries the id of its SalesPulse contact. One a contact, or none."""
        contacts = {contact["id"]: contact for contact in self.contacts()}
        found = {str(record.get("salespulse_id") or ""): record for record in self.records()}
        return [Pair(contact=contacts[id_], record=record) for id_, record in found.items() if id_ in contacts]

    def side_by_side(self, pair: Pair) -> list[tuple[str, str, str]]:
        """A row for every field: its name and how each side writes it."""
        return [(field.replace("_", " "), *pair.shows(field)) for field in FIELDS]

    def differing(self, pairs: Sequence[Pair]) -> list[Pair]:
        return [pair for pair in pairs if not pair.agrees]

    def state_of(self, pair: Pair) -> str:
        """The state in HubSpot as SalesPulse writes it."""
        return _meaning("state", pair.shows("state")[1])

    def again(self, pair: Pair) -> Pair:
        """The same person as both servers hold it now."""
        return next(one for one in self.pairs() if one.contact["id"] == pair.contact["id"])

    def some(self, *, count: int, skip: int = 0) -> list[Pair]:
        """People that have a phone number and a state, always the same ones."""
        fit = [pair for pair in self.pairs() if pair.contact.get("phone") and pair.contact.get("email")]
        return sorted(fit, key=lambda pair: str(pair.contact["email"]))[skip : skip + count]

    def in_stage(self, stage: str, *, but: Pair) -> Pair:
        """Somebody in this SalesPulse stage, another person than the one named."""
        return next(
            pair
            for pair in sorted(self.pairs(), key=lambda pair: str(pair.contact["id"]))
            if pair.contact["stage"] == stage and pair.contact["id"] != but.contact["id"]
        )

    def written_differently(self) -> Pair:
        """Somebody who is in both systems and looks different in nearly every field. Nothing is linked yet."""
        records = {record["email"]: record for record in self.records() if record.get("email")}
        both = [
            Pair(contact=contact, record=records[contact["email"].lower()])
            for contact in self.contacts()
            if contact.get("email") and contact["email"].lower() in records
        ]
        return max(both, key=lambda pair: sum(left != right for left, right in map(pair.shows, FIELDS)))

    def edit_contact(self, pair: Pair, values: Mapping[str, Any]) -> None:
        """Somebody types into SalesPulse."""
        with self.left.harness.lock:
            self.salespulse.edit_contact(pair.contact["id"], values)

    def edit_record(self, pair: Pair, values: Mapping[str, Any]) -> None:
        """Somebody types into HubSpot."""
        with self.right.harness.lock:
            self.hubspot.edit(pair.record["id"], values)

    def requests(self) -> dict[str, int]:
        """Requests that the servers have counted."""
        return {name: one.harness.stats.requests.total() for name, one in self._servers()}

    def writes(self) -> dict[str, int]:
        """The writing ones among them."""
        return {
            name: sum(count for op, count in one.harness.stats.requests.items() if any(word in op for word in WRITES))
            for name, one in self._servers()
        }

    def refused(self) -> int:
        """Requests that came too fast."""
        return sum(one.harness.stats.statuses[429] for _, one in self._servers())

    def _servers(self) -> tuple[tuple[str, Running], ...]:
        return ("SalesPulse", self.left), ("HubSpot", self.right)


@contextmanager
def open_systems(people: int, clock: Clock) -> Iterator[Systems]:
    """Serve both on free ports with so many people in each, three in five of them in both.

    A clock of the sandbox's own kind drives the servers too; with any other they keep real time.
    """
    world = clock if isinstance(clock, WorldClock) else WorldClock()
    salespulse, hubspot = SalesPulse(world, seed=SEED), HubSpot(world, token=TOKEN)
    shared = round(people * SHARED)
    contacts, records = overlap(people, shared, SEED)
    salespulse.populate(contacts)
    for record in records:
        hubspot.add_contact(record)
    with serve(salespulse) as left, serve(hubspot) as right:
        yield Systems(
            salespulse=salespulse, hubspot=hubspot, left=left, right=right, shared=shared, missing=people - shared
        )


def _digits(phone: object) -> str:
    return "".join(char for char in str(phone or "") if char.isdigit())[-10:]


def _meaning(field: str, shown: str) -> str:
    """The same for two writings of one value."""
    match field:
        case "email":
            return shown.lower()
        case "phone":
            return _digits(shown)
        case "state":
            return _CODES.get(shown, shown)
        case "product":
            return PRODUCTS.get(shown, shown)
        case "stage":
            return STAGES.get(shown, shown)
        case _:
            return shown
