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

from syncd.cli import demo, demo_teller
from syncd.cli.check import check_command
from syncd.cli.demo import demo_command
from syncd.cli.demo_world import FIELDS, HUBSPOT, SALESFORCE, SALESPULSE, Person, Systems, open_systems
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
    for title in (
        "1. Three systems",
        "5. From Salesforce to HubSpot",
        "6. A real conflict",
        "8. Nothing left",
        "What next",
    ):
        assert title in story
    assert max(map(len, story.splitlines())) <= 100
    assert "\x1b" not in story


def test_what_it_keeps_can_be_looked_at_afterwards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "story"
    clock = ManualClock()
    assert demo_command(clock, people=PEOPLE, keep=folder) is Exit.DONE
    for name in ("state.db", "salespulse.key", "hubspot.token", "salesforce.secret"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    capsys.readouterr()
    assert status_command(clock, config=folder / "config.toml", names=[], as_json=False) is Exit.DONE
    said = capsys.readouterr().out
    assert said.count("30 active") == 2  # of each two 12 share, six are in all three: 20 and 20 and 20 are 30 people


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
    """The keys of a document, without its values; of a list or of the connections the first stands for all."""
    if isinstance(value, dict):
        return {
            name: None if name in FREE else shape(list(below.values()) if name == "connections" else below)
            for name, below in sorted(value.items())
        }
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_a_second_run_meanwhile_ends_with_its_own_error(tmp_path: Path) -> None:
    folder = tmp_path / "story"
    assert demo_command(ManualClock(), people=10, keep=folder) is Exit.DONE
    with lease(folder / "state.db"), pytest.raises(StateBusy):
        demo_teller.run_once(ManualClock(), config=folder / "config.toml", full=False, names=[])


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="name a new or an empty folder"):
        demo_command(ManualClock(), people=PEOPLE, keep=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_too_few_people_make_no_story() -> None:
    with pytest.raises(UsageError, match="at least 10"):
        demo_command(ManualClock(), people=9, keep=None)


Meddling = Callable[[Systems], None]


def changes_a_number(systems: Systems) -> None:
    systems.by_label[HUBSPOT].edit(systems.some(count=1)[0], phone="(305) 555-0199")


def changes_it_in_salesforce(systems: Systems) -> None:
    systems.by_label[SALESFORCE].edit(systems.some(count=1, skip=3)[0], phone="(305) 555-0199")


def doubles_a_person(label: str) -> Meddling:
    def meddling(systems: Systems) -> None:
        vendor: Any = systems.by_label[label].running.harness.vendor
        vendor.add_contact({FIELDS["last_name"][label]: "Double", FIELDS["email"][label]: "double@example.com"})

    return meddling


def loses_a_link(systems: Systems) -> None:
    vendor: Any = systems.by_label[SALESFORCE].running.harness.vendor
    vendor.edit(systems.linked()[0].ids[SALESFORCE], {"SalesPulse_Id__c": ""})


def moves_a_stage(systems: Systems) -> None:
    person: Person = systems.linked()[0]
    sold = person.shown["stage"][SALESPULSE] == "Sold"
    systems.by_label[HUBSPOT].edit(person, stage="lead" if sold else "customer")


def moves_a_stage_in_salesforce(systems: Systems) -> None:
    person: Person = systems.linked()[0]
    sold = person.shown["stage"][SALESPULSE] == "Sold"
    systems.by_label[SALESFORCE].edit(person, stage="Contacted" if sold else "Sold")


@pytest.mark.parametrize(
    ("meddling", "after", "complaint"),
    [
        (doubles_a_person(SALESPULSE), 1, "not everybody is in every system"),
        (doubles_a_person(SALESFORCE), 1, "not everybody is in every system"),
        (loses_a_link, 1, "not everybody is there exactly once"),
        (moves_a_stage_in_salesforce, 1, "some people are not the same everywhere"),
        (changes_a_number, 2, "an edit did not reach every system"),
        (changes_it_in_salesforce, 3, "the number typed in Salesforce did not reach HubSpot"),
        (moves_a_stage, 6, "the last run changed something"),
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

    real = demo_teller.run_once

    def running(*args: Any, **kwargs: Any) -> Ended:
        runs.append(real(*args, **kwargs))
        if len(runs) == after:
            meddling(opened[0])
        return runs[-1]

    monkeypatch.setattr(demo, "open_systems", opening)
    monkeypatch.setattr(demo_teller, "run_once", running)


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
