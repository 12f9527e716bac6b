"""What every connector promises, as a pytest class: subclass it and give it a ``side`` to work on.

    class TestMine(ConnectorContract):
        @pytest.fixture
        def side(self) -> Iterator[SideUnderTest]: ...

A fixture gives each test a fresh and empty side. What a side cannot do by its capabilities is skipped;
everything else holds for all, however differently the vendors behave.
"""
# a test suite, kept here for connectors of others

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

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


_numbers = itertools.count(1)


def person(names: Names, number: int) -> dict[str, Value]:
    """A person like no other."""
    return {
        names.first: f"Ann{number}",
        names.last: f"Miller{number}",
        names.email: f"ann{number}@example.com",
        names.phone: f"+1305555{number % 10_000:04d}",
    }


def scan_all(connector: Connector) -> dict[str, Record]:
    """Every record of a complete scan, by id."""
    found: dict[str, Record] = {}
    cursor: str | None = None
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


class ConnectorContract:
    """The suite."""

    @pytest.fixture
    def side(self) -> SideUnderTest:
        """Override this."""
        raise NotImplementedError

    # ---- helpers

    def intent(
        self,
        side: SideUnderTest,
        op: Op,
        *,
        target: str = "",
        values: Values | None = None,
        before: Values | None = None,
        stamp: str | None = None,
    ) -> Intent:
        """One planned write to the side under test."""
        changes = tuple(
            Change(field=name, before=(before or {}).get(name), after=value, rule=name, by="test", reason="test")
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
        )

    def seen(self, side: SideUnderTest, record_id: str) -> Record:
        """The record as a fetch shows it."""
        return side.connector.fetch([record_id]).records[record_id]

    def need_changes(self, side: SideUnderTest) -> None:
        if not side.connector.capabilities().changes:
            pytest.skip("the side has no feed of changes")

    # ---- who and what

    def test_the_account_and_the_fields_are_told(self, side: SideUnderTest) -> None:
        assert side.connector.label
        assert side.connector.account() == side.connector.account()
        described = {spec.name for spec in side.connector.describe()}
        assert not described or {side.names.first, side.names.email} <= described
        batch = side.connector.capabilities().batch
        assert all(batch[op] >= 1 for op in Op)

    # ---- scan

    def test_a_scan_of_nothing_is_complete_and_empty(self, side: SideUnderTest) -> None:
        page = side.connector.scan(None)
        assert (page.records, page.complete, page.cursor) == ((), True, None)

    def test_a_scan_shows_every_record_once_also_beyond_one_page(self, side: SideUnderTest) -> None:
        count = side.connector.capabilities().page_size + 3
        ids = [side.add(person(side.names, number)) for number in range(count)]
        assert sorted(scan_all(side.connector)) == sorted(ids)

    def test_a_scan_ends_after_an_exact_number_of_pages(self, side: SideUnderTest) -> None:
        count = side.connector.capabilities().page_size
        ids = {side.add(person(side.names, number)) for number in range(count)}
        assert set(scan_all(side.connector)) == ids

    def test_a_scan_goes_on_from_a_cursor_after_a_restart(self, side: SideUnderTest) -> None:
        count = side.connector.capabilities().page_size + 5
        ids = {side.add(person(side.names, number)) for number in range(count)}
        first = side.connector.scan(None)
        assert not first.complete
        assert first.cursor
        rest = side.reopen().scan(first.cursor)
        assert rest.complete
        assert {record.id for page in (first, rest) for record in page.records} == ids

    def test_values_are_shown_as_they_are_and_an_unset_field_is_blank(self, side: SideUnderTest) -> None:
        names = side.names
        values = {names.first: "Zoë", names.email: "zoe@example.com"}
        record_id = side.add(values)
        record = scan_all(side.connector)[record_id]
        assert {name: record.values[name] for name in values} == values
        assert record.values[names.phone] in (None, "", ())
        assert record.in_scope

    def test_a_deleted_record_is_in_no_scan(self, side: SideUnderTest) -> None:
        keep, drop = (side.add(person(side.names, number)) for number in (1, 2))
        side.delete(drop)
        assert set(scan_all(side.connector)) == {keep}

    # ---- changes

    def test_the_feed_shows_what_changed_since_it_began(self, side: SideUnderTest) -> None:
        self.need_changes(side)
        record_id = side.add(person(side.names, 1))
        side.advance(side.quiet_seconds)
        cursor = side.connector.feed_start()
        side.edit(record_id, {side.names.first: "Bea"})
        new_id = side.add(person(side.names, 2))
        side.advance(1)
        found, _, _ = drain(side.connector, cursor)
        assert {record_id, new_id} <= set(found)
        assert found[record_id].values[side.names.first] == "Bea"

    def test_a_quiet_feed_is_one_complete_page_without_records(self, side: SideUnderTest) -> None:
        self.need_changes(side)
        side.add(person(side.names, 1))
        side.advance(side.quiet_seconds)
        _, _, cursor = drain(side.connector, side.connector.feed_start())
        for _ in range(3):
            side.advance(side.quiet_seconds)
            page = side.connector.changes(cursor)
            assert (page.records, page.gone, page.complete) == ((), (), True)
            assert page.cursor is not None
            cursor = page.cursor

    def test_no_edit_falls_between_two_windows(self, side: SideUnderTest) -> None:
        self.need_changes(side)
        record_id = side.add(person(side.names, 0))
        cursor = side.connector.feed_start()
        for number in range(1, 6):
            side.edit(record_id, {side.names.first: f"Ann{number}"})
            side.advance(0.4 * number)
            found, _, cursor = drain(side.connector, cursor)
            assert found[record_id].values[side.names.first] == f"Ann{number}"

    def test_many_records_of_one_moment_are_all_in_the_feed(self, side: SideUnderTest) -> None:
        self.need_changes(side)
        cursor = side.connector.feed_start()
        ids = {side.add(person(side.names, number)) for number in range(450)}
        side.advance(1)
        found, _, _ = drain(side.connector, cursor)
        assert set(found) == ids

    def test_the_feed_goes_on_in_the_middle_after_a_restart(self, side: SideUnderTest) -> None:
        self.need_changes(side)
        cursor = side.connector.feed_start()
        ids = [side.add(person(side.names, number)) for number in range(450)]
        side.advance(1)
        first = side.connector.changes(cursor)
        assert not first.complete
        assert first.cursor
        side.edit(ids[0], {side.names.first: "Later"})
        side.edit(ids[-1], {side.names.first: "Later"})
        side.advance(1)
        found, _, following = drain(side.reopen(), first.cursor)
        later, _, _ = drain(side.reopen(), following)
        everything = {record.id: record for record in first.records} | found | later
        assert set(everything) == set(ids)
        assert {everything[one].values[side.names.first] for one in (ids[0], ids[-1])} == {"Later"}

    # ---- fetch and find

    def test_a_fetch_tells_live_gone_and_unknown_records_apart(self, side: SideUnderTest) -> None:
        live, deleted, passing = (side.add(person(side.names, number)) for number in range(3))
        side.delete(deleted)
        side.delete(passing)
        answer = side.connector.fetch([deleted, live, passing])
        assert set(answer.records) == {live}
        assert answer.records[live].id == live
        assert set(answer.gone) == {deleted, passing}
        assert all(answer.gone[one].proof for one in answer.gone)

    def test_a_fetch_of_nothing_asks_for_nothing(self, side: SideUnderTest) -> None:
        answer = side.connector.fetch([])
        assert (answer.records, answer.gone) == ({}, {})

    def test_a_fetch_takes_any_number_of_ids(self, side: SideUnderTest) -> None:
        ids = [side.add(person(side.names, number)) for number in range(side.connector.capabilities().fetch_batch + 2)]
        assert set(side.connector.fetch([*ids, *ids[:3]]).records) == set(ids)

    def test_a_fetch_shows_a_write_at_once(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        side.edit(record_id, {side.names.first: "Bea"})
        assert self.seen(side, record_id).values[side.names.first] == "Bea"

    def test_records_are_found_by_email_in_any_case(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        side.add(person(side.names, 2))
        found = side.connector.find({"email": ["ANN1@Example.com", "nobody@example.com"]})
        assert [record.id for record in found] == [record_id]
        assert side.connector.find({"email": []}) == ()

    def test_records_are_found_by_the_other_halfs_id(self, side: SideUnderTest) -> None:
        identity = side.connector.capabilities().identity
        if identity is None:
            pytest.skip("the side has no id property")
        record_id = side.add({**person(side.names, 1), identity: "other-1"})
        side.add(person(side.names, 2))
        found = side.connector.find({"identity": ["other-1", "other-2"]})
        assert [(record.id, record.values[identity]) for record in found] == [(record_id, "other-1")]

    # ---- create

    def test_a_create_returns_the_id_and_shows_no_more_than_the_answer_held(self, side: SideUnderTest) -> None:
        values = person(side.names, 7)
        intents = [
            self.intent(side, Op.CREATE, values=values, stamp="other-7"),
            self.intent(side, Op.CREATE, values=person(side.names, 8), stamp="other-8"),
        ]
        receipts = deliver(side.connector, intents)
        assert {receipt.outcome for receipt in receipts.values()} == {Outcome.APPLIED}
        made = receipts[intents[0].id]
        assert made.created
        stored = self.seen(side, made.id)
        assert {name: stored.values[name] for name in values} == values
        if made.shown is not None:
            assert made.shown.id == made.id
            assert made.shown.values.items() <= stored.values.items()

    def test_a_create_sent_twice_makes_one_record(self, side: SideUnderTest) -> None:
        if side.connector.capabilities().identity is None:
            pytest.skip("the side has no id property")
        receipts = [
            deliver(side.connector, [one])[one.id]
            for one in (self.intent(side, Op.CREATE, values=person(side.names, 1), stamp="other-1") for _ in range(2))
        ]
        assert receipts[0].id == receipts[1].id
        assert [receipt.created for receipt in receipts] == [True, False]
        assert len(scan_all(side.connector)) == 1

    def test_a_duplicate_is_refused_with_the_id_of_the_one_that_exists(self, side: SideUnderTest) -> None:
        if not side.unique_email:
            pytest.skip("the side takes the same e-mail twice")
        record_id = side.add(person(side.names, 1))
        twin = self.intent(
            side,
            Op.CREATE,
            values={**person(side.names, 2), side.names.email: "ann1@example.com"},
            stamp="other-2",
        )
        fine = self.intent(side, Op.CREATE, values=person(side.names, 3), stamp="other-3")
        receipts = deliver(side.connector, [twin, fine])
        assert receipts[twin.id].outcome is Outcome.REFUSED
        assert receipts[twin.id].existing_id == record_id
        assert receipts[fine.id].outcome is Outcome.APPLIED

    def test_one_bad_record_does_not_stop_the_others(self, side: SideUnderTest) -> None:
        field, value = side.names.bad
        intents = [
            self.intent(side, Op.CREATE, values=person(side.names, number), stamp=f"other-{number}")
            for number in range(4)
        ]
        bad = self.intent(side, Op.CREATE, values={**person(side.names, 9), field: value}, stamp="other-9")
        receipts = deliver(side.connector, [*intents[:2], bad, *intents[2:]])
        assert [receipts[one.id].outcome for one in intents] == [Outcome.APPLIED] * 4
        assert receipts[bad.id].outcome is Outcome.REFUSED or field in receipts[bad.id].refused_fields
        assert receipts[bad.id].message or receipts[bad.id].refused_fields

    # ---- update

    def test_an_update_writes_its_fields_and_leaves_the_others(self, side: SideUnderTest) -> None:
        ids = [side.add(person(side.names, number)) for number in range(3)]
        intents = [
            self.intent(side, Op.UPDATE, target=one, values={side.names.first: f"New{place}"})
            for place, one in enumerate(ids)
        ]
        receipts = deliver(side.connector, intents)
        assert [receipts[one.id].id for one in intents] == ids
        for place, one in enumerate(ids):
            wanted = {**person(side.names, place), side.names.first: f"New{place}"}
            assert wanted.items() <= self.seen(side, one).values.items()

    def test_an_update_with_none_clears_the_field(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        one = self.intent(side, Op.UPDATE, target=record_id, values={side.names.last: None})
        assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
        assert self.seen(side, record_id).values[side.names.last] in (None, "")

    def test_a_refused_field_is_named_and_the_others_are_written(self, side: SideUnderTest) -> None:
        field, value = side.names.bad
        record_id = side.add(person(side.names, 1))
        one = self.intent(side, Op.UPDATE, target=record_id, values={field: value, side.names.first: "Bea"})
        receipt = deliver(side.connector, [one])[one.id]
        if side.names_fields:
            assert receipt.outcome is Outcome.APPLIED
            assert receipt.refused_fields[field]
            assert self.seen(side, record_id).values[side.names.first] == "Bea"
        else:
            assert receipt.outcome is Outcome.REFUSED
            assert receipt.message
        assert self.seen(side, record_id).values.get(field) != value

    def test_an_update_of_a_record_that_is_gone_says_so(self, side: SideUnderTest) -> None:
        gone, live = (side.add(person(side.names, number)) for number in (1, 2))
        side.delete(gone)
        intents = [self.intent(side, Op.UPDATE, target=one, values={side.names.first: "Bea"}) for one in (gone, live)]
        receipts = deliver(side.connector, intents)
        assert receipts[intents[0].id].outcome is Outcome.GONE
        assert receipts[intents[1].id].outcome is Outcome.APPLIED

    def test_a_stamp_writes_the_id_property_alone_and_an_empty_one_clears_it(self, side: SideUnderTest) -> None:
        identity = side.connector.capabilities().identity
        if identity is None:
            pytest.skip("the side has no id property")
        record_id = side.add(person(side.names, 1))
        for stamp, shown in (("other-1", ("other-1",)), ("", (None, ""))):
            one = self.intent(side, Op.STAMP, target=record_id, stamp=stamp)
            assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
            record = self.seen(side, record_id)
            assert record.values[identity] in shown
            assert person(side.names, 1).items() <= record.values.items()

    def test_a_full_batch_has_a_receipt_for_every_intent(self, side: SideUnderTest) -> None:
        size = min(side.connector.capabilities().batch[Op.UPDATE], 150)
        ids = [side.add(person(side.names, number)) for number in range(size)]
        intents = [self.intent(side, Op.UPDATE, target=one, values={side.names.last: "X" + one}) for one in ids]
        receipts = deliver(side.connector, intents)
        assert {one.id: receipts[one.id].id for one in intents} == dict(
            zip((one.id for one in intents), ids, strict=True)
        )
        shown: Mapping[str, Record] = side.connector.fetch(ids).records
        assert all(shown[one].values[side.names.last] == "X" + one for one in ids)

    # ---- remove

    def test_a_removed_record_is_gone_and_removing_it_again_is_no_error(self, side: SideUnderTest) -> None:
        drop, keep = (side.add(person(side.names, number)) for number in (1, 2))
        for _ in range(2):
            one = self.intent(side, Op.REMOVE, target=drop)
            assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
        answer = side.connector.fetch([drop, keep])
        assert (set(answer.gone), set(answer.records)) == ({drop}, {keep})

    # ---- field times

    def test_field_times_tell_when_a_value_came(self, side: SideUnderTest) -> None:
        if not side.connector.capabilities().field_times:
            assert side.connector.field_times([], [side.names.first]) == {}
            return
        record_id = side.add(person(side.names, 1))
        side.advance(60)
        side.edit(record_id, {side.names.first: "Bea"})
        times = side.connector.field_times([record_id], [side.names.first, side.names.last])[record_id]
        later = times[side.names.first] - times[side.names.last]
        assert 55 <= later.total_seconds() <= 65
