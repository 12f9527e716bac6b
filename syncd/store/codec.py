"""Between core's values and what a row holds. Pure translation; nothing is tidied on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from syncd.core.model import Base, Change, Converted, Intent, Op, Record, Side, Value, When


def to_ms(moment: datetime) -> int:
    """Given an aware moment, return milliseconds since 1970 UTC. Raise ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone reached the state")
    return round(moment.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def maybe_ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def maybe_from_ms(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def dump(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def load(text: str) -> Any:
    return orjson.loads(text)


def to_value(raw: Any) -> Value:
    """JSON has no tuples: a list in the state was a multichoice."""
    return tuple(str(item) for item in raw) if isinstance(raw, list) else raw


def to_values(text: str) -> dict[str, Value]:
    return {name: to_value(raw) for name, raw in orjson.loads(text).items()}


def record_digest(record: Record) -> bytes:
    """Given a record, return 16 bytes that differ when anything but its times and version differs.

    Versions are left out on purpose: a vendor's hidden bump of the modified time is no change of ours.
    """
    shown: list[object] = [record.id, record.values, record.also, record.in_scope, record.merged_ids]
    if record.converted is not None:
        shown.append(dump_converted(record.converted))
    data = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS, default=list)
    return hashlib.blake2b(data, digest_size=16).digest()


def dump_converted(converted: Converted | None) -> str | None:
    return None if converted is None else f"{converted.object} {converted.id}"


def load_converted(text: str | None) -> Converted | None:
    if not text:
        return None
    name, _, id_ = text.rpartition(" ")
    return Converted(object=name, id=id_)


def dump_since(since: Mapping[str, When]) -> str | None:
    if not since:
        return None
    return dump(
        {
            name: [maybe_ms(when.earliest), to_ms(when.latest), *([when.among] if when.among else [])]
            for name, when in since.items()
        }
    )


def load_since(text: str | None) -> dict[str, When]:
    if not text:
        return {}
    return {
        name: When(earliest=maybe_from_ms(earliest), latest=from_ms(latest), among=tuple(*among))
        for name, (earliest, latest, *among) in orjson.loads(text).items()
    }


def dump_bases(bases: Mapping[str, Base]) -> str:
    return dump({rule: [base.fingerprint, base.salespulse, base.crm] for rule, base in bases.items()})


def load_bases(text: str) -> dict[str, Base]:
    return {
        rule: Base(fingerprint=fingerprint, salespulse=to_value(salespulse), crm=to_value(crm))
        for rule, (fingerprint, salespulse, crm) in orjson.loads(text).items()
    }


_CHANGE = ("field", "before", "after", "rule", "by", "reason", "lost")


def dump_intent(intent: Intent) -> str:
    changes = [[getattr(change, name) for name in _CHANGE] for change in intent.changes]
    return dump(
        {
            "changes": changes,
            "stamp": intent.stamp,
            "archive": intent.archive,
            "reason": intent.reason,
            "based_on": maybe_ms(intent.based_on),
        }
    )


def load_intent(row: Any) -> Intent:
    """Given a row of ``intents``, return the Intent."""
    body = orjson.loads(row.body)
    changes = []
    for parts in body["changes"]:
        given = dict(zip(_CHANGE, parts, strict=True))
        for name in ("before", "after"):
            given[name] = to_value(given[name])
        changes.append(Change(**given))
    return Intent(
        id=row.id,
        connection=row.connection,
        side=Side(row.side),
        op=Op(row.op),
        link_id=row.link_id,
        salespulse_id=row.salespulse_id,
        crm_id=row.crm_id,
        changes=tuple(changes),
        stamp=body["stamp"],
        archive=body["archive"],
        reason=body["reason"],
        based_on=maybe_from_ms(body.get("based_on")),  # journals of schema 0001 have none
    )
