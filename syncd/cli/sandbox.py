"""`syncd sandbox`: says what is wrong with its options before the servers open, and what kept them from opening."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from pathlib import Path

from syncd.clock import SystemClock
from syncd.errors import UsageError
from syncd.sandbox.main import Echo, run


def sandbox_command(
    clock: SystemClock,
    *,
    ports: Mapping[str, int],
    people: int,
    seed: int,
    scale: float,
    limit_scale: float,
    state: Path | None,
    dialect: str,
    echo: Echo,
) -> None:
    """Serve until the clock's end is set. ``ports``: "salespulse", "hubspot", "salesforce" → port. Raise UsageError for
    options that cannot be acted on.
    """
    if people < 0:
        raise UsageError(f"--people {people}: write how many people to make, 0 for none")
    for option, factor in (("--scale", scale), ("--limit-scale", limit_scale)):
        if not 0 < factor < math.inf:
            raise UsageError(f"{option} {factor:g}: write a number above zero; 1 is the real pace")
    taken: dict[int, str] = {}
    for name, number in ports.items():
        option = "--port" if name == "salespulse" else f"--{name}-port"
        if number and number in taken:
            raise UsageError(
                f"{option} {number}: {taken[number]} names it already; each server needs a port of its own"
            )
        taken[number] = option
        _check_port(option, number)
    try:
        run(
            ports=ports,
            people=people,
            seed=seed,
            scale=scale,
            limit_scale=limit_scale,
            state=state,
            dialect=dialect,
            echo=echo,
            end=clock.end,
        )
    except (ValueError, OSError) as error:  # an unknown dialect, a state that cannot be read or written
        raise UsageError(f"sandbox: {error}") from error


def _check_port(option: str, number: int) -> None:
    if not 0 <= number <= 65_535:
        raise UsageError(f"{option} {number}: ports go up to 65535; 0 takes a free one")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            raise UsageError(
                f"{option} {number}: cannot be opened ({error.strerror}); name another, or 0 for a free one"
            ) from error
