"""Settle: what a side shows after a write becomes links, bases, holds and ledger lines, in one transaction a batch.

A batch takes a fixed number of statements: what it needs is read for all its intents at once, and what it changes
is collected and written at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import (
    SIDES,
    Gone,
    Hold,
    Intent,
    LedgerLine,
    Link,
    LinkState,
    Observed,
    Op,
    Outcome,
    Receipt,
    Record,
    Settled,
    Side,
)
from syncd.core.settle import settle, unproven
from syncd.cycle.dating import carried
from syncd.cycle.observing import observe, observe_gone
from syncd.cycle.world import HUB, Spoke, World
from syncd.store import holds, journal, ledger, links, matching, observed
from syncd.store.links import Settling
from syncd.store.matching import Who
from syncd.store.observed import Look

Answered = tuple[Intent, Receipt]
#: So often in one run a record may be found other than decided on: whoever edits it that often is let finish.
STALE_MOST = 3


def settle_batch(
    world: World,
    tx: Connection,
    spoke: Spoke,
    answered: Sequence[Answered],
    at: datetime,
    *,
    unseen: frozenset[str] = frozenset(),
) -> None:
    """Store what the receipts of one side mean. ``at``: when they had come; looks that were sent before are older.

    ``unseen``: intents whose record a look did not show, without proof that it is gone.
    """
    if answered:
        batch = _Batch.read(world, tx, spoke, answered, at)
        for intent, receipt in answered:
            if intent.id in unseen:
                batch.unseen(intent, receipt)
            else:
                batch.one(intent, receipt)
        batch.write()


def derive_again(tx: Connection, spoke: Spoke, intent: Intent) -> None:
    """Nothing of this intent holds: its pair is merged again, its record matched again."""
    if intent.link_id is not None:
        links.set_dirty(tx, [intent.link_id])
    elif intent.op is Op.CREATE:
        matching.mark(tx, spoke.name, [(intent.side.other, intent.origin)], "due")


@dataclass(slots=True, kw_only=True)
class _Batch:
    """One batch being settled: what was read for it, and what it will change."""

    world: World
    tx: Connection
    spoke: Spoke
    side: Side  #: the side that was written
    at: datetime
    origins: Mapping[str, Observed]
    pairs: Mapping[int, Link]
    unfinished: set[int]  #: pairs with another intent that is not settled
    dirty: set[int]  #: pairs that have to be merged again, whatever this batch says
    digests: Mapping[Side, Mapping[str, bytes]]  #: of both halves, after the answers were observed
    linked: dict[str, Link]  #: written record → its living link
    settlings: list[Settling] = field(default_factory=list)
    ended: list[tuple[Intent, tuple[str, ...]]] = field(default_factory=list)  #: rules whose holds are over
    held: list[Hold] = field(default_factory=list)
    lines: list[LedgerLine] = field(default_factory=list)
    unmarked: list[Who] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, world: World, tx: Connection, spoke: Spoke, answered: Sequence[Answered], at: datetime) -> _Batch:
        """Observe the answers, and read all that settling them needs."""
        side = answered[0][0].side
        intents = [intent for intent, _ in answered]
        link_ids = [intent.link_id for intent in intents if intent.link_id is not None]
        dirty = set(links.dirty_among(tx, link_ids))
        looks = [(intent, _shown(receipt)) for intent, receipt in answered if receipt.outcome is Outcome.APPLIED]
        dirty |= _edited(tx, spoke, side, looks)
        source, other = spoke.sources[side], spoke.sources[side.other]
        origins = observed.get_many(tx, other, [intent.origin for intent in intents])
        observe(
            world,
            tx,
            source,
            [Look(record=shown, looked_at=at, whole=False) for _, shown in looks if shown is not None],
        )
        if source == HUB:
            observed.date(tx, source, carried(spoke.fields, answered, origins))
        written = [receipt.id or intent.target for intent, receipt in answered]
        return cls(
            world=world,
            tx=tx,
            spoke=spoke,
            side=side,
            at=at,
            origins=origins,
            pairs=links.get_many(tx, link_ids),
            unfinished=journal.unfinished(tx, link_ids, but=[intent.id for intent in intents]),
            dirty=dirty,
            digests={
                side: observed.digests(tx, source, [id_ for id_ in written if id_]),
                side.other: observed.digests(tx, other, list(origins)),
            },
            linked=links.living(tx, spoke.name, side, [id_ for id_ in written if id_]),
        )

    def one(self, intent: Intent, receipt: Receipt) -> None:
        """Take up one receipt."""
        subject = (intent.side, intent.target or intent.origin)
        if receipt.outcome is not Outcome.FAILED:
            self.spoke.tally.failing.discard(subject)
        match receipt.outcome:
            case Outcome.UNKNOWN:
                return  # stays journalled as sent: looked up later
            case Outcome.APPLIED:
                if intent.op is Op.CREATE:
                    self._created(intent, receipt)
                elif intent.op is Op.REMOVE:
                    self._removed(intent, receipt)
                else:
                    self._updated(intent, receipt)
            case Outcome.REFUSED:
                self._refused(intent, receipt)
            case Outcome.FAILED:
                self.spoke.tally.failing.add(subject)
                derive_again(self.tx, self.spoke, intent)
            case Outcome.STALE | Outcome.GONE:
                self._other_than_expected(intent, subject)
        self.done.append(intent.id)

    def unseen(self, intent: Intent, receipt: Receipt) -> None:
        """Hold a pair whose record is neither shown nor proven gone. Only a full run tries again, or a new value."""
        self.held.append(unproven(intent, receipt, self.spoke.label(intent.side)))
        link = self.pairs.get(intent.link_id) if intent.link_id is not None else None
        if link is not None:
            self.settlings.append(Settling(link_id=link.id, bases=link.bases, dirty=link.id in self.dirty))
        self.done.append(intent.id)

    def _other_than_expected(self, intent: Intent, subject: tuple[Side, str]) -> None:
        """Decided again, but not for ever: after some rounds it is left for a later run."""
        derive_again(self.tx, self.spoke, intent)
        tally = self.spoke.tally
        tally.stale[subject] += 1
        if tally.stale[subject] >= STALE_MOST:
            tally.failing.add(subject)
            if intent.link_id is not None:
                tally.left.add(intent.link_id)

    def _created(self, intent: Intent, receipt: Receipt) -> None:
        if receipt.id in self.linked:
            # An upsert met a record that has another half already, or the new record was merged into one before it
            # was looked at: whose it is, a person has to say. What a person merged is not made again.
            if receipt.created:
                self.spoke.tally.matched_again.add((intent.side.other, intent.origin))
            self._refused(intent, replace(receipt, outcome=Outcome.REFUSED, existing_id=receipt.id))
            return
        now, tx, name = self.world.clock.now(), self.tx, self.spoke.name
        ids = {intent.side: receipt.id, intent.side.other: intent.origin}
        link_id = links.add(
            tx,
            name,
            ids[Side.SALESPULSE],
            ids[Side.CRM],
            matched_by="create" if receipt.created else "id property",
            run_id=self.world.run_id,
            at=now,
        )
        self.linked[receipt.id] = Link(
            id=link_id, connection=name, salespulse_id=ids[Side.SALESPULSE], crm_id=ids[Side.CRM]
        )
        self.unmarked += ids.items()
        shown = _shown(receipt) or Record(id=receipt.id, values={})
        settled = self._settle(replace(intent, link_id=link_id), replace(receipt, shown=shown))
        # Merged once more in the next round: what the origin showed may have changed while the create was under way.
        self.settlings.append(Settling(link_id=link_id, bases=settled.bases, dirty=True))
        holds.carry_over(tx, name, salespulse_id=ids[Side.SALESPULSE], crm_id=ids[Side.CRM], at=now)
        self.lines += settled.ledger
        self.held += settled.holds
        if receipt.created:
            self.spoke.tally.created[intent.side] += 1
        else:
            self.spoke.tally.linked += 1

    def _updated(self, intent: Intent, receipt: Receipt) -> None:
        link = self.pairs.get(intent.link_id) if intent.link_id is not None else None
        if link is None:
            return
        settled = self._settle(intent, receipt)
        dirty = link.id in self.dirty or settled.again
        idle = not dirty and link.id not in self.unfinished and link.state is LinkState.ACTIVE
        self.settlings.append(
            Settling(
                link_id=link.id,
                bases={**link.bases, **settled.bases},
                dirty=dirty,
                settled=self._digest(intent) if idle else None,
            )
        )
        still_held = {hold.field for hold in settled.holds}
        self.ended.append((intent, tuple(c.rule for c in intent.changes if c.rule not in still_held)))
        self.held += settled.holds
        self.lines += settled.ledger
        counter = self.spoke.tally.stamped if intent.op is Op.STAMP else self.spoke.tally.updated
        counter[intent.side] += 1

    def _removed(self, intent: Intent, receipt: Receipt) -> None:
        gone = Gone(id=intent.target, proof="archived" if intent.archive else "404")
        observe_gone(self.world, self.tx, self.spoke.sources[intent.side], {gone.id: gone}, self.at)
        settled = self._settle(intent, receipt)
        if intent.link_id is not None:
            links.set_state(self.tx, intent.link_id, LinkState.SEVERED, reason=intent.reason, dirty=False)
        self.lines += settled.ledger
        self.spoke.tally.deleted[intent.side] += 1

    def _refused(self, intent: Intent, receipt: Receipt) -> None:
        """The record is held, the rest goes on. A create that met an existing record is matched once more before
        it is held.
        """
        who = (intent.side.other, intent.origin)
        if intent.op is Op.CREATE:
            if self._is_matched_again(intent, receipt.existing_id, who):
                return
            matching.mark(self.tx, self.spoke.name, [who], "refused")
        settled = self._settle(intent, receipt)
        self.held += settled.holds
        link = self.pairs.get(intent.link_id) if intent.link_id is not None else None
        if link is not None:
            dirty = link.id in self.dirty or settled.again
            self.settlings.append(
                Settling(
                    link_id=link.id,
                    bases={**link.bases, **settled.bases},
                    dirty=dirty,
                    settled=None if dirty else self._digest(intent),
                )
            )

    def _is_matched_again(self, intent: Intent, existing: str, who: Who) -> bool:
        known = existing and existing in observed.get_many(self.tx, self.spoke.sources[intent.side], [existing])
        if not known or who in self.spoke.tally.matched_again:
            return False
        self.spoke.tally.matched_again.add(who)
        loose = existing not in links.living(self.tx, self.spoke.name, intent.side, [existing])
        again = [who, (intent.side, existing)] if loose else [who]
        matching.mark(self.tx, self.spoke.name, again, "due")
        return True

    def _settle(self, intent: Intent, receipt: Receipt) -> Settled:
        origin = self.origins[intent.origin]
        return settle(self.spoke.fields, intent, receipt, origin, self.spoke.label(intent.side))

    def _digest(self, intent: Intent) -> bytes:
        """Both halves as they are now, and the mapping: while these stay, there is nothing to merge."""
        ids = {Side.SALESPULSE: intent.salespulse_id, Side.CRM: intent.crm_id}
        return b"".join(self.digests[side].get(ids[side], b"") for side in SIDES) + self.spoke.mapping_digest

    def write(self) -> None:
        """Store what the receipts changed."""
        now, tx, name, run_id = self.world.clock.now(), self.tx, self.spoke.name, self.world.run_id
        links.settle_all(tx, self.settlings)
        matching.unmark(tx, name, self.unmarked)
        open_for = holds.with_open(tx, name, (pair for intent, _ in self.ended for pair in _halves(intent)))
        for intent, rules in self.ended:
            if not open_for.isdisjoint(_halves(intent)):
                holds.close_for(
                    tx, name, salespulse_id=intent.salespulse_id, crm_id=intent.crm_id, fields=rules, at=now
                )
        self.spoke.tally.held += holds.put(tx, self.held, run_id=run_id, at=now)
        ledger.write(tx, run_id, now, self.lines)
        journal.drop(tx, self.done)


def _halves(intent: Intent) -> Iterable[Who]:
    return ((Side.SALESPULSE, intent.salespulse_id), (Side.CRM, intent.crm_id))


def _shown(receipt: Receipt) -> Record | None:
    """What the answer showed, under the id that the record has."""
    if receipt.shown is None or not receipt.id:
        return receipt.shown
    return replace(receipt.shown, id=receipt.id)


def _edited(tx: Connection, spoke: Spoke, side: Side, looks: Iterable[tuple[Intent, Record | None]]) -> set[int]:
    """Links of records whose answer shows a new value in a field that was not written: somebody typed it meanwhile,
    or no look had read the field, and no merge has judged it.
    """
    updates = [(intent, shown) for intent, shown in looks if intent.link_id is not None and shown is not None]
    before = observed.get_many(tx, spoke.sources[side], [intent.target for intent, _ in updates])
    mapped = {rule.on(side) for rule in spoke.fields.rules}
    found: set[int] = set()
    for intent, shown in updates:
        known = before[intent.target].record.values if intent.target in before else {}
        others = mapped - {change.field for change in intent.changes}
        if intent.link_id is not None and any(
            name in shown.values and (name not in known or shown.values[name] != known[name]) for name in others
        ):
            found.add(intent.link_id)
    return found
