"""The feed of changes of Salesforce, over real HTTP against the sandbox: nothing is skipped and nothing guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.salesforce import KIND, soql
from connectors.salesforce.codec import make_lens
from connectors.salesforce.feed import Cursor, advance, condition, read_cursor
from connectors.salesforce.reading import Rows
from syncd.core.model import Converted
from syncd.errors import MappingUnfit, Unreachable
from syncd.sandbox.wire import Request, Response
from syncd.testing.contract import drain
from syncd.testing.salesforce import CONTACTS, LEADS, Bench, Stand, stand

QUIET = 700
AT = datetime(2026, 1, 1, tzinfo=UTC)


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


# ---- what it costs


def test_a_quiet_pass_costs_two_requests_and_one_when_the_log_was_just_read(org: Bench) -> None:
    org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    for _ in range(3):
        org.advance(QUIET)
        page = org.connector.changes(cursor)
        assert (page.records, page.gone, page.complete) == ((), (), True)
        assert org.asked() == {"GET /queryAll": 1, "GET /sobjects/Contact/deleted": 1}
        cursor = page.cursor or ""
        org.advance(120)
        page = org.connector.changes(cursor)
        assert org.asked() == {"GET /queryAll": 1}
        cursor = page.cursor or ""


def test_a_restart_asks_the_log_of_deletes_no_sooner(org: Bench) -> None:
    cursor = quiet_cursor(org)
    org.advance(QUIET)
    _, _, cursor = drain(org.connector, cursor)
    again = org.reopen(wanted=replace(CONTACTS, known_fields=org.connector.describe()))
    org.asked()
    org.advance(120)
    drain(again, cursor)
    assert org.asked() == {"POST /oauth2/token": 1, "GET /queryAll": 1}


# ---- nothing is skipped


def test_a_transaction_that_is_committed_ten_minutes_late_is_in_the_next_pass(org: Bench) -> None:
    early = org.add({"LastName": "Early"})
    cursor = quiet_cursor(org)
    org.options(commit_delay_seconds=600)
    late = org.add({"LastName": "Late"})
    org.edit(early, {"LastName": "Changed"})
    org.advance(599)
    found, _, cursor = drain(org.connector, cursor)
    assert late not in found, "not committed yet"
    org.advance(2)
    found, _, _ = drain(org.connector, cursor)
    assert set(found) == {early, late}
    assert found[early].values["LastName"] == "Changed"


def test_ten_thousand_records_of_one_stamp_are_all_in_the_feed(place: Stand) -> None:
    with place.bench(page_limit=700) as org:
        cursor = quiet_cursor(org)
        ids = {org.add({"LastName": "Li"}) for _ in range(10_000)}
        org.advance(1)
        found, _, following = drain(org.connector, cursor)
        assert set(found) == ids
        assert org.asked()["GET /queryAll"] == 15
        assert (read_cursor(following).stamp, read_cursor(following).last) == (None, "")


def test_a_query_that_takes_long_does_not_hide_what_is_committed_meanwhile(
    org: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Date header is written when the answer is, and by then the query ran long ago."""
    connector = org.reopen(overlap="1m")
    _, _, cursor = drain(connector, connector.feed_start())
    org.advance(QUIET)
    org.options(commit_delay_seconds=50)
    record_id = org.add({"LastName": "Li"})
    org.advance(1)
    answered = org.model.handle

    def slowly(request: Request) -> Response:
        response = answered(request)
        org.advance(100 if "/queryAll" in request.path else 0)
        return response

    with monkeypatch.context() as patched:
        patched.setattr(org.model, "handle", slowly)
        slow = connector.changes(cursor)
    assert slow.records == (), "not committed yet when the query ran"
    found, _, _ = drain(connector, slow.cursor or "")
    assert set(found) == {record_id}


