"""Records that were merged into one another: the link goes along, and nothing is deleted (worked cases 55, 56)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from tests.scenarios.world import World


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("run", ["full", "once"])
def test_the_link_moves_to_the_record_that_is_left_and_keeps_its_base(make_world: Any, keeps: bool, run: str) -> None:
    world = make_world(create="crm", deletes="delete", hubspot={"merge_keeps_primary": keeps})
    s, c = world.ann()
    other = world.in_c(firstname="Ann", lastname="Lee-Jones", email="ann2@example.com")
    world.full()
    world.clock.advance(60)
    merged = world.c.merge(other, c)
    ran = getattr(world, run)()
    assert ran.exit is Exit.DONE
    assert world.counts() == {"active": 1}
    assert world.links() == {(s, merged): "active"}
    assert world.c_of(merged)["salespulse_id"] == s
    assert ran.of()["deleted"] == {"salespulse": 0, "crm": 0}
    # What the merge changed in the CRM is a change there alone, since the base came along.
    assert world.s_of(s)["last_name"] == world.c_of(merged)["lastname"] == "Lee-Jones"
    assert world.ledger(lost=True) == []
    world.settled()
    assert (len(world.s.records()), len(world.c.records())) == (1, 1)


@pytest.mark.parametrize("run", ["full", "once"])
def test_of_two_contacts_of_one_merged_record_one_keeps_it_and_the_other_is_held(world: World, run: str) -> None:
    world.configure(deletes="delete")
    (s1, c1), (s2, c2), _ = world.fill(3)
    world.full()
    world.clock.advance(60)
    merged = world.c.merge(c1, c2)
    ran = getattr(world, run)()
    assert ran.exit is Exit.PERSON
    assert world.held() == [("two_contacts", "")]
    winner = world.c_of(merged)["salespulse_id"]
    loser = ({s1, s2} - {winner}).pop()
    assert world.links()[winner, merged] == "active"
    (hold,) = world.holds()
    assert (hold.salespulse_id, hold.crm_id) == (loser, merged)
    for again in (world.full(), world.once(), world.full()):
        assert (again.exit, again.writes) == (Exit.DONE, 0), again.written
    assert {one["id"] for one in world.s.records()} >= {s1, s2}, "neither contact is deleted"
    assert len(world.c.records()) == 2, "and none is created again"


def test_the_hold_of_two_contacts_ends_when_one_is_deleted(world: World) -> None:
    (s1, c1), (s2, c2), _ = world.fill(3)
    world.full()
    merged = world.c.merge(c1, c2)
    world.full()
    winner = world.c_of(merged)["salespulse_id"]
    world.s.delete_contact(({s1, s2} - {winner}).pop())
    assert world.full().exit is Exit.DONE
    assert world.held() == []
    assert world.links()[winner, merged] == "active"
    world.settled()
