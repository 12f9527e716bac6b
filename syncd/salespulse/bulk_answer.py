"""The answer to a bulk create, whose shape SalesPulse does not document: the other half of ``tolerance``,
under the same rules.

What an answer does not tell beyond doubt is left out, and the caller looks it up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from syncd.salespulse import tolerance
from syncd.salespulse.results import Bulk, Contact, Refused


def bulk(body: Any, sent: Sequence[Mapping[str, Any]]) -> Bulk:
    """Bulk answer: an array in request order, or created/data with errors by index.

    Rows are matched by an index that they bear, else by order where rows and errors together are as many as
    were sent and no row contradicts what was sent at its place, else by e-mail and phone where these are
    unique. The rest is in doubt.
    """
    refused = _bulk_errors(body, len(sent))
    made: list[tuple[int | None, Contact]] = []
    position = 0  #: in the answer's own array, where refused items may keep their place
    listed = _bulk_rows(body)
    in_place = len(listed) == len(sent)
    for position, row in enumerate(listed):
        inner = tolerance.single(row, "contact") if isinstance(row, dict) else None
        index = tolerance.count(row.get("index")) if isinstance(row, dict) else None
        if isinstance(row, dict) and not tolerance.identifier(inner, "contact"):
            where = index if index is not None else position if in_place else None
            if where is not None and where < len(sent) and row.get("error", row.get("errors")) is not None:
                refused.setdefault(where, tolerance.refusal(row))
            continue
        shown = tolerance.contact(inner) if inner is not None else tolerance.contact({"id": row})
        if shown is not None:
            made.append((index if index is not None else position if in_place else None, shown))
    return Bulk(created=_placed(made, sent, refused), refused=refused)


def _bulk_rows(body: Any) -> Sequence[Any]:
    if isinstance(body, dict):
        for key in ("created", "data", "contacts", "results", "items", "ids"):
            value = body.get(key)
            if isinstance(value, list):
                return value
            if isinstance(value, dict):
                return _bulk_rows(value)
    return body if isinstance(body, list) else ()


def _bulk_errors(body: Any, count: int) -> dict[int, Refused]:
    """Refused items by index: [{index, message}], {"3": "words"}, also one level down under data."""
    refused: dict[int, Refused] = {}
    places = [body, body.get("data"), body.get("error")] if isinstance(body, dict) else []
    for place in places:
        for key in ("errors", "failed"):
            value = place.get(key) if isinstance(place, dict) else None
            pairs = (
                [(item.get("index"), item) for item in value if isinstance(item, dict)]
                if isinstance(value, list)
                else list(value.items())
                if isinstance(value, dict)
                else []
            )
            for index, item in pairs:
                where = tolerance.count(index)
                if where is not None and where < count:
                    found = Refused(message=tolerance.words(item)) if isinstance(item, str) else tolerance.refusal(item)
                    refused.setdefault(where, found)
    return refused


def _placed(
    made: Sequence[tuple[int | None, Contact]],
    sent: Sequence[Mapping[str, Any]],
    refused: Mapping[int, Refused],
) -> dict[int, Contact]:
    free = [index for index in range(len(sent)) if index not in refused]
    if all(index is None for index, _shown in made) and len(made) == len(free):
        made = [(index, shown) for index, (_none, shown) in zip(free, made, strict=True)]
    places = [index for index, _shown in made]
    ids = [shown.id for _index, shown in made]
    orderly = (
        len(set(places)) == len(places)
        and len(set(ids)) == len(ids)
        and all(
            index is not None and index < len(sent) and index not in refused and not _contradicts(shown, sent[index])
            for index, shown in made
        )
    )
    if orderly:
        return {index: shown for index, shown in made if index is not None}
    return _by_keys([shown for _index, shown in made], sent, refused)


def _contradicts(shown: Contact, sent: Mapping[str, Any]) -> bool:
    """Whether the answer shows another e-mail or phone than was sent, however it is written."""
    return any(
        _key(shown.fields[name]) != _key(sent[name])
        for name in ("email", "phone")
        if name in sent and shown.fields.get(name) not in (None, "")
    )


def _key(value: Any) -> str:
    text = str(value).strip().casefold()
    if "@" in text:
        return text
    return re.sub(r"\D", "", text)[-10:] or text


def _by_keys(
    made: Sequence[Contact], sent: Sequence[Mapping[str, Any]], refused: Mapping[int, Refused]
) -> dict[int, Contact]:
    def print_of(values: Mapping[str, Any]) -> tuple[str, str]:
        return _key(values.get("email") or ""), _key(values.get("phone") or "")

    wanted: dict[tuple[str, str], list[int]] = {}
    for index, values in enumerate(sent):
        if index not in refused:
            wanted.setdefault(print_of(values), []).append(index)
    shown: dict[tuple[str, str], list[Contact]] = {}
    for one in made:
        shown.setdefault(print_of(one.fields), []).append(one)
    return {
        wanted[key][0]: found[0]
        for key, found in shown.items()
        if key != ("", "") and len(found) == 1 and len(wanted.get(key, ())) == 1
    }