def test_stamps_that_were_bumped_without_a_change_are_shown_unchanged(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    org.bump(record_id)
    org.advance(1)
    found, _, _ = drain(org.connector, cursor)
    assert found[record_id].values["LastName"] == "Li"


def test_later_pages_of_a_window_keep_to_its_upper_bound(place: Stand) -> None:
    with place.bench(page_limit=200) as org:
        cursor = quiet_cursor(org)
        ids = sorted(org.add({"LastName": "Li"}) for _ in range(250))
        org.advance(5)
        first = org.connector.changes(cursor)
        org.advance(5)
        org.edit(ids[-1], {"FirstName": "Bea"})
        assert first.cursor is not None
        rest, _, following = drain(org.connector, first.cursor)
        assert ids[-1] not in rest, "edited after the window was frozen: it belongs to the next one"
        org.advance(2)
        found, _, _ = drain(org.connector, following)
        assert found[ids[-1]].values["FirstName"] == "Bea"


def test_windows_follow_salesforces_clock_and_not_ours(org: Bench) -> None:
    class Ahead:
        """Our clock, an hour fast."""

        def __init__(self) -> None:
            self.monotonic = org.clock.monotonic
            self.sleep = org.clock.sleep

        def now(self) -> datetime:
            return org.clock.now() + timedelta(hours=1)

    settings = org.connector.settings
    clock = Ahead()
    connector = KIND.open(settings, CONTACTS, governor=KIND.governor(settings, clock), clock=clock, memory=org.memory)
    _, _, cursor = drain(connector, connector.feed_start())
    org.advance(QUIET)
    record_id = org.add({"LastName": "Li"})
    org.advance(1)
    found, _, _ = drain(connector, cursor)
    connector.close()
    assert set(found) == {record_id}


def test_rows_in_another_order_stop_the_walk_instead_of_skipping() -> None:
    def row(seconds: int, record_id: str) -> dict[str, Any]:
        return {"Id": record_id, "SystemModstamp": (AT + timedelta(seconds=seconds)).isoformat()}

    def page(*rows: dict[str, Any]) -> Rows:
        return Rows(
            rows=rows,
            lens=make_lens("Contact", (), ()),
            more=True,
            last=rows[-1],
            asked_at=AT,
            served_at=AT,
        )

    begun = soql.seconds(AT)
    cursor = Cursor(since=begun, stamp=begun + 5, last="a", deleted=begun)
    following, done = advance(cursor, page(row(5, "b"), row(6, "a")))
    assert (following.stamp, following.last, done) == (begun + 6, "a", False)
    for wrong in (page(row(7, "a"), row(6, "b")), page(row(4, "b")), page(row(5, "a"))):
        with pytest.raises(ValueError, match="order"):
            advance(cursor, wrong)


def test_the_condition_goes_back_by_the_overlap_and_walks_by_stamp_and_id() -> None:
    begun = soql.seconds(AT)
    assert condition(Cursor(since=begun, deleted=begun), timedelta(minutes=10)) == (
        "SystemModstamp >= 2025-12-31T23:49:55Z"
    )
    walked = Cursor(since=begun, upper=begun + 60, stamp=begun + 7, last="003", deleted=begun)
    assert condition(walked, timedelta(minutes=10)) == (
        "SystemModstamp >= 2026-01-01T00:00:07Z AND SystemModstamp < 2026-01-01T00:01:00Z"
        " AND (SystemModstamp > 2026-01-01T00:00:07Z OR Id > '003')"
    )


def test_a_cursor_is_json_with_its_parts(org: Bench) -> None:
    text = org.connector.feed_start()
    assert set(orjson.loads(text)) == {"since", "upper", "stamp", "last", "deleted", "asked"}
    assert read_cursor(text).text() == text
    with pytest.raises(Unreachable):
        org.connector.changes("17")


def test_an_answer_without_a_date_stops_the_feed(org: Bench) -> None:
    cursor = quiet_cursor(org)
    org.fault("status", "/queryAll", status=200, body={"done": True, "records": []}, headers={"Date": "no date"})
    with pytest.raises(Unreachable, match="Date"):
        org.connector.changes(cursor)


# ---- deletes, merges, conversions


def test_a_deleted_record_is_told_as_deleted_and_as_back_when_it_is_undeleted(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    cursor = quiet_cursor(org)
    org.delete(record_id)
    org.advance(1)
    found, gone, cursor = drain(org.connector, cursor)
    assert (found, gone[record_id].proof) == ({}, "is_deleted")
    org.advance(1)
    org.restore(record_id)
    org.advance(400)
    found, gone, cursor = drain(org.connector, cursor)
    assert (set(found), gone) == ({record_id}, {})


def test_a_winner_says_whom_it_has_absorbed_and_nobody_is_gone(org: Bench) -> None:
    first, second, third = (org.add({"LastName": f"Li{number}"}) for number in range(3))
    cursor = quiet_cursor(org)
    org.merge(second, first)
    org.merge(third, second)
    org.advance(QUIET)
    found, gone, _ = drain(org.connector, cursor)
    assert gone == {}
    assert set(found) == {third}
    assert found[third].merged_ids == (first, second)


def test_a_loser_is_no_delete_also_when_its_winner_is_not_in_the_window(org: Bench) -> None:
    first, second, third = (org.add({"LastName": f"Li{number}"}) for number in range(3))
    cursor = quiet_cursor(org)
    org.merge(second, first)
    org.delete(second)
    org.advance(1)
    found, gone, _ = drain(org.connector, cursor)
    assert found == {}
    assert {one: fate.proof for one, fate in gone.items()} == dict.fromkeys((first, second), "is_deleted")
    assert third not in gone


def test_a_converted_lead_is_shown_as_what_it_has_become(place: Stand) -> None:
    with place.bench(wanted=LEADS) as org:
        lead = org.add({"LastName": "Li", "Company": "Individual"})
        cursor = quiet_cursor(org)
        contact = org.convert(lead)["contact"]
        org.advance(1)
        found, gone, _ = drain(org.connector, cursor)
        assert gone == {}
        assert found[lead].converted == Converted(object="Contact", id=contact)


# ---- scope and rights


def test_a_record_that_leaves_the_scope_is_seen_leaving(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="MailingState = 'FL'")) as org:
        leaving, staying = (org.add({"LastName": "Li", "MailingState": "FL"}) for _ in range(2))
        cursor = quiet_cursor(org)
        org.edit(leaving, {"MailingState": "NY"})
        org.edit(staying, {"FirstName": "Ann"})
        org.advance(1)
        found, gone, _ = drain(org.connector, cursor)
        assert {one: record.in_scope for one, record in found.items()} == {leaving: False, staying: True}
        assert gone == {}


def test_a_field_of_the_scope_that_is_hidden_stops_instead_of_moving_everybody_out(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="MailingState = 'FL'")) as org:
        record_id = org.add({"LastName": "Li", "MailingState": "FL"})
        cursor = quiet_cursor(org)
        org.edit(record_id, {"FirstName": "Ann"})
        org.advance(1)
        org.options(hidden_fields=("Contact.MailingState",))
        with pytest.raises(MappingUnfit, match=r"\[scope\] crm"):
            org.connector.changes(cursor)
        with pytest.raises(MappingUnfit, match=r"\[scope\] crm"):
            org.connector.scan(None)


def test_a_refusal_of_a_query_without_the_scope_is_not_put_down_to_the_scope(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="MailingState = 'FL'")) as org:
        cursor = quiet_cursor(org)
        body = [{"errorCode": "MALFORMED_QUERY", "message": "unexpected token"}]
        org.fault("status", "/queryAll", status=400, body=body)
        with pytest.raises(Unreachable, match="MALFORMED_QUERY"):
            org.connector.changes(cursor)


def test_a_quiet_pass_with_a_scope_costs_no_more(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="MailingState = 'FL'")) as org:
        org.add({"LastName": "Li", "MailingState": "FL"})
        cursor = quiet_cursor(org)
        org.advance(QUIET)
        org.connector.changes(cursor)
        assert org.asked() == {"GET /queryAll": 1, "GET /sobjects/Contact/deleted": 1}
