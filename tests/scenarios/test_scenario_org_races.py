"""What people do in a Salesforce org between syncd's look and its write: nothing of it is lost, and nobody doubled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.wire import Request
from tests.scenarios.orgs import ORG
from tests.scenarios.world import World

BATCH = "/composite/sobjects$"


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
    org.settled()
    return pairs


def before_write(org: World, method: str, path: str, act: Callable[[], None], *, after: int = 0) -> None:
    """Something that happens once, right before a request arrives; ``after``: not before the first."""
    left = [after]

    def before(request: Request) -> None:
        if re.fullmatch(method, request.method) and re.search(path, request.path):
            left[0] -= 1
            if left[0] == -1:
                act()

    org.recorded[ORG].before = before


def typed(org: World, record: str) -> Callable[[], None]:
    def act() -> None:
        org.clock.advance(3)
        org.f.edit(record, {"FirstName": "Typed"})
        org.clock.advance(3)

    return act


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_is_typed_between_the_look_and_the_write_is_kept_and_merged(org: World, count: int) -> None:
    pairs = fill(org, 6)
    for s, _ in pairs[:count]:
        org.edit_s(s, first_name="FromS")
    org.clock.advance(30)
    s, f = pairs[0]
    # One goes alone with a condition; more are compared right before they are written.
    path = "/sobjects/Contact/003" if count < 4 else "/composite/sobjects/Contact$"
    before_write(org, "PATCH" if count < 4 else "POST", path, typed(org, f))
    org.once()
    assert org.f_of(f)["FirstName"] == "Typed"
    org.settled()
    shown = {org.f_of(f)["FirstName"], org.s_of(s)["first_name"]}
    assert len(shown) == 1
    written_over = {(row.before, row.after) for row in org.ledger() if row.field in {"FirstName", "first_name"}}
    assert shown == {"Typed"} or ("Typed", "FromS") in written_over, "what was replaced is in the ledger"


def test_what_is_typed_after_a_lost_answer_is_not_overwritten_by_a_second_try(org: World) -> None:
    pairs = fill(org, 6)
    for s, _ in pairs[:5]:
        org.edit_s(s, first_name="FromS")
    org.fault(ORG, action="drop_after", method="PATCH", path=BATCH)
    s, f = pairs[0]
    before_write(org, "POST", "/composite/sobjects/Contact$", typed(org, f), after=1)
    org.once()
    assert org.f_of(f)["FirstName"] == "Typed"
    org.settled()
    assert org.f_of(f)["FirstName"] == org.s_of(s)["first_name"]
    assert [org.f_of(one)["FirstName"] for _, one in pairs[1:]] == ["FromS"] * 4 + ["P5"]


def test_a_record_that_is_given_the_id_of_a_new_one_right_before_it_is_made_is_not_overwritten(org: World) -> None:
    fill(org, 2)
    s = org.in_s(first_name="Zoe", last_name="New", email="zoe@example.com", state="FL", stage="New Lead")
    made: list[str] = []

    def act() -> None:
        made.append(org.in_f(FirstName="Typed", LastName="Person", Email="t@example.com", SalesPulse_Id__c=s))

    before_write(org, "POST|PATCH", r"/composite/sobjects(/Contact/\w+)?$", act)
    org.once()
    record = org.f_of(made[0])
    assert (record["FirstName"], record["LastName"], record["Email"]) == ("Typed", "Person", "t@example.com")
    assert len(org.all_f()) == 3


def test_two_ids_of_salespulse_that_differ_in_case_overwrite_nobody(org: World) -> None:
    """The org takes the new one's id for that of somebody who is there, and refuses the create."""
    first = org.in_s(first_name="Ann", last_name="One", email="a@example.com", state="FL", stage="New Lead")
    org.full()
    (record,) = org.all_f()
    other = org.in_s(first_name="Bob", last_name="Two", email="b@example.com", state="FL", stage="New Lead")
    assert other.swapcase() != other
    org.in_f(FirstName="Cy", LastName="Three", Email="c@example.com", SalesPulse_Id__c=other.swapcase())
    org.once()
    assert sorted(one["FirstName"] for one in org.all_f()) == ["Ann", "Cy"]
    assert org.links("contacts")[first, record["id"]] == "active"
    assert other not in {pair[0] for pair in org.links("contacts")}


def test_a_create_that_is_committed_long_after_its_answer_was_lost_doubles_nobody(make_world: Any) -> None:
    org: World = make_world("contacts", org={"has_external_id": False})
    fill(org, 2)
    org.in_s(first_name="Zoe", last_name="New", email="zoe@example.com", state="FL", stage="New Lead")
    org.switch_f(commit_delay_seconds=540)
    org.fault(ORG, action="drop_after", method="POST", path=BATCH)
    for _ in range(4):
        org.run(full=False, wait=240)
    org.switch_f(commit_delay_seconds=0)
    for _ in range(6):
        org.run(full=False, wait=240)
    assert org.full().exit is Exit.DONE, org.holds()
    assert sum(one["Email"] == "zoe@example.com" for one in org.all_f()) == 1
    assert len(org.links("contacts")) == 3
    org.settled()


def test_while_the_org_is_maintained_nobody_is_held_and_everybody_is_written_afterwards(org: World) -> None:
    pairs = fill(org, 6)
    for s, _ in pairs[:5]:
        org.edit_s(s, first_name="New")
    org.switch_f(read_only=True)
    ran = org.once()
    assert ran.exit is not Exit.DONE
    assert "INVALID_READ_ONLY_USER_DML" in ran.said
    assert org.held() == []
    org.switch_f(read_only=False)
    assert org.once().exit is Exit.DONE
    assert [org.f_of(f)["FirstName"] for _, f in pairs[:5]] == ["New"] * 5


@pytest.mark.parametrize("many", [1, 2, 6])
def test_an_edit_between_the_write_and_the_look_that_follows_it_travels_and_both_sides_agree(
    org: World, many: int
) -> None:
    pairs = fill(org, 8)
    for s, _f in pairs[:many]:
        org.edit_s(s, first_name="FromS")
    s, f = pairs[0]
    seen: list[str] = []

    def before(request: Request) -> None:
        if "PATCH" in seen and "typed" not in seen and request.path.endswith("/composite/sobjects/Contact"):
            seen.append("typed")
            typed(org, f)()
        seen.append(request.method)

    org.recorded[ORG].before = before
    assert org.once().exit is Exit.DONE
    assert "typed" in seen
    assert (org.s_of(s)["first_name"], org.f_of(f)["FirstName"]) == ("Typed", "Typed")
    written = [(line.side, line.after) for line in org.ledger(crm_id=f) if line.field in ("FirstName", "first_name")]
    assert written == [("crm", '"FromS"'), ("salespulse", '"Typed"')]
    org.settled()
