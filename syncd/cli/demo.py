"""`syncd demo`: the whole story on the built-in servers, in plain words, checked against the servers' own records.

Runs are made by the same functions as those of `syncd run`. What it says and does not find true ends it with exit 1.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from syncd.cli.demo_story import CHAPTERS
from syncd.cli.demo_teller import Teller, Untrue
from syncd.cli.demo_world import open_systems
from syncd.clock import Clock
from syncd.errors import UsageError
from syncd.exits import Exit

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

# Whom SalesPulse does not know yet, it gets from the first connection that has them: this one can tell
# New Lead and Contacted apart, HubSpot's lifecycle stages cannot.
[connections.salesforce]
connector = "salesforce"
mapping = "salesforce-contacts"
conflict = ["newest", "hold"]

[connections.salesforce.settings]
login_url = "{salesforce}"
consumer_key = "{consumer_key}"
consumer_secret = {{ file = "salesforce.secret" }}

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


def demo_command(clock: Clock, *, people: int, keep: Path | None) -> Exit:
    """Tell the story with so many people in each system. Exit 0: all of it was true; 1: something was not."""
    if people < FEWEST:
        raise UsageError(f"--people {people}: the story needs at least {FEWEST} people in each system")
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
        teller = Teller(clock=clock, console=console, systems=systems, folder=folder)
        _write_config(teller)
        begun = clock.monotonic()
        try:
            for chapter in CHAPTERS:
                chapter(teller)
        except Untrue as untrue:
            console.print(Text(f"\nThe demo ends here, because this was not so: {untrue}", style="bold red"))
            return Exit.BUG
        _farewell(teller, kept=keep is not None, seconds=clock.monotonic() - begun)
    return Exit.DONE


def _write_config(teller: Teller) -> None:
    for name, secret in teller.systems.secrets.items():
        path = teller.folder / name
        path.touch(mode=0o600)
        path.write_text(secret, encoding="utf-8")
    teller.config.write_text(CONFIG.format(**teller.systems.config), encoding="utf-8")


def _farewell(teller: Teller, *, kept: bool, seconds: float) -> None:
    teller.chapter("What next")
    if kept:
        teller.say(f"Config and state are kept: try `syncd status --config {teller.config}` (the servers have ended).")
    teller.show(
        [
            ("cp config.example.toml config.toml", "every key with its default; put your keys in"),
            ("syncd check --online", "are the credentials, fields and stages right?"),
            ("syncd plan --full", "what would the first sync do?"),
            ("syncd run --full", "do it"),
        ]
    )
    teller.say(f"Everything above was compared with the servers' own records. It took {seconds:.0f} seconds.")
