"""Worked cases 40 to 48 and 62, and the households and duplicates between them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from syncd.core.mapping import CreateIn, Direction, Kind, Policy
from syncd.core.match import Candidate, Group, Matched, keys_of, match
from syncd.core.model import HoldReason
from syncd.core.names import contradict
from tests.unit.core.cases import C, S, field_map, observed, people_map, person, policy, rule

X, Y = "(305) 555-0100", "+1 305 555 0199"
ID_PROPERTY = {C: "salespulse_id"}


def matched(*people: Candidate, by: Policy | None = None, **more: Any) -> Matched:
    """The outcome, which has to be the same in whatever order the records come."""
    group = Group(
        salespulse=tuple(each for each in people if each.side is S),
        crm=tuple(each for each in people if each.side is C),
    )
    found = match(people_map(), by or policy(), group, **more)
    turned = Group(salespulse=group.salespulse[::-1], crm=group.crm[::-1])
    assert match(people_map(), by or policy(), turned, **more) == found
    return found


def reasons(found: Matched) -> list[HoldReason]:
    return [hold.reason for hold in found.holds]


def test_case_40_a_new_contact_with_a_key_is_created_once() -> None:
    assert matched(person(S, "s1", "Ann Lee", "ann@x.io")) == Matched(creates=((S, "s1"),))


def test_case_41_without_a_key_the_id_property_lets_it_be_found_again() -> None:
    found = matched(person(S, "s1", "Ann Lee"), by=policy(identity=ID_PROPERTY))
    assert found == Matched(creates=((S, "s1"),))


@pytest.mark.parametrize("identity", [{}, ID_PROPERTY])
def test_case_42_without_a_key_nothing_is_created_in_salespulse(identity: Any) -> None:
    found = matched(person(C, "c1", "Ann Lee"), by=policy(identity=identity))
    assert found == Matched(no_key=((C, "c1"),))


def test_case_42_a_token_field_lets_it_be_created_in_salespulse() -> None:
    found = matched(person(C, "c1", "Ann Lee"), by=policy(identity={S: "crm_id"}))
    assert found.creates == ((C, "c1"),)


def test_case_43_the_same_address_in_other_case_is_one_person() -> None:
    found = matched(person(S, "s1", email="Ann@X.io"), person(C, "c1", email="ann@x.IO"))
    assert found == Matched(links=(("s1", "c1", "email"),))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("Ann Lee", "ANN LEE"),
        ("Ann Lee", "A. Lee"),
        ("José Díaz", "Jose Diaz"),
        ("", "Ann Lee"),
        ("Ann Lee", "Ann"),
    ],
)
def test_case_44_a_phone_links_where_names_do_not_contradict(mine: str, theirs: str) -> None:
    found = matched(person(S, "s1", mine, "a@x.io", X), person(C, "c1", theirs, "b@x.io", "3055550100"))
    assert found == Matched(links=(("s1", "c1", "phone"),))


def test_case_45_a_household_with_addresses_of_their_own_is_created_on_both_sides() -> None:
    found = matched(person(S, "s1", "Ann Lee", "ann@x.io", X), person(C, "c1", "Bob Lee", "bob@x.io", X))
    assert found == Matched(creates=((C, "c1"), (S, "s1")))


def test_case_45_who_has_only_the_shared_phone_is_held() -> None:
    found = matched(person(S, "s1", "Ann Lee", "", X), person(C, "c1", "Bob Lee", "bob@x.io", X))
    assert found.creates == ((C, "c1"),)
    assert [(hold.reason, hold.salespulse_id, hold.crm_id) for hold in found.holds] == [
        (HoldReason.NAMES_DIFFER, "s1", "c1")
    ]


def test_case_45_two_with_only_the_shared_phone_are_one_question() -> None:
    found = matched(person(S, "s1", "Ann Lee", "", X), person(C, "c1", "Bob Lee", "", X))
    assert found.creates == ()
    assert reasons(found) == [HoldReason.NAMES_DIFFER]


@pytest.mark.parametrize("name", ["Ann Lee", "Bob Roe", ""])
def test_case_46_two_records_with_the_phone_are_ambiguous_and_none_is_created(name: str) -> None:
    found = matched(
        person(S, "s1", "Ann Lee", "ann@x.io", X),
        person(C, "c1", "Ann Lee", "one@x.io", X),
        person(C, "c2", name, "two@x.io", X),
    )
    assert found.links == found.creates == ()
    assert [(hold.reason, hold.salespulse_id, hold.crm_id) for hold in found.holds] == [
        (HoldReason.AMBIGUOUS, "s1", "")
    ]
    assert "HubSpot records c1, c2" in found.holds[0].message


def test_case_46_an_address_tells_two_records_with_one_phone_apart() -> None:
    found = matched(
        person(S, "s1", "Ann Lee", "ann@x.io", X),
        person(C, "c1", "Ann Lee", "ann@x.io", X),
        person(C, "c2", "Bob Lee", "bob@x.io", X),
    )
    assert found == Matched(links=(("s1", "c1", "email"),), creates=((C, "c2"),))


def test_case_47_a_secondary_address_is_a_key() -> None:
    found = matched(person(S, "s1", email="old@x.io"), person(C, "c1", email="new@x.io", also=["Old@x.io"]))
    assert found == Matched(links=(("s1", "c1", "email"),))


def test_case_48_a_number_that_many_carry_is_no_key() -> None:
    crowded = frozenset({("phone", "+13055550100")})
    found = matched(person(S, "s1", "Ann Lee", "", X), person(C, "c1", "Ann Lee", "", X), crowded=crowded)
    assert found == Matched(no_key=((C, "c1"), (S, "s1")))


def test_case_49_a_severed_half_is_not_created_again() -> None:
    assert matched(person(S, "s1", "Ann Lee", "ann@x.io", severed=True)) == Matched()


def test_case_62_with_the_state_lost_pairs_are_found_again() -> None:
    found = matched(
        person(S, "s1", "Ann Lee", "ann@x.io", X),
        person(C, "c1", "Zoe Roe", "zoe@x.io", Y, other_id="s1"),
    )
    assert found == Matched(links=(("s1", "c1", "id property"),))


class TestIdProperty:
    """It decides first."""

    def test_it_goes_before_keys(self) -> None:
        found = matched(
            person(S, "s1", email="ann@x.io"),
            person(C, "c1", email="ann@x.io"),
            person(C, "c2", email="other@x.io", other_id="s1"),
        )
        assert found.links == (("s1", "c2", "id property"),)
        # The address is that of the linked contact now, so a second contact with it would be a duplicate.
        assert reasons(found) == [HoldReason.AMBIGUOUS]
        assert found.creates == ()

    def test_two_records_that_claim_one_contact_are_ambiguous(self) -> None:
        found = matched(
            person(S, "s1", email="ann@x.io"), person(C, "c1", other_id="s1"), person(C, "c2", other_id="s1")
        )
        assert found.links == found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_a_claim_on_a_linked_contact_is_held(self) -> None:
        found = matched(
            person(S, "s1", email="ann@x.io", linked=True),
            person(C, "c1", email="ann@x.io", linked=True, other_id="s1"),
            person(C, "c2", email="copy@x.io", other_id="s1"),
        )
        assert found.links == found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_a_claim_on_a_severed_contact_is_held(self) -> None:
        found = matched(person(S, "s1", severed=True), person(C, "c2", email="c@x.io", other_id="s1"))
        assert found.links == found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_a_severed_pair_that_still_names_each_other_stays_severed(self) -> None:
        assert matched(person(S, "s1", severed=True), person(C, "c1", severed=True, other_id="s1")) == Matched()

    def test_a_claim_on_a_contact_out_of_scope_makes_nothing(self) -> None:
        found = matched(person(S, "s1", in_scope=False), person(C, "c1", email="c@x.io", other_id="s1"))
        assert found == Matched()

    def test_an_id_that_nobody_bears_leaves_the_question_to_the_keys(self) -> None:
        found = matched(person(S, "s1", email="ann@x.io"), person(C, "c1", email="ann@x.io", other_id="gone"))
        assert found.links == (("s1", "c1", "email"),)


class TestLinkedNeighbours:
    """A linked record takes its keys out of play."""

    linked = (
        person(S, "s1", "Ann Lee", "ann@x.io", X, linked=True),
        person(C, "c1", "Ann Lee", "ann@x.io", X, linked=True),
    )

    def test_who_has_only_a_taken_key_is_held_and_told_whose(self) -> None:
        found = matched(*self.linked, person(S, "s2", "Ann Lee", "", X))
        assert found.links == found.creates == ()
        assert [(hold.reason, hold.salespulse_id, hold.crm_id) for hold in found.holds] == [
            (HoldReason.AMBIGUOUS, "s2", "c1")
        ]
        assert "linked already" in found.holds[0].message

    def test_who_has_a_free_address_of_its_own_is_created(self) -> None:
        found = matched(*self.linked, person(S, "s2", "Bob Lee", "bob@x.io", X))
        assert found == Matched(creates=((S, "s2"),))

    def test_a_taken_address_is_not_made_good_by_a_free_phone(self) -> None:
        found = matched(*self.linked, person(S, "s2", "Ann Lee", "ann@x.io", Y))
        assert found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_two_newcomers_with_a_taken_address_are_not_linked_by_it(self) -> None:
        found = matched(*self.linked, person(S, "s2", email="ann@x.io"), person(C, "c2", email="ann@x.io"))
        assert found.links == found.creates == ()
        assert len(found.holds) == 2


class TestSevered:
    """A third record with the key of a severed pair is a person's question."""

    @pytest.mark.parametrize("third", [person(C, "c2", email="ann@x.io"), person(S, "s2", email="ann@x.io")])
    def test_it_is_held(self, third: Candidate) -> None:
        found = matched(person(S, "s1", email="ann@x.io", severed=True), third)
        assert found.links == found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_its_two_halves_are_left_alone(self) -> None:
        halves = (
            person(S, "s1", email="ann@x.io", severed=True),
            person(C, "c1", email="ann@x.io", severed=True),
        )
        assert matched(*halves) == Matched()


