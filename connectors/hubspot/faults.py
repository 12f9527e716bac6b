"""What HubSpot's refusals mean: one status and body in, the fault that says what happens next out. Sends
nothing.

The table is section 10 of the vendor contract; the two shapes of 403 and of a duplicate are in sections 2 and
4. HubSpot's own words can hold field values, so they go into receipts only and never into an exception's
message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from syncd.errors import ConnectionStop, CredentialsRefused, Parked, Unreachable
from syncd.net.faults import Fault, TransientFault, parse_retry_after

#: Seconds to wait where HubSpot names none, by policyName.
_WAITS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
_LOCKED_SECONDS = 2.0
_MOVING_SECONDS = 3600.0
_DAY = 86_400.0
_TRANSIENT = {408, 500, 502, 503, 504, 521, 523, 524}
_PERMISSION = re.compile(r"SCOPE|PERMISSION|FORBIDDEN|AUTHENTICATION|AUTHORIZATION", re.IGNORECASE)
_HALF = re.compile("[\ud800-\udfff]")


class Refused(Exception):
    """HubSpot understood the request and said no: 400, 404, 409, 414 and kin. Never leaves the connector."""

    def __init__(self, status: int, body: Mapping[str, Any], where: str) -> None:
        self.status = status
        self.body = body
        category = body.get("category") or body.get("errorType") or "no category"
        super().__init__(f"{where}: HubSpot refused with {status} ({category}){_trace(body)}")


class Locked(TransientFault):
    """A 423: someone else works on the record. Nothing was done; whoever gives up makes it a Refused."""

    def __init__(self, message: str, *, body: Mapping[str, Any], retry_after: float) -> None:
        self.body = body
        super().__init__(message, retry_after=retry_after, sent=False)


class TokenRefused(Fault):
    """A 401: a new token may help, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRefusal:
    """What a 429 says: how long, and whether only searches are meant. ``daily``: the day's allowance is used
    up.
    """

    wait_seconds: float
    searches_only: bool
    daily: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFault:
    """Why one record of a batch was refused."""

    message: str
    final: bool  #: about the record itself; else something went wrong in HubSpot, and nothing was decided
    gone: bool = False
    existing_id: str = ""  #: the record that has the value already
    taken: str = ""  #: the property whose value it has
    fields: Mapping[str, str] = field(default_factory=dict)  #: property → HubSpot's words
    for_all: bool = False  #: the fields are wrong whatever the value: unknown or read-only


def parse_body(body: bytes) -> dict[str, Any] | None:
    """Given an answer's body, return its JSON object; {} for an empty one, None when it is anything else (a
    proxy's page).
    """
    if not body.strip():
        return {}
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = _with_halves(body)
    return data if isinstance(data, dict) else None


