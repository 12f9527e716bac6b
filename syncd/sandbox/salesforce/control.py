"""The sandbox's own paths for Salesforce below ``/_sandbox/``: what people and other programs do.

No limits and no session. Bodies carry ``type`` (default Contact) where a record is meant.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncd.sandbox.people import Style, people, write_as
from syncd.sandbox.salesforce.actions import Actions
from syncd.sandbox.salesforce.errors import ApiError, RecordFaults
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.wire import CONTROL, Request, Response, json_response


def handle(actions: Actions, request: Request) -> Response:
    """Answer one control request; 400 says what is wrong."""
    name = request.path.removeprefix(CONTROL)
    try:
        if request.method == "GET":
            return _look(actions, request, name)
        if request.method == "POST":
            return json_response(200, _act(actions, name, request.json_object()))
    except KeyError as error:
        return json_response(400, {"error": {"message": f"{name}: {error} is missing or leads to no record"}})
    except ApiError as error:
        return json_response(400, {"error": {"message": f"{name}: {error.code}: {error.message}"}})
    except RecordFaults as faults:
        return json_response(400, {"error": {"message": f"{name}: {faults}"}})
    return json_response(404, {"error": {"message": f"no control path {request.method} {name}"}})


def _look(actions: Actions, request: Request, name: str) -> Response:
    match name:
        case "records":
            kind = request.get("type", "Contact")
            return json_response(200, {"records": actions.records(kind, deleted=request.get("deleted") == "true")})
        case "options":
            return json_response(200, actions.org.options.model_dump(mode="json"))
    return json_response(404, {"error": {"message": f"no control path GET {name}"}})


def _act(actions: Actions, name: str, body: dict[str, Any]) -> dict[str, Any]:  # noqa: C901  one line a path
    kind = str(body.get("type", "Contact"))
    match name:
        case "add":
            return {"id": actions.add(kind, body["values"])}
        case "edit":
            actions.edit(str(body["id"]), body["values"], kind=kind)
        case "delete":
            actions.delete(str(body["id"]), kind=kind)
        case "restore":
            actions.restore(str(body["id"]))
        case "purge":
            actions.purge(str(body["id"]))
        case "merge":
            return {"id": actions.merge(str(body["primary"]), [str(one) for one in body["others"]], kind=kind)}
        case "convert":
            return actions.convert(str(body["id"]), str(body.get("contact_id", "")))
        case "bump":
            ids = body.get("ids")
            return {"bumped": actions.bump(None if ids is None else [str(one) for one in ids], kind=kind)}
        case "people":
            return {"ids": _people(actions, body)}
        case "options":
            return _options(actions, body)
        case "tokens":
            return _tokens(actions, body)
        case "spend":
            actions.usage.spend(int(body["count"]))
        case _:
            raise ValueError("no such control path")
    return {"done": True}


def _people(actions: Actions, body: dict[str, Any]) -> list[str]:
    everybody = people(int(body.get("count", 100)), int(body.get("seed", 1)))
    return [actions.add_contact(write_as(person, Style.SALESFORCE)) for person in everybody]


def _options(actions: Actions, body: dict[str, Any]) -> dict[str, Any]:
    try:
        options = Options.model_validate({**actions.org.options.model_dump(), **body})
    except ValidationError as error:
        raise ValueError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None
    actions.set_options(options)
    return options.model_dump(mode="json")


def _tokens(actions: Actions, body: dict[str, Any]) -> dict[str, Any]:
    """``expire`` ends every session; ``refuse`` (true or false) answers 401 whatever comes; ``active`` is the user;
    ``open`` gives a session.
    """
    unknown = set(body) - {"expire", "refuse", "active", "open"}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be asked for; write expire, refuse, active or open")
    switches = {"refuse": "refuses_sessions", "active": "user_active"}
    changed = {switch: bool(body[name]) for name, switch in switches.items() if name in body}
    if changed:
        _options(actions, changed)
    if body.get("expire"):
        actions.tokens.expire()
    return {"token": actions.tokens.open()} if body.get("open") else {"done": True}
