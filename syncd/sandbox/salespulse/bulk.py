"""``POST /contacts/bulk``: up to 1,000 contacts at once, some of which may be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncd.sandbox.salespulse import validate
from syncd.sandbox.salespulse.book import Contact
from syncd.sandbox.salespulse.dialect import Answer, BulkAnswer
from syncd.sandbox.salespulse.shapes import detail, error, sentence
from syncd.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from syncd.sandbox.salespulse.model import SalesPulse

MOST = 1_000
"""Contacts in one request."""


def bulk(model: SalesPulse, request: Request) -> Response:
    """Create what is valid, answer in the dialect's shape. Takes an array or ``{"contacts": [...]}``."""
    body = request.json()
    rows = body.get("contacts") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not rows:
        return error(400, "Invalid parameters: send an array of contacts, or an object with contacts")
    if len(rows) > MOST:
        return error(400, f"Invalid parameters: at most {MOST} contacts in a request")
    if model.dialect.bulk_all_or_nothing and any(validate.contact(row, model.book, model.dialect)[1] for row in rows):
        return error(422, "Some contacts are invalid; none was created")
    made: list[Contact | None] = []
    problems: list[validate.Problems] = []
    for row in rows:
        accepted, found = validate.contact(row, model.book, model.dialect)
        problems.append(found)
        made.append(None if found else model.create(accepted).contact)
    return _answer(model, made, problems)


def _answer(model: SalesPulse, made: list[Contact | None], problems: list[validate.Problems]) -> Response:
    dialect = model.dialect
    wrong = [(index, found) for index, found in enumerate(problems) if found]
    shown = [_shown(model, contact) for contact in made if contact is not None]
    if dialect.bulk_shuffled:
        shown = [*shown[1::2], *shown[::2]]
    status = 201 if shown else 422
    match dialect.bulk_answer:
        case BulkAnswer.ARRAY:
            return json_response(
                status,
                [
                    {"error": {"message": sentence(found), **detail(dialect, found)}}
                    if contact is None
                    else _shown(model, contact)
                    for contact, found in zip(made, problems, strict=True)
                ],
            )
        case BulkAnswer.DATA:
            errors = [
                {"index": index, "error": {"message": sentence(found), **detail(dialect, found)}}
                for index, found in wrong
            ]
            return json_response(status, {"data": shown, "errors": errors})
        case BulkAnswer.CREATED | BulkAnswer.COUNT:
            errors = [{"index": index, "message": sentence(found), **detail(dialect, found)} for index, found in wrong]
            created = shown if dialect.bulk_answer is BulkAnswer.CREATED else len(shown)
            return json_response(status, {"created": created, "errors": errors})


def _shown(model: SalesPulse, contact: Contact) -> dict[str, Any]:
    if model.dialect.create_answer is Answer.FULL:
        return model.shapes.contact(contact)
    return {"id": model.shapes.id(contact)}
