"""Single writes to Salesforce that must not overwrite what somebody typed meanwhile, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from syncd.core.model import Intent, Op, Outcome
from syncd.errors import AnswerLost
from syncd.sandbox.salesforce.options import Lock
from syncd.testing.salesforce import Bench, Stand, stand

LOOK = "GET /sobjects/Contact/:id"
WRITE = "PATCH /sobjects/Contact/:id"
READ = "POST /composite/sobjects/Contact"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


def looked_at(org: Bench, record_id: str) -> datetime:
    """What a look at the record says of its last change."""
    at = org.connector.fetch([record_id]).records[record_id].modified_at
    assert at is not None
    org.asked()
    return at


def guarded(org: Bench, record_id: str, based_on: datetime, before: dict[str, Any], **values: Any) -> Intent:
    return replace(org.intent(Op.UPDATE, record_id, before=before, **values), based_on=based_on)


def old_record(org: Bench) -> str:
    """A record whose last change was over when the last walk began, so that the walk saw all of it."""
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    org.advance(3600)
    org.connector.scan(None)
    return record_id


def test_an_unchanged_record_takes_one_request(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert (receipt.outcome, receipt.id, receipt.shown) == (Outcome.APPLIED, record_id, None)
    assert org.asked() == {WRITE: 1}
    assert org.stored(record_id)["FirstName"] == "Bea"


@pytest.mark.parametrize("empty", [True, False])
def test_a_record_that_was_changed_since_is_stale_and_keeps_what_was_typed(place: Stand, empty: bool) -> None:
    with place.bench(empty_412=empty) as org:
        record_id = old_record(org)
        based_on = looked_at(org, record_id)
        org.edit(record_id, {"Phone": "305-555-0100", "FirstName": "Anne"})
        (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
        assert receipt.outcome is Outcome.STALE
        assert org.stored(record_id)["FirstName"] == "Anne"
        assert org.asked() == {WRITE: 1, LOOK: 1}


@pytest.mark.parametrize("walked", [True, False])
@pytest.mark.parametrize("ago", [0, 3600])
def test_a_record_of_which_only_other_fields_were_changed_since_is_written(org: Bench, walked: bool, ago: int) -> None:
    """Its date moved, and what was decided knows only the one before."""
    record_id = old_record(org) if walked else org.add({"FirstName": "Ann", "LastName": "Li"})
    based_on = looked_at(org, record_id)
    org.advance(60)
    org.edit(record_id, {"Title": "Boss"})
    org.advance(ago)
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert (org.stored(record_id)["FirstName"], org.stored(record_id)["Title"]) == ("Bea", "Boss")


def test_a_record_that_is_changed_again_and_again_is_stale(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.fault("status", f"/sobjects/Contact/{record_id}", method="PATCH", status=412, times=None)
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.STALE
    assert org.asked() == {WRITE: 2, LOOK: 1}


def test_an_edit_in_the_very_second_of_the_look_is_not_overwritten(org: Bench) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    based_on = looked_at(org, record_id)
    org.edit(record_id, {"FirstName": "Anne"})  # the clock stands still: the same second
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.STALE
    assert org.stored(record_id)["FirstName"] == "Anne"
    assert org.asked() == {LOOK: 1}


def test_the_second_of_the_last_change_is_over_before_it_is_looked_at_once_more(org: Bench) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    based_on = looked_at(org, record_id)
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert (org.clock.now() - based_on).total_seconds() >= 2
    assert org.asked() == {LOOK: 1, WRITE: 1}


@pytest.mark.parametrize("later", [30, 1_000, 86_400])
def test_an_edit_in_that_second_is_seen_also_when_the_write_comes_later(org: Bench, later: float) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    based_on = looked_at(org, record_id)
    org.edit(record_id, {"FirstName": "Anne"})
    org.advance(later)
    org.connector.find({"email": ["nobody@x.co"]})  # so that the server's clock is known
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.STALE


@pytest.mark.parametrize("walk", ["scan", "changes"])
@pytest.mark.parametrize(("age", "looks"), [(1, 1), (1_000, 0)])
def test_only_a_walk_that_began_after_that_second_spares_the_look(
    org: Bench, walk: str, age: float, looks: int
) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    cursor = org.connector.feed_start()
    org.advance(age)
    getattr(org.connector, walk)(None if walk == "scan" else cursor)
    org.advance(1_000)
    based_on = looked_at(org, record_id)
    org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    asked = org.asked()
    assert (asked.get(LOOK, 0), asked[WRITE]) == (looks, 1)


def test_an_edit_of_another_field_in_that_second_does_not_stop_the_write(org: Bench) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    based_on = looked_at(org, record_id)
    org.edit(record_id, {"Phone": "305-555-0100"})
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert org.stored(record_id)["Phone"] == "305-555-0100"


# ---- lost answers


@pytest.mark.parametrize("action", ["drop_after", "status_after", "half_body"])
def test_a_write_whose_answer_was_lost_is_found_and_not_repeated(org: Bench, action: str) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.fault(action, f"/sobjects/Contact/{record_id}", method="PATCH")
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert org.asked()[WRITE] == 1


@pytest.mark.parametrize("action", ["drop_before", "html", "status"])
def test_a_write_that_did_not_arrive_is_sent_again_with_its_condition(org: Bench, action: str) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.fault(action, f"/sobjects/Contact/{record_id}", method="PATCH")
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert org.asked() == {WRITE: 2, LOOK: 1}
    assert org.stored(record_id)["FirstName"] == "Bea"


def test_a_write_in_doubt_on_a_record_that_others_changed_stays_in_doubt(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.edit(record_id, {"FirstName": "Anne"})
    org.fault("drop_before", f"/sobjects/Contact/{record_id}", method="PATCH")
    with pytest.raises(AnswerLost):
        org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert org.stored(record_id)["FirstName"] == "Anne"


def test_a_write_in_doubt_that_cannot_be_looked_for_stays_in_doubt(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.fault("drop_after", f"/sobjects/Contact/{record_id}", times=None)
    with pytest.raises(AnswerLost):
        org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])


def test_a_repeat_that_meets_a_change_may_have_met_its_own(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.fault("drop_before", f"/sobjects/Contact/{record_id}", method="PATCH")
    org.fault("status", f"/sobjects/Contact/{record_id}", method="PATCH", status=412)
    with pytest.raises(AnswerLost):
        org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert org.asked() == {WRITE: 2, LOOK: 1}


# ---- refusals


def test_a_deleted_record_is_gone(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.delete(record_id)
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is Outcome.GONE


@pytest.mark.parametrize("recent", [True, False])
def test_a_hidden_field_is_held_and_the_rest_is_written(org: Bench, recent: bool) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    if not recent:
        org.advance(3600)
    based_on = looked_at(org, record_id)
    org.options(hidden_fields=("Contact.Phone",))
    one = guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea", Phone="305-555-0100")
    (receipt,) = org.connector.update([one])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"Phone"})
    assert org.stored(record_id)["FirstName"] == "Bea"


def test_a_value_that_is_too_long_is_held_and_the_rest_is_written(org: Bench) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    one = guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea", Phone="1" * 41)
    (receipt,) = org.connector.update([one])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"Phone"})
    assert org.asked()[WRITE] == 2


@pytest.mark.parametrize(("times", "outcome"), [(2, Outcome.APPLIED), (1000, Outcome.FAILED)])
def test_a_locked_record_is_waited_for_and_then_left(org: Bench, times: int, outcome: Outcome) -> None:
    record_id = old_record(org)
    based_on = looked_at(org, record_id)
    org.options(lock=Lock(ids=(record_id,), times=times))
    (receipt,) = org.connector.update([guarded(org, record_id, based_on, {"FirstName": "Ann"}, FirstName="Bea")])
    assert receipt.outcome is outcome


@pytest.mark.parametrize(
    ("count", "asked"),
    [(2, {WRITE: 2, LOOK: 1}), (3, {WRITE: 3, LOOK: 1}), (4, {READ: 1, "PATCH /composite/sobjects": 1})],
)
def test_up_to_three_records_go_singly_and_more_after_a_read_of_them_all(
    org: Bench, count: int, asked: dict[str, int]
) -> None:
    ids = [org.add({"FirstName": "Ann", "LastName": f"Li{n}"}) for n in range(count)]
    org.advance(3600)
    org.connector.scan(None)
    based_on = looked_at(org, ids[0])
    org.edit(ids[-1], {"FirstName": "Anne"})
    receipts = org.connector.update([guarded(org, one, based_on, {"FirstName": "Ann"}, FirstName="Bea") for one in ids])
    assert [receipt.outcome for receipt in receipts] == [Outcome.APPLIED] * (count - 1) + [Outcome.STALE]
    assert org.stored(ids[-1])["FirstName"] == "Anne"
    assert org.asked() == asked
