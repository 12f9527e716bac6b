"""The state file itself: migrations, rights, copies beside a writer, the lease."""

from __future__ import annotations

import re
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine

from syncd.core.model import Record
from syncd.errors import StateBusy, StateError
from syncd.store import database, observed
from syncd.store.observed import Look
from syncd.store.tables import metadata

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    database.create(tmp_path / "migrated.db").close()
    migrated, plain = (create_engine(f"sqlite:///{tmp_path / name}") for name in ("migrated.db", "plain.db"))
    metadata.create_all(plain)
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    # Also what that comparison does not see: defaults, partial indexes, WITHOUT ROWID.
    assert statements(migrated) == statements(plain)
    migrated.dispose()
    plain.dispose()


def statements(engine: Engine) -> dict[str, list[str]]:
    """What makes each table and index, in parts, whose order is free."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    parts = {row.name: re.split(r",\s*|\s*\(\s+|\s+\)\s*", row.sql) for row in rows}
    return {name: sorted(some) for name, some in parts.items() if name != "alembic_version"}


def test_the_schema_constant_names_the_newest_migration() -> None:
    files = sorted((Path(database.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    assert files[-1].name.startswith(f"{database.SCHEMA}_")


def test_an_open_state_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o644)
    state = database.create(path)
    with state.write() as tx:
        observed.observe(tx, "side", [Look(record=Record(id="a", values={}), looked_at=NOON)])
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    state.close()
    assert {"state.db", "state.db-wal", "state.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_copy_beside_a_writer_is_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "odd name #1?.db"
    state = database.create(path)
    ended = threading.Event()
    begun = threading.Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            with state.write() as tx:  # always two together
                looks = [
                    Look(record=Record(id=f"{half}{number}", values={"n": number}), looked_at=NOON) for half in "ab"
                ]
                observed.observe(tx, "side", looks)
            number += 1
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(10)
        counts = []
        for number in range(5):
            target = tmp_path / f"copy{number}.db"
            database.copy(path, target)
            assert stat.S_IMODE(target.stat().st_mode) == 0o600
            copied = database.open_existing(target)
            with copied.read() as tx:
                counts.append(tx.exec_driver_sql("SELECT count(*) FROM observed").scalar_one())
            copied.close()
    finally:
        ended.set()
        writer.join(10)
        state.close()
    assert all(count > 0 and count % 2 == 0 for count in counts)


def test_one_process_holds_the_lease_and_its_end_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with database.lease(path), pytest.raises(StateBusy, match="another syncd"), database.lease(path):
        pass
    with database.lease(path):
        pass


def test_a_state_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"state\.db"):
        database.open_existing(tmp_path / "state.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database\n" * 500, b""], ids=["text", "empty"])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    if not content:  # an empty file is what an interrupted start leaves: it becomes a state
        database.create(path).close()
        return
    with pytest.raises(StateError, match="not a readable syncd state"):
        database.create(path)
    with pytest.raises(StateError, match="not a readable syncd state"):
        database.copy(path, tmp_path / "copy.db")
    assert path.read_bytes() == content
