"""Tokens, scopes and rate limits of the HubSpot model, and how they are told (contract, sections 2, 10)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.hubspot.direct import CONTACTS, Direct
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.wire import Request, Response

TOKEN_PATHS = ("/oauth/2026-09/token", "/oauth/2026-03/token", "/oauth/v1/token")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hubspot(clock: ManualClock) -> HubSpot:
    return HubSpot(clock)


@pytest.fixture
def api(hubspot: HubSpot) -> Direct:
    return Direct(hubspot)


def search(api: Direct) -> Response:
    return api.post(f"{CONTACTS}/search", {})


def test_a_request_fits_again_when_the_oldest_is_ten_seconds_old(api: Direct, clock: ManualClock) -> None:
    for _ in range(100):
        assert api.get(CONTACTS).status == 200
        clock.advance(0.0625)  # exact, so that the hundred take 6.25 s
    refused = api.get(CONTACTS)
    assert refused.status == 429
    assert refused.json() == {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": refused.json()["correlationId"],
        "policyName": "TEN_SECONDLY_ROLLING",
        "groupName": "publicapi:hapikey-api-calls-ten-secondly:62515",
    }
    assert "Retry-After" not in refused.headers
    assert refused.headers["X-HubSpot-RateLimit-Remaining"] == "0"
    clock.advance(3.6875)
    assert api.get(CONTACTS).status == 429
    clock.advance(0.0625)
    assert api.get(CONTACTS).status == 200
    assert api.get(CONTACTS).status == 429


def test_headers_tell_what_is_left(api: Direct) -> None:
    api.get(CONTACTS)
    headers = api.get(f"{CONTACTS}/999").headers
    assert {name: value for name, value in headers.items() if "RateLimit" in name} == {
        "X-HubSpot-RateLimit-Daily": "250000",
        "X-HubSpot-RateLimit-Daily-Remaining": "249998",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Max": "100",
        "X-HubSpot-RateLimit-Remaining": "98",
        "X-HubSpot-RateLimit-Secondly": "10",
        "X-HubSpot-RateLimit-Secondly-Remaining": "10",
    }


def test_searches_have_a_limit_of_their_own_and_no_headers(api: Direct, clock: ManualClock) -> None:
    for _ in range(5):
        answer = search(api)
        assert answer.status == 200
        assert not [name for name in answer.headers if "RateLimit" in name]
    refused = search(api)
    assert refused.status == 429
    assert refused.json()["policyName"] == "SECONDLY"
    assert refused.json()["message"] == "You have reached your secondly limit."
    assert not [name for name in refused.headers if "RateLimit" in name]
    assert api.get(CONTACTS).headers["X-HubSpot-RateLimit-Remaining"] == "99"
    clock.advance(1)
    assert search(api).status == 200


def test_searches_may_count_in_the_burst_too(api: Direct, hubspot: HubSpot) -> None:
    hubspot.set_options(Options(search_in_burst=True, burst=110))
    search(api)
    assert api.get(CONTACTS).headers["X-HubSpot-RateLimit-Remaining"] == "108"


def test_the_day_ends_at_midnight_of_the_account(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    hubspot.set_options(Options(daily=2, retry_after=True))
    assert [api.get(CONTACTS).status for _ in range(3)] == [200, 200, 429]
    assert search(api).json()["policyName"] == "DAILY"
    refused = api.get(CONTACTS)
    assert refused.json()["message"] == "You have reached your daily limit."
    assert refused.headers["Retry-After"] == str(15 * 3600)  # 14:00 UTC is 09:00 in the East
    clock.advance(15 * 3600 - 1)
    assert api.get(CONTACTS).status == 429
    clock.advance(1)
    assert api.get(CONTACTS).status == 200


def test_429_may_carry_retry_after_and_a_category(api: Direct, hubspot: HubSpot, clock: ManualClock) -> None:
    hubspot.set_options(Options(retry_after=True, rate_category=True))
    hubspot.quota.spend(100)
    clock.advance(3.5)
    refused = api.get(CONTACTS)
    assert refused.headers["Retry-After"] == "7"
    assert refused.json()["category"] == "RATE_LIMITS"
    assert "errorType" not in refused.json()


def test_limits_scale(clock: ManualClock) -> None:
    api = Direct(HubSpot(clock, limit_scale=3, options=Options(burst=190)))
    assert api.get(CONTACTS).headers["X-HubSpot-RateLimit-Max"] == "570"
    assert [search(api).status for _ in range(16)] == [200] * 15 + [429]


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Bearer", "Basic pat-sandbox"])
def test_a_wrong_token_is_401(hubspot: HubSpot, header: str) -> None:
    answer = hubspot.handle(Request(method="GET", path=CONTACTS, headers={"authorization": header}))
    assert answer.status == 401
    assert answer.json() == {
        "status": "error",
        "message": "Authentication credentials not found. This API supports OAuth 2.0 authentication and you "
        "can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "correlationId": answer.json()["correlationId"],
        "category": "INVALID_AUTHENTICATION",
    }
    assert not [name for name in answer.headers if "RateLimit" in name]


def refresh(hubspot: HubSpot, path: str = TOKEN_PATHS[0], **changes: str) -> Response:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "sandbox-refresh",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    } | changes
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return hubspot.handle(Request(method="POST", path=path, headers=headers, body=urlencode(form).encode()))


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_a_refresh_gives_a_token_that_ends(hubspot: HubSpot, clock: ManualClock, path: str) -> None:
    answer = refresh(hubspot, path)
    assert answer.status == 200
    body = answer.json()
    assert body["expires_in"] == 1800
    assert body["hub_id"] == 62515
    assert body["refresh_token"] == "sandbox-refresh"
    assert not [name for name in answer.headers if "RateLimit" in name]
    caller = Direct(hubspot, body["access_token"])
    clock.advance(1799)
    assert caller.get(CONTACTS).status == 200
    clock.advance(76)
    ended = caller.get(CONTACTS)
    assert ended.status == 401
    assert ended.json()["category"] == "EXPIRED_AUTHENTICATION"
    assert ended.json()["message"] == "The OAuth token used to make this call expired 75 second(s) ago."
    assert ended.json()["context"] == {"expire time": ["2026-03-02T14:30:00Z"]}
    assert Direct(hubspot, refresh(hubspot).json()["access_token"]).get(CONTACTS).status == 200


def test_tokens_can_end_in_the_middle_of_a_run(hubspot: HubSpot) -> None:
    caller = Direct(hubspot, refresh(hubspot).json()["access_token"])
    assert caller.get(CONTACTS).status == 200
    hubspot.tokens.expire()
    assert caller.get(CONTACTS).json()["category"] == "EXPIRED_AUTHENTICATION"
    hubspot.tokens.replace("pat-new")
    assert Direct(hubspot).get(CONTACTS).status == 401
    assert Direct(hubspot, "pat-new").get(CONTACTS).status == 200


def test_a_refresh_that_fails_has_both_shapes_in_one(hubspot: HubSpot) -> None:
    answer = refresh(hubspot, refresh_token="old")
    assert answer.status == 400
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "refresh token is invalid, expired or revoked",
        "status": "BAD_REFRESH_TOKEN",
        "message": "refresh token is invalid, expired or revoked",
    }
    assert refresh(hubspot, client_secret="wrong").status == 400


def test_a_refresh_in_json_is_refused(hubspot: HubSpot) -> None:
    answer = hubspot.handle(
        Request(
            method="POST",
            path=TOKEN_PATHS[0],
            headers={"content-type": "application/json"},
            body=b'{"grant_type":"refresh_token"}',
        )
    )
    assert answer.status == 400


def test_a_missing_scope_is_403_in_two_shapes(api: Direct, hubspot: HubSpot) -> None:
    hubspot.set_options(Options(missing_scopes=("crm.objects.contacts.write",)))
    refused = api.post(CONTACTS, {"properties": {"firstname": "A"}})
    assert refused.status == 403
    assert refused.json() == {
        "status": "error",
        "message": "This app hasn't been granted all required scopes to make this call. Read more about "
        "required scopes here: https://developers.hubspot.com/scopes.",
        "correlationId": refused.json()["correlationId"],
        "errors": [
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredScopes": ["crm.objects.contacts.write"]},
            }
        ],
        "links": {"scopes": "https://developers.hubspot.com/scopes"},
        "category": "MISSING_SCOPES",
    }
    hubspot.set_options(Options(missing_scopes=("crm.objects.contacts.write",), granular_scope_error=True))
    other = api.delete(f"{CONTACTS}/1").json()
    assert other["context"] == {
        "requiredGranularScopes": ["crm.objects.contacts.write"],
        "links": ["https://developers.hubspot.com/scopes"],
    }
    assert other["message"] == "One or more of the following scopes are required."


@pytest.mark.parametrize(("scope", "method", "path"), [
    ("crm.objects.contacts.read", "GET", CONTACTS),
    ("crm.objects.contacts.read", "POST", f"{CONTACTS}/search"),
    ("crm.objects.contacts.read", "POST", f"{CONTACTS}/batch/read"),
    ("crm.objects.contacts.read", "GET", "/crm/v3/properties/contacts"),
    ("crm.objects.contacts.read", "GET", "/crm/v3/objects/calls"),
    ("crm.objects.contacts.write", "POST", f"{CONTACTS}/batch/upsert"),
    ("crm.objects.deals.read", "GET", "/crm/v3/pipelines/deals"),
    ("crm.objects.deals.write", "PATCH", "/crm/v3/objects/deals/1"),
    ("crm.schemas.contacts.write", "POST", "/crm/v3/properties/contacts"),
])  # fmt: skip
def test_each_endpoint_needs_its_scope(api: Direct, hubspot: HubSpot, scope: str, method: str, path: str) -> None:
    assert api.send(method, path).status != 403
    hubspot.set_options(Options(missing_scopes=(scope,)))
    assert api.send(method, path).status == 403


def test_account_details_tell_the_portal_and_its_zone(api: Direct) -> None:
    for path in ("/account-info/v3/details", "/account-info/2026-09/details"):
        found = api.get(path).json()
        assert (found["portalId"], found["timeZone"], found["utcOffset"]) == (62515, "US/Eastern", "-05:00")
    (usage,) = api.get("/account-info/v3/api-usage/daily/private-apps").json()["results"]
    assert (usage["usageLimit"], usage["currentUsage"]) == (250_000, 3)
