"""The answer to a bulk create, whose shape SalesPulse does not document: the other half of ``tolerance``,
under the same rules.

What an answer does not tell beyond doubt is left out, and the caller looks it up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.kinds import text_of
from syncd.salespulse import tolerance
from syncd.salespulse.results import Bulk, Contact, Refused

_STAGES = frozenset({"stage_id", "stage"})  #: a stage that was sent need not have taken


def bulk(body: Any, sent: Sequence[Mapping[str, Any]]) -> Bulk:
    """Bulk answer: an array in request order, or created/data with errors by index.

    Rows are matched by an index that they bear, else by order where rows and errors together are as many as
    were sent and no row contradicts what was sent at its place, else by e-mail and phone where only one item and
    only one row with these do not contradict each other. The rest is in doubt.
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
    """Whether the answer shows another text than was sent, however it is written; blanks and stages tell nothing."""
    return any(
        _folded(name, text_of(value)) != _folded(name, text)
        for name, text in sent.items()
        if isinstance(text, str) and name not in _STAGES and (value := shown.fields.get(name)) not in (None, "")
    )


def _folded(name: str, text: str) -> str:
    return _key(text) if name in ("email", "phone") else " ".join(text.casefold().split())


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
    rows: dict[int, list[Contact]] = {}  #: what each item may have become
    items: dict[str, set[int]] = {}  #: which item each id may be
    for one in made:
        key = print_of(one.fields)
        for index in wanted.get(key, ()) if key != ("", "") else ():
            if not _contradicts(one, sent[index]):
                rows.setdefault(index, []).append(one)
                items.setdefault(one.id, set()).add(index)
    return {index: one for index, (one, *more) in rows.items() if not more and items[one.id] == {index}}
