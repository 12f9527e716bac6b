"""Pages of the Salesforce model's queries: sizes, locators and their end (contract, sections 3.1 and 7)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.queries import query, query_more
from syncd.sandbox.wire import Request

ALL = "SELECT Id, LastName FROM Contact ORDER BY Id"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    made = Org(clock)
    for n in range(4_500):
        made.create(made.schema.get("Contact"), {"LastName": str(n)})
    return made


def first(org: Org, soql: str = ALL, hint: str = "", *, all_rows: bool = False) -> dict[str, Any]:
    headers = {"sforce-query-options": hint} if hint else {}
    request = Request(method="GET", path="/services/data/v60.0/query", query=(("q", soql),), headers=headers)
    answer: dict[str, Any] = query(org, request, all_rows=all_rows).json()
    return answer


def following(org: Org, page: dict[str, Any]) -> dict[str, Any]:
    path = page["nextRecordsUrl"]
    answer: dict[str, Any] = query_more(org, path.rpartition("/")[2], Request(method="GET", path=path)).json()
    return answer


def pages(org: Org, page: dict[str, Any]) -> list[dict[str, Any]]:
    found = [page]
    while not page["done"]:
        page = following(org, page)
        found.append(page)
    return found


def last_names(*some: dict[str, Any]) -> list[str]:
    return [row["LastName"] for page in some for row in page["records"]]


def test_two_thousand_a_page_until_the_last_says_done(org: Org) -> None:
    found = pages(org, first(org))
    assert [len(page["records"]) for page in found] == [2_000, 2_000, 500]
    assert [page["totalSize"] for page in found] == [4_500] * 3
    assert [page["done"] for page in found] == [False, False, True]
    assert found[0]["nextRecordsUrl"].startswith("/services/data/v60.0/query/01g")
    assert found[0]["nextRecordsUrl"].endswith("-2000")
    assert "nextRecordsUrl" not in found[2]
    assert last_names(*found) == [str(n) for n in range(4_500)]


def test_a_limit_cuts_the_whole_result_not_the_page(org: Org) -> None:
    page = first(org, f"{ALL} LIMIT 2000")
    assert (page["totalSize"], page["done"]) == (2_000, True)
    page = first(org, f"{ALL} LIMIT 2001")
    assert (page["totalSize"], page["done"]) == (2_001, False)
    assert last_names(following(org, page)) == ["2000"]


@pytest.mark.parametrize(("hint", "size"), [
    ("batchSize=300", 300), ("batchSize=10", 200), ("batchSize=9999", 2_000), ("foo=1; BATCHSIZE = 250", 250),
    ("nonsense", 2_000),
])  # fmt: skip
def test_the_batch_size_is_taken_as_a_hint(org: Org, hint: str, size: int) -> None:
    assert len(first(org, hint=hint)["records"]) == size


def test_two_long_texts_make_short_pages(org: Org) -> None:
    assert len(first(org, "SELECT Description FROM Contact")["records"]) == 2_000
    for n in range(250):
        org.create(org.schema.get("Opportunity"), {
            "Name": str(n), "StageName": "Prospecting", "CloseDate": "2026-03-02",
        })  # fmt: skip
    page = first(org, "SELECT Description FROM Opportunity")
    assert len(page["records"]) == 250
    page = first(org, "SELECT Description, Account.Description FROM Opportunity")
    assert [len(one["records"]) for one in pages(org, page)] == [200, 50]


def test_the_org_may_give_shorter_pages_than_asked_for(org: Org) -> None:
    org.options = Options(page_limit=700)
    found = pages(org, first(org, hint="batchSize=2000"))
    assert [len(page["records"]) for page in found] == [700] * 6 + [300]
    assert last_names(*found) == [str(n) for n in range(4_500)]


def test_a_page_can_be_asked_for_twice(org: Org) -> None:
    page = first(org)
    assert following(org, page) == following(org, page)


def test_the_rows_of_a_result_are_settled_but_their_values_are_not(org: Org) -> None:
    contact = org.schema.get("Contact")
    page = first(org)
    ids = [
        row["Id"]
        for row in first(org, "SELECT Id FROM Contact WHERE LastName IN ('2000','2001') ORDER BY Id")["records"]
    ]
    org.update(contact, ids[0], {"LastName": "changed"})
    org.delete(contact, ids[1])
    org.create(contact, {"LastName": "new"})
    more = pages(org, page)
    assert last_names(*more)[2_000:2_002] == ["changed", "2002"]
    assert "new" not in last_names(*more)
    assert [len(one["records"]) for one in more] == [2_000, 1_999, 500]
    assert more[1]["totalSize"] == 4_500


def test_query_all_goes_on_with_deleted_rows(org: Org) -> None:
    (last,) = first(org, "SELECT Id FROM Contact WHERE LastName = '4499'")["records"]
    org.delete(org.schema.get("Contact"), last["Id"])
    assert last_names(*pages(org, first(org)))[-1] == "4498"
    assert last_names(*pages(org, first(org, all_rows=True)))[-1] == "4499"


def refusal(org: Org, locator: str) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        query_more(org, locator, Request(method="GET", path=f"/services/data/v60.0/query/{locator}"))
    return caught.value.status, caught.value.code


def locator(page: dict[str, Any]) -> str:
    return str(page["nextRecordsUrl"]).rpartition("/")[2]


def test_a_locator_ends_after_two_days(org: Org, clock: ManualClock) -> None:
    page = first(org)
    clock.advance(172_799)
    assert len(following(org, page)["records"]) == 2_000
    clock.advance(1)
    assert refusal(org, locator(page)) == (400, "INVALID_QUERY_LOCATOR")


def test_a_locator_can_be_made_to_end_at_once(org: Org) -> None:
    page = first(org)
    org.options = Options(locator_seconds=0)
    assert refusal(org, locator(page)) == (400, "INVALID_QUERY_LOCATOR")


def test_a_user_has_ten_open_queries(org: Org) -> None:
    oldest, second, *_ = [first(org, f"{ALL} LIMIT 2001") for _ in range(11)]
    assert refusal(org, locator(oldest)) == (400, "INVALID_QUERY_LOCATOR")
    assert len(following(org, second)["records"]) == 1


@pytest.mark.parametrize("wrong", ["x", "01gD0000002HU6KIAW-2000", "01gD0000002HU6KIAW"])
def test_a_locator_that_leads_nowhere_is_refused(org: Org, wrong: str) -> None:
    assert refusal(org, wrong) == (400, "INVALID_QUERY_LOCATOR")
    assert refusal(org, locator(first(org)).replace("-2000", "-4500")) == (400, "INVALID_QUERY_LOCATOR")
