"""Calls of the model without sockets, for tests and simulations. No behaviour of the vendor is here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.wire import Request, Response

VERSION = "v62.0"


class Direct:
    """A caller with a session. Paths may carry a query; those without a leading slash are below the version."""

    def __init__(self, salesforce: Salesforce) -> None:
        self.salesforce = salesforce
        self.token = salesforce.tokens.open()

    def send(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
        """One request; ``body`` goes out as JSON unless it is bytes."""
        parts = urlsplit(url if url.startswith("/") else f"/services/data/{VERSION}/{url}")
        named = {name.lower(): value for name, value in (headers or {}).items()}
        return self.salesforce.handle(
            Request(
                method=method,
                path=unquote(parts.path),
                query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
                headers={"authorization": f"Bearer {self.token}", "content-type": "application/json", **named},
                body=b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body),
            )
        )

    def get(self, url: str, **headers: str) -> Response:
        """GET. Header names with ``_`` for ``-``."""
        return self.send("GET", url, headers=_dashed(headers))

    def post(self, url: str, body: Any, **headers: str) -> Response:
        """POST."""
        return self.send("POST", url, body, _dashed(headers))

    def patch(self, url: str, body: Any, **headers: str) -> Response:
        """PATCH."""
        return self.send("PATCH", url, body, _dashed(headers))

    def delete(self, url: str, **headers: str) -> Response:
        """DELETE."""
        return self.send("DELETE", url, headers=_dashed(headers))


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
