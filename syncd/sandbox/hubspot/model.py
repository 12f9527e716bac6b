"""HubSpot as a whole: request in, answer out. Tokens, limits and routing are here, the work is elsewhere.

No sockets, no threads, no time of its own: ``syncd.sandbox.shell`` serves it, a simulation calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot import account, calls, control, objects, pipelines, properties, ties
from syncd.sandbox.hubspot.account import Tokens
from syncd.sandbox.hubspot.actions import Actions
from syncd.sandbox.hubspot.calls import Answer, Call
from syncd.sandbox.hubspot.errors import Refused, not_found
from syncd.sandbox.hubspot.limits import Quota
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.wire import CONTROL, Delivery, Request, Response, json_response

DEFAULTS = Options()
TOO_LONG = b"<html><head><title>414 Request-URI Too Large</title></head><body></body></html>"


class HubSpot(Actions):
    """One account of the vendor, with examples in it.

    ``limit_scale`` multiplies every rate. For ``index_lag_seconds`` (sandbox time) search sees no write.
    """

    name = "hubspot"

    def __init__(
        self,
        clock: WorldClock,
        *,
        limit_scale: float = 1.0,
        token: str = "pat-sandbox",  # noqa: S107  it opens nothing but the sandbox
        portal_id: int = 62515,
        index_lag_seconds: float = 0.0,
        options: Options = DEFAULTS,
    ) -> None:
        self.clock = clock
        self._lag = index_lag_seconds
        portal = Portal(clock, portal_id=portal_id, index_lag_seconds=index_lag_seconds, options=options)
        super().__init__(portal, Quota(clock, limit_scale, portal_id, options), Tokens(portal, token))

    @property
    def index_lag_seconds(self) -> float:
        """How long (sandbox time) search does not see a write."""
        return self._lag

    @index_lag_seconds.setter
    def index_lag_seconds(self, seconds: float) -> None:
        self._lag = seconds
        for table in self.portal.tables.values():
            table.index.lag_ms = round(seconds * 1000)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        self.portal.writer.due()
        if request.path.startswith(CONTROL):
            return control.handle(self, request)
        if len(request.path) + sum(len(k) + len(v) + 2 for k, v in request.query) > self.portal.options.uri_limit:
            return Response(status=414, headers={"content-type": "text/html"}, body=TOO_LONG)
        correlation = self.portal.correlation()
        headers: Mapping[str, str] = {}
        try:
            call = calls.parse(
                request,
                lacking=self.portal.options.missing_scopes,
                granular=self.portal.options.granular_scope_error,
            )
            if call is not None and call.area == "oauth":
                answer = self._token(call)
            else:
                self.tokens.check(request.headers.get("authorization", ""))
                headers = self.quota.admit(search=call is not None and call.is_search)
                answer = self._answer(call)
        except Refused as refused:
            sent = {**headers, **refused.headers, "X-HubSpot-Correlation-Id": correlation}
            return json_response(refused.status, refused.body(correlation), sent)
        headers = {**headers, "X-HubSpot-Correlation-Id": correlation}
        if answer.body is None:
            return Response(status=answer.status, headers=headers)
        return json_response(answer.status, answer.body, headers)

    def template(self, path: str) -> str:
        """The path with ids as ``:id``."""
        return calls.template(path)

    def drain(self) -> list[Delivery]:
        """Webhooks that are due."""
        return self.hooks.drain(self.portal.now())

    def export(self) -> dict[str, Any]:
        """The whole account as a JSON-able value."""
        portal = self.portal
        return {
            "options": portal.options.model_dump(mode="json"),
            "properties": {name: properties.export(table) for name, table in portal.tables.items()},
            "tables": {name: table.export() for name, table in portal.tables.items()},
            "associations": portal.associations.export(),
            "pipelines": portal.pipelines.export(),
            "tokens": self.tokens.export(),
        }

    def load(self, data: dict[str, Any]) -> None:
        """Take over what ``export`` gave, in the place of everything there is."""
        old = self.portal
        options = Options.model_validate(data["options"])
        portal = Portal(old.clock, portal_id=old.portal_id, index_lag_seconds=self._lag, options=options)
        for name, table in portal.tables.items():
            properties.load(table, data["properties"][name])
            table.load(data["tables"][name])
        portal.associations.load(data["associations"])
        portal.pipelines.load(data["pipelines"])
        self.portal = portal
        self.quota.configure(options)
        self.tokens = self.tokens.moved_to(portal)
        self.tokens.load(data["tokens"])
        self._wire()

    def _token(self, call: Call) -> Answer:
        if call.method != "POST" or call.parts != ("token",):
            raise not_found()
        return self.tokens.refresh(call)

    def _answer(self, call: Call | None) -> Answer:
        if call is None:
            raise not_found()
        match call.area:
            case "objects":
                return objects.handle(self.portal, call)
            case "properties":
                return properties.handle(self.portal, call)
            case "pipelines":
                schema = None if call.parts[0] in ("leads", "tickets") else self.portal.table(call.parts[0]).schema
                return pipelines.handle(self.portal.pipelines, schema, call)
            case "associations":
                return ties.handle(self.portal, call)
            case "account-info":
                return account.details(self.portal, self.quota, call)
        raise not_found()
