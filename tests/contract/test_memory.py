"""The in-memory connector keeps the contract, with every trait that vendors differ in."""

from __future__ import annotations

import pytest

from connectors.port import Connector
from syncd.core.model import Intent, Op, Outcome, Side, Values
from syncd.errors import AnswerLost
from syncd.testing.clock import FakeClock
from syncd.testing.contract import ConnectorContract, Names, scan_all
from syncd.testing.memory import FIELDS, MemoryConnector, MemorySide, Traits

TRAITS = {
    "plain": Traits(),
    "no id property": Traits(identity=None),
    "no feed": Traits(changes=False),
    "field times": Traits(field_times=True),
    "no versions": Traits(versions=False, moments=False),
    "names nobody": Traits(names_items=False),
    "names no fields": Traits(names_fields=False),
    "shows no writes": Traits(shows_writes=False),
    "small pages": Traits(page_size=7, fetch_batch=3, write_batch=5),
}


class Held:
    """A MemorySide as the contract wants it."""

    names = Names(bad=("shoe_size", "44"))
    written = Side.CRM
    unique_email = True
    quiet_seconds = 1.0

    def __init__(self, traits: Traits) -> None:
        self.clock = FakeClock()
        self.vendor = MemorySide(self.clock, traits)
        self.names_fields = traits.names_fields
        self.connector: Connector = MemoryConnector(self.vendor)

    def reopen(self) -> Connector:
        return MemoryConnector(self.vendor)

    def add(self, values: Values) -> str:
        return self.vendor.add(values)

    def edit(self, record_id: str, values: Values) -> None:
        self.vendor.edit(record_id, values)

    def delete(self, record_id: str) -> None:
        self.vendor.delete(record_id)

    def advance(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class TestMemory(ConnectorContract):
    @pytest.fixture(params=sorted(TRAITS))
    def side(self, request: pytest.FixtureRequest) -> Held:
        return Held(TRAITS[request.param])


def create(number: int) -> Intent:
    return Intent(id=f"i{number}", connection="c", side=Side.CRM, op=Op.CREATE, stamp=f"s{number}")


def test_a_lost_answer_leaves_the_work_done() -> None:
    connector = MemoryConnector(MemorySide(FakeClock()))
    connector.lose_answer("create")
    with pytest.raises(AnswerLost):
        connector.create([create(1)])
    assert len(scan_all(connector)) == 1
    (receipt,) = connector.create([create(1)])
    assert (receipt.outcome, receipt.created) == (Outcome.APPLIED, False)


def test_a_scripted_fault_before_the_work_leaves_nothing_behind() -> None:
    connector = MemoryConnector(MemorySide(FakeClock()))
    connector.fail("create", AnswerLost("lost"))
    with pytest.raises(AnswerLost):
        connector.create([create(1)])
    assert scan_all(connector) == {}
    assert connector.requests["create"] == 1


def test_old_ids_of_a_merge_lead_to_the_new_record() -> None:
    side = MemorySide(FakeClock())
    left, right = side.add({"firstname": "A"}), side.add({"firstname": "B", "phone": "1"})
    new = side.merge(left, right)
    connector = MemoryConnector(side)
    answer = connector.fetch([left, right, new])
    assert {record.id for record in answer.records.values()} == {new}
    assert answer.records[left].merged_ids == (left, right)
    assert answer.records[left].values["firstname"] == "A"
    assert set(scan_all(connector)) == {new}


def test_an_ignored_field_is_answered_as_done_and_stays_as_it_was() -> None:
    side = MemorySide(FakeClock(), Traits(fields=FIELDS, ignored=frozenset({"stage"})))
    record_id = side.add({"stage": "customer"})
    connector = MemoryConnector(side)
    one = Intent(id="i", connection="c", side=Side.CRM, op=Op.UPDATE, crm_id=record_id, stamp="s")
    (receipt,) = connector.update([one])
    assert receipt.outcome is Outcome.APPLIED
    assert receipt.shown is not None
    assert (receipt.shown.values["stage"], receipt.shown.values["link_id"]) == ("customer", "s")


def test_a_feed_that_tells_deletes_shows_them() -> None:
    side = MemorySide(FakeClock(), Traits(tells_gone=True))
    record_id = side.add({"firstname": "A"})
    connector = MemoryConnector(side)
    cursor = connector.feed_start()
    side.delete(record_id, proof="is_deleted")
    page = connector.changes(cursor)
    assert page.records == ()
    assert [(one.id, one.proof) for one in page.gone] == [(record_id, "is_deleted")]
