"""The body of ``syncd sandbox``: the three vendors on loopback with example people, until told to end."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.people import triple
from syncd.sandbox.salesforce.model import DEFAULTS, Salesforce
from syncd.sandbox.salespulse import DIALECTS, SalesPulse
from syncd.sandbox.salespulse.dialect import Dialect
from syncd.sandbox.salespulse.model import BASE, BULK_RATE, KEY, RATE
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import Vendor

TOKEN = "pat-sandbox"  # noqa: S105 - the example token of an example server
SHARED = 0.6
"""So many of the people of a system are in any other one."""

_EDIT = '{"id": "ctn_…", "values": {"state": "TX"}}'
_HOOKS = '{"urls": ["http://127.0.0.1:8710/webhooks/salespulse/SECRET"]}'
_FIRST = {"salespulse", "hubspot"}
"""Who is in every kept state; others are in it since there is a model of them."""

Echo = Callable[[str], None]


class Populated(Vendor, Protocol):
    """What is needed of each model."""

    def add_contact(self, values: Mapping[str, Any], /) -> str:
        """Add a contact and give its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """A model of each vendor."""

    salespulse: SalesPulse
    hubspot: HubSpot
    salesforce: Salesforce

    @property
    def by_name(self) -> dict[str, Populated]:
        """All of them, SalesPulse first."""
        return {"salespulse": self.salespulse, "hubspot": self.hubspot, "salesforce": self.salesforce}

    def populate(self, each: int, shared: int, seed: int) -> None:
        """Put so many people into each, any two of them with ``shared`` in common."""
        for vendor, everybody in zip(self.by_name.values(), triple(each, shared, seed), strict=True):
            for values in everybody:
                vendor.add_contact(values)


def run(
    *,
    ports: Mapping[str, int],
    people: int,
    seed: int,
    scale: float,
    limit_scale: float,
    state: Path | None,
    dialect: str,
    echo: Echo,
    end: threading.Event,
) -> None:
    """Serve the vendors until ``end`` is set. ``ports``: "salespulse", "hubspot", "salesforce" → port, 0 for a free
    one. ``people`` is the count in each; any two share 60 %.

    Example people are made only where ``state`` does not exist yet; it is written when serving ends.
    Raises ValueError for an unknown dialect or a damaged state file, OSError for a taken port.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"--dialect: there is no {dialect!r}; write one of {', '.join(DIALECTS)}")
    saved = _read(state) if state is not None and state.exists() else None
    clock = WorldClock(scale=scale)
    if saved is not None:
        _catch_up(clock, datetime.fromisoformat(saved["now"]))
    vendors = make_vendors(clock, dialect=DIALECTS[dialect], limit_scale=limit_scale, seed=seed)
    by_name = vendors.by_name
    if saved is not None:
        for name in by_name.keys() & saved.keys():
            by_name[name].load(saved[name])
    elif people:
        vendors.populate(people, round(people * SHARED), seed)
    with ExitStack() as stack:
        served = {name: stack.enter_context(serve(one, port=ports[name])) for name, one in by_name.items()}
        for line in _story(served, scale=scale, limit_scale=limit_scale):
            echo(line)
        for name in by_name.keys() - (saved or by_name).keys():
            echo(f"# {state} is from a time without {name}, which therefore begins without people.")
        echo("# Ctrl-C ends.")
        end.wait()
        if state is not None:
            _write(state, clock, served)
            echo(f"State kept in {state}.")


def make_vendors(clock: WorldClock, *, dialect: Dialect | None = None, limit_scale: float = 1.0, seed: int) -> Vendors:
    """Models without people. Salesforce has one limit, of a day, which is an option of its org."""
    daily = max(1, round(DEFAULTS.daily_limit * limit_scale))
    return Vendors(
        salespulse=SalesPulse(clock, dialect=dialect, limit_scale=limit_scale, seed=seed),
        hubspot=HubSpot(clock, limit_scale=limit_scale, token=TOKEN),
        salesforce=Salesforce(clock, options=DEFAULTS.model_copy(update={"daily_limit": daily}), seed=seed),
    )


def _story(served: Mapping[str, Running], *, scale: float, limit_scale: float) -> Iterator[str]:
    """What to put into config.toml, and where to play the other people."""
    urls = {name: running.url for name, running in served.items()}
    yield "# Put this into config.toml:"
    yield _table(
        "salespulse",
        base_url=urls["salespulse"] + BASE,
        api_key=KEY,
        rate=rate(RATE, 60, scale, limit_scale),
        bulk_rate=rate(BULK_RATE, 60, scale, limit_scale),
    )
    # Somebody new in both is made in SalesPulse from the first of them, and HubSpot's stages cannot tell all apart.
    yield _table("connections.salesforce", connector="salesforce", mapping="salesforce-contacts")
    yield _table(
        "connections.salesforce.settings",
        login_url=urls["salesforce"],
        consumer_key=DEFAULTS.consumer_key,
        consumer_secret=DEFAULTS.consumer_secret,
    )
    yield _table("connections.hubspot", connector="hubspot", mapping="hubspot-contacts")
    yield _table(
        "connections.hubspot.settings",
        base_url=urls["hubspot"],
        access_token=TOKEN,
        rate=rate(100, 10, scale, limit_scale),
        search_rate=rate(5, 1, scale, limit_scale),
    )
    yield f"# Everybody: {' and '.join(f'curl {url}/_sandbox/records' for url in urls.values())}"
    yield f"# A person edits: curl {urls['salespulse']}/_sandbox/edit -d '{_EDIT}'"
    yield f"# Webhooks: curl {urls['salespulse']}/_sandbox/webhooks -d '{_HOOKS}'"


def _table(name: str, **keys: str) -> str:
    """A table of config.toml, with a blank line behind it."""
    return "\n".join((f"[{name}]", *(f'{key} = "{value}"' for key, value in keys.items()), ""))


def rate(count: int, seconds: float, scale: float, limit_scale: float) -> str:
    """The vendor's limit in real time, as config.toml writes it: whole seconds, rounded to the safe side."""
    period = max(1, math.ceil(seconds / scale))
    return f"{max(1, round(count * limit_scale))}/{period}s"


def _catch_up(clock: WorldClock, saved: datetime) -> None:
    """Never be earlier than the kept state: its times would lie in the future."""
    behind = (saved - clock.now()).total_seconds()
    if behind > 0:
        clock.advance(behind)


def _read(state: Path) -> dict[str, Any]:
    try:
        saved = orjson.loads(state.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ValueError(f"--state {state}: not a state of the sandbox ({error}); remove it or name another") from None
    if not isinstance(saved, dict) or not {"now", *_FIRST} <= set(saved):
        raise ValueError(f"--state {state}: not a state of the sandbox; remove it or name another")
    return saved


def _write(state: Path, clock: WorldClock, served: Mapping[str, Running]) -> None:
    data: dict[str, Any] = {"now": clock.now().isoformat()}
    for name, running in served.items():
        with running.harness.lock:
            data[name] = running.harness.vendor.export()
    fresh = state.with_name(state.name + ".new")
    fresh.write_bytes(orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS))
    fresh.replace(state)
