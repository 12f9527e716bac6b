"""A connector of somebody else, from its own distribution: built, installed beside syncd, found, and synced with."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.port import Connector, ConnectorKind
from syncd.core.kinds import read
from syncd.core.mapping import Kind
from syncd.exits import Exit
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.people import STATE_NAMES, overlap
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.sandbox.shell import Running, serve

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "sqltable"
GUIDE = ROOT / "docs" / "write-a-connector.md"
KEY = "sp_live_third-5b1d"
PASSWORD = "hunter22-third"
#: HubSpot's names and words for the example people → those of the table.
COLUMNS = {"firstname": "first_name", "lastname": "last_name", "email": "email", "phone": "phone", "state": "state"}
STAGES = {"lead": "lead", "opportunity": "quoted", "customer": "sold"}
TABLE_STAGES = {"New Lead": "lead", "Contacted": "lead", "Quoted": "quoted", "Sold": "sold"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution in it, as an installer leaves it: built to a wheel, unpacked with its metadata."""
    folder = tmp_path_factory.mktemp("third")
    built = command(["-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")], cwd=EXAMPLE)
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("syncd_sqltable-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def command(arguments: list[str], *, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """This Python in a process of its own; ``path``: what is installed besides."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCD_", "PYTEST_"))}
    environment = {**kept, "PYTHONPATH": str(path or ""), "SALESPULSE_API_KEY": KEY}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=100
    )


@dataclass(frozen=True, kw_only=True)
class Place:
    """SalesPulse served, a table in a SQLite file, a config for both, and the command line."""

    folder: Path
    s: SalesPulse
    running: Running
    installed: Path

    @property
    def table(self) -> Path:
        return self.folder / "crm.db"

    def syncd(self, *arguments: str, exit_code: Exit = Exit.DONE, path: Path | None = None) -> str:
        """A command to its end; what it printed."""
        config = str(self.folder / "config.toml")
        ended = command(["-m", "syncd", *arguments, "--config", config], cwd=self.folder, path=path or self.installed)
        assert ended.returncode == exit_code, ended.stdout + ended.stderr
        assert KEY not in ended.stdout + ended.stderr
        assert PASSWORD not in ended.stdout + ended.stderr
        return ended.stdout

    def run(self, how: str) -> dict[str, Any]:
        """The figures of a run, by the connection's summary."""
        return dict(json.loads(self.syncd("run", how, "--json"))["connections"]["table"])

    def sql(self, statement: str, *values: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.table)) as database, database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(statement, values)]

    def rows(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM people")

    def written(self) -> tuple[int, int]:
        """How much has been written so far: to the table, to SalesPulse."""
        kinds = self.running.harness.stats.requests
        posts = sum(count for kind, count in kinds.items() if not kind.startswith("GET "))
        return self.sql("SELECT version FROM people_counter")[0]["version"], posts

    def row_of(self, contact_id: str) -> dict[str, Any]:
        (row,) = self.sql("SELECT * FROM people WHERE salespulse_id = ?", contact_id)
        return row


@pytest.fixture
def place(tmp_path: Path, installed: Path) -> Iterator[Place]:
    s = SalesPulse(WorldClock(), key=KEY, limit_scale=1000)
    running = serve(s)
    made = Place(folder=tmp_path, s=s, running=running, installed=installed)
    left, right = overlap(30, 20, seed=3)
    s.populate(left)
    with closing(sqlite3.connect(made.table)) as database:
        database.executescript((installed / "syncd_sqltable" / "create_table.sql").read_text(encoding="utf-8"))
    for person in right:
        values = {column: person[name] for name, column in COLUMNS.items() if name in person}
        values["stage"] = STAGES[person["lifecyclestage"]]
        marks = ", ".join("?" * len(values))
        made.sql(f"INSERT INTO people ({', '.join(values)}) VALUES ({marks})", *values.values())
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "people.toml").write_bytes((EXAMPLE / "people.toml").read_bytes())
    (tmp_path / "config.toml").write_text(f"""
        [salespulse]
        base_url = "{running.url}{BASE}"
        api_key = {{ env = "SALESPULSE_API_KEY" }}
        rate = "100000/60s"
        bulk_rate = "10000/60s"
        [connections.table]
        connector = "sqltable"
        mapping = "people"
        [connections.table.settings]
        database = "sqlite:///{made.table}"
        """)
    yield made
    running.stop()


