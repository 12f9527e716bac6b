"""What the tests of Salesforce's writes share: people to write, and the writing half by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.salesforce.writes import Writes
from syncd.clock import Clock, Interrupted
from syncd.core.model import Intent, Op, Receipt
from syncd.sandbox.wire import Request, Response
from syncd.testing.salesforce import Bench

ID_FIELD = "SalesPulse_Id__c"


class Dying:
    """The bench's clock, but the process is ended in its first wait."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.monotonic = clock.monotonic

    def sleep(self, seconds: float) -> None:
        raise Interrupted


class Meanwhile:
    """The bench's clock; in each wait another thread's turn comes first."""

    def __init__(self, clock: Clock, turn: Callable[[], None]) -> None:
        self.now = clock.now
        self.monotonic = clock.monotonic
        self._sleep = clock.sleep
        self._turn = turn

    def sleep(self, seconds: float) -> None:
        self._turn()
        self._sleep(seconds)


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


def before(
    org: Bench, patch: pytest.MonkeyPatch, method: str, path: str, act: Callable[[], None], *, after: int = 0
) -> None:
    """Something that a person does over there once, right before a request is answered; ``after``: not the first."""
    handle = org.model.handle
    left = [after]

    def hooked(request: Request) -> Response:
        if request.method == method and re.search(path, request.path):
            left[0] -= 1
            if left[0] == -1:
                act()
        return handle(request)

    patch.setattr(org.model, "handle", hooked)


def writes_of(org: Bench, *, clock: Clock | None = None) -> Writes:
    """Writes as the connector makes them, for calls that it would not make."""
    return Writes(
        org.connector.transport,
        org.connector.schema,
        object=org.connector.wanted.object,
        identity_field=ID_FIELD,
        clock=clock or org.clock,
        memory=org.memory,
        fetch=org.connector.fetch,
        walked_at=lambda: org.connector.reader.walked_at,
        jitter=lambda: 0.5,
    )
