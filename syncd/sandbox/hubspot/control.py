"""The sandbox's own paths for HubSpot below ``/_sandbox/``: what people and other programs do.

No limits and no token. Bodies carry ``type`` (default contacts) where a record is meant.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncd.sandbox.hubspot.actions import Actions
from syncd.sandbox.hubspot.errors import Duplicate, Refused
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.people import Style, people, write_as
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
    except Refused as refused:
        return json_response(400, {"error": {"message": f"{name}: {refused.message}"}})
    except Duplicate as duplicate:
        text = f"{name}: {duplicate.prop} is already that of {duplicate.owner}"
        return json_response(400, {"error": {"message": text}})
    return json_response(404, {"error": {"message": f"no control path {request.method} {name}"}})


def _look(actions: Actions, request: Request, name: str) -> Response:
    match name:
        case "records":
            kind = request.get("type", "contacts")
            return json_response(200, {"records": actions.records(kind, archived=request.get("archived") == "true")})
        case "options":
            return json_response(200, actions.portal.options.model_dump(mode="json"))
    return json_response(404, {"error": {"message": f"no control path GET {name}"}})


def _act(actions: Actions, name: str, body: dict[str, Any]) -> dict[str, Any]:  # noqa: C901  one line a path
    kind = str(body.get("type", "contacts"))
    match name:
        case "add":
            return {"id": actions.add(kind, body["values"])}
        case "edit":
            actions.edit(str(body["id"]), body["values"], kind=kind)
        case "delete":
            actions.archive(str(body["id"]), kind=kind)
        case "restore":
            actions.restore(str(body["id"]), kind=kind)
        case "purge":
            actions.purge(str(body["id"]), kind=kind)
        case "merge":
            return {"id": actions.merge(str(body["primary"]), str(body["other"]), kind=kind)}
        case "secondary":
            actions.add_secondary(str(body["id"]), str(body["email"]))
        case "bump":
            ids = body.get("ids")
            return {"bumped": actions.bump(None if ids is None else [str(one) for one in ids], kind=kind)}
        case "people":
            return {"ids": _people(actions, body)}
        case "options":
            return _options(actions, body)
        case "hooks":
            return _hooks(actions, body)
        case "tokens":
            if body.get("expire"):
                actions.tokens.expire()
            if "token" in body:
                actions.tokens.replace(body["token"])
        case "spend":
            actions.quota.spend(int(body["count"]), daily=bool(body.get("daily")))
        case _:
            raise ValueError("no such control path")
    return {"done": True}


def _people(actions: Actions, body: dict[str, Any]) -> list[str]:
    style = Style(body.get("style", Style.HUBSPOT.value))
    if style is not Style.HUBSPOT:
        raise ValueError("people are written in HubSpot's style here")
    everybody = people(int(body.get("count", 100)), int(body.get("seed", 1)))
    return [actions.add("contacts", write_as(person, style)) for person in everybody]


def _options(actions: Actions, body: dict[str, Any]) -> dict[str, Any]:
    before = actions.portal.options
    try:
        options = Options.model_validate({**before.model_dump(), **body})
    except ValidationError as error:
        raise ValueError(_problems(error)) from None
    actions.set_options(options)
    return options.model_dump(mode="json")


def _hooks(actions: Actions, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return actions.set_hooks(**body).model_dump(mode="json")
    except ValidationError as error:
        raise ValueError(_problems(error)) from None


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
