"""The traps of reading from HubSpot, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connectors.hubspot import KIND
from connectors.hubspot.codec import epoch_ms, from_epoch_ms, make_lens, moment, record_of, set_since
from connectors.hubspot.feed import Cursor, advance, read_cursor
from connectors.hubspot.phones import writings
from connectors.hubspot.scope import Scope
from syncd.errors import CredentialsRefused, Unreachable
from syncd.testing.contract import drain, scan_all
from syncd.testing.hubspot import WANTED, Bench, Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def hub(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- records


def test_a_record_bears_what_hubspot_says_of_it(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann", "email": "Ann@X.co", "salespulse_id": "sp-1"})
    hub.model.add_secondary(record_id, "second@x.co")
    record = scan_all(hub.connector)[record_id]
    assert record.values == {
        "firstname": "Ann",
        "lastname": None,
        "email": "ann@x.co",
        "phone": None,
        "lifecyclestage": record.values["lifecyclestage"],
        "salespulse_id": "sp-1",
    }
    assert record.also == {"email": ("second@x.co",)}
    assert record.modified_at is not None
    assert record.version == epoch_ms(record.modified_at)
    assert record.created_at is not None


def test_a_property_that_does_not_exist_is_not_read_and_an_unset_one_is_blank(hub: Bench) -> None:
    connector = hub.reopen(wanted=replace(WANTED, fields=("firstname", "shoe_size", "city")))
    record_id = hub.add({"firstname": "Ann"})
    for record in (scan_all(connector)[record_id], connector.fetch([record_id]).records[record_id]):
        assert "shoe_size" not in record.values
        assert record.values["city"] is None


def test_moments_with_and_without_milliseconds_are_read() -> None:
    assert moment("1970-01-01T00:00:00Z") == datetime(1970, 1, 1, tzinfo=UTC)
    assert moment("2025-01-27T19:53:15.581Z") == from_epoch_ms(1738007595581)
    assert moment("1738007595581") == from_epoch_ms(1738007595581)
    assert epoch_ms(from_epoch_ms(1738007595581)) == 1738007595581
    assert moment(None) is None
    assert moment("") is None


def test_the_present_value_is_as_old_as_the_last_run_of_equal_entries() -> None:
    def entry(value: str, minute: int) -> dict[str, str]:
        return {"value": value, "timestamp": f"2026-01-01T00:{minute:02d}:00Z"}

    history = [entry("b", 9), entry("b", 7), entry("a", 5), entry("b", 1)]
    assert set_since(history) == datetime(2026, 1, 1, 0, 7, tzinfo=UTC)
    assert set_since([]) is None


def test_merged_ids_are_read_in_both_writings() -> None:
    lens = make_lens(["firstname"], Scope())
    item = {
        "id": "9",
        "properties": {"hs_merged_object_ids": "1;2:1700000000000"},
        "updatedAt": "2026-01-01T00:00:00Z",
    }
    assert record_of(item, lens).merged_ids == ("1", "2")


# ---- list


def test_a_long_list_of_properties_is_read_in_batches_instead(hub: Bench) -> None:
    fields = (*WANTED.fields, *(f"custom_property_number_{n:04d}" for n in range(200)))
    connector = hub.reopen(wanted=replace(WANTED, fields=fields))
    ids = {hub.add({"firstname": f"Ann{n}"}) for n in range(120)}
    hub.asked()
    found = scan_all(connector)
    assert set(found) == ids
    assert all(record.values["firstname"] for record in found.values())
    counted = hub.asked()
    assert (counted["GET "], counted["POST /batch/read"]) == (2, 2)


def test_a_414_is_learnt_and_remembered(hub: Bench) -> None:
    hub.add({"firstname": "Ann"})
    hub.fault("status", "/contacts$", method="GET", status=414, body="<html>too long</html>")
    assert len(scan_all(hub.connector)) == 1
    hub.asked()
    assert len(scan_all(hub.reopen())) == 1
    counted = hub.asked()
    assert (counted["GET "], counted["POST /batch/read"]) == (1, 1)


# ---- fetch


def test_both_old_ids_of_a_merge_are_answered_with_the_survivor(place: Stand) -> None:
    for read in ("once", "each"):
        with place.bench(merged_read=read) as hub:
            left, right = (
                hub.add({"firstname": "A", "email": "a@x.co"}),
                hub.add({"firstname": "B", "email": "b@x.co"}),
            )
            other = hub.add({"firstname": "C"})
            new = hub.merge(left, right)
            hub.asked()
            answer = hub.connector.fetch([right, other, left])
            assert hub.asked() == {"POST /batch/read": 1}
            assert {asked: record.id for asked, record in answer.records.items()} == {
                left: new,
                right: new,
                other: other,
            }
            assert answer.gone == {}
            assert set(answer.records[left].merged_ids) == {left, right}


def test_archived_and_purged_records_are_gone_with_proof(hub: Bench) -> None:
    archived, purged, live = (hub.add({"firstname": f"Ann{n}"}) for n in range(3))
    hub.delete(archived)
    hub.purge(purged)
    answer = hub.connector.fetch([archived, purged, live, "123456789", "not-an-id"])
    assert {asked: one.proof for asked, one in answer.gone.items()} == dict.fromkeys(
        (archived, purged, "123456789", "not-an-id"), "404"
    )
    assert set(answer.records) == {live}


def test_an_id_that_the_answer_passes_over_is_read_alone_before_it_counts_as_gone(hub: Bench) -> None:
    live, dead = hub.add({"firstname": "Ann"}), hub.add({"firstname": "Bob"})
    hub.delete(dead)
    hub.fault("status", "/batch/read", status=207, body={"status": "COMPLETE", "results": [], "errors": []})
    answer = hub.connector.fetch([live, dead])
    assert (set(answer.records), set(answer.gone)) == ({live}, {dead})
    assert answer.records[live].values["firstname"] == "Ann"


def test_one_id_that_spoils_its_batch_does_not_hide_the_others(hub: Bench) -> None:
    live = hub.add({"firstname": "Ann"})
    hub.fault("status", "/batch/read", status=400, body={"category": "VALIDATION_ERROR", "message": "bad id"})
    answer = hub.connector.fetch([live, "no-id"])
    assert (set(answer.records), set(answer.gone)) == ({live}, {"no-id"})


def test_a_missing_permission_proves_nothing_gone(place: Stand) -> None:
    with place.bench(missing_scopes=("crm.objects.contacts.read",)) as hub:
        record_id = hub.add({"firstname": "Ann"})
        with pytest.raises(CredentialsRefused, match=r"crm\.objects\.contacts\.read"):
            hub.connector.fetch([record_id])


def test_field_times_come_from_the_history_and_know_merged_ids(hub: Bench) -> None:
    left = hub.add({"firstname": "A", "lastname": "M", "email": "a@x.co"})
    hub.advance(100)
    hub.edit(left, {"firstname": "B"})
    edited = hub.clock.now()
    hub.advance(100)
    times = hub.connector.field_times([left, "999"], ["firstname", "lastname", "nothing"])
    assert set(times) == {left}
    assert set(times[left]) == {"firstname", "lastname"}
    assert abs(times[left]["firstname"] - edited) < timedelta(seconds=1)


# ---- find


def test_a_secondary_address_finds_its_record_whose_own_address_is_another(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann", "email": "first@x.co"})
    hub.model.add_secondary(record_id, "second@x.co")
    hub.asked()
    found = hub.connector.find({"email": ["Second@x.co", "second@x.co ", "no address", "nobody@x.co"]})
    assert hub.asked() == {"POST /batch/read": 1}
    assert [(record.id, record.values["email"]) for record in found] == [(record_id, "first@x.co")]


def test_a_phone_is_found_in_its_usual_writings(hub: Bench) -> None:
    ids = {
        hub.add({"firstname": f"Ann{n}", "phone": text})
        for n, text in enumerate(["+13055550101", "(305) 555-0101", "305.555.0101", "1-305-555-0101"])
    }
    hub.add({"firstname": "Bob", "phone": "+13055550102"})
    found = hub.connector.find({"phone": ["+13055550101", "12"]})
    assert {record.id for record in found} == ids


def test_writings_of_a_foreign_number_are_not_american() -> None:
    assert writings("+49 30 901820") == ("+49 30 901820", "4930901820", "+4930901820")
    assert "(305) 555-0101" in writings("+13055550101")


# ---- feed


def test_nothing_changed_costs_exactly_one_search(hub: Bench) -> None:
    hub.add({"firstname": "Ann"})
    hub.advance(300)
    cursor = hub.connector.feed_start()
    hub.advance(300)
    hub.asked()
    page = hub.connector.changes(cursor)
    assert (page.records, page.complete) == ((), True)
    assert hub.asked() == {"POST /search": 1}


def test_a_row_that_the_index_shows_late_is_caught_by_the_overlap(place: Stand) -> None:
    with place.bench(index_lag_seconds=30) as hub:
        cursor = hub.connector.feed_start()
        record_id = hub.add({"firstname": "Ann"})
        hub.advance(5)
        found, _, cursor = drain(hub.connector, cursor)
        assert found == {}
        hub.advance(60)
        found, _, cursor = drain(hub.connector, cursor)
        assert set(found) == {record_id}
        hub.advance(300)
        _, _, cursor = drain(hub.connector, cursor)
        hub.advance(300)
        found, _, _ = drain(hub.connector, cursor)
        assert found == {}


def test_more_than_ten_thousand_rows_of_one_millisecond_are_walked(hub: Bench) -> None:
    cursor = hub.connector.feed_start()
    ids = {hub.add({"firstname": "Ann"}) for _ in range(10_050)}
    hub.advance(1)
    found, _, following = drain(hub.connector, cursor)
    assert set(found) == ids
    assert read_cursor(following).last_id == 0


def test_windows_follow_hubspots_clock_and_not_ours(hub: Bench) -> None:
    class Ahead:
        """Our clock, an hour fast."""

        def __init__(self) -> None:
            self.monotonic = hub.clock.monotonic
            self.sleep = hub.clock.sleep

        def now(self) -> datetime:
            return hub.clock.now() + timedelta(hours=1)

    settings = KIND.settings.model_validate({"base_url": hub.running.url, "access_token": "pat-sandbox"})
    clock = Ahead()
    governor = KIND.governor(settings, clock)
    connector = KIND.open(settings, WANTED, governor=governor, clock=clock, memory=hub.memory)
    cursor = connector.feed_start()
    _, _, cursor = drain(connector, cursor)
    hub.advance(10)
    record_id = hub.add({"firstname": "Ann"})
    hub.advance(1)
    found, _, _ = drain(connector, cursor)
    connector.close()
    assert set(found) == {record_id}


def test_later_pages_of_a_window_keep_to_its_upper_bound(hub: Bench) -> None:
    cursor = hub.connector.feed_start()
    ids = [hub.add({"firstname": "Ann"}) for _ in range(250)]
    hub.advance(5)
    first = hub.connector.changes(cursor)
    hub.advance(5)
    hub.edit(ids[-1], {"firstname": "Bea"})
    assert first.cursor is not None
    rest, _, following = drain(hub.connector, first.cursor)
    assert ids[-1] not in rest, "edited after the window was frozen: it belongs to the next one"
    hub.advance(2)
    found, _, _ = drain(hub.connector, following)
    assert found[ids[-1]].values["firstname"] == "Bea"


def test_a_window_is_frozen_by_its_first_page() -> None:
    served = datetime(2026, 1, 1, tzinfo=UTC)
    begun, done = advance(Cursor(since=5), ids=list(range(1, 201)), served_at=served)
    assert (begun, done) == (Cursor(since=5, upper=epoch_ms(served), last_id=200), False)
    later = served + timedelta(minutes=9)
    following, done = advance(begun, ids=[201], served_at=later)
    assert (following, done) == (Cursor(since=epoch_ms(served) - 120_000), True)


def test_no_overlap_reaches_back_before_the_listing_that_the_feed_follows() -> None:
    served = datetime(2026, 1, 1, tzinfo=UTC)
    floor = epoch_ms(served) - 30_000
    following, _ = advance(Cursor(since=floor, floor=floor), ids=[], served_at=served)
    assert following == Cursor(since=floor, floor=floor)
    later, _ = advance(following, ids=[], served_at=served + timedelta(minutes=9))
    assert later.since == epoch_ms(served) + 7 * 60_000


def test_a_short_page_that_names_a_next_one_does_not_end_the_window(hub: Bench) -> None:
    ids = [hub.add({"firstname": "Ann"}) for _ in range(3)]
    hub.advance(1)
    rows = [{"id": ids[0], "properties": {"hs_object_id": ids[0]}}]
    following = {"paging": {"next": {"after": "1"}}}
    hub.fault("status", "/search", status=200, body={"total": 3, "results": rows, **following})
    page = hub.connector.changes(Cursor(since=0).text())
    assert not page.complete
    assert page.cursor is not None
    found, _, _ = drain(hub.connector, page.cursor)
    assert set(found) == set(ids[1:])
    hub.fault("status", "/search", status=200, body={"total": 3, "results": [], **following})
    with pytest.raises(Unreachable):
        hub.connector.changes(Cursor(since=0).text())


@pytest.mark.parametrize("ids", [[2, 1], [5, 6]])
def test_rows_in_another_order_stop_the_walk_instead_of_skipping(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="order"):
        advance(Cursor(since=5, upper=9, last_id=5), ids=ids, served_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_cursor_is_json_with_its_parts(hub: Bench) -> None:
    cursor = orjson.loads(hub.connector.feed_start())
    assert set(cursor) == {"since", "upper", "last", "floor"}
    with pytest.raises(Unreachable):
        hub.connector.changes("17")
