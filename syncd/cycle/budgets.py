"""Budgets that last longer than a run, such as a day's requests: what was spent is remembered in the state.

Kept by account, in slots of ten minutes that keep their number, whoever reads them. What a kill loses of it, the
vendor's own count shows as used by others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from syncd.clock import Clock
from syncd.net.governor import Governor, Spent
from syncd.store.database import Database
from syncd.store.sources import StoredMemory

SLOT = 600  # seconds
_DAY = 86_400  # seconds
_KEY = "requests"


def spent(database: Database, account: str, clock: Clock) -> Mapping[str, Spent]:
    """Pool → what is remembered of the last day. A request counts as old as the end of its slot: never too old."""
    now = clock.now().timestamp()
    return {
        pool: Spent(
            ago=tuple(
                max(0.0, now - slot * SLOT) for slot, count in _young(known["slots"], now).items() for _ in range(count)
            ),
            limit=known["limit"],
        )
        for pool, known in _known(StoredMemory(database, account)).items()
    }


def remember(database: Database, account: str, governor: Governor, clock: Clock) -> None:
    """Add what was spent since this was last called, of the pools that have a rate of more than an hour."""
    memory = StoredMemory(database, account)
    known = _known(memory)
    now = clock.now().timestamp()
    for pool, fresh in governor.newly_spent(longer_than=3600.0).items():
        before = known.get(pool, {"slots": [], "limit": None})
        added = Counter(-int(-(now - ago) // SLOT) for ago in fresh.ago)
        if not added and fresh.limit == before["limit"]:
            continue
        slots = _young(before["slots"], now) + added
        known[pool] = {"slots": sorted(slots.items()), "limit": fresh.limit}
    if known:
        memory.set(_KEY, orjson.dumps(known).decode())


def _known(memory: StoredMemory) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = orjson.loads(memory.get(_KEY) or "{}")
    return found


def _young(slots: list[list[int]], now: float) -> Counter[int]:
    """Slot → requests, without those of more than a day ago. So far ahead is a slot only if the clock was wrong."""
    return Counter({slot: count for slot, count in slots if abs(now - slot * SLOT) <= _DAY})
