"""What a run ends with: the figures by connection, the requests by account, the exit code. One form for people
and for --json.
"""

from __future__ import annotations

from typing import Any

from syncd.core.model import SIDES
from syncd.cycle.world import Spoke, World
from syncd.errors import MappingUnfit, WrongAccount
from syncd.exits import Exit


def summarise(world: World, *, seconds: float) -> dict[str, Any]:
    """The run as plain data, documented in docs/commands.md and stable."""
    return {
        "run": world.run_id,
        "seconds": round(seconds, 2),
        "connections": {spoke.name: _connection(spoke) for spoke in world.spokes},
        "requests": _requests(world),
    }


def _connection(spoke: Spoke) -> dict[str, Any]:
    tally = spoke.tally
    by_side = ("pulled", "created", "updated", "stamped", "deleted")
    figures: dict[str, Any] = {name: {side.value: getattr(tally, name)[side] for side in SIDES} for name in by_side}
    figures |= {
        "linked": tally.linked,
        "unlinked": tally.unlinked,
        "unchanged": tally.unchanged,
        "unmapped": tally.unmapped,
        "held": tally.held,
        "failed": tally.failed,
        "stopped": str(tally.stop) if tally.stop else None,
        "brakes": [{"brake": trip.brake, "message": trip.message} for trip in tally.brakes],
        "first_sync_missing": tally.first_sync_missing,
    }
    return figures


def _requests(world: World) -> dict[str, Any]:
    found: dict[str, Any] = {}
    accounts = [world.hub, *(account for spoke in world.spokes for account in spoke.accounts.values())]
    for account in accounts:
        governor = account.governor
        counts = dict(sorted(governor.counts.items()))
        found[account.source] = {
            "total": sum(counts.values()),
            "by_kind": counts,
            "refused": governor.refused,
            "waited_seconds": round(governor.waited, 2),
        }
    return found


def exit_of(world: World) -> Exit:
    """When several apply, the first of 2, 5, 4, 3 wins (contract, exit codes; 6 and 1 are decided elsewhere)."""
    tallies = [spoke.tally for spoke in world.spokes]
    if any(isinstance(tally.stop, MappingUnfit) for tally in tallies):
        return Exit.USAGE
    if any(tally.brakes or tally.first_sync_missing or isinstance(tally.stop, WrongAccount) for tally in tallies):
        return Exit.BRAKE
    if any(tally.stop for tally in tallies):
        return Exit.REMOTE
    if any(tally.held or tally.failed for tally in tallies):
        return Exit.PERSON
    return Exit.DONE
