"""Example people: the same for a seed, plausible, and the same person in both ways of writing."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

import phonenumbers
import pytest

from syncd.sandbox.people import (
    PRODUCTS,
    STAGES,
    STATE_NAMES,
    Style,
    as_lead,
    format_phone,
    overlap,
    people,
    triple,
    write_as,
)


def test_a_seed_always_gives_the_same_people_whatever_the_count() -> None:
    many = list(people(500, 7))
    assert list(people(50, 7)) == many[:50]
    assert list(people(500, 8)) != many


def test_a_hundred_thousand_take_less_than_five_seconds() -> None:
    began = time.process_time()
    assert sum(1 for _ in people(100_000, 1)) == 100_000
    assert time.process_time() - began < 5


def test_every_number_is_a_valid_us_number_in_e164() -> None:
    for person in people(5_000, 3):
        if person.phone:
            parsed = phonenumbers.parse(person.phone)
            assert phonenumbers.is_valid_number(parsed), person.phone
            assert phonenumbers.region_code_for_number(parsed) == "US", person.phone


def test_households_share_a_phone_and_nobody_else_does() -> None:
    by_phone = defaultdict(list)
    for person in people(20_000, 5):
        by_phone[person.phone].append(person)
    by_phone.pop("")
    shared = [group for group in by_phone.values() if len(group) > 1]
    assert 0.04 < sum(len(group) - 1 for group in shared) / 20_000 < 0.08
    for group in shared:
        assert len(group) <= 4
        assert len({person.first for person in group}) == len(group)
        assert len({person.household for person in group}) == 1
        assert all(person.email for person in group), "a shared phone alone would prove nobody"


def test_everybody_has_a_key_and_e_mails_are_unique() -> None:
    everybody = list(people(20_000, 5))
    assert all(person.email or person.phone for person in everybody)
    emails = [person.email for person in everybody if person.email]
    assert len(set(emails)) == len(emails)
    assert all(email.isascii() and email == email.lower() for email in emails)
    assert any(not person.email for person in everybody)
    assert any(not person.phone for person in everybody)


def test_states_products_and_stages_are_spread() -> None:
    everybody = list(people(20_000, 5))
    assert {person.state for person in everybody} == set(STATE_NAMES)
    assert {person.product_interest for person in everybody} == set(PRODUCTS)
    assert [stage for stage, _ in Counter(p.stage for p in everybody).most_common()] == list(STAGES)


def test_both_styles_mean_the_same_person_but_are_written_differently() -> None:
    differs: Counter[str] = Counter()
    for person in people(1_000, 2):
        ours, theirs = write_as(person, Style.SALESPULSE), write_as(person, Style.HUBSPOT)
        assert (ours["first_name"], ours["last_name"]) == (theirs["firstname"], theirs["lastname"])
        assert ours.get("email", "").lower() == theirs.get("email", "").lower()
        if person.phone:
            again = phonenumbers.format_number(phonenumbers.parse(theirs["phone"], "US"), 0)
            assert again == ours["phone"] == person.phone
        else:
            assert "phone" not in ours
            assert "phone" not in theirs
        assert theirs["state"] in (ours["state"], STATE_NAMES[ours["state"]])
        assert PRODUCTS[ours["product_interest"]] == theirs["product_interest"]
        assert STAGES[ours["stage"]] == theirs["lifecyclestage"]
        differs.update(name for name in ("email", "phone", "state") if ours.get(name) != theirs.get(name))
    assert min(differs.values()) > 100
    assert set(differs) == {"email", "phone", "state"}


def test_salesforce_writes_the_same_person_in_a_third_way() -> None:
    differs: Counter[str] = Counter()
    for person in people(1_000, 2):
        hub, force = write_as(person, Style.HUBSPOT), write_as(person, Style.SALESFORCE)
        assert (force["FirstName"], force["LastName"]) == (person.first, person.last)
        assert force.get("Email", "") == person.email
        if person.phone:
            again = phonenumbers.format_number(phonenumbers.parse(force["Phone"], "US"), 0)
            assert again == person.phone
            assert force["Phone"] != hub["phone"]
        else:
            assert "Phone" not in force
        assert force["MailingState"] in (person.state, STATE_NAMES[person.state])
        assert force["Product_Interest__c"] == hub["product_interest"]
        assert force["SalesPulse_Stage__c"] == person.stage
        differs["state"] += force["MailingState"] != hub["state"]
    assert differs["state"] > 100


def test_a_lead_has_a_company_and_no_mailing_address() -> None:
    contact = write_as(next(people(1, 2)), Style.SALESFORCE)
    lead = as_lead(contact)
    assert lead["State"] == contact["MailingState"]
    assert lead["Company"] == f"{contact['LastName']} household"
    assert {name for name in contact if name != "MailingState"} <= set(lead)
    assert "MailingState" not in lead


def test_there_are_seven_ways_to_write_a_phone() -> None:
    assert len({format_phone("+13055551234", way) for way in range(20)}) == 7
    assert format_phone("", 3) == ""


def test_an_overlap_has_the_asked_counts_and_shared_people() -> None:
    ours, theirs = overlap(500, 300, 4)
    assert (len(ours), len(theirs)) == (500, 500)

    def names(rows: list[dict[str, str]], first: str, last: str) -> Counter[tuple[str, ...]]:
        return Counter((row[first], row[last], row.get("email", "").lower()) for row in rows)

    both = names(ours, "first_name", "last_name") & names(theirs, "firstname", "lastname")
    assert both.total() == 300
    assert overlap(500, 300, 4) == (ours, theirs)
    in_order = [write_as(person, Style.SALESPULSE) for person in people(500, 4)]
    assert ours != in_order, "the lists are shuffled"


@pytest.mark.parametrize(("each", "shared", "everywhere"), [
    (500, 300, 150), (500, 400, 300), (500, 500, 500), (500, 101, 50), (500, 0, 0),
])  # fmt: skip
def test_each_two_of_three_systems_share_the_asked_count(each: int, shared: int, everywhere: int) -> None:
    ours, hub, force = triple(each, shared, 4)
    sets = [
        {(row[first], row[last], row.get(email, "").lower()) for row in rows}
        for rows, first, last, email in (
            (ours, "first_name", "last_name", "email"),
            (hub, "firstname", "lastname", "email"),
            (force, "FirstName", "LastName", "Email"),
        )
    ]
    assert [len(one) for one in (ours, hub, force)] == [each] * 3
    assert [len(one) for one in sets] == [each] * 3
    assert [len(sets[a] & sets[b]) for a, b in ((0, 1), (0, 2), (1, 2))] == [shared] * 3
    assert len(sets[0] & sets[1] & sets[2]) == everywhere
    assert triple(each, shared, 4) == (ours, hub, force)


def test_an_impossible_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 5"):
        overlap(5, 6, 1)
    with pytest.raises(ValueError, match="between 0 and 5"):
        triple(5, 6, 1)
