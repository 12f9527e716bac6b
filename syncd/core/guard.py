"""The brakes: compares what a pass would do, and what the last 24 hours did, with a connection's limits.

It must judge totals of a whole pass before its first write. It knows no records and cannot let anything
through.
"""

from __future__ import annotations

from syncd.core.mapping import Policy
from syncd.core.model import SIDES, Brakes, BrakeTrip, Side, Totals

#: A percentage of a handful says nothing: it counts only when more than this many deletes or changes are due.
PERCENT_FLOOR = 50


def guard(brakes: Brakes, totals: Totals, policy: Policy) -> tuple[BrakeTrip, ...]:
    """Every limit that the plan would exceed; empty: go. What is not planned trips nothing."""
    trips = [
        _deletes(brakes, totals, policy),
        _deletes_percent(brakes, totals, policy),
        _creates(brakes, totals, policy),
        _changes_percent(brakes, totals, policy),
        *(_emptied(totals, policy, side) for side in SIDES),
    ]
    return tuple(trip for trip in trips if trip is not None)


def _name(policy: Policy, side: Side) -> str:
    return "SalesPulse" if side is Side.SALESPULSE else policy.label


def _trip(brake: str, policy: Policy, would: str, limit: str) -> BrakeTrip:
    section = f"[connections.{policy.connection}.brakes]"
    remedy = f"look at `syncd plan`; if this is what you want, raise {brake} in {section}, for good or for one run"
    return BrakeTrip(
        brake=brake, message=f"{policy.connection} stopped before it wrote any of this: {would}, {limit}; {remedy}"
    )


def _counted(what: str, planned: int, recent: int) -> str:
    return f"{planned} {what} planned and {recent} done in the last 24 hours make {planned + recent}"


def _deletes(brakes: Brakes, totals: Totals, policy: Policy) -> BrakeTrip | None:
    planned, recent = sum(totals.deletes.values()), totals.recent_deletes
    if not planned or planned + recent <= brakes.max_deletes:
        return None
    would, limit = _counted("deletes", planned, recent), f"and max_deletes is {brakes.max_deletes}"
    return _trip("max_deletes", policy, would, limit)


def _deletes_percent(brakes: Brakes, totals: Totals, policy: Policy) -> BrakeTrip | None:
    planned, recent = sum(totals.deletes.values()), totals.recent_deletes
    if not _too_large_a_part(planned, recent, totals.links, brakes.max_deletes_percent):
        return None
    would = _counted("deletes", planned, recent)
    limit = f"over max_deletes_percent = {brakes.max_deletes_percent:g} of the {totals.links} linked pairs"
    return _trip("max_deletes_percent", policy, would, limit)


def _creates(brakes: Brakes, totals: Totals, policy: Policy) -> BrakeTrip | None:
    planned, recent = sum(totals.creates.values()), totals.recent_creates
    # Before the first full run is done, creating is the work itself; a plan shows it beforehand.
    if not totals.first_sync_done or not planned or planned + recent <= brakes.max_creates:
        return None
    would, limit = _counted("creates", planned, recent), f"and max_creates is {brakes.max_creates}"
    return _trip("max_creates", policy, would, limit)


def _changes_percent(brakes: Brakes, totals: Totals, policy: Policy) -> BrakeTrip | None:
    planned, recent = sum(totals.changes.values()), totals.recent_changes
    if not totals.first_sync_done:
        return None
    if not _too_large_a_part(planned, recent, totals.links, brakes.max_changes_percent):
        return None
    would = _counted("changed records", planned, recent)
    limit = f"over max_changes_percent = {brakes.max_changes_percent:g} of the {totals.links} linked pairs"
    return _trip("max_changes_percent", policy, would, limit)


def _too_large_a_part(planned: int, recent: int, links: int, percent: float) -> bool:
    due = planned + recent
    return planned > 0 and due > PERCENT_FLOOR and due * 100 > links * percent


def _emptied(totals: Totals, policy: Policy, side: Side) -> BrakeTrip | None:
    """All of one side gone at once is a wrong account or filter far more often than it is the truth."""
    before, now = totals.records_before.get(side, 0), totals.records.get(side, 0)
    if before == 0 or now > 0 or totals.records.get(side.other, 0) == 0:
        return None
    name = _name(policy, side)
    there = f"{_name(policy, side.other)} shows {totals.records[side.other]}"
    message = (
        f"{policy.connection} stopped before it wrote anything more: {name} shows no records, and showed {before} "
        f"before, while {there}; see whether the credentials and the scope are still right, "
        f"and look at `syncd plan`; if {name} was emptied on purpose, set enabled = false in "
        f"[connections.{policy.connection}]"
    )
    return BrakeTrip(brake="empty_side", message=message)
