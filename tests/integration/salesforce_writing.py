"""What the tests of Salesforce's writes share: people to write, and the writing half by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.salesforce.writes import Writes
from syncd.clock import Clock
from syncd.core.model import Intent, Op, Receipt
from syncd.testing.salesforce import Bench

ID_FIELD = "SalesPulse_Id__c"


def by_id(receipts: Sequence[Receipt]) -> dict[str, Receipt]:
    return {receipt.intent_id: receipt for receipt in receipts}


def new(org: Bench, number: int, **values: Any) -> Intent:
    """A create of a person unlike all others."""
    usual = {"FirstName": f"First{number}", "LastName": f"Last{number}", "Email": f"p{number}@x.co"}
    return org.intent(Op.CREATE, stamp=f"sp-{number}", **{**usual, **values})


def people(org: Bench, count: int, **values: Any) -> list[str]:
    """Ids of people who are there already."""
    usual = ({"FirstName": f"First{n}", "LastName": f"Last{n}", "Email": f"p{n}@x.co"} for n in range(count))
    return [org.add({**one, **values}) for one in usual]


def writes_of(org: Bench, *, clock: Clock | None = None) -> Writes:
    """Writes as the connector makes them, for calls that it would not make."""
    return Writes(
        org.connector.transport,
        org.connector.schema,
        object=org.connector.wanted.object,
        identity_field=ID_FIELD,
        clock=clock or org.clock,
        memory=org.memory,
        jitter=lambda: 0.5,
    )
