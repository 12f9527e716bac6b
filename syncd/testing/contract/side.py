"""What the suite works on, ``SideUnderTest``, and how it reads and writes through the port, as the pass does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.port import Connector
from syncd.core.model import Change, Gone, Intent, Op, Outcome, Receipt, Record, Side, Value, Values
from syncd.errors import BatchRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The side's own names of the fields that the suite uses, and one value that it refuses."""

    first: str = "firstname"
    last: str = "lastname"
    email: str = "email"
    phone: str = "phone"
    bad: tuple[str, Value] = ("email", "no address")  #: a field and a value that the side refuses to write


class SideUnderTest(Protocol):
    """One vendor and the connector that is tested on it."""

    connector: Connector
    names: Names
    written: Side  #: which side of a pair the connector is
    unique_email: bool  #: the vendor refuses a second record with the same e-mail
    names_fields: bool  #: the vendor says which field it refuses
    quiet_seconds: float  #: after so long the feed has nothing to repeat

    def reopen(self) -> Connector:
        """Another connector to the same vendor, as after a restart."""

    def add(self, values: Values) -> str:
        """A person makes a record there; its id."""

    def edit(self, record_id: str, values: Values) -> None:
        """A person edits it there."""

    def delete(self, record_id: str) -> None:
        """A person deletes it there."""

    def advance(self, seconds: float) -> None:
        """Let time pass, for the vendor and for syncd."""


class RestorableSide(SideUnderTest, Protocol):
    """A side whose vendor can bring back what was archived."""

    def restore(self, record_id: str) -> None:
        """A person brings an archived record back there."""


_numbers = itertools.count(1)


def person(names: Names, number: int) -> dict[str, Value]:
    """A person like no other."""
    return {
        names.first: f"Ann{number}",
        names.last: f"Miller{number}",
        names.email: f"ann{number}@example.com",
        names.phone: f"+1305555{number % 10_000:04d}",
    }


def scan_all(connector: Connector, cursor: str | None = None) -> dict[str, Record]:
    """Every record of a complete scan, or of the rest of one that goes on from a cursor, by id."""
    found: dict[str, Record] = {}
    while True:
        page = connector.scan(cursor)
        found.update((record.id, record) for record in page.records)
        if page.complete:
            assert page.cursor is None
            return found
        assert page.cursor is not None
        cursor = page.cursor


def drain(connector: Connector, cursor: str) -> tuple[dict[str, Record], dict[str, Gone], str]:
    """All that the feed shows from a cursor on: the last look at each record, what is gone, and the next
    cursor.
    """
    found: dict[str, Record] = {}
    gone: dict[str, Gone] = {}
    while True:
        page = connector.changes(cursor)
        found.update((record.id, record) for record in page.records)
        gone.update((one.id, one) for one in page.gone)
        assert page.cursor is not None
        cursor = page.cursor
        if page.complete:
            return found, gone, cursor


def deliver(connector: Connector, intents: Sequence[Intent]) -> dict[str, Receipt]:
    """Write as the pass does: a batch that was refused without a name is split until it is one record."""
    write = {Op.CREATE: connector.create, Op.REMOVE: connector.remove}.get(intents[0].op, connector.update)
    try:
        receipts = write(intents)
    except BatchRefused:
        if len(intents) == 1:
            return {intents[0].id: Receipt(intent_id=intents[0].id, outcome=Outcome.REFUSED, message="refused alone")}
        half = len(intents) // 2
        return deliver(connector, intents[:half]) | deliver(connector, intents[half:])
    assert sorted(receipt.intent_id for receipt in receipts) == sorted(intent.id for intent in intents)
    return {receipt.intent_id: receipt for receipt in receipts}


def intent_for(
    side: SideUnderTest,
    op: Op,
    *,
    target: str = "",
    values: Values | None = None,
    before: Values | None = None,
    stamp: str | None = None,
    archive: bool = False,
) -> Intent:
    """One planned write to the side under test. ``before``: what it replaces; None: what is there now."""
    if before is None:
        there = side.connector.fetch([target]).records if op is Op.UPDATE else {}
        before = there[target].values if target in there else {}
    changes = tuple(
        Change(field=name, before=before.get(name), after=value, rule=name, by="test", reason="test")
        for name, value in (values or {}).items()
    )
    crm = side.written is Side.CRM
    return Intent(
        id=f"intent-{next(_numbers)}",
        connection="test",
        side=side.written,
        op=op,
        changes=changes,
        crm_id=target if crm else "",
        salespulse_id="" if crm else target,
        stamp=stamp,
        archive=archive,
    )


def seen(side: SideUnderTest, record_id: str) -> Record:
    """The record as a fetch shows it."""
    return side.connector.fetch([record_id]).records[record_id]
