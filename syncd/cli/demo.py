"""`syncd demo`: the whole story on the built-in servers, in plain words, checked against the servers' own records.

Runs are made by the same functions as those of `syncd run`. What it says and does not find true ends it with exit 1.
"""

from __future__ import annotations

import io
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from syncd.cli.demo_world import Systems, open_systems
from syncd.cli.holds import list_command, show_command
from syncd.cli.plan import plan_command
from syncd.cli.render import run_text
from syncd.cli.run import run_once
from syncd.clock import Clock
from syncd.errors import UsageError
from syncd.exits import Exit

WIDTH = 100
#: Seconds. SalesPulse has no feed of changes: the demo has it listed in every run, which may be every second.
BETWEEN_RUNS = 1.1
FEWEST = 10

CONFIG = """\
[state]
url = "sqlite:///state.db"

[salespulse]
base_url = "{salespulse}"
api_key = {{ file = "salespulse.key" }}
rate = "{rate}"
bulk_rate = "{bulk_rate}"
sweep_every = "1s"      # a real account: every few hours

[connections.hubspot]
connector = "hubspot"
mapping = "hubspot-contacts"
conflict = ["newest", "hold"]

[connections.hubspot.settings]
base_url = "{hubspot}"
access_token = {{ file = "hubspot.token" }}
rate = "{hubspot_rate}"
search_rate = "{search_rate}"
"""


class Untrue(Exception):
    """The story says something that the servers' records do not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the chapters work with."""

    clock: Clock
    console: Console
    systems: Systems
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

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

    def run(self, *, full: bool, expect: Exit = Exit.DONE) -> dict[str, Any]:
        """One run as the command makes it. Raise Untrue when it ends otherwise than expected."""
        self.clock.sleep(BETWEEN_RUNS)
        with _silence() as said:
            ended = run_once(self.clock, config=self.config, full=full, names=[])
        self.quote(f"syncd run {'--full' if full else '--once'}", run_text(ended.summary))
        if ended.exit is not expect:
            raise Untrue(f"the run ended with exit {int(ended.exit)} instead of {int(expect)}\n{said.getvalue()}")
        figures: dict[str, Any] = ended.summary["connections"]["hubspot"]
        return figures

    def printed(self, call: Callable[[], Exit]) -> str:
        """What a command prints. Raise Untrue when it does not end with 0."""
        out = io.StringIO()
        with _silence() as said, redirect_stdout(out):
            code = call()
        if code is not Exit.DONE:
            raise Untrue(f"the command ended with exit {int(code)}\n{out.getvalue()}{said.getvalue()}")
        return out.getvalue()


def demo_command(clock: Clock, *, people: int, keep: Path | None) -> Exit:
    """Tell the story with so many people on each side. Exit 0: all of it was true; 1: something was not."""
    if people < FEWEST:
        raise UsageError(f"--people {people}: the story needs at least {FEWEST} people on each side")
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UsageError(f"--keep {keep}: something is there already; name a new or an empty folder")
    console = Console(highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="syncd-demo-")))
        else:
            folder = keep
            folder.mkdir(parents=True, exist_ok=True)
        systems = stack.enter_context(open_systems(people, clock))
        demo = Demo(clock=clock, console=console, systems=systems, folder=folder)
        _write_config(demo)
        begun = clock.monotonic()
        try:
            for chapter in (_who, _plan, _first_sync, _edits, _conflict, _stages, _nothing_left):
                chapter(demo)
        except Untrue as untrue:
            console.print(Text(f"\nThe demo ends here, because this was not so: {untrue}", style="bold red"))
            return Exit.BUG
        _farewell(demo, kept=keep is not None, seconds=clock.monotonic() - begun)
    return Exit.DONE


def _write_config(demo: Demo) -> None:
    for name, secret in demo.systems.secrets.items():
        path = demo.folder / name
        path.touch(mode=0o600)
        path.write_text(secret, encoding="utf-8")
    demo.config.write_text(CONFIG.format(**demo.systems.addresses), encoding="utf-8")


# ---- the chapters --------------------------------------------------------------------------------------------------


def _who(demo: Demo) -> None:
    systems = demo.systems
    contacts, records, both = len(systems.contacts()), len(systems.records()), systems.shared
    demo.chapter("1. Two systems, the same people")
    demo.say(
        f"Two servers run on this machine: one answers like SalesPulse, one like HubSpot. SalesPulse has {contacts} "
        f"contacts, HubSpot has {records}. {both} people are in both, and neither system knows it: they are written "
        "differently. Here is one of them:"
    )
    pair = systems.written_differently()
    demo.show([("", "SalesPulse", "HubSpot"), *systems.side_by_side(pair)])


