"""The traps of writing to HubSpot, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.hubspot.batch import Item, judge, judge_refusal
from connectors.hubspot.faults import Refused, item_fault
from syncd.core.model import Op, Outcome, Receipt
from syncd.errors import AnswerLost, BatchRefused
from syncd.testing.contract import scan_all
from syncd.testing.hubspot import Bench, Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def hub(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


def by_id(receipts: tuple[Receipt, ...]) -> dict[str, Receipt]:
    return {receipt.intent_id: receipt for receipt in receipts}


# ---- results and trace ids


def test_unordered_results_go_to_the_intents_they_belong_to(hub: Bench) -> None:
    intents = [
        hub.intent(Op.CREATE, stamp=f"sp-{n}", firstname=f"Ann{n}", email=f"Ann{n}@Example.com") for n in range(40)
    ]
    receipts = hub.connector.create(intents)
    assert [receipt.intent_id for receipt in receipts] == [intent.id for intent in intents]
    for n, receipt in enumerate(receipts):
        assert receipt.created
        assert hub.stored(receipt.id)["salespulse_id"] == f"sp-{n}"
        assert receipt.shown is not None
        assert receipt.shown.values["email"] == f"ann{n}@example.com"
    counted = hub.asked()
    assert counted["POST /batch/upsert"] == 1
    assert "POST /batch/read" not in counted


def test_an_answer_shows_only_what_it_holds(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann", "lastname": "Miller"})
    (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, record_id, lastname="Moore")])
    assert receipt.shown is not None
    assert receipt.shown.values["lastname"] == "Moore"
    assert "firstname" not in receipt.shown.values
    assert receipt.shown.version is not None


def test_a_result_without_trace_id_is_known_by_its_id_and_never_by_its_email(hub: Bench) -> None:
    items = [Item(intent=hub.intent(Op.UPDATE, one), properties={"email": "x"}, key=one) for one in ("1", "2")]
    verdicts = judge(items, {"results": [{"id": "2", "properties": {"email": "x"}}, {"id": "9", "properties": {}}]})
    assert set(verdicts.results) == {items[1].trace}
    stamped = [
        Item(intent=hub.intent(Op.CREATE), properties={}, key=key, key_property="salespulse_id") for key in ("a", "b")
    ]
    rows = [{"id": "7", "properties": {"salespulse_id": "b"}}, {"id": "8", "properties": {"email": "x"}}]
    assert set(judge(stamped, {"results": rows}).results) == {stamped[1].trace}


def test_an_update_of_a_merged_id_is_told_under_the_survivor(hub: Bench) -> None:
    left, right = (
        hub.add({"firstname": "A", "email": "a@x.co"}),
        hub.add({"firstname": "B", "email": "b@x.co"}),
    )
    new = hub.merge(left, right)
    (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, left, firstname="C")])
    assert (receipt.outcome, receipt.id) == (Outcome.APPLIED, new)


# ---- duplicates


@pytest.mark.parametrize("form", ["conflict", "coordinates"])
@pytest.mark.parametrize("alone", [True, False])
def test_both_duplicate_forms_tell_the_owner(place: Stand, form: str, alone: bool) -> None:
    with place.bench(duplicate_form=form) as hub:
        owner = hub.add({"email": "taken@x.co"})
        twin = hub.intent(Op.CREATE, stamp="sp-1", email="Taken@x.co")
        fine = hub.intent(Op.CREATE, stamp="sp-2", email="free@x.co")
        receipts = by_id(hub.connector.create([twin] if alone else [fine, twin]))
        assert receipts[twin.id].outcome is Outcome.REFUSED
        assert receipts[twin.id].existing_id == owner
        if not alone:
            assert receipts[fine.id].outcome is Outcome.APPLIED


def test_an_address_that_is_secondary_elsewhere_tells_its_owner(hub: Bench) -> None:
    owner = hub.add({"email": "first@x.co"})
    hub.model.add_secondary(owner, "second@x.co")
    (receipt,) = hub.connector.create([hub.intent(Op.CREATE, stamp="sp-1", email="second@x.co")])
    assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, owner)


@pytest.mark.parametrize("form", ["conflict", "coordinates"])
def test_an_update_to_a_taken_address_is_held_for_that_field_alone(place: Stand, form: str) -> None:
    with place.bench(duplicate_form=form) as hub:
        owner, other = hub.add({"email": "taken@x.co"}), hub.add({"email": "own@x.co", "firstname": "Ann"})
        (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, other, email="taken@x.co", firstname="Bea")])
        assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"email"})
        assert (hub.stored(other)["email"], hub.stored(other)["firstname"]) == ("own@x.co", "Bea")
        (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, other, email="taken@x.co")])
        assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, owner)


def test_of_the_400_form_the_second_number_is_the_owner() -> None:
    words = (
        "Cannot set PropertyValueCoordinates{portalId=1, "
        "objectTypeId=ObjectTypeId{legacyObjectType=CONTACT}, "
        "propertyName=email, value=a@b.co} on 552148386511. 552239500007 already has that value."
    )
    assert item_fault({"message": words, "category": "VALIDATION_ERROR"}).existing_id == "552239500007"
    assert item_fault({"message": "Contact already exists. Existing ID: 12345"}).existing_id == "12345"


def test_two_new_records_with_one_address_are_not_sent_together(hub: Bench) -> None:
    first = hub.intent(Op.CREATE, stamp="sp-1", firstname="Ann", email="home@x.co")
    second = hub.intent(Op.CREATE, stamp="sp-2", firstname="Bob", email="HOME@x.co")
    receipts = by_id(hub.connector.create([first, second]))
    assert [receipts[one.id].outcome for one in (first, second)] == [Outcome.APPLIED, Outcome.FAILED]
    assert len(scan_all(hub.connector)) == 1


# ---- refused fields


@pytest.mark.parametrize("partial", [True, False])
def test_a_refused_field_is_held_alone_and_its_batch_is_written(place: Stand, partial: bool) -> None:
    with place.bench(partial_update=partial) as hub:
        ids = [hub.add({"firstname": f"Ann{n}", "product_interest": "Annuity"}) for n in range(5)]
        intents = [hub.intent(Op.UPDATE, one, firstname="New", lastname="Name") for one in ids]
        intents[2] = hub.intent(Op.UPDATE, ids[2], firstname="New", product_interest="Spaceship")
        receipts = by_id(hub.connector.update(intents))
        assert {receipt.outcome for receipt in receipts.values()} == {Outcome.APPLIED}
        assert set(receipts[intents[2].id].refused_fields) == {"product_interest"}
        assert not any(receipts[one.id].refused_fields for one in intents if one is not intents[2])
        assert all(hub.stored(one)["firstname"] == "New" for one in ids)
        assert hub.stored(ids[2])["product_interest"] == "Annuity"


def test_a_field_that_does_not_exist_is_refused_to_every_record_that_carries_it(place: Stand) -> None:
    with place.bench(partial_update=False) as hub:
        ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(3)]
        carrying = [hub.intent(Op.UPDATE, one, firstname="New", shoe_size="44") for one in ids[:2]]
        without = hub.intent(Op.UPDATE, ids[2], firstname="New")
        receipts = by_id(hub.connector.update([*carrying, without]))
        assert all(set(receipts[one.id].refused_fields) == {"shoe_size"} for one in carrying)
        assert not receipts[without.id].refused_fields
        assert all(hub.stored(one)["firstname"] == "New" for one in ids)
        assert hub.asked()["POST /batch/update"] == 2


def test_a_bad_value_that_several_carry_splits_the_batch_instead_of_blaming_all(place: Stand) -> None:
    with place.bench(partial_update=False) as hub:
        ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(2)]
        good = hub.intent(Op.UPDATE, ids[0], product_interest="Annuity")
        bad = hub.intent(Op.UPDATE, ids[1], product_interest="Spaceship")
        with pytest.raises(BatchRefused):
            hub.connector.update([good, bad])
        assert "product_interest" not in hub.stored(ids[0])


def test_a_record_of_which_nothing_is_left_is_refused_with_its_fields(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann"})
    (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, record_id, hs_calculated_score="3")])
    assert receipt.outcome is Outcome.REFUSED
    assert set(receipt.refused_fields) == {"hs_calculated_score"}


def test_without_id_property_a_new_record_is_not_made_without_its_key(place: Stand) -> None:
    with place.bench(id_property=False) as hub:
        (receipt,) = hub.connector.create([hub.intent(Op.CREATE, firstname="Ann", email="no address", stamp="sp-1")])
        assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.REFUSED, {"email"})
        assert scan_all(hub.connector) == {}


def test_conditionally_required_properties_refuse_the_record_in_hubspots_words(place: Stand) -> None:
    with place.bench(required_properties=("phone",)) as hub:
        lacking = hub.intent(Op.CREATE, stamp="sp-1", email="a@x.co")
        fine = hub.intent(Op.CREATE, stamp="sp-2", email="b@x.co", phone="+13055550101")
        receipts = by_id(hub.connector.create([lacking, fine]))
        assert receipts[lacking.id].outcome is Outcome.REFUSED
        assert receipts[lacking.id].message
        assert receipts[fine.id].outcome is Outcome.APPLIED


def test_a_refusal_that_names_nobody_blames_nobody(hub: Bench) -> None:
    items = [Item(intent=hub.intent(Op.UPDATE, one), properties={"a": "1"}, key=one) for one in ("1", "2")]
    refused = Refused(400, {"message": "Invalid input JSON", "category": "VALIDATION_ERROR"}, "POST x")
    assert judge_refusal(items, refused).faults == {}
    assert judge_refusal(items[:1], refused).faults[items[0].trace].message == "Invalid input JSON"


# ---- lifecycle stage


def test_a_stage_that_moves_back_is_cleared_and_set_in_two_requests(hub: Bench) -> None:
    back = hub.add({"firstname": "Ann", "lifecyclestage": "opportunity"})
    forth = hub.add({"firstname": "Bob", "lifecyclestage": "lead"})
    intents = [
        hub.intent(Op.UPDATE, back, before={"lifecyclestage": "opportunity"}, lifecyclestage="lead", lastname="X"),
        hub.intent(Op.UPDATE, forth, before={"lifecyclestage": "lead"}, lifecyclestage="customer"),
    ]
    hub.asked()
    receipts = by_id(hub.connector.update(intents))
    shown = [receipts[one.id].shown for one in intents]
    assert [one.values["lifecyclestage"] for one in shown if one] == ["lead", "customer"]
    assert (hub.stored(back)["lifecyclestage"], hub.stored(back)["lastname"]) == ("lead", "X")
    counted = hub.asked()
    assert (counted["POST /batch/update"], counted["POST /batch/read"]) == (2, 1)
    assert hub.governor.counts["verify"] == 1


@pytest.mark.parametrize("echo", [True, False])
def test_a_stage_that_hubspot_ignores_is_shown_as_it_is(place: Stand, echo: bool) -> None:
    with place.bench(echo_ignored=echo) as hub:
        record_id = hub.add({"firstname": "Ann", "lifecyclestage": "customer"})
        # The look was old: it showed lead, so the move seems to go forward and is sent as it is.
        stale = hub.intent(Op.UPDATE, record_id, before={"lifecyclestage": "lead"}, lifecyclestage="opportunity")
        (receipt,) = hub.connector.update([stale])
        assert receipt.outcome is Outcome.APPLIED
        assert receipt.shown is not None
        assert receipt.shown.values["lifecyclestage"] == "customer"


def test_an_unknown_stage_is_refused_and_the_rest_is_written(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann", "lifecyclestage": "lead"})
    one = hub.intent(Op.UPDATE, record_id, before={"lifecyclestage": "lead"}, lifecyclestage="astronaut", lastname="X")
    (receipt,) = hub.connector.update([one])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.APPLIED, {"lifecyclestage"})
    assert (hub.stored(record_id)["lifecyclestage"], hub.stored(record_id)["lastname"]) == ("lead", "X")


def test_a_move_back_that_breaks_between_its_steps_is_unknown(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann", "lifecyclestage": "customer"})
    one = hub.intent(Op.UPDATE, record_id, before={"lifecyclestage": "customer"}, lifecyclestage="lead")
    hub.fault("drop_before", "/batch/update", after=1, times=None)
    (receipt,) = hub.connector.update([one])
    assert receipt.outcome is Outcome.UNKNOWN
    assert "cleared" in receipt.message


# ---- lost answers


def test_an_upsert_whose_answer_is_lost_is_repeated_and_still_counts_as_created(hub: Bench) -> None:
    hub.fault("drop_after", "/batch/upsert")
    (receipt,) = hub.connector.create([hub.intent(Op.CREATE, stamp="sp-1", email="a@x.co")])
    assert (receipt.outcome, receipt.created) == (Outcome.APPLIED, True)
    assert list(scan_all(hub.connector)) == [receipt.id]
    assert hub.asked()["POST /batch/upsert"] == 2


def test_a_plain_create_whose_answer_is_lost_is_never_repeated(place: Stand) -> None:
    with place.bench(id_property=False) as hub:
        hub.fault("drop_after", "/batch/create")
        with pytest.raises(AnswerLost):
            hub.connector.create([hub.intent(Op.CREATE, email="a@x.co", stamp="sp-1")])
        assert hub.asked()["POST /batch/create"] == 1
        assert len(scan_all(hub.connector)) == 1


def test_writes_that_stay_unanswered_are_lost_and_not_unreachable(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault("drop_after", "/batch/update", times=None)
    with pytest.raises(AnswerLost):
        hub.connector.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")])
    assert hub.stored(record_id)["firstname"] == "Bea"


@pytest.mark.parametrize("action", ["html", "half_body"])
def test_a_write_answered_with_no_json_is_repeated(hub: Bench, action: str) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault(action, "/batch/update", status=200)
    (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert hub.asked()["POST /batch/update"] == 2


# ---- remove


def test_removing_archives_and_one_strange_id_does_not_stop_the_others(hub: Bench) -> None:
    ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(3)]
    intents = [hub.intent(Op.REMOVE, one) for one in (ids[0], "999999", "not-an-id", ids[1])]
    receipts = hub.connector.remove(intents)
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert list(scan_all(hub.connector)) == [ids[2]]


def test_writes_of_every_kind_of_value_arrive_as_hubspot_writes_them(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann", "lastname": "Miller"})
    values: dict[str, Any] = {"annual_premium": 1200.0, "smoker": True, "lastname": None, "riders": ()}
    (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, record_id, **values)])
    assert (receipt.outcome, dict(receipt.refused_fields)) == (Outcome.APPLIED, {})
    stored = hub.stored(record_id)
    assert (stored["annual_premium"], stored["smoker"], stored.get("lastname")) == ("1200", "true", None)
