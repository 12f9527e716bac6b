"""What a pass does to the state before it reads: the remains of a broken-off run, and what a changed config means."""

from __future__ import annotations

import hashlib

import orjson
from sqlalchemy import Connection

from syncd.core.model import SIDES
from syncd.cycle.observing import all_keys
from syncd.cycle.world import Spoke, World
from syncd.store import journal, links, matching, observed, sources


def begin(world: World, spoke: Spoke) -> None:
    """Drop what was planned and never sent; renew the match keys, the marks and the listings that no longer hold."""
    rules = _digest((spoke.fields.keys, spoke.fields.key_fields, dict(spoke.policy.identity)))
    with world.database.write() as tx:
        journal.drop_planned(tx, spoke.name)
        known = sources.known_connection(tx, spoke.name)
    if known.keys_fingerprint != rules or known.keys_stale:
        _renew_keys(world, spoke)
    with world.database.write() as tx:
        mapping = spoke.mapping_digest.hex()
        if known.mapping != mapping:
            links.mark_unsettled(tx, spoke.name, spoke.sources, spoke.mapping_digest)
        if known.mapping != mapping or known.keys_fingerprint != rules:
            matching.release(tx, spoke.name, "refused", "due")  # what was refused under other rules is tried again
        wanted = _list_again(tx, spoke, known.wanted)
        sources.save_connection(
            tx,
            spoke.name,
            keys_fingerprint=rules,
            keys_stale=False,
            mapping=mapping,
            wanted=wanted,
            object=object_of(spoke),
        )


def object_of(spoke: Spoke) -> str:
    """What the connection's links lead to, as the state remembers it."""
    return f"{spoke.fields.connector} {spoke.fields.object}"


def mark_everything(world: World, spoke: Spoke) -> None:
    """A full run recomputes every mark: pairs that are not settled, records without a link."""
    with world.database.write() as tx:
        links.mark_unsettled(tx, spoke.name, spoke.sources, spoke.mapping_digest)
        matching.refill(tx, spoke.name, spoke.sources)


def _list_again(tx: Connection, spoke: Spoke, before: str) -> str:
    """A field that was not asked for until now was read of nobody: its side is listed. Return what is asked for now."""
    wanted = {side.value: list(spoke.fields.fields(side)) for side in SIDES}
    wanted["scope"] = [repr(spoke.fields.scope_crm)]
    known = orjson.loads(before) if before else wanted
    for side, source in spoke.sources.items():
        if not set(wanted[side.value]) <= set(known[side.value]) or known["scope"] != wanted["scope"]:
            sources.save(tx, source, listed_at=None)
    return orjson.dumps(wanted).decode()


def _renew_keys(world: World, spoke: Spoke) -> None:
    with world.database.write() as tx:
        matching.clear_keys(tx, spoke.name)
    for side in SIDES:
        after = ""
        while True:
            with world.database.write() as tx:
                page = observed.page(tx, spoke.sources[side], after)
                if not page:
                    break
                after = max(page)
                found = {id_: all_keys(spoke, side, seen.record) for id_, seen in page.items()}
                matching.save_keys(tx, spoke.name, side, found)
    with world.database.write() as tx:
        matching.refill(tx, spoke.name, spoke.sources)


def _digest(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()