class TestDuplicatesOnOneSide:
    """Two new records of one side, and nobody like them on the other."""

    def test_the_same_address_is_held(self) -> None:
        found = matched(person(S, "s1", "Ann Lee", "a@x.io"), person(S, "s2", "Bob Lee", "a@x.io"))
        assert found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_a_family_with_one_phone_and_own_addresses_is_created(self) -> None:
        found = matched(person(S, "s1", "Ann Lee", "a@x.io", X), person(S, "s2", "Bob Lee", "b@x.io", X))
        assert found == Matched(creates=((S, "s1"), (S, "s2")))

    def test_one_name_with_one_phone_and_two_addresses_is_held(self) -> None:
        found = matched(person(S, "s1", "Ann Lee", "a@x.io", X), person(S, "s2", "Ann Lee", "b@x.io", X))
        assert found.creates == ()
        assert reasons(found) == [HoldReason.AMBIGUOUS]

    def test_in_a_family_only_who_has_no_own_address_is_held(self) -> None:
        found = matched(person(S, "s1", "Ann Lee", "a@x.io", X), person(S, "s2", "Bob Lee", "", X))
        assert found.creates == ((S, "s1"),)
        assert [hold.salespulse_id for hold in found.holds] == ["s2"]

    def test_two_contacts_for_one_record_are_ambiguous(self) -> None:
        found = matched(
            person(S, "s1", email="a@x.io"), person(S, "s2", email="a@x.io"), person(C, "c1", email="a@x.io")
        )
        assert found.links == found.creates == ()
        assert [(hold.salespulse_id, hold.crm_id) for hold in found.holds] == [("", "c1")]


