"""What a save sets by itself: compound names, what a stage or a status implies. Pure functions of one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from syncd.sandbox.salesforce.objects.activities import TASK_STATUSES
from syncd.sandbox.salesforce.objects.sales import DEAL_STAGES
from syncd.sandbox.salesforce.row import Json, wire

_STAGES = {one.name: one for one in DEAL_STAGES}
_CLOSED_TASKS = frozenset(one.name for one in TASK_STATUSES if one.closed)
Changes = dict[str, Json]


def derived(name: str, before: Mapping[str, Json], changes: Mapping[str, Json], now: datetime) -> Changes:
    """What follows from a write of ``changes`` to a record that held ``before`` (blank for a create)."""
    rule = _RULES.get(name)
    return {} if rule is None else rule(before, changes, now)


def full_name(values: Mapping[str, Json]) -> str:
    """First and last name."""
    return " ".join(str(part) for part in (values.get("FirstName"), values.get("LastName")) if part)


def _named(before: Mapping[str, Json], changes: Mapping[str, Json], now: datetime) -> Changes:  # noqa: ARG001  one signature for all
    return {"Name": full_name({**before, **changes})} if {"FirstName", "LastName"} & changes.keys() else {}


def _account(before: Mapping[str, Json], changes: Mapping[str, Json], now: datetime) -> Changes:  # noqa: ARG001  likewise
    if "LastName" not in before:
        return {}
    whole = {**before, **changes}
    return {"IsPersonAccount": True, "Name": full_name(whole)} if whole["LastName"] else {}


def _opportunity(before: Mapping[str, Json], changes: Mapping[str, Json], now: datetime) -> Changes:  # noqa: ARG001  likewise
    """Writing the stage resets probability and forecast (contract, section 5.2); what is written with it stays."""
    if "StageName" not in changes:
        category = changes.get("ForecastCategoryName")
        return {"ForecastCategory": category} if category else {}
    stage = _STAGES.get(str(changes["StageName"]))
    implied: Changes = {
        # A stage that the list does not know is stored all the same, and says nothing.
        "Probability": float(stage.probability if stage else 0),
        "ForecastCategoryName": stage.forecast if stage else "Pipeline",
        "IsClosed": stage is not None and stage.closed,
        "IsWon": stage is not None and stage.won,
    }
    implied |= {name: changes[name] for name in ("Probability", "ForecastCategoryName") if name in changes}
    return {**implied, "ForecastCategory": implied["ForecastCategoryName"]}


def _task(before: Mapping[str, Json], changes: Mapping[str, Json], now: datetime) -> Changes:
    whole = {**before, **changes}
    closed = whole["Status"] in _CLOSED_TASKS
    done = before.get("CompletedDateTime") or wire(now)
    return {
        "IsClosed": closed,
        "IsHighPriority": whole["Priority"] == "High",
        "CompletedDateTime": done if closed else None,
    }


_RULES: dict[str, Callable[[Mapping[str, Json], Mapping[str, Json], datetime], Changes]] = {
    "Contact": _named,
    "Lead": _named,
    "Account": _account,
    "Opportunity": _opportunity,
    "Task": _task,
}
