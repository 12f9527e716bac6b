"""What is installed holds everything that is looked up at run time, and its entry points lead somewhere."""

import shutil
import subprocess
import tomllib
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL: dict[str, Any] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
#: Files that are read, not imported: package → path below it. Nothing else would notice that one is missing.
READ = (
    ("syncd", "py.typed"),
    ("syncd", "store/migrations/env.py"),
    ("syncd", "store/migrations/script.py.mako"),
    ("syncd", "store/migrations/versions/0001_first.py"),
    ("connectors", "py.typed"),
    ("mappings", "hubspot-contacts.toml"),
)


@pytest.mark.parametrize(("package", "path"), READ, ids=[f"{package}/{path}" for package, path in READ])
def test_a_file_that_is_read_at_run_time_is_found_in_its_package(package: str, path: str) -> None:
    assert (files(package) / path).is_file()


def test_the_wheel_takes_the_packages_whole() -> None:
    """hatchling puts in whatever stands below them, of any kind, unless it is told to leave something out."""
    assert set(WHEEL) == {"packages"}
    assert set(PROJECT["tool"]["hatch"]["build"]) == {"targets"}
    assert set(WHEEL["packages"]) == {package for package, _ in READ}
    imported = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert imported <= set(WHEEL["packages"])


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="asks git")
def test_nothing_that_is_read_at_run_time_is_ignored_by_git() -> None:
    """hatchling leaves out what git ignores."""
    paths = [str(path.relative_to(ROOT)) for package in WHEEL["packages"] for path in (ROOT / package).rglob("*")]
    kept = [path for path in paths if "__pycache__" not in path]
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        input="\n".join(kept), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (asked.returncode, asked.stdout) == (1, ""), asked.stderr


def test_the_entry_points_lead_to_what_they_name() -> None:
    points = {(point.group, point.name): point for point in distribution("syncd").entry_points}
    project = PROJECT["project"]
    wanted = {("console_scripts", name): target for name, target in project["scripts"].items()}
    wanted |= {(group, name): at for group, some in project["entry-points"].items() for name, at in some.items()}
    assert {key: point.value for key, point in points.items()} == wanted
    assert callable(points["console_scripts", "syncd"].load())
    assert points["syncd.connectors", "hubspot"].load().name == "hubspot"
