"""New records in Salesforce and the duplicates that they meet, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.core.model import Op, Outcome
from syncd.errors import AnswerLost, MappingUnfit
from syncd.testing.contract import scan_all
from syncd.testing.salesforce import LEADS, Bench, Stand, stand
from tests.integration.salesforce_writing import ID_FIELD, by_id, new, people, writes_of

UPSERT = f"PATCH /composite/sobjects/Contact/{ID_FIELD}"
CREATE = "POST /composite/sobjects"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- creates


def test_new_records_are_made_in_order_by_one_request_and_carry_their_other_half(org: Bench) -> None:
    org.connector.capabilities()
    org.asked()
    intents = [new(org, n) for n in range(200)]
    receipts = org.connector.create(intents)
    assert [receipt.intent_id for receipt in receipts] == [intent.id for intent in intents]
    assert all(receipt.created for receipt in receipts)
    assert [org.stored(receipt.id)[ID_FIELD] for receipt in receipts] == [f"sp-{n}" for n in range(200)]
    assert org.asked() == {UPSERT: 1}


def test_an_upsert_that_meets_its_record_says_so(org: Bench) -> None:
    there = org.add({"LastName": "Li", ID_FIELD: "sp-1"})
    receipts = org.connector.create([new(org, 1), new(org, 2)])
    assert [(receipt.created, receipt.id == there) for receipt in receipts] == [(False, True), (True, False)]


def test_an_upsert_that_meets_its_record_clears_nothing_there(org: Bench) -> None:
    there = org.add({"LastName": "Li", "Phone": "305-555-0100", ID_FIELD: "sp-1"})
    org.connector.create([new(org, 1, Phone=None)])
    assert org.stored(there)["Phone"] == "305-555-0100"


@pytest.mark.parametrize("action", ["drop_after", "half_body", "status_after"])
def test_an_upsert_whose_answer_is_lost_is_repeated_and_still_counts_as_created(org: Bench, action: str) -> None:
    there = org.add({"LastName": "Li", ID_FIELD: "sp-0"})
    org.advance(600)
    org.fault(action, f"/sobjects/Contact/{ID_FIELD}")
    receipts = org.connector.create([new(org, n) for n in range(3)])
    assert [receipt.created for receipt in receipts] == [False, True, True]
    assert set(scan_all(org.connector)) == {there, receipts[1].id, receipts[2].id}
    assert org.asked()[UPSERT] == 2


def test_without_id_field_a_create_whose_answer_is_lost_is_never_repeated(place: Stand) -> None:
    with place.bench(has_external_id=False) as org:
        org.fault("drop_after", "/composite/sobjects")
        with pytest.raises(AnswerLost):
            org.connector.create([new(org, n) for n in range(3)])
        assert org.asked()[CREATE] == 1
        assert len(scan_all(org.connector)) == 3


def test_without_id_field_new_records_are_made_once(place: Stand) -> None:
    with place.bench(has_external_id=False) as org:
        receipts = org.connector.create([new(org, n) for n in range(3)])
        assert {receipt.id for receipt in receipts} == set(scan_all(org.connector))


def test_an_id_field_that_has_vanished_stops_the_connection_with_what_to_do(org: Bench) -> None:
    org.connector.capabilities()
    org.options(has_external_id=False)
    with pytest.raises(MappingUnfit, match=ID_FIELD):
        org.connector.create([new(org, n) for n in range(3)])
    assert scan_all(org.connector) == {}


# ---- duplicates


@pytest.mark.parametrize("has_external_id", [True, False])
@pytest.mark.parametrize("rule", ["alert", "block"])
def test_a_duplicate_rule_tells_the_record_that_it_found(place: Stand, rule: str, has_external_id: bool) -> None:
    with place.bench(duplicate_rule=rule, has_external_id=has_external_id) as org:
        there = org.add({"FirstName": "Ann", "LastName": "Li", "Email": "ann@x.co"})
        twin, fine = new(org, 1, Email="ANN@x.co"), new(org, 2)
        receipts = by_id(org.connector.create([twin, fine]))
        assert (receipts[twin.id].outcome, receipts[twin.id].existing_id) == (Outcome.REFUSED, there)
        assert there in receipts[twin.id].message
        assert receipts[fine.id].outcome is Outcome.APPLIED
        assert len(scan_all(org.connector)) == 2


def test_only_so_many_duplicates_of_a_batch_are_asked_about(place: Stand) -> None:
    with place.bench(duplicate_rule="alert") as org:
        people(org, 25)
        receipts = org.connector.create([new(org, n) for n in range(25)])
        assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}
        assert sum(1 for receipt in receipts if receipt.existing_id) == 20
        assert org.asked()[f"PATCH /sobjects/Contact/{ID_FIELD}/:id"] == 20


STOPPED = {"success": False, "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one?", "fields": []}]}


@pytest.mark.parametrize("action", ["", "drop_after"])
def test_a_record_that_is_free_again_when_it_is_asked_about_is_made(org: Bench, action: str) -> None:
    org.fault("status", "/composite/sobjects", status=200, body=[STOPPED])
    if action:
        org.fault(action, f"/sobjects/Contact/{ID_FIELD}/")
    one = org.intent(Op.CREATE, stamp="sp/ä?1#2", LastName="Li")
    (receipt,) = org.connector.create([one])
    assert (receipt.outcome, receipt.created) == (Outcome.APPLIED, True)
    assert org.stored(receipt.id)[ID_FIELD] == "sp/ä?1#2"
    assert len(scan_all(org.connector)) == 1


def test_a_record_met_by_a_write_that_does_not_say_which_is_looked_up_later(place: Stand) -> None:
    with place.bench(upsert_update_status=204) as org:
        org.add({"LastName": "Li", ID_FIELD: "sp-1"})
        org.fault("status", "/composite/sobjects", status=200, body=[STOPPED])
        (receipt,) = org.connector.create([new(org, 1)])
        assert receipt.outcome is Outcome.UNKNOWN


def test_an_id_that_several_records_bear_is_refused_also_when_asked_about(place: Stand) -> None:
    with place.bench(external_id_unique=False) as org:
        for name in ("Li", "Lo"):
            org.add({"LastName": name, ID_FIELD: "sp-1"})
        org.fault("status", "/composite/sobjects", status=200, body=[STOPPED])
        one = new(org, 1)
        receipt = writes_of(org).create([one], identity=ID_FIELD, stamp_field=ID_FIELD)[one.id]
        assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, "")
        assert "several records" in receipt.message


def test_an_update_that_a_duplicate_rule_stops_is_held(place: Stand) -> None:
    with place.bench(duplicate_rule="block") as org:
        ids = people(org, 2)
        intents = [
            org.intent(Op.UPDATE, ids[0], Email="p1@x.co", FirstName="New"),
            org.intent(Op.UPDATE, ids[1], FirstName="New"),
        ]
        receipts = by_id(org.connector.update(intents))
        assert [receipts[one.id].outcome for one in intents] == [Outcome.REFUSED, Outcome.APPLIED]
        assert "DUPLICATES_DETECTED" in receipts[intents[0].id].message


def test_a_value_that_another_record_has_leads_to_that_record(org: Bench) -> None:
    there = org.add({"LastName": "Li"})
    words = f"doppelter Wert gefunden: {ID_FIELD} dupliziert den Wert in Datensatz mit ID: {there[:15]}"
    row = {"success": False, "errors": [{"statusCode": "DUPLICATE_VALUE", "message": words, "fields": []}]}
    org.fault("status", f"/sobjects/Contact/{ID_FIELD}", status=200, body=[row])
    (receipt,) = org.connector.create([new(org, 1)])
    assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, there)


def test_a_stamp_that_another_record_bears_is_refused_for_that_field(org: Bench) -> None:
    org.add({"LastName": "Li", ID_FIELD: "sp-1"})
    other = org.add({"LastName": "Lo"})
    (receipt,) = org.connector.update([org.intent(Op.UPDATE, other, stamp="sp-1", FirstName="New")])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {ID_FIELD})
    assert org.stored(other)["FirstName"] == "New"


def test_an_id_that_several_records_bear_is_refused_and_none_is_chosen(place: Stand) -> None:
    with place.bench(external_id_unique=False) as org:
        for name in ("Li", "Lo"):
            org.add({"LastName": name, ID_FIELD: "sp-1"})
        intents = [new(org, 1), new(org, 2)]
        receipts = writes_of(org).create(intents, identity=ID_FIELD, stamp_field=ID_FIELD)
        assert [receipts[one.id].outcome for one in intents] == [Outcome.REFUSED, Outcome.APPLIED]
        assert receipts[intents[0].id].existing_id == ""
        assert receipts[intents[0].id].message


# ---- owners


@pytest.mark.parametrize("rule", ["off", "alert"])
@pytest.mark.parametrize("has_external_id", [True, False])
def test_no_write_runs_assignment_rules(place: Stand, rule: str, has_external_id: bool) -> None:
    with place.bench(wanted=LEADS, assignment_rule=True, duplicate_rule=rule, has_external_id=has_external_id) as org:
        values: dict[str, Any] = {"FirstName": "Ann", "LastName": "Li", "Company": "X", "Email": "ann@x.co"}
        (made,) = org.connector.create([org.intent(Op.CREATE, stamp="sp-1", **values)])
        owner = org.model.org.user_id
        assert org.stored(made.id)["OwnerId"] == owner
        org.connector.update([org.intent(Op.UPDATE, made.id, Phone="305-555-0100")])
        assert org.stored(made.id)["OwnerId"] == owner
