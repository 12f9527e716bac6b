"""The contacts, stages and calls of one SalesPulse account: state and its changes, no requests, no shapes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

STANDARD = ("first_name", "last_name", "phone", "email", "state", "product_interest")
"""The contact fields on the vendor's page."""

STAGES = {
    "stg_new": "New Lead",
    "stg_contacted": "Contacted",
    "stg_quoted": "Quoted",
    "stg_sold": "Sold",
    "stg_lost": "Lost",
}
"""Stage id → name, in the order of the pipeline."""


@dataclass(slots=True, kw_only=True)
class Contact:
    """One contact. ``values`` holds no blanks; times are ISO 8601 in UTC with milliseconds."""

    id: str
    values: dict[str, Any]
    stage: str | None
    created: str
    updated: str
    haystack: str = field(default="", repr=False)

    def index(self) -> None:
        """Renew the text that ``?search=`` looks through."""
        parts = (self.values.get(name, "") for name in STANDARD[:4])
        full_name = f"{self.values.get('first_name', '')} {self.values.get('last_name', '')}"
        self.haystack = "\n".join((full_name, *map(str, parts))).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a contact: ``fields`` that really changed, ``stage_before`` only if the stage did."""

    contact: Contact
    created: bool = False
    fields: tuple[str, ...] = ()
    stage_changed: bool = False
    stage_before: str | None = None


class Book:
    """All state of the account. Times come in with each call; ids follow from ``seed`` and a counter."""

    def __init__(self, seed: int = 0, *, numeric_ids: bool = False) -> None:
        self.seed = seed
        self.numeric_ids = numeric_ids
        self.made = 0
        self.stages: dict[str, str] = dict(STAGES)
        self.contacts: dict[str, Contact] = {}
        self.order: list[str] = []
        self.calls: dict[str, dict[str, Any]] = {}
        self.ringing: list[str] = []
        """Calls started through the API that are not over, oldest first."""

    def new_id(self, prefix: str) -> str:
        """An id that was never given before and does not tell its age."""
        self.made += 1
        digest = hashlib.blake2b(f"{self.seed}:{prefix}:{self.made}".encode(), digest_size=6).hexdigest()
        return str(int(digest, 16)) if self.numeric_ids and prefix == "ctn" else f"{prefix}_{digest}"

    def stage_id(self, named: object) -> str | None:
        """The id of a stage given by id or by name; None if there is none."""
        if not isinstance(named, str):
            return None
        if named in self.stages:
            return named
        return next((key for key, name in self.stages.items() if name == named), None)

    def add(self, values: dict[str, Any], stage: str | None, now: str) -> Change:
        """Make a contact. Nothing has to be unique."""
        contact = Contact(id=self.new_id("ctn"), values=_without_blanks(values), stage=stage, created=now, updated=now)
        contact.index()
        self.contacts[contact.id] = contact
        self.order.append(contact.id)
        return Change(contact=contact, created=True)

    def bearer(self, name: str, value: str) -> Contact | None:
        """A contact whose field holds this text in any case."""
        folded = value.casefold()
        return next((c for c in self.contacts.values() if str(c.values.get(name, "")).casefold() == folded), None)

    def edit(self, contact: Contact, values: dict[str, Any], stage: str | None, now: str) -> Change:
        """Set fields (a blank clears) and the stage unless None. What changes nothing bumps no time."""
        fields = tuple(name for name, value in values.items() if contact.values.get(name) != _or_none(value))
        for name in fields:
            if _or_none(values[name]) is None:
                del contact.values[name]
            else:
                contact.values[name] = values[name]
        before = contact.stage
        moved = stage is not None and stage != before
        if moved:
            contact.stage = stage
        if fields or moved:
            contact.updated = now
            contact.index()
        return Change(contact=contact, fields=fields, stage_changed=moved, stage_before=before)

    def delete(self, contact: Contact) -> None:
        """Remove a contact for good."""
        del self.contacts[contact.id]
        self.order.remove(contact.id)

    def export(self) -> dict[str, Any]:
        """The state as a JSON-able value."""
        return {
            "seed": self.seed,
            "numeric_ids": self.numeric_ids,
            "made": self.made,
            "stages": self.stages,
            "contacts": [[c.id, c.values, c.stage, c.created, c.updated] for c in self.contacts.values()],
            "calls": list(self.calls.values()),
            "ringing": self.ringing,
        }

    def load(self, data: dict[str, Any]) -> None:
        """Take over what ``export`` gave."""
        self.seed, self.made = data["seed"], data["made"]
        self.numeric_ids = data.get("numeric_ids", False)
        self.stages = dict(data["stages"])
        self.contacts = {}
        for key, values, stage, created, updated in data["contacts"]:
            contact = Contact(id=key, values=dict(values), stage=stage, created=created, updated=updated)
            contact.index()
            self.contacts[key] = contact
        self.order = list(self.contacts)
        self.calls = {call["id"]: call for call in data["calls"]}
        self.ringing = list(data["ringing"])


def _or_none(value: Any) -> Any:
    return None if value in ("", []) else value


def _without_blanks(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if _or_none(value) is not None}
