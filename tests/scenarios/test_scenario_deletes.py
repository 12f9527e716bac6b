"""A half that is gone: what was proven, what the policy says, and what the brakes allow (worked cases 49 to 57)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from tests.scenarios.world import World


def some(world: World, count: int) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = world.fill(count)
    assert world.full().exit is Exit.DONE
    return pairs


def gone(world: World, side: str, pair: tuple[str, str]) -> None:
    """A person deletes the record of that side."""
    world.s.delete_contact(pair[0]) if side == "salespulse" else world.c.archive(pair[1])


@pytest.mark.parametrize("side", ["salespulse", "crm"])
def test_unlink_ends_the_pair_and_nothing_is_made_again(world: World, side: str) -> None:
    pairs = some(world, 3)
    s, c = pairs[0]
    gone(world, side, (s, c))
    ran = world.full()
    assert ran.exit is Exit.DONE
    assert ran.of()["unlinked"] == 1
    assert world.links()[s, c] == "severed"
    assert ran.of()["deleted"] == {"salespulse": 0, "crm": 0}
    for again in (world.full(), world.once(), world.full()):
        assert (again.exit, again.writes) == (Exit.DONE, 0)
    here, there = len(world.s.records()), len(world.c.records())
    assert (here, there) == ((2, 3) if side == "salespulse" else (3, 2))


def test_unlink_clears_the_id_property_of_the_half_that_stays(world: World) -> None:
    pairs = some(world, 2)
    s, c = pairs[0]
    assert world.c_of(c)["salespulse_id"] == s
    world.s.delete_contact(s)
    world.full()
    assert not world.c_of(c).get("salespulse_id")
    assert world.c_of(pairs[1][1])["salespulse_id"] == pairs[1][0]


def test_an_edit_of_the_half_that_stays_does_not_bring_the_other_back(world: World) -> None:
    s, c = some(world, 2)[0]
    world.c.archive(c)
    world.full()
    world.edit_s(s, last_name="Left", email="new@example.com")
    assert world.once().writes == 0
    assert world.full().writes == 0
    assert len(world.c.records()) == 1


def test_a_third_record_with_the_key_of_an_ended_pair_is_held(world: World) -> None:
    s, c = some(world, 2)[0]
    world.c.archive(c)
    world.full()
    world.in_c(firstname="P0", lastname="Q", email=world.s_of(s)["email"])
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.PERSON, 0)
    assert world.held() == [("ambiguous", "")]


def test_a_restored_record_makes_its_pair_active_again_and_merges_from_the_old_bases(world: World) -> None:
    s, c = some(world, 2)[0]
    world.c.archive(c)
    world.full()
    world.edit_s(s, last_name="Left")
    world.once()
    world.c.restore(c)
    assert world.full().exit is Exit.DONE
    assert world.links()[s, c] == "active"
    assert world.c_of(c)["lastname"] == "Left"
    assert world.ledger(lost=True) == []
    world.settled()


@pytest.mark.parametrize(("policy", "stays"), [("delete", False), ("archive", True)])
def test_a_record_archived_in_the_crm_takes_its_contact_with_it_only_if_delete_is_asked_for(
    world: World, policy: str, stays: bool
) -> None:
    world.configure(deletes=policy)
    s, c = some(world, 3)[0]
    world.c.archive(c)
    ran = world.full()
    assert ran.exit is Exit.DONE
    assert (s in {one["id"] for one in world.s.records()}) is stays
    assert world.links()[s, c] == "severed"
    assert world.full().writes == 0


@pytest.mark.parametrize("policy", ["delete", "archive"])
def test_a_deleted_contact_takes_its_crm_record_with_it_within_the_brakes(world: World, policy: str) -> None:
    world.configure(deletes=policy)
    pairs = some(world, 3)
    s, c = pairs[0]
    world.s.delete_contact(s)
    ran = world.full()
    assert (ran.exit, ran.of()["deleted"]) == (Exit.DONE, {"salespulse": 0, "crm": 1})
    assert [one["id"] for one in world.c.records()] == [pairs[1][1], pairs[2][1]]
    assert [one["id"] for one in world.c.records(archived=True)] == [c], "it can be taken out of the bin"
    assert world.links()[s, c] == "severed"
    assert {line.field for line in world.ledger(op="remove")} >= {"", "email", "firstname"}
    assert world.full().writes == 0


def test_a_delete_against_an_edit_is_held_and_the_edit_stays(world: World) -> None:
    world.configure(deletes="delete")
    s, c = some(world, 2)[0]
    world.edit_s(s, last_name="Left")
    world.c.archive(c)
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.PERSON, 0)
    assert world.held() == [("deleted_edited", "")]
    assert world.s_of(s)["last_name"] == "Left"
    assert world.full().exit is Exit.DONE
    world.c.restore(c)
    assert world.full().exit is Exit.DONE
    assert (world.held(), world.c_of(c)["lastname"]) == ([], "Left")


def test_a_person_who_deletes_the_held_half_by_hand_ends_the_hold(world: World) -> None:
    world.configure(deletes="delete")
    s, c = some(world, 2)[0]
    world.edit_s(s, last_name="Left")
    world.c.archive(c)
    world.full()
    assert world.held() == [("deleted_edited", "")]
    world.s.delete_contact(s)
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    assert (world.held(), world.links()[s, c]) == ([], "severed")


def test_an_id_property_that_leads_to_another_contact_by_now_is_left_alone(world: World) -> None:
    s, c = some(world, 2)[0]
    world.s.delete_contact(s)
    world.edit_c(c, salespulse_id="typed by a person")
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    assert world.links()[s, c] == "severed"
    assert world.c_of(c)["salespulse_id"] == "typed by a person"


def test_the_twenty_sixth_delete_stops_the_connection_before_its_first_write(world: World) -> None:
    world.configure(deletes="delete", brakes={"max_deletes_percent": 100})
    pairs = some(world, 30)
    for _, c in pairs[:20]:
        world.c.archive(c)
    assert world.full().exit is Exit.DONE
    for _, c in pairs[20:25]:
        world.c.archive(c)
    assert world.full().exit is Exit.DONE, "twenty-five are allowed"
    assert len(world.s.records()) == 5
    world.c.archive(pairs[25][1])
    world.edit_s(pairs[29][0], last_name="Left")
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert [trip["brake"] for trip in ran.of()["brakes"]] == ["max_deletes"]
    assert "raise max_deletes in [connections." in ran.said
    assert len(world.s.records()) == 5
    world.clock.advance(25 * 3600)
    assert world.full().exit is Exit.DONE, "a day later the earlier ones no longer count"
    assert len(world.s.records()) == 4
    assert world.c_of(pairs[29][1])["lastname"] == "Left"


def test_a_percentage_counts_only_when_more_than_fifty_are_due(world: World) -> None:
    world.configure(deletes="delete", brakes={"max_deletes": 1000})
    pairs = some(world, 60)
    for _, c in pairs[:50]:
        world.c.archive(c)
    assert world.full().exit is Exit.DONE
    world.c.archive(pairs[50][1])
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)


def test_too_many_changes_stop_the_connection_once_the_first_sync_is_done(world: World) -> None:
    pairs = some(world, 60)
    for s, _ in pairs[:51]:
        world.s.edit_contact(s, {"last_name": "Mass"})
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert [trip["brake"] for trip in ran.of()["brakes"]] == ["max_changes_percent"]
    world.configure(brakes={"max_changes_percent": 100})
    assert world.full().exit is Exit.DONE
    world.settled()


def test_too_many_creates_stop_the_connection_once_the_first_sync_is_done(world: World) -> None:
    world.configure(brakes={"max_creates": 5})
    some(world, 8)
    for number in range(6):
        world.in_s(first_name="New", email=f"new{number}@example.com")
    ran = world.once()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert len(world.c.records()) == 8


@pytest.mark.parametrize("side", ["salespulse", "crm"])
@pytest.mark.parametrize("policy", ["unlink", "delete"])
def test_a_side_that_is_suddenly_empty_stops_the_connection(world: World, side: str, policy: str) -> None:
    world.configure(deletes=policy)
    for pair in some(world, 4):
        gone(world, side, pair)
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert set(world.links().values()) == {"active"}
    assert len(world.s.records()) + len(world.c.records()) == 4


def test_a_key_of_another_account_is_noticed_before_anything_is_believed_missing(world: World) -> None:
    """Every linked contact answers 404, and the listing shows other people: a sandbox, or another team."""
    world.configure(deletes="delete")
    some(world, 6)
    for contact in [one["id"] for one in world.s.records()]:
        world.s.delete_contact(contact)
    world.in_s(first_name="Somebody", email="else@example.com")
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert set(world.links().values()) == {"active"}
    assert "another account" in ran.said
    assert len(world.c.records()) == 6


def test_credentials_of_another_portal_stop_the_connection(world: World) -> None:
    some(world, 3)
    world.c.portal.portal_id = 99
    world.edit_s(world.s.records()[0]["id"], last_name="Left")
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert "99" in ran.said
    assert "62515" in ran.said


def test_a_contact_that_paging_skipped_is_not_believed_deleted(make_world: Any) -> None:
    world = make_world(deletes="delete", salespulse={"page_size": 5})
    pairs = some(world, 12)

    # Between the first and the second page somebody deletes a contact of the first: all others move up by one,
    # and the one that was sixth is in no page of this listing.
    def shift(request: Any) -> None:
        if request.path.endswith("/contacts") and request.get("page") == "2":
            world.recorded["salespulse"].before = lambda _request: None
            world.s.delete_contact(pairs[0][0])

    world.recorded["salespulse"].before = shift
    ran = world.full()
    assert world.links()[pairs[5]] == "active"
    assert world.c_of(pairs[5][1])["email"] == "p5@example.com"
    assert len(world.c.records()) >= 11
    assert ran.exit is Exit.DONE
    world.settled()
    assert [one["id"] for one in world.c.records()] == [c for _, c in pairs[1:]]


def test_a_record_missing_from_the_list_of_the_crm_is_not_believed_deleted(world: World) -> None:
    world.configure(deletes="delete")
    pairs = some(world, 4)
    body = {"results": [{"id": c, "properties": world.c_of(c)} for _, c in pairs[:2]]}
    world.fault("hubspot", action="status", op="GET /crm/objects/2026-09/contacts", status=200, body=body)
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    assert set(world.links().values()) == {"active"}
    assert len(world.s.records()) == 4


def test_both_halves_deleted_end_the_pair_without_a_write(world: World) -> None:
    world.configure(deletes="delete")
    s, c = some(world, 3)[0]
    world.s.delete_contact(s)
    world.c.archive(c)
    ran = world.full()
    assert (ran.exit, ran.writes) == (Exit.DONE, 0)
    assert world.links()[s, c] == "severed"
