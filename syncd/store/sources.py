"""Sources and connections: accounts, catalogs, cursors, the listing under way, what connectors learned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from syncd.store.codec import maybe_from_ms, maybe_ms, to_ms
from syncd.store.database import Database
from syncd.store.tables import connections, memory, observed, seen, sources

#: Source name of the SalesPulse side, shared by every connection.
HUB = "salespulse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is known of one side's data as a whole."""

    name: str
    account_id: str = ""
    catalog: str = "{}"
    catalog_at: datetime | None = None
    feed_cursor: str | None = None
    listed_at: datetime | None = None
    confirmed: bool = False
    live_before: int | None = None
    scan_started_at: datetime | None = None
    scan_cursor: str | None = None
    scan_feed_cursor: str | None = None
    scan_pages: int = 0
    scan_complete: bool = False


_GET = select(sources).where(sources.c.name == bindparam("b_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownConnection:
    """By what a connection was run last: whatever differs now has consequences."""

    keys_fingerprint: str = ""
    keys_stale: bool = False
    mapping: str = ""
    wanted: str = ""
    object: str = ""


def get(tx: Connection, name: str) -> Source:
    """The source, or a blank one when nothing is known of it yet."""
    row = tx.execute(_GET, {"b_name": name}).mappings().first()
    if row is None:
        return Source(name=name)
    fields = dict(row)
    for moment in ("catalog_at", "listed_at", "scan_started_at"):
        fields[moment] = maybe_from_ms(fields[moment])
    return Source(**fields)


def save(tx: Connection, name: str, **changed: Any) -> None:
    """Set some columns of a source; moments as datetime."""
    values = {key: maybe_ms(value) if isinstance(value, datetime) else value for key, value in changed.items()}
    statement = insert(sources).values(name=name, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def begin_scan(tx: Connection, name: str, at: datetime, feed_cursor: str | None) -> None:
    """Open a listing: nobody seen yet."""
    tx.execute(delete(seen).where(seen.c.source == name))
    save(
        tx,
        name,
        scan_started_at=at,
        scan_cursor=None,
        scan_feed_cursor=feed_cursor,
        scan_pages=0,
        scan_complete=False,
    )


def close_scan(tx: Connection, name: str, *, in_one_page: bool) -> None:
    """The listing is complete: it becomes the last one, and the feed goes on from where it began.

    Pages that are counted shift when somebody on a page that was read is deleted. A later listing shows whom the
    first one skipped; ``in_one_page``: nobody can have been.
    """
    source = get(tx, name)
    confirmed = source.confirmed or source.listed_at is not None or in_one_page
    tx.execute(delete(seen).where(seen.c.source == name))
    save(
        tx,
        name,
        listed_at=source.scan_started_at,
        confirmed=confirmed,
        feed_cursor=source.scan_feed_cursor or source.feed_cursor,
        scan_started_at=None,
        scan_cursor=None,
        scan_feed_cursor=None,
        scan_pages=0,
        scan_complete=False,
    )


def mark_seen(tx: Connection, name: str, ids: list[str]) -> None:
    if ids:
        tx.execute(insert(seen).on_conflict_do_nothing(), [{"source": name, "id": id_} for id_ in ids])


def unseen(tx: Connection, name: str, before: datetime) -> list[str]:
    """Live records that were first seen before the listing began and not in it: candidates, no proof."""
    rows = tx.execute(
        select(observed.c.id)
        .outerjoin(seen, (seen.c.source == observed.c.source) & (seen.c.id == observed.c.id))
        .where(
            observed.c.source == name,
            observed.c.gone.is_(None),
            observed.c.first_seen_at < to_ms(before),
            seen.c.id.is_(None),
        )
        .order_by(observed.c.id)
    )
    return [row.id for row in rows]


def live_count(tx: Connection, name: str) -> int:
    query = select(func.count()).select_from(observed).where(observed.c.source == name, observed.c.gone.is_(None))
    return int(tx.execute(query).scalar_one())


def first_sync_at(tx: Connection, connection: str) -> datetime | None:
    query = select(connections.c.first_sync_at).where(connections.c.name == connection)
    return maybe_from_ms(tx.execute(query).scalar())


def known_connection(tx: Connection, name: str) -> KnownConnection:
    """What the last run left of a connection; blank when there was none."""
    row = tx.execute(select(connections).where(connections.c.name == name)).first()
    if row is None:
        return KnownConnection()
    return KnownConnection(
        keys_fingerprint=row.keys_fingerprint,
        keys_stale=row.keys_stale,
        mapping=row.mapping,
        wanted=row.wanted,
        object=row.object,
    )


def former(tx: Connection, name: str, mine: str, *, but: Collection[str]) -> tuple[str, ...]:
    """Connections that the state knows on the account of ``name``, for another object than ``mine``, without ``but``.

    One for the same object is left out: ``name`` takes its place.
    """
    account = select(sources.c.account_id).where(sources.c.name == name, sources.c.account_id != "").scalar_subquery()
    query = (
        select(sources.c.name)
        .join(connections, connections.c.name == sources.c.name)
        .where(sources.c.account_id == account, connections.c.object != mine, sources.c.name.not_in(list(but)))
        .order_by(sources.c.name)
    )
    return tuple(row.name for row in tx.execute(query))


def last_success_at(tx: Connection, connection: str) -> datetime | None:
    query = select(connections.c.last_success_at).where(connections.c.name == connection)
    return maybe_from_ms(tx.execute(query).scalar())


def save_connection(tx: Connection, name: str, **changed: Any) -> None:
    """Set some columns of a connection; moments as datetime."""
    values = {key: maybe_ms(value) if isinstance(value, datetime) else value for key, value in changed.items()}
    statement = insert(connections).values(name=name, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def forget_keys(tx: Connection, but: Sequence[str]) -> None:
    """The match keys of all connections but these are no longer complete: they are filled anew when those run."""
    tx.execute(update(connections).where(connections.c.name.not_in(list(but))).values(keys_stale=True))


class StoredMemory:
    """connectors.port.Memory on the state: read once, written through."""

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self._source = source
        with database.read() as tx:
            rows = tx.execute(select(memory.c.key, memory.c.value).where(memory.c.source == source))
            self._known = {row.key: row.value for row in rows}

    def get(self, key: str) -> str | None:
        return self._known.get(key)

    def set(self, key: str, value: str) -> None:
        if self._known.get(key) == value:
            return
        self._known[key] = value
        with self._database.write() as tx:
            statement = insert(memory).values(source=self._source, key=key, value=value)
            tx.execute(statement.on_conflict_do_update(index_elements=["source", "key"], set_={"value": value}))


def forget(tx: Connection, name: str) -> None:
    """Forget all that a source showed, its cursors and its account."""
    for table in (seen, observed):
        tx.execute(delete(table).where(table.c.source == name))
    tx.execute(delete(sources).where(sources.c.name == name))
