"""Records that a write finds other than they were, and looks that prove nothing."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.port import Fetched
from syncd.core.model import Gone, Intent, Outcome, Receipt
from syncd.errors import AnswerLost
from syncd.exits import Exit
from syncd.store import observed
from syncd.testing.memory.connector import MemoryConnector
from syncd.testing.memory.vendor import MemorySide


class Claiming(MemoryConnector):
    """Answers updates of these ids with an outcome of the test's choice, and does not do them."""

    def __init__(self, side: MemorySide) -> None:
        super().__init__(side)
        self.claims: dict[str, Outcome] = {}
        self.told: Counter[str] = Counter()  # how often each was claimed

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        claims = self.claims
        told = [one for one in intents if one.target in claims]
        rest = [one for one in intents if one.target not in claims]
        self.requests["update"] += bool(told)
        self.told.update(one.target for one in told)
        done = super().update(rest) if rest else ()
        words = "entity is deleted, says the vendor"
        return (*done, *(Receipt(intent_id=one.id, outcome=claims[one.target], message=words) for one in told))


def linked(make: Callable[..., Any], connector: type[MemoryConnector] = MemoryConnector, **traits: Any) -> Any:
    passes = make(connector, **traits)
    passes.ids, *_others = (passes.pair(number) for number in (1, 2, 3))
    assert passes.run(full=True).exit is Exit.DONE, passes.holds()
    return passes


def writes(passes: Any) -> int:
    return sum(passes.connector.requests[kind] for kind in ("create", "update", "remove"))


def test_a_record_hidden_from_syncd_is_held_and_not_written_again_by_itself(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes)
    contact, row = passes.ids
    passes.crm.hidden.add(row)
    passes.s.edit_contact(contact, {"first_name": "Anna"})
    ran = passes.run()
    assert (ran.exit, ran.figures["held"]) == (Exit.PERSON, 1)
    (hold,) = passes.holds()
    assert hold.reason.value == "refused"
    for words in ("cannot be seen any more", "nothing proves it deleted", "the right to see it", "no such record"):
        assert words in hold.message
    assert "Anna" not in hold.message

    before = passes.connector.requests.copy()
    for _ in range(3):
        assert passes.run().exit is Exit.DONE
    assert writes(passes) == sum(before[kind] for kind in ("create", "update", "remove"))
    assert passes.connector.requests["fetch"] == before["fetch"]

    passes.crm.hidden.clear()
    assert passes.run(full=True).exit is Exit.DONE
    assert passes.crm.rows[row].values["firstname"] == "Anna"
    assert passes.holds() == []


def test_a_hidden_record_is_not_unlinked_and_its_other_half_not_deleted(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes)
    passes.options = 'deletes = "delete"'
    passes.crm.hidden.add(passes.ids[1])
    passes.run(full=True)
    assert passes.links()[passes.ids] == "active"
    assert len(passes.s.records()) == 3


def test_a_hidden_record_is_not_called_deleted_when_its_contact_is(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes, options='deletes = "delete"')
    contact, row = passes.ids
    passes.crm.hidden.add(row)
    passes.s.delete_contact(contact)
    ran = passes.run(full=True)
    assert ran.figures["deleted"]["crm"] == 0
    assert passes.links()[passes.ids] == "active"
    assert "delete it there by hand" in passes.holds()[0].message


def test_a_full_listing_that_misses_a_hidden_record_is_walked_once(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes)
    passes.crm.hidden.add(passes.ids[1])
    for _ in range(2):
        before = passes.connector.requests["scan"]
        passes.run(full=True)
        assert passes.connector.requests["scan"] == before + 1


def test_a_record_called_gone_that_a_look_shows_is_refused_in_the_vendors_words(
    make_passes: Callable[..., Any],
) -> None:
    passes = linked(make_passes, Claiming)
    contact, row = passes.ids
    passes.connector.claims = {row: Outcome.GONE}
    passes.s.edit_contact(contact, {"first_name": "Anna"})
    ran = passes.run()
    assert ran.exit is Exit.PERSON
    (hold,) = passes.holds()
    assert "entity is deleted, says the vendor" in hold.message
    assert passes.links()[passes.ids] == "active"
    before = writes(passes)
    assert passes.run().exit is Exit.DONE
    assert passes.run(full=True).exit is Exit.DONE
    assert writes(passes) == before


def test_a_record_that_is_stale_again_and_again_counts_as_failed_and_waits_for_a_later_run(
    make_passes: Callable[..., Any],
) -> None:
    passes = linked(make_passes, Claiming)
    contact, row = passes.ids
    passes.connector.claims = {row: Outcome.STALE}
    passes.s.edit_contact(contact, {"first_name": "Anna"})
    for _ in range(2):
        before = writes(passes)
        ran = passes.run()
        assert (ran.exit, ran.figures["failed"], ran.figures["held"]) == (Exit.PERSON, 1, 0)
        assert writes(passes) == before + 3
    passes.connector.claims = {}
    assert passes.run().exit is Exit.DONE
    assert passes.crm.rows[row].values["firstname"] == "Anna"


def test_a_write_that_fails_in_every_round_is_one_failure(make_passes: Callable[..., Any]) -> None:
    """While it is tried again, a pair that is left for a later run stays left."""
    passes = linked(make_passes, Claiming)
    contact, row = passes.ids
    other, failing = passes.pair(4)
    passes.run(full=True)
    passes.connector.told.clear()
    passes.connector.claims = {row: Outcome.STALE, failing: Outcome.FAILED}
    for one in (contact, other):
        passes.s.edit_contact(one, {"first_name": "Anna"})
    assert passes.run().figures["failed"] == 2
    assert passes.connector.told == {row: 3, failing: 4}


