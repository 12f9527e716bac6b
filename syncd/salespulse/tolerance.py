"""The one place that knows what SalesPulse does not document: each unknown is a named function here.

Takes parsed JSON of any shape and returns typed results. Never raises anything but NotUnderstood, never
guesses a value: what cannot be told is left out, which syncd reads as *not read*. Sends nothing, remembers
nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import orjson

from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import Value
from syncd.salespulse.results import Call, Contact, Deal, Hint, Refused, StageInfo, StageRef

#: Names under which a list or an object may be wrapped.
_LISTS = ("data", "contacts", "calls", "deals", "stages", "items", "results")
_LONGEST = 300  #: characters of the vendor's words that are kept


class NotUnderstood(Exception):
    """An answer in none of the shapes that are tolerated. The message says what came, without values."""


# ---- JSON itself -------------------------------------------------------------------------------------------


def parse(body: bytes) -> Any:
    """Given an answer's bytes, return the JSON value; None for an empty body. Raise NotUnderstood when it is
    no JSON.

    orjson refuses a whole page for one half of an emoji or one wrong byte. The slow reader keeps such text
    with lone surrogates, and ``plain`` then leaves that one field out: one bad record must not stop the
    others.
    """
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotUnderstood("it is not JSON") from None


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


class _Unreadable(Exception):
    """A value that cannot be kept."""


def plain(value: Any) -> Value:
    """Given any JSON value, return it as a field value: objects as JSON text, lists as tuples of text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)  # beyond, neither JSON nor a column holds it
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _Unreadable
        return value
    if isinstance(value, list):
        return tuple(element if isinstance(element, str) else _dump(element) for element in map(_checked, value))
    return _dump(value)


