"""What the vendor's page leaves open: each dialect answers it in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.people import Style, people, write_as
from syncd.sandbox.salespulse import DIALECTS, Dialect, SalesPulse
from syncd.sandbox.salespulse.dialect import (
    Answer,
    BulkAnswer,
    EndHint,
    HintPlace,
    ListEnvelope,
    Order,
    PastEnd,
    StageShown,
    Unknown,
    UntakenStage,
)
from syncd.sandbox.salespulse.model import BASE, KEY
from syncd.sandbox.shell import serve

JANE = {"first_name": "Jane", "phone": "+13055551234", "email": "Jane@Example.com"}
BAD = {"first_name": "Joe", "phone": "555"}


class Served:
    """A model in one dialect behind real HTTP."""

    def __init__(self, model: SalesPulse, client: httpx.Client) -> None:
        self.model = model
        self.client = client

    def call(self, method: str, path: str, body: object = None, **query: object) -> httpx.Response:
        extra = {} if body is None else {"json": body}
        return self.client.request(method, path, params=query, **extra)  # type: ignore[arg-type]  # json or nothing


@pytest.fixture(scope="module")
def stage() -> Iterator[Served]:
    model = SalesPulse(ManualClock(), limit_scale=1_000)
    headers = {"authorization": f"Bearer {KEY}"}
    with (
        serve(model) as running,
        httpx.Client(base_url=running.url + BASE, headers=headers, trust_env=False) as client,
    ):
        yield Served(model, client)


@pytest.fixture
def speak(stage: Served) -> Any:
    """Empty the served model and let it speak a dialect."""

    def speak(dialect: Dialect) -> Served:
        fresh = SalesPulse(ManualClock(), dialect=dialect)
        stage.model.dialect = stage.model.shapes.dialect = dialect
        stage.model.load(fresh.export())
        return stage

    return speak


def rows(dialect: Dialect, answer: httpx.Response, own: str) -> list[dict[str, Any]]:
    """The rows of a list, taken from where the dialect says they are."""
    body = answer.json()
    if dialect.list_envelope is ListEnvelope.BARE:
        return list(body)
    return list(body[own if dialect.list_envelope is ListEnvelope.OWN else dialect.list_envelope.value])


@pytest.mark.parametrize("name", DIALECTS)
def test_walking_all_pages_gives_every_contact_once_in_every_dialect(name: str, speak: Any) -> None:
    dialect = DIALECTS[name]
    served = speak(dialect)
    ids = served.model.populate(write_as(person, Style.SALESPULSE) for person in people(1_203, 1))
    limit = min(100, dialect.max_limit)
    seen: list[str] = []
    page, before = 1, None
    while True:
        answer = served.call("GET", "/contacts", page=page, limit=limit)
        found = [str(row["id"]) for row in rows(dialect, answer, "contacts")]
        if not found or found == before:
            break
        seen += found
        page, before = page + 1, found
    assert seen == (ids if dialect.order is Order.OLDEST_FIRST else ids[::-1])


@pytest.mark.parametrize("name", DIALECTS)
def test_a_larger_limit_is_capped_or_refused(name: str, speak: Any) -> None:
    dialect = DIALECTS[name]
    served = speak(dialect)
    served.model.populate({"first_name": str(n)} for n in range(1_001))
    answer = served.call("GET", "/contacts", limit=1_001)
    if dialect.refuse_larger_limit:
        assert answer.status_code == 400
        assert str(dialect.max_limit) in answer.json()["error"]["message"]
    else:
        assert len(rows(dialect, answer, "contacts")) == dialect.max_limit
    assert len(rows(dialect, served.call("GET", "/contacts"), "contacts")) == dialect.default_limit


@pytest.mark.parametrize("name", DIALECTS)
def test_the_stage_is_where_the_dialect_says_and_moves_by_its_method(name: str, speak: Any) -> None:
    dialect = DIALECTS[name]
    served = speak(dialect)
    one = served.model.add_contact(JANE)
    for method in ("PATCH", "PUT", "POST"):
        answer = served.call(method, f"/contacts/{one}/stage", {"stage_id": "stg_quoted"})
        if method == dialect.stage_method:
            assert answer.status_code in (200, 204)
        else:
            assert (answer.status_code, answer.headers["allow"]) == (405, dialect.stage_method)
    shown = rows(dialect, served.call("GET", "/contacts"), "contacts")[0]
    stage = {"id": "stg_quoted", "name": "Quoted"}
    expected = {
        "stage_id": {"stage_id": "stg_quoted"},
        "id": {"stage": "stg_quoted"},
        "name": {"stage": "Quoted"},
        "object": {"stage": stage},
        "pipeline_stage": {"pipeline_stage": "Quoted"},
        "deals_only": {},
    }[dialect.stage_shown]
    assert {key: shown[key] for key in ("stage", "stage_id", "pipeline_stage") if key in shown} == expected
    (deal,) = rows(dialect, served.call("GET", "/pipeline/deals"), "deals")
    if dialect.flat_deals:
        assert (str(deal["contact_id"]), deal["stage_id"]) == (one, "stg_quoted")
    else:
        assert (str(deal["contact"]["id"]), deal["stage"]) == (one, stage)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stage_in_a_create_or_update_is_taken_or_silently_ignored(name: str, speak: Any) -> None:
    dialect = replace(DIALECTS[name], untaken_stage=UntakenStage.IGNORE)
    served = speak(dialect)
    first = "stg_new" if dialect.first_stage_by_default else None
    assert served.call("POST", "/contacts", JANE | {"stage_id": "stg_sold"}).status_code == 201
    (contact,) = served.model.book.contacts.values()
    assert contact.stage == ("stg_sold" if dialect.stage_on_create else first)
    assert served.call("PATCH", f"/contacts/{contact.id}", {"stage_id": "stg_lost"}).is_success
    assert (contact.stage == "stg_lost") == dialect.stage_on_update
    assert "stage_id" not in contact.values


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer.FULL, {"id", "first_name", "state", "email", "stage_id", "created_at"}),
        (Answer.PARTIAL, {"id", "state", "updated_at"}),
        (Answer.MINIMAL, {"id"}),
    ],
)
def test_an_update_answers_in_full_in_part_or_with_the_id(speak: Any, answer: Answer, expected: set[str]) -> None:
    served = speak(Dialect(update_answer=answer))
    one = served.model.add_contact(JANE)
    shown = served.call("PATCH", f"/contacts/{one}", {"state": "TX"}).json()
    assert expected <= set(shown)
    assert answer is Answer.FULL or set(shown) == expected


def test_an_empty_answer_is_204_without_a_body(speak: Any) -> None:
    served = speak(DIALECTS["terse"])
    one = served.model.add_contact(JANE)
    for answer in (
        served.call("PATCH", f"/contacts/{one}", {"state": "TX"}),
        served.call("DELETE", f"/contacts/{one}"),
    ):
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("shape", BulkAnswer)
def test_a_bulk_with_a_wrong_contact_names_it_by_its_index(shape: BulkAnswer, speak: Any) -> None:
    served = speak(Dialect(bulk_answer=shape))
    answer = served.call("POST", "/contacts/bulk", [JANE, BAD, JANE])
    assert answer.status_code == 201
    ids = list(served.model.book.contacts)
    assert len(ids) == 2
    body = answer.json()
    match shape:
        case BulkAnswer.ARRAY:
            assert [row.get("id") for row in body] == [ids[0], None, ids[1]]
            assert "phone" in body[1]["error"]["message"]
        case BulkAnswer.CREATED | BulkAnswer.DATA:
            made = body["created" if shape is BulkAnswer.CREATED else "data"]
            assert [row["id"] for row in made] == ids
            assert [error["index"] for error in body["errors"]] == [1]
        case BulkAnswer.COUNT:
            assert body["created"] == 2


def test_all_or_nothing_creates_none_and_names_none(speak: Any) -> None:
    served = speak(DIALECTS["legacy"])
    answer = served.call("POST", "/contacts/bulk", [JANE, BAD])
    assert answer.status_code == 422
    assert set(answer.json()["error"]) == {"message"}
    assert not served.model.book.contacts


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("plain", {}),
        ("legacy", {"fields": {"phone"}}),
        ("wrapped", {"details": {"phone"}}),
    ],
)
def test_a_422_names_its_fields_by_dialect(name: str, detail: dict[str, set[str]], speak: Any) -> None:
    error = speak(DIALECTS[name]).call("POST", "/contacts", BAD).json()["error"]
    assert "phone" in error.pop("message")
    named = {
        key: set(value) if isinstance(value, dict) else {entry["field"] for entry in value}
        for key, value in error.items()
    }
    assert named == detail


@pytest.mark.parametrize(("name", "shown"), [("plain", None), ("legacy", ""), ("terse", "absent")])
def test_a_blank_field_is_null_empty_or_left_out(name: str, shown: str | None, speak: Any) -> None:
    dialect = DIALECTS[name]
    served = speak(dialect)
    served.model.add_contact(JANE)
    (contact,) = rows(dialect, served.call("GET", "/contacts"), "contacts")
    assert contact.get("last_name", "absent") == shown


@pytest.mark.parametrize(
    ("hint", "first", "last"),
    [
        (EndHint.HAS_MORE, {"has_more": True}, {"has_more": False}),
        (EndHint.NEXT_PAGE, {"next_page": 2}, {"next_page": None}),
        (EndHint.TOTAL, {"total": 30, "total_pages": 2}, {"total": 30, "total_pages": 2}),
    ],
)
@pytest.mark.parametrize("place", ["top", "meta", "pagination"])
def test_the_end_is_hinted_where_the_dialect_says(
    hint: EndHint, first: dict[str, Any], last: dict[str, Any], place: str, speak: Any
) -> None:
    served = speak(Dialect(end_hint=hint, hint_place=HintPlace(place)))
    served.model.populate({"first_name": str(n)} for n in range(30))
    for page, expected in ((1, first), (2, last)):
        body = served.call("GET", "/contacts", page=page, limit=20).json()
        found = body if place == "top" else body[place]
        assert found | expected == found


def test_inserts_shift_every_page_when_the_newest_come_first(speak: Any) -> None:
    served = speak(Dialect(order=Order.NEWEST_FIRST))
    ids = served.model.populate({"first_name": str(n)} for n in range(6))
    first = served.call("GET", "/contacts", limit=3).json()["data"]
    served.model.add_contact(JANE)
    second = served.call("GET", "/contacts", limit=3, page=2).json()["data"]
    assert second[0]["id"] == first[-1]["id"] == ids[3]


def test_a_page_past_the_end_may_repeat_the_last(speak: Any) -> None:
    served = speak(Dialect(past_end=PastEnd.REPEATS))
    assert served.call("GET", "/contacts", page=7).json()["data"] == []
    served.model.populate({"first_name": str(n)} for n in range(5))
    last = served.call("GET", "/contacts", limit=3, page=2).json()
    assert len(last["data"]) == 2
    assert served.call("GET", "/contacts", limit=3, page=9).json() == last


def test_unknown_fields_are_kept_ignored_or_refused(speak: Any) -> None:
    for unknown, status, kept in (
        (Unknown.KEEP, 201, {"crm_id", "other"}),
        (Unknown.IGNORE, 201, {"crm_id"}),
        (Unknown.REFUSE, 422, set()),
    ):
        served = speak(Dialect(unknown=unknown, custom_fields=frozenset({"crm_id"})))
        assert served.call("POST", "/contacts", JANE | {"crm_id": "1", "other": "2"}).status_code == status
        stored = {name for contact in served.model.book.contacts.values() for name in contact.values}
        assert stored - set(JANE) == kept


def test_times_and_the_case_of_e_mails_depend_on_the_dialect(speak: Any) -> None:
    def jane(dialect: Dialect) -> dict[str, Any]:
        return dict(speak(dialect).call("POST", "/contacts", JANE).json())

    assert not {"created_at", "updated_at"} & set(jane(Dialect(times=False)))
    assert jane(Dialect())["created_at"].endswith(":00Z")
    assert jane(Dialect(milliseconds=True))["created_at"].endswith(".000Z")
    assert jane(Dialect())["email"] == "Jane@Example.com"
    assert jane(Dialect(folds_email=True))["email"] == "jane@example.com"


def test_a_stage_that_is_not_taken_may_be_refused_or_kept_beside_the_true_one(speak: Any) -> None:
    wanted = JANE | {"stage_id": "stg_sold"}
    refusing = speak(Dialect(stage_on_create=False, stage_on_update=False, untaken_stage=UntakenStage.REFUSE))
    answer = refusing.call("POST", "/contacts", wanted)
    assert (answer.status_code, "stage_id" in answer.json()["error"]["message"]) == (422, True)
    one = refusing.model.add_contact(JANE)
    assert refusing.call("PATCH", f"/contacts/{one}", {"stage_id": "stg_sold"}).status_code == 422
    keeping = Dialect(stage_on_create=False, untaken_stage=UntakenStage.KEEP, stage_shown=StageShown.OBJECT)
    shown = speak(keeping).call("POST", "/contacts", wanted).json()
    assert (shown["stage_id"], shown["stage"]["id"]) == ("stg_sold", "stg_new")


def test_a_second_contact_with_a_unique_value_is_refused_also_in_one_bulk(speak: Any) -> None:
    served = speak(Dialect(unique=frozenset({"email"})))
    assert served.call("POST", "/contacts", JANE).status_code == 201
    answer = served.call("POST", "/contacts", JANE | {"email": "JANE@example.com"})
    assert (answer.status_code, "already exists" in answer.json()["error"]["message"]) == (422, True)
    two = [{"email": "a@example.com"}, {"email": "A@example.com"}]
    answer = served.call("POST", "/contacts/bulk", two).json()
    assert ([row["email"] for row in answer["created"]], answer["errors"][0]["index"]) == (["a@example.com"], 1)
    (one, other) = served.model.book.contacts
    assert served.call("PATCH", f"/contacts/{one}", {"email": JANE["email"]}).status_code == 200
    assert served.call("PATCH", f"/contacts/{other}", {"email": JANE["email"]}).status_code == 422


def test_ids_and_phones_may_be_numbers_and_bulk_answers_shuffled(speak: Any) -> None:
    served = speak(Dialect(numeric_ids=True, numeric_phones=True, bulk_shuffled=True))
    sent = [{"first_name": str(n), "phone": f"+1305555010{n}"} for n in range(4)]
    made = served.call("POST", "/contacts/bulk", sent).json()["created"]
    assert [row["phone"] for row in made] == [13055550101, 13055550103, 13055550100, 13055550102]
    assert served.call("GET", f"/contacts/{made[0]['id']}").json()["id"] == made[0]["id"]
    assert {str(row["id"]) for row in made} == set(served.model.book.contacts)
    assert all(isinstance(row["id"], int) for row in made)


def test_contradicting_switches_are_refused() -> None:
    with pytest.raises(ValueError, match="no place for an end hint"):
        Dialect(list_envelope=ListEnvelope.BARE, end_hint=EndHint.TOTAL)
    with pytest.raises(ValueError, match="at least the id"):
        Dialect(create_answer=Answer.EMPTY)
    with pytest.raises(ValueError, match="cannot be shuffled"):
        Dialect(bulk_answer=BulkAnswer.ARRAY, bulk_shuffled=True)
    with pytest.raises(ValueError, match="shown under another"):
        Dialect(untaken_stage=UntakenStage.KEEP)


def test_the_presets_differ_from_each_other() -> None:
    assert len(DIALECTS) >= 4
    assert len(set(DIALECTS.values())) == len(DIALECTS)
    assert replace(DIALECTS["plain"]) == Dialect()
