"""The log of deletes of Salesforce, over real HTTP: what is deleted for good is told by it alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.salesforce.deletions import Deletions
from syncd.testing.contract import drain, scan_all
from syncd.testing.salesforce import Bench, Stand, stand

QUIET = 700


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


def quiet_cursor(org: Bench) -> str:
    """A cursor from which on the feed has nothing to repeat."""
    org.advance(QUIET)
    _, _, cursor = drain(org.connector, org.connector.feed_start())
    org.asked()
    return cursor


def test_a_record_deleted_for_good_is_told_by_the_log(org: Bench) -> None:
    record_id, other = (org.add({"LastName": "Li"}) for _ in range(2))
    cursor = quiet_cursor(org)
    org.advance(QUIET)
    org.purge(record_id)
    org.advance(60)
    found, gone, cursor = drain(org.connector, cursor)
    assert (found, {one: fate.proof for one, fate in gone.items()}) == ({}, {record_id: "get_deleted"})
    org.advance(QUIET)
    assert drain(org.connector, cursor)[1] == {}
    assert set(scan_all(org.connector)) == {other}


def test_a_page_that_was_never_stored_tells_its_deletes_again(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    org.advance(QUIET)
    org.purge(record_id)
    org.advance(60)
    for _ in range(2):
        assert set(drain(org.reopen(), cursor)[1]) == {record_id}


def test_a_trimmed_log_is_said_until_everything_was_listed(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    org.purge(record_id)
    org.advance(QUIET)
    org.options(delete_log_purged_before=org.clock.now() - timedelta(minutes=1))
    found, gone, cursor = drain(org.connector, cursor)
    assert (found, gone) == ({}, {}), "no proof is left, so nothing is said of it"
    (notice,) = org.reopen().notices()
    assert "syncd run --full" in notice
    org.advance(QUIET)
    drain(org.connector, cursor)
    assert org.connector.notices() == (notice,)
    scan_all(org.connector)
    assert org.connector.notices() == ()


def test_a_log_that_is_held_back_loses_nothing(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    org.options(stuck_latest_covered=org.clock.now())
    org.advance(QUIET)
    drain(org.connector, cursor)
    _, _, cursor = drain(org.connector, cursor)
    org.purge(record_id)
    org.advance(QUIET)
    org.options(stuck_latest_covered=None)
    _, gone, cursor = drain(org.connector, cursor)
    assert set(gone) == {record_id}
    org.advance(QUIET)
    assert drain(org.connector, cursor)[1] == {}


def test_a_record_deleted_for_good_by_a_long_transaction_is_told_once_it_is_committed(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    org.advance(QUIET)
    org.options(commit_delay_seconds=900)
    org.purge(record_id)
    org.advance(600)
    _, gone, cursor = drain(org.connector, cursor)
    assert gone == {}
    org.advance(600)
    assert set(drain(org.connector, cursor)[1]) == {record_id}


def test_an_org_that_keeps_no_log_of_deletes_is_read_without_it_and_said_so(org: Bench) -> None:
    deleted, purged = (org.add({"LastName": "Li"}) for _ in range(2))
    cursor = quiet_cursor(org)
    body = [{"errorCode": "INVALID_TYPE", "message": "entity is not replicateable"}]
    org.fault("status", "/deleted", status=400, times=None, body=body)
    org.advance(QUIET)
    org.delete(deleted)
    org.purge(purged)
    org.advance(QUIET)
    _, gone, cursor = drain(org.connector, cursor)
    assert set(gone) == {deleted}
    (notice,) = org.connector.notices()
    assert "no log of deleted Contact records" in notice
    assert org.connector.fetch([purged]).gone == {}
    org.asked()
    org.advance(QUIET)
    drain(org.connector, cursor)
    assert org.asked() == {"GET /queryAll": 1}, "it is not asked for again"


def test_a_log_with_too_many_deletes_is_read_in_halves(org: Bench) -> None:
    gone = {org.add({"LastName": "Li"}) for _ in range(3)}
    start = org.clock.now()
    for record_id in gone:
        org.advance(300)
        org.purge(record_id)
    org.advance(300)
    body = [{"errorCode": "EXCEEDED_ID_LIMIT", "message": "more than 600000 ids"}]
    org.fault("status", "/sobjects/Contact/deleted", status=400, body=body, times=5)
    org.connector.account()
    log = Deletions(org.connector.transport, object="Contact").between(start, org.clock.now())
    assert set(log.deleted) == gone
    assert not log.trimmed