class TestScope:
    """Records out of scope are neither linked nor created, and nothing is created beside them."""

    def test_they_make_nothing(self) -> None:
        assert matched(person(S, "s1", email="a@x.io", in_scope=False)) == Matched()

    def test_their_other_half_is_not_created_a_second_time(self) -> None:
        found = matched(person(S, "s1", "Ann Lee", "a@x.io"), person(C, "c1", email="a@x.io", in_scope=False))
        assert found == Matched()

    def test_a_relative_out_of_scope_stops_nobody(self) -> None:
        found = matched(
            person(S, "s1", "Ann Lee", "a@x.io", X), person(C, "c1", "Bob Lee", "b@x.io", X, in_scope=False)
        )
        assert found == Matched(creates=((S, "s1"),))


@pytest.mark.parametrize(
    "by", [policy(create=CreateIn.NONE), policy(create=CreateIn.CRM), policy(direction=Direction.TO_CRM)]
)
def test_nothing_is_created_or_held_where_the_policy_creates_nothing(by: Policy) -> None:
    assert matched(person(C, "c1", "Ann Lee", "a@x.io"), person(C, "c2"), by=by) == Matched()


def test_a_group_of_two_families_is_decided_in_one_go() -> None:
    found = matched(
        person(S, "s1", "Ann Lee", "ann@x.io", X),
        person(S, "s2", "Bob Lee", "bob@x.io", X),
        person(C, "c1", "Ann Lee", "ann@x.io", X),
        person(C, "c2", "Bob Lee", "bob@x.io", X),
        person(S, "s3", "Cy Lee", "cy@x.io", X),
    )
    assert found == Matched(links=(("s1", "c1", "email"), ("s2", "c2", "email")), creates=((S, "s3"),))