def _with_halves(body: bytes) -> Any:
    """JSON in which texts hold half a surrogate pair, which orjson refuses, without these texts; None when it is no
    JSON.
    """
    if b"\\ud" not in body.lower():
        return None
    try:
        return _whole(json.loads(body.decode(), parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _whole(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _whole(value) for name, value in data.items() if not (_is_half(name) or _is_half(value))}
    if isinstance(data, list):
        return [_whole(value) for value in data if not _is_half(value)]
    return data


def _is_half(value: Any) -> bool:
    return isinstance(value, str) and _HALF.search(value) is not None


def rate_refusal(body: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> RateRefusal:
    """Given a 429, return what it asks for. Retry-After is honoured where it is present (it often is not)."""
    policy = str(body.get("policyName") or "")
    words = str(body.get("message") or "").lower()
    if not policy:
        named = {"ten_secondly": "TEN_SECONDLY_ROLLING", "secondly": "SECONDLY", "daily": "DAILY"}
        policy = next((name for word, name in named.items() if word in words), "")
    hint = parse_retry_after(headers.get("retry-after"), now)
    return RateRefusal(
        wait_seconds=_WAITS.get(policy, 10.0) if hint is None else hint,
        searches_only=policy == "SECONDLY",
        daily=policy == "DAILY",
    )


def until_midnight(now: datetime, time_zone: str | None) -> float:
    """Seconds until the account's day ends, when daily limits are reset; an hour when its time zone is not
    known.
    """
    try:
        local = now.astimezone(ZoneInfo(time_zone or ""))
    except (ValueError, OSError, KeyError):
        return 3600.0
    tomorrow = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1.0, (tomorrow - now).total_seconds())


def raise_for(status: int, headers: Mapping[str, str], body: bytes, *, where: str, now: datetime) -> dict[str, Any]:
    """Given an answer that is no 429, return its JSON object if it is a success; else raise what happens
    next.

    Raises TransientFault, TokenRefused, Refused or a ConnectionStop. ``where`` names the request. A 404 is Refused
    only in HubSpot's own form: pages of proxies prove nothing of a record.
    """
    data = parse_body(body)
    if 200 <= status < 300:
        if data is None:
            raise TransientFault(f"{where}: answered {status} with something that is no JSON object", sent=True)
        return data
    told = data or {}
    hint = parse_retry_after(headers.get("retry-after"), now)
    if status in _TRANSIENT or status >= 500:
        raise TransientFault(f"{where}: HubSpot answered {status}{_trace(told)}", retry_after=hint, sent=True)
    match status:
        case 401:
            raise TokenRefused(f"{where}: HubSpot answered 401 ({told.get('category', 'no category')})")
        case 403 if _tells_of_permission(told):
            raise CredentialsRefused(_missing_scopes(told, where))
        case 403:
            words = f"{where}: answered 403 without a word of a permission; does a proxy or firewall block it?"
            raise TransientFault(words, retry_after=hint, sent=True)
        case 404 if not _is_hubspots(told):
            words = f"{where}: answered 404, not in HubSpot's form; does base_url lead to HubSpot, or a proxy answer?"
            raise TransientFault(words, retry_after=hint, sent=True)
        case 423:
            seconds = max(_LOCKED_SECONDS, hint or 0.0)
            raise Locked(f"{where}: the record is locked (423)", body=told, retry_after=seconds)
        case 477:
            seconds = min(_DAY, hint if hint is not None else _MOVING_SECONDS)
            raise Parked(
                f"HubSpot is moving this account to another data centre (477); syncd comes back in {seconds:.0f} s",
                seconds=seconds,
            )
        case _ if 300 <= status < 400:
            raise Unreachable(
                f"{where}: answered with a redirect ({status}), which is not followed because the request "
                "bears credentials; "
                "check base_url"
            )
        case _:
            raise Refused(status, told, where)


def credentials_refused(where: str) -> CredentialsRefused:
    """What a 401 means once no new token can help."""
    return CredentialsRefused(
        f"{where}: HubSpot does not accept the credentials (401); check that the access token is complete, "
        "was not rotated "
        "or revoked, and belongs to an active user"
    )


def _is_hubspots(body: Mapping[str, Any]) -> bool:
    """Whether a refusal is HubSpot's. A 404 may lack the category, and each of the others is said to be optional."""
    return body.get("status") == "error" or bool(body.get("category") or body.get("correlationId"))


def _tells_of_permission(body: Mapping[str, Any]) -> bool:
    category = str(body.get("category") or body.get("errorType") or "")
    return bool(_scopes(body)) or _PERMISSION.search(category) is not None


def _scopes(body: Mapping[str, Any]) -> list[str]:
    contexts = [
        body.get("context"),
        *(one.get("context") for one in body.get("errors") or () if isinstance(one, dict)),
    ]
    return sorted(
        str(scope)
        for context in contexts
        if isinstance(context, dict)
        for key in ("requiredScopes", "requiredGranularScopes")
        for scope in context.get(key) or ()
    )


def _missing_scopes(body: Mapping[str, Any], where: str) -> str:
    scopes = _scopes(body)
    named = f" {', '.join(scopes)}" if scopes else "s crm.objects.contacts.read and crm.objects.contacts.write"
    return f"{where}: HubSpot says that a permission is missing (403); grant the scope{named} to the app or service key"


def _trace(body: Mapping[str, Any]) -> str:
    found = str(body.get("correlationId") or "")
    return f", correlation id {found}" if re.fullmatch(r"[0-9A-Za-z-]{8,64}", found) else ""


def not_understood(where: str, error: Exception) -> ConnectionStop:
    """For a read that HubSpot refused, or whose answer is JSON but not of HubSpot's shape."""
    if isinstance(error, Refused):
        return Unreachable(f"{error}; nothing was changed. Try again, and report it if it stays")
    return Unreachable(
        f"{where}: the answer has a shape that syncd does not know ({type(error).__name__}); does base_url "
        "lead to HubSpot?"
    )


# ---- what is wrong with one record -------------------------------------------------------------------------

_EXISTING = re.compile(r"Existing ID:\s*(\d+)")
_HELD_BY = re.compile(
    r"propertyName=(?P<field>\w+),.*\bon (?P<half>\d+)\. (?P<owner>\d+) already has that value", re.DOTALL
)
_WRONG_WHATEVER = {"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"}
#: Categories that speak of the record itself, so that sending it again changes nothing.
_FINAL = {
    "VALIDATION_ERROR",
    "CONFLICT",
    "OBJECT_NOT_FOUND",
    "OBJECT_ALREADY_EXISTS",
    "PROPERTY_DOESNT_EXIST",
    "READ_ONLY_VALUE",
}


def item_fault(error: Mapping[str, Any]) -> ItemFault:
    """Given an error envelope (of a whole answer or of one record in a batch), return what it says of the
    record.
    """
    words = str(error.get("message") or error.get("category") or "refused without a reason")
    context = error.get("context")
    context = context if isinstance(context, dict) else {}
    existing, taken = _existing(words, context)
    fields, codes = _named_fields(error, words)
    return ItemFault(
        message=words,
        final=error.get("category") in _FINAL or bool(existing or fields),
        gone=error.get("category") == "OBJECT_NOT_FOUND" and not existing,
        existing_id=existing,
        taken=taken,
        fields={} if existing else fields,
        for_all=bool(codes) and codes <= _WRONG_WHATEVER,
    )


def ids_of(error: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The ids that an error's context lists under ``key``: "ids" or "objectWriteTraceId"."""
    context = error.get("context")
    listed = context.get(key) if isinstance(context, dict) else None
    if isinstance(listed, str):
        return (listed,)
    return tuple(str(one) for one in listed) if isinstance(listed, Sequence) else ()


def _existing(words: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Id of the record that has the value, and the property. "", "" when this is about something else.

    Of the 400 shape the *second* number owns the value; the first is a record that never came to be (section 4). The
    other shape names no property: of contacts it is the e-mail address.
    """
    if held := _HELD_BY.search(words):
        return held["owner"], held["field"]
    listed = context.get("existingId")
    if isinstance(listed, list) and listed:
        return str(listed[0]), "email"
    found = _EXISTING.search(words)
    return (found[1], "email") if found else ("", "")


def _named_fields(error: Mapping[str, Any], words: str) -> tuple[dict[str, str], set[str]]:
    """Properties that the answer blames, from ``errors`` and from the JSON array inside the message, with
    their codes.
    """
    fields: dict[str, str] = {}
    codes: set[str] = set()
    for one in error.get("errors") or ():
        if isinstance(one, dict):
            for name in ids_of(one, "propertyName"):
                fields[name] = str(one.get("message") or one.get("code") or "refused")
                codes.add(str(one.get("code") or ""))
    start = words.find("[{")
    if start >= 0 and "Property values were not valid" in words:
        try:
            listed, _ = json.JSONDecoder().raw_decode(words[start:])
        except ValueError:
            listed = []
        for one in listed:
            if isinstance(one, dict) and one.get("name"):
                fields[str(one["name"])] = str(one.get("message") or one.get("error") or "refused")
                codes.add(str(one.get("error") or ""))
    own = ids_of(error, "propertyName")
    for name in own:
        fields.setdefault(name, words)
        codes.add(str(error.get("code") or ""))
    return fields, codes
