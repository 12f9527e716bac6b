"""The budget of one API account, shared by every thread and connection of the process.

Callers ask, wait their turn, send one request, and tell the slot what the answer's headers said. The governor
sends nothing itself and does not know HTTP. Behind it: ``desk`` waits and locks, ``line`` orders, ``pool``
and ``window`` count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from syncd.clock import Clock
from syncd.net.desk import Desk
from syncd.net.line import Caller, Priority
from syncd.net.pool import Pool, Spent
from syncd.net.rate import Rate

__all__ = ["Governor", "PoolState", "Priority", "Slot", "Spent", "WindowState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowState:
    """One rate of a pool at this moment."""

    rate: Rate  #: as configured
    limit: int  #: what the account has, by the server's word when that is less
    allowed: int  #: what syncd may use of it, by its share
    own: int
    foreign: int  #: used by others, as far as the newest answer tells


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """One pool at this moment, for ``status``."""

    windows: tuple[WindowState, ...]
    not_before: datetime | None  #: refused: nothing is sent before; None: no such wait


class Governor:
    """Gives leave to send, never more often than syncd's share of the account's limits in any window."""

    def __init__(
        self,
        account: str,
        pools: Mapping[str, Sequence[Rate]],
        *,
        share: float = 1.0,
        clock: Clock,
        spent: Mapping[str, Spent] | None = None,
    ) -> None:
        """``account``: its name in messages. ``pools``: name → the rates it has to keep, all at once.

        ``spent``: pool → what earlier processes knew of it. To name a pool here, with an empty Spent if nothing
        is known, says that its first answer need not be waited for (HubSpot's search has no rate headers): then
        windows under ten seconds are waited out once at the start. All other pools send one request alone
        first and read its headers.
        """
        if not pools or not all(pools.values()):
            raise ValueError("a governor needs at least one pool, and every pool at least one rate")
        if not 0 < share <= 1:
            raise ValueError(f"share is {share}; it has to be above 0 and at most 1")
        if unknown := set(spent or ()) - set(pools):
            raise ValueError(f"spent names pools that the governor does not have: {', '.join(sorted(unknown))}")
        self.account = account
        self._clock = clock
        now = clock.monotonic()
        self._pools = {
            name: Pool(name, rates, share=share, now=now, spent=(spent or {}).get(name))
            for name, rates in pools.items()
        }
        self._desk = Desk(account, self._pools, clock)

    def ask(self, *pools: str, kind: str, priority: Priority = Priority.PULL) -> Slot:
        """Wait until all rates of the named pools have room; return the slot, for one ``with``.

        ``kind`` is what the summary counts ("GET /contacts"). Raise Parked when there is no room for 15
        minutes, and Interrupted when syncd is told to end. A thread holds at most one slot at a time.
        """
        if not pools:
            raise ValueError("ask() needs the name of at least one pool")
        if unknown := [name for name in pools if name not in self._pools]:
            raise ValueError(f"{self.account} has no pool {', '.join(unknown)}; it has {', '.join(self._pools)}")
        return Slot(self._desk, self._desk.wait_turn(pools, priority, kind))

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests granted so far, by kind."""
        return self._desk.look(lambda _: dict(self._desk.counts))

    @property
    def waited(self) -> float:
        """Seconds that callers waited so far, summed over callers."""
        return self._desk.waited

    @property
    def refused(self) -> int:
        """429s seen so far."""
        return self._desk.refused

    def newly_spent(self, *, longer_than: float) -> Mapping[str, Spent]:
        """What this process sent, each answered request told once: for pools with a rate of more than so many
        seconds. What earlier processes sent is theirs to tell.
        """
        return self._desk.look(
            lambda now: {
                name: pool.newly_spent(now)
                for name, pool in self._pools.items()
                if any(window.rate.seconds > longer_than for window in pool.windows)
            }
        )

    def snapshot(self) -> Mapping[str, PoolState]:
        """Per pool, for ``status``."""
        return self._desk.look(lambda now: {name: self._state(pool, now) for name, pool in self._pools.items()})

    def _state(self, pool: Pool, now: float) -> PoolState:
        wait = pool.not_before - now
        return PoolState(
            windows=tuple(
                WindowState(
                    rate=window.rate,
                    limit=window.limit,
                    allowed=window.allowed,
                    own=pool.usage.held(window.span, now),
                    foreign=window.foreign(now),
                )
                for window in pool.windows
            ),
            not_before=self._clock.now() + timedelta(seconds=wait) if wait > 0 else None,
        )


class Slot:
    """Leave to send one request. Tell the outcome once the headers are there; untold, it counts as spent."""

    def __init__(self, desk: Desk, caller: Caller) -> None:
        self._desk = desk
        self._caller = caller
        self._answered = False
        self._refused = False
        self._heard: list[Pool] = []

    def answered(
        self,
        *,
        limit: int | None = None,
        remaining: int | None = None,
        window_seconds: float | None = None,
        pool: str | None = None,
    ) -> None:
        """An answer of any status came; its rate headers said this. Tell again for another pool or window.

        ``pool``: which of the slot's pools the headers speak of; None: the first named. ``window_seconds``:
        which of its rates; None: the first. Headers about a window that the pool does not have are passed
        over.
        """
        about = self._about(pool)[0]
        self._answered = True
        if self._desk.read(self._caller, about, limit=limit, remaining=remaining, window_seconds=window_seconds):
            self._heard.append(about)

    def refused(self, *, wait_seconds: float | None = None, pool: str | None = None) -> None:
        """A 429: the pool (None: every pool of the slot) waits for ``wait_seconds``, else for one window."""
        self._refused = True
        self._desk.refuse(self._caller, self._about(pool), wait_seconds=wait_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._desk.end(self._caller)
        if self._answered and not self._refused:
            self._desk.served(self._caller, self._heard)

    def _about(self, name: str | None) -> tuple[Pool, ...]:
        if name is None:
            return self._caller.pools
        found = tuple(pool for pool in self._caller.pools if pool.name == name)
        if not found:
            raise ValueError(f"the slot was asked of other pools than {name}")
        return found
