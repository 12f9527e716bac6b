"""One API call, read from its request: version, parts of the path, headers that change what is done.

What a call does is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.wire import Request, Response, Unreadable, json_response

DATA = "/services/data"
TOKEN = "/services/oauth2/token"  # noqa: S105  a path
VERSIONED = re.compile(r"/services/data/v(\d{2,3})\.0(/.*)?")
FIRST_VERSION = 31
"""Versions 21 to 30 are retired (contract, section 2.1)."""
LAST_VERSION = 65
RECORD_PARTS = frozenset({"describe", "updated", "deleted"})
"""What may stand in the place of a record's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. ``parts`` is the path behind the version, without empty parts; ``version`` is "v59.0"."""

    request: Request
    version: str
    parts: tuple[str, ...]

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def how(self) -> How:
        """What the headers say about a write (contract, section 6, headers)."""
        rules = dict(_pairs(self.request.headers.get("sforce-duplicate-rule-header", "")))
        assign = self.request.headers.get("sforce-auto-assign", "TRUE").strip().lower()
        return How(allow_save=rules.get("allowsave", "") == "true", auto_assign=assign != "false")

    def need(self, *methods: str) -> None:
        """Raise ApiError (405) unless the method is one of these."""
        if self.method not in methods:
            text = f"HTTP Method '{self.method}' not allowed. Allowed are {','.join(sorted(methods))}"
            raise ApiError(405, "METHOD_NOT_ALLOWED", text)

    def body(self) -> dict[str, Any]:
        """The JSON object in the body. Raises ApiError (400, or 415 for another content type)."""
        kind = self.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            text = f"Content-Type header specified in HTTP request is not supported: {kind}"
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", text)
        try:
            value = self.request.json()
        except Unreadable as error:
            raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character at [line:1, column:1]: {error}") from None
        if not isinstance(value, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body is required, and must be a JSON object.")
        return value

    def flag(self, name: str) -> bool:
        """A true or false parameter."""
        return self.request.get(name).lower() == "true"

    def names(self, name: str) -> list[str]:
        """A parameter with commas, as a list."""
        return [part.strip() for part in self.request.get(name).split(",") if part.strip()]

    def condition(self, header: str) -> datetime | None:
        """The moment in a conditional header, None without one. Raises ValueError for what is no HTTP date."""
        text = self.request.headers.get(header, "")
        if not text:
            return None
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def parse(request: Request) -> Call | None:
    """The call that a request makes; None when it is none of the REST API. Raises ApiError (410, 404)."""
    found = VERSIONED.fullmatch(request.path)
    if found is None:
        return None
    number = int(found[1])
    if number < FIRST_VERSION:
        raise ApiError(410, "GONE", f"The API version v{number}.0 has been retired.")
    if number > LAST_VERSION:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    parts = tuple(part for part in (found[2] or "").split("/") if part)
    return Call(request=request, version=f"v{number}.0", parts=parts)


def template(path: str) -> str:
    """The path without host and version, with ids, locators and external values as ``:id``."""
    if path == TOKEN:
        return "/oauth2/token"
    found = VERSIONED.fullmatch(path)
    if found is None:
        return path
    parts = [part for part in (found[2] or "").split("/") if part]
    match parts:
        case ["query" | "queryAll", _]:
            parts[1] = ":id"
        case ["sobjects", _, last] if last not in RECORD_PARTS:
            parts[2] = ":id"
        case ["sobjects", _, _, _, *_]:
            parts[3:] = [":id"]
        case ["jobs", _, _, *_]:
            parts[2] = ":id"
    return "/" + "/".join(parts)


def errors_json(error: ApiError) -> Response:
    """The vendor's list with one entry."""
    return json_response(error.status, [{"message": error.message, "errorCode": error.code}])


def _pairs(text: str) -> list[tuple[str, str]]:
    """``a=1; b=2`` in lower case."""
    halves = [part.partition("=") for part in text.lower().split(";")]
    return [(name.strip(), value.strip()) for name, _, value in halves]
