"""Salesforce as a whole: request in, answer out. Sessions, limits and routing are here, the work is elsewhere.

No sockets, no threads, no time of its own: ``syncd.sandbox.shell`` serves it, a simulation calls it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.salesforce import bulk, calls, collections, control, describes, queries, replication, rows_api
from syncd.sandbox.salesforce.actions import Actions
from syncd.sandbox.salesforce.calls import DATA, TOKEN, Call
from syncd.sandbox.salesforce.errors import ApiError, not_found
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.tokens import Tokens
from syncd.sandbox.salesforce.usage import Usage
from syncd.sandbox.wire import CONTROL, Request, Response, json_response

DEFAULTS = Options()
TOO_LONG = b"<html><head><title>414 URI Too Long</title></head><body></body></html>"


class Salesforce(Actions):
    """One org of the vendor, with examples in it. Everything that differs between orgs is in ``options``."""

    name = "salesforce"

    def __init__(self, clock: WorldClock, *, options: Options = DEFAULTS, seed: int = 0) -> None:
        self.clock = clock
        org = Org(clock, options=options, seed=seed)
        super().__init__(org, Usage(org), Tokens(org, seed))
        self.jobs = bulk.Jobs(org)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        self.jobs.settle()
        if request.path.startswith(CONTROL):
            return control.handle(self, request)
        if _uri_bytes(request) > self.org.options.uri_limit:
            return Response(status=414, headers={"content-type": "text/html"}, body=TOO_LONG)
        if request.path == TOKEN:
            return self.tokens.grant(request)
        try:
            if request.path.rstrip("/") == DATA:
                return _versions()
            call = calls.parse(request)
            if call is None:
                raise not_found()
            if not self.tokens.is_open(request.headers.get("authorization", "")):
                return self.tokens.refusal()
        except ApiError as error:
            return calls.errors_json(error)
        try:
            self.usage.admit()
            answer = self._answer(call)
        except ApiError as error:
            answer = calls.errors_json(error)
        return replace(answer, headers={**answer.headers, **self.usage.header()})

    def template(self, path: str) -> str:
        """The path with ids as ``:id``."""
        return calls.template(path)

    def export(self) -> dict[str, Any]:
        """The whole org as a JSON-able value."""
        return {
            "org": self.org.export(),
            "tokens": self.tokens.export(),
            "usage": self.usage.used,
            "jobs": self.jobs.export(),
        }

    def load(self, data: dict[str, Any]) -> None:
        """Take over what ``export`` gave, in the place of everything there is. Old queries cannot be gone on with."""
        self.org.load(data["org"])
        self.tokens.load(data["tokens"])
        self.usage = Usage(self.org)
        self.usage.spend(data["usage"])
        self.jobs.load(data["jobs"])

    def _answer(self, call: Call) -> Response:
        org, request = self.org, call.request
        match call.parts:
            case ():
                return _resources(call)
            case ("query" | "queryAll" as kind,):
                call.need("GET")
                return queries.query(org, request, all_rows=kind == "queryAll")
            case ("query" | "queryAll", locator):
                call.need("GET")
                return queries.query_more(org, locator, request)
            case ("sobjects",):
                call.need("GET")
                return describes.describe_global(org, request)
            case ("sobjects", name, *rest):
                return self._sobject(call, name, rest)
            case ("composite", "sobjects", *rest):
                return collections.handle(org, call, tuple(rest))
            case ("limits",):
                return self._limits(call)
            case ("jobs", *rest):
                return self.jobs.handle(call, tuple(rest))
        raise not_found()

    def _sobject(self, call: Call, name: str, rest: list[str]) -> Response:
        org, request = self.org, call.request
        obj = org.schema.get(name)
        match rest:
            case []:
                call.need("GET", "POST")
                return rows_api.create(org, call, obj) if call.method == "POST" else rows_api.about(call, obj)
            case ["describe"]:
                call.need("GET")
                return describes.describe(org, obj.name, request)
            case ["updated"]:
                call.need("GET")
                return replication.updated(org, obj.name, request)
            case ["deleted"]:
                call.need("GET")
                return replication.deleted(org, obj.name, request)
            case [record_id]:
                return rows_api.by_id(org, call, obj, record_id)
            case [field, *value]:
                # The address is decoded before it arrives: an escaped slash in a value looks like any other.
                return rows_api.by_external(org, call, obj, field, "/".join(value))
        raise not_found()

    def _limits(self, call: Call) -> Response:
        call.need("GET")
        if self.org.options.limits_forbidden:
            raise ApiError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on cross-reference id")
        return json_response(200, self.usage.limits())


def _uri_bytes(request: Request) -> int:
    return len(quote(request.path)) + 1 + len(urlencode(request.query))


def _versions() -> Response:
    """``GET /services/data``: the only resource that needs no session."""
    numbers = range(calls.FIRST_VERSION, calls.LAST_VERSION + 1)
    listed = [{"label": f"v{n}", "url": f"{DATA}/v{n}.0", "version": f"{n}.0"} for n in numbers]
    return json_response(200, listed)


def _resources(call: Call) -> Response:
    call.need("GET")
    names = ("sobjects", "query", "queryAll", "composite", "limits", "jobs")
    return json_response(200, {name: f"{DATA}/{call.version}/{name}" for name in names})
