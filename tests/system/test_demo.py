"""The demo tells the truth: it ends with 0 only when the servers' own records show what it says."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from syncd.cli import demo
from syncd.cli.check import check_command
from syncd.cli.demo import demo_command
from syncd.cli.demo_world import Systems, open_systems
from syncd.cli.run import run_command
from syncd.cli.status import status_command
from syncd.clock import Clock
from syncd.cycle.execute import Ended
from syncd.errors import StateBusy, UsageError
from syncd.exits import Exit
from syncd.sandbox.clock import ManualClock
from syncd.store.database import lease

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 20


@pytest.mark.parametrize("people", [10, 31])
def test_the_story_is_true_for_any_number_of_people(people: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo_command(ManualClock(), people=people, keep=None) is Exit.DONE
    story, said = capsys.readouterr()
    assert said == ""
    for title in ("1. Two systems", "4. People go on", "5. A real conflict", "7. Nothing left to do", "What next"):
        assert title in story
    assert max(map(len, story.splitlines())) <= 100
    assert "\x1b" not in story


def test_what_it_keeps_can_be_looked_at_afterwards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "story"
    clock = ManualClock()
    assert demo_command(clock, people=PEOPLE, keep=folder) is Exit.DONE
    for name in ("state.db", "salespulse.key", "hubspot.token"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    capsys.readouterr()
    assert status_command(clock, config=folder / "config.toml", names=[], as_json=False) is Exit.DONE
    assert "28 active" in capsys.readouterr().out


def test_the_documented_json_is_what_the_commands_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, clock = tmp_path / "story", ManualClock()
    assert demo_command(clock, people=PEOPLE, keep=folder) is Exit.DONE
    config = folder / "config.toml"
    capsys.readouterr()
    status_command(clock, config=config, names=[], as_json=True)
    status = orjson.loads(capsys.readouterr().out)
    check_command(clock, config=config, online=True, fix=False, names=[], as_json=True)  # the servers have ended
    check = orjson.loads(capsys.readouterr().out)
    run_command(clock, config=config, full=False, once=True, names=[], as_json=True)
    run = orjson.loads(capsys.readouterr().out)
    plan = orjson.loads((folder / "plan.json").read_bytes())
    for name, printed in (("run", run), ("plan", plan), ("check", check), ("status", status)):
        assert shape(documented(name)) == shape(printed), name


def documented(command: str) -> Any:
    """The JSON that the page on commands shows for a command."""
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    block = re.search(rf"^## `syncd {command}`\n.*?```json\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    assert block
    return orjson.loads(block[1])


#: Below these, the keys are data (names, counts by kind) or may be missing in a story without that.
FREE = {"by_kind", "links", "holds", "findings", "facts", "brakes", "requests"}


def shape(value: Any) -> Any:
    """The keys of a document, without its values; of a list the first element stands for all."""
    if isinstance(value, dict):
        return {name: None if name in FREE else shape(below) for name, below in sorted(value.items())}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_a_second_run_meanwhile_ends_with_its_own_error(tmp_path: Path) -> None:
    folder = tmp_path / "story"
    assert demo_command(ManualClock(), people=10, keep=folder) is Exit.DONE
    with lease(folder / "state.db"), pytest.raises(StateBusy):
        demo.run_once(ManualClock(), config=folder / "config.toml", full=False, names=[])


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="name a new or an empty folder"):
        demo_command(ManualClock(), people=PEOPLE, keep=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_too_few_people_make_no_story() -> None:
    with pytest.raises(UsageError, match="at least 10"):
        demo_command(ManualClock(), people=9, keep=None)


Meddling = Callable[[Systems], None]


def loses_an_edit(systems: Systems) -> None:
    systems.edit_record(systems.some(count=1)[0], {"phone": "(305) 555-0199"})


def doubles_a_person(systems: Systems) -> None:
    systems.hubspot.add_contact({"firstname": "Dou", "lastname": "Ble", "email": "double@example.com"})


def moves_a_stage(systems: Systems) -> None:
    pair = systems.pairs()[0]
    systems.edit_record(pair, {"lifecyclestage": "lead" if pair.contact["stage"] == "Sold" else "customer"})


@pytest.mark.parametrize(
    ("meddling", "after", "complaint"),
    [
        (doubles_a_person, 1, "not everybody is on both sides"),
        (moves_a_stage, 1, "some pairs do not agree"),
        (loses_an_edit, 2, "an edit did not reach the other side"),
        (moves_a_stage, 5, "the last run changed something"),
    ],
)
def test_it_ends_with_1_when_a_server_shows_something_else(
    meddling: Meddling, after: int, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _meddle(monkeypatch, meddling, after=after)
    assert demo_command(ManualClock(), people=PEOPLE, keep=None) is Exit.BUG
    story = capsys.readouterr().out
    assert f"this was not so: {complaint}" in story
    assert "What next" not in story


def _meddle(monkeypatch: pytest.MonkeyPatch, meddling: Meddling, *, after: int) -> None:
    """Do something on the servers right after the run with this number."""
    opened: list[Systems] = []
    runs: list[Ended] = []

    @contextmanager
    def opening(people: int, clock: Clock) -> Iterator[Systems]:
        with open_systems(people, clock) as systems:
            opened.append(systems)
            yield systems

    real = demo.run_once

    def running(*args: Any, **kwargs: Any) -> Ended:
        runs.append(real(*args, **kwargs))
        if len(runs) == after:
            meddling(opened[0])
        return runs[-1]

    monkeypatch.setattr(demo, "open_systems", opening)
    monkeypatch.setattr(demo, "run_once", running)


def test_a_terminal_that_knows_no_arrows_gets_the_story_too(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "syncd", "demo", "--people", "12"],
        env=environment,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert ended.stderr == b""
    assert ended.returncode == 0
    assert ended.stdout.isascii()
    assert b"Everything above was compared" in ended.stdout
