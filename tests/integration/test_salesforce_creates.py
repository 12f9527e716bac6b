"""New records in Salesforce and the duplicates that they meet, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Op, Outcome
from syncd.errors import AnswerLost, MappingUnfit
from syncd.testing.contract import scan_all
from syncd.testing.salesforce import LEADS, Bench, Stand, stand
from tests.integration.salesforce_writing import ID_FIELD, before, by_id, new, people

CREATE = "POST /composite/sobjects"
BATCH = "/composite/sobjects$"
ALONE = "/sobjects/Contact/?$"


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
    assert org.asked() == {CREATE: 1}


def test_a_record_that_was_given_the_id_of_a_new_one_is_named_and_not_overwritten(org: Bench) -> None:
    there = org.add({"LastName": "Li", "Phone": "305-555-0100", ID_FIELD: "sp-1"})
    stored = dict(org.stored(there))
    org.advance(60)
    met, fine = org.connector.create([new(org, 1, Phone=None), new(org, 2)])
    assert (met.outcome, met.existing_id) == (Outcome.REFUSED, there)
    assert fine.outcome is Outcome.APPLIED
    assert dict(org.stored(there)) == stored
    assert len(scan_all(org.connector)) == 2


@pytest.mark.parametrize("in_one_request", [True, False])
def test_of_two_ids_that_differ_in_case_neither_overwrites_the_other(org: Bench, in_one_request: bool) -> None:
    first, second = new(org, 1), replace(new(org, 2), stamp="SP-1")
    if in_one_request:
        one, other = org.connector.create([first, second])
    else:
        (one,), (other,) = org.connector.create([first]), org.connector.create([second])
    assert one.outcome is Outcome.APPLIED
    assert (other.outcome, other.existing_id) == (Outcome.REFUSED, one.id)
    assert (org.stored(one.id)["FirstName"], org.stored(one.id)[ID_FIELD]) == ("First1", "sp-1")
    assert len(scan_all(org.connector)) == 1


def test_where_the_id_field_tells_cases_apart_both_are_made(place: Stand) -> None:
    with place.bench(external_id_case_sensitive=True) as org:
        receipts = org.connector.create([new(org, 1), replace(new(org, 2), stamp="SP-1")])
        assert [org.stored(receipt.id)[ID_FIELD] for receipt in receipts] == ["sp-1", "SP-1"]


# ---- lost answers


@pytest.mark.parametrize("action", ["drop_before", "drop_after", "half_body", "status_after"])
def test_a_batch_of_creates_without_an_answer_is_repeated_and_makes_nobody_twice(org: Bench, action: str) -> None:
    there = org.add({"LastName": "Li", ID_FIELD: "sp-0"})
    org.advance(600)
    org.fault(action, BATCH)
    org.asked()
    met, *made = org.connector.create([new(org, n) for n in range(3)])
    assert (met.outcome, met.existing_id) == (Outcome.REFUSED, there)  # older than the first try
    assert [(receipt.outcome, receipt.created) for receipt in made] == [(Outcome.APPLIED, True)] * 2
    assert [org.stored(receipt.id)[ID_FIELD] for receipt in made] == ["sp-1", "sp-2"]
    assert set(scan_all(org.connector)) == {there, *(receipt.id for receipt in made)}
    assert org.stored(there)["LastName"] == "Li"
    assert org.asked()[CREATE] == 2


def test_a_new_record_with_the_id_in_another_case_is_not_taken_for_the_lost_one(org: Bench) -> None:
    there = org.add({"LastName": "Li", ID_FIELD: "SP-1"})
    org.fault("drop_after", BATCH)
    (receipt,) = org.connector.create([new(org, 1)])
    assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, there)
    assert org.stored(there)["LastName"] == "Li"


def test_a_lost_create_that_nobody_is_shown_yet_stays_in_doubt(place: Stand) -> None:
    with place.bench(commit_delay_seconds=240) as org:
        org.fault("drop_after", BATCH)
        (receipt,) = org.connector.create([new(org, 1)])
        assert receipt.outcome is Outcome.UNKNOWN
        org.advance(300)
        assert [one.values[ID_FIELD] for one in org.connector.find({"identity": ["sp-1"]})] == ["sp-1"]


NOT_UNIQUE = [{"has_external_id": False}, {"external_id_unique": False}]


@pytest.mark.parametrize("switches", NOT_UNIQUE)
def test_without_a_unique_id_field_a_lost_create_may_turn_up_as_late_as_its_transaction_ends(
    place: Stand, switches: dict[str, Any]
) -> None:
    with place.bench(**switches) as org:
        able = org.reopen(overlap="7m").capabilities()
        assert (able.identity, able.late) == (None, timedelta(minutes=17))
    with place.bench() as org:
        assert (org.connector.capabilities().identity, org.connector.capabilities().late) == (ID_FIELD, timedelta(0))


@pytest.mark.parametrize("switches", NOT_UNIQUE)
def test_without_a_unique_id_field_a_create_whose_answer_is_lost_is_never_repeated(
    place: Stand, switches: dict[str, Any]
) -> None:
    with place.bench(**switches) as org:
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
        assert org.asked()["POST /sobjects/Contact"] == 20


STOPPED = {"success": False, "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one?", "fields": []}]}


@pytest.mark.parametrize("action", ["", "drop_after"])
def test_a_record_that_is_free_again_when_it_is_asked_about_is_made(org: Bench, action: str) -> None:
    org.fault("status", BATCH, status=200, body=[STOPPED])
    if action:
        org.fault(action, ALONE)
    one = org.intent(Op.CREATE, stamp="sp/ä?1#2", LastName="Li")
    (receipt,) = org.connector.create([one])
    assert (receipt.outcome, receipt.created) == (Outcome.APPLIED, True)
    assert org.stored(receipt.id)[ID_FIELD] == "sp/ä?1#2"
    assert len(scan_all(org.connector)) == 1
    assert [rule["struck"] for rule in org.running.harness.faults.report()] == [1] * (2 if action else 1)


def test_a_record_made_alone_by_an_answer_without_its_id_is_looked_up_later(org: Bench) -> None:
    org.fault("status", BATCH, status=200, body=[STOPPED])
    org.fault("status_after", ALONE, status=201, body={"success": True})
    (receipt,) = org.connector.create([new(org, 1)])
    assert receipt.outcome is Outcome.UNKNOWN
    assert len(scan_all(org.connector)) == 1


def test_a_record_given_the_id_while_a_duplicate_is_asked_about_is_not_overwritten(
    org: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[str] = []
    org.fault("status", BATCH, status=200, body=[STOPPED])
    before(org, monkeypatch, "POST", ALONE, lambda: there.append(org.add({"LastName": "Li", ID_FIELD: "sp-1"})))
    (receipt,) = org.connector.create([new(org, 1)])
    assert (receipt.outcome, [receipt.existing_id]) == (Outcome.REFUSED, there)
    assert org.stored(there[0])["LastName"] == "Li"


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
    org.fault("status", BATCH, status=200, body=[row])
    (receipt,) = org.connector.create([new(org, 1)])
    assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, there)


def test_a_stamp_that_another_record_bears_is_refused_for_that_field(org: Bench) -> None:
    org.add({"LastName": "Li", ID_FIELD: "sp-1"})
    other = org.add({"LastName": "Lo"})
    (receipt,) = org.connector.update([org.intent(Op.UPDATE, other, stamp="sp-1", FirstName="New")])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {ID_FIELD})
    assert org.stored(other)["FirstName"] == "New"


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
