"""Match keys and the records that have no link yet, by connection: matching reads these and needs no search call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert

from syncd.core.model import SIDES, Converted, Side
from syncd.store.codec import dump_converted, load_converted
from syncd.store.observed import chunks
from syncd.store.tables import connections, keys, links, observed, unmatched

#: (side, id)
Who = tuple[Side, str]

IDENTITY = "identity"  #: the key under which the other half's id (id property, token field) is kept

# Statements of the hot paths are built once: building one costs more than running it.
_KEYS_OF_IDS = (
    keys.c.connection == bindparam("b_connection"),
    keys.c.side == bindparam("b_side"),
    keys.c.id.in_(bindparam("b_ids", expanding=True)),
)
_KEYS_OF = select(keys.c.id, keys.c.key, keys.c.value).where(*_KEYS_OF_IDS)
_DROP_KEYS = delete(keys).where(*_KEYS_OF_IDS)
_ADD_KEYS = insert(keys).on_conflict_do_nothing()
_ADD_MARK = insert(unmatched)
_MARK = _ADD_MARK.on_conflict_do_update(
    index_elements=["connection", "side", "id"], set_={"state": _ADD_MARK.excluded.state}
)
_ONE = (
    unmatched.c.connection == bindparam("b_connection"),
    unmatched.c.side == bindparam("b_side"),
    unmatched.c.id == bindparam("b_id"),
)
_MARK_WAITING = update(unmatched).where(*_ONE, unmatched.c.state != "planned").values(state=bindparam("b_state"))
_MARK_LEFT = update(unmatched).where(*_ONE, unmatched.c.state == "due").values(state="left")
_COUNT = (
    select(func.count())
    .select_from(unmatched)
    .where(unmatched.c.connection == bindparam("b_connection"), unmatched.c.state == bindparam("b_state"))
)
_UNMARK = delete(unmatched).where(*_ONE)
_STATES = select(unmatched.c.id, unmatched.c.state).where(
    unmatched.c.connection == bindparam("b_connection"),
    unmatched.c.side == bindparam("b_side"),
    unmatched.c.id.in_(bindparam("b_ids", expanding=True)),
)


def _each(connection: str, who: Iterable[Who]) -> list[dict[str, str]]:
    return [{"b_connection": connection, "b_side": side.value, "b_id": id_} for side, id_ in who]


def save_keys(tx: Connection, connection: str, side: Side, found: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
    """Replace the keys of these records: id → key → canonical values."""
    for part in chunks(list(found)):
        tx.execute(_DROP_KEYS, {"b_connection": connection, "b_side": side.value, "b_ids": list(part)})
    rows = [
        {"connection": connection, "side": side.value, "id": id_, "key": key, "value": value}
        for id_, by_key in found.items()
        for key, values in by_key.items()
        for value in values
    ]
    if rows:
        tx.execute(_ADD_KEYS, rows)


def clear_keys(tx: Connection, connection: str) -> None:
    tx.execute(delete(keys).where(keys.c.connection == connection))


def keys_of(tx: Connection, connection: str, who: Sequence[Who]) -> dict[Who, dict[str, frozenset[str]]]:
    """who → key → values, also for those without any."""
    found: dict[Who, dict[str, set[str]]] = {one: {} for one in who}
    for side in SIDES:  # not by pairs of (side, id): for those SQLite reads every key of the connection
        for part in chunks([id_ for one, id_ in found if one is side]):
            rows = tx.execute(_KEYS_OF, {"b_connection": connection, "b_side": side.value, "b_ids": list(part)})
            for row in rows:
                found[side, row.id].setdefault(row.key, set()).add(row.value)
    return {one: {key: frozenset(values) for key, values in by_key.items()} for one, by_key in found.items()}


def bearers(tx: Connection, connection: str, values: Iterable[tuple[str, str]]) -> set[tuple[Side, str, str, str]]:
    """Who carries any of these (key, value)s: (side, id, key, value)."""
    found: set[tuple[Side, str, str, str]] = set()
    by_key: dict[str, list[str]] = {}
    for key, value in values:
        by_key.setdefault(key, []).append(value)
    for key, some in by_key.items():
        for part in chunks(some):
            rows = tx.execute(
                select(keys.c.side, keys.c.id, keys.c.value).where(
                    keys.c.connection == connection, keys.c.key == key, keys.c.value.in_(part)
                )
            )
            found |= {(Side(row.side), row.id, key, row.value) for row in rows}
    return found


def conversions(tx: Connection, source: str, name: str, ids: Sequence[str]) -> set[tuple[str, str]]:
    """(id, what it has become) of a source's records that were converted into one of these, of the object ``name``."""
    found: set[tuple[str, str]] = set()
    for part in chunks(ids):
        into = [dump_converted(Converted(object=name, id=id_)) for id_ in part]
        query = select(observed.c.id, observed.c.converted).where(
            observed.c.source == source, observed.c.converted.in_(into)
        )
        found |= {(row.id, one.id) for row in tx.execute(query) if (one := load_converted(row.converted)) is not None}
    return found


