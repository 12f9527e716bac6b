"""Where a listing ends, and when a sweep is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.sweep import Next, after_walk, pages
from syncd.salespulse.learned import Keys, Learned
from syncd.salespulse.pages import Position, cursor_of, digest, position_of, turn
from syncd.salespulse.results import Hint

NONE = Hint()


def ids(count: int, start: int = 0) -> list[str]:
    return [f"c{number}" for number in range(start, start + count)]


def go(at: Position, count: int, hint: Hint = NONE, *, start: int = 0) -> Position | None:
    return turn(at, ids(count, start), count, hint).following


def test_an_empty_page_ends_a_list_whatever_the_hint_says() -> None:
    assert go(Position(), 0, Hint(has_more=True)) is None


def test_a_short_page_ends_a_list_but_not_the_first_one() -> None:
    assert go(Position(page=2, size=100), 99) is None
    assert go(Position(page=2, size=100), 100) is not None
    following = go(Position(page=1, size=1000), 137)
    assert following is not None
    assert (following.page, following.size) == (2, 137)


@pytest.mark.parametrize(
    ("hint", "more"),
    [
        (Hint(has_more=False), False),
        (Hint(has_more=True), True),
        (Hint(next_page=0), False),
        (Hint(next_page=2), True),
        (Hint(next_page=1), False),
        (Hint(total=100, total_pages=1), False),
        (Hint(total=101, total_pages=2), True),
        (Hint(total=101), True),
        (Hint(total=100), True),  # on a full first page this may be the count of the page
        (Hint(has_more=False, total=500), True),
    ],
)
def test_a_hint_decides_over_the_length_of_a_page(hint: Hint, more: bool) -> None:
    assert (go(Position(page=1, size=100), 100, hint) is not None) is more


def test_a_total_ends_a_list_on_its_last_full_page() -> None:
    assert go(Position(page=3, size=100, before="x"), 100, Hint(total=300)) is None
    assert go(Position(page=3, size=100, before="x"), 100, Hint(total=301)) is not None


def test_one_repeated_page_may_be_an_insert_and_two_are_the_end() -> None:
    at = Position(page=2, size=3, before=digest(ids(3)))
    first = turn(at, ids(3), 3, NONE)
    assert first.repeated
    assert first.following is not None
    assert turn(first.following, ids(3), 3, Hint(has_more=True)).following is None
    other = turn(first.following, ids(3, start=3), 3, NONE)
    assert not other.repeated
    assert other.following is not None
    assert other.following.repeats == 0


def test_the_page_size_is_learned_only_from_proof() -> None:
    assert turn(Position(size=1000), ids(100), 100, Hint(has_more=True)).page_size == 100
    assert turn(Position(size=1000), ids(137), 137, NONE).page_size is None
    assert turn(Position(page=2, size=100), ids(100), 100, NONE).page_size == 100
    assert turn(Position(page=2, size=100), ids(3), 3, NONE).page_size is None


def test_a_cursor_comes_back_as_it_went() -> None:
    keys = Keys(valued=frozenset({"email"}), blank=frozenset({"state"}))
    at = Position(page=7, size=250, before="abc", repeats=1, seen=1500, keys=keys)
    assert position_of(cursor_of(at)) == at


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "null", "nonsense", '{"page":0}', '{"page":"x"}'])
def test_a_cursor_that_is_not_understood_is_none(cursor: str) -> None:
    assert position_of(cursor) is None
    assert position_of(cursor_of(replace(Position(), page=-1))) is None


@given(
    total=st.integers(0, 400),
    asked=st.integers(1, 120),
    cap=st.integers(1, 120),
    hints=st.sampled_from("nmptr"),
)
def test_every_list_is_walked_to_its_end_and_no_further(total: int, asked: int, cap: int, hints: str) -> None:
    seen: list[str] = []
    at: Position | None = Position(size=asked)
    requests = 0
    while at is not None:
        size = min(at.size, cap)
        last = -(-total // size) or 1
        page = min(at.page, last) if hints == "r" else at.page
        rows = ids(max(0, min(size, total - (page - 1) * size)), start=(page - 1) * size)
        hint = {
            "m": Hint(has_more=at.page < last),
            "p": Hint(next_page=at.page + 1 if at.page < last else 0),
            "t": Hint(total=total, total_pages=last),
        }.get(hints, NONE)
        turned = turn(at, rows, len(rows), hint)
        seen += [] if turned.repeated else rows
        at = turned.following
        requests += 1
        assert requests <= total // min(asked, cap) + 4
    assert seen == ids(total)


@pytest.mark.parametrize(
    ("missing", "walks", "then"),
    [(0, 1, Next.DONE), (9, 1, Next.FETCH), (10, 1, Next.WALK), (500, 1, Next.WALK), (500, 2, Next.FETCH)],
)
def test_the_missing_are_looked_up_singly_where_that_costs_less_than_another_walk(
    missing: int, walks: int, then: Next
) -> None:
    assert after_walk(missing=missing, page_size=100, total=1000, walks=walks) is then


def test_a_list_costs_at_least_one_request() -> None:
    assert [pages(page_size=100, total=total) for total in (0, 1, 100, 101)] == [1, 1, 1, 2]


class Notes(dict[str, str]):
    def set(self, key: str, value: str) -> None:
        self[key] = value


def test_garbage_in_the_memory_counts_as_not_learned() -> None:
    garbage = ("page_size", "stage_in_deals", "stage_on_create", "stage_method", "keys_list")
    for text in ("", "x", "-1", "[]", "null", "99999999999", '{"valued":1}'):
        learned = Learned(Notes(dict.fromkeys(garbage, text)))
        assert learned.page_size is None
        assert learned.stage_in_deals is None
        assert learned.stage_on("create") is None
        assert learned.stage_method("PATCH") == "PATCH"
        assert learned.keys("list") == Keys()


def test_a_handful_of_contacts_is_not_taken_for_a_page_size() -> None:
    notes = Notes()
    Learned(notes).learn_page_size(3)
    assert notes == {}
