"""The traps of writing to Salesforce by collections, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.core.model import Op, Outcome
from syncd.errors import BatchRefused, Unreachable
from syncd.sandbox.salesforce.options import Lock, ValidationRule
from syncd.testing.contract import scan_all
from syncd.testing.salesforce import LEADS, Bench, Stand, stand
from tests.integration.salesforce_writing import ID_FIELD, by_id, new, people, writes_of

UPDATES = "PATCH /composite/sobjects"
LOOKS = "POST /composite/sobjects/Contact"
BATCH = "/composite/sobjects$"
DELETES = "DELETE /composite/sobjects"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- one bad record does not spoil the others


def test_of_a_page_of_200_three_bad_records_are_held_each_for_its_own_reason(place: Stand) -> None:
    rule = ValidationRule(object="Contact", field="FirstName", equals="Nobody", message="Ask the office first")
    with place.bench(validation_rules=(rule,)) as org:
        ids = people(org, 200)
        intents = [org.intent(Op.UPDATE, one, FirstName="New", Phone="305-555-0100") for one in ids]
        intents[7] = org.intent(Op.UPDATE, ids[7], Phone="1" * 41)
        intents[100] = org.intent(Op.UPDATE, ids[100], Product_Interest__c="Spaceship")
        intents[199] = org.intent(Op.UPDATE, ids[199], FirstName="Nobody")
        org.connector.capabilities()
        org.asked()
        receipts = by_id(org.connector.update(intents))
        bad = {intents[n].id: receipts.pop(intents[n].id) for n in (7, 100, 199)}
        assert {(one.outcome, len(one.refused_fields)) for one in receipts.values()} == {(Outcome.APPLIED, 0)}
        assert len(receipts) == 197
        assert all(org.stored(one)["FirstName"] == "New" for n, one in enumerate(ids) if n not in {7, 100, 199})
        assert {one.outcome for one in bad.values()} == {Outcome.REFUSED}
        assert [sorted(one.refused_fields) for one in bad.values()] == [["Phone"], ["Product_Interest__c"], []]
        assert "Ask the office first" in bad[intents[199].id].message
        assert org.stored(ids[199])["FirstName"] == "First199"
        assert org.asked()[UPDATES] == 1


def test_a_record_with_one_bad_field_is_written_without_it(org: Bench) -> None:
    (record_id,) = people(org, 1)
    one = org.intent(Op.UPDATE, record_id, Phone="1" * 41, Product_Interest__c="Spaceship", LastName="Moore")
    (receipt,) = org.connector.update([one])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"Phone", "Product_Interest__c"})
    assert "STRING_TOO_LONG" in receipt.refused_fields["Phone"]
    assert org.stored(record_id)["LastName"] == "Moore"
    assert "Phone" not in org.stored(record_id)


def test_a_rule_that_blames_a_field_holds_that_field_alone(place: Stand) -> None:
    rule = ValidationRule(object="Contact", field="Phone", equals="555", message="Too short", error_field=True)
    with place.bench(validation_rules=(rule,)) as org:
        (record_id,) = people(org, 1)
        (receipt,) = org.connector.update([org.intent(Op.UPDATE, record_id, Phone="555", LastName="Moore")])
        assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"Phone"})
        assert org.stored(record_id)["LastName"] == "Moore"


def test_a_new_record_that_lacks_what_is_required_is_refused_in_salesforces_words(org: Bench) -> None:
    lacking = org.intent(Op.CREATE, stamp="sp-1", FirstName="Ann", LastName=None)
    receipts = by_id(org.connector.create([lacking, new(org, 2)]))
    assert receipts[lacking.id].outcome is Outcome.REFUSED
    assert "REQUIRED_FIELD_MISSING" in receipts[lacking.id].message
    assert len(scan_all(org.connector)) == 1


def test_a_field_hidden_after_it_was_described_is_held_and_the_rest_is_written(org: Bench) -> None:
    (record_id,) = people(org, 1)
    org.connector.describe()
    org.options(hidden_fields=("Contact.Phone",))
    org.asked()
    one = org.intent(Op.UPDATE, record_id, Phone="305-555-0100", LastName="Moore")
    receipt = writes_of(org).update([one], stamp_field=ID_FIELD)[one.id]
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"Phone"})
    assert org.stored(record_id)["LastName"] == "Moore"
    assert "Phone" not in {spec.name for spec in org.connector.describe()}  # described anew


def test_a_read_only_field_is_held_and_the_rest_is_written(place: Stand) -> None:
    with place.bench(readonly_fields=("Contact.Phone",)) as org:
        (receipt,) = org.connector.create([new(org, 1, Phone="305-555-0100")])
        assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"Phone"})


def test_a_field_that_the_whole_request_is_refused_for_is_taken_from_those_that_carry_it(org: Bench) -> None:
    ids = people(org, 3)
    carrying = [org.intent(Op.UPDATE, one, FirstName="New", Shoe_Size__c="44") for one in ids[:2]]
    without = org.intent(Op.UPDATE, ids[2], FirstName="New")
    body = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Shoe_Size__c' on sobject of type Contact"}]
    org.fault("status", BATCH, status=400, body=body)
    receipts = by_id(org.connector.update([*carrying, without]))
    assert {one.outcome for one in receipts.values()} == {Outcome.APPLIED}
    assert all(set(receipts[one.id].refused_fields) == {"Shoe_Size__c"} for one in carrying)
    assert not receipts[without.id].refused_fields
    assert all(org.stored(one)["FirstName"] == "New" for one in ids)


def test_a_refusal_that_names_nobody_splits_the_batch(org: Bench) -> None:
    ids = people(org, 2)
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
    org.fault("status", BATCH, status=400, body=[{"errorCode": "JSON_PARSER_ERROR", "message": "?"}])
    with pytest.raises(BatchRefused):
        org.connector.update(intents)
    org.fault("status", BATCH, status=400, body=[{"errorCode": "JSON_PARSER_ERROR", "message": "?"}])
    (receipt,) = org.connector.update(intents[:1])
    assert receipt.outcome is Outcome.REFUSED
    assert org.stored(ids[0])["FirstName"] == "First0"


# ---- values


def test_a_blank_is_cleared_and_a_checkbox_unticked(org: Bench) -> None:
    record_id = org.add({"LastName": "Li", "Phone": "305", "Tobacco_Use__c": True, "Riders__c": "Child Term"})
    (receipt,) = org.connector.update(
        [org.intent(Op.UPDATE, record_id, Phone=None, Riders__c=None, Tobacco_Use__c=None, Coverage_Amount__c="125000")]
    )
    assert receipt.outcome is Outcome.APPLIED
    shown = org.stored(record_id)
    assert not {"Phone", "Riders__c"} & shown.keys()
    assert (shown["Tobacco_Use__c"], shown["Coverage_Amount__c"]) == (False, 125000)


def test_a_stamp_is_written_and_cleared(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    org.connector.update([org.intent(Op.STAMP, record_id, stamp="sp-1")])
    assert org.stored(record_id)[ID_FIELD] == "sp-1"
    org.connector.update([org.intent(Op.STAMP, record_id, stamp="")])
    assert ID_FIELD not in org.stored(record_id)


def test_a_stamp_without_id_field_is_refused_with_what_to_do(place: Stand) -> None:
    with place.bench(has_external_id=False) as org:
        record_id = org.add({"LastName": "Li"})
        org.asked()
        (receipt,) = org.connector.update([org.intent(Op.STAMP, record_id, stamp="sp-1")])
        assert receipt.outcome is Outcome.REFUSED
        assert ID_FIELD in receipt.message
        assert UPDATES not in org.asked()


def test_one_id_comes_only_once_in_a_request(org: Bench) -> None:
    (record_id,) = people(org, 1)
    first = org.intent(Op.UPDATE, record_id, FirstName="New")
    second = org.intent(Op.UPDATE, record_id, FirstName="Newer")
    receipts = by_id(org.connector.update([first, second]))
    assert [receipts[one.id].outcome for one in (first, second)] == [Outcome.APPLIED, Outcome.FAILED]
    assert org.stored(record_id)["FirstName"] == "New"
    twins = [new(org, 5), org.intent(Op.CREATE, stamp="sp-5", LastName="Twin")]
    receipts = by_id(org.connector.create(twins))
    assert [receipts[one.id].outcome for one in twins] == [Outcome.APPLIED, Outcome.FAILED]


# ---- records that are no longer what they were


def test_what_is_not_there_any_more_is_gone_and_the_others_are_written(org: Bench) -> None:
    ids = people(org, 3)
    org.delete(ids[0])
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in (*ids, "003000000000000AAA", "no-id")]
    receipts = by_id(org.connector.update(intents))
    gone, done = Outcome.GONE, Outcome.APPLIED
    assert [receipts[one.id].outcome for one in intents] == [gone, done, done, gone, Outcome.REFUSED]


def test_removing_puts_into_the_recycle_bin_and_what_is_gone_already_is_done(org: Bench) -> None:
    ids = people(org, 3)
    org.delete(ids[0])
    org.asked()
    receipts = org.connector.remove([org.intent(Op.REMOVE, one) for one in ids[:2]])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert list(scan_all(org.connector)) == [ids[2]]
    assert org.stored(ids[1])["IsDeleted"] is True
    assert org.asked()[DELETES] == 1


@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"])
def test_a_removal_of_what_sharing_hides_is_refused_and_of_what_was_purged_done(org: Bench, code: str) -> None:
    hidden, purged, never = *people(org, 2), "003000000000000AAA"
    org.options(invisible_ids=(hidden,), unseen_code=code)
    org.purge(purged)
    org.advance(600)
    receipts = org.connector.remove([org.intent(Op.REMOVE, one) for one in (hidden, purged, never)])
    assert [one.outcome for one in receipts] == [Outcome.REFUSED, Outcome.APPLIED, Outcome.REFUSED]
    assert all("nothing proves it deleted" in receipts[n].message for n in (0, 2))


def test_a_removal_whose_answer_is_lost_is_repeated(org: Bench) -> None:
    ids = people(org, 2)
    org.fault("drop_after", "/composite/sobjects")
    receipts = org.connector.remove([org.intent(Op.REMOVE, one) for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}


def test_a_converted_lead_is_stale(place: Stand) -> None:
    with place.bench(wanted=LEADS) as org:
        ids = [org.add({"LastName": name, "Company": "X"}) for name in ("Li", "Lo")]
        org.convert(ids[0])
        intents = [org.intent(Op.UPDATE, one, Phone="305-555-0100") for one in ids]
        receipts = by_id(org.connector.update(intents))
        assert [receipts[one.id].outcome for one in intents] == [Outcome.STALE, Outcome.APPLIED]


def test_locked_records_are_written_when_the_lock_is_gone(org: Bench) -> None:
    ids = people(org, 5)
    org.options(lock=Lock(ids=(ids[1], ids[3]), times=3))
    org.asked()
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert all(org.stored(one)["FirstName"] == "New" for one in ids)
    assert org.asked()[UPDATES] == 4


def test_a_lock_that_stays_fails_its_record_alone(org: Bench) -> None:
    ids = people(org, 3)
    org.options(lock=Lock(ids=(ids[1],), times=1000))
    began = org.clock.monotonic()
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
    receipts = by_id(org.connector.update(intents))
    assert [receipts[one.id].outcome for one in intents] == [Outcome.APPLIED, Outcome.FAILED, Outcome.APPLIED]
    assert "UNABLE_TO_LOCK_ROW" in receipts[intents[1].id].message
    assert 2 < org.clock.monotonic() - began < 60


def test_a_full_org_stops_the_connection(place: Stand) -> None:
    with place.bench(storage_full=True) as org, pytest.raises(Unreachable, match="storage"):
        org.connector.create([new(org, 1), new(org, 2)])


@pytest.mark.parametrize("count", [1, 4, 201])
@pytest.mark.parametrize("write", ["create", "update", "remove"])
def test_while_the_org_takes_no_writes_the_connection_stops_and_nothing_is_held(
    org: Bench, write: str, count: int
) -> None:
    ids = people(org, count)
    intents = {
        "create": [new(org, 1000 + n) for n in range(count)],
        "update": [org.intent(Op.UPDATE, one, FirstName="New") for one in ids],
        "remove": [org.intent(Op.REMOVE, one) for one in ids],
    }[write]
    org.options(read_only=True)
    with pytest.raises(Unreachable, match="INVALID_READ_ONLY_USER_DML"):
        getattr(org.connector, write)(intents)
    org.options(read_only=False)
    org.advance(60)
    assert {receipt.outcome for receipt in getattr(org.connector, write)(intents)} == {Outcome.APPLIED}


@pytest.mark.parametrize("code", ["PROCESSING_HALTED", "REQUEST_RUNNING_TOO_LONG", "TOO_MANY_APEX_REQUESTS"])
def test_a_record_that_the_org_does_not_take_at_the_moment_alone_is_tried_again_later(org: Bench, code: str) -> None:
    ids = people(org, 4)
    busy = {"success": False, "errors": [{"statusCode": code, "message": "try later", "fields": []}]}
    done = [{"id": one, "success": True, "errors": []} for one in ids]
    org.fault("status", BATCH, status=200, body=[busy, *done[1:]])
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert [receipt.outcome for receipt in receipts] == [Outcome.FAILED, *[Outcome.APPLIED] * 3]


# ---- how many requests


def test_ten_thousand_updates_in_batches_take_fifty_looks_and_fifty_writes(org: Bench) -> None:
    ids = people(org, 10_000)
    org.connector.capabilities()
    org.asked()
    applied = 0
    for start in range(0, len(ids), 200):
        intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids[start : start + 200]]
        applied += sum(receipt.outcome is Outcome.APPLIED for receipt in org.connector.update(intents))
    assert applied == 10_000
    assert org.asked() == {LOOKS: 50, UPDATES: 50}
