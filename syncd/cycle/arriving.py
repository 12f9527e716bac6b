"""The first look at the record that a converted one has become, before its pair is merged on the inherited bases.

The looks that told of the conversion need not have shown that record: it may be younger than this run's reads, and
gone again before anybody looked. And a conversion carries over only the fields that an administrator has set up for it,
and overwrites nothing in a record that was there before. What such a record shows was typed or cleared by nobody just
now, so those bases are void; what somebody had typed into the converted one meanwhile is in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from connectors.port import Fetched
from syncd.core import lens
from syncd.core.mapping import FieldMap, FieldRule
from syncd.core.merge import counts_as_blank
from syncd.core.model import (
    Base,
    Hold,
    HoldReason,
    LedgerLine,
    Link,
    LinkState,
    Observed,
    Op,
    Record,
    Side,
    Value,
    When,
)
from syncd.cycle import beside
from syncd.cycle.asking import fetch
from syncd.cycle.observing import observe_fetched, observe_gone
from syncd.cycle.world import HUB, Spoke, World
from syncd.store import holds, ledger, links, observed
from syncd.store.observed import Look

#: A record that is older than the last change of the one converted into it, by more than this, was there before.
BEFORE = timedelta(minutes=1)


def receive(world: World, spoke: Spoke) -> None:
    """Take up the pairs that conversions brought to this connection. One whose record cannot be read is held; one whose
    record is proven gone is left to the policy on deletes.
    """
    with world.database.read() as tx:
        arrived = links.for_reason(tx, spoke.name, links.ARRIVED)
        known = observed.get_many(tx, spoke.sources[Side.CRM], [link.crm_id for link in arrived])
    unseen = [link.crm_id for link in arrived if link.crm_id not in known and link.crm_id not in spoke.tally.looked_for]
    if unseen:
        spoke.tally.looked_for.update(unseen)
        account = spoke.accounts[Side.CRM]
        fetched = fetch(world, account, unseen)
        with world.database.write() as tx:
            observe_fetched(world, tx, account.source, fetched)
            _bury(world, tx, account.source, fetched)
    if arrived:
        with world.database.write() as tx:
            _take_up(world, tx, spoke, [link.id for link in arrived])


def _bury(world: World, tx: Connection, source: str, fetched: Fetched) -> None:
    """A record that was gone before any look showed it is stored as gone: a deletion needs a half that ended."""
    looks = [
        Look(record=Record(id=id_, values={}), looked_at=min(gone.at or fetched.looked_at, fetched.looked_at))
        for id_, gone in fetched.gone.items()
    ]
    observed.observe(tx, source, looks)
    observe_gone(world, tx, source, fetched.gone, fetched.looked_at)


def _take_up(world: World, tx: Connection, spoke: Spoke, link_ids: list[int]) -> None:
    # Read anew: a record that was merged into another one since took its link along.
    arrived = tuple(links.get_many(tx, link_ids).values())
    mine = observed.get_many(tx, HUB, [link.salespulse_id for link in arrived])
    known = observed.get_many(tx, spoke.sources[Side.CRM], [link.crm_id for link in arrived])
    for link in arrived:
        contact, seen = mine.get(link.salespulse_id), known.get(link.crm_id)
        if seen is not None:
            _first_look(world, tx, spoke, link, contact, seen)
        elif contact is not None and contact.gone is not None:
            holds.close_for(tx, spoke.name, salespulse_id=link.salespulse_id, crm_id=link.crm_id, at=world.clock.now())
            links.set_state(tx, link.id, LinkState.SEVERED, reason="deleted in SalesPulse", dirty=False)
        else:
            links.settle(tx, link.id)  # asked for again by a full run, or once it is seen
            spoke.tally.held += holds.put(tx, [_unseen(spoke, link)], run_id=world.run_id, at=world.clock.now())


def _unseen(spoke: Spoke, link: Link) -> Hold:
    return Hold(
        connection=spoke.name,
        reason=HoldReason.REFUSED,
        salespulse_id=link.salespulse_id,
        crm_id=link.crm_id,
        message=(
            f"{spoke.policy.label} converted the record of this contact into {link.crm_id}, which cannot be seen, and "
            "nothing proves it deleted; give syncd's user the right to see it, then run `syncd run --full`, or if it "
            "is gone for good, delete the contact in SalesPulse by hand"
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heir:
    """A pair that a conversion began: what both halves show, and what the converted record showed last."""

    fields: FieldMap
    link: Link
    contact: Observed | None
    seen: Observed
    former_fields: FieldMap
    former_link: Link
    former: Observed

    @property
    def was_there(self) -> bool:
        """Whether the record is older than the conversion."""
        made, converted = self.seen.record.created_at, self.former.record.modified_at
        return made is not None and converted is not None and made < converted - BEFORE

    def former_rule(self, rule: FieldRule) -> FieldRule | None:
        alike = (rule.salespulse, rule.kind, rule.table)
        rules = self.former_fields.rules
        return next((one for one in rules if (one.salespulse, one.kind, one.table) == alike), None)

    def is_older(self, rule: FieldRule) -> bool:
        """Whether the value was in the record before: it is not the one that the converted record had."""
        before = self.former_rule(rule)
        if before is None or not self.was_there:
            return False
        shown, had = self.seen.record.values, self.former.record.values
        if rule.crm not in shown or before.crm not in had:
            return False
        return _plain(rule, shown[rule.crm]) != _plain(before, had[before.crm])

    def since(self) -> dict[str, When]:
        """When its values came that the converted record had: the conversion was no edit of them."""
        found: dict[str, When] = {}
        shown, had = self.seen.record.values, self.former.record.values
        for rule in self.fields.rules:
            before = self.former_rule(rule)
            when = self.former.since.get(before.crm) if before is not None else None
            if before is None or when is None or rule.crm in self.seen.since or rule.crm not in shown:
                continue
            if before.crm in had and _plain(rule, shown[rule.crm]) == _plain(before, had[before.crm]):
                found[rule.crm] = when
        return found

    def dropped(self) -> Iterator[tuple[FieldRule, Value]]:
        """Values that were typed into the converted record after the last agreement, and that neither half shows."""
        contact = self.contact.record.values if self.contact is not None else {}
        for rule in self.fields.rules:
            before = self.former_rule(rule)
            if before is None or not before.direction.allows(Side.SALESPULSE):
                continue
            had, shown = self.former.record.values.get(before.crm), self.seen.record.values
            if counts_as_blank(self.former_fields, before, Side.CRM, had) or rule.crm not in shown:
                continue
            base = self.former_link.bases.get(before.name)
            if base is not None and lens.same(before, Side.CRM, base.crm, had):
                continue
            if rule.salespulse in contact and lens.agree(before, contact[rule.salespulse], had):
                continue
            if _plain(rule, shown[rule.crm]) != _plain(before, had):
                yield rule, had


def _plain(rule: FieldRule, value: Value) -> object:
    return lens.canonical(rule, Side.CRM, value)


def _first_look(
    world: World, tx: Connection, spoke: Spoke, link: Link, contact: Observed | None, seen: Observed
) -> None:
    rules = {rule.name: rule for rule in spoke.fields.rules}
    void = {name for name, base in link.bases.items() if _left_blank(spoke.fields, rules.get(name), base, seen)}
    heir = _heir(tx, spoke, link, contact, seen)
    if heir is not None and seen.gone is None:
        void |= {name for name in link.bases if name in rules and heir.is_older(rules[name])}
        lost = [_line(spoke, heir, rule, value) for rule, value in heir.dropped()]
        ledger.write(tx, world.run_id, world.clock.now(), lost)
        observed.date(tx, spoke.sources[Side.CRM], {link.crm_id: heir.since()})
    links.set_state(tx, link.id, LinkState.ACTIVE, reason="", dirty=True)
    links.settle(tx, link.id, bases={name: base for name, base in link.bases.items() if name not in void}, dirty=True)


def _heir(tx: Connection, spoke: Spoke, link: Link, contact: Observed | None, seen: Observed) -> _Heir | None:
    peers = {peer.name: peer.fields for peer in beside.others(spoke)}
    found = links.forebear(tx, link, tuple(peers))
    if found is None:
        return None
    before, former = found
    return _Heir(
        fields=spoke.fields,
        link=link,
        contact=contact,
        seen=seen,
        former_fields=peers[before.connection],
        former_link=before,
        former=former,
    )


def _line(spoke: Spoke, heir: _Heir, rule: FieldRule, value: Value) -> LedgerLine:
    was = heir.former_link.crm_id
    return LedgerLine(
        connection=spoke.name,
        side=Side.CRM,
        op=Op.UPDATE,
        link_id=heir.link.id,
        salespulse_id=heir.link.salespulse_id,
        crm_id=heir.link.crm_id,
        field=rule.crm,
        rule=rule.name,
        before=value,
        after=heir.seen.record.values[rule.crm],
        by="conversion",
        reason=f"typed into {was} right before it was converted, which did not carry it over",
        lost=True,
    )


def _left_blank(fields: FieldMap, rule: FieldRule | None, base: Base, seen: Observed) -> bool:
    if rule is None or rule.crm not in seen.record.values or counts_as_blank(fields, rule, Side.CRM, base.crm):
        return False
    return counts_as_blank(fields, rule, Side.CRM, seen.record.values[rule.crm])
