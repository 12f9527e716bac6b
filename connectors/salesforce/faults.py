"""What Salesforce's refusals mean: one status and body in, the fault that says what happens next out. Sends nothing.

The table is section 6 of the vendor contract. Only codes decide: messages are localised to the user's language, and
they can hold field values, so they go into receipts and never into an exception's message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from syncd.errors import ConnectionStop, CredentialsRefused, Parked, Unreachable
from syncd.net.faults import Fault as NetFault
from syncd.net.faults import Throttled, TransientFault, parse_retry_after

#: How long the org is left alone, in seconds: section 6 asks for 15 minutes. A little more, so that a caller that waits
#: for the budget is told so at once and does not wait it out (the desk's patience is 15 minutes).
PAUSE_SECONDS = 1200.0
CONCURRENT_SECONDS = 5.0  #: how long nothing more is sent when too many calls run at once
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,79}", re.ASCII)
#: Part of names, not of a sentence, and so not localised: "ConcurrentRequests", "ConcurrentPerOrgLongTxn".
_CONCURRENT = re.compile(r"\bConcurrent")


class Next(StrEnum):
    """What happens next after an error code."""

    RENEW = "renew"  #: a new token, once
    PARK = "park"  #: leave the whole org alone for a while
    WAIT = "wait"  #: too many calls at once: seconds
    LOCKED = "locked"  #: nothing was done; the same again, jittered
    SMALLER = "smaller"  #: ask for less at a time
    LATER = "later"  #: Salesforce's own fault; whether anything was done is not known
    NOT_NOW = "not_now"  #: the org takes no writes at the moment, whatever they are; nothing was done
    STOP = "stop"  #: nothing works until an administrator has acted
    DESCRIBE = "describe"  #: a field is unknown (now): look at the schema again
    REFUSED = "refused"  #: the record or the fields that are named, for good
    EXISTS = "exists"  #: another record has the key, or a duplicate rule found one
    GONE = "gone"  #: the record does not exist (any more), or is not shown to us
    STALE = "stale"  #: the record is no longer what was expected
    BUG = "bug"  #: Salesforce did not understand the request


_NEXT = {
    "INVALID_SESSION_ID": Next.RENEW,
    "INVALID_AUTH_HEADER": Next.RENEW,
    "REQUEST_LIMIT_EXCEEDED": Next.PARK,  # see next_for: it also says that too many calls run at once
    "API_CURRENTLY_DISABLED": Next.PARK,
    "UNABLE_TO_LOCK_ROW": Next.LOCKED,
    "QUERY_TIMEOUT": Next.SMALLER,
    "OPERATION_TOO_LARGE": Next.SMALLER,
    "EXCEEDED_ID_LIMIT": Next.SMALLER,
    "INVALID_QUERY_LOCATOR": Next.LATER,
    "SERVER_UNAVAILABLE": Next.LATER,
    "UNKNOWN_EXCEPTION": Next.LATER,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Next.LATER,
    # Not in section 6, and no fault of the record: the org is being maintained or busy.
    "INVALID_READ_ONLY_USER_DML": Next.NOT_NOW,
    "PROCESSING_HALTED": Next.NOT_NOW,
    "REQUEST_RUNNING_TOO_LONG": Next.NOT_NOW,
    "TOO_MANY_APEX_REQUESTS": Next.NOT_NOW,
    "API_DISABLED_FOR_ORG": Next.STOP,
    "STORAGE_LIMIT_EXCEEDED": Next.STOP,
    "UNSUPPORTED_API_VERSION": Next.STOP,
    "INVALID_FIELD": Next.DESCRIBE,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Next.REFUSED,
    "REQUIRED_FIELD_MISSING": Next.REFUSED,
    "STRING_TOO_LONG": Next.REFUSED,
    "INVALID_EMAIL_ADDRESS": Next.REFUSED,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Next.REFUSED,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Next.REFUSED,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Next.REFUSED,  # see next_for: a trigger may wrap a lock
    "INSUFFICIENT_ACCESS_OR_READONLY": Next.REFUSED,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Next.REFUSED,
    "DUPLICATES_DETECTED": Next.EXISTS,
    "DUPLICATE_VALUE": Next.EXISTS,
    "ENTITY_IS_DELETED": Next.GONE,
    "NOT_FOUND": Next.GONE,
    "INVALID_CROSS_REFERENCE_KEY": Next.GONE,
    "MALFORMED_ID": Next.REFUSED,  # proves nothing of a record: the id was never one
    "CANNOT_UPDATE_CONVERTED_LEAD": Next.STALE,
    "MALFORMED_QUERY": Next.BUG,
    "INVALID_TYPE": Next.BUG,
    "JSON_PARSER_ERROR": Next.BUG,
    "INVALID_REPLICATION_DATE": Next.BUG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One error entry of an answer or of a record in it."""

    code: str  #: ``errorCode`` at the top, ``statusCode`` in a record's result (section 4.3)
    message: str = ""  #: Salesforce's words; may hold field values
    fields: tuple[str, ...] = ()  #: API names that it blames
    duplicates: tuple[str, ...] = ()  #: ids that a duplicate rule found

    @property
    def next(self) -> Next:
        return next_for(self.code, self.message)


