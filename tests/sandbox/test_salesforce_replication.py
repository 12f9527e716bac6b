"""getUpdated and getDeleted of the Salesforce model (contract, section 3.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce import replication
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.wire import Request

START = ManualClock.START
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    return Org(clock)


def add(org: Org, kind: str = "Contact") -> str:
    return org.create(org.schema.get(kind), {"LastName": "A"})


def call(org: Org, what: str, start: Any, end: Any, kind: str = "Contact") -> dict[str, Any]:
    """``start`` and ``end`` are moments, or texts as they stand."""
    texts = [one if isinstance(one, str) else one.isoformat() for one in (start, end)]
    request = Request(
        method="GET",
        path=f"/services/data/v59.0/sobjects/{kind}/{what}/",
        query=(("start", texts[0]), ("end", texts[1])),
    )
    answer: dict[str, Any] = getattr(replication, what)(org, kind, request).json()
    return answer


def refusal(org: Org, what: str, start: Any, end: Any, kind: str = "Contact") -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        call(org, what, start, end, kind)
    return caught.value.status, caught.value.code


def gone(answer: dict[str, Any]) -> list[str]:
    return [one["id"] for one in answer["deletedRecords"]]


def test_updated_gives_what_was_made_or_changed_in_between(org: Org, clock: ManualClock) -> None:
    first = add(org)
    clock.advance(120)
    second = add(org)
    clock.advance(120)
    org.update(org.schema.get("Contact"), first, {"FirstName": "x"})
    clock.advance(120)
    assert call(org, "updated", START + 3 * MINUTE, START + 5 * MINUTE)["ids"] == [first]
    answer = call(org, "updated", START, START + 5 * MINUTE)
    assert sorted(answer["ids"]) == sorted([first, second])
    assert answer["latestDateCovered"] == "2026-03-02T14:05:00.000+0000"


def test_deleted_gives_what_went_into_the_bin_and_what_went_for_good(org: Org, clock: ManualClock) -> None:
    soft, hard, _ = add(org), add(org), add(org)
    clock.advance(61)
    org.delete(org.schema.get("Contact"), soft)
    org.purge(hard)
    clock.advance(120)
    answer = call(org, "deleted", START, START + 3 * MINUTE)
    assert sorted(gone(answer)) == sorted([soft, hard])
    assert {one["deletedDate"] for one in answer["deletedRecords"]} == {"2026-03-02T14:01:01.000+0000"}
    assert answer["earliestDateAvailable"] == "2026-02-15T14:03:00.000+0000"
    assert answer["latestDateCovered"] == "2026-03-02T14:03:00.000+0000"
    assert gone(call(org, "deleted", START, START + MINUTE)) == []


@pytest.mark.parametrize("what", ["updated", "deleted"])
def test_seconds_are_not_looked_at(org: Org, clock: ManualClock, what: str) -> None:
    clock.advance(600)
    late = START + timedelta(seconds=59)
    assert refusal(org, what, START, late) == (400, "INVALID_REPLICATION_DATE")
    answer = call(org, what, late, START + 3 * MINUTE + timedelta(seconds=30))
    assert answer["latestDateCovered"] == "2026-03-02T14:03:00.000+0000"


@pytest.mark.parametrize("what", ["updated", "deleted"])
def test_start_must_be_before_end_and_within_thirty_days(org: Org, what: str) -> None:
    assert refusal(org, what, START, START - DAY) == (400, "INVALID_REPLICATION_DATE")
    assert refusal(org, what, START - 31 * DAY, START) == (400, "INVALID_REPLICATION_DATE")
    assert "latestDateCovered" in call(org, what, START - 30 * DAY, START)


def test_deletes_are_known_for_fifteen_days(org: Org, clock: ManualClock) -> None:
    record_id = add(org)
    clock.advance(60)
    org.delete(org.schema.get("Contact"), record_id)
    clock.advance(14 * 86_400)
    assert gone(call(org, "deleted", START, clock.now())) == [record_id]
    clock.advance(2 * 86_400)
    answer = call(org, "deleted", START, clock.now())
    assert gone(answer) == []
    assert answer["earliestDateAvailable"] == "2026-03-03T14:01:00.000+0000"


def test_a_log_that_was_trimmed_past_the_start_is_no_answer(org: Org, clock: ManualClock) -> None:
    clock.advance(86_400)
    org.options = Options(delete_log_purged_before=START + timedelta(hours=2))
    assert refusal(org, "deleted", START, clock.now()) == (400, "INVALID_REPLICATION_DATE")
    answer = call(org, "deleted", START + timedelta(hours=3), clock.now())
    assert answer["earliestDateAvailable"] == "2026-03-02T16:00:00.000+0000"
    assert "ids" in call(org, "updated", START, clock.now())


@pytest.mark.parametrize("what", ["updated", "deleted"])
def test_nothing_is_covered_behind_an_open_transaction(org: Org, clock: ManualClock, what: str) -> None:
    clock.advance(3_600)
    assert call(org, what, START, START + DAY)["latestDateCovered"] == "2026-03-02T15:00:00.000+0000"
    org.options = Options(commit_delay_seconds=300)
    assert call(org, what, START, START + DAY)["latestDateCovered"] == "2026-03-02T14:55:00.000+0000"
    org.options = Options(stuck_latest_covered=START + timedelta(minutes=7, seconds=8))
    assert call(org, what, START, START + DAY)["latestDateCovered"] == "2026-03-02T14:07:00.000+0000"


def test_more_ids_than_the_vendor_gives_are_refused(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication, "IDS_MOST", 2)
    add(org), add(org)
    assert len(call(org, "updated", START, START + MINUTE)["ids"]) == 2
    add(org)
    assert refusal(org, "updated", START, START + MINUTE) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-02T14:00:00", "2026-03-02T14:00:00 00:00", "%3A"])
def test_a_moment_without_a_zone_is_no_moment(org: Org, text: str) -> None:
    assert refusal(org, "updated", text, START + MINUTE) == (400, "MALFORMED_QUERY")


@pytest.mark.parametrize("text", ["2026-03-02T14:00:00Z", "2026-03-02T14:00:00.000+0000", "2026-03-02T09:00:00-05:00"])
def test_a_moment_may_be_written_in_several_ways(org: Org, text: str) -> None:
    record_id = add(org)
    assert call(org, "updated", text, START + MINUTE)["ids"] == [record_id]


def test_only_objects_that_are_replicated_have_a_log(org: Org) -> None:
    assert refusal(org, "updated", START, START + MINUTE, "LeadStatus") == (400, "INVALID_TYPE")
    assert refusal(org, "deleted", START, START + MINUTE, "Nope") == (404, "NOT_FOUND")
