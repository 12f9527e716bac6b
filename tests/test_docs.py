"""The documentation names what there is, all of it, and nothing else."""

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
import pytest
import typer.main

from connectors.salesforce.settings import SalesforceSettings
from syncd.cli.holds import as_data
from syncd.cli.main import app
from syncd.config.load import load
from syncd.config.model import ConnectionConfig
from syncd.core.holds import ADVICE
from syncd.core.model import Hold, HoldReason, Side
from syncd.exits import Exit
from syncd.registry import kinds
from syncd.sandbox.faults import Action
from syncd.sandbox.salespulse import DIALECTS
from syncd.store.holds import StoredHold

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
WORDS = """side source record look observation base link intent receipt hold ledger cursor watermark overlap sweep
    scan feed gone stamp brake budget pool slot lease severed frozen moved doubt backoff mapping journal key kind rule
    run pass decision dirty fingerprint blank state connection connector account pair converted wave leftover"""


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^##+ |\Z)", text(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    return found[1]


def rows(part: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line.strip().strip("|") for line in part.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for at, row in enumerate(found) if set(row[0]) - set("- ") and not _is_head(found, at)]


def _is_head(found: list[list[str]], at: int) -> bool:
    return at + 1 < len(found) and set("".join(found[at + 1])) <= set("- ")


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# ---- commands ------------------------------------------------------------------------------------------------------


