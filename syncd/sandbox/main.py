"""The body of ``syncd sandbox``: both vendors on loopback with example people, until told to end."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.people import overlap
from syncd.sandbox.salespulse import DIALECTS, SalesPulse
from syncd.sandbox.salespulse.model import BASE, BULK_RATE, KEY, RATE
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import Vendor

TOKEN = "pat-sandbox"  # noqa: S105 - the example token of an example server
SHARED = 0.6
"""So many of the people are in both systems."""

_EDIT = '{"id": "ctn_…", "values": {"state": "TX"}}'
_HOOKS = '{"urls": ["http://127.0.0.1:8710/webhooks/salespulse/SECRET"]}'

Echo = Callable[[str], None]


class Crm(Vendor, Protocol):
    """What ``run`` needs of a CRM's model."""

    def add_contact(self, properties: Mapping[str, Any]) -> str:
        """Add a contact and give its id."""


def run(
    *,
    port: int,
    hubspot_port: int,
    people: int,
    seed: int,
    scale: float,
    limit_scale: float,
    state: Path | None,
    dialect: str,
    echo: Echo,
    end: threading.Event,
) -> None:
    """Serve both vendors until ``end`` is set. ``people`` is the count in each; they share 60 %.

    Example people are made only where ``state`` does not exist yet; it is written when serving ends.
    Raises ValueError for an unknown dialect or a damaged state file, OSError for a taken port.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"--dialect: there is no {dialect!r}; write one of {', '.join(DIALECTS)}")
    saved = _read(state) if state is not None and state.exists() else None
    clock = WorldClock(scale=scale)
    if saved is not None:
        _catch_up(clock, datetime.fromisoformat(saved["now"]))
    salespulse = SalesPulse(clock, dialect=DIALECTS[dialect], limit_scale=limit_scale, seed=seed)
    hubspot = _hubspot(clock, limit_scale)
    if saved is not None:
        salespulse.load(saved["salespulse"])
        hubspot.load(saved["hubspot"])
    elif people:
        left, right = overlap(people, round(people * SHARED), seed)
        salespulse.populate(left)
        for properties in right:
            hubspot.add_contact(properties)
    with ExitStack() as stack:
        left_server = stack.enter_context(serve(salespulse, port=port))
        right_server = stack.enter_context(serve(hubspot, port=hubspot_port))
        for line in _story(left_server, right_server, scale=scale, limit_scale=limit_scale):
            echo(line)
        end.wait()
        if state is not None:
            _write(state, clock, left_server, right_server)
            echo(f"State kept in {state}.")


def _hubspot(clock: WorldClock, limit_scale: float) -> Crm:
    from syncd.sandbox.hubspot.model import HubSpot

    return HubSpot(clock, limit_scale=limit_scale, token=TOKEN)


def _story(salespulse: Running, hubspot: Running, *, scale: float, limit_scale: float) -> list[str]:
    """What to put into config.toml, and where to play the other people."""
    account = "\n".join(
        (
            "[salespulse]",
            f'base_url = "{salespulse.url}{BASE}"',
            f'api_key = "{KEY}"',
            f'rate = "{rate(RATE, 60, scale, limit_scale)}"',
            f'bulk_rate = "{rate(BULK_RATE, 60, scale, limit_scale)}"',
        )
    )
    connection = "\n".join(
        (
            "[connections.hubspot]",
            'connector = "hubspot"',
            'mapping = "hubspot-contacts"',
            "",
            "[connections.hubspot.settings]",
            f'base_url = "{hubspot.url}"',
            f'access_token = "{TOKEN}"',
            f'rate = "{rate(100, 10, scale, limit_scale)}"',
            f'search_rate = "{rate(5, 1, scale, limit_scale)}"',
        )
    )
    return [
        "# Put this into config.toml:",
        account,
        "",
        connection,
        "",
        f"# Everybody: curl {salespulse.url}/_sandbox/records and curl {hubspot.url}/_sandbox/records",
        f"# A person edits: curl {salespulse.url}/_sandbox/edit -d '{_EDIT}'",
        f"# Webhooks: curl {salespulse.url}/_sandbox/webhooks -d '{_HOOKS}'",
        "# Ctrl-C ends.",
    ]


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
    if not isinstance(saved, dict) or not {"now", "salespulse", "hubspot"} <= set(saved):
        raise ValueError(f"--state {state}: not a state of the sandbox; remove it or name another")
    return saved


def _write(state: Path, clock: WorldClock, salespulse: Running, hubspot: Running) -> None:
    data: dict[str, Any] = {"now": clock.now().isoformat()}
    for key, running in (("salespulse", salespulse), ("hubspot", hubspot)):
        with running.harness.lock:
            data[key] = running.harness.vendor.export()
    fresh = state.with_name(state.name + ".new")
    fresh.write_bytes(orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS))
    fresh.replace(state)
