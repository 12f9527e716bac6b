"""What each side last showed. Looks come in; rows change only where what is shown changed; changed rows mark
what depends on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from syncd.core.model import Gone, Observed, Record, Value, When
from syncd.store.codec import (
    dump,
    dump_converted,
    dump_since,
    from_ms,
    load,
    load_converted,
    load_since,
    maybe_from_ms,
    maybe_ms,
    record_digest,
    to_ms,
    to_values,
)
from syncd.store.tables import observed

#: So far may a side's clock be from syncd's: a proof is older than a look only if it is by more than that.
CLOCKS_DIFFER = timedelta(minutes=10)
#: Ids in one statement; SQLite's own limit is 32,766 parameters.
CHUNK = 500

# Statements of the hot paths are built once: building one costs more than running it.
_OF_IDS = (
    observed.c.source == bindparam("b_source"),
    observed.c.id.in_(bindparam("b_ids", expanding=True)),
)
_STORED = select(observed).where(*_OF_IDS)
_DIGESTS = select(observed.c.id, observed.c.digest).where(*_OF_IDS)
_LOOKED = update(observed).where(*_OF_IDS, observed.c.looked_at < bindparam("b_at")).values(looked_at=bindparam("b_at"))
_TOUCH = (
    update(observed)
    .where(observed.c.source == bindparam("b_source"), observed.c.id == bindparam("b_id"))
    .values(looked_at=bindparam("b_at"), version=func.coalesce(bindparam("b_version"), observed.c.version))
)
_DATE = (
    update(observed)
    .where(observed.c.source == bindparam("b_source"), observed.c.id == bindparam("b_id"))
    .values(since=bindparam("b_since"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at one record. ``whole``: every field that the side has for it was asked for, so what is missing
    is unreadable; else it is the answer to a write. ``own``: its modified time may be that of syncd's own write.
    """

    record: Record
    looked_at: datetime
    whole: bool = True
    own: bool = False

    @property
    def after_write(self) -> bool:
        return self.own or not self.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What a batch of looks changed."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    records: Mapping[str, Record]  #: the new and the changed ones
    merged: tuple[tuple[str, str], ...]  #: (absorbed id, surviving id)


def chunks(items: Sequence[str], size: int = CHUNK) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def observe(tx: Connection, source: str, looks: Iterable[Look], *, listed_at: datetime | None = None) -> Noticed:
    """Store looks and return what they changed. ``listed_at``: every live record was also seen in a listing that
    began then.

    Looks are ordered: one with an older version than the stored, or without versions one that was sent before the
    stored look or
    write ended, is dropped. A field's present value gets the interval in which it came: after the last look without it.
    """
    by_id = {look.record.id: look for look in looks}
    stored = _stored(tx, source, list(by_id))
    new: list[str] = []
    changed: list[str] = []
    records: dict[str, Record] = {}
    merged: list[tuple[str, str]] = []
    rows: list[dict[str, Any]] = []
    for id_, look in by_id.items():
        row = stored.get(id_)
        if row is not None and _older(look, row):
            continue
        record = look.record if row is None or look.whole else _completed(look.record, row)
        digest = record_digest(record)
        if row is not None and row.digest == digest and row.gone is None:
            # A write's answer: later looks that were sent before it ended must lose. A new version: the record was
            # alive after whatever the vendor says of times before it, such as a delete that was undone.
            if not look.whole or record.version not in (None, row.version):
                _touch(tx, source, id_, to_ms(look.looked_at), record.version)
            continue
        (changed if row is not None else new).append(id_)
        records[id_] = record
        merged += [(old, id_) for old in record.merged_ids]
        rows.append(_row(source, look, record, digest, row, listed_at))
    if rows:
        statement = insert(observed)
        kept = {name: statement.excluded[name] for name in rows[0] if name not in ("source", "id", "first_seen_at")}
        tx.execute(statement.on_conflict_do_update(index_elements=["source", "id"], set_=kept), rows)
    return Noticed(new=tuple(new), changed=tuple(changed), records=records, merged=tuple(merged))


