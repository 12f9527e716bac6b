"""Stages and deals: what the stages are called, and who is in which, where only the deals show it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.clock import Clock
from syncd.core.model import Stage
from syncd.net.governor import Priority
from syncd.salespulse.client import SalesPulseClient
from syncd.salespulse.listing import Lister
from syncd.salespulse.pages import Position, turn
from syncd.salespulse.results import Deal, Listing, StageRef

_AGAIN = timedelta(seconds=60)  #: an unknown stage name asks for the stages again at most this often
_MOST_WALK = 100_000  #: pages of a walk; no account comes near, a server that never ends a list does


class Stages:
    """The pipeline's stages, asked for once and again when a name is unknown."""

    def __init__(self, client: SalesPulseClient, *, clock: Clock, known: tuple[Stage, ...] = ()) -> None:
        """``known``: what the stages were lately; a name that is not among them asks again."""
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._stages = known
        self._asked: datetime | None = None

    def fresh(self, *, priority: Priority) -> tuple[Stage, ...]:
        """All stages in SalesPulse's order, asked for now."""
        with self._lock:
            return self._ask(priority)

    def resolve(self, ref: StageRef, *, priority: Priority) -> str | None:
        """The stage's id; a name that no stage or more than one bears passes as it is. None: what the answer says
        under one key and under another are two stages, and which is true cannot be told.
        """
        if not ref.also and (ref.exact or not ref.text):
            return ref.text
        with self._lock:
            found = ref.text if ref.exact else self._find(ref.text)
            if found is None and (self._asked is None or self._clock.now() - self._asked > _AGAIN):
                self._ask(priority)
                found = self._find(ref.text)
            if ref.also and not self._stages and self._asked is None:
                self._ask(priority)
            if any(other not in (None, found) for other in map(self._find, ref.also)):
                return None
        return ref.text if found is None else found

    def _ask(self, priority: Priority) -> tuple[Stage, ...]:
        listing = self._client.list_stages(priority=priority)
        self._asked = self._clock.now()
        unique = {stage.id: Stage(id=stage.id, label=stage.name) for stage in listing.items}
        self._stages = tuple(unique.values())
        return self._stages

    def _find(self, text: str) -> str | None:
        if any(stage.id == text for stage in self._stages):
            return text
        folded = text.strip().casefold()
        ids = [stage.id for stage in self._stages if stage.label.strip().casefold() == folded]
        return ids[0] if len(ids) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealBook:
    """Every contact's stage as one walk over the deals showed it."""

    begun_at: datetime  #: when the walk's first request was sent: the time of look of every stage in it
    stages: Mapping[str, StageRef]
    unclear: frozenset[str]  #: contacts whose deals are in several stages, and none is known to be the last
    whole: bool  #: False: the walk may have missed deals, so a contact without one proves nothing

    def stage_of(self, contact_id: str) -> StageRef | None:
        """None: not told."""
        if contact_id in self.stages or contact_id in self.unclear:
            return self.stages.get(contact_id)
        return StageRef(text="", exact=True) if self.whole else None


def walk_deals(client: SalesPulseClient, lister: Lister, *, priority: Priority) -> DealBook:
    """List every deal, once through."""

    def ask(at: Position) -> Listing[Deal]:
        return client.list_deals(page=at.page, limit=at.size, priority=priority)

    by_contact: dict[str, dict[str, Deal]] = {}
    at: Position | None = Position(size=lister.size)
    begun_at: datetime | None = None
    total: int | None = None
    for _page in range(_MOST_WALK):
        if at is None:
            break
        listing, at = lister.page(ask, at)
        begun_at = begun_at or listing.sent_at
        total = listing.hint.total if listing.hint.total is not None else total
        for deal in listing.items:
            by_contact.setdefault(deal.contact_id, {})[deal.id] = deal
        at = turn(at, [deal.id for deal in listing.items], listing.rows, listing.hint).following
    if begun_at is None:
        raise AssertionError("a walk sends at least one request")
    stages: dict[str, StageRef] = {}
    unclear = set()
    for contact_id, deals in by_contact.items():
        ref = present_stage(list(deals.values()))
        if ref is None:
            unclear.add(contact_id)
        else:
            stages[contact_id] = ref
    count = sum(map(len, by_contact.values()))
    whole = at is None and (total is None or total == count)
    return DealBook(begun_at=begun_at, stages=stages, unclear=frozenset(unclear), whole=whole)


def present_stage(deals: list[Deal]) -> StageRef | None:
    """The stage of a contact with these deals: what all of them say, else what the last changed says. None:
    cannot be told.
    """
    refs = {deal.stage for deal in deals}
    if len(refs) == 1:
        return refs.pop()
    times = [deal.modified_at for deal in deals]
    known = [when for when in times if when is not None]
    if len(known) < len(deals) or known.count(max(known)) > 1:
        return None
    return deals[times.index(max(known))].stage
