"""Batches of up to 100 inputs, and when they succeed in part (contract, section 4).

Without a unique trace id on every input one bad input rejects the whole batch and nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from syncd.sandbox.hubspot.calls import Answer, Call, inputs_of, text_list
from syncd.sandbox.hubspot.errors import (
    Duplicate,
    Refused,
    conflict,
    duplicate_ids,
    invalid,
    no_object,
    not_found,
    validation,
)
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.hubspot.rows import Row
from syncd.sandbox.hubspot.table import Table
from syncd.sandbox.hubspot.values import iso
from syncd.sandbox.hubspot.writer import Draft

MOST = 100
HISTORY_MOST = 50
FOLDED_VERSION = "2026-09"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a write."""

    id: str
    prop: str  #: property that ``id`` is a value of; "" for the record id
    trace: str | None
    raw: dict[str, Any]


def not_unique(table: Table, prop: str) -> Refused:
    """400: records cannot be looked up by it."""
    return validation(f"Unable to perform update/upsert by non-unique {table.schema.type_id} property {prop}")


def handle(portal: Portal, table: Table, call: Call, op: str) -> Answer:
    """Answer one batch. Raises Refused when all of it is rejected."""
    started = iso(portal.now())
    body = call.body()
    match op:
        case "read":
            return _read(portal, table, call, body)
        case "archive":
            for row in _rows_to_archive(table, body):
                table.archive(row)
            return Answer(204)
        case "create" | "update" | "upsert":
            inputs = [_input(table, op, raw) for raw in inputs_of(body, MOST)]
            if op != "create":
                _refuse_twice([(one.prop, one.id) for one in inputs])
            traces = {one.trace for one in inputs}
            partial = None not in traces and len(traces) == len(inputs)
            partial = partial and (op != "update" or portal.options.partial_update)
            work = _in_part if partial else _whole
            results, errors = work(portal, table, call, op, inputs)
            return _answer(
                portal, call, 201 if op == "create" else 200, results=results, errors=errors, started=started
            )
    raise not_found()


def _answer(
    portal: Portal,
    call: Call,
    status: int,
    *,
    results: list[dict[str, Any]],
    errors: list[dict[str, Any]],
    started: str,
) -> Answer:
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": portal.shuffled(results),
        "startedAt": started,
        "completedAt": iso(portal.now()),
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
        if not (portal.options.fold_partial and call.version == FOLDED_VERSION):
            status = 207
    return Answer(status, body)


def _input(table: Table, op: str, raw: dict[str, Any]) -> Input:
    trace = raw.get("objectWriteTraceId")
    prop = raw.get("idProperty") or ""
    row_id = raw.get("id")
    if op == "create":
        row_id, prop = "", ""
    elif not isinstance(row_id, (str, int)) or row_id == "":
        raise validation("Invalid input JSON: every input needs an id")
    if prop and prop != "hs_object_id" and not table.is_unique(prop):
        raise not_unique(table, prop)
    return Input(
        id=str(row_id),
        prop="" if prop == "hs_object_id" else prop,
        trace=trace if isinstance(trace, str) and trace else None,
        raw=raw,
    )


def _refuse_twice(ids: Sequence[tuple[str, str]]) -> None:
    seen: set[tuple[str, str]] = set()
    twice: list[str] = []
    for prop, row_id in ids:
        key = (prop, row_id.lower() if prop == "email" else row_id)
        if key in seen:
            twice.append(row_id)
        seen.add(key)
    if twice:
        raise duplicate_ids(list(dict.fromkeys(twice)))


def _find(portal: Portal, table: Table, prop: str, text: str) -> Row | None:
    if prop:
        return table.look_up(prop, text)
    if not text.isdecimal():
        return None
    if int(text) in table.moved and portal.options.merged_patch == "not_found":
        return None
    return table.find(int(text))


def _targets(
    portal: Portal, table: Table, op: str, inputs: Sequence[Input]
) -> tuple[list[tuple[Input, Row | None]], list[str]]:
    """Every input with the record that it is for, None to create it; and the ids that lead nowhere."""
    found: list[tuple[Input, Row | None]] = []
    missing: list[str] = []
    for one in inputs:
        row = None if op == "create" else _find(portal, table, one.prop, one.id)
        if row is None and (op == "update" or (op == "upsert" and not one.prop)):
            missing.append(one.id)
        else:
            found.append((one, row))
    return found, missing


def _properties(one: Input, row: Row | None) -> object:
    raw = one.raw.get("properties")
    if one.prop and row is None and isinstance(raw, dict):
        return {one.prop: one.id, **raw}
    return raw


