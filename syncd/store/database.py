"""The state file: opening, its permissions, its migrations, its transactions, and the lock that makes one process its
writer.

All that is particular to SQLite is here. WAL with synchronous=FULL, since a journalled intent has to survive a power
cut.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from syncd.errors import StateBusy, StateError

#: The newest migration; a test compares it with the files in migrations/versions.
SCHEMA = "0003"


def create(path: Path) -> Database:
    """Open the state at ``path``, making it (mode 0600) and bringing it up to date. Raise StateError when that
    cannot be.
    """
    _require_folder(path)
    if not path.exists():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise StateError(
                f"{path}: the state cannot be made ({error.strerror}); check the folder's owner"
            ) from error
    return _opened(path)


def open_existing(path: Path) -> Database:
    """Open a state that is there. Raise StateError, naming the path, when it is not."""
    if not path.exists():
        raise StateError(f"{path}: there is no state yet; `syncd run --full` makes it")
    return _opened(path)


def copy(source: Path, target: Path) -> None:
    """Copy a state as it is at this moment, also beside a running writer. ``target`` is made with mode 0600."""
    os.close(os.open(target, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as from_db,
            closing(sqlite3.connect(target)) as to_db,
        ):
            from_db.backup(to_db)
    except sqlite3.DatabaseError as error:
        raise _unreadable(source, error) from error


class Database:
    """An open state. ``read`` and ``write`` give transactions; no write transaction may stay open across a request."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or leaves everything as it was. Takes the write lock at once."""
        with self._engine.connect().execution_options(syncd_write=True) as tx, tx.begin():
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view. Keep it short: an open reader keeps the WAL from shrinking."""
        with self._engine.connect() as tx, tx.begin():
            yield tx

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def lease(path: Path) -> Iterator[None]:
    """Hold the right to write to the state at ``path``. Raise StateBusy when another process has it; a crash
    frees it.
    """
    _require_folder(path)
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StateError(f"{lock}: the lock cannot be made ({error.strerror}); check the folder's owner") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateBusy(f"{path}: another syncd holds this state; wait until it ends, or stop it") from error
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> Database:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": 30}, hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    path.chmod(0o600)
    try:
        _migrate(engine, path)
    except DatabaseError as error:
        engine.dispose()
        raise _unreadable(path, error.orig or error) from error
    return Database(path, engine)


def _require_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise StateError(f"{path}: the folder {path.parent} does not exist; make it, or change [state] url")


def _unreadable(path: Path, error: BaseException) -> StateError:
    return StateError(
        f"{path}: this is not a readable syncd state ({type(error).__name__}: {error}); restore it from "
        "a backup, or move it away and let `syncd run --full` build it again from both sides"
    )


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _on_begin, not by the driver
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("syncd_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _migrate(engine: Engine, path: Path) -> None:
    found = _version(engine)
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        raise StateError(
            f"{path}: the state is from a newer syncd (schema {found}, this one knows {SCHEMA}); update syncd"
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect().execution_options(syncd_write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA)


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection, connection.begin():
        known = connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")).first()
        if known is None:
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
