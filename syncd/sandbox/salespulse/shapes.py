"""How the dialect writes what it answers: contacts, lists, single objects, errors. Only shapes, no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.sandbox.salespulse.book import STANDARD, Book, Contact
from syncd.sandbox.salespulse.dialect import (
    Answer,
    Blank,
    Dialect,
    EndHint,
    ErrorDetail,
    HintPlace,
    ListEnvelope,
    SingleEnvelope,
    StageShown,
)
from syncd.sandbox.wire import Response, json_response


class Shapes:
    """The dialect's way of writing, for one account's stages."""

    def __init__(self, dialect: Dialect, book: Book) -> None:
        self.dialect = dialect
        self.book = book

    def time(self, stored: str) -> str:
        """A stored time as the dialect writes it."""
        return stored if self.dialect.milliseconds else f"{stored[:19]}Z"

    def id(self, contact: Contact) -> str | int:
        """A contact's id as the dialect writes it."""
        return int(contact.id) if self.dialect.numeric_ids and contact.id.isdigit() else contact.id

    def contact(self, contact: Contact) -> dict[str, Any]:
        """A whole contact."""
        dialect = self.dialect
        shown: dict[str, Any] = {"id": self.id(contact)}
        match dialect.blank:
            case Blank.NULL:
                shown.update(dict.fromkeys((*STANDARD, *sorted(dialect.custom_fields))))
            case Blank.EMPTY:
                shown.update(dict.fromkeys((*STANDARD, *sorted(dialect.custom_fields)), ""))
            case Blank.OMITTED:
                pass
        shown.update(contact.values)
        digits = str(shown.get("phone", "")).removeprefix("+")
        if dialect.numeric_phones and digits.isdigit():
            shown["phone"] = int(digits)
        self._stage(shown, contact.stage)
        if dialect.times:
            shown["created_at"] = self.time(contact.created)
            shown["updated_at"] = self.time(contact.updated)
        return shown

    def stage(self, key: str) -> dict[str, Any]:
        """A stage as ``/pipeline/stages`` shows it."""
        return {"id": key, "name": self.book.stages[key], "position": list(self.book.stages).index(key) + 1}

    def deal(self, contact: Contact) -> dict[str, Any]:
        """The deal of a contact that has a stage."""
        stage = contact.stage or ""
        shown: dict[str, Any] = {"id": f"deal_{contact.id.removeprefix('ctn_')}", "value": None}
        if self.dialect.flat_deals:
            return shown | {"contact_id": self.id(contact), "stage_id": stage}
        names = {name: contact.values.get(name) for name in STANDARD[:2]}
        return shown | {
            "contact": {"id": self.id(contact), **names},
            "stage": {"id": stage, "name": self.book.stages[stage]},
        }

    def many(
        self,
        own: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        page: int = 1,
        limit: int = 0,
        total: int | None = None,
    ) -> Response:
        """A list. ``total`` is the count of all rows; without it everything is on this page."""
        dialect = self.dialect
        if dialect.list_envelope is ListEnvelope.BARE:
            return json_response(200, rows)
        key = own if dialect.list_envelope is ListEnvelope.OWN else dialect.list_envelope.value
        hint = self._hint(page, limit or max(1, len(rows)), len(rows) if total is None else total)
        match dialect.hint_place:
            case HintPlace.TOP:
                return json_response(200, {key: rows, **hint})
            case HintPlace.META | HintPlace.PAGINATION as place:
                return json_response(200, {key: rows, **({place.value: hint} if hint else {})})

    def _hint(self, page: int, limit: int, total: int) -> dict[str, Any]:
        pages = -(-total // limit)
        match self.dialect.end_hint:
            case EndHint.NONE:
                return {}
            case EndHint.HAS_MORE:
                return {"has_more": page < pages}
            case EndHint.NEXT_PAGE:
                return {"next_page": page + 1 if page < pages else None}
            case EndHint.TOTAL:
                return {"total": total, "total_pages": pages, "page": page, "limit": limit}

    def one(self, status: int, own: str, value: Mapping[str, Any]) -> Response:
        """A single object in its envelope."""
        match self.dialect.single_envelope:
            case SingleEnvelope.BARE:
                return json_response(status, value)
            case SingleEnvelope.DATA:
                return json_response(status, {"data": value})
            case SingleEnvelope.OWN:
                return json_response(status, {own: value})

    def written(self, status: int, answer: Answer, contact: Contact, sent: Sequence[str]) -> Response:
        """The answer to a write of a contact; ``sent`` are the keys that the request held."""
        match answer:
            case Answer.FULL:
                return self.one(status, "contact", self.contact(contact))
            case Answer.PARTIAL:
                return self.one(status, "contact", self.partial(contact, sent))
            case Answer.MINIMAL:
                return self.one(status, "contact", {"id": self.id(contact)})
            case Answer.EMPTY:
                return Response(status=204)

    def partial(self, contact: Contact, sent: Sequence[str]) -> dict[str, Any]:
        """The id, the sent fields as they are now, and the time."""
        whole = self.contact(contact)
        keys = ("id", *sent, "updated_at")
        return {key: whole[key] for key in keys if key in whole}

    def _stage(self, shown: dict[str, Any], stage: str | None) -> None:
        name = self.book.stages[stage] if stage else None
        match self.dialect.stage_shown:
            case StageShown.STAGE_ID:
                shown["stage_id"] = stage
            case StageShown.ID:
                shown["stage"] = stage
            case StageShown.NAME:
                shown["stage"] = name
            case StageShown.OBJECT:
                shown["stage"] = {"id": stage, "name": name} if stage else None
            case StageShown.PIPELINE_STAGE:
                shown["pipeline_stage"] = name
            case StageShown.DEALS_ONLY:
                pass


def error(status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The vendor's error body."""
    return json_response(status, {"error": {"message": message, **more}}, headers)


def refused(dialect: Dialect, problems: Mapping[str, str]) -> Response:
    """A 422 that names the fields in its message and, by dialect, in a form a program can read."""
    return error(422, sentence(problems), **detail(dialect, problems))


def sentence(problems: Mapping[str, str]) -> str:
    """All problems in one line."""
    return "; ".join(f"{name} {problem}" for name, problem in problems.items())


def detail(dialect: Dialect, problems: Mapping[str, str]) -> dict[str, Any]:
    """The machine-readable part of an error."""
    match dialect.error_detail:
        case ErrorDetail.NONE:
            return {}
        case ErrorDetail.FIELDS:
            return {"fields": dict(problems)}
        case ErrorDetail.DETAILS:
            return {"details": [{"field": name, "message": text} for name, text in problems.items()]}
