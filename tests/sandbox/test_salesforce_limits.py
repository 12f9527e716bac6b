"""Limits of the Salesforce model: requests in 24 hours, long addresses, /limits/ (contract, sections 6 and 7)."""

from __future__ import annotations

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.direct import Direct
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options

INFO = "Sforce-Limit-Info"


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce(ManualClock(), options=Options(daily_limit=5, session_seconds=200_000))


@pytest.fixture
def api(salesforce: Salesforce) -> Direct:
    return Direct(salesforce)


def test_every_api_answer_tells_the_usage_also_of_errors(api: Direct) -> None:
    assert api.get("limits/").headers[INFO] == "api-usage=1/5"
    assert api.get("nothing").headers[INFO] == "api-usage=2/5"
    assert api.post("composite/sobjects", {"records": []}).headers[INFO] == "api-usage=3/5"


def test_calls_without_a_session_use_nothing(salesforce: Salesforce, api: Direct) -> None:
    api.token = "wrong"
    assert INFO not in api.get("limits/").headers
    assert salesforce.usage.used == 0


def test_beyond_the_limit_nothing_goes_until_the_oldest_requests_are_a_day_old(
    salesforce: Salesforce, api: Direct
) -> None:
    for _ in range(4):
        api.get("limits/")
        salesforce.clock.advance(3_600)
    assert api.get("limits/").status == 200
    refused = api.post("sobjects/Contact", {"LastName": "Li"})
    assert refused.status == 403
    assert refused.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert refused.headers[INFO] == "api-usage=5/5"
    assert salesforce.records() == []
    salesforce.clock.advance(20 * 3_600)
    assert api.get("limits/").headers[INFO] == "api-usage=5/5"
    assert api.get("limits/").status == 403


def test_other_programs_use_the_same_requests(salesforce: Salesforce, api: Direct) -> None:
    salesforce.usage.spend(4)
    assert api.get("limits/").json()["DailyApiRequests"] == {"Max": 5, "Remaining": 0}
    assert api.get("limits/").status == 403
    salesforce.set_options(Options(daily_limit=7))
    assert api.get("limits/").headers[INFO] == "api-usage=6/7"


@pytest.mark.parametrize(("limit", "statuses"), [(0, [403, 403]), (1, [200, 403])])
def test_small_limits_are_kept_exactly(salesforce: Salesforce, api: Direct, limit: int, statuses: list[int]) -> None:
    salesforce.set_options(Options(daily_limit=limit))
    assert [api.get("limits/").status for _ in range(2)] == statuses


def test_limits_may_be_forbidden_to_the_user(salesforce: Salesforce, api: Direct) -> None:
    salesforce.set_options(Options(limits_forbidden=True))
    answer = api.get("limits/")
    assert (answer.status, answer.headers[INFO]) == (403, "api-usage=1/100000")
    assert answer.json()[0]["errorCode"] != "REQUEST_LIMIT_EXCEEDED"


def test_an_address_beyond_sixteen_kilobytes_is_refused(api: Direct) -> None:
    head = len("/services/data/v62.0/query?q=")
    assert api.get("query?q=" + "x" * (16_384 - head)).status == 400
    answer = api.get("query?q=" + "x" * (16_385 - head))
    assert answer.status == 414
    assert INFO not in answer.headers


def test_what_was_used_is_kept_with_the_state(salesforce: Salesforce, api: Direct) -> None:
    api.get("limits/")
    saved = salesforce.export()
    salesforce.load(Salesforce(salesforce.clock).export())
    assert salesforce.usage.used == 0
    salesforce.load(saved)
    assert api.get("limits/").headers[INFO] == "api-usage=2/5"