def _plan(demo: Demo) -> None:
    demo.chapter("2. What would happen")
    demo.say("A plan changes nothing anywhere. It shows every record and every field that a first sync would write:")
    before, file = demo.systems.everything(), demo.folder / "plan.json"
    text = demo.printed(
        lambda: plan_command(demo.clock, config=demo.config, full=True, output=file, names=[], as_json=False)
    )
    demo.quote("syncd plan --full", text, lines=14)
    plan = orjson.loads(file.read_bytes())["connections"]["hubspot"]
    creates = sum(line["op"] == "create" for line in plan["lines"])
    missing = 2 * demo.systems.missing
    _true(creates == missing, f"the plan creates {creates} records, and {missing} are missing")
    _true(plan["linked"] == demo.systems.shared, f"the plan links {plan['linked']} of {demo.systems.shared} people")
    _true(demo.systems.everything() == before, "the plan changed something on a server")
    demo.say(
        f"In all: {plan['linked']} people found on both sides, {demo.systems.missing} to create in HubSpot and "
        f"{demo.systems.missing} in SalesPulse."
    )


def _first_sync(demo: Demo) -> None:
    systems = demo.systems
    demo.chapter("3. The first sync")
    figures = demo.run(full=True)
    made = {side: figures["created"][side] for side in ("salespulse", "crm")}
    _true(set(made.values()) == {systems.missing}, f"created were {made}, missing were {systems.missing} on each side")
    pairs = systems.pairs()
    _true(len(systems.contacts()) == len(systems.records()) == systems.everybody, "not everybody is on both sides")
    _true(len(pairs) == systems.everybody, "not everybody is there exactly once")
    _true(not systems.differing(pairs), "some pairs do not agree")
    demo.say(
        f"Everybody is now in both systems, once: {len(pairs)} contacts here, {len(pairs)} there, and every pair "
        "agrees. Each side kept its own way of writing: nothing was rewritten only because it looked different."
    )


def _edits(demo: Demo) -> None:
    systems = demo.systems
    by_phone, by_state, by_two = systems.some(count=3)
    demo.chapter("4. People go on working, on both sides")
    demo.say(
        f"Somebody gives {by_phone.name} a new phone number in HubSpot. Somebody moves {by_state.name} to another "
        f"state in SalesPulse. And {by_two.name} is edited on both sides at once: the last name in SalesPulse, the "
        "product in HubSpot."
    )
    state = "TX" if by_state.contact["state"] != "TX" else "FL"
    product = "Annuity" if by_two.record.get("product_interest") != "Annuity" else "Term Life"
    systems.edit_record(by_phone, {"phone": "(305) 555-0142"})
    systems.edit_contact(by_state, {"state": state})
    systems.edit_contact(by_two, {"last_name": "Newman-Smith"})
    systems.edit_record(by_two, {"product_interest": product})
    figures = demo.run(full=False)
    after = [systems.again(pair) for pair in (by_phone, by_state, by_two)]
    rows = [("", "SalesPulse", "HubSpot")]
    for pair, field in ((after[0], "phone"), (after[1], "state"), (after[2], "last_name"), (after[2], "product")):
        rows.append((f"{pair.name}: {field.replace('_', ' ')}", *pair.shows(field)))
    demo.show(rows)
    updated = figures["updated"]
    _true(updated == {"salespulse": 2, "crm": 2}, f"two records of each side should be updated, not {updated}")
    _true(not systems.differing(after), "an edit did not reach the other side")
    _true(after[0].digits == "3055550142", "the new phone number is not on both sides")
    _true(after[2].contact["last_name"] == "Newman-Smith", "the last name was lost")
    _true(after[2].record["product_interest"] == product, "the product was lost")
    demo.say("Four edits, four writes; the two edits of one person went past each other, and neither was lost.")