def _in_part(
    portal: Portal, table: Table, call: Call, op: str, inputs: Sequence[Input]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    found, missing = _targets(portal, table, op, inputs)
    for one, _ in found:
        # Looked up again: an input before this one may have made or changed the record.
        row = None if op == "create" else _find(portal, table, one.prop, one.id)
        try:
            draft = portal.writer.draft(
                table, row, _properties(one, row), version=call.version, links=one.raw.get("associations")
            )
            results.append(_written(portal, op, one, draft))
        except Refused as refused:
            errors.append(_entry(refused, one.trace))
    if missing:
        errors.append(no_object(table.schema.kind, missing).entry(None))
    return results, errors


def _entry(refused: Refused, trace: str | None) -> dict[str, Any]:
    entry = refused.entry(trace)
    if refused.category == "CONFLICT":
        entry["context"]["existingId"] = [refused.message.rsplit(" ", 1)[-1]]
    return entry


def _written(portal: Portal, op: str, one: Input, draft: Draft) -> dict[str, Any]:
    row = portal.writer.write(draft)
    item = portal.written(draft.table, row, draft.values)
    if op == "upsert":
        item["new"] = draft.row is None
    if one.trace is not None:
        item["objectWriteTraceId"] = one.trace
    return item


def _whole(
    portal: Portal, table: Table, call: Call, op: str, inputs: Sequence[Input]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found, missing = _targets(portal, table, op, inputs)
    bad = [value for one, row in found for value in portal.writer.values(table, _properties(one, row), row)[1]]
    if bad:
        raise invalid(bad)
    drafts = [
        (
            one,
            portal.writer.draft(
                table, row, _properties(one, row), version=call.version, links=one.raw.get("associations")
            ),
        )
        for one, row in found
    ]
    _refuse_taken(portal, table, [draft for _, draft in drafts])
    results = []
    for one, draft in drafts:
        # A record may come twice, by its id and by a unique value: take it as it now is.
        row = None if draft.row is None else table.rows[draft.row.id]
        fresh = Draft(table=table, row=row, values=draft.values, links=draft.links)
        results.append(_written(portal, op, one, fresh))
    return results, [no_object(table.schema.kind, missing).entry(None)] if missing else []


def _refuse_taken(portal: Portal, table: Table, drafts: Sequence[Draft]) -> None:
    claimed: set[tuple[str, str]] = set()
    for draft in drafts:
        try:
            table.check_unique(draft.values, None if draft.row is None else draft.row.id)
        except Duplicate as duplicate:
            told = portal.writer.told(table, duplicate, None if draft.row is None else draft.row.id)
            if told.category == "CONFLICT" and not portal.options.conflict_names_id:
                told = conflict(None)
            raise told from None
        for prop, value in draft.values.items():
            if value and table.is_unique(prop):
                if (prop, value) in claimed:
                    raise conflict(None)
                claimed.add((prop, value))


def _read(portal: Portal, table: Table, call: Call, body: dict[str, Any]) -> Answer:
    started = iso(portal.now())
    history = text_list(body, "propertiesWithHistory")
    inputs = inputs_of(body, HISTORY_MOST if history else MOST)
    prop = body.get("idProperty") or ""
    if prop == "hs_object_id":
        prop = ""
    if prop and not table.is_unique(prop):
        raise not_unique(table, prop)
    ids = [str(one.get("id", "")) for one in inputs]
    _refuse_twice([(prop, one) for one in ids])
    wanted = portal.wanted(table, text_list(body, "properties"), history)
    rows: list[Row] = []
    given: set[int] = set()
    missing: list[str] = []
    archived = call.flag("archived")
    if archived:
        table.empty_bin()
    for text in ids:
        row = _in_bin(table, text) if archived else _look(table, prop, text)
        if row is None:
            missing.append(text)
        elif portal.options.merged_read == "each" or row.id not in given:
            rows.append(row)
            given.add(row.id)
    results = [portal.shown(table, row, wanted) for row in rows]
    errors = [no_object(table.schema.kind, missing).entry(None)] if missing else []
    return _answer(portal, call, 200, results=results, errors=errors, started=started)


def _look(table: Table, prop: str, text: str) -> Row | None:
    if prop:
        return table.look_up(prop, text)
    return table.find(int(text)) if text.isdecimal() else None


def _in_bin(table: Table, text: str) -> Row | None:
    row = table.rows.get(int(text)) if text.isdecimal() else None
    return row if row is not None and row.archived is not None else None


def _rows_to_archive(table: Table, body: dict[str, Any]) -> list[Row]:
    ids = [str(one.get("id", "")) for one in inputs_of(body, MOST)]
    _refuse_twice([("", one) for one in ids])
    rows = [_look(table, "", one) for one in ids]
    return list({row.id: row for row in rows if row is not None}.values())
