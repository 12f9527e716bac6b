"""What waits: holds, match keys, unmatched records, the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.core.model import Change, Hold, HoldReason, Intent, Op, Side
from syncd.store import holds, journal, matching, runs
from syncd.store.database import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def run_id(state: Database) -> int:
    with state.write() as tx:
        return runs.begin(tx, "run --full", NOON)


def hold(value: str = "x", *, field: str = "email", reason: HoldReason = HoldReason.CONFLICT, crm: str = "c1") -> Hold:
    return Hold(
        connection="hub",
        reason=reason,
        message=f"message {value}",
        field=field,
        salespulse_id="s1",
        crm_id=crm,
        values={Side.SALESPULSE: value, Side.CRM: None},
    )


# ---- holds


def test_a_hold_is_new_once_and_new_values_update_it(state: Database, run_id: int) -> None:
    with state.write() as tx:
        assert holds.put(tx, [hold("x")], run_id=run_id, at=NOON) == 1
        assert holds.put(tx, [hold("y")], run_id=run_id, at=LATER) == 0
        [stored] = holds.open_holds(tx)
    assert stored.since == NOON
    assert stored.hold.values == {Side.SALESPULSE: "y", Side.CRM: None}
    assert stored.hold.message == "message y"


def test_a_hold_that_was_over_before_the_run_is_new_when_it_comes_again(state: Database, run_id: int) -> None:
    with state.write() as tx:
        holds.put(tx, [hold()], run_id=run_id, at=NOON)
        holds.close_one(tx, hold(), LATER)
        assert holds.open_holds(tx) == ()
        next_run = runs.begin(tx, "run --full", LATER + timedelta(minutes=1))
        again = LATER + timedelta(minutes=2)
        assert holds.put(tx, [hold()], run_id=next_run, at=again) == 1
        [stored] = holds.open_holds(tx)
    assert stored.since == again


def test_a_hold_that_ends_and_comes_again_within_one_run_is_not_new(state: Database, run_id: int) -> None:
    with state.write() as tx:
        holds.put(tx, [hold()], run_id=run_id, at=NOON)
        next_run = runs.begin(tx, "run --full", LATER)
        holds.close_one(tx, hold(), LATER + timedelta(minutes=1))
        assert holds.put(tx, [hold()], run_id=next_run, at=LATER + timedelta(minutes=2)) == 0
        [stored] = holds.open_holds(tx)
    assert stored.since == NOON


def test_connection_record_field_and_reason_are_its_identity(state: Database, run_id: int) -> None:
    others = [hold(), hold(field="phone"), hold(reason=HoldReason.REFUSED), hold(crm="c2")]
    assert len({holds.hold_id(one) for one in others}) == 4
    assert holds.hold_id(hold("x")) == holds.hold_id(hold("y"))
    with state.write() as tx:
        assert holds.put(tx, others, run_id=run_id, at=NOON) == 4
        assert holds.counts(tx, "hub") == {"conflict": 3, "refused": 1}


def test_closing_keeps_what_is_kept_skipped_or_of_another_pair(state: Database, run_id: int) -> None:
    email, phone, other, state_field = hold(), hold(field="phone"), hold(crm="c2"), hold(field="state")
    with state.write() as tx:
        holds.put(tx, [email, phone, other, state_field], run_id=run_id, at=NOON)
        holds.close_for(tx, "hub", salespulse_id="s1", crm_id="c1", keep=[email], skip_fields=["phone"], at=LATER)
        left = {(one.hold.field, one.hold.crm_id) for one in holds.open_holds(tx)}
    assert left == {("email", "c1"), ("phone", "c1"), ("email", "c2")}


def test_a_hold_is_found_by_the_beginning_of_its_number(state: Database, run_id: int) -> None:
    with state.write() as tx:
        holds.put(tx, [hold()], run_id=run_id, at=NOON)
        whole = holds.hold_id(hold())
        found = holds.get(tx, whole[:4])
        assert found is not None
        assert found.id == whole
        assert holds.get(tx, "%") is None


# ---- match keys


def test_a_value_that_more_than_five_of_one_side_carry_is_crowded(state: Database) -> None:
    shared, asked = {"phone": ["305"]}, [("phone", "305"), ("phone", "306"), ("email", "305")]
    with state.write() as tx:
        matching.save_keys(tx, "hub", Side.SALESPULSE, {f"s{n}": shared for n in range(5)})
        matching.save_keys(tx, "hub", Side.CRM, {f"c{n}": shared for n in range(5)})
        assert matching.crowded(tx, "hub", asked, 5) == frozenset()
        matching.save_keys(tx, "hub", Side.CRM, {"c5": shared})
        assert matching.crowded(tx, "hub", asked, 5) == {("phone", "305")}
        assert matching.crowded(tx, "other", asked, 5) == frozenset()
        matching.save_keys(tx, "hub", Side.CRM, {"c5": {}})  # gone, or another number now
        assert matching.crowded(tx, "hub", asked, 5) == frozenset()


def test_new_keys_replace_the_old_ones(state: Database) -> None:
    who = (Side.CRM, "c1")
    with state.write() as tx:
        matching.save_keys(tx, "hub", Side.CRM, {"c1": {"email": ["a@example.com", "b@example.com"]}})
        matching.save_keys(tx, "hub", Side.CRM, {"c1": {"email": ["b@example.com"]}})
        assert matching.keys_of(tx, "hub", [who, (Side.CRM, "c2")]) == {
            who: {"email": frozenset({"b@example.com"})},
            (Side.CRM, "c2"): {},
        }
        assert matching.bearers(tx, "hub", [("email", "a@example.com")]) == set()


def test_a_record_with_a_journalled_create_does_not_become_held_or_left(state: Database) -> None:
    who, other = (Side.CRM, "c1"), (Side.CRM, "c2")
    with state.write() as tx:
        matching.mark(tx, "hub", [who], "planned")
        matching.mark(tx, "hub", [other], "due")
        matching.mark_due_as(tx, "hub", [who, other], "held")
        assert matching.states(tx, "hub", Side.CRM, ["c1", "c2"]) == {"c1": "planned", "c2": "held"}
        matching.mark_left(tx, "hub", [who, other])
        assert matching.states(tx, "hub", Side.CRM, ["c1", "c2"]) == {"c1": "planned", "c2": "held"}


# ---- the journal


def intent(id_: str, op: Op = Op.CREATE, side: Side = Side.SALESPULSE, link_id: int | None = None) -> Intent:
    change = Change(field="name", before=None, after="x", rule="name", by="create", reason="new")
    return Intent(
        id=id_, connection="hub", side=side, op=op, link_id=link_id, crm_id=f"c-{id_}", changes=(change,), stamp="c"
    )


def test_an_intent_comes_back_as_it_went_in(state: Database, run_id: int) -> None:
    with state.write() as tx:
        journal.plan(tx, run_id, [intent("i1")])
        assert journal.planned(tx, "hub", Side.SALESPULSE, Op.CREATE, 10) == (intent("i1"),)


def test_only_what_was_sent_is_in_doubt_and_only_what_was_planned_is_dropped(state: Database, run_id: int) -> None:
    with state.write() as tx:
        journal.plan(tx, run_id, [intent("i1"), intent("i2"), intent("u1", Op.UPDATE, Side.CRM, 7)])
        journal.mark_sent(tx, ["i1"], LATER)
        assert [(doubt.intent.id, doubt.sent_at) for doubt in journal.doubts(tx, "hub")] == [("i1", LATER)]
        matching.mark(tx, "hub", [(Side.CRM, "c-i1"), (Side.CRM, "c-i2")], "planned")
        journal.drop_planned(tx, "hub")
        assert matching.states(tx, "hub", Side.CRM, ["c-i1", "c-i2"]) == {"c-i1": "planned", "c-i2": "due"}
        assert journal.counts(tx, "hub") == {}
        assert journal.counts(tx, "hub", journal.SENT) == {(Side.SALESPULSE, Op.CREATE): 1}


def test_an_uncertain_intent_is_neither_sent_again_nor_looked_up_as_a_doubt(state: Database, run_id: int) -> None:
    with state.write() as tx:
        journal.plan(tx, run_id, [intent("i1")])
        journal.mark_sent(tx, ["i1"], LATER)
        journal.mark_uncertain(tx, ["i1"])
        assert journal.doubts(tx, "hub") == ()
        assert journal.planned(tx, "hub", Side.SALESPULSE, Op.CREATE, 10) == ()
        assert [(one.intent.id, one.sent_at) for one in journal.uncertain(tx, "hub")] == [("i1", LATER)]


def test_a_transaction_that_fails_leaves_everything_as_it_was(state: Database, run_id: int) -> None:
    def half_and_half() -> None:
        with state.write() as tx:
            journal.plan(tx, run_id, [intent("i1")])
            journal.plan(tx, run_id, [intent("i1")])

    with pytest.raises(IntegrityError):
        half_and_half()
    with state.read() as tx:
        assert journal.counts(tx, "hub") == {}