class TokenRefused(NetFault):
    """A 401: a new token may help, once."""


class Refused(Exception):
    """Salesforce understood the request and said no. Never leaves the connector.

    ``status``: also 300 (an upsert met several records), 304 (unchanged since) and 412 (changed since), which bear no
    faults.
    """

    def __init__(self, status: int, faults: tuple[Fault, ...], where: str) -> None:
        self.status = status
        self.faults = faults
        super().__init__(f"{where}: Salesforce refused with {status} ({codes(faults)})")

    @property
    def next(self) -> Next:
        """What the first fault asks for; STALE for a 412."""
        if self.status == 412:
            return Next.STALE
        return self.faults[0].next if self.faults else Next.BUG


class Passing(TransientFault):
    """A refusal that passes: a row lock, a query that ran too long. Nothing was done; whoever gives up makes it
    ``refused``.
    """

    def __init__(self, refused: Refused, *, retry_after: float | None) -> None:
        self.refused = refused
        super().__init__(str(refused), retry_after=retry_after, sent=False)


def next_for(code: str, message: str = "") -> Next:
    """Given an error code, return what happens next. REFUSED for codes that section 6 does not name.

    ``message`` is looked at for words that are themselves codes, in the two cases where the code alone does not decide.
    """
    found = _NEXT.get(code, Next.REFUSED)
    if code == "REQUEST_LIMIT_EXCEEDED" and _CONCURRENT.search(message):
        return Next.WAIT
    if code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" and "UNABLE_TO_LOCK_ROW" in message:
        return Next.LOCKED
    return found


def parse_faults(data: Any) -> tuple[Fault, ...]:
    """Given decoded JSON of a refusal (a list, or a dict as some answers are) or of a record's ``errors``, return its
    entries; () for anything else.
    """
    entries = data if isinstance(data, list) else [data]
    return tuple(_fault(entry, code) for entry in entries if isinstance(entry, dict) and (code := _code(entry)))


def codes(faults: Sequence[Fault]) -> str:
    """The codes for a message, "no code" when there are none."""
    return ", ".join(dict.fromkeys(fault.code for fault in faults)) or "no code"


def _code(entry: Mapping[str, Any]) -> str:
    """The entry's code if it has a code's shape: only then can it neither be a secret nor a value."""
    word = entry.get("errorCode") or entry.get("statusCode")
    return word if isinstance(word, str) and _CODE.fullmatch(word) else ""


def _fault(entry: Mapping[str, Any], code: str) -> Fault:
    fields = entry.get("fields")
    return Fault(
        code=code,
        message=str(entry.get("message") or code),
        fields=tuple(name for name in fields if isinstance(name, str)) if isinstance(fields, list) else (),
        duplicates=tuple(dict.fromkeys(_duplicates(entry))),
    )


def _duplicates(entry: Mapping[str, Any]) -> Iterator[str]:
    """Ids in ``duplicateResult.matchResults[].matchRecords[].record.Id`` (section 6)."""
    for match in _listed(_inner(entry, "duplicateResult"), "matchResults"):
        for found in _listed(match, "matchRecords"):
            record_id = _inner(found, "record").get("Id")
            if isinstance(record_id, str) and record_id:
                yield record_id


