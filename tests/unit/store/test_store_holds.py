"""What holds and conversions cost the state: statements must not grow with the people whom they do not concern."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, event

from syncd.core.model import Hold, HoldReason
from syncd.store import holds, links, matching, runs
from syncd.store.database import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@contextmanager
def asked(tx: Connection) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the transaction sends meanwhile."""
    sent: list[tuple[str, Any]] = []

    def note(_tx: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(tx, "before_cursor_execute", note)
    yield sent
    event.remove(tx, "before_cursor_execute", note)


def hold(salespulse_id: str = "", crm_id: str = "", connection: str = "hub") -> Hold:
    return Hold(
        connection=connection,
        reason=HoldReason.AMBIGUOUS,
        message="two of them",
        salespulse_id=salespulse_id,
        crm_id=crm_id,
    )


def open_in(state: Database) -> list[tuple[str, str, str]]:
    with state.read() as tx:
        return [(one.hold.connection, one.hold.salespulse_id, one.hold.crm_id) for one in holds.open_holds(tx)]


def test_nothing_to_hold_asks_nothing(state: Database) -> None:
    with state.write() as tx, asked(tx) as sent:
        assert holds.put(tx, (), run_id=1, at=NOON) == 0
        assert sent == []


def test_many_holds_share_one_look_at_what_is_open(state: Database) -> None:
    with state.write() as tx:
        run = runs.begin(tx, "run", NOON)
        holds.put(tx, [hold("s1")], run_id=run, at=NOON)
        with asked(tx) as sent:
            assert holds.put(tx, [hold(f"s{n}") for n in range(20)], run_id=run, at=NOON) == 19
        assert sum(statement.startswith("SELECT") for statement, _ in sent) == 2


def test_nothing_open_for_either_half_is_one_question(state: Database) -> None:
    with state.write() as tx:
        holds.put(tx, [hold("s1"), hold(crm_id="c1")], run_id=runs.begin(tx, "run", NOON), at=NOON)
        with asked(tx) as sent:
            holds.close_for(tx, "hub", salespulse_id="s2", crm_id="c2", at=NOON)
            holds.close_for(tx, "hub", salespulse_id="s2", at=NOON)
            holds.close_for(tx, "hub", crm_id="c2", at=NOON)
        assert len(sent) == 3
        plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sent[0][0]}", sent[0][1]).all()
    assert not any(row[3].startswith("SCAN") for row in plan), plan
    assert len(open_in(state)) == 2


def test_what_waits_for_a_lost_contact_elsewhere_ends_but_not_what_waits_for_a_pair(state: Database) -> None:
    with state.write() as tx:
        run = runs.begin(tx, "run", NOON)
        links.add(tx, "contacts", "s2", "c2", matched_by="email", run_id=run, at=NOON)
        held = [hold("s1"), hold("s1", connection="contacts"), hold("s2", "c2", "contacts"), hold("s3", "", "contacts")]
        holds.put(tx, held, run_id=run, at=NOON)
        holds.close_elsewhere(tx, ["hub"], ["s1", "s2"], at=NOON)
    assert sorted(open_in(state)) == [("contacts", "s2", "c2"), ("contacts", "s3", ""), ("hub", "s1", "")]


def test_who_was_converted_is_found_without_reading_everybody(state: Database) -> None:
    questions: list[Callable[[Connection], object]] = [
        lambda tx: links.converted(tx, "leads", "leads"),
        lambda tx: matching.conversions(tx, "leads", "Contact", ["003a", "003b"]),
    ]
    for question in questions:
        with state.read() as tx, asked(tx) as sent:
            question(tx)
            ((statement, parameters),) = sent
            plan = [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        assert any("ix_observed_converted" in step for step in plan), plan
