"""The call log: calls that people make and take, and calls started through the API, which end themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from syncd.sandbox.salespulse.book import Book

DURATION = 42
"""Seconds that a call started through the API takes."""


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as the book stores times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def record(book: Book, contact_id: str, now: datetime, values: Mapping[str, Any]) -> dict[str, Any]:
    """Put a call that is over into the log."""
    call_id = book.new_id("call")
    call = {
        "id": call_id,
        "contact_id": contact_id,
        "direction": "inbound",
        "status": "completed",
        "started_at": stamp(now),
        "duration_seconds": 182,
        "disposition": "interested",
        "recording_url": f"https://recordings.example.com/{call_id}.mp3",
        "transcript": "Agent: Good morning. Caller: Good morning, I had a question about my quote.",
    } | {name: value for name, value in values.items() if name not in ("id", "contact_id")}
    book.calls[call_id] = call
    return call


def initiate(book: Book, contact_id: str | None, phone: str, now: datetime) -> dict[str, Any]:
    """Start an outbound call; ``finish_due`` ends it after DURATION seconds."""
    call_id = book.new_id("call")
    call = {
        "id": call_id,
        "contact_id": contact_id,
        "to": phone,
        "direction": "outbound",
        "status": "initiated",
        "started_at": stamp(now),
        "duration_seconds": None,
        "disposition": None,
        "recording_url": None,
        "transcript": None,
    }
    book.calls[call_id] = call
    book.ringing.append(call_id)
    return call


def finish_due(book: Book, now: datetime) -> Iterator[dict[str, Any]]:
    """End the calls whose time is over and give each."""
    over = stamp(now - timedelta(seconds=DURATION))
    while book.ringing and book.calls[book.ringing[0]]["started_at"] <= over:
        call = book.calls[book.ringing.pop(0)]
        call.update(
            status="completed",
            duration_seconds=DURATION,
            disposition="no_answer",
            recording_url=f"https://recordings.example.com/{call['id']}.mp3",
            transcript="",
        )
        yield call


def listed(book: Book, *, contact_id: str, start: str, end: str) -> list[dict[str, Any]]:
    """Calls, newest first, of a contact and between two dates or times (a bare end date includes its day)."""
    upto = f"{end}T23:59:59.999Z" if len(end) == 10 else end
    return [
        call
        for call in reversed(book.calls.values())
        if (not contact_id or call["contact_id"] == contact_id)
        and (not start or call["started_at"] >= start)
        and (not upto or call["started_at"] <= upto)
    ]


def summary(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call in a list: without its transcript."""
    return {name: value for name, value in call.items() if name != "transcript"}


def event_data(call: Mapping[str, Any]) -> dict[str, Any]:
    """The ``data`` of a call event, as the vendor's page shows it."""
    names = ("contact_id", "direction", "duration_seconds", "recording_url", "disposition")
    return {"call_id": call["id"], **{name: call[name] for name in names}}
