"""All vendors, a config, a state file, and the command line run against them."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from syncd.cli import main as cli_main
from syncd.cli.run import run_once
from syncd.core.kinds import read
from syncd.core.mapping import Kind
from syncd.core.model import Hold
from syncd.exits import Exit
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.people import STAGES, STATE_NAMES, overlap, triple
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salespulse.model import BASE, SalesPulse
from syncd.store import database, holds, tables
from tests.system.process import Ended, Process
from tests.system.vendors import Served

#: Secrets that are easy to look for.
KEY = "sp_live_marked-0f9c4e"
TOKEN = "pat-marked-7d21aa"
SECRET = "marked-app-secret-51c0"
#: What a connection needs to log in to the org.
APP = {"consumer_key": "3MVG9.marked", "consumer_secret": SECRET}

CODES = {name: code for code, name in STATE_NAMES.items()}

Rows = Mapping[str, Mapping[str, Any]]


@dataclass
class Site:
    """The vendors, the config and the state. ``f``: a Salesforce org, opened by the connections in ``org``."""

    folder: Path
    clock: WorldClock
    s: SalesPulse
    c: HubSpot
    left: Served
    right: Served
    salespulse: dict[str, Any] = field(default_factory=dict)
    connection: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    f: Salesforce | None = None
    third: Served | None = None
    org: dict[str, dict[str, Any]] = field(default_factory=dict)  #: connection → its keys beside ``mapping``
    org_settings: dict[str, Any] = field(default_factory=dict)

    @property
    def served(self) -> tuple[Served, ...]:
        """The vendors as they are served: SalesPulse, HubSpot, Salesforce."""
        return (self.left, self.right, *([self.third] if self.third else []))

    # ---- config and commands

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state.db"

    def write_config(self) -> Path:
        sections: dict[str, dict[str, Any]] = {
            "state": {"url": "sqlite:///state.db"},
            "salespulse": {
                "base_url": self.left.running.url + BASE,
                "api_key": KEY,
                "rate": "100000/60s",
                "bulk_rate": "10000/60s",
                "sweep_every": "1s",
                **self.salespulse,
            },
            "connections.hubspot": {"connector": "hubspot", "mapping": "hubspot-contacts", **self.connection},
            "connections.hubspot.settings": {
                "base_url": self.right.running.url,
                "access_token": TOKEN,
                "rate": "100000/10s",
                "search_rate": "5000/1s",
                **self.settings,
            },
        }
        for name, keys in self.org.items():
            sections[f"connections.{name}"] = {"connector": "salesforce", "mapping": f"salesforce-{name}", **keys}
            settings = {"login_url": self.served[2].running.url, **APP, **self.org_settings}
            sections[f"connections.{name}.settings"] = settings
        text = "\n".join(
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            for name, table in sections.items()
        )
        self.config.write_text(text)
        self.config.chmod(0o600)
        return self.config

    def start(self, *arguments: str, configured: bool = True) -> Process:
        """Start `python -m syncd …`."""
        if configured:
            arguments = (*arguments, "--config", str(self.write_config()))
        return Process([sys.executable, "-m", "syncd", *arguments], self.folder)

    def cli(self, *arguments: str, configured: bool = True) -> Ended:
        """`python -m syncd …` as a process of its own, to its end."""
        return self.start(*arguments, configured=configured).end()

    def inline(self, *arguments: str, configured: bool = True) -> Ended:
        """The same command line within this process: quicker, where no signal and no crash is meant."""
        out, err = io.StringIO(), io.StringIO()
        began = time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli_main._run([*arguments, *(["--config", str(self.write_config())] if configured else [])])
        return Ended(code=code, out=out.getvalue(), err=err.getvalue(), seconds=time.monotonic() - began)

    def run(self, *, full: bool = True) -> Ended:
        """The body of `run` on the site's own clock, on which waits take no time."""
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            ended = run_once(self.clock, config=self.write_config(), full=full, names=[])
        return Ended(code=int(ended.exit), out=json.dumps(ended.summary), err=err.getvalue(), seconds=0)

    # ---- what there is

    def populate(self, each: int, shared: int, seed: int = 1) -> int:
        """So many example people on each side, ``shared`` of them on each two; return how many there are in all."""
        if self.f is None:
            left, right = overlap(each, shared, seed)
            org: list[dict[str, str]] = []
        else:
            left, right, org = triple(each, shared, seed)
        self.s.populate(left)
        for values in right:
            self.c.add_contact(values)
        for values in org:
            self.f.add_contact(values)  # type: ignore[union-attr] # no org, no values
        addresses = {_who(values) for rows in (left, right, org) for values in rows}
        return len(addresses)

    def mend(self) -> None:
        for one in self.served:
            one.mend()

    def forget_writes(self) -> None:
        for one in self.served:
            one.writes.clear()

    @property
    def writes(self) -> list[str]:
        return [f"{one.method} {one.path}" for served in self.served for one in served.writes]

    def rows(self, table: Any) -> list[Any]:
        state = database.open_existing(self.state)
        try:
            with state.read() as tx:
                return list(tx.execute(select(table)))
        finally:
            state.close()

    def holds(self) -> list[Hold]:
        state = database.open_existing(self.state)
        try:
            with state.read() as tx:
                return [stored.hold for stored in holds.open_holds(tx)]
        finally:
            state.close()

    def held(self) -> Counter[str]:
        return Counter(hold.reason.value for hold in self.holds())

    def links(self, connection: str = "hubspot") -> list[Any]:
        """The active ones."""
        return [row for row in self.rows(tables.links) if (row.state, row.connection) == ("active", connection)]

    def assert_in_step(self, people: int) -> None:
        """Everybody is on every side once, linked once, and every mapped field means the same everywhere."""
        left = {row["id"]: row for row in self.s.records()}
        self._in_step(people, left, {row["id"]: row for row in self.c.records()}, "hubspot", _meaning_c)
        if self.f is not None:
            contacts = {row["id"]: row for row in self.f.records()}
            self._in_step(people, left, contacts, "contacts", _meaning_f)

    def _in_step(
        self, people: int, left: Rows, right: Rows, connection: str, meaning: Callable[[Mapping[str, Any]], Any]
    ) -> None:
        assert (len(left), len(right)) == (people, people)
        assert _twice(left.values(), "email") == []
        assert _twice(right.values(), "Email" if connection == "contacts" else "email") == []
        pairs = [(row.salespulse_id, row.crm_id) for row in self.links(connection)]
        assert {pair[0] for pair in pairs} == set(left)
        assert {pair[1] for pair in pairs} == set(right)
        assert len(pairs) == people
        staged = connection != "contacts"
        differing = [
            (left[mine], right[theirs])
            for mine, theirs in pairs
            if _meaning_s(left[mine], hubspot=staged) != meaning(right[theirs])
        ]
        assert not differing, (differing[0], len(differing))

    def assert_quiet(self) -> None:
        """One more full run writes nothing."""
        self.forget_writes()
        ended = self.run()
        assert self.writes == []
        assert ended.code == Exit.DONE, ended.err

    def assert_no_leak(self, *texts: str) -> None:
        """No secret in what was said or in any file of the state, no name and no address in what was said."""
        said = "\n".join(texts)
        kept = b"".join(path.read_bytes() for path in self.folder.glob("state.db*"))
        for secret in (KEY, TOKEN, SECRET):
            assert secret not in said
            assert secret.encode() not in kept
        assert "@example" not in said.lower()
        assert not re.search(r"\+1\d{10}", said)


