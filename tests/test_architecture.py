"""Imports point one way, and a few other rules of shape. The rules read the source, they do not import it."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Part of the tree → what its modules may import of syncd and connectors, besides the part itself. The longest
# name that fits a module counts. "*" stands for one name: each connector is a part, so none imports another.
EDGES = frozenset({"syncd.core", "syncd.net", "syncd.errors", "syncd.clock", "connectors.port"})
INSIDE = EDGES | {"syncd.store", "syncd.salespulse", "syncd.config", "syncd.registry", "syncd.exits"}
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "syncd.core": frozenset(),
    "syncd.errors": frozenset(),
    "syncd.clock": frozenset(),
    "syncd.net": frozenset({"syncd.core", "syncd.errors", "syncd.clock"}),
    "connectors.port": EDGES,
    "connectors.*": EDGES,
    "syncd.store": EDGES,
    "syncd.salespulse": EDGES,
    "syncd.config": EDGES,  # is handed the connector kinds; the registry finds them
    "syncd.registry": frozenset({"syncd.errors", "connectors.port"}),
    "syncd.exits": frozenset(),
    "syncd.cycle": INSIDE,
    "syncd.sandbox": frozenset({"syncd.clock"}),
    "syncd.testing": INSIDE | {"syncd.cycle", "syncd.sandbox", "connectors.*"},
    # The outermost parts put the others together.
    "syncd.cli": INSIDE | {"syncd", "syncd.cycle", "syncd.sandbox", "syncd.daemon", "syncd.web"},
    "syncd.daemon": INSIDE | {"syncd.cycle", "syncd.web"},
    "syncd.web": INSIDE | {"syncd.cycle"},
    "syncd.__main__": frozenset({"syncd.cli"}),
    "syncd": frozenset(),
    "connectors": frozenset(),
}
# Part → the only packages from outside that it may import, besides the standard library.
ONLY_PACKAGES: Mapping[str, frozenset[str]] = {
    "syncd.core": frozenset({"phonenumbers"}),
    "syncd.errors": frozenset(),
    "syncd.clock": frozenset(),
    "syncd.net": frozenset(),
}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
LONGEST_FILE = 500
# What core may not touch: time and chance are arguments there.
NOT_IN_CORE_MODULES = {"time", "random", "secrets", "os", "sys", "io", "pathlib"}
NOT_IN_CORE_MODULES |= {"socket", "threading", "logging", "subprocess"}
NOT_IN_CORE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "print", "input"}


@cache
def tree() -> Mapping[str, ast.Module]:
    """Every module of syncd and connectors by its dotted name."""
    found = {}
    for top in ("syncd", "connectors"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imports(name: str, module: ast.Module) -> Iterator[str]:
    """Every dotted name that a module imports, also inside functions, as precise as the source tells."""
    parts = (name if name in packages() else name.rpartition(".")[0]).split(".")
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = parts[: len(parts) - node.level + 1]
                base = ".".join([*up, *([base] if base else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in tree() or base in {"syncd", "connectors"} else base


@cache
def packages() -> frozenset[str]:
    return frozenset(
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("syncd", "connectors")
        for path in (ROOT / top).rglob("__init__.py")
    )


def is_in(name: str, part: str) -> bool:
    """Whether a module is the part or lies in it. The bare packages hold only their own ``__init__``."""
    if part.endswith(".*"):
        return name.startswith(part[:-1])
    return name == part or (part not in {"syncd", "connectors"} and name.startswith(part + "."))


def part_of(name: str) -> str:
    """The part that a module belongs to; each connector is its own. "" when it belongs to none."""
    fitting = [part for part in MAY_IMPORT if not part.endswith("*") and is_in(name, part)]
    if fitting:
        return max(fitting, key=len)
    top, _, rest = name.partition(".")
    return f"{top}.{rest.partition('.')[0]}" if top == "connectors" else ""


def allowed(part: str) -> frozenset[str]:
    return MAY_IMPORT.get(part, MAY_IMPORT["connectors.*"]) | {part}


def top_of(name: str) -> str:
    return name.partition(".")[0]


def ours(name: str) -> bool:
    return top_of(name) in {"syncd", "connectors"}


def wrong_imports(modules: Mapping[str, ast.Module]) -> list[str]:
    return [
        f"{name} imports {other}"
        for name, module in modules.items()
        for other in imports(name, module)
        if ours(other) and not any(is_in(other, part) for part in allowed(part_of(name)))
    ]


def in_part(part: str) -> list[tuple[str, ast.Module]]:
    return [(name, module) for name, module in tree().items() if is_in(name, part)]


def test_the_whole_tree_was_read() -> None:
    names = set(tree())
    assert {
        "syncd.errors",
        "syncd.core.model",
        "syncd.net.governor",
        "connectors.port",
        "connectors.hubspot",
    } <= names


def test_every_module_belongs_to_a_part_with_a_rule() -> None:
    assert [name for name in tree() if not part_of(name)] == []


def test_imports_point_one_way() -> None:
    assert wrong_imports(tree()) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("syncd.core.merge", "from syncd.net.rate import Rate"),
        ("syncd.core.merge", "from syncd import errors"),
        ("syncd.errors", "import syncd.core.model"),
        ("syncd.net.pool", "from connectors.port import Page"),
        ("syncd.store.links", "from syncd.config import model"),
        ("syncd.store.links", "def f():\n    from syncd.cycle import planning"),
        ("syncd.salespulse.client", "from syncd.store.database import Database"),
        ("syncd.config.model", "from connectors.hubspot import KIND"),
        ("connectors.hubspot.feed", "from connectors.salesforce import feed"),
        ("connectors.hubspot.feed", "from syncd.store import links"),
        ("connectors.hubspot.feed", "import syncd.cycle.planning"),
        ("syncd.cycle.pulling", "from syncd.cli.main import main"),
        ("syncd.sandbox.shell", "from syncd.errors import SyncdError"),
        ("syncd.cycle.pulling", "from syncd.testing.clock import FakeClock"),
        ("syncd.net", "from ..store import links"),
    ],
)
def test_an_import_the_wrong_way_is_found(name: str, source: str) -> None:
    assert len(wrong_imports({name: ast.parse(source)})) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("syncd.core.merge", "from syncd.core.model import Side\nimport json"),
        ("syncd.net.pool", "from .window import Window"),
        (
            "connectors.hubspot.feed",
            "from connectors.hubspot.wire import Wire\nfrom connectors.port import Page",
        ),
        ("syncd.cycle.pulling", "from syncd.store import links\nfrom connectors.port import Connector"),
        ("syncd.sandbox.shell", "from syncd.clock import Clock"),
    ],
)
def test_an_import_the_right_way_passes(name: str, source: str) -> None:
    assert wrong_imports({name: ast.parse(source)}) == []


@pytest.mark.parametrize("part", ONLY_PACKAGES)
def test_the_inner_parts_need_hardly_a_package(part: str) -> None:
    needed = {top_of(other) for name, module in in_part(part) for other in imports(name, module) if not ours(other)}
    assert needed - sys.stdlib_module_names <= ONLY_PACKAGES[part]


def test_nothing_that_runs_imports_what_is_for_tests() -> None:
    assert [
        f"{name} imports {other}"
        for name, module in tree().items()
        if not is_in(name, "syncd.testing")
        for other in imports(name, module)
        if is_in(other, "syncd.testing") or top_of(other) in {"pytest", "hypothesis", "tests"}
    ] == []


def test_core_knows_no_clock_no_chance_and_no_outside() -> None:
    wrong = []
    for name, module in in_part("syncd.core"):
        wrong += [f"{name} imports {o}" for o in imports(name, module) if top_of(o) in NOT_IN_CORE_MODULES]
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in NOT_IN_CORE_CALLS:
                    wrong.append(f"{name}:{node.lineno} calls {called}")
    assert wrong == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name for name in tree() if VAGUE_NAMES & set(name.split("."))] == []


def test_no_file_is_long() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for top in ("syncd", "connectors")
        for path in (ROOT / top).rglob("*.py")
        if (count := path.read_text(encoding="utf-8").count("\n")) > LONGEST_FILE
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, module in tree().items() if module.body and ast.get_docstring(module) is None] == []
