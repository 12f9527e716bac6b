"""Calls of the model without sockets, for tests and simulations. No behaviour of the vendor is here."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.wire import Request, Response

CONTACTS = "/crm/objects/2026-09/contacts"


class Direct:
    """A caller with a token. Paths may carry a query."""

    def __init__(self, hubspot: HubSpot, token: str = "pat-sandbox") -> None:  # noqa: S107  the sandbox's own
        self.hubspot = hubspot
        self.token = token

    def send(self, method: str, url: str, body: Any = None) -> Response:
        """One request; ``body`` goes out as JSON unless it is bytes."""
        parts = urlsplit(url)
        return self.hubspot.handle(
            Request(
                method=method,
                path=parts.path,
                query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
                headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
                body=b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body),
            )
        )

    def get(self, url: str) -> Response:
        """GET."""
        return self.send("GET", url)

    def post(self, url: str, body: Any) -> Response:
        """POST."""
        return self.send("POST", url, body)

    def patch(self, url: str, body: Any) -> Response:
        """PATCH."""
        return self.send("PATCH", url, body)

    def delete(self, url: str) -> Response:
        """DELETE."""
        return self.send("DELETE", url)
