"""Records of a Salesforce org that are merged, deleted, brought back, or leave the scope and return to it."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.exits import Exit
from tests.scenarios.world import MAPPINGS, World

RUNS = ("full", "once")
FLORIDA = "[scope]\ncrm = \"MailingState IN ('FL', 'Florida')\"\n"


@pytest.fixture
def org(make_world: Any) -> World:
    made: World = make_world("contacts")
    return made


def fill(org: World, count: int) -> list[tuple[str, str]]:
    """So many people on both sides, linked and agreed."""
    pairs = []
    for number in range(count):
        mail = f"p{number}@example.com"
        s = org.in_s(first_name=f"P{number}", last_name="Q", email=mail, state="FL", stage="New Lead")
        f = org.in_f(
            FirstName=f"P{number}", LastName="Q", Email=mail, MailingState="FL", SalesPulse_Stage__c="New Lead"
        )
        pairs.append((s, f))
    org.full()
    assert org.settled().exit is Exit.DONE, org.holds()
    assert org.links("contacts") == dict.fromkeys(pairs, "active")
    return pairs


# ---- merges


@pytest.mark.parametrize("run", RUNS)
def test_the_loser_of_a_merge_was_linked_and_its_link_goes_to_the_winner(make_world: Any, run: str) -> None:
    org: World = make_world("contacts", deletes="delete", create="crm")
    (s, f), *_ = fill(org, 3)
    winner = org.in_f(FirstName="P0", LastName="Winner", Email="other@example.com")
    getattr(org, run)()
    org.edit_s(s, first_name="Paul")
    org.clock.advance(10)
    org.f.merge(winner, [f])
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE, org.holds()
    assert org.links("contacts")[s, winner] == "active"
    assert ran.of("contacts")["deleted"] == {"salespulse": 0, "crm": 0}
    assert org.f_of(winner)["SalesPulse_Id__c"] == s
    assert org.f_of(winner)["FirstName"] == org.s_of(s)["first_name"] == "Paul", "the bases came along"
    assert org.s_of(s)["last_name"] == "Winner"
    org.settled()
    assert (len(org.s.records()), len(org.all_f())) == (3, 3)


@pytest.mark.parametrize("run", RUNS)
def test_the_winner_of_a_merge_was_linked_and_keeps_its_link(make_world: Any, run: str) -> None:
    org: World = make_world("contacts", deletes="delete", create="crm")
    (s, f), *_ = fill(org, 3)
    loser = org.in_f(FirstName="P0", LastName="Q", Email="other@example.com")
    getattr(org, run)()
    org.clock.advance(10)
    org.f.merge(f, [loser])
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE, org.holds()
    assert org.links("contacts")[s, f] == "active"
    assert len(org.s.records()) == 3
    org.settled()


@pytest.mark.parametrize("run", RUNS)
def test_both_of_a_merge_were_linked_one_keeps_it_and_the_other_is_held(make_world: Any, run: str) -> None:
    org: World = make_world("contacts", deletes="delete")
    (s1, f1), (s2, f2), _ = fill(org, 3)
    org.clock.advance(10)
    org.f.merge(f1, [f2])
    ran = getattr(org, run)()
    assert ran.exit is Exit.PERSON
    assert org.held() == [("two_contacts", "")]
    assert org.links("contacts")[s1, f1] == "active"
    (hold,) = org.holds()
    assert (hold.salespulse_id, hold.crm_id) == (s2, f1)
    for again in (org.full(), org.once()):
        assert (again.exit, again.writes) == (Exit.DONE, 0), again.asked
    assert {s1, s2} <= {one["id"] for one in org.s.records()}
    assert len(org.all_f()) == 2


@pytest.mark.parametrize("run", RUNS)
def test_a_chain_of_merges_ends_at_the_last_winner(make_world: Any, run: str) -> None:
    org: World = make_world("contacts", deletes="delete", create="crm")
    (s, f), *_ = fill(org, 3)
    first = org.in_f(FirstName="P0", LastName="Q", Email="first@example.com")
    last = org.in_f(FirstName="P0", LastName="Q", Email="last@example.com")
    getattr(org, run)()
    org.clock.advance(10)
    org.f.merge(first, [f])
    org.clock.advance(10)
    org.f.merge(last, [first])
    assert getattr(org, run)().exit is Exit.DONE, org.holds()
    assert org.links("contacts")[s, last] == "active"
    org.settled()
    assert len(org.s.records()) == 3


# ---- deletes


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("how", ["bin", "purged", "emptied"])
@pytest.mark.parametrize(("policy", "left"), [("unlink", 3), ("archive", 3), ("delete", 2)])
def test_a_contact_deleted_in_the_org(make_world: Any, policy: str, left: int, how: str, run: str) -> None:
    """SalesPulse has no recycle bin, so archive does what unlink does there."""
    org: World = make_world("contacts", deletes=policy)
    (s, f), *_ = fill(org, 3)
    org.clock.advance(400)  # the log of deletes is asked no more often than every five minutes
    if how != "purged":
        org.f.delete(f)
    if how != "bin":
        org.f.purge(f)
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE
    assert len(org.s.records()) == left
    assert ran.of("contacts")["deleted"]["salespulse"] == 3 - left
    assert org.links("contacts")[s, f] == "severed"
    org.settled()
    assert (len(org.s.records()), len(org.all_f())) == (left, 2)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("policy", "left"), [("unlink", 3), ("archive", 2), ("delete", 2)])
def test_a_contact_deleted_in_salespulse(make_world: Any, policy: str, left: int, run: str) -> None:
    org: World = make_world("contacts", deletes=policy)
    (s, f), *_ = fill(org, 3)
    org.s.delete_contact(s)
    ran = getattr(org, run)()
    assert ran.exit is Exit.DONE
    assert len(org.all_f()) == left
    assert org.links("contacts")[s, f] == "severed"
    if policy == "unlink":
        assert not org.f_of(f).get("SalesPulse_Id__c"), "it must not lead to a contact that is gone"
    else:
        assert f in {one["id"] for one in org.f.records(deleted=True)}, "in the recycle bin"
    org.settled()
    assert (len(org.s.records()), len(org.all_f())) == (2, left)


@pytest.mark.parametrize("run", RUNS)
def test_an_undeleted_contact_is_active_again_and_merged_from_the_old_bases(make_world: Any, run: str) -> None:
    org: World = make_world("contacts")
    (s, f), *_ = fill(org, 3)
    org.f.delete(f)
    getattr(org, run)()
    assert org.links("contacts")[s, f] == "severed"
    org.edit_s(s, first_name="Paul")
    org.clock.advance(10)
    org.f.restore(f)
    assert getattr(org, run)().exit is Exit.DONE, org.holds()
    assert org.links("contacts")[s, f] == "active"
    assert org.f_of(f)["FirstName"] == "Paul"
    assert org.ledger(lost=True) == []
    org.settled()
    assert (len(org.s.records()), len(org.all_f())) == (3, 3)


def test_a_contact_deleted_there_and_edited_here_is_held(make_world: Any) -> None:
    org: World = make_world("contacts", deletes="delete")
    (s, f), *_ = fill(org, 3)
    org.edit_s(s, first_name="Paul")
    org.f.delete(f)
    assert org.once().exit is Exit.PERSON
    assert org.held() == [("deleted_edited", "")]
    assert len(org.s.records()) == 3


def test_a_delete_of_many_trips_the_brake(make_world: Any) -> None:
    org: World = make_world("contacts", deletes="delete")
    org.configure("contacts", brakes={"max_deletes": 2})
    pairs = fill(org, 6)
    for _, f in pairs[:3]:
        org.f.delete(f)
    ran = org.once()
    assert (ran.exit, ran.writes) == (Exit.BRAKE, 0)
    assert len(org.s.records()) == 6


def test_a_contact_that_sharing_hides_is_not_believed_deleted(make_world: Any) -> None:
    """Neither the row nor the log of deletes tells of it: a record that is merely not shown is not gone."""
    org: World = make_world("contacts", deletes="delete")
    (_, f), *_ = fill(org, 3)
    org.f.org.table(org.f.org.schema.get("Contact")).remove(f, 0)
    for run in (org.once, org.full):
        ran = run()
        assert ran.of("contacts")["deleted"]["salespulse"] == 0
    assert len(org.s.records()) == 3


# ---- scope


@pytest.fixture
def florida(make_world: Any) -> World:
    """Only contacts in Florida take part."""
    made: World = make_world("contacts", deletes="delete")
    packaged = (MAPPINGS / "salesforce-contacts.toml").read_text()
    made.configure("contacts", mapping=packaged.replace("[create]", f"{FLORIDA}\n[create]", 1))
    return made


@pytest.mark.parametrize("run", RUNS)
def test_a_contact_that_leaves_the_scope_rests_and_goes_on_when_it_returns(florida: World, run: str) -> None:
    (s, f), *_ = fill(florida, 3)
    florida.edit_f(f, MailingState="GA", FirstName="Away")
    ran = getattr(florida, run)()
    assert ran.exit is Exit.DONE
    assert florida.links("contacts")[s, f] == "frozen"
    assert florida.s_of(s)["first_name"] == "P0"
    florida.edit_s(s, last_name="Edited")
    florida.settled()
    assert florida.f_of(f)["LastName"] == "Q"
    assert (len(florida.s.records()), len(florida.all_f())) == (3, 3), "nobody is deleted, and nobody made again"
    florida.edit_f(f, MailingState="Florida")
    assert getattr(florida, run)().exit is Exit.DONE
    assert florida.links("contacts")[s, f] == "active"
    assert (florida.s_of(s)["first_name"], florida.f_of(f)["LastName"]) == ("Away", "Edited")
    florida.settled()


@pytest.mark.parametrize("run", RUNS)
def test_a_record_out_of_scope_keeps_its_person_from_being_made_twice(florida: World, run: str) -> None:
    fill(florida, 2)
    outside = florida.in_f(FirstName="Ann", LastName="Lee", Email="ann@example.com", MailingState="GA")
    florida.in_s(first_name="Ann", last_name="Lee", email="ann@example.com", state="GA", stage="New Lead")
    assert getattr(florida, run)().exit is Exit.DONE
    florida.settled()
    assert [one["id"] for one in florida.all_f() if one.get("Email") == "ann@example.com"] == [outside]
    assert len(florida.s.records()) == 3


@pytest.mark.parametrize("run", RUNS)
def test_whoever_is_out_of_scope_is_not_made_in_salespulse_until_they_enter_it(florida: World, run: str) -> None:
    fill(florida, 2)
    f = florida.in_f(FirstName="Ann", LastName="Lee", Email="ann@example.com", MailingState="GA")
    getattr(florida, run)()
    florida.settled()
    assert len(florida.s.records()) == 2
    florida.edit_f(f, MailingState="FL")
    assert getattr(florida, run)().exit is Exit.DONE
    assert sorted(one["first_name"] for one in florida.s.records()) == ["Ann", "P0", "P1"]
    florida.settled()


def test_a_scope_that_the_org_does_not_understand_stops_only_that_connection(make_world: Any) -> None:
    made: World = make_world("hubspot", "contacts")
    packaged = (MAPPINGS / "salesforce-contacts.toml").read_text()
    unknown = "[scope]\ncrm = \"Nothing_Like_It__c = 'x'\"\n"
    made.configure("contacts", mapping=packaged.replace("[create]", f"{unknown}\n[create]", 1))
    made.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    ran = made.full()
    assert ran.exit is Exit.USAGE
    assert ran.of("hubspot")["stopped"] is None
    assert "[scope] crm" in ran.said
    assert len(made.c.records()) == 1


# ---- what an org does by itself


def test_stamps_that_move_without_a_change_cause_no_write(org: World) -> None:
    fill(org, 5)
    org.clock.advance(10)
    assert org.f.bump() == 5
    for run in (org.once, org.full, org.once):
        ran = run()
        assert (ran.exit, ran.writes) == (Exit.DONE, 0), ran.asked


def test_what_is_committed_late_is_seen_by_the_next_run(make_world: Any) -> None:
    org: World = make_world("contacts", org={"commit_delay_seconds": 0})
    (s, f), *_ = fill(org, 2)
    org.switch_f(commit_delay_seconds=120)
    org.edit_f(f, FirstName="Late")
    org.once()
    org.switch_f(commit_delay_seconds=0)
    org.clock.advance(120)
    org.once()
    assert org.s_of(s)["first_name"] == "Late"
    org.settled()


def test_an_assignment_rule_of_the_org_gives_no_lead_to_another_owner(make_world: Any) -> None:
    org: World = make_world("leads", org={"assignment_rule": True})
    s = org.in_s(first_name="Bob", last_name="Q", email="bob@example.com", stage="New Lead")
    org.full()
    (lead,) = org.all_f("Lead")
    owner = lead["OwnerId"]
    assert owner == org.f.org.user_id
    org.edit_s(s, last_name="Left")
    org.once()
    assert org.f_of(lead["id"], "Lead")["OwnerId"] == owner


@pytest.mark.parametrize("rule", ["alert", "block"])
def test_a_duplicate_rule_of_the_org_is_never_overridden(make_world: Any, rule: str) -> None:
    """Same first and last name, other addresses: the org refuses, and the record is held with its words."""
    org: World = make_world("contacts", create="crm", org={"duplicate_rule": rule})
    org.in_f(FirstName="Bob", LastName="Q", Email="one@example.com")
    org.in_s(first_name="Bob", last_name="Q", email="two@example.com", stage="New Lead")
    org.in_s(first_name="Cy", last_name="R", email="cy@example.com", stage="New Lead")
    ran = org.full()
    assert ran.exit is Exit.PERSON
    assert sorted(one["FirstName"] for one in org.all_f()) == ["Bob", "Cy"]
    assert len(org.holds()) == 1
    assert org.full().writes == 0