def _inner(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _listed(entry: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = entry.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# ---- a whole answer -----------------------------------------------------------------------------------------


def fault_for(
    status: int, headers: Mapping[str, str], faults: tuple[Fault, ...], *, where: str, now: datetime
) -> Exception:
    """Given an answer that is no success, return what to raise: a fault of ``syncd.net``, Refused or a ConnectionStop.

    Answers that are not in Salesforce's own form (an HTML page of a proxy) prove nothing and are transient, but for
    401 and 412, whose bodies are not to be relied on (sections 2.3 and 4.2).
    """
    hint = parse_retry_after(headers.get("retry-after"), now)
    refused = Refused(status, faults, where)
    if status == 401:
        return TokenRefused(f"{where}: Salesforce answered 401 ({codes(faults)})")
    if status in (300, 304, 412):
        return refused
    if 300 <= status < 400:
        return Unreachable(
            f"{where}: answered with a redirect ({status}), which is not followed because the request bears "
            "credentials; check login_url and instance_url"
        )
    if not faults:
        return _formless(status, where, hint)
    if status >= 500 or refused.next is Next.LATER:
        return TransientFault(f"{where}: Salesforce answered {status} ({codes(faults)})", retry_after=hint, sent=True)
    match refused.next:
        case Next.RENEW:
            return TokenRefused(f"{where}: Salesforce answered {status} ({codes(faults)})")
        case Next.PARK | Next.STOP | Next.NOT_NOW:
            return stop_for(faults[0], where, retry_after=hint)
        case Next.WAIT:
            return Throttled(f"{where}: too many calls of this org run at once (REQUEST_LIMIT_EXCEEDED)")
        case Next.LOCKED | Next.SMALLER:
            return Passing(refused, retry_after=hint)
        case _:
            return refused


def stop_for(fault: Fault, where: str, *, retry_after: float | None = None) -> ConnectionStop:
    """Given a fault whose next is PARK, STOP or NOT_NOW, also of a single record, return what stops the connection."""
    if fault.next is Next.NOT_NOW:
        return Unreachable(
            f"{where}: Salesforce takes no writes at the moment ({fault.code}); nothing was written, syncd tries again "
            "in a later run. If it stays, look at status.salesforce.com for maintenance of the org"
        )
    match fault.code:
        case "REQUEST_LIMIT_EXCEEDED":
            seconds = max(PAUSE_SECONDS, retry_after or 0.0)
            return Parked(
                f"{where}: the org's requests of the last 24 hours are used up for all its apps "
                f"(REQUEST_LIMIT_EXCEEDED); syncd comes back in {seconds:.0f} s. Find out in Setup → Company "
                "Information → API Requests what else uses them, or lower daily_request_share",
                seconds=seconds,
            )
        case "API_CURRENTLY_DISABLED":
            seconds = max(PAUSE_SECONDS, retry_after or 0.0)
            return Parked(
                f"{where}: Salesforce has switched the org's API off for now (API_CURRENTLY_DISABLED); syncd comes "
                f"back in {seconds:.0f} s. If it stays, ask Salesforce's support",
                seconds=seconds,
            )
        case "API_DISABLED_FOR_ORG":
            return CredentialsRefused(
                f"{where}: the API is not open to this org or user (API_DISABLED_FOR_ORG); the edition has to include "
                "the API, and the user's profile the permission API Enabled"
            )
        case "STORAGE_LIMIT_EXCEEDED":
            return Unreachable(
                f"{where}: the org's storage is full (STORAGE_LIMIT_EXCEEDED), nothing can be saved; free storage or "
                "buy more (Setup → Storage Usage), syncd tries again in a later run"
            )
        case _:
            return Unreachable(
                f"{where}: Salesforce does not serve this ({fault.code}); set api_version to a version that it serves"
            )


def not_understood(where: str, error: Exception) -> ConnectionStop:
    """For a read that Salesforce refused, or whose answer is JSON but not of Salesforce's shape."""
    if isinstance(error, Refused):
        return Unreachable(f"{error}; nothing was changed. Try again, and report it if it stays")
    return Unreachable(
        f"{where}: the answer has a shape that syncd does not know ({type(error).__name__}); does instance_url lead to "
        "Salesforce?"
    )


def _formless(status: int, where: str, hint: float | None) -> Exception:
    if status == 410:
        return Unreachable(
            f"{where}: Salesforce no longer serves this version of its API (410); set api_version to a newer one"
        )
    if status in (414, 431):
        return Unreachable(f"{where}: the request's address is too long ({status}); report it, nothing was changed")
    whose = "Salesforce answered" if status >= 500 else "answered, not in Salesforce's form (does a proxy answer?):"
    return TransientFault(f"{where}: {whose} {status}", retry_after=hint, sent=True)
