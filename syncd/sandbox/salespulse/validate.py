"""What SalesPulse accepts as a contact: the formats of its page, and what the dialect says about the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from syncd.sandbox.salespulse.book import STANDARD, Book, Contact
from syncd.sandbox.salespulse.dialect import Dialect, Unknown, UntakenStage

E164 = re.compile(r"\+[1-9]\d{6,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_STATE = re.compile(r"[A-Z]{2}")

_STAGE_KEYS = ("stage_id", "stage", "pipeline_stage")
_OWN_KEYS = ("id", "created_at", "updated_at")

MAX_TEXT = 500
"""Characters of a text field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Clean values to store; ``stage`` is an id, or None where none was given or the dialect ignores it."""

    values: dict[str, Any]
    stage: str | None


Problems = dict[str, str]
"""Field → what is wrong with it. Never holds a value."""


def contact(body: object, book: Book, dialect: Dialect, *, of: Contact | None = None) -> tuple[Accepted, Problems]:
    """Judge the body of an update of a contact, or of a create. The values are of use only if there are no problems."""
    creating = of is None
    if not isinstance(body, dict):
        return Accepted(values={}, stage=None), {"contact": "must be an object"}
    problems: Problems = {}
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _OWN_KEYS:
            continue
        if name in _STAGE_KEYS:
            if _takes_stage(dialect, creating=creating) or dialect.untaken_stage is UntakenStage.IGNORE:
                continue
            problem = "" if dialect.untaken_stage is UntakenStage.KEEP else "is not a field of a contact"
        elif name in STANDARD:
            problem = _standard(name, value) or _taken(name, value, book, dialect, of)
        elif name in dialect.custom_fields or dialect.unknown is Unknown.KEEP:
            problem = ""
        elif dialect.unknown is Unknown.IGNORE:
            continue
        else:
            problem = "is not a field of a contact"
        if problem:
            problems[name] = problem
        folds = name == "email" and dialect.folds_email and isinstance(value, str)
        values[name] = value.lower() if folds else value
    if creating and not problems and not any(values.get(name) for name in STANDARD[:4]):
        problems["contact"] = "needs a name, a phone or an e-mail address"
    stage = _stage(body, book, problems) if _takes_stage(dialect, creating=creating) else None
    return Accepted(values=values, stage=stage), problems


def _taken(name: str, value: object, book: Book, dialect: Dialect, of: Contact | None) -> str:
    bearer = book.bearer(name, value) if name in dialect.unique and isinstance(value, str) and value else None
    return "" if bearer is None or bearer is of else f"is taken: a contact with this {name} already exists"


def _takes_stage(dialect: Dialect, *, creating: bool) -> bool:
    return dialect.stage_on_create if creating else dialect.stage_on_update


def _stage(body: dict[str, Any], book: Book, problems: Problems) -> str | None:
    for key in _STAGE_KEYS:
        named = body.get(key)
        if isinstance(named, dict):
            named = named.get("id")
        if named is None or named == "":
            continue
        stage = book.stage_id(named)
        if stage is None:
            problems[key] = "is not a stage of the pipeline"
        return stage
    return None


def _standard(name: str, value: object) -> str:
    """What is wrong with the value of a standard field, or ""."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        return "must be a text or null"
    if len(value) > MAX_TEXT:
        return f"must have at most {MAX_TEXT} characters"
    match name:
        case "phone" if not E164.fullmatch(value):
            return "must be a phone number in E.164 format, like +13055551234"
        case "email" if not _EMAIL.fullmatch(value):
            return "must be an e-mail address"
        case "state" if not _STATE.fullmatch(value):
            return "must be a two-letter state code, like FL"
        case _:
            return ""
