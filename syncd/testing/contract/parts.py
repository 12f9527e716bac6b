"""What only some sides can do, a class each: the test class of a side that can inherits it beside ConnectorContract."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.model import Op, Outcome
from syncd.testing.contract.side import (
    RestorableSide,
    SideUnderTest,
    deliver,
    drain,
    intent_for,
    person,
    scan_all,
    seen,
)


class FeedContract:
    """For a side with a feed of changes: ``capabilities().changes``."""

    def test_the_feed_shows_what_changed_since_it_began(self, side: SideUnderTest) -> None:
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
        record_id = side.add(person(side.names, 0))
        cursor = side.connector.feed_start()
        for number in range(1, 6):
            side.edit(record_id, {side.names.first: f"Ann{number}"})
            side.advance(0.4 * number)
            found, _, cursor = drain(side.connector, cursor)
            assert found[record_id].values[side.names.first] == f"Ann{number}"

    def test_many_records_of_one_moment_are_all_in_the_feed(self, side: SideUnderTest) -> None:
        cursor = side.connector.feed_start()
        ids = {side.add(person(side.names, number)) for number in range(450)}
        side.advance(1)
        found, _, _ = drain(side.connector, cursor)
        assert set(found) == ids

    def test_the_feed_goes_on_in_the_middle_after_a_restart(self, side: SideUnderTest) -> None:
        cursor = side.connector.feed_start()
        count = max(450, side.connector.capabilities().page_size + 50)  # more than a page of the feed holds
        ids = [side.add(person(side.names, number)) for number in range(count)]
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


class IdentityContract:
    """For a side with a unique field that carries the other half's id: ``capabilities().identity``."""

    def test_records_are_found_by_the_other_halfs_id(self, side: SideUnderTest) -> None:
        identity = side.connector.capabilities().identity
        assert identity is not None
        record_id = side.add({**person(side.names, 1), identity: "other-1"})
        side.add(person(side.names, 2))
        found = side.connector.find({"identity": ["other-1", "other-2"]})
        assert [(record.id, record.values[identity]) for record in found] == [(record_id, "other-1")]

    def test_a_create_sent_twice_makes_one_record(self, side: SideUnderTest) -> None:
        receipts = [
            deliver(side.connector, [one])[one.id]
            for one in (intent_for(side, Op.CREATE, values=person(side.names, 1), stamp="other-1") for _ in range(2))
        ]
        first, second = receipts
        if second.outcome is Outcome.REFUSED:
            assert second.existing_id == first.id
        else:
            assert (second.id, first.created, second.created) == (first.id, True, False)
        assert len(scan_all(side.connector)) == 1

    def test_a_stamp_writes_the_id_property_alone_and_an_empty_one_clears_it(self, side: SideUnderTest) -> None:
        identity = side.connector.capabilities().identity
        assert identity is not None
        record_id = side.add(person(side.names, 1))
        for stamp, shown in (("other-1", ("other-1",)), ("", (None, ""))):
            one = intent_for(side, Op.STAMP, target=record_id, stamp=stamp)
            assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
            record = seen(side, record_id)
            assert record.values[identity] in shown
            assert person(side.names, 1).items() <= record.values.items()


class UniqueEmailContract:
    """For a side that refuses a second record with the same e-mail: ``SideUnderTest.unique_email``."""

    def test_a_duplicate_is_refused_with_the_id_of_the_one_that_exists(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        twin = intent_for(
            side,
            Op.CREATE,
            values={**person(side.names, 2), side.names.email: "ann1@example.com"},
            stamp="other-2",
        )
        fine = intent_for(side, Op.CREATE, values=person(side.names, 3), stamp="other-3")
        receipts = deliver(side.connector, [twin, fine])
        assert receipts[twin.id].outcome is Outcome.REFUSED
        assert receipts[twin.id].existing_id == record_id
        assert receipts[fine.id].outcome is Outcome.APPLIED


class FieldTimesContract:
    """For a side that tells when single fields changed: ``capabilities().field_times``."""

    def test_field_times_tell_when_a_value_came(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        side.advance(60)
        side.edit(record_id, {side.names.first: "Bea"})
        times = side.connector.field_times([record_id], [side.names.first, side.names.last])[record_id]
        later = times[side.names.first] - times[side.names.last]
        assert 55 <= later.total_seconds() <= 65


class ArchiveContract:
    """For a side that can put a record aside instead of deleting it for good: ``capabilities().archives``."""

    def test_an_archived_record_is_gone_with_proof_and_can_be_brought_back(self, side: RestorableSide) -> None:
        values = person(side.names, 1)
        drop, keep = side.add(values), side.add(person(side.names, 2))
        one = intent_for(side, Op.REMOVE, target=drop, archive=True)
        assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
        answer = side.connector.fetch([drop, keep])
        assert (set(answer.gone), set(answer.records)) == ({drop}, {keep})
        assert answer.gone[drop].proof
        side.restore(drop)
        answer = side.connector.fetch([drop])
        assert answer.gone == {}
        assert values.items() <= answer.records[drop].values.items()


def parts_for(side: SideUnderTest) -> Mapping[type, bool]:
    """Every class of this file and whether it is for the side. A class that is missing here is missed by nobody."""
    can = side.connector.capabilities()
    return {
        FeedContract: can.changes,
        IdentityContract: can.identity is not None,
        UniqueEmailContract: side.unique_email,
        FieldTimesContract: can.field_times,
        ArchiveContract: can.archives,
    }