def _checked(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Unreadable from None
    return value


def _dump(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        raise _Unreadable from None


# ---- lists -------------------------------------------------------------------------------------------------


def rows(body: Any, name: str) -> Sequence[Any]:
    """List envelope: a bare array, or an object that holds it as data, its own name, items or results (also
    one level down).
    """
    found = _rows(body, name, depth=2)
    if found is None:
        raise NotUnderstood(f"there is no list of {name} in it")
    return found


def _rows(body: Any, name: str, *, depth: int) -> Sequence[Any] | None:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict) or depth == 0:
        return None
    for key in (name, *_LISTS):
        found = _rows(body.get(key), name, depth=depth - 1)
        if found is not None:
            return found
    return None


def hint(body: Any) -> Hint:
    """End of a list: has_more, next_page, total, total_pages, at top level or under meta or pagination."""
    places = [body] if isinstance(body, dict) else []
    for key in ("meta", "pagination", "data"):
        places += [place[key] for place in places[:1] if isinstance(place.get(key), dict)]
    found: dict[str, Any] = {}
    for place in places:
        for key in ("has_more", "next_page", "total", "total_pages"):
            if key in place and key not in found:
                found[key] = place[key]
    more = found.get("has_more")
    return Hint(
        has_more=more if isinstance(more, bool) else None,
        next_page=_next_page(found["next_page"]) if "next_page" in found else None,
        total=count(found.get("total")),
        total_pages=count(found.get("total_pages")),
    )


def _next_page(value: Any) -> int | None:
    """A number, or an address that ends in ?page=N; null, false and "" say that there is none (0)."""
    if value is None or value is False or value == "":
        return 0
    number = count(value)
    if number is None and isinstance(value, str):
        named = re.search(r"[?&]page=(\d{1,9})(?:&|$)", value, re.ASCII)
        number = int(named[1]) if named else None
    return number


def count(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value, re.ASCII):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


# ---- single objects ----------------------------------------------------------------------------------------


def single(body: Any, name: str) -> Mapping[str, Any] | None:
    """Single-object envelope: bare, or under data or its own name, or both. None when the answer holds no object."""
    for _level in range(3):
        if not isinstance(body, dict):
            return None
        inner = next((body[key] for key in (name, "data") if isinstance(body.get(key), dict)), None)
        # A contact may itself have a custom field called "data": what bears an id is the object.
        if inner is None or identifier(body, name):
            return body
        body = inner
    return None


def identifier(row: Any, name: str) -> str:
    """The id of an object: id, else NAME_id; numbers as text; "" where there is none."""
    if not isinstance(row, dict):
        return ""
    for key in ("id", f"{name}_id"):
        value = row.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value
    return ""


def moment(value: Any) -> datetime | None:
    """Times: ISO 8601 (without an offset: UTC) or seconds or milliseconds since 1970. A bare date is no moment."""
    try:
        if isinstance(value, str):
            if len(value) <= 10:
                return None
            found = datetime.fromisoformat(value.strip())
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            seconds = value / 1000 if value > 1e11 else float(value)
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        pass
    return None


_STAGES = ("stage_id", "stage", "pipeline_stage_id", "pipeline_stage")


def stage_of(row: Mapping[str, Any]) -> StageRef | None:
    """Where a contact or deal shows its stage: stage_id, stage (id, name or object), pipeline_stage. None:
    nowhere, or under two ids: a server may store a ``stage_id`` that it does not know and show it beside the true one.

    The first id that is not blank counts, else the first name; all blank: it has no stage.
    """
    found = [ref for key in _STAGES if key in row and (ref := _stage(row[key], exact=key.endswith("_id")))]
    named = [ref for ref in found if ref.text]
    if not named:
        return found[0] if found else None
    ids = {ref.text for ref in named if ref.exact}
    if len(ids) > 1:
        return None
    text = ids.pop() if ids else named[0].text
    also = tuple(dict.fromkeys(ref.text for ref in named if ref.text != text))
    return StageRef(text=text, exact=any(ref.exact for ref in named), also=also)


def _stage(value: Any, *, exact: bool) -> StageRef | None:
    if isinstance(value, dict):
        own = identifier(value, "stage")
        if own:
            return StageRef(text=own, exact=True)
        names = (value.get(key) for key in ("name", "label"))
        value = next((name for name in names if isinstance(name, str) and name), ...)
    if value is None or value == "":
        return StageRef(text="", exact=True)
    if isinstance(value, int) and not isinstance(value, bool):
        return StageRef(text=str(value), exact=exact)
    if isinstance(value, str) and value.isprintable():
        return StageRef(text=value, exact=exact)
    return None


def contact(row: Any) -> Contact | None:
    """One object of an answer as a contact; None when it bears no id. Unknown keys pass through."""
    own = identifier(row, "contact")
    if not own:
        return None
    return shown_contact(row, own)


def shown_contact(row: Mapping[str, Any], own: str) -> Contact:
    """The same where the id is known from elsewhere."""
    fields: dict[str, Value] = {}
    unreadable = set()
    for key, value in row.items():
        try:
            fields[_text(key)] = plain(value)
        except _Unreadable:
            unreadable.add(key)
    stage = stage_of(row)
    if stage is None and any(key in row for key in _STAGES):
        unreadable.add(STAGE_FIELD)
    return Contact(
        id=own,
        fields=fields,
        unreadable=frozenset(unreadable),
        stage=stage,
        modified_at=moment(row.get("updated_at")),
        created_at=moment(row.get("created_at")),
    )


def contact_of(row: Mapping[str, Any]) -> str:
    """Whose deal or call it is: contact_id, or a contact as an object or an id; "" where it does not say."""
    inner = row.get("contact")
    named = identifier({"id": row.get("contact_id")}, "contact")
    return named or identifier(inner if isinstance(inner, dict) else {"id": inner}, "contact")


def deal(row: Any) -> Deal | None:
    """A pipeline deal; None when it does not say whose it is."""
    if not isinstance(row, dict):
        return None
    whose = contact_of(row)
    if not whose:
        return None
    when = moment(row.get("updated_at")) or moment(row.get("created_at"))
    return Deal(id=identifier(row, "deal") or whose, contact_id=whose, stage=stage_of(row), modified_at=when)


def stage_info(row: Any) -> StageInfo | None:
    """A pipeline stage: an object with an id and a name, or a bare name that is its own id."""
    if isinstance(row, str) and row.strip() and row.isprintable():
        return StageInfo(id=row, name=row)
    own = identifier(row, "stage")
    if not own:
        return None
    name = next((row[key] for key in ("name", "label", "title") if isinstance(row.get(key), str)), own)
    return StageInfo(id=own, name=name)


def call(row: Any) -> Call | None:
    own = identifier(row, "call")
    if not own:
        return None
    shown = shown_contact(row, own).fields
    seconds = count(row.get("duration_seconds"))
    whole = {
        "id",
        "call_id",
        "contact_id",
        "contact",
        "direction",
        "duration_seconds",
        "recording_url",
        "transcript",
    }
    texts = {key: value if isinstance(value := shown.get(key), str) else "" for key in _CALL_TEXTS}
    times = (moment(row.get(key)) for key in ("started_at", "ended_at", "created_at"))
    return Call(
        id=own,
        contact_id=contact_of(row),
        duration_seconds=seconds,
        at=next((when for when in times if when), None),
        other={key: value for key, value in shown.items() if key not in whole | set(_CALL_TEXTS)},
        **texts,
    )


_CALL_TEXTS = ("direction", "recording_url", "transcript", "disposition")


# ---- refusals ----------------------------------------------------------------------------------------------


def refusal(body: Any) -> Refused:
    """What was refused and why: error.message, and the fields named by error.fields, error.details, errors or
    {field: words}.
    """
    if not isinstance(body, dict):
        return Refused(message=words(body))
    error = body.get("error")
    places = [place for place in (error, body) if isinstance(place, dict)]
    fields: dict[str, str] = {}
    for place in places:
        for key in ("fields", "details", "errors"):
            for name, text in _named(place.get(key)).items():
                fields.setdefault(name, text)
    texts = [error, *(place.get(key) for place in places for key in ("message", "detail", "title"))]
    message = next((words(text) for text in texts if isinstance(text, str) and text.strip()), "")
    if not message and not fields:
        fields = {name: words(text) for name, text in _named(body).items() if name not in {"error", "status", "code"}}
    return Refused(message=message or "; ".join(fields.values()), fields=fields)


def _named(value: Any) -> dict[str, str]:
    """Field → words, out of {field: words}, {field: [words]}, {field: {message}} or [{field, message}]."""
    if isinstance(value, dict):
        return {name: text for name, inner in value.items() if (text := _reason(inner)) and name.isprintable()}
    found: dict[str, str] = {}
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            names = (item.get(key) for key in ("field", "name", "param", "property", "path", "attribute"))
            name = next((name for name in names if isinstance(name, str) and name.isprintable()), "")
            if name and (text := _reason(item)):
                found.setdefault(name, text)
    return found


def _reason(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(text for text in map(_reason, value[:5]) if text)[:_LONGEST]
    if isinstance(value, dict):
        texts = (value.get(key) for key in ("message", "error", "reason", "detail"))
        return next((words(text) for text in texts if isinstance(text, str)), "")
    return words(value) if isinstance(value, str) else ""


def words(value: Any) -> str:
    """The vendor's words as one printable line of bounded length; "" where there are none."""
    if not isinstance(value, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in value[: 4 * _LONGEST]).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def largest_limit(message: str, asked: int) -> int | None:
    """How large a page may be, where a refusal says so: the largest number in it below what was asked."""
    numbers = (int(text) for text in re.findall(r"(?<![\d.])\d{1,6}(?![\d.]*\d)", message, re.ASCII))
    return max((number for number in numbers if 1 < number < asked), default=None)
