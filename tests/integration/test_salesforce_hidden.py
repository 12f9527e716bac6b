"""What Salesforce hides from syncd's user: fields by field-level security, records by sharing. Neither is deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from syncd.core.model import Op, Outcome
from syncd.errors import MappingUnfit
from syncd.testing.contract import drain, scan_all
from syncd.testing.salesforce import CONTACTS, Bench, Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- fields


def test_a_field_that_is_hidden_in_the_middle_is_not_read_and_never_blank(org: Bench) -> None:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li"})
    cursor = org.connector.feed_start()
    assert scan_all(org.connector)[record_id].values["FirstName"] == "Ann"
    org.options(hidden_fields=("Contact.FirstName",))
    by_id = org.connector.fetch([record_id]).records[record_id]
    listed = scan_all(org.connector)[record_id]
    (fed,) = org.connector.changes(cursor).records
    for record in (by_id, listed, fed):
        assert "FirstName" not in record.values
        assert record.values["LastName"] == "Li"
    (notice,) = org.connector.notices()
    assert "FirstName" in notice


def test_two_fields_that_vanish_one_after_the_other_cost_a_look_at_the_schema_each(org: Bench) -> None:
    lately = tuple(org.connector.describe())
    record_id = org.add({"LastName": "Li"})
    connector = org.reopen(wanted=replace(CONTACTS, known_fields=lately))
    org.options(hidden_fields=("Contact.FirstName", "Contact.SalesPulse_Stage__c"))
    org.asked()
    assert set(scan_all(connector)[record_id].values) & {"FirstName", "SalesPulse_Stage__c"} == set()
    assert org.asked()["GET /sobjects/Contact/describe"] == 1


def test_a_key_whose_field_is_hidden_stops_the_search_instead_of_finding_nobody(org: Bench) -> None:
    org.add({"LastName": "Li", "Email": "ann@x.co", "Phone": "+13055550101"})
    assert len(org.connector.find({"email": ["ann@x.co"]})) == 1
    org.options(hidden_fields=("Contact.Email",))
    for keys in ({"email": ["ann@x.co"]}, {"email": [], "phone": ["+13055550101"]}):
        with pytest.raises(MappingUnfit, match="Email"):
            org.connector.find(keys)
    org.options(hidden_fields=())
    assert len(org.connector.find({"email": ["ann@x.co"]})) == 1


def _find(org: Bench) -> object:
    return org.connector.find({"phone": ["+13055550101"]})


READS: dict[str, Callable[[Bench, str, str], object]] = {
    "listing": lambda org, _id, _cursor: org.connector.scan(None),
    "feed": lambda org, _id, cursor: org.connector.changes(cursor),
    "by id": lambda org, record_id, _cursor: org.connector.fetch([record_id]),
    "search": lambda org, _id, _cursor: _find(org),
}


@pytest.mark.parametrize("field", ["Email", "SalesPulse_Id__c"], ids=["a key", "the id field"])
@pytest.mark.parametrize("read", READS)
def test_nothing_is_read_without_a_field_by_which_records_are_told_apart(org: Bench, read: str, field: str) -> None:
    record_id = org.add({"LastName": "Li", "Email": "ann@x.co", "Phone": "+13055550101"})
    org.connector.scan(None)
    cursor = org.connector.feed_start()
    org.options(hidden_fields=(f"Contact.{field}",))
    for _ in range(2):
        with pytest.raises(MappingUnfit, match=field) as stopped:
            READS[read](org, record_id, cursor)
        (problem,) = stopped.value.problems
        assert "permission to read it again (Field-Level Security)" in problem.remedy
        assert not problem.warning
    org.options(hidden_fields=())
    READS[read](org, record_id, cursor)


def test_a_key_that_is_hidden_in_the_middle_of_a_listing_ends_it_as_not_complete(place: Stand) -> None:
    with place.bench(page_limit=2) as org:
        ids = {org.add({"LastName": "Li", "Email": f"p{n}@x.co"}) for n in range(5)}
        first = org.connector.scan(None)
        assert (len(first.records), first.complete) == (2, False)
        org.options(hidden_fields=("Contact.Email",))
        with pytest.raises(MappingUnfit, match="Email"):
            org.connector.scan(first.cursor)
        org.options(hidden_fields=())
        assert set(scan_all(org.connector)) == ids


# ---- records

CODES = ("NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY")


def hidden_one(org: Bench, **values: Any) -> str:
    record_id = org.add({"FirstName": "Ann", "LastName": "Li", **values})
    org.advance(3600)
    org.connector.scan(None)
    org.options(invisible_ids=(record_id,))
    return record_id


def test_a_record_that_sharing_hides_is_in_no_read_and_not_gone(org: Bench) -> None:
    cursor = org.connector.feed_start()
    record_id = hidden_one(org, Email="ann@x.co")
    answer = org.connector.fetch([record_id])
    assert (answer.records, answer.gone) == ({}, {})
    assert drain(org.connector, cursor)[:2] == ({}, {})
    assert scan_all(org.connector) == {}
    assert org.connector.find({"email": ["ann@x.co"]}) == ()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("others", [0, 4], ids=["singly", "in a batch"])
def test_an_update_of_a_record_that_sharing_hides_is_not_applied_and_the_rest_is(
    place: Stand, code: str, others: int
) -> None:
    with place.bench(unseen_code=code) as org:
        seen = [org.add({"FirstName": "Ann", "LastName": "Lo"}) for _ in range(others)]
        record_id = hidden_one(org)
        intents = [
            replace(
                org.intent(Op.UPDATE, one, before={"FirstName": "Ann"}, FirstName="Bea"),
                based_on=org.clock.now(),
            )
            for one in (record_id, *seen)
        ]
        receipt, *rest = org.connector.update(intents)
        assert (receipt.outcome, bool(receipt.message)) == (Outcome.GONE, True)
        assert {one.outcome for one in rest} <= {Outcome.APPLIED}
        assert org.stored(record_id)["FirstName"] == "Ann"


@pytest.mark.parametrize("names", [True, False], ids=["the field is named", "no field is named"])
@pytest.mark.parametrize("others", [0, 4], ids=["singly", "in a batch"])
def test_a_lookup_to_nothing_is_refused_and_does_not_make_the_record_seem_gone(
    place: Stand, names: bool, others: int
) -> None:
    with place.bench(lookup_faults_name_fields=names) as org:
        first, *rest = [org.add({"FirstName": "Ann", "LastName": "Lo"}) for _ in range(1 + others)]
        intents = [
            org.intent(Op.UPDATE, first, AccountId="001000000000009AAA"),
            *(org.intent(Op.UPDATE, one, FirstName="Bea") for one in rest),
        ]
        receipt, *done = org.connector.update(intents)
        assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.REFUSED, {"AccountId"} if names else set())
        assert "INVALID_CROSS_REFERENCE_KEY" in receipt.message
        assert {one.outcome for one in done} <= {Outcome.APPLIED}


@pytest.mark.parametrize("code", CODES)
def test_the_removal_of_a_record_that_sharing_hides_is_refused_with_words(place: Stand, code: str) -> None:
    with place.bench(unseen_code=code) as org:
        record_id = hidden_one(org)
        (receipt,) = org.connector.remove([org.intent(Op.REMOVE, record_id)])
        assert receipt.outcome is Outcome.REFUSED
        assert "cannot be seen by syncd's user, and nothing proves it deleted" in receipt.message
        assert code in receipt.message
        org.options(invisible_ids=())
        assert set(org.connector.fetch([record_id]).records) == {record_id}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("how", ["delete", "purge"])
def test_the_removal_of_a_record_that_is_deleted_already_is_done(place: Stand, code: str, how: str) -> None:
    with place.bench(unseen_code=code) as org:
        record_id = org.add({"LastName": "Li"})
        getattr(org, how)(record_id)
        org.advance(60)
        (receipt,) = org.connector.remove([org.intent(Op.REMOVE, record_id)])
        assert receipt.outcome is Outcome.APPLIED


def test_the_removal_of_a_record_that_was_merged_away_is_decided_anew(org: Bench) -> None:
    """The loser is deleted, but it goes on as the winner, which nobody asked to delete."""
    winner, loser = (org.add({"LastName": "Li"}) for _ in range(2))
    org.merge(winner, loser)
    org.fault(
        "status",
        "/composite/sobjects",
        method="DELETE",
        status=200,
        body=[{"id": loser, "success": False, "errors": [{"statusCode": "NOT_FOUND", "message": "x", "fields": []}]}],
    )
    (receipt,) = org.connector.remove([org.intent(Op.REMOVE, loser)])
    assert receipt.outcome is Outcome.STALE
    assert set(org.connector.fetch([winner]).records) == {winner}


def test_a_removal_whose_proof_cannot_be_read_is_tried_again_later(org: Bench) -> None:
    record_id = hidden_one(org)
    org.fault(
        "status",
        "/composite/sobjects/Contact",
        method="POST",
        status=400,
        times=None,
        body=[{"errorCode": "UNSUPPORTED_API_VERSION", "message": "x"}],
    )
    (receipt,) = org.connector.remove([org.intent(Op.REMOVE, record_id)])
    assert receipt.outcome is Outcome.FAILED


# ---- proofs of the log


def test_a_proof_of_the_log_says_when_the_record_was_deleted(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = org.connector.feed_start()
    org.advance(60)
    deleted_at = org.clock.now().replace(microsecond=0)
    org.purge(record_id)
    org.advance(600)
    by_id = org.connector.fetch([record_id]).gone[record_id]
    fed = drain(org.connector, cursor)[1][record_id]
    assert [(one.proof, one.at) for one in (by_id, fed)] == [("get_deleted", deleted_at)] * 2


def test_an_entry_of_the_log_is_dated_before_the_look_that_showed_the_record_alive_again(place: Stand) -> None:
    """Whoever keeps the looks can tell that it proves nothing of a record that was brought back and is hidden now."""
    with place.bench(log_keeps_undeleted=True) as org:
        record_id = org.add({"LastName": "Li"})
        org.delete(record_id)
        org.advance(60)
        org.restore(record_id)
        org.advance(1200)
        alive = org.connector.fetch([record_id])
        assert set(alive.records) == {record_id}
        org.model.org.table(org.model.org.schema.get("Contact")).remove(record_id, 0)  # the log still tells of it
        (gone,) = org.connector.fetch([record_id]).gone.values()
        assert gone.at is not None
        assert gone.at < alive.looked_at