def date(tx: Connection, source: str, moments: Mapping[str, Mapping[str, When]]) -> None:
    """id → field → when its present value came, where that is known better than by our looks."""
    rows = [
        {"b_source": source, "b_id": id_, "b_since": dump_since({**load_since(row.since), **moments[id_]})}
        for id_, row in _stored(tx, source, list(moments)).items()
    ]
    if rows:
        tx.execute(_DATE, rows)


def looked_again(tx: Connection, source: str, ids: Sequence[str], at: datetime) -> None:
    """These records were looked at and had not changed."""
    for part in chunks(ids):
        tx.execute(_LOOKED, {"b_source": source, "b_ids": list(part), "b_at": to_ms(at)})


def mark_gone(tx: Connection, source: str, gone: Sequence[Gone], at: datetime) -> tuple[str, ...]:
    """Proven deletions. Return the ids that were live until now.

    A proof that dates from before a look that showed the record is passed over: it came back since.
    """
    proofs = {item.id: item.proof for item in gone}
    when = {item.id: to_ms(item.at + CLOCKS_DIFFER) for item in gone if item.at is not None}
    rows = _stored(tx, source, list(proofs))
    live = [id_ for id_, row in rows.items() if row.gone is None and when.get(id_, row.looked_at) >= row.looked_at]
    if live:
        tx.execute(
            update(observed)
            .where(observed.c.source == bindparam("b_source"), observed.c.id == bindparam("b_id"))
            .values(gone=bindparam("b_proof"), gone_at=to_ms(at), looked_at=to_ms(at)),
            [{"b_source": source, "b_id": id_, "b_proof": proofs[id_]} for id_ in live],
        )
    return tuple(live)


def mark_moved(tx: Connection, source: str, old_id: str, new_id: str, at: datetime) -> None:
    """``old_id`` was merged or converted into ``new_id``: no deletion."""
    tx.execute(
        update(observed)
        .where(observed.c.source == source, observed.c.id == old_id)
        .values(gone="merged", gone_at=to_ms(at), moved_to=new_id)
    )


def get_many(tx: Connection, source: str, ids: Sequence[str]) -> dict[str, Observed]:
    """The observations of these ids, as far as there are any."""
    return {id_: to_observed(row) for id_, row in _stored(tx, source, ids).items()}


def still_live(tx: Connection, source: str, ids: Sequence[str]) -> list[str]:
    """Those of these records that are not gone, in the given order."""
    rows = _stored(tx, source, ids)
    return [id_ for id_ in ids if id_ in rows and rows[id_].gone is None]


def known_before(tx: Connection, source: str, moment: datetime, limit: int) -> list[str]:
    """Any live records that were seen before that moment."""
    seen_before = observed.c.first_seen_at < to_ms(moment)
    query = (
        select(observed.c.id).where(observed.c.source == source, observed.c.gone.is_(None), seen_before).limit(limit)
    )
    return [row.id for row in tx.execute(query)]


def digests(tx: Connection, source: str, ids: Sequence[str]) -> dict[str, bytes]:
    """What changes when a record's shown values change."""
    found: dict[str, bytes] = {}
    for part in chunks(ids):
        rows = tx.execute(_DIGESTS, {"b_source": source, "b_ids": list(part)})
        found.update((row.id, row.digest) for row in rows)
    return found


def stale(tx: Connection, source: str, ids: Sequence[str], before: datetime) -> tuple[str, ...]:
    """Those of these records whose last look was sent before that moment."""
    found: list[str] = []
    for part in chunks(ids):
        rows = tx.execute(
            select(observed.c.id).where(
                observed.c.source == source, observed.c.id.in_(part), observed.c.looked_at < to_ms(before)
            )
        )
        found += [row.id for row in rows]
    return tuple(found)


def first_seen_since(tx: Connection, source: str, since: datetime) -> dict[str, Observed]:
    """Live records that were never seen before that moment."""
    rows = tx.execute(
        select(observed).where(
            observed.c.source == source, observed.c.first_seen_at >= to_ms(since), observed.c.gone.is_(None)
        )
    )
    return {row.id: to_observed(row) for row in rows}


def page(tx: Connection, source: str, after: str, limit: int = CHUNK) -> dict[str, Observed]:
    """Live records by id, a page at a time."""
    rows = tx.execute(
        select(observed)
        .where(observed.c.source == source, observed.c.id > after, observed.c.gone.is_(None))
        .order_by(observed.c.id)
        .limit(limit)
    )
    return {row.id: to_observed(row) for row in rows}


