"""HubSpot's JSON to Records and back. Pure: it sends nothing, keeps nothing and reads no clock.

Facts about the wire (spec, section 4): all property values are strings or null; timestamps have milliseconds
unless these are zero; a multi-select is ``a;b;c``; ``""`` clears; a property that does not exist is left out
of answers without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.hubspot.scope import Scope
from syncd.core.model import FieldSpec, Option, Record, Stage, Value

MODIFIED = "lastmodifieddate"
CREATED = "createdate"
MORE_EMAILS = "hs_additional_emails"
MERGED_IDS = "hs_merged_object_ids"
EMAIL = "email"
LIFECYCLE = "lifecyclestage"
_OWN = (MODIFIED, CREATED, MORE_EMAILS, MERGED_IDS)

#: (type, fieldType) → FieldSpec.type; the fieldType matters for enumerations and booleans only.
_TYPES = {
    "bool": "boolean",
    "date": "date",
    "datetime": "datetime",
    "number": "number",
    "phone_number": "text",
    "string": "text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Which properties a connection reads, and which of them become values of a Record."""

    shown: frozenset[str]  #: properties that become values
    requested: tuple[str, ...]  #: all that is asked for
    scope: Scope


def make_lens(shown: Iterable[str], scope: Scope) -> Lens:
    """Given the properties that the connection is about, return what to ask for."""
    names = frozenset(name for name in (*shown, *scope.properties) if name)
    return Lens(shown=names, requested=tuple(sorted(names.union(_OWN))), scope=scope)


def record_of(item: Mapping[str, Any], lens: Lens, *, partial: bool = False) -> Record:
    """Given one object of an answer, return its Record.

    Only properties that the answer holds become values: what is missing was not read. ``partial`` is for
    answers to writes, which may lack the properties of the scope. Raises KeyError, TypeError or ValueError
    when it is no HubSpot object.
    """
    found = item["properties"]
    values: dict[str, Value] = {name: _value(text) for name, text in found.items() if name in lens.shown}
    modified = moment(found.get(MODIFIED)) or moment(item.get("updatedAt"))
    more = _split(found.get(MORE_EMAILS))
    return Record(
        id=str(item["id"]),
        values=values,
        also={EMAIL: more} if more else {},
        version=None if modified is None else epoch_ms(modified),
        modified_at=modified,
        created_at=moment(found.get(CREATED)) or moment(item.get("createdAt")),
        in_scope=lens.scope.judge_partial(values) if partial else lens.scope.holds(values),
        merged_ids=tuple(part.split(":")[0] for part in _split(found.get(MERGED_IDS))),
    )


def _value(text: Any) -> Value:
    return None if text is None or text == "" else str(text)


def _split(text: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(text).split(";") if part.strip()) if text else ()


def moment(text: Any) -> datetime | None:
    """Given ISO 8601 with or without a fraction, or epoch milliseconds, return the moment in UTC; None for a
    blank.

    Raises ValueError for anything else.
    """
    if text is None or text == "":
        return None
    if isinstance(text, int) or (isinstance(text, str) and text.isdigit()):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    at = datetime.fromisoformat(str(text))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def epoch_ms(at: datetime) -> int:
    """The moment in milliseconds since 1970, exact (no float in between)."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def from_epoch_ms(ms: int) -> datetime:
    """The opposite of epoch_ms."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def written(value: Value) -> str:
    """Given a value to write, return HubSpot's writing of it; a blank becomes "", which clears."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ";".join(value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def field_spec(item: Mapping[str, Any]) -> FieldSpec:
    """Given one property of the properties API, return its FieldSpec. Writable: neither read-only nor
    calculated (section 9).
    """
    kind, shape = str(item.get("type", "")), str(item.get("fieldType", ""))
    many = kind == "enumeration" and shape == "checkbox"
    options = tuple(
        Option(value=str(option["value"]), label=str(option.get("label", option["value"])))
        for option in sorted(item.get("options") or (), key=lambda option: option.get("displayOrder") or 0)
    )
    choice = "multichoice" if many else "choice"
    spec_type = choice if kind == "enumeration" else _TYPES.get(kind, "unknown")
    rights = item.get("modificationMetadata") or {}
    return FieldSpec(
        name=str(item["name"]),
        label=str(item.get("label") or ""),
        type=spec_type,
        writable=not rights.get("readOnlyValue", False) and not item.get("calculated", False),
        options=() if spec_type == "boolean" or item.get("externalOptions") else options,
        separator=";" if many else None,
        unique=bool(item.get("hasUniqueValue", False)),
    )


def stages_of(pipelines: Iterable[Mapping[str, Any]]) -> tuple[Stage, ...]:
    """Given the contact pipelines, return the lifecycle stages in their order (section 6); () when there are
    none.
    """
    for pipeline in pipelines:
        if "lifecycle" in str(pipeline.get("id", "")):
            rows = [row for row in pipeline.get("stages") or () if not row.get("archived", False)]
            rows.sort(key=lambda row: row.get("displayOrder") or 0)
            return tuple(Stage(id=str(row["id"]), label=str(row.get("label", row["id"]))) for row in rows)
    return ()


def set_since(history: Iterable[Mapping[str, Any]]) -> datetime | None:
    """Given a property's history, return when its present value came: the start of the last run of equal
    values.
    """
    entries = [(at, entry.get("value")) for entry in history if (at := moment(entry.get("timestamp")))]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    since: datetime | None = None
    for at, value in entries:
        if value != entries[0][1]:
            break
        since = at
    return since
