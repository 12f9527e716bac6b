"""Who goes next: by priority and arrival, with a floor for every class. Pure; the desk locks and waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from syncd.net.pool import Pool

_FLOOR = 16  # after so many grants to others a class goes first: 5 % each, also when three classes are due at once


class Priority(IntEnum):
    """Live events and a person's commands, pushes, pulls, sweeps: smaller goes first, and nothing starves."""

    LIVE = 0
    PUSH = 1
    PULL = 2
    SWEEP = 3


@dataclass(slots=True, kw_only=True, eq=False)
class Caller:
    """One call that waits for leave to send."""

    arrival: int
    priority: Priority
    pools: tuple[Pool, ...]
    thread: int  #: which asks, so that it is not made to wait for itself
    granted: float | None = None  #: when leave was given
    ended: float | None = None  #: when the answer was there, or given up

    @property
    def span(self) -> tuple[float, float]:
        """When the request was sent and when it ended. Only for one that has ended."""
        if self.granted is None or self.ended is None:
            raise RuntimeError("a request has to end before anything can be told of it")
        return self.granted, self.ended


@dataclass(slots=True)
class Line:
    """All callers that wait."""

    callers: list[Caller] = field(default_factory=list)
    _passed: dict[tuple[str, Priority], int] = field(default_factory=dict)  # grants of a pool since its class waits

    def join(self, caller: Caller) -> None:
        self.callers.append(caller)

    def leave(self, caller: Caller) -> None:
        if caller in self.callers:
            self.callers.remove(caller)
        for pool in caller.pools:
            if not self._waits(pool, caller.priority):
                self._passed.pop((pool.name, caller.priority), None)

    def next(self, now: float) -> Caller | None:
        """The caller whose turn it is among those who may go at once; None: nobody may."""
        for caller in sorted(self.callers, key=self._turn):
            moments = [pool.earliest(now) for pool in caller.pools]
            if all(moment is not None and moment <= now for moment in moments):
                return caller
        return None

    def grant(self, caller: Caller, now: float) -> None:
        """The caller goes: send in its pools, and count that others were passed over."""
        caller.granted = now
        self.callers.remove(caller)
        for pool in caller.pools:
            pool.send(caller.arrival, now)
            self._passed[pool.name, caller.priority] = 0
            for priority in Priority:
                if priority is not caller.priority and self._waits(pool, priority):
                    key = (pool.name, priority)
                    self._passed[key] = self._passed.get(key, 0) + 1

    def _waits(self, pool: Pool, priority: Priority) -> bool:
        return any(pool in caller.pools and caller.priority is priority for caller in self.callers)

    def _turn(self, caller: Caller) -> tuple[bool, Priority, int]:
        due = any(self._passed.get((pool.name, caller.priority), 0) >= _FLOOR for pool in caller.pools)
        return (not due, caller.priority, caller.arrival)
