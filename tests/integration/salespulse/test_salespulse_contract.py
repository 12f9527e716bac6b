"""SalesPulse's side keeps the contract of every connector, over real HTTP, in every dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.port import Connector, Wanted
from syncd.core.model import Side, Values
from syncd.sandbox.salespulse.dialect import DIALECTS
from syncd.testing.contract import ConnectorContract, Names

Make = Callable[..., Any]  # makes a World of conftest

WANTED = Wanted(
    object="contacts",
    fields=("email", "first_name", "last_name", "phone"),
    key_fields={"email": "email", "phone": "phone"},
)


class Bench:
    """One served account."""

    names = Names(first="first_name", last="last_name", bad=("email", "no address"))
    written = Side.SALESPULSE
    unique_email = False
    names_fields = True
    quiet_seconds = 0.0

    def __init__(self, world: Any) -> None:
        self.world = world
        self.connector: Connector = self.reopen()

    def reopen(self) -> Connector:
        opened: Connector = self.world.open(wanted=WANTED)
        return opened

    def add(self, values: Values) -> str:
        return str(self.world.model.add_contact(values))

    def edit(self, record_id: str, values: Values) -> None:
        self.world.model.edit_contact(record_id, values)

    def delete(self, record_id: str) -> None:
        self.world.model.delete_contact(record_id)

    def advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)


class TestSalesPulse(ConnectorContract):
    @pytest.fixture(params=sorted(DIALECTS))
    def side(self, request: pytest.FixtureRequest, make_world: Make) -> Bench:
        world = make_world(DIALECTS[request.param], page_size=20)
        # A server that leaves out blanks has to have shown its keys before: this one was listed.
        known = world.add(30)
        world.open(wanted=WANTED)
        world.scan()
        world.side.fetch(known)
        for contact_id in known:
            world.model.delete_contact(contact_id)
        return Bench(world)
