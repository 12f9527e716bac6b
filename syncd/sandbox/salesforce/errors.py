"""Salesforce's refusals: of a whole request (ApiError), or of one record (RecordFaults), contract, section 6.

Messages are samples from the contract. How they are put on the wire depends on the door: ``errorCode`` for a single
call, ``statusCode`` for one of many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """The request as a whole is refused."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class RecordFault:
    """One thing wrong with one record. ``duplicate`` is the ``duplicateResult`` of a duplicate rule."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    duplicate: Mapping[str, Any] | None = None


class RecordFaults(Exception):
    """A write of one record is refused. ``status`` is that of a single call."""

    def __init__(self, faults: Sequence[RecordFault], status: int = 400) -> None:
        super().__init__("; ".join(f"{fault.code}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)
        self.status = status


class MultipleMatches(Exception):
    """An external id leads to several records: 300 with their addresses."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__("more than one record")
        self.ids = tuple(ids)


def refused(code: str, message: str, *fields: str, status: int = 400) -> RecordFaults:
    """One fault alone."""
    return RecordFaults((RecordFault(code, message, fields),), status)


def not_found() -> ApiError:
    """404: no such resource, or no such record."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def invalid_type(name: str) -> ApiError:
    """400: a query or a list of records names an object that does not exist."""
    return ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")


def is_deleted() -> RecordFaults:
    """404: the record is in the recycle bin."""
    return refused("ENTITY_IS_DELETED", "entity is deleted", status=404)


def no_record(code: str = "NOT_FOUND") -> RecordFaults:
    """404: no record has this id, or none that is shown. ``code``: also INVALID_CROSS_REFERENCE_KEY."""
    words = "The requested resource does not exist" if code == "NOT_FOUND" else "invalid cross reference id"
    return refused(code, words, status=404)


def read_only() -> RecordFaults:
    """The whole org takes no writes for a while."""
    return refused("INVALID_READ_ONLY_USER_DML", "This action is not allowed while the org is in read-only mode.")
