"""Each row of what SalesPulse does not document, in the shapes that are accepted, and hostile shapes."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.salespulse import tolerance
from syncd.salespulse.bulk_answer import bulk
from syncd.salespulse.results import Hint, StageRef
from syncd.salespulse.tolerance import NotUnderstood

ROWS = [{"id": "ctn_1"}, {"id": "ctn_2"}]


@pytest.mark.parametrize(
    "body",
    [
        ROWS,
        *({key: ROWS} for key in ("data", "contacts", "items", "results")),
        {"data": {"contacts": ROWS}},
        {"success": True, "data": ROWS, "meta": {"total": 2}},
    ],
)
def test_a_list_is_found_in_every_envelope(body: Any) -> None:
    assert list(tolerance.rows(body, "contacts")) == ROWS


@pytest.mark.parametrize("body", [None, {}, 7, "x", {"data": {}}, {"data": {"data": {"data": ROWS}}}])
def test_what_holds_no_list_is_said_so_without_values(body: Any) -> None:
    with pytest.raises(NotUnderstood, match="no list of contacts"):
        tolerance.rows(body, "contacts")


@pytest.mark.parametrize("place", [None, "meta", "pagination"])
@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"has_more": True}, Hint(has_more=True)),
        ({"has_more": False}, Hint(has_more=False)),
        ({"has_more": "perhaps"}, Hint()),
        ({"next_page": 3}, Hint(next_page=3)),
        ({"next_page": "3"}, Hint(next_page=3)),
        ({"next_page": "https://x/contacts?limit=9&page=3"}, Hint(next_page=3)),
        ({"next_page": None}, Hint(next_page=0)),
        ({"total": 5, "total_pages": 2}, Hint(total=5, total_pages=2)),
        ({"total": -1, "total_pages": "many"}, Hint()),
        ({}, Hint()),
    ],
)
def test_hints_about_the_end_are_read_at_the_top_and_one_level_down(
    place: str | None, said: dict[str, Any], hint: Hint
) -> None:
    body = {"data": [], **(said if place is None else {place: said})}
    assert tolerance.hint(body) == hint


@pytest.mark.parametrize("body", [ROWS[0], {"data": ROWS[0]}, {"contact": ROWS[0]}, {"data": {"contact": ROWS[0]}}])
def test_a_single_object_is_found_bare_and_wrapped(body: Any) -> None:
    assert tolerance.single(body, "contact") == ROWS[0]


def test_a_custom_field_called_data_is_no_envelope() -> None:
    row = {"id": "ctn_1", "data": {"id": "other"}}
    assert tolerance.single(row, "contact") == row


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_no_object_is_none(body: Any) -> None:
    assert tolerance.single(body, "contact") is None


@pytest.mark.parametrize(
    ("row", "stage"),
    [
        ({"stage_id": "s1"}, StageRef(text="s1", exact=True)),
        ({"stage_id": 7}, StageRef(text="7", exact=True)),
        ({"stage": "Quoted"}, StageRef(text="Quoted", exact=False)),
        ({"stage": {"id": "s1", "name": "Quoted"}}, StageRef(text="s1", exact=True)),
        ({"stage": {"name": "Quoted"}}, StageRef(text="Quoted", exact=False)),
        ({"pipeline_stage": "Quoted"}, StageRef(text="Quoted", exact=False)),
        ({"pipeline_stage": {"id": 4}}, StageRef(text="4", exact=True)),
        ({"stage_id": None, "stage": "Quoted"}, StageRef(text="Quoted", exact=False)),
        ({"stage": None}, StageRef(text="", exact=True)),
        ({"stage": ""}, StageRef(text="", exact=True)),
        ({"stage_id": "s1", "stage": {"id": "s1", "name": "New"}}, StageRef(text="s1", exact=True)),
        ({"stage_id": "s1", "stage": "New"}, StageRef(text="s1", exact=True, also=("New",))),
        ({"stage": "New", "pipeline_stage_id": 7}, StageRef(text="7", exact=True, also=("New",))),
        ({"stage_id": "s2", "stage": {"id": "s1", "name": "New"}}, None),
        ({"stage_id": "s2", "pipeline_stage_id": "s1"}, None),
        ({"stage": {}}, None),
        ({"stage": ["Quoted"]}, None),
        ({"stage": True}, None),
        ({}, None),
    ],
)
def test_a_stage_is_found_wherever_a_contact_shows_it(row: dict[str, Any], stage: StageRef | None) -> None:
    assert tolerance.stage_of(row) == stage


def test_a_contact_whose_stage_keys_disagree_has_a_stage_that_was_not_read() -> None:
    shown = tolerance.contact({"id": "ctn_1", "stage_id": "s2", "stage": {"id": "s1"}})
    assert shown is not None
    assert (shown.stage, "stage" in shown.unreadable) == (None, True)


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-26T15:30:00Z",
        "2026-02-26T15:30:00.000+00:00",
        "2026-02-26T10:30:00-05:00",
        "2026-02-26 15:30:00",
        1772119800,
        1772119800000,
        1772119800.0,
    ],
)
def test_times_are_read_in_every_writing(value: Any) -> None:
    assert tolerance.moment(value) == datetime(2026, 2, 26, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2026-02-26", "yesterday noon", "", None, True, -5, 0, 1e300, [], {}])
def test_what_is_no_moment_is_none(value: Any) -> None:
    assert tolerance.moment(value) is None


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("é", "é"),
        (None, None),
        (True, True),
        (5, 5),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        (["a", "b"], ("a", "b")),
        ([1, True, {"x": 1}], ("1", "true", '{"x":1}')),
        ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
        ([], ()),
    ],
)
def test_values_are_kept_as_they_are_and_objects_as_json(value: Any, plain: Any) -> None:
    assert tolerance.plain(value) == plain


def test_half_an_emoji_and_wrong_bytes_cost_their_field_only() -> None:
    body = b'[{"id":"ctn_1","a":"\\ud83d","b":"caf\xe9","c":"kept","d":["\\ud83d"],"e":{"\\ud83d":1}}]'
    contact = tolerance.contact(tolerance.parse(body)[0])
    assert contact is not None
    assert contact.fields == {"id": "ctn_1", "c": "kept"}
    assert contact.unreadable == {"a", "b", "d", "e"}


@pytest.mark.parametrize("body", [b"<html>", b"{", b"[1", b"NaN", b"[" * 100_000, b"1" * 5000 + b"x"])
def test_what_is_not_json_is_said_so(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        tolerance.parse(body)


def test_an_empty_body_is_nothing() -> None:
    assert tolerance.parse(b" \n") is None


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "bad", "fields": {"phone": "is wrong"}}},
        {"error": {"message": "bad", "fields": {"phone": ["is wrong"]}}},
        {"error": {"message": "bad", "details": [{"field": "phone", "message": "is wrong"}]}},
        {"error": "bad", "errors": {"phone": {"message": "is wrong"}}},
        {"message": "bad", "errors": [{"name": "phone", "error": "is wrong"}]},
        {"message": "bad", "details": {"phone": "is wrong"}},
    ],
)
def test_a_refusal_names_its_fields_in_every_shape(body: Any) -> None:
    said = tolerance.refusal(body)
    assert (said.message, said.fields) == ("bad", {"phone": "is wrong"})


def test_a_body_of_fields_alone_is_a_refusal_too() -> None:
    said = tolerance.refusal({"phone": ["is wrong"], "state": "no"})
    assert said.fields == {"phone": "is wrong", "state": "no"}
    assert said.message == "is wrong; no"


def test_the_vendors_words_are_one_short_printable_line() -> None:
    line = tolerance.words("a\x00b\n\x1b[31mc" + "x" * 5000)
    assert line.isprintable()
    assert len(line) == 300


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("limit must be at most 250", 250),
        ("limit must be between 1 and 100", 100),
        ("limit 1000 is too large, 500 is the maximum", 500),
        ("too large", None),
        ("error 1.5", None),
        ("limit must be 1000 or less", None),
    ],
)
def test_a_refused_page_size_may_say_what_is_allowed(message: str, limit: int | None) -> None:
    assert tolerance.largest_limit(message, 1000) == limit


@pytest.mark.parametrize(
    "row",
    [
        {"id": "d1", "contact_id": "ctn_1", "stage_id": "s"},
        {"id": "d1", "contact": {"id": "ctn_1"}, "stage": {"id": "s"}},
        {"id": "d1", "contact": "ctn_1", "stage_id": "s"},
    ],
)
def test_a_deal_says_whose_it_is_and_in_which_stage(row: dict[str, Any]) -> None:
    deal = tolerance.deal(row)
    assert deal is not None
    assert (deal.contact_id, deal.stage) == ("ctn_1", StageRef(text="s", exact=True))


def test_a_deal_of_nobody_is_passed_over() -> None:
    assert tolerance.deal({"id": "d1", "stage_id": "s"}) is None


def test_a_call_is_typed() -> None:
    row = {"id": "call_1", "contact_id": "ctn_1", "duration_seconds": 182, "direction": "outbound", "cost": 3}
    call = tolerance.call(row)
    assert call is not None
    assert (call.duration_seconds, call.direction, call.other) == (182, "outbound", {"cost": 3})


# ---- bulk

SENT = [{"email": f"n{n}@example.com"} for n in range(3)]


def _made(n: int) -> dict[str, Any]:
    return {"id": f"ctn_{n}", "email": f"N{n}@example.com"}


@pytest.mark.parametrize(
    "body",
    [
        [_made(0), _made(1), _made(2)],
        {"created": [_made(0), _made(1), _made(2)]},
        {"data": [{"id": "ctn_0"}, {"id": "ctn_1"}, {"id": "ctn_2"}], "errors": []},
        {"data": {"contacts": [_made(0), _made(1), _made(2)]}},
        {"ids": ["ctn_0", "ctn_1", "ctn_2"]},
        {
            "results": [
                {"index": 2, "contact": _made(2)},
                {"index": 0, "id": "ctn_0"},
                {"index": 1, "id": "ctn_1"},
            ]
        },
        [_made(2), _made(0), _made(1)],
    ],
)
def test_created_contacts_are_matched_to_what_was_sent(body: Any) -> None:
    said = bulk(body, SENT)
    assert {index: shown.id for index, shown in said.created.items()} == {0: "ctn_0", 1: "ctn_1", 2: "ctn_2"}
    assert said.refused == {}


@pytest.mark.parametrize(
    "body",
    [
        {"created": [_made(0), _made(2)], "errors": [{"index": 1, "message": "bad"}]},
        {"created": [{"id": "ctn_0"}, {"id": "ctn_2"}], "errors": {"1": "bad"}},
        [_made(0), {"error": {"message": "bad"}}, _made(2)],
        {"data": [_made(0), _made(2)], "errors": [{"index": 1, "error": {"message": "bad"}}]},
    ],
)
def test_refused_items_are_told_by_index(body: Any) -> None:
    said = bulk(body, SENT)
    assert {index: shown.id for index, shown in said.created.items()} == {0: "ctn_0", 2: "ctn_2"}
    assert {index: why.message for index, why in said.refused.items()} == {1: "bad"}


def test_what_cannot_be_matched_is_in_doubt() -> None:
    assert bulk({"created": 3}, SENT).created == {}
    assert bulk({"created": [{"id": "ctn_1"}]}, SENT).created == {}
    assert bulk(None, SENT).created == {}
    twins = [{"email": "a@example.com"}, {"email": "a@example.com"}, {"email": "b@example.com"}]
    shown = [{"id": "ctn_2", "email": "b@example.com"}, {"id": "ctn_1", "email": "a@example.com"}]
    assert {index: one.id for index, one in bulk(shown, twins).created.items()} == {2: "ctn_2"}


def _household(*names: str) -> list[dict[str, Any]]:
    return [{"first_name": name, "phone": "+13055550101"} for name in names]


def test_a_shuffled_household_is_told_apart_by_its_names() -> None:
    shown = [{"id": name, "first_name": name.upper(), "phone": 13055550101} for name in ("bea", "ann", "cid")]
    said = bulk(shown, _household("Ann", "Bea", "Cid"))
    assert {index: one.id for index, one in said.created.items()} == {0: "ann", 1: "bea", 2: "cid"}


def test_a_row_that_contradicts_every_item_leaves_it_in_doubt() -> None:
    shown = [{"id": "1", "first_name": "Zoe", "phone": "+13055550101"}, {"id": "2", "phone": "+13055550101"}]
    assert bulk(shown, _household("Ann", "Bea")).created == {}
    one = [{"id": "1", "first_name": "Zoe", "email": "n0@example.com"}]
    assert bulk(one, [{"email": "n0@example.com", "first_name": "Ann"}]).created == {}
    numbered = [{"index": 0, "id": "1", "first_name": "Bea"}, {"index": 1, "id": "2", "first_name": "Ann"}]
    assert bulk(numbered, _household("Ann", "Bea")).created == {}


def test_stages_blanks_and_another_writing_contradict_nothing() -> None:
    sent = [{"first_name": "Ann  Lee", "phone": "+13055550101", "state": "FL", "stage_id": "s2", "notes": "5"}]
    shown = {
        "id": "1",
        "first_name": " ann lee",
        "phone": "(305) 555-0101",
        "state": None,
        "stage_id": "s1",
        "notes": 5,
    }
    assert set(bulk([shown], sent).created) == {0}
    assert set(bulk({"created": [shown, {"id": "2"}]}, [*sent, {"email": "b@example.com"}]).created) == {0, 1}


def test_one_contact_is_never_two_creates() -> None:
    assert bulk([{"id": "ctn_1"}] * 3, SENT).created == {}


# ---- hostile shapes

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["ctn_1", "2026-02-26T15:30:00Z", "Quoted", "\ud83d", "9" * 400]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "data",
                    "contacts",
                    "contact",
                    "created",
                    "errors",
                    "error",
                    "fields",
                    "index",
                    "stage",
                    "meta",
                    "total",
                    "next_page",
                    "has_more",
                    "message",
                    "updated_at",
                    "contact_id",
                    "details",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(body=JSON)
def test_no_shape_of_an_answer_makes_a_traceback(body: Any) -> None:
    try:
        for row in tolerance.rows(body, "contacts"):
            tolerance.contact(row)
            tolerance.deal(row)
            tolerance.call(row)
            tolerance.stage_info(row)
    except NotUnderstood:
        pass
    tolerance.hint(body)
    tolerance.refusal(body)
    tolerance.call(tolerance.single(body, "call"))
    row = tolerance.single(body, "contact")
    shown = None if row is None else tolerance.contact(row)
    if shown is not None:
        orjson.dumps([shown.id, dict(shown.fields)])
    said = bulk(body, SENT)
    assert set(said.created) <= {0, 1, 2}
    assert not set(said.created) & set(said.refused)
    ids = [contact.id for contact in said.created.values()]
    assert len(set(ids)) == len(ids)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=60))
def test_no_bytes_make_a_traceback(body: bytes) -> None:
    with contextlib.suppress(NotUnderstood):
        tolerance.parse(body)
