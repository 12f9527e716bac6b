"""The connector keeps the contract on a SQLite file, and what it promises besides."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from syncd_sqltable import KIND
from syncd_sqltable.settings import SqlTableSettings

from connectors.port import Connector, Wanted
from syncd.core.model import Op, Outcome, Side, Value, Values
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop, MappingUnfit, Unreachable
from syncd.testing.clock import FakeClock
from syncd.testing.contract import (
    ConnectorContract,
    FeedContract,
    IdentityContract,
    Names,
    deliver,
    drain,
    intent_for,
    person,
    scan_all,
    seen,
)
from syncd.testing.memory import DictMemory

WANTED = Wanted(
    object="people",
    fields=("first_name", "last_name", "email", "phone", "state", "stage", "salespulse_id"),
    key_fields={"email": "email", "phone": "phone"},
    stage_field="stage",
)


class Desk:
    """The table, people who work on it with nothing but SQL, and the connector under test."""

    names = Names(first="first_name", last="last_name")
    written = Side.CRM
    unique_email = False
    names_fields = False
    quiet_seconds = 1.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock(on_sleep=self._wait)
        self.while_waiting: Callable[[], object] = lambda: None  # what others do while syncd waits
        self.memory = DictMemory()
        self._opened: list[Connector] = []
        with closing(sqlite3.connect(path)) as database:
            database.executescript((files("syncd_sqltable") / "create_table.sql").read_text())
        self.connector = self.reopen()

    def _wait(self, _seconds: float) -> None:
        self.while_waiting()

    def reopen(self) -> Connector:
        settings = KIND.settings.model_validate({"database": f"sqlite:///{self.path}?timeout=0.01", "rate": "100000/s"})
        governor = KIND.governor(settings, self.clock)
        opened = KIND.open(settings, WANTED, governor=governor, clock=self.clock, memory=self.memory)
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        for connector in self._opened:
            connector.close()

    def sql(self, statement: str, *values: Value) -> Any:
        """One statement in a transaction; the id of a row just made, or the first cell of an answer."""
        with closing(sqlite3.connect(self.path)) as database, database:
            cursor = database.execute(statement, values)
            row = cursor.fetchone()
            return row[0] if row else cursor.lastrowid

    def add(self, values: Values) -> str:
        marks = ", ".join("?" * len(values))
        return str(self.sql(f"INSERT INTO people ({', '.join(values)}) VALUES ({marks})", *values.values()))

    def edit(self, record_id: str, values: Values) -> None:
        sets = ", ".join(f"{name} = ?" for name in values)
        self.sql(f"UPDATE people SET {sets} WHERE id = {record_id}", *values.values())

    def delete(self, record_id: str) -> None:
        self.sql(f"DELETE FROM people WHERE id = {record_id}")

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "crm.db")
    yield made
    made.close()


class TestSqlTable(ConnectorContract, FeedContract, IdentityContract):
    @pytest.fixture
    def side(self, desk: Desk) -> Desk:
        return desk


# ---- what a database lets it promise besides


@pytest.mark.parametrize("op", [Op.UPDATE, Op.STAMP, Op.REMOVE])
def test_a_write_decided_on_an_older_look_is_stale_and_changes_nothing(desk: Desk, op: Op) -> None:
    record_id = desk.add(person(desk.names, 1))
    look = seen(desk, record_id)
    assert look.modified_at is not None
    one = intent_for(desk, op, target=record_id, values={"first_name": "Bea"} if op is Op.UPDATE else {}, stamp="s1")
    late = replace(one, based_on=look.modified_at - timedelta(milliseconds=1))
    receipt = deliver(desk.connector, [late])[one.id]
    assert (receipt.outcome, receipt.shown) == (Outcome.STALE, look)
    assert seen(desk, record_id) == look
    now = replace(one, based_on=look.modified_at)
    assert deliver(desk.connector, [now])[one.id].outcome is Outcome.APPLIED


def test_many_stamps_can_be_cleared_although_the_column_is_unique(desk: Desk) -> None:
    ids = [desk.add({**person(desk.names, number), "salespulse_id": f"s{number}"}) for number in (1, 2)]
    clear = [intent_for(desk, Op.STAMP, target=one, stamp="") for one in ids]
    assert {receipt.outcome for receipt in deliver(desk.connector, clear).values()} == {Outcome.APPLIED}


def test_the_feed_is_in_the_order_of_changes_whatever_the_order_of_rows(desk: Desk) -> None:
    desk.sql("DROP INDEX people_by_version")
    ids = [desk.add({"last_name": "Miller"}) for _ in range(250)]
    cursor = desk.connector.feed_start()
    for record_id in reversed(ids):
        desk.edit(record_id, {"last_name": "Moore"})
    found, _, _ = drain(desk.connector, cursor)
    assert set(found) == set(ids)


def test_of_a_refused_batch_nothing_is_written(desk: Desk) -> None:
    good = intent_for(desk, Op.CREATE, values=person(desk.names, 1), stamp="s1")
    for values in ({"email": "no address"}, {"shoe_size": "44"}):
        bad = intent_for(desk, Op.CREATE, values=values, stamp="s2")
        with pytest.raises(BatchRefused):
            desk.connector.create([good, bad])
    assert scan_all(desk.connector) == {}


def test_a_commit_without_an_answer_is_in_doubt(desk: Desk) -> None:
    record_id = desk.add(person(desk.names, 1))
    with closing(sqlite3.connect(desk.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchone()  # SQLite lets nobody commit meanwhile
        with pytest.raises(AnswerLost):
            desk.connector.update([intent_for(desk, Op.UPDATE, target=record_id, values={"first_name": "Bea"})])


def test_a_locked_table_is_waited_for_and_given_up_in_the_end(desk: Desk) -> None:
    one = intent_for(desk, Op.CREATE, values=person(desk.names, 1), stamp="s1")
    with closing(sqlite3.connect(desk.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unreachable, match="create in the SQL table: database is locked"):
            desk.connector.create([one])
        desk.while_waiting = other.rollback
        assert deliver(desk.connector, [one])[one.id].created


def test_an_id_is_never_given_out_twice(desk: Desk) -> None:
    record_id = desk.add(person(desk.names, 1))
    desk.delete(record_id)
    assert desk.add(person(desk.names, 2)) != record_id
    assert set(desk.connector.fetch([record_id]).gone) == {record_id}


def test_an_email_is_found_however_the_row_writes_it(desk: Desk) -> None:
    record_id = desk.add({"email": "Ann@Example.COM"})
    assert [one.id for one in desk.connector.find({"email": [" ann@example.com"]})] == [record_id]


def test_a_phone_is_found_in_other_writings(desk: Desk) -> None:
    ids = [desk.add({"phone": phone}) for phone in ("(305) 555-0123", "+1 305.555.0123", "305 555 0199", "90123")]
    assert {one.id for one in desk.connector.find({"phone": ["+13055550123", "0123"]})} == set(ids[:2])


def test_a_table_that_went_back_stops_the_connection_and_says_what_to_do(desk: Desk) -> None:
    for number in range(3):
        desk.add(person(desk.names, number))
    cursor = desk.connector.feed_start()
    desk.sql("UPDATE people_counter SET version = 1")
    for ask in (desk.reopen().feed_start, lambda: desk.reopen().changes(cursor)):
        with pytest.raises(ConnectionStop, match="went back from 3 to 1"):
            ask()
    desk.sql("UPDATE people_counter SET version = 3")
    desk.sql("UPDATE people SET version = version")
    assert len(desk.connector.changes(cursor).records) == 3


def test_two_tables_are_two_accounts(desk: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path / "other.db")
    assert desk.connector.account().id != other.connector.account().id
    other.close()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE people_counter", "no table people_counter"),
        ("ALTER TABLE people RENAME TO persons", "no table people"),
        ("ALTER TABLE people RENAME salespulse_id TO sp", "no column salespulse_id"),
    ],
)
def test_a_table_that_does_not_fit_is_said_to(desk: Desk, statement: str, what: str) -> None:
    desk.sql(statement)
    with pytest.raises(MappingUnfit, match=what):
        desk.connector.scan(None)


def test_a_link_column_that_is_not_unique_is_not_used(desk: Desk) -> None:
    for statement in ("ALTER TABLE people DROP COLUMN phone", "ALTER TABLE people RENAME salespulse_id TO phone"):
        desk.sql(statement)
    desk.sql("ALTER TABLE people ADD COLUMN salespulse_id TEXT")
    with pytest.raises(MappingUnfit, match="allows the same value twice"):
        desk.connector.account()
    desk.sql("CREATE UNIQUE INDEX by_salespulse ON people (salespulse_id)")
    assert desk.reopen().account().id


def test_only_columns_of_text_can_be_mapped_and_only_mapped_ones_are_read(desk: Desk) -> None:
    desk.sql("ALTER TABLE people ADD COLUMN city VARCHAR(20)")
    desk.sql("ALTER TABLE people ADD COLUMN age INTEGER")
    told = {spec.name: spec.max_length for spec in desk.connector.describe()}
    assert told == {**dict.fromkeys(WANTED.fields), "city": 20}
    desk.add({**person(desk.names, 1), "city": "Miami"})
    (record,) = scan_all(desk.connector).values()
    assert set(record.values) == set(WANTED.fields)


def test_rows_that_no_trigger_counted_are_found_by_the_check(desk: Desk) -> None:
    desk.add(person(desk.names, 1))
    assert KIND.check(desk.connector, fix=False) == ()
    desk.sql("DROP TRIGGER people_inserted")
    desk.add(person(desk.names, 2))
    (finding,) = KIND.check(desk.connector, fix=False)
    assert "(1)" in finding.problem.what
    desk.sql("UPDATE people SET version = version")
    assert KIND.check(desk.connector, fix=False) == ()


# ---- settings


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("crm.db", "no address that SQLAlchemy knows"),
        ("nosuchthing://host/crm", "no address that SQLAlchemy knows"),
        ("oracle+oracledb://host/crm", "needs the package oracledb"),
        ("sqlite://syncd:hunter22@/srv/crm.db", "bears a password"),
        ("sqlite:////srv/crm.db?Password=hunter22", "bears a password"),
        ("sqlite:///crm.db", "write four slashes"),
        ("sqlite://", "write four slashes"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_repeated(database: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        KIND.settings.model_validate({"database": database})
    assert "hunter22" not in str(caught.value)


def test_a_password_reaches_the_driver_alone() -> None:
    settings = SqlTableSettings.model_validate({"database": "sqlite:////srv/crm.db", "password": "hunter22"})
    assert settings.address.password == "hunter22"
    assert "hunter22" not in repr(settings) + settings.budget_key
