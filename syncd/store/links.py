"""Links: which contact is which record, what they last agreed on, and which pairs have to be merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, and_, bindparam, cast, func, insert, literal, select, text, update

from syncd.core.model import Base, Converted, Link, LinkState, Observed, Pair, Side
from syncd.store.codec import dump_bases, load_bases, load_converted, to_ms
from syncd.store.observed import chunks, to_observed
from syncd.store.tables import links, observed

LIVING = (LinkState.ACTIVE.value, LinkState.FROZEN.value)
#: Reason of a link that a conversion began, until its new record was looked at.
ARRIVED = "converted, not looked at yet"
#: By what such a link was matched.
BY_CONVERSION = "conversion"

#: As the partial index ix_links_dirty words it: written as ``dirty = 1`` SQLite would read the whole table instead.
_DIRTY = text("links.dirty")

# Statements of the hot paths are built once: building one costs more than running it.
_OWN = {Side.SALESPULSE: links.c.salespulse_id, Side.CRM: links.c.crm_id}
_KNOWN = select(links.c.id).where(
    links.c.connection == bindparam("b_connection"),
    links.c.salespulse_id == bindparam("b_salespulse_id"),
    links.c.crm_id == bindparam("b_crm_id"),
)
_INSERT = insert(links)
_GET = select(links).where(links.c.id == bindparam("b_id"))
_LIVING = {
    side: select(links).where(
        links.c.connection == bindparam("b_connection"),
        own.in_(bindparam("b_ids", expanding=True)),
        links.c.state.in_(LIVING),
    )
    for side, own in _OWN.items()
}
_MARK = {
    side: update(links)
    .where(
        links.c.connection == bindparam("b_connection"),
        own.in_(bindparam("b_ids", expanding=True)),
        links.c.state != LinkState.MOVED.value,
    )
    .values(dirty=True)
    for side, own in _OWN.items()
}
_SETTLE = (
    update(links)
    .where(links.c.id == bindparam("b_id"))
    .values(dirty=bindparam("b_dirty"), settled=bindparam("b_settled"))
)
_SETTLE_BASES = _SETTLE.values(bases=bindparam("b_bases"))
_DIRTY_AMONG = select(links.c.id).where(links.c.id.in_(bindparam("b_ids", expanding=True)), _DIRTY).order_by(links.c.id)
_SET_DIRTY = update(links).where(links.c.id.in_(bindparam("b_ids", expanding=True))).values(dirty=True)


def add(
    tx: Connection,
    connection: str,
    salespulse_id: str,
    crm_id: str,
    *,
    matched_by: str,
    run_id: int,
    at: datetime,
    dirty: bool = True,
    bases: Mapping[str, Base] | None = None,
) -> int:
    """Make a link, active and to be merged, and return its number. A severed link of the same two becomes
    active again.
    """
    known = tx.execute(
        _KNOWN, {"b_connection": connection, "b_salespulse_id": salespulse_id, "b_crm_id": crm_id}
    ).scalar()
    if known is not None:
        set_state(tx, known, LinkState.ACTIVE, reason="", dirty=dirty)
        return int(known)
    result = tx.execute(
        _INSERT,
        {
            "connection": connection,
            "salespulse_id": salespulse_id,
            "crm_id": crm_id,
            "state": LinkState.ACTIVE.value,
            "matched_by": matched_by,
            "run_id": run_id,
            "linked_at": to_ms(at),
            "dirty": dirty,
            "bases": dump_bases(bases or {}),
        },
    )
    return int(result.inserted_primary_key[0])  # type: ignore[index] # an integer primary key is always returned


def to_link(row: Any) -> Link:
    return Link(
        id=row.id,
        connection=row.connection,
        salespulse_id=row.salespulse_id,
        crm_id=row.crm_id,
        state=LinkState(row.state),
        reason=row.reason,
        bases=load_bases(row.bases),
    )


def get(tx: Connection, link_id: int) -> Link | None:
    row = tx.execute(_GET, {"b_id": link_id}).first()
    return to_link(row) if row else None


def get_many(tx: Connection, ids: Sequence[int]) -> dict[int, Link]:
    """number → link."""
    if not ids:
        return {}
    return {row.id: to_link(row) for row in tx.execute(select(links).where(links.c.id.in_(list(ids))))}


def living(tx: Connection, connection: str, side: Side, ids: Sequence[str]) -> dict[str, Link]:
    """id on that side → its active or frozen link."""
    found: dict[str, Link] = {}
    for part in chunks(ids):
        for row in tx.execute(_LIVING[side], {"b_connection": connection, "b_ids": list(part)}):
            link = to_link(row)
            found[link.on(side)] = link
    return found


def converted(tx: Connection, connection: str, source: str) -> dict[str, Converted]:
    """CRM id → what it was converted into, for pairs that are frozen."""
    query = (
        select(links.c.crm_id, observed.c.converted)
        .join(observed, and_(observed.c.source == source, observed.c.id == links.c.crm_id))
        .where(
            links.c.connection == connection,
            links.c.state == LinkState.FROZEN.value,
            observed.c.converted.is_not(None),
        )
    )
    found = {row.crm_id: load_converted(row.converted) for row in tx.execute(query)}
    return {id_: into for id_, into in found.items() if into is not None}


def for_reason(tx: Connection, connection: str, reason: str) -> tuple[Link, ...]:
    """The connection's active links whose reason is this one."""
    query = select(links).where(
        links.c.connection == connection, _DIRTY, links.c.state == LinkState.ACTIVE.value, links.c.reason == reason
    )
    return tuple(to_link(row) for row in tx.execute(query))


