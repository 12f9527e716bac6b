"""A real state file for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.store import database
from syncd.store.database import Database


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Database]:
    made = database.create(tmp_path / "state.db")
    yield made
    made.close()
