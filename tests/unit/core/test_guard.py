"""The brakes (worked cases 53 and 54): what trips them, what does not, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.guard import guard
from syncd.core.model import Brakes, Totals
from tests.unit.core.cases import C, S, policy

FULL = {S: 1000, C: 1000}


def trips(brakes: Brakes | None = None, **totals: Any) -> list[str]:
    base: dict[str, Any] = {"links": 1000, "records": FULL, "records_before": FULL, "first_sync_done": True}
    return [trip.brake for trip in guard(brakes or Brakes(), Totals(**(base | totals)), policy())]


def test_case_53_the_26th_delete_within_24_hours_stops_the_connection() -> None:
    assert trips(deletes={S: 1}, recent_deletes=24) == []
    assert trips(deletes={S: 1}, recent_deletes=25) == ["max_deletes"]
    assert trips(deletes={S: 13, C: 13}) == ["max_deletes"]


def test_case_54_a_side_that_is_suddenly_empty_stops_the_connection() -> None:
    assert trips(records={S: 0, C: 1000}) == ["empty_side"]
    assert trips(records={S: 1000, C: 0}, first_sync_done=False) == ["empty_side"]


@pytest.mark.parametrize(
    ("records", "before"),
    [({S: 0, C: 0}, FULL), ({S: 0, C: 9}, {S: 0, C: 9}), ({S: 1, C: 9}, FULL), ({}, {})],
)
def test_a_side_that_is_empty_with_the_other_or_was_empty_before_stops_nothing(records: Any, before: Any) -> None:
    assert trips(records=records, records_before=before) == []


def test_a_kind_of_write_that_is_not_planned_trips_nothing_however_much_was_done() -> None:
    assert trips(recent_deletes=900, recent_creates=9000, recent_changes=900) == []


def test_a_percentage_of_deletes_counts_above_fifty_only() -> None:
    many = Brakes(max_deletes=10_000)
    assert trips(many, links=100, deletes={C: 50}) == []
    assert trips(many, links=100, deletes={C: 51}) == ["max_deletes_percent"]
    assert trips(many, links=2600, deletes={C: 51}) == []
    assert trips(many, links=0, deletes={C: 51}) == ["max_deletes_percent"]


def test_creates_count_once_the_first_full_run_is_done() -> None:
    assert trips(creates={S: 600, C: 401}, first_sync_done=False) == []
    assert trips(creates={S: 600, C: 400}) == []
    assert trips(creates={S: 600, C: 401}) == ["max_creates"]
    assert trips(creates={C: 1}, recent_creates=1000) == ["max_creates"]


def test_a_percentage_of_changes_counts_once_the_first_full_run_is_done() -> None:
    assert trips(changes={C: 401}, first_sync_done=False) == []
    assert trips(changes={C: 400}) == []
    assert trips(changes={C: 1}, recent_changes=400) == ["max_changes_percent"]
    assert trips(links=60, changes={C: 50}) == []


def test_every_limit_that_is_exceeded_is_named() -> None:
    found = trips(deletes={C: 900}, creates={C: 2000}, changes={C: 900}, records={S: 0, C: 1000})
    assert found == ["max_deletes", "max_deletes_percent", "max_creates", "max_changes_percent", "empty_side"]


def test_a_trip_says_what_would_happen_the_limit_and_what_to_do() -> None:
    (trip,) = guard(Brakes(), Totals(links=5000, deletes={C: 20}, recent_deletes=7), policy())
    for part in (
        "20 deletes planned and 7 done",
        "make 27",
        "max_deletes is 25",
        "syncd plan",
        "raise max_deletes",
        "[connections.hubspot.brakes]",
    ):
        assert part in trip.message


def test_an_emptied_side_says_which_key_leaves_it_alone() -> None:
    (trip,) = guard(Brakes(), Totals(records={S: 0, C: 9}, records_before=FULL), policy())
    for part in (
        "SalesPulse shows no records",
        "credentials",
        "syncd plan",
        "enabled = false in [connections.hubspot]",
    ):
        assert part in trip.message