def commands(command: click.Command, path: str = "syncd") -> Iterator[tuple[str, click.Command]]:
    """Every command by its full name; the bare `syncd` only shows help."""
    if path != "syncd":
        yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def options(command: click.Command) -> set[str]:
    return {opt for one in command.params for opt in one.opts if opt.startswith("-") and one.name != "help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described_with_its_options_and_no_others(name: str) -> None:
    described = {shown.split()[0] for row in rows(section("docs/commands.md", f"`{name}`")) for shown in code(row[0])}
    assert described == options(COMMANDS[name])


def test_no_command_is_described_that_is_not_there() -> None:
    described = re.findall(r"^#+ `(syncd [^`]+)`$", text("docs/commands.md"), re.MULTILINE)
    assert sorted(described) == sorted(COMMANDS)


def test_the_defaults_of_numbers_are_the_described_ones() -> None:
    checked = 0
    for name, command in COMMANDS.items():
        described = {code(row[0])[0].split()[0]: row[1] for row in rows(section("docs/commands.md", f"`{name}`"))}
        for one in command.params:
            if isinstance(one.default, int | float) and not isinstance(one.default, bool):
                assert f"({one.default:g})" in described[one.opts[0]]
                checked += 1
    assert checked >= 5


def test_what_is_said_not_to_be_there_is_not_there() -> None:
    promised = text("README.md").partition("**Not there yet:**")[2].partition("SalesPulse is therefore")[0]
    missing = [one.replace("\n", " ") for one in code(promised) if one != "syncd run"]
    assert "holds resolve" in missing
    assert not [one for one in missing if f"syncd {one}" in COMMANDS]


def test_nobody_is_sent_to_a_command_that_is_not_there() -> None:
    """In messages, comments and pages; the README may say what is missing, without `syncd` before it."""
    sources = [path for part in ("syncd", "connectors", "mappings") for path in (ROOT / part).rglob("*.*")]
    groups = {name.split()[1] for name in COMMANDS if len(name.split()) > 2}
    named_commands = set()
    for path in [*sources, *PAGES, ROOT / "config.example.toml"]:
        if path.suffix in {".py", ".toml", ".md"}:
            named_commands |= set(re.findall(r"`syncd ([a-z]+)(?: ([a-z]+))?", path.read_text(encoding="utf-8")))
    assert len(named_commands) >= 8
    for first, second in named_commands:
        assert f"syncd {first}" in COMMANDS, (first, second)
        assert not second or first not in groups or f"syncd {first} {second}" in COMMANDS, (first, second)


def test_the_readme_shows_only_commands_that_are_there() -> None:
    for shown in re.findall(r"^(?:  \$ )?syncd ([a-z]+)((?: -[-a-z]+)*)", text("README.md"), re.MULTILINE):
        command = COMMANDS[f"syncd {shown[0]}"]
        assert set(shown[1].split()) <= options(command)


def test_every_exit_code_is_described() -> None:
    described = {(int(row[0]), row[1]) for row in rows(section("docs/commands.md", "Exit codes"))}
    assert described == {(int(one), one.name) for one in Exit}


def test_the_shown_json_of_holds_is_what_is_printed() -> None:
    block = re.search(r"```json\n(.*?)```", section("docs/commands.md", "`syncd holds list`"), re.DOTALL)
    assert block
    hold = Hold(connection="hubspot", reason=HoldReason.CONFLICT, message="", values=dict.fromkeys(Side, "x"))
    printed = as_data(StoredHold(id="1", hold=hold, since=datetime.now(UTC), run_id=1, closed_at=None))
    (shown,) = orjson.loads(block[1])["holds"]
    assert list(shown) == list(printed)
    assert list(shown["values"]) == list(printed["values"])


# ---- holds, sandbox ------------------------------------------------------------------------------------------------


def test_every_reason_to_hold_is_described_with_its_remedy() -> None:
    described = {code(row[0])[0]: row for row in rows(text("docs/holds.md"))}
    assert set(described) == {reason.value for reason in HoldReason}
    for reason, advice in ADVICE.items():
        assert described[reason.value][1].startswith(advice.title)
        assert described[reason.value][2] == advice.remedy


def test_every_control_path_dialect_and_fault_is_described() -> None:
    page = text("docs/sandbox.md")
    described = set(re.findall(r"(?:GET|POST|DELETE) ([a-z/]+)`?", section("docs/sandbox.md", "Control paths")))
    served: set[str] = set()
    for file in ("harness.py", "salespulse/control.py", "hubspot/control.py", "salesforce/control.py"):
        source = text(f"syncd/sandbox/{file}")
        served |= set(re.findall(r'case (?:"[A-Z]+", )?"([a-z/]+)":', source))
    served |= {"records"}
    assert described == served
    assert {name for name in DIALECTS if f"`{name}`" in page} == set(DIALECTS)
    faults = [code(row[0])[0] for row in rows(section("docs/sandbox.md", "Faults"))]
    assert faults == [action.value for action in Action]


# ---- Salesforce ----------------------------------------------------------------------------------------------------


def shown_configs(page: str) -> list[str]:
    """The TOML blocks of a page that are parts of a config, placeholders made into words."""
    blocks = re.findall(r"```toml\n(.*?)```", text(page), re.DOTALL)
    return [block.replace("…", "-") for block in blocks if "[connections." in block]


def test_the_config_that_the_readme_shows_is_accepted(tmp_path: Path) -> None:
    (block,) = shown_configs("README.md")
    assert [one.name for one in loaded(block, tmp_path)] == ["hubspot", "salesforce"]


def test_the_config_that_the_salesforce_page_shows_is_accepted(tmp_path: Path) -> None:
    (block,) = shown_configs("docs/salesforce.md")
    settings = re.findall(r"\[connections\.leads\.settings\]\n(.*?)\n\n", block, re.DOTALL)
    block += f"[connections.contacts.settings]\n{settings[0]}\n"
    leads, contacts = loaded('[salespulse]\napi_key = { env = "SALESPULSE_API_KEY" }\n' + block, tmp_path)
    assert leads.policy.may_create(Side.CRM)
    assert not contacts.policy.may_create(Side.CRM)
    assert leads.account == contacts.account


def loaded(config: str, folder: Path) -> tuple[ConnectionConfig, ...]:
    path = folder / "config.toml"
    path.write_text(config, encoding="utf-8")
    secrets = dict.fromkeys(re.findall(r'env = "(\w+)"', config), "0123456789abcdef0123")
    return load(path, need_secrets=True, kinds=kinds(), environ=secrets).connections


def test_what_the_salesforce_page_lets_check_say_is_what_the_code_says() -> None:
    sources = [*(ROOT / "connectors/salesforce").glob("*.py"), *(ROOT / "syncd/core").glob("*.py")]
    spoken = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    found = rows(section("docs/salesforce.md", "4. What `syncd check --online` finds"))
    pieces = [piece.strip(" ,:.()") for row in found for piece in re.split("…|·|: |, | or ", row[0])]
    assert len(found) >= 12
    assert [piece for piece in pieces if piece and piece not in spoken] == []


def test_the_salesforce_fields_to_be_made_are_those_of_the_mappings() -> None:
    mapped = "".join(text(f"mappings/salesforce-{name}.toml") for name in ("contacts", "leads"))
    named_fields = set(re.findall(r"`(\w+__c)`", text("docs/salesforce.md")))
    assert named_fields == set(re.findall(r'"(\w+__c)"', mapped))
    id_field = SalesforceSettings.model_fields["id_field"].default
    assert f"`{id_field.removesuffix('__c')}`" in text("docs/salesforce.md")


# ---- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{named(page)}: {target}"
        if anchor:
            assert anchor in {_anchor(line) for line in there.read_text(encoding="utf-8").splitlines()}, target


def _anchor(line: str) -> str:
    """The anchor of a heading as GitHub makes it; "" for other lines."""
    if not line.startswith("#"):
        return ""
    return re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_are_named_exist(page: Path) -> None:
    tops = "syncd|connectors|tests|docs|mappings|benchmarks|systemd"
    for path in re.findall(rf"`((?:{tops})/[\w./*-]*)`", page.read_text(encoding="utf-8")):
        assert "NAME" in path or (ROOT / path).exists(), f"{named(page)}: {path}"


def test_the_architecture_fits_on_one_page_and_names_every_step_of_the_line() -> None:
    page = text("docs/architecture.md")
    assert len(page.splitlines()) <= 90
    steps = ["pull", "observe", "match", "merge", "plan", "guard", "journal", "push", "settle"]
    assert [row[0] for row in rows(section("docs/architecture.md", "The way of a record"))] == ["open", *steps]
    assert page.count("`syncd/cycle/") >= len(list((ROOT / "syncd/cycle").glob("*.py"))) - 4


def test_the_glossary_has_the_words_once_and_in_order() -> None:
    heads = [row[0] for row in rows(text("docs/glossary.md"))]
    firsts = [re.findall(r"\*\*([^*]+)\*\*", head)[0] for head in heads]
    assert firsts == sorted(set(firsts))
    everything = set(re.findall(r"\*\*([^*]+)\*\*", text("docs/glossary.md")))
    assert set(WORDS.split()) <= everything


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert numbers == [f"{number:04}" for number in range(1, len(pages) + 1)]
    listed = text("docs/decisions/0001-record-decisions.md").partition("The list:")[2]
    assert [one for one in re.findall(r"\b\d{4}\b", listed) if one in numbers] == numbers[1:]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    page = text("docs/decisions/0002-dependencies.md")
    wanted = {_package(one) for one in project["project"]["dependencies"]}
    assert {row[0] for row in rows(page)} == wanted
    assert not [one for one in project["dependency-groups"]["dev"] if _package(one) not in page]


def _package(requirement: str) -> str:
    return re.split(r"[<>=\[ ]", requirement)[0]


def test_what_the_readme_makes_can_be_made() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)[0].split())
    assert targets == phony
    made = set(re.findall(r"\bmake ([a-z]+)\b(?=`|\s+#)", text("README.md")))
    assert {"demo", "test", "check"} <= made <= targets


def test_the_changelog_begins_with_what_is_not_released() -> None:
    assert re.findall(r"^## (.*)$", text("CHANGELOG.md"), re.MULTILINE)[0] == "[Unreleased]"
