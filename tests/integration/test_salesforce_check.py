"""``check --online`` for Salesforce: what is wrong, where, and what an administrator does about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.port import Finding
from connectors.salesforce import KIND
from syncd.errors import CredentialsRefused
from syncd.testing.salesforce import CONTACTS, LEADS, Bench, Stand, stand

LINK = {
    "name": "SalesPulse_Id__c",
    "type": "string",
    "length": 64,
    "externalId": True,
    "unique": True,
    "caseSensitive": True,
}


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench(external_id_case_sensitive=True) as made:
        yield made


def only(findings: tuple[Finding, ...], *, where: str, warning: bool = False) -> str:
    """The words of the one finding that there is."""
    (finding,) = findings
    assert (finding.problem.where, finding.problem.warning, finding.fix) == (where, warning, "")
    return str(finding.problem)


@pytest.mark.parametrize("wanted", [CONTACTS, LEADS], ids=["contacts", "leads"])
def test_an_org_in_which_all_is_well_has_no_findings(place: Stand, wanted: Any) -> None:
    with place.bench(wanted=wanted, external_id_case_sensitive=True) as org:
        org.add({"LastName": "Li"})
        assert KIND.check(org.connector, fix=False) == ()


@pytest.mark.parametrize(
    ("flag", "words", "warning"),
    [
        ("queryable", "may not read", False),
        ("updateable", "may not edit", False),
        ("createable", "may not create", True),
        ("deletable", "may not delete", True),
        ("replicateable", "no log of deleted", True),
    ],
)
def test_a_right_that_is_missing_is_named_with_what_to_grant(
    org: Bench,
    flag: str,
    words: str,
    warning: bool,
) -> None:
    fields = [{"name": name, "type": "string", "length": 80, "updateable": True} for name in ("Id", "LastName")]
    org.fault("status", "/Contact/describe", status=200, body={"fields": [*fields, LINK], flag: False})
    found = only(KIND.check(org.connector, fix=False), where="object", warning=warning)
    assert words in found
    assert "Contact" in found


@pytest.mark.parametrize(
    ("switches", "words", "warning"),
    [
        ({"has_external_id": False}, ("does not exist", "Unique and External ID", "SalesPulse_Id,"), True),
        ({"hidden_fields": ("Contact.SalesPulse_Id__c",)}, ("do not see it", "grant the user"), True),
        ({"external_id_unique": False}, ("the same value twice", "tick Unique"), False),
        ({"readonly_fields": ("Contact.SalesPulse_Id__c",)}, ("may not edit", "grant Edit"), False),
        ({"external_id_case_sensitive": False}, ("ABC and abc for the same", "case sensitive"), True),
    ],
)
def test_an_id_field_that_cannot_be_used_is_explained(
    place: Stand,
    switches: dict[str, Any],
    words: tuple[str, ...],
    warning: bool,
) -> None:
    with place.bench(**{"external_id_case_sensitive": True, **switches}) as org:
        for fix in (False, True):
            found = only(KIND.check(org.connector, fix=fix), where="id_field", warning=warning)
            assert all(word in found for word in words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"type": "double"}, "no text field"),
        ({"externalId": False}, "no external id"),
        ({"length": 18}, "takes 18 characters"),
    ],
)
def test_an_id_field_of_the_wrong_kind_is_explained(org: Bench, changed: dict[str, Any], words: str) -> None:
    fields = [{"name": "Id", "type": "id"}, {**LINK, **changed}]
    org.fault("status", "/Contact/describe", status=200, body={"fields": fields})
    assert words in only(KIND.check(org.connector, fix=False), where="id_field")


def test_doing_without_an_id_field_is_warned_about(org: Bench) -> None:
    found = only(KIND.check(org.reopen(id_field=""), fix=False), where="id_field", warning=True)
    assert 'id_field = "SalesPulse_Id__c"' in found


def test_a_scope_that_salesforce_refuses_is_a_finding(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="Shoe_Size__c = 44"), external_id_case_sensitive=True) as org:
        assert "INVALID_FIELD" in only(KIND.check(org.connector, fix=False), where="[scope] crm")


def test_contacts_of_person_accounts_are_counted(place: Stand) -> None:
    with place.bench(person_accounts=True, external_id_case_sensitive=True) as org:
        org.add({"LastName": "Li"})
        assert KIND.check(org.connector, fix=False) == ()
        for name in ("Pia", "Pit"):
            org.add({"FirstName": name, "LastName": "Person"}, kind="Account")
        assert "2 contacts stand for person accounts" in only(
            KIND.check(org.connector, fix=False), where="object", warning=True
        )


@pytest.mark.parametrize("forbidden", [False, True], ids=["by /limits/", "by the header of answers"])
def test_few_requests_that_are_left_are_told(place: Stand, forbidden: bool) -> None:
    with place.bench(daily_limit=1_000, limits_forbidden=forbidden, external_id_case_sensitive=True) as org:
        assert KIND.check(org.connector, fix=False) == ()
        org.control("spend", {"count": 850})
        found = only(
            KIND.check(org.reopen(daily_request_share=1), fix=False), where="daily_request_share", warning=True
        )
        assert "of 1000 requests" in found


def test_an_object_that_is_not_shown_ends_the_check_with_the_permission_to_give(org: Bench) -> None:
    with pytest.raises(CredentialsRefused, match="permission"):
        KIND.check(org.reopen(wanted=replace(CONTACTS, object="Unseen")), fix=False)
