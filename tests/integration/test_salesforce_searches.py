"""Searches in Salesforce by e-mail, phone and id field, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from syncd.testing.salesforce import CONTACTS, LEADS, Bench, Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


def test_a_phone_is_found_however_its_digits_are_parted(org: Bench) -> None:
    writings = ["+13055550101", "(305) 555-0101", "305.555.0101", "1-305-555-0101", "3055550101"]
    ids = {org.add({"LastName": "Li", "Phone": text}) for text in writings}
    org.add({"LastName": "Li", "Phone": "+13055550102"})
    org.asked()
    assert {record.id for record in org.connector.find({"phone": ["+13055550101", "12"]})} == ids
    assert org.asked()["GET /query"] == 1


@pytest.mark.parametrize(
    ("number", "writings"),
    [
        ("+442079460958", ["+44 20 7946 0958", "020 7946 0958", "+442079460958", "(020) 79460958"]),
        ("+4930901820", ["+49 (0)30 901820", "(030) 90 18 20", "+49 30 901-820"]),
        ("+33142685300", ["01 42 68 53 00", "+33 1 42 68 53 00"]),
    ],
)
def test_a_phone_of_another_country_is_found_as_it_is_written_there(
    org: Bench, number: str, writings: list[str]
) -> None:
    ids = {org.add({"LastName": "Li", "Phone": text}) for text in writings}
    org.add({"LastName": "Li", "Phone": "+49 30 901-821"})
    assert {record.id for record in org.connector.find({"phone": [number]})} == ids


def test_a_quote_or_a_wildcard_in_a_key_finds_only_itself(org: Bench) -> None:
    odd = org.add({"LastName": "Li", "Email": "o'neil_%@x.co"})
    org.add({"LastName": "Li", "Email": "o'neilab@x.co"})
    assert [record.id for record in org.connector.find({"email": ["O'Neil_%@X.co"]})] == [odd]


def test_many_keys_are_asked_for_in_addresses_that_are_not_too_long(org: Bench) -> None:
    ids = {
        org.add({"LastName": "Li", "Email": f"someone.with.a.long.name.{number}@example.com"}) for number in range(700)
    }
    found = org.connector.find(
        {
            "email": [f"someone.with.a.long.name.{number}@example.com" for number in range(700)],
            "phone": [f"+1305555{number:04}" for number in range(700)],
        }
    )
    assert {record.id for record in found} == ids


def test_only_the_keys_of_the_mapping_are_searched_for(org: Bench) -> None:
    org.add({"LastName": "Li", "Email": "ann@x.co", "Phone": "+13055550101"})
    connector = org.reopen(wanted=replace(CONTACTS, key_fields={"email": "Email"}))
    org.asked()
    assert connector.find({"phone": ["+13055550101"]}) == ()
    assert "GET /query" not in org.asked()
    assert len(connector.find({"email": ["ann@x.co"]})) == 1


def test_a_converted_lead_is_found_by_the_id_field_only(place: Stand) -> None:
    with place.bench(wanted=LEADS) as org:
        values = {"LastName": "Li", "Company": "C", "Email": "ann@x.co", "SalesPulse_Id__c": "sp-1"}
        lead = org.add(values)
        org.convert(lead)
        assert org.connector.find({"email": ["ann@x.co"]}) == ()
        (found,) = org.connector.find({"identity": ["sp-1"]})
        assert (found.id, found.in_scope) == (lead, False)
