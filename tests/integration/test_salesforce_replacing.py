"""Batches of updates that must not replace what somebody typed meanwhile, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.core.model import Op, Outcome, Value
from syncd.errors import AnswerLost, Unreachable
from syncd.sandbox.salesforce.options import Lock
from syncd.testing.salesforce import Bench, Stand, stand
from tests.integration.salesforce_writing import before, by_id, people

UPDATES = "PATCH /composite/sobjects"
LOOKS = "POST /composite/sobjects/Contact"
BATCH = "/composite/sobjects$"
LOOK = "/composite/sobjects/Contact$"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


@pytest.mark.parametrize("count", [2, 200])
def test_what_was_typed_since_the_look_is_not_overwritten_by_a_batch(org: Bench, count: int) -> None:
    ids = people(org, count, Phone="305-555-0100")
    intents = [org.intent(Op.UPDATE, one, FirstName="New", Phone=None) for one in ids]
    org.advance(3600)
    org.edit(ids[1], {"FirstName": "Typed"})
    receipts = by_id(org.connector.update(intents))
    stale = receipts.pop(intents[1].id)
    assert (stale.outcome, stale.refused_fields) == (Outcome.STALE, {})
    assert {receipt.outcome for receipt in receipts.values()} == {Outcome.APPLIED}
    assert (org.stored(ids[1])["FirstName"], org.stored(ids[1])["Phone"]) == ("Typed", "305-555-0100")
    assert org.stored(ids[0])["FirstName"] == "New"


def test_an_edit_of_another_field_is_no_reason_to_leave_a_record_out(org: Bench) -> None:
    ids = people(org, 4)
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
    org.advance(3600)
    org.edit(ids[1], {"Phone": "305-555-0100"})
    org.bump(ids[2])
    assert {receipt.outcome for receipt in org.connector.update(intents)} == {Outcome.APPLIED}
    assert org.stored(ids[1])["Phone"] == "305-555-0100"


def test_what_was_blank_and_still_is_counts_as_unchanged(org: Bench) -> None:
    ids = people(org, 4)
    blanks: dict[str, Value] = {"Phone": "", "Riders__c": (), "Tobacco_Use__c": None, "Coverage_Amount__c": None}
    intents = [
        org.intent(
            Op.UPDATE,
            one,
            before=blanks,
            Phone="305-555-0100",
            Riders__c=("Child Term",),
            Tobacco_Use__c=True,
            Coverage_Amount__c="125000",
        )
        for one in ids
    ]
    org.edit(ids[3], {"Tobacco_Use__c": True})
    outcomes = [receipt.outcome for receipt in org.connector.update(intents)]
    assert outcomes == [Outcome.APPLIED] * 3 + [Outcome.STALE]


def test_what_is_typed_while_a_locked_record_is_waited_for_stays(org: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = people(org, 4)
    org.options(lock=Lock(ids=(ids[1], ids[2]), times=1))
    before(org, monkeypatch, "POST", LOOK, lambda: org.edit(ids[1], {"FirstName": "Typed"}), after=1)
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    applied = Outcome.APPLIED
    assert [receipt.outcome for receipt in receipts] == [applied, Outcome.STALE, applied, applied]
    assert [org.stored(one)["FirstName"] for one in ids] == ["New", "Typed", "New", "New"]


# ---- lost answers


@pytest.mark.parametrize("action", ["drop_after", "half_body", "status_after"])
def test_updates_whose_answer_is_lost_are_looked_at_and_not_repeated(org: Bench, action: str) -> None:
    ids = people(org, 4)
    org.fault(action, BATCH)
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New", Phone=None) for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    asked = org.asked()
    assert (asked[UPDATES], asked[LOOKS]) == (1, 2)


@pytest.mark.parametrize("action", ["drop_before", "html"])
def test_updates_that_did_not_arrive_are_sent_again(org: Bench, action: str) -> None:
    ids = people(org, 4)
    org.fault(action, BATCH)
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert {org.stored(one)["FirstName"] for one in ids} == {"New"}
    assert org.asked()[UPDATES] == 2


@pytest.mark.parametrize("action", ["drop_before", "drop_after"])
def test_what_is_typed_between_two_tries_of_an_update_stays(
    org: Bench, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    ids = people(org, 4)
    org.fault(action, BATCH)
    before(org, monkeypatch, "POST", LOOK, lambda: org.edit(ids[2], {"FirstName": "Typed"}), after=1)
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    applied = Outcome.APPLIED
    assert [receipt.outcome for receipt in receipts] == [applied, applied, Outcome.STALE, applied]
    assert [org.stored(one)["FirstName"] for one in ids] == ["New", "New", "Typed", "New"]


def test_updates_that_never_arrive_are_in_doubt_after_some_tries(org: Bench) -> None:
    ids = people(org, 4)
    org.fault("drop_before", BATCH, times=None)
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.UNKNOWN}
    assert org.asked()[UPDATES] == 5


def test_updates_that_cannot_be_looked_at_either_are_lost_and_not_unreachable(org: Bench) -> None:
    ids = people(org, 4)
    org.fault("drop_after", "/composite/sobjects", after=1, times=None)
    with pytest.raises(AnswerLost):
        org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert org.stored(ids[0])["FirstName"] == "New"


def test_updates_that_cannot_be_looked_at_beforehand_are_not_sent(org: Bench) -> None:
    ids = people(org, 4)
    org.fault("drop_before", LOOK, times=None)
    with pytest.raises(Unreachable):
        org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert UPDATES not in org.asked()


def test_what_is_lost_after_some_were_written_is_told_of_those_alone(org: Bench) -> None:
    ids = people(org, 4)
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
    intents[1] = org.intent(Op.UPDATE, ids[1], FirstName="New", Phone="1" * 41)
    # A look and a write of all, a look and a write of the one that is sent without its phone.
    org.fault("drop_after", "/composite/sobjects", after=3, times=None)
    receipts = by_id(org.connector.update(intents))
    done = Outcome.APPLIED
    assert [receipts[one.id].outcome for one in intents] == [done, Outcome.UNKNOWN, done, done]


@pytest.mark.parametrize(("action", "writes"), [("status_after", 1), ("status", 2)])
def test_an_answer_that_lacks_results_proves_nothing(org: Bench, action: str, writes: int) -> None:
    ids = people(org, 4)
    org.fault(action, BATCH, status=200, body=[{"id": ids[0], "success": True, "errors": []}])
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert {org.stored(one)["FirstName"] for one in ids} == {"New"}
    assert org.asked()[UPDATES] == writes


def test_a_batch_that_only_takes_the_id_is_not_read_before_it_is_written(org: Bench) -> None:
    ids = people(org, 200)
    intents = [org.intent(Op.STAMP, one, stamp=f"sp-{number}") for number, one in enumerate(ids)]
    org.connector.capabilities()
    org.asked()
    assert {receipt.outcome for receipt in org.connector.update(intents)} == {Outcome.APPLIED}
    assert org.asked() == {UPDATES: 1}
    assert org.stored(ids[7])["SalesPulse_Id__c"] == "sp-7"
