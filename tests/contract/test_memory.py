"""The in-memory connector keeps the contract, with every trait that vendors differ in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.port import Connector
from syncd.core.model import Intent, Op, Outcome, Side, Values
from syncd.errors import AnswerLost
from syncd.testing import contract
from syncd.testing.clock import FakeClock
from syncd.testing.contract import (
    ArchiveContract,
    ConnectorContract,
    FeedContract,
    FieldTimesContract,
    IdentityContract,
    Names,
    UniqueEmailContract,
    scan_all,
)
from syncd.testing.memory import FIELDS, MemoryConnector, MemorySide, Traits

TRAITS = {
    "plain": Traits(),
    "no versions": Traits(versions=False, moments=False),
    "names nobody": Traits(names_items=False),
    "names no fields": Traits(names_fields=False),
    "shows no writes": Traits(shows_writes=False),
    "small pages": Traits(page_size=7, fetch_batch=3, write_batch=5),
}

SHARED = tuple(replace(spec, unique=spec.name == "link_id") for spec in FIELDS)  # two may have the same e-mail


class Held:
    """A MemorySide as the contract wants it."""

    names = Names(bad=("shoe_size", "44"))
    written = Side.CRM
    quiet_seconds = 1.0

    def __init__(self, traits: Traits) -> None:
        self.clock = FakeClock()
        self.vendor = MemorySide(self.clock, traits)
        self.names_fields = traits.names_fields
        self.unique_email = any(spec.unique and spec.name == self.names.email for spec in traits.fields)
        self.connector: Connector = MemoryConnector(self.vendor)

    def reopen(self) -> Connector:
        return MemoryConnector(self.vendor)

    def add(self, values: Values) -> str:
        return self.vendor.add(values)

    def edit(self, record_id: str, values: Values) -> None:
        self.vendor.edit(record_id, values)

    def delete(self, record_id: str) -> None:
        self.vendor.delete(record_id)

    def restore(self, record_id: str) -> None:
        self.vendor.restore(record_id)

    def advance(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class TestMemory(ConnectorContract, FeedContract, IdentityContract, UniqueEmailContract, ArchiveContract):
    @pytest.fixture(params=sorted(TRAITS))
    def side(self, request: pytest.FixtureRequest) -> Held:
        return Held(TRAITS[request.param])


class TestMemoryWithoutIdProperty(ConnectorContract, FeedContract, UniqueEmailContract, ArchiveContract):
    @pytest.fixture
    def side(self) -> Held:
        return Held(Traits(identity=None))


class TestMemoryWithoutFeed(ConnectorContract, IdentityContract, UniqueEmailContract, ArchiveContract):
    @pytest.fixture
    def side(self) -> Held:
        return Held(Traits(changes=False))


class TestMemoryWithFieldTimes(
    ConnectorContract, FeedContract, IdentityContract, UniqueEmailContract, FieldTimesContract, ArchiveContract
):
    @pytest.fixture
    def side(self) -> Held:
        return Held(Traits(field_times=True))


class TestMemoryWithSharedEmails(ConnectorContract, FeedContract, IdentityContract, ArchiveContract):
    @pytest.fixture
    def side(self) -> Held:
        return Held(Traits(fields=SHARED))


ABLE, UNABLE = Traits(field_times=True), Traits(identity=None, changes=False, archives=False, fields=SHARED)
PARTS = (FeedContract, IdentityContract, UniqueEmailContract, FieldTimesContract, ArchiveContract)


def declared(*classes: type) -> ConnectorContract:
    """A test class of these parts."""
    made = type("Declared", (ConnectorContract, *classes), {})()
    assert isinstance(made, ConnectorContract)
    return made


def test_the_contract_asks_for_every_part_that_there_is() -> None:
    shipped = {one for name, one in vars(contract).items() if name.endswith("Contract")}
    assert shipped == {ConnectorContract, *PARTS} == {ConnectorContract, *contract.parts_for(Held(ABLE))}


def test_the_parts_of_what_a_side_can_do_are_accepted() -> None:
    declared(*PARTS).test_the_inherited_classes_are_those_for_what_the_side_can_do(Held(ABLE))
    declared().test_the_inherited_classes_are_those_for_what_the_side_can_do(Held(UNABLE))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_left_out_or_too_many_is_noticed(part: type) -> None:
    rest = [one for one in PARTS if one is not part]
    for classes, traits in ((rest, ABLE), ([part], UNABLE)):
        with pytest.raises(AssertionError):
            declared(*classes).test_the_inherited_classes_are_those_for_what_the_side_can_do(Held(traits))


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
