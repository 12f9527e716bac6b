"""SalesPulse v1 as its page describes it; what the page leaves open, the dialect says.

Request in, answer out; state and clock inside; no sockets. It must know nothing of our client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.limits import Taken, WindowLimit
from syncd.sandbox.salespulse import calls, control, validate
from syncd.sandbox.salespulse.book import Book, Change, Contact
from syncd.sandbox.salespulse.bulk import bulk
from syncd.sandbox.salespulse.dialect import Dialect, HookData, Order, PastEnd, ResetHeader
from syncd.sandbox.salespulse.hooks import HookSettings, Outbox
from syncd.sandbox.salespulse.shapes import Shapes, error, refused
from syncd.sandbox.wire import CONTROL, Delivery, Request, Response, Unreadable, json_response

BASE = "/api/v1"
"""All endpoints are below this path; a client's base URL ends with it."""

KEY = "sp_live_sandbox"
"""The API key of a fresh model."""

RATE, BULK_RATE = 100, 10
"""Requests a minute: of everything, and of ``POST /contacts/bulk`` (which counts in both)."""

Handler = Callable[[], Response]


class SalesPulse:
    """One SalesPulse account. ``limit_scale`` multiplies the counts of the limits, never their minute."""

    name = "salespulse"

    def __init__(
        self,
        clock: WorldClock,
        *,
        dialect: Dialect | None = None,
        limit_scale: float = 1.0,
        key: str = KEY,
        seed: int = 0,
        hooks_on_api: bool = True,
    ) -> None:
        self.clock = clock
        self.dialect = dialect or Dialect()
        self.keys = {key}
        self.book = Book(seed, numeric_ids=self.dialect.numeric_ids)
        self.shapes = Shapes(self.dialect, self.book)
        self.outbox = Outbox(seed)
        self.hooks_on_api = hooks_on_api
        self.limit = WindowLimit(round(RATE * limit_scale), 60, clock)
        self.bulk_limit = WindowLimit(round(BULK_RATE * limit_scale), 60, clock)

    # What a person, a test or a simulation does; no limits, no validation.

    def add_contact(self, values: Mapping[str, Any], *, hooks: bool = True) -> str:
        """A person adds a contact; ``stage`` may be a name or an id. Gives the id."""
        rest, stage = self._split_stage(values)
        change = self.book.add(rest, stage or self._first_stage(), self.stamp())
        if hooks:
            self.emit(change)
        return change.contact.id

    def populate(self, everybody: Iterable[Mapping[str, Any]]) -> list[str]:
        """Add many contacts, without webhooks. Gives the ids in order."""
        return [self.add_contact(values, hooks=False) for values in everybody]

    def edit_contact(self, contact_id: str, values: Mapping[str, Any]) -> None:
        """A person edits a contact; None or "" clears. Raises KeyError if there is no such contact."""
        rest, stage = self._split_stage(values)
        self.emit(self.book.edit(self.book.contacts[contact_id], rest, stage, self.stamp()))

    def delete_contact(self, contact_id: str) -> None:
        """A person deletes a contact; no event tells. Raises KeyError if there is no such contact."""
        self.book.delete(self.book.contacts[contact_id])

    def records(self) -> list[dict[str, Any]]:
        """Every contact, plain: ``id``, the values without blanks, ``stage`` as a name, and the times."""
        return [
            {
                **contact.values,
                "id": contact.id,
                "stage": self.book.stages[contact.stage] if contact.stage else None,
                "created_at": contact.created,
                "updated_at": contact.updated,
            }
            for contact in self.book.contacts.values()
        ]

    def stamp(self) -> str:
        """Now, as the book stores times."""
        return calls.stamp(self.clock.now())

    def emit(self, change: Change) -> None:
        """Queue the webhooks of a change."""
        contact = change.contact
        if change.created:
            self._event("contact.created", self._hook_data(contact))
        if change.fields:
            self._event("contact.updated", self._hook_data(contact))
        if change.stage_changed:
            before, after = change.stage_before, contact.stage
            moved = {"contact_id": self.shapes.id(contact), "from_stage_id": before, "to_stage_id": after}
            self._event("pipeline.stage_changed", moved)

    def emit_call(self, event: str, call: Mapping[str, Any]) -> None:
        """Queue the webhook of a call event."""
        self._event(event, calls.event_data(call))

    def emit_data(self, event: str, data: dict[str, Any]) -> None:
        """Queue any webhook with data of one's own. Raises ValueError for an unknown event."""
        self._event(event, data)

    # The vendor's interface.

    def template(self, path: str) -> str:
        """The path below BASE with ids as ``:id``."""
        match path.removeprefix(BASE).strip("/").split("/"):
            case ["contacts", last] if last != "bulk":
                return "/contacts/:id"
            case ["contacts", _, "stage"]:
                return "/contacts/:id/stage"
            case ["calls", last] if last != "initiate":
                return "/calls/:id"
            case parts:
                return "/" + "/".join(parts)

    def handle(self, request: Request) -> Response:
        """Answer one request of the API or of the control paths below ``/_sandbox/``."""
        self._end_calls()
        if request.path.startswith(CONTROL):
            return control.handle(self, request)
        sent = request.headers.get("authorization", "")
        if sent.removeprefix("Bearer ") not in self.keys or not sent.startswith("Bearer "):
            return self._with_limits(error(401, "Missing or invalid API key"), self.limit.peek())
        is_bulk = request.method == "POST" and self.template(request.path) == "/contacts/bulk"
        if is_bulk and not self.bulk_limit.peek().allowed:
            return self._too_many(self.bulk_limit.peek())
        taken = self.limit.take()
        if not taken.allowed:
            return self._too_many(taken)
        if is_bulk:
            self.bulk_limit.take()
        try:
            response = self._route(request)
        except Unreadable as problem:
            response = error(400, f"Invalid parameters: {problem}")
        return self._with_limits(response, taken)

    def drain(self) -> list[Delivery]:
        """Webhooks that are due."""
        self._end_calls()
        return self.outbox.drain(self.clock.monotonic())

    def export(self) -> dict[str, Any]:
        """Contacts, calls, stages, keys and webhook settings; not the limits' windows."""
        hooks = self.outbox.settings.model_dump()
        return {"book": self.book.export(), "hooks": hooks, "keys": sorted(self.keys)}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what ``export`` gave."""
        self.book.load(data["book"])
        self.outbox.settings = HookSettings.model_validate(data["hooks"])
        self.keys = set(data["keys"])

    # Routes.

    def _route(self, request: Request) -> Response:
        if not request.path.startswith(BASE + "/"):
            return error(404, "Resource does not exist")
        match request.path.removeprefix(BASE).strip("/").split("/"):
            case ["contacts"]:
                return _by_method(request, GET=lambda: self._list(request), POST=lambda: self._create(request))
            case ["contacts", "bulk"]:
                return _by_method(request, POST=lambda: bulk(self, request))
            case ["contacts", contact_id]:
                return self._contact(request, contact_id)
            case ["contacts", contact_id, "stage"]:
                return self._stage(request, contact_id)
            case ["calls"]:
                return _by_method(request, GET=lambda: self._calls(request))
            case ["calls", "initiate"]:
                return _by_method(request, POST=lambda: self._initiate(request))
            case ["calls", call_id]:
                return _by_method(request, GET=lambda: self._call(call_id))
            case ["pipeline", "stages"]:
                stages = [self.shapes.stage(key) for key in self.book.stages]
                return _by_method(request, GET=lambda: self.shapes.many("stages", stages))
            case ["pipeline", "deals"]:
                return _by_method(request, GET=lambda: self._deals(request))
            case _:
                return error(404, "Resource does not exist")

    def _list(self, request: Request) -> Response:
        searched = request.get("search").strip().lower()
        order = self.book.order
        if searched:
            order = [key for key in order if searched in self.book.contacts[key].haystack]
        return self._page(request, "contacts", order, lambda key: self.shapes.contact(self.book.contacts[key]))

    def _deals(self, request: Request) -> Response:
        contacts = self.book.contacts
        order = [key for key in self.book.order if contacts[key].stage]
        return self._page(request, "deals", order, lambda key: self.shapes.deal(contacts[key]))

    def _page(self, request: Request, own: str, order: list[str], show: Callable[[str], dict[str, Any]]) -> Response:
        """One page by offset over what is there now: inserts and deletes between two pages shift it."""
        page, limit = self._page_and_limit(request)
        total = len(order)
        if page > 1 and (page - 1) * limit >= total and self.dialect.past_end is PastEnd.REPEATS:
            page = max(1, -(-total // limit))
        start = (page - 1) * limit
        if self.dialect.order is Order.OLDEST_FIRST:
            keys = order[start : start + limit]
        else:
            keys = order[max(0, total - start - limit) : max(0, total - start)][::-1]
        return self.shapes.many(own, [show(key) for key in keys], page=page, limit=limit, total=total)

    def _page_and_limit(self, request: Request) -> tuple[int, int]:
        page = _number(request, "page", 1)
        limit = _number(request, "limit", self.dialect.default_limit)
        if limit > self.dialect.max_limit:
            if self.dialect.refuse_larger_limit:
                raise Unreadable(f"limit must be at most {self.dialect.max_limit}")
            limit = self.dialect.max_limit
        return page, limit

    def _create(self, request: Request) -> Response:
        accepted, problems = validate.contact(request.json(), self.book, self.dialect)
        if problems:
            return refused(self.dialect, problems)
        change = self.create(accepted)
        return self.shapes.written(201, self.dialect.create_answer, change.contact, list(accepted.values))

    def create(self, accepted: validate.Accepted) -> Change:
        """Make a contact from checked values, as the API does."""
        change = self.book.add(accepted.values, accepted.stage or self._first_stage(), self.stamp())
        self._emit_api(change)
        return change

    def _contact(self, request: Request, contact_id: str) -> Response:
        contact = self.book.contacts.get(contact_id)
        if contact is None:
            return error(404, "Contact does not exist")
        return _by_method(
            request,
            GET=lambda: self.shapes.one(200, "contact", self.shapes.contact(contact)),
            PATCH=lambda: self._update(request, contact),
            DELETE=lambda: self._delete(contact),
        )

    def _update(self, request: Request, contact: Contact) -> Response:
        body = request.json_object()
        accepted, problems = validate.contact(body, self.book, self.dialect, of=contact)
        if problems:
            return refused(self.dialect, problems)
        self._emit_api(self.book.edit(contact, accepted.values, accepted.stage, self.stamp()))
        return self.shapes.written(200, self.dialect.update_answer, contact, list(body))

    def _delete(self, contact: Contact) -> Response:
        self.book.delete(contact)
        return self.shapes.written(200, self.dialect.delete_answer, contact, ())

    def _stage(self, request: Request, contact_id: str) -> Response:
        contact = self.book.contacts.get(contact_id)
        if contact is None:
            return error(404, "Contact does not exist")
        return _by_method(request, **{self.dialect.stage_method: lambda: self._move(request, contact)})

    def _move(self, request: Request, contact: Contact) -> Response:
        stage = request.json_object().get("stage_id")
        if stage not in self.book.stages:
            return refused(self.dialect, {"stage_id": "is not a stage of the pipeline"})
        self._emit_api(self.book.edit(contact, {}, stage, self.stamp()))
        shown = ("stage_id", "stage", "pipeline_stage")
        return self.shapes.written(200, self.dialect.update_answer, contact, shown)

    def _calls(self, request: Request) -> Response:
        found = calls.listed(
            self.book, contact_id=request.get("contact_id"), start=request.get("from"), end=request.get("to")
        )
        page, limit = self._page_and_limit(request)
        rows = [calls.summary(call) for call in found[(page - 1) * limit : page * limit]]
        return self.shapes.many("calls", rows, page=page, limit=limit, total=len(found))

    def _call(self, call_id: str) -> Response:
        call = self.book.calls.get(call_id)
        return error(404, "Call does not exist") if call is None else self.shapes.one(200, "call", call)

    def _initiate(self, request: Request) -> Response:
        body = request.json_object()
        contact_id, phone = body.get("contact_id"), body.get("to") or body.get("phone")
        if contact_id is not None:
            contact = self.book.contacts.get(str(contact_id))
            if contact is None:
                return error(404, "Contact does not exist")
            phone = phone or contact.values.get("phone")
        if not isinstance(phone, str) or not validate.E164.fullmatch(phone):
            return refused(self.dialect, {"to": "must be a phone number in E.164 format, like +13055551234"})
        call = calls.initiate(self.book, contact_id, phone, self.clock.now())
        return self.shapes.one(201, "call", calls.summary(call))

    # Inside.

    def _split_stage(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        rest = dict(values)
        named = rest.pop("stage", None)
        stage = self.book.stage_id(named)
        if named is not None and stage is None:
            raise ValueError(f"there is no such stage; write one of {', '.join(self.book.stages.values())}")
        return rest, stage

    def _first_stage(self) -> str | None:
        return next(iter(self.book.stages), None) if self.dialect.first_stage_by_default else None

    def _emit_api(self, change: Change) -> None:
        if self.hooks_on_api:
            self.emit(change)

    def _hook_data(self, contact: Contact) -> dict[str, Any]:
        match self.dialect.hook_data:
            case HookData.CONTACT:
                return self.shapes.contact(contact)
            case HookData.NESTED:
                return {"contact": self.shapes.contact(contact)}
            case HookData.ID_ONLY:
                return {"contact_id": self.shapes.id(contact)}

    def _event(self, event: str, data: dict[str, Any]) -> None:
        self.outbox.put(event, self.shapes.time(self.stamp()), data, self.clock.monotonic())

    def _end_calls(self) -> None:
        for call in calls.finish_due(self.book, self.clock.now()):
            self.emit_call("call.completed", call)

    def _too_many(self, taken: Taken) -> Response:
        headers = {"retry-after": str(max(1, round(taken.reset + 0.5)))} if self.dialect.retry_after else {}
        response = json_response(429, {"error": {"message": "Rate limit exceeded"}}, headers)
        return self._with_limits(response, self.limit.peek())

    def _with_limits(self, response: Response, taken: Taken) -> Response:
        headers = {
            **response.headers,
            "x-ratelimit-limit": str(self.limit.count),
            "x-ratelimit-remaining": str(taken.remaining),
        }
        match self.dialect.reset_header:
            case ResetHeader.NONE:
                pass
            case ResetHeader.SECONDS:
                headers["x-ratelimit-reset"] = str(round(taken.reset + 0.5))
            case ResetHeader.EPOCH:
                headers["x-ratelimit-reset"] = str(round(self.clock.now().timestamp() + taken.reset + 0.5))
        return replace(response, headers=headers)


def _by_method(request: Request, **handlers: Handler) -> Response:
    handler = handlers.get(request.method)
    if handler is None:
        return error(405, "Method not allowed", {"allow": ", ".join(handlers)})
    return handler()


def _number(request: Request, name: str, default: int) -> int:
    text = request.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Unreadable(f"{name} must be a whole number from 1")
    return int(text)
