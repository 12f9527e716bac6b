"""How the demo tells its story: words, tables and commands on the console, and runs that have to end as expected."""

from __future__ import annotations

import io
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from syncd.cli.demo_world import HUBSPOT, SALESFORCE, SALESPULSE, Person, Systems
from syncd.cli.holds import list_command, show_command
from syncd.cli.plan import plan_command
from syncd.cli.render import run_text
from syncd.cli.run import run_once
from syncd.clock import Clock
from syncd.exits import Exit

WIDTH = 100
#: Seconds. SalesPulse has no feed of changes: the demo has it listed in every run, which may be every second.
BETWEEN_RUNS = 1.1
#: Connection → the system that it is about, in the order of the config.
CONNECTIONS = {"salesforce": SALESFORCE, "hubspot": HUBSPOT}


class Untrue(Exception):
    """The story says something that the servers' records do not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run says that it did."""

    connections: Mapping[str, Mapping[str, Any]]

    def total(self, word: str) -> int:
        """A figure of all connections together."""
        return sum(int(one[word]) for one in self.connections.values())

    def written(self, *words: str) -> dict[str, int]:
        """System → records that were written in these ways. To SalesPulse several connections may write."""
        found = Counter(dict.fromkeys((SALESPULSE, *CONNECTIONS.values()), 0))
        for name, figures in self.connections.items():
            for word in words:
                found[SALESPULSE] += figures[word]["salespulse"]
                found[CONNECTIONS[name]] += figures[word]["crm"]
        return dict(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """What the chapters work with."""

    clock: Clock
    console: Console
    systems: Systems
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    # ---- words

    def chapter(self, title: str) -> None:
        self.console.print()
        self.console.print(Text(title, style="bold"))

    def say(self, text: str) -> None:
        for line in textwrap.wrap(text, WIDTH):
            self.console.print(Text(line))

    def show(self, rows: Sequence[tuple[str, ...]]) -> None:
        """A small table, its columns as wide as they need to be."""
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for row in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.console.print(Text(f"    {line}".rstrip()))

    def show_everywhere(self, lines: Iterable[tuple[Person, str]]) -> None:
        """A table of fields of people as each system shows them."""
        rows = [(f"{one.name}: {one.row(field)[0]}", *one.row(field)[1:]) for one, field in lines]
        self.show([("", *self.systems.by_label), *rows])

    def quote(self, command: str, text: str, *, lines: int = 1000) -> None:
        """A command with what it printed, its first ``lines`` lines."""
        self.console.print(Text(f"  $ {command}", style="cyan"))
        printed = text.rstrip().splitlines()
        for line in printed[:lines]:
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            wrapped = textwrap.wrap(line, WIDTH - 4, subsequent_indent=indent, drop_whitespace=False) or [""]
            for part in wrapped:
                self.console.print(Text(f"    {part}".rstrip(), style="dim"))
        if len(printed) > lines:
            self.console.print(Text(f"    … and {len(printed) - lines} lines more", style="dim"))

    # ---- commands

    def plan(self, *, lines: int) -> Mapping[str, Any]:
        """`syncd plan --full`, its first lines shown; give the connections of the plan's JSON document."""
        file = self.folder / "plan.json"
        text = self._printed(
            lambda: plan_command(self.clock, config=self.config, full=True, output=file, names=[], as_json=False)
        )
        self.quote("syncd plan --full", text, lines=lines)
        found: Mapping[str, Any] = orjson.loads(file.read_bytes())["connections"]
        return found

    def run(self, *, full: bool, expect: Exit = Exit.DONE, summary: bool = True) -> Figures:
        """One run as the command makes it, shown with or without what it prints. Raise Untrue when it ends otherwise
        than expected.
        """
        self.clock.sleep(BETWEEN_RUNS)
        with _silence() as said:
            ended = run_once(self.clock, config=self.config, full=full, names=[])
        self.quote(f"syncd run {'--full' if full else '--once'}", run_text(ended.summary) if summary else "")
        if ended.exit is not expect:
            raise Untrue(f"the run ended with exit {int(ended.exit)} instead of {int(expect)}\n{said.getvalue()}")
        return Figures(connections=ended.summary["connections"])

    def holds(self) -> list[dict[str, Any]]:
        """`syncd holds`; give the elements of its JSON document."""

        def listed(*, as_json: bool) -> str:
            return self._printed(
                lambda: list_command(config=self.config, as_json=as_json, connections=[], reason=None, field=None)
            )

        self.quote("syncd holds", listed(as_json=False))
        found: list[dict[str, Any]] = orjson.loads(listed(as_json=True))["holds"]
        return found

    def hold(self, id_: str) -> None:
        """`syncd holds show`."""
        text = self._printed(lambda: show_command(id_, config=self.config, as_json=False))
        self.quote(f"syncd holds show {id_}", text)

    def _printed(self, call: Callable[[], Exit]) -> str:
        """What a command prints. Raise Untrue when it does not end with 0."""
        out = io.StringIO()
        with _silence() as said, redirect_stdout(out):
            code = call()
        if code is not Exit.DONE:
            raise Untrue(f"the command ended with exit {int(code)}\n{out.getvalue()}{said.getvalue()}")
        return out.getvalue()


@contextmanager
def _silence() -> Iterator[io.StringIO]:
    """Progress and notes are kept for the case that something goes wrong."""
    with redirect_stderr(io.StringIO()) as said:
        yield said


def true(fact: bool, otherwise: str) -> None:
    """Go on only if it is so."""
    if not fact:
        raise Untrue(otherwise)
