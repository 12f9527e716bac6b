"""The SalesPulse side against a served model, over every dialect of what the vendor's page leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import Op, Outcome, Record
from syncd.errors import AnswerLost, BatchRefused
from syncd.sandbox.salespulse.dialect import (
    DIALECTS,
    BulkAnswer,
    Dialect,
    ErrorDetail,
    StageShown,
    Unknown,
    UntakenStage,
)

pytestmark = pytest.mark.filterwarnings("error")
Make = Callable[..., Any]  # makes a World of conftest

every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())


def looked(world: Any, contact_id: str) -> Record:
    """A look in which the stage is read wherever it is kept."""
    world.clock.advance(61)
    return world.side.fetch([contact_id]).records[contact_id]


@every_dialect
def test_a_scan_shows_every_contact_once_with_the_stage_as_an_id(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    ids = world.add(1234)
    records = world.scan()
    assert sorted(record.id for record in records) == sorted(ids)
    held = {row["id"]: row for row in world.model.records()}
    stages = {name: key for key, name in world.model.book.stages.items()}
    for record in records:
        row = held[record.id]
        assert record.values[STAGE_FIELD] == stages[row["stage"]]
        assert {name: record.values[name] for name in ("email", "phone", "first_name")} == {
            name: row.get(name) or record.values[name] for name in ("email", "phone", "first_name")
        }
        assert set(record.values) >= {"email", "phone", "first_name", "last_name", "state"}


@every_dialect
def test_a_scan_killed_after_every_page_goes_on_where_it_was(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    ids = world.add(1234)
    records: list[Record] = []
    page = world.side.scan(None)
    while True:
        records += page.records
        if page.complete:
            break
        world.open()
        page = world.side.scan(page.cursor)
    assert sorted(record.id for record in records) == sorted(ids)
    assert all(STAGE_FIELD in record.values for record in records)


@every_dialect
def test_what_was_learned_of_pages_is_not_asked_again(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    world.add(1234)
    world.scan()
    before = world.asked()["GET /contacts"]
    world.open()
    assert world.side.capabilities().page_size == dialect.max_limit
    assert len(world.scan()) == 1234
    assert world.asked()["GET /contacts"] - before == -(-1234 // dialect.max_limit)
    refused = world.statuses()[400]
    assert refused <= 1


@every_dialect
def test_an_empty_account_is_a_complete_empty_page(make_world: Make, dialect: Dialect) -> None:
    assert make_world(dialect).scan() == []


@every_dialect
def test_one_contact_is_created_changed_moved_cleared_and_deleted(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    world.add(30)
    world.scan()
    values = {"first_name": "Jane", "email": "jane@example.com", "phone": "+13055550142", "state": "FL"}
    (made,) = world.side.create([world.intent(Op.CREATE, **values, **{STAGE_FIELD: "stg_quoted"})])
    assert made.outcome is Outcome.APPLIED
    assert not made.refused_fields
    assert world.plain(made.id)["stage"] == "Quoted"
    assert looked(world, made.id).values[STAGE_FIELD] == "stg_quoted"

    (moved,) = world.side.update([world.intent(Op.UPDATE, made.id, **{STAGE_FIELD: "stg_sold", "state": "TX"})])
    assert moved.outcome is Outcome.APPLIED
    assert (world.plain(made.id)["stage"], world.plain(made.id)["state"]) == ("Sold", "TX")
    if moved.shown is not None:
        expected = {**values, "state": "TX", STAGE_FIELD: "stg_sold"}
        shown = {name: value for name, value in moved.shown.values.items() if name in expected}
        assert shown == {name: expected[name] for name in shown}

    (cleared,) = world.side.update([world.intent(Op.UPDATE, made.id, state=None)])
    assert cleared.outcome is Outcome.APPLIED
    assert not world.plain(made.id).get("state")
    look = looked(world, made.id)
    assert look.values["state"] in (None, "")
    assert look.values["email"] == "jane@example.com"

    (gone,) = world.side.remove([world.intent(Op.REMOVE, made.id)])
    (again,) = world.side.remove([world.intent(Op.REMOVE, made.id)])
    assert gone.outcome is again.outcome is Outcome.APPLIED
    assert world.side.fetch([made.id]).gone[made.id].proof == "404"
    (late,) = world.side.update([world.intent(Op.UPDATE, made.id, state="FL")])
    assert late.outcome is Outcome.GONE
    assert world.statuses()[429] == 0


@every_dialect
def test_a_bulk_create_gives_every_contact_its_own_receipt(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    world.scan()
    intents = [
        world.intent(
            Op.CREATE,
            first_name=f"N{number}",
            email=f"n{number}@example.com",
            **{STAGE_FIELD: "stg_quoted" if number % 2 else "stg_new"},
        )
        for number in range(40)
    ]
    receipts = {receipt.intent_id: receipt for receipt in world.side.create(intents)}
    assert len(receipts) == len(intents) == len(world.model.records())
    for number, intent in enumerate(intents):
        receipt = receipts[intent.id]
        assert receipt.outcome is Outcome.APPLIED
        row = world.plain(receipt.id)
        assert row["email"] == f"n{number}@example.com"
        assert row["stage"] == ("Quoted" if number % 2 else "New Lead")
    assert world.asked()["POST /contacts/bulk"] == (2 if dialect.untaken_stage is UntakenStage.REFUSE else 1)
    assert world.asked()["POST /contacts"] == 0


@every_dialect
def test_one_bad_item_of_a_bulk_create_stops_only_itself(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    good = [world.intent(Op.CREATE, email=f"n{number}@example.com") for number in range(5)]
    bad = world.intent(Op.CREATE, email="nobody at all")
    batch = [*good[:2], bad, *good[2:]]
    if dialect.bulk_all_or_nothing:
        with pytest.raises(BatchRefused):
            world.side.create(batch)
        assert world.model.records() == []
        return
    receipts = {receipt.intent_id: receipt for receipt in world.side.create(batch)}
    assert receipts[bad.id].outcome is Outcome.REFUSED
    assert "email" in receipts[bad.id].refused_fields
    assert "nobody" not in receipts[bad.id].message
    assert [receipts[intent.id].outcome for intent in good] == [Outcome.APPLIED] * 5
    assert len(world.model.records()) == 5


@every_dialect
def test_a_refused_field_does_not_hold_up_the_others(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    (contact_id,) = world.add(1)
    intent = world.intent(Op.UPDATE, contact_id, phone="no number", first_name="Janet")
    (receipt,) = world.side.update([intent])
    assert receipt.outcome is Outcome.APPLIED
    assert set(receipt.refused_fields) == {"phone"}
    assert world.plain(contact_id)["first_name"] == "Janet"
    (receipt,) = world.side.update([world.intent(Op.UPDATE, contact_id, phone="no number")])
    assert receipt.outcome is Outcome.REFUSED
    assert set(receipt.refused_fields) == {"phone"}


@every_dialect
def test_find_returns_only_contacts_that_bear_the_value(make_world: Make, dialect: Dialect) -> None:
    world = make_world(dialect)
    world.add(60)
    one = world.model.add_contact({"first_name": "Ann", "email": "ann@example.com", "phone": "+13055550111"})
    two = world.model.add_contact({"first_name": "Bea", "email": "x.ann@example.com", "phone": "+13055550111"})
    assert [record.id for record in world.side.find({"email": ["ANN@example.com"]})] == [one]
    assert {record.id for record in world.side.find({"phone": ["+13055550111"]})} == {one, two}
    assert world.side.find({"email": ["nobody@example.com"], "identity": ["1"]}) == ()


def test_a_bulk_answer_that_only_counts_leaves_every_create_in_doubt(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["plain"], bulk_answer=BulkAnswer.COUNT))
    intents = [world.intent(Op.CREATE, email=f"n{number}@example.com") for number in range(3)]
    with pytest.raises(AnswerLost):
        world.side.create(intents)
    bad = world.intent(Op.CREATE, email="none")
    receipts = {receipt.intent_id: receipt for receipt in world.side.create([*intents, bad])}
    assert [receipts[intent.id].outcome for intent in intents] == [Outcome.UNKNOWN] * 3
    assert receipts[bad.id].outcome is Outcome.REFUSED


def test_a_stage_costs_no_request_of_its_own_once_it_was_seen_to_take(make_world: Make) -> None:
    world = make_world(DIALECTS["plain"])
    (contact_id,) = world.add(1)
    world.side.update([world.intent(Op.UPDATE, contact_id, state="TX", **{STAGE_FIELD: "stg_sold"})])
    world.side.update([world.intent(Op.UPDATE, contact_id, **{STAGE_FIELD: "stg_quoted"})])
    assert world.plain(contact_id)["stage"] == "Quoted"
    assert world.asked()["PATCH /contacts/:id"] == 2
    assert world.asked()["PATCH /contacts/:id/stage"] == 0
    assert world.memory["stage_on_update"] == "yes"


def test_a_stage_that_does_not_take_is_sent_along_only_once(make_world: Make) -> None:
    world = make_world(DIALECTS["itemized"])
    (contact_id,) = world.add(1)
    for stage in ("stg_sold", "stg_quoted"):
        world.side.update([world.intent(Op.UPDATE, contact_id, state="TX", **{STAGE_FIELD: stage})])
        assert world.plain(contact_id)["stage"] == {"stg_sold": "Sold", "stg_quoted": "Quoted"}[stage]
    assert world.asked()["PATCH /contacts/:id/stage"] == 2
    assert world.memory["stage_on_update"] == "no"


def test_a_wrong_lesson_about_stages_mends_itself(make_world: Make) -> None:
    world = make_world(DIALECTS["itemized"])
    (contact_id,) = world.add(1)
    world.memory["stage_on_update"] = "yes"
    world.side.update([world.intent(Op.UPDATE, contact_id, **{STAGE_FIELD: "stg_sold"})])
    assert world.plain(contact_id)["stage"] == "Sold"
    assert world.memory["stage_on_update"] == "no"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_405_teaches_the_method_of_stage_moves(make_world: Make, method: str) -> None:
    world = make_world(replace(DIALECTS["itemized"], stage_method=method))
    (contact_id,) = world.add(1)
    for stage in ("stg_sold", "stg_quoted"):
        world.open()
        world.side.update([world.intent(Op.UPDATE, contact_id, **{STAGE_FIELD: stage})])
    assert world.plain(contact_id)["stage"] == "Quoted"
    assert world.statuses()[405] == 1
    world.open(stage_method=method)
    world.side.update([world.intent(Op.UPDATE, contact_id, **{STAGE_FIELD: "stg_sold"})])
    assert world.statuses()[405] == 1


def test_an_unknown_stage_holds_only_the_stage(make_world: Make) -> None:
    for name in ("plain", "terse"):
        world = make_world(DIALECTS[name])
        (contact_id,) = world.add(1)
        intent = world.intent(Op.UPDATE, contact_id, state="TX", **{STAGE_FIELD: "stg_gone"})
        (receipt,) = world.side.update([intent])
        assert receipt.outcome is Outcome.APPLIED
        assert set(receipt.refused_fields) == {STAGE_FIELD}
        assert world.plain(contact_id)["state"] == "TX"
        new = world.intent(Op.CREATE, email="a@example.com", **{STAGE_FIELD: "stg_gone"})
        (made,) = world.side.create([new])
        assert (made.outcome, set(made.refused_fields)) == (Outcome.APPLIED, {STAGE_FIELD})


def test_the_token_field_carries_the_other_halfs_id(make_world: Make) -> None:
    world = make_world(DIALECTS["itemized"])
    side = world.open(token_field="crm_id")
    assert side.capabilities().identity is None
    (made,) = side.create([world.intent(Op.CREATE, email="a@example.com", stamp="hs-7")])
    assert made.shown is not None
    assert made.shown.values["crm_id"] == "hs-7"
    side.update([world.intent(Op.STAMP, made.id, stamp="hs-8")])
    assert world.scan()[0].values["crm_id"] == "hs-8"
    assert world.plain(made.id)["crm_id"] == "hs-8"
    side.update([world.intent(Op.STAMP, made.id, stamp="")])
    assert not world.plain(made.id).get("crm_id")


def test_a_server_that_refuses_unknown_fields_keeps_the_rest(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["wrapped"], unknown=Unknown.REFUSE))
    (contact_id,) = world.add(1)
    (receipt,) = world.side.update([world.intent(Op.UPDATE, contact_id, shoe_size="9", state="TX")])
    assert set(receipt.refused_fields) == {"shoe_size"}
    assert world.plain(contact_id)["state"] == "TX"


def test_fields_are_blank_where_the_server_leaves_out_blanks_and_unread_in_answers_to_writes(
    make_world: Make,
) -> None:
    world = make_world(replace(DIALECTS["terse"], update_answer=DIALECTS["plain"].update_answer))
    ids = world.add(40)
    bare = world.model.add_contact({"first_name": "Only"})
    records = {record.id: record for record in world.scan()}
    assert records[bare].values["email"] is None
    assert world.side.fetch([bare]).records[bare].values.keys() == {"first_name", STAGE_FIELD}
    world.side.fetch(ids)
    assert world.side.fetch([bare]).records[bare].values["email"] is None
    (receipt,) = world.side.update([world.intent(Op.UPDATE, bare, last_name="Lonely")])
    assert receipt.shown is not None
    assert "email" not in receipt.shown.values


def test_a_key_that_no_contact_shows_any_more_is_not_taken_for_cleared(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["terse"]))
    ids = world.add(40)
    world.scan()
    world.side.fetch(ids)
    for contact_id in ids:
        world.model.book.contacts[contact_id].values.pop("state", None)
    records = world.scan()
    assert all("state" not in record.values for record in records)
    assert "state" not in world.side.fetch(ids[:1]).records[ids[0]].values


def test_looks_walk_the_deals_at_most_once_a_minute(make_world: Make) -> None:
    world = make_world(DIALECTS["terse"])
    ids = world.add(30)
    world.scan()
    before = world.asked()["GET /pipeline/deals"]
    world.clock.advance(61)
    first = world.side.fetch(ids[:2])
    second = world.side.fetch(ids[2:4])
    assert all(STAGE_FIELD in record.values for record in first.records.values())
    assert all(STAGE_FIELD not in record.values for record in second.records.values())
    walked = world.asked()["GET /pipeline/deals"] - before
    world.clock.advance(61)
    world.side.fetch(ids[:1])
    assert world.asked()["GET /pipeline/deals"] == before + 2 * walked


def test_a_look_is_as_old_as_the_walk_over_the_deals_that_it_is_joined_from(make_world: Make) -> None:
    world = make_world(DIALECTS["terse"])
    world.add(600)
    world.scan()
    started = world.clock.now()
    page = world.side.scan(None)
    while not page.complete:
        world.clock.advance(30)
        page = world.side.scan(page.cursor)
        assert page.looked_at == started


# ---- what is taken already


TAKEN = {"email": "Ann@Example.com", "first_name": "Ann"}


@pytest.mark.parametrize("detail", ["none", "fields", "details"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_create_that_is_refused_for_its_key_is_never_repeated_without_the_key(
    make_world: Make, detail: str, count: int
) -> None:
    world = make_world(replace(DIALECTS["plain"], unique=frozenset({"email"}), error_detail=ErrorDetail(detail)))
    owner = world.model.add_contact(TAKEN)
    twin = world.intent(Op.CREATE, email="ann@example.com", phone="+13055550100", first_name="Ann")
    others = [world.intent(Op.CREATE, email=f"n{number}@example.com") for number in range(count - 1)]
    receipts = {receipt.intent_id: receipt for receipt in world.side.create([twin, *others])}
    receipt = receipts.pop(twin.id)
    assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, owner)
    assert (set(receipt.refused_fields), "ann@" in receipt.message) == ({"email"}, False)
    assert [one.outcome for one in receipts.values()] == [Outcome.APPLIED] * (count - 1)
    assert len(world.model.records()) == count
    assert world.asked()["POST /contacts"] + world.asked()["POST /contacts/bulk"] == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (422, "A contact with this email already exists"),
        (422, "A contact with this last_name already exists"),
        (422, "duplicate contact"),
        (409, "conflict"),
        (422, "phone: no"),
    ],
)
def test_whatever_the_words_nothing_that_may_tell_a_duplicate_is_left_out(
    make_world: Make, status: int, message: str
) -> None:
    world = make_world()
    world.fault(action="status", status=status, body={"error": {"message": message}}, op="POST /contacts")
    values = {"email": "a@example.com", "phone": "+13055550100", "last_name": "Lee", STAGE_FIELD: "stg_new"}
    (receipt,) = world.side.create([world.intent(Op.CREATE, **values)])
    assert (receipt.outcome, receipt.existing_id, receipt.message) == (Outcome.REFUSED, "", message)
    assert world.asked()["POST /contacts"] == 1
    assert world.model.records() == []


def test_two_that_bear_the_value_name_no_existing_one_and_a_failing_search_costs_no_receipt(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["plain"], unique=frozenset({"email"})))
    for _ in range(2):
        world.model.add_contact(TAKEN)
    twin = world.intent(Op.CREATE, **TAKEN)
    (receipt,) = world.side.create([twin])
    assert (receipt.outcome, receipt.existing_id) == (Outcome.REFUSED, "")
    world.fault(action="status", status=500, op="GET /contacts", times=None)
    (receipt, made) = world.side.create([twin, world.intent(Op.CREATE, email="b@example.com")])
    assert (receipt.outcome, receipt.existing_id, made.outcome) == (Outcome.REFUSED, "", Outcome.APPLIED)


def test_a_failed_search_for_existing_ones_is_the_last_of_the_call(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["plain"], unique=frozenset({"email"})))
    for number in range(3):
        world.model.add_contact({"email": f"n{number}@example.com"})
    world.fault(action="status", status=401, op="GET /contacts", times=None)
    receipts = world.side.create([world.intent(Op.CREATE, email=f"n{number}@example.com") for number in range(3)])
    assert [(one.outcome, one.existing_id) for one in receipts] == [(Outcome.REFUSED, "")] * 3
    assert world.asked()["GET /contacts"] == 1


def test_the_token_of_the_other_half_is_never_left_out_of_a_create(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["plain"], unknown=Unknown.REFUSE))
    world.open(token_field="crm_id")
    (receipt,) = world.side.create([world.intent(Op.CREATE, email="a@example.com", stamp="hs-7")])
    assert (receipt.outcome, set(receipt.refused_fields)) == (Outcome.REFUSED, {"crm_id"})
    assert world.model.records() == []


# ---- stages that are refused or echoed


def test_a_refused_stage_is_not_sent_along_again_with_an_update(make_world: Make) -> None:
    world = make_world(DIALECTS["strict"])
    (contact_id,) = world.add(1)
    spent = []
    for stage in ("stg_sold", "stg_quoted", "stg_lost"):
        before = sum(world.asked().values())
        world.side.update([world.intent(Op.UPDATE, contact_id, state="TX", **{STAGE_FIELD: stage})])
        spent.append(sum(world.asked().values()) - before)
    assert spent == [3, 2, 2]
    assert world.plain(contact_id)["stage"] == "Lost"


def test_a_refused_stage_is_not_sent_along_again_with_a_create(make_world: Make) -> None:
    world = make_world(DIALECTS["strict"])

    def create(*names: str) -> int:
        before = sum(world.asked().values())
        intents = [world.intent(Op.CREATE, email=f"{n}@example.com", **{STAGE_FIELD: "stg_sold"}) for n in names]
        receipts = world.side.create(intents)
        assert [(one.outcome, dict(one.refused_fields)) for one in receipts] == [(Outcome.APPLIED, {})] * len(names)
        return sum(world.asked().values()) - before

    assert [create("a"), create("b")] == [3, 2]
    assert [create("c", "d", "e"), create("f", "g", "h")] == [2 + 3, 1 + 3]
    assert {row["stage"] for row in world.model.records()} == {"Sold"}


def test_a_stage_that_does_not_exist_teaches_nothing(make_world: Make) -> None:
    world = make_world()
    (contact_id,) = world.add(1)
    world.side.update([world.intent(Op.UPDATE, contact_id, state="TX", **{STAGE_FIELD: "stg_gone"})])
    world.side.create([world.intent(Op.CREATE, email="a@example.com", **{STAGE_FIELD: "stg_gone"})])
    assert "stage_on_update" not in world.memory
    assert "stage_on_create" not in world.memory


@pytest.mark.parametrize("shown", [StageShown.OBJECT, StageShown.ID, StageShown.NAME, StageShown.PIPELINE_STAGE])
def test_an_echoed_stage_is_not_taken_for_the_true_one(make_world: Make, shown: StageShown) -> None:
    kept: dict[str, Any] = {"stage_on_create": False, "stage_on_update": False, "untaken_stage": UntakenStage.KEEP}
    world = make_world(replace(DIALECTS["plain"], **kept, stage_shown=shown))
    (contact_id,) = world.add(1)
    (receipt,) = world.side.update([world.intent(Op.UPDATE, contact_id, state="TX", **{STAGE_FIELD: "stg_sold"})])
    assert (receipt.outcome, world.plain(contact_id)["stage"]) == (Outcome.APPLIED, "Sold")
    (made,) = world.side.create([world.intent(Op.CREATE, email="a@example.com", **{STAGE_FIELD: "stg_sold"})])
    assert (made.outcome, world.plain(made.id)["stage"]) == (Outcome.APPLIED, "Sold")
    world.model.edit_contact(contact_id, {"stage": "stg_lost"})
    assert STAGE_FIELD not in world.side.fetch([contact_id]).records[contact_id].values
    assert STAGE_FIELD not in {one.id: one for one in world.scan()}[contact_id].values
    assert (world.memory["stage_on_update"], world.memory["stage_on_create"]) == ("no", "no")


# ---- phones


def test_find_compares_phones_as_numbers_and_with_extensions(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["plain"], numeric_phones=True, numeric_ids=True))
    plain = world.model.add_contact({"first_name": "Ann", "phone": "+13055550111"})
    abroad = world.model.add_contact({"first_name": "Bea", "phone": "+442071838750"})
    desk = world.model.add_contact({"first_name": "Cid", "phone": "+13055550111 ext. 7"})

    def found(value: str) -> set[str]:
        return {record.id for record in world.side.find({"phone": [value]})}

    assert found("+13055550111") == {plain}
    assert found("+442071838750") == {abroad}
    assert found("+13055550111 ext. 7") == found("+13055550111;ext=7") == {desk}
    assert found("+13055550111 ext. 8") == set()


def test_a_shuffled_bulk_answer_gives_every_half_of_a_household_its_own_id(make_world: Make) -> None:
    world = make_world(replace(DIALECTS["strict"], numeric_phones=True, unique=frozenset()))
    names = [f"N{number}" for number in range(9)]
    intents = [world.intent(Op.CREATE, first_name=name, phone="+13055550111") for name in names]
    receipts = {receipt.intent_id: receipt for receipt in world.side.create(intents)}
    assert [world.plain(receipts[intent.id].id)["first_name"] for intent in intents] == names
