"""Who is in the same CRM account under another object: a lead beside contacts, a contact beside leads.

Matching sees them with its own records, as ones that take no part: whoever is a lead already is not made a contact as
well. Their own connection links them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from syncd.core.mapping import FieldMap
from syncd.core.model import Observed, Record, Side
from syncd.cycle.world import Peer, Spoke
from syncd.store import matching, observed, sources
from syncd.store.matching import Who


def others(spoke: Spoke) -> tuple[Peer, ...]:
    """The connections of its account that sync another object. Ids are unique across the objects of an account."""
    return tuple(peer for peer in spoke.peers if peer.fields.object != spoke.fields.object)


def unlisted(tx: Connection, spoke: Spoke) -> tuple[str, ...]:
    """Those of them that were never listed: who is there is not known yet."""
    return tuple(peer.name for peer in others(spoke) if peer.enabled and sources.get(tx, peer.name).listed_at is None)


def bearers(tx: Connection, spoke: Spoke, values: Iterable[tuple[str, str]]) -> set[tuple[Side, str, str, str]]:
    """Their CRM records that carry any of these (key, value)s: (side, id, key, value)."""
    values = tuple(values)
    found = (one for peer in others(spoke) for one in matching.bearers(tx, peer.name, values))
    return {one for one in found if one[0] is Side.CRM}


def joined(tx: Connection, spoke: Spoke, ids: Sequence[str]) -> set[tuple[Who, Who]]:
    """Whom a conversion joins to these CRM records: what was converted into one of them, and whom that names."""
    found: set[tuple[Who, Who]] = set()
    for peer in others(spoke):
        former = matching.conversions(tx, peer.name, spoke.fields.object, ids)
        found |= {((Side.CRM, before), (Side.CRM, now)) for before, now in former}
        named = matching.keys_of(tx, peer.name, [(Side.CRM, before) for before, _now in former])
        found |= {
            (who, (Side.SALESPULSE, id_)) for who, keys in named.items() for id_ in keys.get(matching.IDENTITY, ())
        }
    return found


def shown(tx: Connection, spoke: Spoke, ids: Sequence[str]) -> dict[str, Observed]:
    """Those of these CRM records that are theirs, under this connection's field names and out of its scope."""
    found: dict[str, Observed] = {}
    for peer in others(spoke):
        for id_, seen in observed.get_many(tx, peer.name, ids).items():
            found[id_] = replace(seen, record=_renamed(seen.record, peer.fields, spoke.fields))
    return found


def _renamed(record: Record, theirs: FieldMap, ours: FieldMap) -> Record:
    names = {rule.salespulse: rule.crm for rule in ours.rules}
    pairs = {rule.crm: names[rule.salespulse] for rule in theirs.rules if rule.salespulse in names}
    for key, by_side in theirs.key_fields.items():
        if key in ours.key_fields:
            pairs[by_side[Side.CRM]] = ours.key_fields[key][Side.CRM]
    mapped = {rule.crm for rule in theirs.rules}
    kept = {name: value for name, value in record.values.items() if name not in mapped}  # the id property among them
    return replace(
        record,
        values={**kept, **{pairs[name]: value for name, value in record.values.items() if name in pairs}},
        also={pairs[name]: more for name, more in record.also.items() if name in pairs},
        in_scope=False,
    )