class TestKeys:
    """What counts as a key's value."""

    def test_both_sides_have_one_form(self) -> None:
        fields = people_map()
        mine = keys_of(fields, S, person(S, "s1", email=" Ann@X.io", phone=X).observed.record)
        theirs = keys_of(fields, C, person(C, "c1", email="ann@x.io", phone="305-555-0100").observed.record)
        assert mine == theirs == {"email": {"ann@x.io"}, "phone": {"+13055550100"}}

    def test_blank_unread_and_unreadable_values_are_none(self) -> None:
        assert keys_of(people_map(), S, observed("s1", {"email": " ", "phone": "ask the office"}).record) == {}

    def test_an_address_mapped_as_text_is_still_read_as_an_address(self) -> None:
        fields = people_map()
        plain = tuple(replace(each, kind=Kind.TEXT) for each in fields.rules)
        record = person(S, "s1", email="Ann@X.io").observed.record
        assert keys_of(replace(fields, rules=plain), S, record) == {"email": {"ann@x.io"}}

    def test_a_key_that_one_side_does_not_bear_is_none(self) -> None:
        fields = field_map(rule("email"), key_fields={"email": {S: "email"}})
        assert keys_of(fields, S, observed("s1", {"email": "ann@x.io"}).record) == {}


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("Ann Lee", "Ann Lee", False),
        ("Ann Lee", "Bob Lee", True),
        ("Ann Lee", "Ann Roe", True),
        ("Mary Ann Lee", "Maryann Lee", True),
        ("Al Lee", "Albert Lee", False),
        ("Jean-Luc Roe", "jeanluc roe", False),
        ("Łukasz Ó", "łukasz o", False),
        ("", "", False),
    ],
)
def test_names_contradict_only_where_they_really_differ(one: str, other: str, *, differ: bool) -> None:
    fields = people_map()
    for left, right in permutations((one, other)):
        mine, theirs = person(S, "s", left).observed.record, person(C, "c", right).observed.record
        assert contradict(fields, (S, mine), (C, theirs)) is differ