def to_observed(row: Any) -> Observed:
    """Given a row of ``observed``, return core's form of it."""
    also = {name: tuple(more) for name, more in load(row.also).items()} if row.also else {}
    return Observed(
        record=Record(
            id=row.id,
            values=to_values(row.shown),
            also=also,
            version=row.version,
            modified_at=maybe_from_ms(row.modified_at),
            created_at=maybe_from_ms(row.created_at),
            in_scope=row.in_scope,
            merged_ids=tuple(load(row.merged)) if row.merged else (),
            converted=load_converted(row.converted),
        ),
        looked_at=from_ms(row.looked_at),
        since=load_since(row.since),
        edited_at=maybe_from_ms(row.edited_at),
        gone=Gone(id=row.id, proof=row.gone) if row.gone else None,
    )


def _stored(tx: Connection, source: str, ids: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in chunks(ids):
        rows = tx.execute(_STORED, {"b_source": source, "b_ids": list(part)})
        found.update({row.id: row for row in rows})
    return found


def _older(look: Look, row: Any) -> bool:
    versions = look.record.version, row.version
    if None not in versions and versions[0] != versions[1]:  # as exact as a second only, on some sides
        return bool(versions[0] < versions[1])
    return bool(to_ms(look.looked_at) < row.looked_at)


def _completed(record: Record, row: Any) -> Record:
    """An answer to a write shows only some fields: the others stay as they were last shown."""
    before = to_observed(row).record
    return replace(
        record,
        values={**before.values, **record.values},
        also={**before.also, **record.also},
        in_scope=before.in_scope,
        merged_ids=before.merged_ids,
        converted=before.converted,
        modified_at=record.modified_at or before.modified_at,
        created_at=record.created_at or before.created_at,
        version=record.version if record.version is not None else before.version,
    )


def _row(
    source: str, look: Look, record: Record, digest: bytes, row: Any | None, listed_at: datetime | None
) -> dict[str, Any]:
    return {
        "source": source,
        "id": record.id,
        "shown": dump(record.values),
        "also": dump(record.also) if record.also else None,
        "merged": dump(record.merged_ids) if record.merged_ids else None,
        "version": record.version,
        "modified_at": maybe_ms(record.modified_at),
        "edited_at": _edited_at(look, record, row) if row is not None else None,
        "created_at": maybe_ms(record.created_at),
        "in_scope": record.in_scope,
        "converted": dump_converted(record.converted),
        "digest": digest,
        "looked_at": to_ms(look.looked_at),
        "first_seen_at": row.first_seen_at if row is not None else to_ms(look.looked_at),
        "since": dump_since(_since(look, record, row, listed_at)) if row is not None else None,
        "gone": None,
        "gone_at": None,
        "moved_to": None,
    }


def _edited_at(look: Look, record: Record, row: Any) -> int | None:
    """``modified_at`` as people left it, if a write of syncd's has moved it since."""
    kept: int | None = row.edited_at
    if look.after_write:
        return kept or row.modified_at
    return kept if maybe_ms(record.modified_at) == row.modified_at else None


def _since(look: Look, record: Record, row: Any, listed_at: datetime | None) -> dict[str, When]:
    """When each field's present value came: known only for fields that were seen to change."""
    before: dict[str, Value] = to_values(row.shown)
    # What came while a field was not read is not known: an older value's time must not pass for it.
    since = {name: when for name, when in load_since(row.since).items() if name in record.values}
    latest = record.modified_at or look.looked_at
    earliest = latest
    # A conversion is the edit of no field: one that was edited before it changed at some time after the last look.
    if record.modified_at is None or (record.converted is not None and not row.converted):
        earliest = min(from_ms(max(row.looked_at, maybe_ms(listed_at) or 0)), latest)
    for name, value in record.values.items():
        if name in before and before[name] != value:
            since[name] = When(earliest=earliest, latest=latest)
    return since


def _touch(tx: Connection, source: str, id_: str, looked_at: int, version: int | None) -> None:
    tx.execute(_TOUCH, {"b_source": source, "b_id": id_, "b_at": looked_at, "b_version": version})
