"""Who may call, and whose account it is: tokens, OAuth refresh, account details (contract, sections 1, 2).

What a token may do is decided where the work is done, by ``Call.need``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from syncd.sandbox.hubspot.calls import Answer, Call
from syncd.sandbox.hubspot.errors import Refused, expired, not_found, unauthenticated
from syncd.sandbox.hubspot.limits import Quota
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.hubspot.values import iso

SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
)


class Tokens:
    """Tokens that open the account: one that stays, and those given out by the refresh."""

    def __init__(self, portal: Portal, token: str) -> None:
        self._portal = portal
        self._fixed: str | None = token
        self._given: dict[str, int] = {}

    def check(self, header: str) -> None:
        """Raise Refused (401) unless the Authorization header holds a good token."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated()
        if token == self._fixed:
            return
        end = self._given.get(token)
        if end is None:
            raise unauthenticated()
        now = self._portal.now()
        if now >= end:
            raise expired((now - end) // 1000, iso(end))

    def refresh(self, call: Call) -> Answer:
        """``POST /oauth/…/token``: a form, never JSON and never the query."""
        options = self._portal.options
        form = dict(parse_qsl(call.request.body.decode("utf-8", "replace")))
        kind = call.request.headers.get("content-type", "")
        if not kind.startswith("application/x-www-form-urlencoded") or form.get("grant_type") != "refresh_token":
            raise _denied("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant type")
        if (form.get("client_id"), form.get("client_secret")) != (options.client_id, options.client_secret):
            raise _denied("invalid_client", "BAD_CLIENT_ID", "missing or invalid client id or secret")
        if form.get("refresh_token") != options.refresh_token:
            raise _denied("invalid_grant", "BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked")
        self._portal.token_serial += 1
        token = f"sandbox-access-{self._portal.token_serial}"
        self._given[token] = self._portal.now() + options.expires_in * 1000
        body = {
            "token_type": "bearer",
            "access_token": token,
            "refresh_token": options.refresh_token,
            "expires_in": options.expires_in,
            "hub_id": self._portal.portal_id,
            "user_id": 9,
            "scopes": [scope for scope in SCOPES if scope not in options.missing_scopes],
            "token_use": "access_token",
            "id_token": None,
        }
        return Answer(200, body)

    def expire(self) -> None:
        """Every token that was given out by the refresh ends now."""
        now = self._portal.now()
        self._given = {token: min(end, now) for token, end in self._given.items()}

    def replace(self, token: str | None) -> None:
        """Rotate the token that stays; None leaves only refreshed ones."""
        self._fixed = token

    def moved_to(self, portal: Portal) -> Tokens:
        """The same tokens for another portal's time."""
        moved = Tokens(portal, "")
        moved._fixed = self._fixed
        return moved

    def export(self) -> dict[str, Any]:
        """JSON-able."""
        return {"given": self._given, "serial": self._portal.token_serial}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what ``export`` gave."""
        self._given = dict(data["given"])
        self._portal.token_serial = data["serial"]


def _denied(error: str, status: str, text: str) -> Refused:
    refused = Refused(400, text)
    refused.whole = {"error": error, "error_description": text, "status": status, "message": text}
    return refused


def details(portal: Portal, quota: Quota, call: Call) -> Answer:
    """``GET /account-info/…``. Raises Refused."""
    if call.method != "GET":
        raise not_found()
    midnight = quota.resets()
    match call.parts:
        case ("details",):
            offset = midnight.utcoffset()
            seconds = int(offset.total_seconds()) if offset else 0
            sign, hours = "-" if seconds < 0 else "+", abs(seconds) // 3600
            body = {
                "portalId": portal.portal_id,
                "accountType": "STANDARD",
                "timeZone": portal.options.time_zone,
                "companyCurrency": "USD",
                "additionalCurrencies": [],
                "utcOffset": f"{sign}{hours:02}:{abs(seconds) // 60 % 60:02}",
                "utcOffsetMilliseconds": seconds * 1000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
            return Answer(200, body)
        case ("api-usage", "daily", "private-apps"):
            usage = {
                "name": "private-apps-api-calls-daily",
                "usageLimit": quota.daily,
                "currentUsage": quota.used_today,
                "collectedAt": iso(portal.now()),
                "fetchStatus": "SUCCESS",
                "resetsAt": midnight.isoformat(),
            }
            return Answer(200, {"results": [usage]})
    raise not_found()
