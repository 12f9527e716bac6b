"""What a pass works on: the hub, the spokes, the state, the clock, and the figures it collects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connectors.port import Capabilities, Connector
from syncd.clock import Clock
from syncd.core.mapping import FieldMap, Policy
from syncd.core.model import SIDES, Brakes, BrakeTrip, Side
from syncd.errors import ConnectionStop
from syncd.net.governor import Governor
from syncd.store.database import Database
from syncd.store.sources import HUB

__all__ = ["HUB", "Account", "Peer", "Reporter", "Spoke", "Tally", "World"]


class Reporter(Protocol):
    """Where progress goes. Figures only: never a field value."""

    def progress(self, who: str, step: str, done: int, total: int | None) -> None:
        """``step`` of ``who`` has come to ``done`` of ``total`` (None: not known)."""

    def note(self, who: str, text: str) -> None:
        """A sentence that a person should see."""


@dataclass(slots=True)
class Tally:
    """The figures of one connection in one run."""

    pulled: Counter[Side] = field(default_factory=Counter)
    linked: int = 0
    created: Counter[Side] = field(default_factory=Counter)
    updated: Counter[Side] = field(default_factory=Counter)
    stamped: Counter[Side] = field(default_factory=Counter)
    deleted: Counter[Side] = field(default_factory=Counter)
    unlinked: int = 0
    unchanged: int = 0  #: active pairs of which no value was written
    unmapped: int = 0
    held: int = 0  #: holds that this run opened
    failing: set[tuple[Side, str]] = field(default_factory=set)
    #: (written side, its record or the origin of a create) of writes that failed and did not succeed later in the run
    stale: Counter[tuple[Side, str]] = field(default_factory=Counter)  #: how often each was no longer as decided on
    left: set[int] = field(default_factory=set)  #: pairs that stay for a later run
    postponed: set[str] = field(default_factory=set)  #: creates in doubt that a later run judges
    matched_again: set[tuple[Side, str]] = field(default_factory=set)
    #: records whose create met an existing one: matched once more, not for ever
    looked_for: set[str] = field(default_factory=set)
    #: records that others were converted into and that no read had shown: asked for once
    lost_at: datetime | None = None  #: when an answer was last known to be lost: its request was sent before that
    stop: ConnectionStop | None = None
    brakes: tuple[BrakeTrip, ...] = ()
    first_sync_missing: bool = False

    @property
    def failed(self) -> int:
        """Writes that were not applied and are tried again in a later run."""
        return len(self.failing)

    @property
    def written(self) -> int:
        return sum(sum(counter.values()) for counter in (self.created, self.updated, self.stamped, self.deleted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One opened side: a source of records and the place they are written to."""

    source: str
    connector: Connector
    able: Capabilities
    governor: Governor
    budget: str = ""  #: what the governor is remembered by
    list_every: timedelta  #: how often everything is listed
    max_age: timedelta  #: a look older than this is renewed before a write
    timeout: timedelta  #: of one request: how long a lost answer may still be at work
    identity: str = ""  #: field that carries the other half's id; "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A connection on the same CRM account, also one that is not in this run."""

    name: str
    fields: FieldMap
    enabled: bool = True  #: or in this run all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoke:
    """One connection, ready for a pass."""

    name: str
    accounts: dict[Side, Account]
    fields: FieldMap
    policy: Policy
    brakes: Brakes
    tally: Tally
    mapping_digest: bytes  #: of fields and policies: a pair is merged again when it changes
    peers: tuple[Peer, ...] = ()  #: the connections on the same CRM account, this one included
    strangers: tuple[str, ...] = ()  #: earlier connections of its connector that do not share its budget
    former: tuple[str, ...] = ()  #: connections for the account's other objects that left the config: their links count

    @property
    def sources(self) -> dict[Side, str]:
        return {side: account.source for side, account in self.accounts.items()}

    @property
    def account_names(self) -> tuple[str, ...]:
        """The names of all connections on the CRM account."""
        return tuple(peer.name for peer in self.peers) or (self.name,)

    def label(self, side: Side) -> str:
        return self.accounts[side].connector.label


@dataclass(slots=True, kw_only=True)
class World:
    """All that one run works on."""

    database: Database
    clock: Clock
    report: Reporter
    run_id: int
    began: datetime  #: when the run began
    new_id: Callable[[], str]
    hub: Account
    spokes: tuple[Spoke, ...]
    configured: frozenset[str] = frozenset()  #: the names of all connections of the config
    workers: int = 4  #: requests under way at once on one side
    hub_known: bool = False  #: SalesPulse has shown a contact that was known before: it is the same account

    def running(self) -> tuple[Spoke, ...]:
        """The spokes that go on."""
        return tuple(spoke for spoke in self.spokes if spoke.tally.stop is None and not spoke.tally.brakes)

    def users(self, source: str) -> Iterator[tuple[Spoke, Side]]:
        """Every connection that observes this source, with the side that it sees in it."""
        for spoke in self.spokes:
            for side in SIDES:
                if spoke.accounts[side].source == source:
                    yield spoke, side
