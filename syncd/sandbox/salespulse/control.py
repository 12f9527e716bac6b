"""SalesPulse's control paths: people edit, add and delete, calls come in, webhooks and keys are set up.

No credentials and no limits. Every path is below ``/_sandbox/``:

=====================  ================================================================================
GET  records           every contact, plain
POST add               ``{"values": {...}}``
POST edit              ``{"id", "values": {...}}``
POST delete            ``{"id"}``
POST people            ``{"count", "seed", "start"}``: example people, without webhooks
POST call              ``{"contact_id", "event", ...}``: a call that just ended, rang in vain or came in
POST sms               ``{"contact_id", "body"}``
POST webhooks          ``{"urls", "events", "lose", "duplicate", "reorder"}``
POST keys              ``{"keys": [...]}``: the API keys that are valid from now on
POST spend             ``{"count"}``: another program on the account uses up so many requests
=====================  ================================================================================
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from syncd.sandbox.people import Style, people, write_as
from syncd.sandbox.salespulse import calls
from syncd.sandbox.salespulse.hooks import HookSettings
from syncd.sandbox.wire import CONTROL, Request, Response, json_response

if TYPE_CHECKING:
    from syncd.sandbox.salespulse.model import SalesPulse


def handle(model: SalesPulse, request: Request) -> Response:
    """Answer a control request. Raises ValueError (the harness answers 400) where the request is wrong."""
    name = request.path.removeprefix(CONTROL)
    if (request.method, name) == ("GET", "records"):
        return json_response(200, {"records": model.records()})
    if request.method != "POST":
        return json_response(404, {"error": {"message": f"there is no {request.method} {request.path}"}})
    body = request.json_object()
    try:
        return _post(model, name, body)
    except KeyError as missing:
        raise ValueError(f"{missing} is missing or names nothing") from None


def _post(model: SalesPulse, name: str, body: dict[str, Any]) -> Response:
    match name:
        case "add":
            return json_response(200, {"id": model.add_contact(body["values"])})
        case "edit":
            model.edit_contact(body["id"], body["values"])
        case "delete":
            model.delete_contact(body["id"])
        case "people":
            start = int(body.get("start", 0))
            some = itertools.islice(people(start + int(body["count"]), int(body.get("seed", 0))), start, None)
            ids = model.populate(write_as(person, Style(body.get("style", "salespulse"))) for person in some)
            return json_response(200, {"added": len(ids)})
        case "call":
            return _call(model, body)
        case "sms":
            contact = model.book.contacts[body["contact_id"]]
            data = {
                "contact_id": contact.id,
                "from": contact.values.get("phone"),
                "body": body.get("body", ""),
            }
            model.emit_data("sms.received", data)
        case "webhooks":
            model.outbox.settings = HookSettings.model_validate(body)
            return json_response(200, model.outbox.settings.model_dump())
        case "keys":
            model.keys = {str(key) for key in body["keys"]}
        case "spend":
            model.limit.spend(int(body["count"]))
        case _:
            return json_response(404, {"error": {"message": f"there is no POST /_sandbox/{name}"}})
    return json_response(200, {"ok": True})


def _call(model: SalesPulse, body: dict[str, Any]) -> Response:
    contact = model.book.contacts[body["contact_id"]]
    event = body.get("event", "call.completed")
    values = {name: value for name, value in body.items() if name not in ("contact_id", "event")}
    if event == "call.missed":
        values = {
            "status": "missed",
            "duration_seconds": 0,
            "disposition": None,
            "recording_url": None,
        } | values
    call = calls.record(model.book, contact.id, model.clock.now(), values)
    model.emit_call(event, call)
    return json_response(200, {"id": call["id"]})
