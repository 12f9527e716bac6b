"""Budgets that last longer than a run, such as a day's requests: what was spent is remembered in the state.

Kept by account, in slots of ten minutes. What a kill loses of it, the vendor's own count shows as used by others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import orjson

from syncd.clock import Clock
from syncd.net.governor import Governor
from syncd.store.database import Database
from syncd.store.sources import StoredMemory

SLOT = 600  # seconds
_DAY = 86_400  # seconds
_KEY = "spent"


def spent(database: Database, account: str, clock: Clock) -> Mapping[str, Sequence[float]]:
    """Pool → seconds ago of each request that is remembered and no older than a day."""
    known = StoredMemory(database, account).get(_KEY)
    if known is None:
        return {}
    now = clock.now().timestamp()
    return {
        pool: [max(0.0, now - slot * SLOT) for slot, count in slots if now - slot * SLOT <= _DAY for _ in range(count)]
        for pool, slots in orjson.loads(known).items()
    }


def remember(database: Database, account: str, governor: Governor, clock: Clock) -> None:
    """Store what was spent of the pools that have a rate of more than an hour."""
    now = clock.now().timestamp()
    by_pool = {
        pool: sorted(Counter(-int(-(now - ago) // SLOT) for ago in times).items())
        for pool, times in governor.history(longer_than=3600.0).items()
    }
    if any(by_pool.values()):
        StoredMemory(database, account).set(_KEY, orjson.dumps(by_pool).decode())