def _who(values: Mapping[str, str]) -> str:
    """The same for one person in every way of writing: the address, else the digits of the phone with the name."""
    given = {name.lower().replace("_", ""): value for name, value in values.items()}
    phone = re.sub(r"\D", "", given.get("phone", ""))[-10:]
    return given.get("email", "").casefold() or f"{phone} {given['firstname']}"


def _twice(rows: Iterable[Mapping[str, Any]], field_name: str) -> list[Any]:
    """Addresses that two records of one side bear: no two people share one."""
    counted = Counter(row[field_name].casefold() for row in rows if row.get(field_name))
    return [address for address, count in counted.items() if count > 1]


def _meaning_s(row: Mapping[str, Any], *, hubspot: bool) -> tuple[Any, ...]:
    stage = row.get("stage") or ""
    return (
        row.get("first_name", ""),
        row.get("last_name", ""),
        row.get("email", "").casefold(),
        read(Kind.PHONE, row.get("phone", ""), "US"),
        row.get("state", ""),
        row.get("product_interest", ""),
        STAGES.get(stage, "") if hubspot else stage,
    )


def _meaning_c(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        row.get("firstname", ""),
        row.get("lastname", ""),
        row.get("email", "").casefold(),
        read(Kind.PHONE, row.get("phone", ""), "US"),
        CODES.get(row.get("state", ""), row.get("state", "")),
        row.get("product_interest", "").casefold().replace(" ", "_"),
        row.get("lifecyclestage", ""),
    )


def _meaning_f(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        row.get("FirstName", ""),
        row["LastName"],
        row.get("Email", "").casefold(),
        read(Kind.PHONE, row.get("Phone", ""), "US"),
        CODES.get(row.get("MailingState", ""), row.get("MailingState", "")),
        row.get("Product_Interest__c", "").casefold().replace(" ", "_"),
        row.get("SalesPulse_Stage__c", ""),
    )