def crowded(
    tx: Connection, connection: str, pairs: Iterable[tuple[str, str]], more_than: int
) -> frozenset[tuple[str, str]]:
    """Those of these (key, value)s that more than so many records of one side carry."""
    by_key: dict[str, list[str]] = {}
    for key, value in pairs:
        by_key.setdefault(key, []).append(value)
    found: set[tuple[str, str]] = set()
    for key, values in by_key.items():
        for part in chunks(values):
            rows = tx.execute(
                select(keys.c.value)
                .where(keys.c.connection == connection, keys.c.key == key, keys.c.value.in_(part))
                .group_by(keys.c.side, keys.c.value)
                .having(func.count() > more_than)
            )
            found |= {(key, row.value) for row in rows}
    return frozenset(found)


def mark(tx: Connection, connection: str, who: Iterable[Who], state: str) -> None:
    """Set the state of records without a link: due, planned, held, refused, no_key or left."""
    rows = [{"connection": connection, "side": side.value, "id": id_, "state": state} for side, id_ in who]
    if rows:
        tx.execute(_MARK, rows)


def mark_due_as(tx: Connection, connection: str, who: Iterable[Who], state: str) -> None:
    """Those of these that wait without a link, and for which no create is journalled, get this state."""
    rows = [{**one, "b_state": state} for one in _each(connection, who)]
    if rows:
        tx.execute(_MARK_WAITING, rows)


def mark_left(tx: Connection, connection: str, who: Iterable[Who]) -> None:
    """Whoever of these is still due was judged, and nothing is to be done."""
    if rows := _each(connection, who):
        tx.execute(_MARK_LEFT, rows)


def unmark(tx: Connection, connection: str, who: Iterable[Who]) -> None:
    """These records have a link now, or are gone."""
    if rows := _each(connection, who):
        tx.execute(_UNMARK, rows)


def in_state(tx: Connection, connection: str, state: str, limit: int | None = None) -> tuple[Who, ...]:
    found: list[Who] = []
    for side in SIDES:  # one query a side: both in one order would be sorted anew for every chunk
        query = (
            select(unmatched.c.id)
            .where(unmatched.c.connection == connection, unmatched.c.state == state, unmatched.c.side == side.value)
            .order_by(unmatched.c.id)
        )
        rows = tx.execute(query.limit(limit - len(found)) if limit else query)
        found += [(side, row.id) for row in rows]
    return tuple(found)


def states(tx: Connection, connection: str, side: Side, ids: Sequence[str]) -> dict[str, str]:
    """id → state, of those that have no link."""
    found: dict[str, str] = {}
    for part in chunks(ids):
        rows = tx.execute(_STATES, {"b_connection": connection, "b_side": side.value, "b_ids": list(part)})
        found.update({row.id: row.state for row in rows})
    return found


def count(tx: Connection, connection: str, state: str) -> int:
    return int(tx.execute(_COUNT, {"b_connection": connection, "b_state": state}).scalar_one())


def linked(
    tx: Connection, connections: Sequence[str], side: Side, ids: Sequence[str]
) -> dict[str, tuple[int, str, str]]:
    """id → (link id, link state, id of the other half), the living link first, for records that have or had one."""
    own, other = (links.c.salespulse_id, links.c.crm_id)
    if side is Side.CRM:
        own, other = other, own
    found: dict[str, tuple[int, str, str]] = {}
    for part in chunks(ids):
        rows = tx.execute(
            select(links.c.id, links.c.state, own.label("own"), other.label("other")).where(
                links.c.connection.in_(list(connections)), own.in_(part), links.c.state != "moved"
            )
        )
        for row in rows:
            if row.own not in found or row.state in ("active", "frozen"):
                found[row.own] = (row.id, row.state, row.other)
    return found


def refill(tx: Connection, connection: str, sources: Mapping[Side, str]) -> None:
    """Every live record without a living link becomes due; those with one, and the gone, drop out.

    Those for which a create is journalled stay as they are, and those that a vendor refused, until they change.
    """
    tx.execute(
        delete(unmatched).where(unmatched.c.connection == connection, unmatched.c.state.not_in(("planned", "refused")))
    )
    for side, source in sources.items():
        own = links.c.salespulse_id if side is Side.SALESPULSE else links.c.crm_id
        # NOT EXISTS and no list of ids: what SQLite keeps in memory must not grow with the number of pairs.
        taken = select(literal(1)).where(
            links.c.connection == connection, own == observed.c.id, links.c.state.in_(("active", "frozen"))
        )
        statement = insert(unmatched).from_select(
            ["connection", "side", "id", "state"],
            select(
                literal(connection).label("connection"),
                literal(side.value).label("side"),
                observed.c.id,
                literal("due").label("state"),
            ).where(observed.c.source == source, observed.c.gone.is_(None), ~taken.correlate(observed).exists()),
        )
        tx.execute(statement.on_conflict_do_nothing())


def release(tx: Connection, connection: str, from_state: str, to_state: str) -> None:
    tx.execute(
        update(unmatched)
        .where(unmatched.c.connection == connection, unmatched.c.state == from_state)
        .values(state=to_state)
    )


def forget(tx: Connection, connection: str) -> None:
    """Forget keys and states of a connection whose records are those of another account now."""
    tx.execute(delete(keys).where(keys.c.connection == connection))
    tx.execute(delete(unmatched).where(unmatched.c.connection == connection))
    tx.execute(update(connections).where(connections.c.name == connection).values(keys_stale=True))
