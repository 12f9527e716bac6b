"""Runs: one numbered execution each, with its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from syncd.store.codec import dump, from_ms, load, maybe_from_ms, to_ms
from syncd.store.tables import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as it is remembered. ``exit_code`` None: under way, or killed."""

    id: int
    command: str
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    summary: Mapping[str, Any]


def begin(tx: Connection, command: str, at: datetime) -> int:
    """Open a run and return its number."""
    result = tx.execute(insert(runs).values(command=command, started_at=to_ms(at)))
    return int(result.inserted_primary_key[0])  # type: ignore[index] # an integer primary key is always returned


def end(tx: Connection, run_id: int, at: datetime, exit_code: int, summary: Mapping[str, Any]) -> None:
    tx.execute(
        update(runs).where(runs.c.id == run_id).values(ended_at=to_ms(at), exit_code=exit_code, summary=dump(summary))
    )


def over_by(tx: Connection, run_id: int) -> datetime | None:
    """The first moment at which an earlier run was surely over: it ended then, or, where it was killed, the next one
    began. None: there is no later run.
    """
    moments = (
        select(runs.c.ended_at).where(runs.c.id == run_id),
        select(runs.c.started_at).where(runs.c.id > run_id).order_by(runs.c.id).limit(1),
    )
    found = (tx.execute(query).scalar() for query in moments)
    return next((from_ms(moment) for moment in found if moment is not None), None)


def latest(tx: Connection, limit: int = 10) -> tuple[Run, ...]:
    """The newest runs, newest first."""
    rows = tx.execute(select(runs).order_by(runs.c.id.desc()).limit(limit))
    return tuple(
        Run(
            id=row.id,
            command=row.command,
            started_at=from_ms(row.started_at),
            ended_at=maybe_from_ms(row.ended_at),
            exit_code=row.exit_code,
            summary=load(row.summary),
        )
        for row in rows
    )
