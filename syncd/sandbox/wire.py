"""What goes in and out of a vendor's model: plain requests and answers, no sockets.

A model (state and clock inside, request in, answer out) can be served over HTTP by ``shell`` or called
directly in a simulated world. This module must not know any vendor, and must not do I/O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, runtime_checkable

import orjson

from syncd.sandbox.clock import WorldClock

CONTROL = "/_sandbox/"
"""Paths below this belong to the sandbox and not to the vendor: no credentials, no limits, not counted."""


class Dropped(Exception):
    """The connection closes without an answer. Whether the work was done, the caller cannot know."""


class Unreadable(ValueError):
    """The body is no JSON of the wanted shape. The text names the reason and no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as the vendor sees it. ``path`` is decoded; header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def get(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a query parameter, in order."""
        return tuple(value for key, value in self.query if key == name)

    def json(self) -> Any:
        """The body as JSON; None when empty. Raises Unreadable."""
        if not self.body:
            return None
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Unreadable("the body is not valid JSON") from None

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; {} when empty. Raises Unreadable."""
        value = self.json()
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Unreadable("the body must be a JSON object")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. ``delay`` (sandbox seconds) holds it back; ``cut`` breaks it off after so many bytes."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    cut: int | None = None

    def json(self) -> Any:
        """The body as JSON, for tests and simulations."""
        return orjson.loads(self.body)


def json_response(status: int, obj: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(
        status=status,
        headers={"content-type": "application/json", **(headers or {})},
        body=orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS),
    )


def reason(status: int) -> str:
    """The standard phrase of a status, or "Unknown"."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def template(path: str, ids: re.Pattern[str]) -> str:
    """The path with every segment that wholly matches ``ids`` shown as ``:id``, for statistics and faults."""
    return "/".join(":id" if ids.fullmatch(part) else part for part in path.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook on its way: a POST that the shell (or the simulation) makes."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Vendor(Protocol):
    """A model of one vendor's API. Called by one thread at a time."""

    name: str
    clock: WorldClock

    def handle(self, request: Request) -> Response:
        """Answer one request, also on its own control paths (``/_sandbox/records``, ``edit``, ``add`` …).

        ``/_sandbox/faults``, ``clock``, ``stats``, ``stats/reset`` never arrive here: ``harness`` has them.
        """

    def template(self, path: str) -> str:
        """The path with ids replaced by ``:id``, without any base path."""

    def export(self) -> dict[str, Any]:
        """The whole state as a JSON-able value."""

    def load(self, data: dict[str, Any]) -> None:
        """Take over a state that ``export`` gave."""


@runtime_checkable
class Emits(Protocol):
    """A model that also sends webhooks."""

    def drain(self) -> list[Delivery]:
        """Webhooks that are due, taken out of the outbox."""
