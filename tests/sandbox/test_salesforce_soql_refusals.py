"""Queries that the Salesforce model refuses, as the vendor does (contract, sections 3.1, 6 and 7)."""

from __future__ import annotations

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.queries import query
from syncd.sandbox.wire import Request


@pytest.fixture(scope="module")
def org() -> Org:
    return Org(ManualClock())


def refusal(org: Org, soql: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        query(org, Request(method="GET", path="/services/data/v59.0/query", query=(("q", soql),)), all_rows=False)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize("soql", [
    "",
    "SELEC Id FROM Contact",
    "SELECT FROM Contact",
    "SELECT Id Contact",
    "SELECT Id, FROM Contact",
    "SELECT Id FROM Contact WHERE",
    "SELECT Id FROM Contact WHERE FirstName",
    "SELECT Id FROM Contact WHERE FirstName = ",
    "SELECT Id FROM Contact WHERE FirstName = ann",
    "SELECT Id FROM Contact WHERE FirstName = 'ann",
    "SELECT Id FROM Contact WHERE FirstName = 'a' AND",
    "SELECT Id FROM Contact WHERE (FirstName = 'a'",
    "SELECT Id FROM Contact WHERE FirstName = 'a')",
    "SELECT Id FROM Contact WHERE FirstName IN ()",
    "SELECT Id FROM Contact WHERE FirstName IN 'a'",
    "SELECT Id FROM Contact WHERE FirstName = 'a' AND LastName = 'b' OR LastName = 'c'",
    "SELECT Id FROM Contact WHERE FirstName = 'a' OR LastName = 'b' AND LastName = 'c'",
    "SELECT Id FROM Contact WHERE NOT FirstName = 'a' AND LastName = 'b'",
    "SELECT Id FROM Contact WHERE FirstName = 'a' AND NOT LastName = 'b'",
    "SELECT Id FROM Contact ORDER LastName",
    "SELECT Id FROM Contact ORDER BY LastName NULLS",
    "SELECT Id FROM Contact LIMIT -1",
    "SELECT Id FROM Contact LIMIT 'a'",
    "SELECT Id FROM Contact OFFSET 1 LIMIT 1",
    "SELECT Id FROM Contact; DELETE",
    "SELECT Id, (SELECT Id FROM Tasks) FROM Contact",
    "SELECT COUNT(Id) FROM Contact",
    "SELECT toLabel(LeadSource) FROM Contact",
    "SELECT Id FROM Contact WHERE FirstName = 'a\\_b'",
    "SELECT Id FROM Contact WHERE FirstName = 'a\\qb'",
    "SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01T00:00:00",
    "SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01T00:00:00 00:00",
    "SELECT Id FROM Contact WHERE SystemModstamp > 2026-02-30T00:00:00Z",
    "SELECT Id FROM Contact WHERE Birthdate > 2026-13-01",
    "SELECT Id FROM Contact WHERE Birthdate > 2026-01-01T00:00:00Z",
    "SELECT Id FROM Contact WHERE CreatedDate > TODAY",
    f"SELECT Id FROM Contact WHERE FirstName = '{'x' * 4001}'",
    "SELECT Id FROM Contact WHERE FirstName IN (" + ",".join(["'abcdefgh'"] * 9_100) + ")",
    f"SELECT Id FROM Contact WHERE {'(' * 60}FirstName = 'a'{')' * 60}",
])  # fmt: skip
def test_malformed_queries(org: Org, soql: str) -> None:
    assert refusal(org, soql).code == "MALFORMED_QUERY"


@pytest.mark.parametrize(("rest", "code", "message"), [
    ("SELECT Nope__c FROM Contact", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Contact'"),
    ("SELECT Id FROM Contact WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope' on entity 'Contact'"),
    ("SELECT Id FROM Contact ORDER BY Nope", "INVALID_FIELD", "No such column 'Nope' on entity 'Contact'"),
    ("SELECT Account.Nope FROM Contact", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'"),
    ("SELECT Nope.Name FROM Contact", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
    ("SELECT Id, id FROM Contact", "INVALID_FIELD", "duplicate field selected: Id"),
    ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported."),
    ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered in a query call"),
    ("SELECT Id FROM Contact WHERE Description LIKE 'x%'", "INVALID_FIELD", "can not be filtered in a query call"),
    ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD", "can not be sorted in a query call"),
    ("SELECT Id FROM Contact WHERE Birthdate > '2026-01-01'", "INVALID_FIELD",
     "'Birthdate' must be of type date and should not be enclosed in quotes"),
    ("SELECT Id FROM Contact WHERE Birthdate = ''", "INVALID_FIELD", "must be of type date and should not be"),
    ("SELECT Id FROM Contact WHERE CreatedDate > 2026-01-01", "INVALID_FIELD",
     "'CreatedDate' must be of type dateTime and should not be enclosed in quotes"),
    ("SELECT Id FROM Contact WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD", "must be of type dateTime"),
    ("SELECT Id FROM Contact WHERE Coverage_Amount__c = '9'", "INVALID_FIELD",
     "must be of type double and should not be enclosed in quotes"),
    ("SELECT Id FROM Contact WHERE Tobacco_Use__c = 'true'", "INVALID_FIELD", "must be of type boolean and should not"),
    ("SELECT Id FROM Contact WHERE Tobacco_Use__c > false", "INVALID_QUERY_FILTER_OPERATOR", "boolean"),
    ("SELECT Id FROM Contact WHERE FirstName = 9", "INVALID_FIELD",
     "'FirstName' must be of type string and should be enclosed in quotes"),
    ("SELECT Id FROM Contact WHERE Id = 9", "INVALID_FIELD", "must be of type string and should be enclosed"),
    ("SELECT Id FROM Contact WHERE Id = '9'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field"),
    ("SELECT Id FROM Contact WHERE Id LIKE '003%'", "INVALID_QUERY_FILTER_OPERATOR", "id"),
    ("SELECT Id FROM Contact WHERE FirstName LIKE 9", "INVALID_FIELD", "must be of type string"),
    ("SELECT Id FROM Contact WHERE FirstName INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", "multipicklist"),
    ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
])  # fmt: skip
def test_queries_that_do_not_fit_the_schema(org: Org, rest: str, code: str, message: str) -> None:
    error = refusal(org, rest)
    assert (error.code, message in error.message) == (code, True), error.message


def test_the_place_of_the_error_is_pointed_at(org: Org) -> None:
    error = refusal(org, "SELECT Id\nFROM Contact WHERE LastName == 'x'")
    assert error.message.endswith("ERROR at Row:2:Column:30\nunexpected token: '='")
    shown, pointer = error.message.split("\n")[1:3]
    assert shown[pointer.index("^") :].startswith("= 'x'")
