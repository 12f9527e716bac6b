"""What a look changes in the state: order, intervals, digests, listings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.core.model import Gone, Record, Side, When
from syncd.store import links, observed, sources
from syncd.store.database import Database
from syncd.store.observed import Look, Noticed

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def look(seconds: float, id_: str = "a", *, whole: bool = True, version: int | None = None, **values: Any) -> Look:
    modified = values.pop("modified_at", None)
    record = Record(id=id_, values=values, version=version, modified_at=modified)
    return Look(record=record, looked_at=at(seconds), whole=whole)


def see(state: Database, *looks: Look, listed_at: datetime | None = None) -> Noticed:
    with state.write() as tx:
        return observed.observe(tx, "side", looks, listed_at=listed_at)


def shown(state: Database, id_: str = "a") -> Any:
    with state.read() as tx:
        return observed.get_many(tx, "side", [id_])[id_]


def test_a_first_look_is_new_and_the_same_again_changes_nothing(state: Database) -> None:
    assert see(state, look(0, name="Ann")).new == ("a",)
    again = see(state, look(5, name="Ann"))
    assert (again.new, again.changed) == ((), ())


def test_a_look_with_an_older_version_is_dropped_however_late_it_comes(state: Database) -> None:
    see(state, look(0, version=7, name="new"))
    assert see(state, look(60, version=6, name="old")).changed == ()
    assert shown(state).record.values == {"name": "new"}
    assert see(state, look(61, version=8, name="newer")).changed == ("a",)


def test_without_versions_a_look_that_was_sent_before_the_stored_one_is_dropped(state: Database) -> None:
    see(state, look(10, name="new"))
    assert see(state, look(9, name="old")).changed == ()
    assert shown(state).record.values == {"name": "new"}


def test_a_look_that_was_sent_before_a_write_ended_is_dropped_even_if_the_write_changed_nothing(
    state: Database,
) -> None:
    see(state, look(0, name="Ann", town="Oslo"))
    see(state, look(20, whole=False, name="Ann"))  # the write's answer
    assert see(state, look(15, name="Bob", town="Oslo")).changed == ()
    assert see(state, look(25, name="Bob", town="Oslo")).changed == ("a",)


def test_an_answer_that_shows_a_part_leaves_the_other_fields_as_they_were(state: Database) -> None:
    see(state, look(0, name="Ann", town="Oslo"))
    see(state, look(5, whole=False, name="Bea"))
    assert shown(state).record.values == {"name": "Bea", "town": "Oslo"}


def test_a_whole_look_that_lacks_a_field_says_that_it_was_not_read(state: Database) -> None:
    see(state, look(0, name="Ann", town="Oslo"))
    see(state, look(5, name="Ann"))
    assert "town" not in shown(state).record.values


def test_a_digest_changes_with_the_values_and_not_with_version_or_times(state: Database) -> None:
    def digest() -> bytes:
        with state.read() as tx:
            return observed.digests(tx, "side", ["a"])["a"]

    see(state, look(0, version=1, modified_at=at(0), name="Ann"))
    first = digest()
    assert see(state, look(5, version=2, modified_at=at(5), name="Ann")).changed == ()
    assert digest() == first
    see(state, look(6, version=3, name="Bea"))
    assert digest() != first


def test_a_value_came_between_the_last_look_without_it_and_the_first_with_it(state: Database) -> None:
    see(state, look(0, name="Ann", town="Oslo"))
    assert shown(state).since == {}
    see(state, look(100, name="Bea", town="Oslo"))
    assert shown(state).since == {"name": When(earliest=at(0), latest=at(100))}


def test_a_listing_in_between_narrows_the_interval(state: Database) -> None:
    see(state, look(0, name="Ann"))
    see(state, look(100, name="Bea"), listed_at=at(60))
    assert shown(state).since["name"] == When(earliest=at(60), latest=at(100))


def test_a_modified_time_is_the_moment_itself(state: Database) -> None:
    see(state, look(0, name="Ann"))
    see(state, look(100, name="Bea", modified_at=at(42)))
    since = shown(state).since["name"]
    assert since == When(earliest=at(42), latest=at(42))
    assert since.exact


def test_the_gone_come_back_with_a_later_look(state: Database) -> None:
    see(state, look(0, name="Ann"))
    with state.write() as tx:
        assert observed.mark_gone(tx, "side", [Gone(id="a", proof="404")], at(10)) == ("a",)
        assert observed.mark_gone(tx, "side", [Gone(id="a", proof="404")], at(11)) == ()
    assert shown(state).gone == Gone(id="a", proof="404")
    assert see(state, look(5, name="Ann")).changed == ()  # sent before the deletion was seen
    assert see(state, look(20, name="Ann")).changed == ("a",)
    assert shown(state).gone is None


def test_only_records_without_a_recent_look_are_stale(state: Database) -> None:
    see(state, look(0, "a", name="x"), look(50, "b", name="y"))
    with state.write() as tx:
        assert observed.stale(tx, "side", ["a", "b", "c"], at(20)) == ("a",)
        observed.looked_again(tx, "side", ["a"], at(30))
        assert observed.stale(tx, "side", ["a", "b"], at(20)) == ()


def test_new_ids_are_told_from_those_that_were_known_before(state: Database) -> None:
    see(state, look(0, "a", name="x"))
    see(state, look(100, "a", name="changed"), look(100, "b", name="y"))
    with state.read() as tx:
        assert set(observed.first_seen_since(tx, "side", at(50))) == {"b"}


# ---- listings


def test_unseen_are_the_live_that_were_there_before_the_listing_and_not_in_it(state: Database) -> None:
    see(state, *(look(0, id_, name=id_) for id_ in ("seen", "missing", "gone")))
    with state.write() as tx:
        observed.mark_gone(tx, "side", [Gone(id="gone", proof="404")], at(1))
        sources.begin_scan(tx, "side", at(10), "feed-at-10")
        observed.observe(tx, "side", [look(12, "new", name="n")])
        sources.mark_seen(tx, "side", ["seen", "seen"])
        assert sources.unseen(tx, "side", at(10)) == ["missing"]


def test_closing_a_listing_moves_the_feed_to_where_it_began_and_forgets_who_was_seen(state: Database) -> None:
    see(state, look(0, name="x"))
    with state.write() as tx:
        sources.save(tx, "side", feed_cursor="old", scan_pages=3)
        sources.begin_scan(tx, "side", at(10), "feed-at-10")
        assert sources.get(tx, "side").scan_pages == 0
        sources.mark_seen(tx, "side", ["a"])
        sources.save(tx, "side", scan_cursor="page-4", scan_pages=4)
        sources.close_scan(tx, "side", in_one_page=True)
        source = sources.get(tx, "side")
        assert source.listed_at == at(10)
        assert source.feed_cursor == "feed-at-10"
        assert (source.scan_started_at, source.scan_cursor, source.scan_pages) == (None, None, 0)
        assert sources.unseen(tx, "side", at(10)) == ["a"]


def test_a_second_listing_confirms_the_first_and_one_page_needs_no_second(state: Database) -> None:
    with state.write() as tx:
        for began in (10, 20):
            assert not sources.get(tx, "side").confirmed
            sources.begin_scan(tx, "side", at(began), None)
            sources.close_scan(tx, "side", in_one_page=False)
        assert sources.get(tx, "side").confirmed
        sources.begin_scan(tx, "small", at(10), None)
        sources.close_scan(tx, "small", in_one_page=True)
        assert sources.get(tx, "small").confirmed


def test_a_side_without_a_feed_keeps_its_cursor_when_a_listing_closes(state: Database) -> None:
    with state.write() as tx:
        sources.save(tx, "side", feed_cursor="kept")
        sources.begin_scan(tx, "side", at(10), None)
        sources.close_scan(tx, "side", in_one_page=True)
        assert sources.get(tx, "side").feed_cursor == "kept"


def test_what_a_connector_learned_survives_a_restart(state: Database) -> None:
    sources.StoredMemory(state, "side").set("page_size", "100")
    assert sources.StoredMemory(state, "side").get("page_size") == "100"
    assert sources.StoredMemory(state, "other").get("page_size") is None


# ---- settled pairs


def linked(state: Database) -> int:
    see(state, look(0, "s1", name="x"))
    with state.write() as tx:
        observed.observe(tx, "crm", [look(0, "c1", name="x")])
        return links.add(tx, "hub", "s1", "c1", matched_by="email", run_id=1, at=at(0), dirty=False)


@pytest.fixture
def link(state: Database) -> int:
    with state.write() as tx:
        tx.exec_driver_sql("INSERT INTO runs (id, command, started_at) VALUES (1, 'run', 0)")
    return linked(state)


def unsettled(state: Database, mapping: bytes) -> bool:
    with state.write() as tx:
        links.mark_unsettled(tx, "hub", {Side.SALESPULSE: "side", Side.CRM: "crm"}, mapping)
        dirty = links.dirty_count(tx, "hub") == 1
        tx.exec_driver_sql("UPDATE links SET dirty = 0")
    return dirty


def settle(state: Database, link: int, mapping: bytes) -> None:
    with state.write() as tx:
        both = observed.digests(tx, "side", ["s1"])["s1"] + observed.digests(tx, "crm", ["c1"])["c1"]
        links.settle(tx, link, settled=both + mapping)


def test_a_settled_pair_is_merged_again_only_when_a_half_or_the_mapping_changed(state: Database, link: int) -> None:
    assert unsettled(state, b"mapping1")
    settle(state, link, b"mapping1")
    assert not unsettled(state, b"mapping1")
    assert unsettled(state, b"mapping2")
    see(state, look(10, "s1", name="changed"))
    assert unsettled(state, b"mapping1")


def test_a_record_has_one_living_link_in_a_connection(state: Database, link: int) -> None:
    with pytest.raises(IntegrityError), state.write() as tx:
        links.add(tx, "hub", "s1", "c2", matched_by="email", run_id=1, at=at(0))
    with state.read() as tx:
        assert links.counts(tx, "hub") == {"active": 1}


def test_what_syncd_wrote_does_not_move_the_time_of_the_last_edit_by_people(state: Database) -> None:
    see(state, look(0, name="Ann", town="Oslo", modified_at=at(-60)))
    see(state, look(5, whole=False, name="Bea", modified_at=at(4)))
    see(state, look(9, whole=False, name="Cy", modified_at=at(8)))
    seen = shown(state)
    assert (seen.edited_at, seen.record.modified_at) == (at(-60), at(8))


def test_a_look_that_reads_one_field_more_is_no_edit(state: Database) -> None:
    see(state, look(0, name="Ann", modified_at=at(-60)))
    see(state, look(5, whole=False, name="Bea", modified_at=at(4)))
    see(state, look(9, name="Bea", town="Oslo", modified_at=at(4)))
    assert shown(state).edited_at == at(-60)
    see(state, look(20, name="Bea", town="Rome", modified_at=at(15)))
    assert shown(state).edited_at is None, "a person's edit: the record's own time tells"


def test_the_time_of_a_value_ends_with_its_being_read(state: Database) -> None:
    see(state, look(0, name="Ann", town="Oslo"))
    see(state, look(5, name="Ann", town="Rome"))
    see(state, look(10, name="Ann"))
    see(state, look(15, name="Ann", town="Bern"))
    assert shown(state).since == {}
