"""What every side must do, whatever it can besides."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from syncd.core.model import Op, Outcome, Record
from syncd.testing.contract.parts import parts_for
from syncd.testing.contract.side import SideUnderTest, deliver, intent_for, person, scan_all, seen


class ConnectorContract:
    """For every connector; a test class inherits beside it what ``parts_for`` says of its side."""

    @pytest.fixture
    def side(self) -> SideUnderTest:
        """Override this."""
        raise NotImplementedError

    # ---- who and what

    def test_the_account_and_the_fields_are_told(self, side: SideUnderTest) -> None:
        assert side.connector.label
        assert side.connector.account() == side.connector.account()
        described = {spec.name for spec in side.connector.describe()}
        assert not described or {side.names.first, side.names.email} <= described
        batch = side.connector.capabilities().batch
        assert all(batch[op] >= 1 for op in Op)

    # ---- what only some can

    def test_the_inherited_classes_are_those_for_what_the_side_can_do(self, side: SideUnderTest) -> None:
        wanted = parts_for(side)
        assert {part: isinstance(self, part) for part in wanted} == wanted

    def test_nothing_is_found_by_an_id_of_the_other_half_that_no_record_carries(self, side: SideUnderTest) -> None:
        side.add(person(side.names, 1))
        assert side.connector.find({"identity": ["other-1"]}) == ()

    def test_a_created_record_is_found_by_its_email(self, side: SideUnderTest) -> None:
        one = intent_for(side, Op.CREATE, values=person(side.names, 1), stamp="other-1")
        receipt = deliver(side.connector, [one])[one.id]
        side.advance(side.quiet_seconds)
        found = side.connector.find({"email": ["ann1@example.com"]})
        assert [record.id for record in found] == [receipt.id]

    def test_a_second_record_with_the_same_email_is_made_where_emails_are_not_unique(self, side: SideUnderTest) -> None:
        twins = [
            intent_for(
                side,
                Op.CREATE,
                values={**person(side.names, number), side.names.email: "ann1@example.com"},
                stamp=f"other-{number}",
            )
            for number in (1, 2)
        ]
        receipts = [deliver(side.connector, [twin])[twin.id] for twin in twins]
        second = Outcome.REFUSED if side.unique_email else Outcome.APPLIED
        assert [receipt.outcome for receipt in receipts] == [Outcome.APPLIED, second]
        assert len(scan_all(side.connector)) == (1 if side.unique_email else 2)

    def test_field_times_are_told_by_a_side_that_can_and_empty_otherwise(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        told = {record_id} if side.connector.capabilities().field_times else set()
        assert set(side.connector.field_times([record_id], [side.names.first])) == told
        assert side.connector.field_times([], [side.names.first]) == {}

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
        rest = scan_all(side.reopen(), first.cursor)
        assert {record.id for record in first.records} | set(rest) == ids
        assert len(first.records) + len(rest) == count

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
        assert seen(side, record_id).values[side.names.first] == "Bea"

    def test_records_are_found_by_email_in_any_case(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        side.add(person(side.names, 2))
        found = side.connector.find({"email": ["ANN1@Example.com", "nobody@example.com"]})
        assert [record.id for record in found] == [record_id]
        assert side.connector.find({"email": []}) == ()

    # ---- create

    def test_a_create_returns_the_id_and_shows_no_more_than_the_answer_held(self, side: SideUnderTest) -> None:
        values = person(side.names, 7)
        intents = [
            intent_for(side, Op.CREATE, values=values, stamp="other-7"),
            intent_for(side, Op.CREATE, values=person(side.names, 8), stamp="other-8"),
        ]
        receipts = deliver(side.connector, intents)
        assert {receipt.outcome for receipt in receipts.values()} == {Outcome.APPLIED}
        made = receipts[intents[0].id]
        assert made.created
        stored = seen(side, made.id)
        assert {name: stored.values[name] for name in values} == values
        if made.shown is not None:
            assert made.shown.id == made.id
            assert made.shown.values.items() <= stored.values.items()

    def test_one_bad_record_does_not_stop_the_others(self, side: SideUnderTest) -> None:
        field, value = side.names.bad
        intents = [
            intent_for(side, Op.CREATE, values=person(side.names, number), stamp=f"other-{number}")
            for number in range(4)
        ]
        bad = intent_for(side, Op.CREATE, values={**person(side.names, 9), field: value}, stamp="other-9")
        receipts = deliver(side.connector, [*intents[:2], bad, *intents[2:]])
        assert [receipts[one.id].outcome for one in intents] == [Outcome.APPLIED] * 4
        assert receipts[bad.id].outcome is Outcome.REFUSED or field in receipts[bad.id].refused_fields
        assert receipts[bad.id].message or receipts[bad.id].refused_fields

    # ---- update

    def test_an_update_writes_its_fields_and_leaves_the_others(self, side: SideUnderTest) -> None:
        ids = [side.add(person(side.names, number)) for number in range(3)]
        intents = [
            intent_for(side, Op.UPDATE, target=one, values={side.names.first: f"New{place}"})
            for place, one in enumerate(ids)
        ]
        receipts = deliver(side.connector, intents)
        assert [receipts[one.id].id for one in intents] == ids
        for place, one in enumerate(ids):
            wanted = {**person(side.names, place), side.names.first: f"New{place}"}
            assert wanted.items() <= seen(side, one).values.items()

    def test_an_update_with_none_clears_the_field(self, side: SideUnderTest) -> None:
        record_id = side.add(person(side.names, 1))
        one = intent_for(side, Op.UPDATE, target=record_id, values={side.names.phone: None})
        assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
        assert seen(side, record_id).values[side.names.phone] in (None, "")

    def test_a_refused_field_is_named_and_the_others_are_written(self, side: SideUnderTest) -> None:
        field, value = side.names.bad
        record_id = side.add(person(side.names, 1))
        one = intent_for(side, Op.UPDATE, target=record_id, values={field: value, side.names.first: "Bea"})
        receipt = deliver(side.connector, [one])[one.id]
        if side.names_fields:
            assert receipt.outcome is Outcome.APPLIED
            assert receipt.refused_fields[field]
            assert seen(side, record_id).values[side.names.first] == "Bea"
        else:
            assert receipt.outcome is Outcome.REFUSED
            assert receipt.message
        assert seen(side, record_id).values.get(field) != value

    def test_an_update_of_a_record_that_is_gone_says_so(self, side: SideUnderTest) -> None:
        gone, live = (side.add(person(side.names, number)) for number in (1, 2))
        side.delete(gone)
        intents = [intent_for(side, Op.UPDATE, target=one, values={side.names.first: "Bea"}) for one in (gone, live)]
        receipts = deliver(side.connector, intents)
        assert receipts[intents[0].id].outcome is Outcome.GONE
        assert receipts[intents[1].id].outcome is Outcome.APPLIED

    def test_a_full_batch_has_a_receipt_for_every_intent(self, side: SideUnderTest) -> None:
        size = min(side.connector.capabilities().batch[Op.UPDATE], 150)
        ids = [side.add(person(side.names, number)) for number in range(size)]
        intents = [intent_for(side, Op.UPDATE, target=one, values={side.names.last: "X" + one}) for one in ids]
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
            one = intent_for(side, Op.REMOVE, target=drop)
            assert deliver(side.connector, [one])[one.id].outcome is Outcome.APPLIED
        answer = side.connector.fetch([drop, keep])
        assert (set(answer.gone), set(answer.records)) == ({drop}, {keep})