# ---- the age of a proof


class Logging(MemoryConnector):
    """Also knows a log of deletes, which keeps those that were undone."""

    log: dict[str, datetime]

    def fetch(self, ids: Sequence[str]) -> Fetched:
        fetched = super().fetch(ids)
        log = getattr(self, "log", {})
        told = {id_: Gone(id=id_, proof="get_deleted", at=log[id_]) for id_ in ids if id_ in log}
        return replace(fetched, gone={**fetched.gone, **{id_: told[id_] for id_ in told if id_ not in fetched.records}})


@pytest.mark.parametrize(("minutes", "state"), [(-11, "active"), (-9, "severed"), (30, "severed")])
def test_a_proof_is_believed_unless_a_later_look_showed_the_record(
    make_passes: Callable[..., Any], minutes: int, state: str
) -> None:
    """Clocks differ, so by ten minutes."""
    passes = linked(make_passes, Logging)
    _contact, row = passes.ids
    passes.crm.edit(row, {"lastname": "Seen"})
    passes.run()
    seen = passes.clock.now()
    passes.clock.advance(3600)
    passes.connector.log = {row: seen + timedelta(minutes=minutes)}
    passes.crm.hidden.add(row)
    passes.run(full=True)
    assert passes.links()[passes.ids] == state


# ---- merged between the write and its look


class Merging(MemoryConnector):
    """After a write, and before it can be looked at, a person merges the written record into another."""

    into: str

    def _merge(self, receipts: tuple[Receipt, ...]) -> tuple[Receipt, ...]:
        into = getattr(self, "into", "")
        for receipt in receipts:
            if into and receipt.outcome is Outcome.APPLIED:
                row = self.side.rows[receipt.id]
                row.merged_into, row.proof = into, "merged"
                self.side.rows[into].merged_ids = (receipt.id,)
                self.side.edit(into, {})
        self.into = ""
        return receipts

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return self._merge(super().create(intents))

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return self._merge(super().update(intents))


def test_an_update_of_a_record_that_is_merged_away_is_decided_again_for_the_winner(
    make_passes: Callable[..., Any],
) -> None:
    passes = linked(make_passes, Merging, shows_writes=False)
    contact, row = passes.ids
    winner = passes.crm.add({"firstname": "Wilma", "lastname": "W", "state": "FL"})
    passes.run()
    passes.connector.into = winner
    passes.s.edit_contact(contact, {"state": "TX"})
    passes.run()
    passes.run(full=True)
    assert passes.links()[contact, winner] == "active"
    with passes.state.read() as tx:
        assert observed.get_many(tx, "crm", [row])[row].record.values["firstname"] == "P1"
    assert passes.crm.rows[winner].values["state"] == passes.contact(contact)["state"] == "TX"


def test_a_created_record_that_is_merged_away_is_linked_as_the_survivor(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes, Merging, shows_writes=False, identity=None)
    winner = passes.crm.add({"firstname": "Wilma", "lastname": "W"})
    passes.options = 'create = "crm"'
    passes.run()
    passes.connector.into = winner
    contact = passes.s.add_contact({"first_name": "Ned", "last_name": "New", "email": "ned@example.com"})
    passes.run()
    assert passes.links()[contact, winner] == "active"
    assert len(list(passes.crm.live())) == 4


def test_a_created_record_that_is_merged_into_somebodys_half_is_held(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes, Merging, shows_writes=False, identity=None)
    passes.connector.into = passes.ids[1]
    contact = passes.s.add_contact({"first_name": "Ned", "last_name": "New", "email": "ned@example.com"})
    passes.run()
    assert contact not in {one for one, _row in passes.links()}
    assert [hold.salespulse_id for hold in passes.holds()] == [contact]


class MergingUnheard(Merging):
    """The answer to that write is lost as well."""

    def _merge(self, receipts: tuple[Receipt, ...]) -> tuple[Receipt, ...]:
        merging = bool(getattr(self, "into", ""))
        super()._merge(receipts)
        if merging:
            raise AnswerLost("update: the answer was lost")
        return receipts


def test_a_lost_update_of_a_record_that_is_merged_away_is_decided_again_for_the_winner(
    make_passes: Callable[..., Any],
) -> None:
    passes = linked(make_passes, MergingUnheard)
    contact, row = passes.ids
    winner = passes.crm.add({"firstname": "Wilma", "lastname": "W", "state": "TX"})
    passes.run()
    passes.connector.into = winner
    passes.s.edit_contact(contact, {"state": "TX"})
    passes.run()
    assert passes.links()[contact, winner] == "active"
    with passes.state.read() as tx:
        assert observed.get_many(tx, "crm", [row])[row].record.values["firstname"] == "P1"


def test_a_lost_removal_is_not_believed_on_a_proof_that_is_older_than_the_record(
    make_passes: Callable[..., Any],
) -> None:
    passes = linked(make_passes, Logging)
    contact, row = passes.ids
    passes.options = 'deletes = "delete"'
    passes.connector.log = {row: passes.clock.now() - timedelta(days=2)}
    passes.connector.fail("remove", AnswerLost("remove: the answer was lost"))
    remove = passes.connector.remove

    def hidden_since(intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        passes.crm.hidden.add(row)
        return tuple(remove(intents))

    passes.connector.remove = hidden_since
    passes.s.delete_contact(contact)
    assert passes.run(full=True).figures["deleted"]["crm"] == 0
    assert passes.links()[passes.ids] == "active"
    assert "nothing proves it deleted" in passes.holds()[0].message
