"""The one way to the database: within the budget, tried again where that is safe, its errors turned into syncd's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError

from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.errors import BatchRefused, ConnectionStop
from syncd.net.faults import TransientFault
from syncd.net.governor import Governor, Priority
from syncd.net.retry import retrying
from syncd_sqltable.settings import SqlTableSettings

POOL = "transactions"
_READS = Backoff()
#: Writes are repeated for seconds only: the look that they were decided on grows old meanwhile.
_WRITES = Backoff(base=0.5, cap=8.0, attempts=4)

T = TypeVar("T")


class Database:
    """Transactions in one database. From several threads at once; each call takes a connection of its own."""

    def __init__(self, settings: SqlTableSettings, *, governor: Governor, clock: Clock) -> None:
        self._engine = create_engine(settings.address, pool_pre_ping=True, hide_parameters=True)
        self._governor = governor
        self._clock = clock

    def read(self, kind: str, work: Callable[[Connection], T], *, priority: Priority = Priority.PULL) -> T:
        """Return what ``work`` returns. Raise a ConnectionStop. ``kind``: the word for it in a run's summary."""
        return self._retried(kind, lambda: self._once(kind, work, priority, writes=False), _READS, safe=True)

    def write(self, kind: str, work: Callable[[Connection], T]) -> T:
        """The same for work that writes: all of it is done, or none.

        Raise BatchRefused when the database refused any of it, AnswerLost when the commit got no answer, or a
        ConnectionStop. A fault before the commit has undone everything, so the work is done again.
        """
        return self._retried(kind, lambda: self._once(kind, work, Priority.PUSH, writes=True), _WRITES, safe=False)

    def close(self) -> None:
        """Close the kept connections."""
        self._engine.dispose()

    def _retried(self, kind: str, call: Callable[[], T], backoff: Backoff, *, safe: bool) -> T:
        return retrying(
            call, clock=self._clock, backoff=backoff, safe=safe, random=random.random, what=f"{kind} in the SQL table"
        )

    def _once(self, kind: str, work: Callable[[Connection], T], priority: Priority, *, writes: bool) -> T:
        with self._governor.ask(POOL, kind=kind, priority=priority) as slot:
            committing = False
            try:
                with self._engine.connect() as connection:
                    done = work(connection)
                    committing = True
                    connection.commit()
            except DBAPIError as error:
                raise _fault(error, kind, writes=writes, committing=committing) from None
            slot.answered()
            return done


def _fault(error: DBAPIError, kind: str, *, writes: bool, committing: bool) -> Exception:
    """Sort a driver's error. Only the first line of its words: the others may quote the row."""
    words = str(error.orig).partition("\n")[0]
    if writes and isinstance(error, IntegrityError | DataError):
        return BatchRefused(f"the database refused it: {words}")
    if isinstance(error, OperationalError | InterfaceError):
        return TransientFault(words, sent=committing)
    return ConnectionStop(f"{kind} in the SQL table: {words}; check what the database user may do there")