def _conflict(demo: Demo) -> None:
    systems = demo.systems
    (pair,) = systems.some(count=1, skip=3)
    demo.chapter("5. A real conflict")
    demo.say(
        f"Two people type two phone numbers for {pair.name} in the same second, one on each side. Another edit in "
        "SalesPulse, of the same person's state, is no conflict. Of two edits of one field the later one wins, but "
        "here neither is later: that is for a person to decide."
    )
    state = "OH" if pair.contact["state"] != "OH" else "NY"
    systems.edit_contact(pair, {"phone": "+13055550177", "state": state})
    systems.edit_record(pair, {"phone": "(305) 555-0188"})
    figures = demo.run(full=False, expect=Exit.PERSON)
    _true(figures["held"] == 1, f"one hold was to be opened, not {figures['held']}")
    found = orjson.loads(demo.printed(lambda: _holds(demo, as_json=True)))["holds"]
    _true([one["reason"] for one in found] == ["conflict"], "there should be one hold, a conflict")
    demo.quote("syncd holds", demo.printed(lambda: _holds(demo, as_json=False)))
    hold = found[0]["id"]
    text = demo.printed(lambda: show_command(hold, config=demo.config, as_json=False))
    demo.quote(f"syncd holds show {hold}", text)
    after = systems.again(pair)
    _true(after.contact["phone"] == "+13055550177", "the phone number typed in SalesPulse was overwritten")
    _true(after.record["phone"] == "(305) 555-0188", "the phone number typed in HubSpot was overwritten")
    _true(systems.state_of(after) == state, "the state, which was no conflict, did not go on")
    demo.say(
        "Both numbers are still where they were typed, the state went on, and no other record waited. (Exit code 3: "
        "done, but a person is needed.)"
    )


def _stages(demo: Demo) -> None:
    systems = demo.systems
    (held,) = systems.some(count=1, skip=3)
    quoted = systems.in_stage("New Lead", but=held)
    sold = systems.in_stage("Quoted", but=held)
    demo.chapter("6. The pipeline moves, and the conflict ends")
    demo.say(
        f"In SalesPulse {quoted.name} goes from New Lead to Quoted; in HubSpot {sold.name} becomes a customer. And "
        f"somebody has called {held.name}: the number in SalesPulse is right, so it is typed into HubSpot as well."
    )
    systems.edit_contact(quoted, {"stage": "Quoted"})
    systems.edit_record(sold, {"lifecyclestage": "customer"})
    systems.edit_record(held, {"phone": "305.555.0177"})
    demo.run(full=False)
    after = [systems.again(pair) for pair in (quoted, sold)]
    demo.show([("", "SalesPulse", "HubSpot"), *((f"{pair.name}: stage", *pair.shows("stage")) for pair in after)])
    _true(after[0].record["lifecyclestage"] == "opportunity", "the move to Quoted is not in HubSpot")
    _true(after[1].contact["stage"] == "Sold", "the new customer is not Sold in SalesPulse")
    demo.quote("syncd holds", demo.printed(lambda: _holds(demo, as_json=False)))
    left = orjson.loads(demo.printed(lambda: _holds(demo, as_json=True)))["holds"]
    _true(left == [], "the conflict is still held although both sides show the same number")


def _nothing_left(demo: Demo) -> None:
    systems = demo.systems
    demo.chapter("7. Nothing left to do")
    before, writes = systems.everything(), systems.writes()
    figures = demo.run(full=False)
    written = {word: sum(figures[word].values()) for word in ("created", "updated", "stamped", "deleted")}
    _true(not any(written.values()), f"nothing was left to write, but {written} were written")
    _true(systems.writes() == writes, "a server has seen a write in the last run")
    _true(systems.everything() == before, "the last run changed something on a server")
    _true(not systems.differing(systems.pairs()), "some pairs do not agree")
    _true(not systems.refused(), f"the servers refused requests with 429, {systems.refused()} times")
    requests = ", ".join(f"{name} {count}" for name, count in systems.requests().items())
    demo.say(
        f"No write. All {len(systems.pairs())} pairs agree. The whole story took this many requests: {requests}; none "
        "was refused for coming too fast, with the limits that the real accounts have."
    )


def _farewell(demo: Demo, *, kept: bool, seconds: float) -> None:
    demo.chapter("What next")
    if kept:
        demo.say(f"Config and state are kept: try `syncd status --config {demo.config}` (the servers have ended).")
    demo.show(
        [
            ("cp config.example.toml config.toml", "every key with its default; put your keys in"),
            ("syncd check --online", "are the credentials, fields and stages right?"),
            ("syncd plan --full", "what would the first sync do?"),
            ("syncd run --full", "do it"),
        ]
    )
    demo.say(f"Everything above was compared with the servers' own records. It took {seconds:.0f} seconds.")


def _holds(demo: Demo, *, as_json: bool) -> Exit:
    return list_command(config=demo.config, as_json=as_json, connections=[], reason=None, field=None)


@contextmanager
def _silence() -> Iterator[io.StringIO]:
    """Progress and notes are kept for the case that something goes wrong."""
    with redirect_stderr(io.StringIO()) as said:
        yield said


def _true(fact: bool, otherwise: str) -> None:
    if not fact:
        raise Untrue(otherwise)