def meaning(row: Mapping[str, Any], *, stages: Mapping[str, str]) -> tuple[Any, ...]:
    """What a contact or a row says, apart from how it is written."""
    codes = {name: code for code, name in STATE_NAMES.items()}
    state, stage = row.get("state") or "", row.get("stage") or ""
    return (
        row.get("first_name") or "",
        row.get("last_name") or "",
        (row.get("email") or "").casefold(),
        read(Kind.PHONE, row.get("phone") or "", "US"),
        codes.get(state, state),
        stages.get(stage, stage),
    )


# ---- installed


def test_the_installed_example_keeps_the_contract(installed: Path, tmp_path: Path) -> None:
    tests = str(EXAMPLE / "tests")
    ended = command(["-m", "pytest", "-q", "-p", "no:cacheprovider", tests], cwd=tmp_path, path=installed)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr
    assert int(re.findall(r"(\d+) passed", ended.stdout)[0]) >= 50
    assert "skipped" not in ended.stdout


def test_the_example_syncs_both_ways_and_then_is_quiet(place: Place) -> None:
    checked = place.syncd("check", "--online")
    assert "table people in sqlite:///" in checked
    assert "nothing to mend" in checked

    figures = place.run("--full")
    assert figures["created"] == {"salespulse": 10, "crm": 10}
    contacts, rows = {one["id"]: one for one in place.s.records()}, place.rows()
    assert (len(contacts), len(rows)) == (40, 40)
    assert {row["salespulse_id"] for row in rows} == set(contacts)
    for row in rows:
        assert meaning(row, stages={}) == meaning(contacts[row["salespulse_id"]], stages=TABLE_STAGES)

    before = place.written()
    assert min(before) > 0
    assert place.run("--full")["unchanged"] == 40
    assert place.written() == before


def test_an_edit_on_each_side_travels_and_a_deleted_row_deletes_nobody(place: Place) -> None:
    place.run("--full")
    first, second, third = (one["id"] for one in place.s.records()[:3])
    place.sql("UPDATE people SET state = 'TX', stage = 'sold' WHERE salespulse_id = ?", first)
    assert place.run("--once")["updated"] == {"salespulse": 1, "crm": 0}
    assert meaning(place.s.records()[0], stages=TABLE_STAGES)[-2:] == ("TX", "sold")

    place.s.edit_contact(second, {"last_name": "Newname"})
    place.sql("DELETE FROM people WHERE salespulse_id = ?", third)
    figures = place.run("--full")
    assert figures["updated"] == {"salespulse": 0, "crm": 1}
    assert place.row_of(second)["last_name"] == "Newname"
    assert figures["unlinked"] == 1
    assert third in {one["id"] for one in place.s.records()}


def test_without_the_install_the_config_says_what_there_is(place: Place, tmp_path: Path) -> None:
    said = place.syncd("check", exit_code=Exit.USAGE, path=tmp_path / "empty")
    assert 'config.toml: connections.table.connector: there is no connector "sqltable" (installed: hubspot' in said


def test_settings_of_the_example_are_checked_with_the_config(place: Place) -> None:
    config = place.folder / "config.toml"
    config.write_text(config.read_text().replace("sqlite:///", f"sqlite://syncd:{PASSWORD}@/"))
    said = place.syncd("check", exit_code=Exit.USAGE)
    assert "config.toml: connections.table.settings.database: bears a password" in said


# ---- the guide


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, language
    return found


def test_what_the_guide_quotes_stands_in_the_example() -> None:
    """Passages that are parted by a line with … are looked for one by one."""
    sources = [
        path.read_text(encoding="utf-8")
        for path in EXAMPLE.rglob("*")
        if path.suffix in {".py", ".sql", ".toml", ".md"}
    ]
    passages = [
        passage.strip("\n")
        for language in ("python", "sql", "toml")
        for block in blocks(language)
        for passage in re.split(r"^ *…\n", block, flags=re.MULTILINE)
    ]
    assert len(passages) >= 8
    assert [passage for passage in passages if not any(passage in source for source in sources)] == []


@pytest.mark.parametrize("protocol", [Connector, ConnectorKind])
def test_the_guide_names_every_method_of_the_port_and_no_other(protocol: type) -> None:
    methods = {name for name in vars(protocol) if not name.startswith("_")}
    page = GUIDE.read_text(encoding="utf-8")
    section = page.partition(f"`{protocol.__name__}`")[2].partition("\n## ")[0]
    named = {
        name for cell in re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)", cell)
    }
    assert named == methods


def test_files_of_the_example_that_are_named_exist() -> None:
    for path in re.findall(r"`(examples/[\w./-]*)`", GUIDE.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path
