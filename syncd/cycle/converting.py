"""A converted record's link goes to the record that it has become, in the account's connection for that object.

Without such a connection, or while it is disabled, the pair stays where it is, frozen (``planning``): nothing is
written, created or deleted for it. Conversions come before matching and creates, as merges do: looks tell of them, and
a run begins with those that an earlier one had nowhere to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from syncd.core.mapping import FieldMap
from syncd.core.model import Base, Converted, Hold, HoldReason, Link, LinkState, Side
from syncd.cycle.world import Peer, Spoke, World
from syncd.store import holds, links, matching

#: The reason of a pair that has nowhere to go.
FROZEN_AS = "converted"


def follow(world: World, tx: Connection, spoke: Spoke, converted: Mapping[str, Converted]) -> None:
    """Move the links of these records of the connection's CRM, as far as there is a connection for what they became."""
    for record_id, link in links.living(tx, spoke.name, Side.CRM, list(converted)).items():
        heir = _heir(spoke, converted[record_id])
        if heir is not None:
            _hand_over(world, tx, spoke, link, converted[record_id], heir)


def catch_up(world: World, spoke: Spoke) -> None:
    """The same for pairs that were frozen when there was no such connection yet."""
    if len(spoke.peers) < 2:
        return
    with world.database.write() as tx:
        follow(world, tx, spoke, links.converted(tx, spoke.name, spoke.sources[Side.CRM]))


def _heir(spoke: Spoke, converted: Converted) -> Peer | None:
    """The connection for what it became; one that is disabled takes nothing up, so the pair waits until it is not."""
    peers = (peer for peer in spoke.peers if peer.name != spoke.name and peer.enabled)
    return next((peer for peer in peers if peer.fields.object == converted.object), None)


def _hand_over(world: World, tx: Connection, spoke: Spoke, link: Link, converted: Converted, heir: Peer) -> None:
    """One link ends as moved, and its heir's begins; unless the new record is another contact's half already."""
    now = world.clock.now()
    holds.close_for(tx, spoke.name, salespulse_id=link.salespulse_id, crm_id=link.crm_id, at=now)
    there = links.living(tx, heir.name, Side.CRM, [converted.id]).get(converted.id)
    if there is not None and there.salespulse_id != link.salespulse_id:
        reason = f"{link.crm_id} was converted into {converted.id}, which is linked to {there.salespulse_id}"
        links.set_state(tx, link.id, LinkState.SEVERED, reason=reason, dirty=True)
        hold = Hold(
            connection=spoke.name,
            reason=HoldReason.TWO_CONTACTS,
            salespulse_id=link.salespulse_id,
            crm_id=converted.id,
            message=(
                f"two contacts, one record: {link.salespulse_id} was linked to {link.crm_id}, which "
                f"{spoke.policy.label} converted into {converted.id}, the record of {there.salespulse_id}; make one "
                "contact of the two in SalesPulse, or delete the one that is not wanted"
            ),
        )
        spoke.tally.held += holds.put(tx, [hold], run_id=world.run_id, at=now)
        return
    # Dirty, so that what was planned for it is dropped with the next look at the plan.
    moved = f"converted into {converted.object} {converted.id}"
    links.set_state(tx, link.id, LinkState.MOVED, reason=moved, dirty=True)
    if there is None:
        begun = links.add(
            tx,
            heir.name,
            link.salespulse_id,
            converted.id,
            matched_by=links.BY_CONVERSION,
            run_id=world.run_id,
            at=now,
            bases=_inherited(link, spoke.fields, heir.fields),
        )
        links.set_state(tx, begun, LinkState.ACTIVE, reason=links.ARRIVED, dirty=True)
    matching.unmark(tx, heir.name, ((Side.SALESPULSE, link.salespulse_id), (Side.CRM, converted.id)))


def _inherited(link: Link, theirs: FieldMap, ours: FieldMap) -> Mapping[str, Base]:
    """The bases of SalesPulse fields that both mappings read in the same way, whatever the CRM calls them there: State
    of a lead is MailingState of a contact. The others count as never agreed.
    """
    former = {(rule.salespulse, rule.kind, rule.table): rule for rule in theirs.rules}
    found: dict[str, Base] = {}
    for rule in ours.rules:
        before = former.get((rule.salespulse, rule.kind, rule.table))
        base = link.bases.get(before.name) if before is not None else None
        if before is not None and base is not None and base.fingerprint == before.fingerprint:
            found[rule.name] = replace(base, fingerprint=rule.fingerprint)
    return found
