"""The v4 and dated paths to associations (contract, section 7). Their store is ``associations``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncd.sandbox.hubspot.associations import PAGE, TYPE_IDS, Link, no_records
from syncd.sandbox.hubspot.calls import Answer, Call, inputs_of
from syncd.sandbox.hubspot.errors import no_object, not_found, validation
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.hubspot.table import Table
from syncd.sandbox.hubspot.values import iso

READ_MOST = 1_000
WRITE_MOST = 2_000


def single(portal: Portal, table: Table, call: Call, text: str, rest: Sequence[str]) -> Answer:
    """``objects/{type}/{id}/associations/…``. Raises Refused."""
    kind = table.schema.name
    row_id = portal.alive(kind, text)
    if row_id is None:
        raise not_found()
    match call.method, rest:
        case "GET", [to_type]:
            other = portal.table(to_type).schema.name
            limit = call.number("limit", PAGE, PAGE)
            found, paging = _page(portal, kind, row_id, other, after=call.request.get("after"), limit=limit)
            tied = [_tied(kind, other, one) | {"toObjectId": str(one)} for one in found]
            return Answer(200, {"results": tied, **paging})
        case "PUT", ["default", to_type, to_text]:
            link = _link(portal, kind, to_type, to_text)
            return Answer(200, _made(portal, kind, [(row_id, link)]))
        case "PUT", [to_type, to_text]:
            link = _link(portal, kind, to_type, to_text)
            portal.associations.check_types((kind, link.to_type), _types(call))
            _tie(portal, kind, row_id, link)
            return Answer(200, {"fromObjectId": row_id, "toObjectId": link.to_id, "labels": []})
        case "DELETE", [to_type, to_text]:
            _untie(portal, kind, row_id, Link(portal.table(to_type).schema.name, _number(to_text)))
            return Answer(204)
    raise not_found()


def handle(portal: Portal, call: Call) -> Answer:
    """``associations/{from}/{to}/batch/…``. Raises Refused."""
    if call.method != "POST" or len(call.parts) < 4:
        raise not_found()
    table = portal.table(call.parts[0])
    other = portal.table(call.parts[1]).schema.name
    kind = table.schema.name
    reads = call.parts[2:] == ("batch", "read")
    call.need(f"crm.objects.{table.schema.scope}.{'read' if reads else 'write'}")
    if (kind, other) not in TYPE_IDS:
        raise validation(f"There is no association from {kind} to {other}")
    started = iso(portal.now())
    match call.parts[2:]:
        case ("batch", "read"):
            return _read(portal, table, other, call, started)
        case ("batch", "create"):
            inputs = inputs_of(call.body(), WRITE_MOST)
            for one in inputs:
                portal.associations.check_types((kind, other), one.get("types"))
            pairs, missing = _pairs(portal, kind, other, inputs)
            body = _made(portal, kind, pairs)
            if missing:
                errors = [no_records(missing).entry(None)]
                return Answer(207, body | {"numErrors": 1, "errors": errors})
            return Answer(201, body)
        case ("batch", "associate", "default"):
            pairs, missing = _pairs(portal, kind, other, inputs_of(call.body(), WRITE_MOST))
            if missing:
                raise no_records(missing)
            return Answer(200, _made(portal, kind, pairs))
        case ("batch", "archive"):
            for one in inputs_of(call.body(), WRITE_MOST):
                targets = one.get("to")
                for target in targets if isinstance(targets, list) else [targets]:
                    _untie(portal, kind, _number(_id(one.get("from"))), Link(other, _number(_id(target))))
            return Answer(204)
    raise not_found()


def _read(portal: Portal, table: Table, other: str, call: Call, started: str) -> Answer:
    kind = table.schema.name
    results: list[dict[str, Any]] = []
    nowhere: list[str] = []
    for one in inputs_of(call.body(), READ_MOST):
        text = _id(one)
        row_id = portal.alive(kind, text)
        after = str(one.get("after") or "")
        found, paging = _page(portal, kind, row_id, other, after=after) if row_id is not None else ([], {})
        if found:
            tied = [_tied(kind, other, target) for target in found]
            results.append({"from": {"id": text}, "to": tied, **paging})
        else:
            nowhere.append(text)
    body = {"status": "COMPLETE", "results": portal.shuffled(results), "startedAt": started,
            "completedAt": iso(portal.now())}  # fmt: skip
    if nowhere and portal.options.unassociated == "error":
        errors = [no_object(table.schema.kind, nowhere).entry(None)]
        return Answer(207, body | {"numErrors": 1, "errors": errors})
    return Answer(200, body)


def _page(
    portal: Portal, kind: str, row_id: int, other: str, *, after: str, limit: int = PAGE
) -> tuple[list[int], dict[str, Any]]:
    start = _number(after) if after else 0
    found = [one for one in portal.associations.of(kind, row_id, other) if one >= start]
    if len(found) <= limit:
        return found, {}
    return found[:limit], {"paging": {"next": {"after": str(found[limit])}}}


def _tied(kind: str, other: str, row_id: int) -> dict[str, Any]:
    types = [{"category": "HUBSPOT_DEFINED", "typeId": TYPE_IDS[kind, other], "label": None}]
    return {"toObjectId": row_id, "associationTypes": types}


def _pairs(
    portal: Portal, kind: str, other: str, inputs: list[dict[str, Any]]
) -> tuple[list[tuple[int, Link]], list[str]]:
    pairs: list[tuple[int, Link]] = []
    missing: list[str] = []
    for one in inputs:
        ends = _id(one.get("from")), _id(one.get("to"))
        here, there = portal.alive(kind, ends[0]), portal.alive(other, ends[1])
        if here is None or there is None:
            missing.append(ends[0] if here is None else ends[1])
        else:
            pairs.append((here, Link(other, there)))
    return pairs, missing


def _made(portal: Portal, kind: str, pairs: Sequence[tuple[int, Link]]) -> dict[str, Any]:
    started = iso(portal.now())
    results = []
    for here, link in pairs:
        _tie(portal, kind, here, link)
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TYPE_IDS[kind, link.to_type]}
        results.append({"from": {"id": str(here)}, "to": {"id": str(link.to_id)}, "associationSpec": spec})
    return {"status": "COMPLETE", "results": results, "startedAt": started, "completedAt": iso(portal.now())}


def _tie(portal: Portal, kind: str, row_id: int, link: Link) -> None:
    portal.associations.add(kind, row_id, link)
    _bump(portal, kind, row_id, link)


def _untie(portal: Portal, kind: str, row_id: int, link: Link) -> None:
    portal.associations.remove(kind, row_id, link)
    _bump(portal, kind, row_id, link)


def _bump(portal: Portal, kind: str, row_id: int, link: Link) -> None:
    if portal.options.association_bump:
        portal.writer.touch(kind, row_id)
        portal.writer.touch(link.to_type, link.to_id)


def _link(portal: Portal, kind: str, to_type: str, text: str) -> Link:
    other = portal.table(to_type).schema.name
    if (kind, other) not in TYPE_IDS:
        raise validation(f"There is no association from {kind} to {other}")
    to_id = portal.alive(other, text)
    if to_id is None:
        raise no_records([text])
    return Link(other, to_id)


def _types(call: Call) -> object:
    try:
        return call.request.json()
    except ValueError:
        raise validation("Invalid input JSON on line 1, column 1: the body is not valid JSON") from None


def _id(raw: object) -> str:
    return str(raw.get("id", "")) if isinstance(raw, dict) else ""


def _number(text: str) -> int:
    if not text.isdecimal():
        raise validation(f"Invalid input: {text!r} is not an id")
    return int(text)
