"""One API call, read from its request: the area, the version and the parts of the path, and how to answer it.

The v3, v4 and dated paths of one thing come out alike. What a call does is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from syncd.sandbox.hubspot.errors import missing_scopes, validation
from syncd.sandbox.wire import Request, Unreadable

NUMBERED = re.compile(r"/crm/(v3|v4)/(objects|properties|pipelines|associations)((?:/[^/]+)+)/?")
DATED = re.compile(r"/crm/(objects|properties|pipelines|associations)/(\d{4}-\d{2})((?:/[^/]+)+)/?")
OTHER = re.compile(r"/(account-info|oauth)/(v1|v3|\d{4}-\d{2})((?:/[^/]+)+)/?")
DATES = frozenset({"2025-09", "2026-03", "2026-09"})
VERBS = frozenset({"batch", "search", "merge", "gdpr-delete"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back; ``body`` None is no body at all."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. ``parts`` is the path behind the version."""

    request: Request
    area: str
    version: str
    parts: tuple[str, ...]
    lacking: Collection[str] = ()  #: scopes that the token does not have
    granular: bool = False

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def is_search(self) -> bool:
        return self.area == "objects" and self.parts[1:] == ("search",)

    def need(self, *scopes: str) -> None:
        """Raise Refused (403) when the token lacks one of the scopes."""
        missing = [scope for scope in scopes if scope in self.lacking]
        if missing:
            raise missing_scopes(missing, granular=self.granular)

    def body(self) -> dict[str, Any]:
        """The JSON body. Raises Refused (400)."""
        try:
            return self.request.json_object()
        except Unreadable as error:
            raise validation(f"Invalid input JSON on line 1, column 1: {error}") from None

    def names(self, key: str) -> list[str]:
        """A list parameter, in the comma form, the repeated form, or both."""
        found = [part.strip() for value in self.request.all(key) for part in value.split(",")]
        return list(dict.fromkeys(part for part in found if part))

    def flag(self, key: str) -> bool:
        """A true or false parameter."""
        return self.request.get(key).lower() == "true"

    def number(self, key: str, default: int, most: int) -> int:
        """A count of 1 to ``most``. Raises Refused (400)."""
        return bounded(key, self.request.get(key, str(default)), most)


def bounded(key: str, value: object, most: int) -> int:
    """A count of 1 to ``most`` out of a number or its text. Raises Refused (400)."""
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal():
        raise validation(f"Invalid input: {key} must be a number")
    count = int(text)
    if not 1 <= count <= most:
        raise validation(f"Invalid input: {key} must be between 1 and {most}", **{key: [text]})
    return count


def parse(request: Request, *, lacking: Collection[str] = (), granular: bool = False) -> Call | None:
    """The call that a request makes; None when there is no such path."""
    path = request.path
    if found := NUMBERED.fullmatch(path):
        version, area, rest = found.groups()
    elif found := (DATED.fullmatch(path) or OTHER.fullmatch(path)):
        area, version, rest = found.groups()
        if version[0] != "v" and version not in DATES:
            return None
    else:
        return None
    parts = tuple(rest.strip("/").split("/"))
    return Call(request=request, area=area, version=version, parts=parts, lacking=lacking, granular=granular)


def template(path: str) -> str:
    """The path with ids as ``:id``, for statistics and faults."""
    call = parse(Request(method="GET", path=path))
    if call is None or call.area != "objects" or len(call.parts) < 2 or call.parts[1] in VERBS:
        return path
    kind, _, *rest = call.parts
    if len(rest) > 2:
        rest[-1] = ":id"
    head = f"/crm/{call.version}/objects" if call.version[0] == "v" else f"/crm/objects/{call.version}"
    return "/".join([head, kind, ":id", *rest])


def text_list(body: dict[str, Any], key: str) -> list[str]:
    """A list of texts out of a JSON body. Raises Refused (400)."""
    value = body.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise validation(f"Invalid input JSON: {key} must be a list of texts")
    return value


def inputs_of(body: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """The inputs of a batch, 1 to ``most`` objects. Raises Refused (400)."""
    value = body.get("inputs")
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise validation("Invalid input JSON: inputs must be a list of objects")
    if not 1 <= len(value) <= most:
        raise validation(f"Invalid input: a batch must have 1 to {most} inputs, not {len(value)}")
    return value