def forebear(tx: Connection, link: Link, sources: Sequence[str]) -> tuple[Link, Observed] | None:
    """The link that a conversion moved to this one, and what its CRM record showed last; ``sources``: where from."""
    query = (
        select(links, *(observed.c[name].label(f"was_{name}") for name in _OBSERVED))
        .join(observed, and_(observed.c.source == links.c.connection, observed.c.id == links.c.crm_id))
        .where(
            links.c.connection.in_(list(sources)),
            links.c.salespulse_id == link.salespulse_id,
            links.c.state == LinkState.MOVED.value,
            observed.c.converted.is_not(None),
        )
        .order_by(links.c.id.desc())
    )
    for row in tx.execute(query):
        into = load_converted(row.was_converted)
        if into is not None and into.id == link.crm_id:
            return to_link(row), to_observed(_Half(row, "was_"))
    return None


def mark_dirty(tx: Connection, connection: str, side: Side, ids: Sequence[str]) -> None:
    """A look changed these records: whatever hangs on them is merged again, a severed link judged again."""
    for part in chunks(ids):
        tx.execute(_MARK[side], {"b_connection": connection, "b_ids": list(part)})


def mark_dirty_elsewhere(tx: Connection, connections: Sequence[str], salespulse_ids: Sequence[str]) -> None:
    """The same for the contacts' links in all connections but these."""
    for part in chunks(salespulse_ids):
        tx.execute(
            update(links)
            .where(
                links.c.connection.not_in(list(connections)),
                links.c.salespulse_id.in_(part),
                links.c.state != LinkState.MOVED.value,
            )
            .values(dirty=True)
        )


def mark_unsettled(tx: Connection, connection: str, sources: Mapping[Side, str], mapping: bytes) -> None:
    """Mark every living pair whose last merge saw other values, or was made under another mapping, than now."""
    left = observed.alias("left_side")
    right = observed.alias("right_side")
    # SQLite joins bytes to a text, which equals no bytes unless it is cast back.
    joined = cast(left.c.digest.op("||")(right.c.digest).op("||")(literal(mapping)), LargeBinary)
    # NOT EXISTS and no list of ids: what SQLite keeps in memory must not grow with the number of pairs.
    settled = (
        select(literal(1))
        .where(
            left.c.source == sources[Side.SALESPULSE],
            left.c.id == links.c.salespulse_id,
            right.c.source == sources[Side.CRM],
            right.c.id == links.c.crm_id,
            links.c.settled == joined,
        )
        .correlate(links)
    )
    tx.execute(
        update(links)
        .where(
            links.c.connection == connection,
            links.c.state.in_(LIVING),
            ~links.c.dirty,
            ~settled.exists(),
        )
        .values(dirty=True)
    )


def dirty_pairs(
    tx: Connection,
    connection: str,
    sources: Mapping[Side, str],
    *,
    after: int = 0,
    limit: int = 500,
    only: Iterable[int] | None = None,
) -> tuple[tuple[Pair, bytes], ...]:
    """Pairs to be merged, by link number, each with the joined digests of both halves. Severed ones are among them."""
    left = observed.alias("left_side")
    right = observed.alias("right_side")
    query = (
        select(
            links,
            *(left.c[name].label(f"left_{name}") for name in _OBSERVED),
            *(right.c[name].label(f"right_{name}") for name in _OBSERVED),
        )
        .join(left, and_(left.c.source == sources[Side.SALESPULSE], left.c.id == links.c.salespulse_id))
        .join(right, and_(right.c.source == sources[Side.CRM], right.c.id == links.c.crm_id))
        .where(links.c.connection == connection, links.c.id > after)
        .order_by(links.c.id)
        .limit(limit)
    )
    query = query.where(_DIRTY) if only is None else query.where(links.c.id.in_(list(only)))
    pairs = []
    for row in tx.execute(query):
        pair = Pair(
            link=to_link(row),
            salespulse=to_observed(_Half(row, "left_")),
            crm=to_observed(_Half(row, "right_")),
        )
        pairs.append((pair, row.left_digest + row.right_digest))
    return tuple(pairs)


_OBSERVED = (
    "id",
    "shown",
    "also",
    "merged",
    "version",
    "modified_at",
    "edited_at",
    "created_at",
    "in_scope",
    "converted",
    "digest",
    "looked_at",
    "since",
    "gone",
)


class _Half:
    """One side's columns of a joined row, under their own names."""

    __slots__ = ("_prefix", "_row")

    def __init__(self, row: Any, prefix: str) -> None:
        self._row = row
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, self._prefix + name)


def settle(
    tx: Connection,
    link_id: int,
    *,
    bases: Mapping[str, Base] | None = None,
    settled: bytes | None = None,
    dirty: bool = False,
) -> None:
    """Store what a merge or a receipt decided. ``settled``: both digests and the mapping, when nothing is left
    to do.
    """
    values: dict[str, Any] = {"b_id": link_id, "b_dirty": dirty, "b_settled": settled}
    if bases is None:
        tx.execute(_SETTLE, values)
    else:
        tx.execute(_SETTLE_BASES, {**values, "b_bases": dump_bases(bases)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What ``settle`` stores, for many links at once."""

    link_id: int
    bases: Mapping[str, Base]
    dirty: bool
    settled: bytes | None = None


def settle_all(tx: Connection, some: Iterable[Settling]) -> None:
    rows = [
        {"b_id": one.link_id, "b_dirty": one.dirty, "b_settled": one.settled, "b_bases": dump_bases(one.bases)}
        for one in some
    ]
    if rows:
        tx.execute(_SETTLE_BASES, rows)


def dirty_among(tx: Connection, ids: Sequence[int]) -> list[int]:
    """Those of these links that have to be merged again."""
    if not ids:
        return []
    return [row.id for row in tx.execute(_DIRTY_AMONG, {"b_ids": list(ids)})]


def set_dirty(tx: Connection, ids: Sequence[int]) -> None:
    if ids:
        tx.execute(_SET_DIRTY, {"b_ids": list(ids)})


def set_state(tx: Connection, link_id: int, state: LinkState, *, reason: str, dirty: bool) -> None:
    tx.execute(
        update(links).where(links.c.id == link_id).values(state=state.value, reason=reason, dirty=dirty, settled=None)
    )


def move(tx: Connection, link_id: int, side: Side, new_id: str) -> None:
    """One half was merged into ``new_id``: the link goes with it and keeps its bases."""
    own = links.c.salespulse_id if side is Side.SALESPULSE else links.c.crm_id
    tx.execute(
        update(links).where(links.c.id == link_id).values({own: new_id, links.c.dirty: True, links.c.settled: None})
    )


def counts(tx: Connection, connection: str) -> dict[str, int]:
    """state → number of links."""
    rows = tx.execute(
        select(links.c.state, func.count().label("n")).where(links.c.connection == connection).group_by(links.c.state)
    )
    return {row.state: row.n for row in rows}


def dirty_count(tx: Connection, connection: str) -> int:
    query = select(func.count()).select_from(links).where(links.c.connection == connection, _DIRTY)
    return int(tx.execute(query).scalar_one())


def longest(tx: Connection, limit: int = 5) -> tuple[str, ...]:
    """SalesPulse ids that have been linked longest: the contacts by which the account is known again."""
    query = (
        select(links.c.salespulse_id)
        .where(links.c.state == LinkState.ACTIVE.value)
        .group_by(links.c.salespulse_id)
        .order_by(func.min(links.c.linked_at), links.c.salespulse_id)
        .limit(limit)
    )
    return tuple(row.salespulse_id for row in tx.execute(query))
