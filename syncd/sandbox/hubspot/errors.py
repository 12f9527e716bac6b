"""HubSpot's refusals: one exception that becomes an error body or one entry of a batch's ``errors``.

Shapes are those recorded in the contract (sections 2 to 4 and 10), odd spacing too. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

SCOPES_URL = "https://developers.hubspot.com/scopes"


class Refused(Exception):
    """A request, or one input of a batch, is refused."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        category: str = "",
        context: Mapping[str, Sequence[str]] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        links: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.context = dict(context or {})
        self.errors = tuple(errors)
        self.links = dict(links or {})
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.whole: dict[str, Any] | None = None  #: a body of another shape altogether

    def body(self, correlation: str) -> dict[str, Any]:
        """The error envelope; absent parts are left out, as HubSpot does."""
        if self.whole is not None:
            return self.whole
        parts: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation}
        parts |= self.extra
        if self.context:
            parts["context"] = self.context
        if self.errors:
            parts["errors"] = self.errors
        if self.links:
            parts["links"] = self.links
        if self.category:
            parts["category"] = self.category
        return parts

    def entry(self, trace: str | None) -> dict[str, Any]:
        """One entry of ``errors`` in a batch that succeeded in part."""
        context = ({"objectWriteTraceId": [trace]} if trace is not None else {}) | self.context
        parts: dict[str, Any] = {"status": "error", "category": self.category, "message": self.message}
        if context:
            parts["context"] = context
        if self.errors:
            parts["errors"] = self.errors
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class BadValue:
    """One property that cannot be written."""

    name: str
    code: str
    message: str


class Duplicate(Exception):
    """A unique value that another record holds; how that is told depends on the property and the options."""

    def __init__(self, *, prop: str, value: str, owner: int, secondary: bool) -> None:
        super().__init__(prop)
        self.prop = prop
        self.value = value
        self.owner = owner
        self.secondary = secondary


def validation(message: str, **context: Sequence[str]) -> Refused:
    """A plain 400."""
    return Refused(400, message, category="VALIDATION_ERROR", context=context)


def invalid(bad: Iterable[BadValue]) -> Refused:
    """400 with a JSON array embedded in the message, all bad properties at once."""
    listed = list(bad)
    inner = [{"isValid": False, "message": b.message, "error": b.code, "name": b.name} for b in listed]
    errors = [{"message": b.message, "code": b.code, "context": {"propertyName": [b.name]}} for b in listed]
    text = orjson.dumps(inner).decode()
    return Refused(400, f"Property values were not valid: {text}", category="VALIDATION_ERROR", errors=errors)


def required(kind: str, names: Sequence[str]) -> Refused:
    """400: a create without a property that it needs. Section 1 names the category only; the text is ours."""
    return Refused(
        400,
        f"Error creating {kind}. Some required properties were not set.",
        category="VALIDATION_ERROR",
        context={"properties": list(names)},
    )


def conflict(existing: int | None) -> Refused:
    """409: the primary e-mail is another contact's."""
    if existing is None:
        return Refused(409, "Contact already exists", category="CONFLICT")
    return Refused(409, f"Contact already exists. Existing ID: {existing}", category="CONFLICT")


def coordinates(portal: int, kind: str, duplicate: Duplicate, target: int) -> Refused:
    """400: the value is another record's. The second number is the owner, the first the written one."""
    return Refused(
        400,
        f"Cannot set PropertyValueCoordinates{{portalId={portal}, "
        f"objectTypeId=ObjectTypeId{{legacyObjectType={kind}}}, propertyName={duplicate.prop}, "
        f"value={duplicate.value}}} on {target}. {duplicate.owner} already has that value.",
        category="VALIDATION_ERROR",
    )


def duplicate_ids(ids: Sequence[str]) -> Refused:
    """400: one batch names a record twice."""
    return Refused(
        400,
        f"Duplicate IDs found in batch input: [{', '.join(ids)}]. IDs must be unique",
        category="VALIDATION_ERROR",
        context={"ids": list(ids)},
    )


def not_found() -> Refused:
    """404 without a category."""
    return Refused(404, "resource not found")


def no_object(kind: str, ids: Sequence[str]) -> Refused:
    """The entry for ids of a batch that lead nowhere."""
    return Refused(
        404,
        f"Could not get some {kind} objects, they may be deleted or not exist. Check that ids are valid.",
        category="OBJECT_NOT_FOUND",
        context={"ids": list(ids)},
    )


def not_numeric() -> Refused:
    """404 for an id that is no number."""
    return Refused(404, "Object not found.  objectId are usually numeric.", category="OBJECT_NOT_FOUND")


def unknown_type(name: str) -> Refused:
    """400 without a category."""
    return Refused(400, f"Unable to infer object type from: {name}")


def unauthenticated() -> Refused:
    """401: no token, or one that was never given out."""
    return Refused(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can "
        "find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        category="INVALID_AUTHENTICATION",
    )


def expired(seconds: int, when: str) -> Refused:
    """401: a token that was good once."""
    return Refused(
        401,
        f"The OAuth token used to make this call expired {seconds} second(s) ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [when]},
    )


def missing_scopes(scopes: Sequence[str], *, granular: bool) -> Refused:
    """403 in either of its two shapes."""
    one = "One or more of the following scopes are required."
    if granular:
        return Refused(
            403,
            one,
            category="MISSING_SCOPES",
            context={"requiredGranularScopes": list(scopes), "links": [SCOPES_URL]},
        )
    return Refused(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes "
        f"here: {SCOPES_URL}.",
        category="MISSING_SCOPES",
        errors=[{"message": one, "context": {"requiredScopes": list(scopes)}}],
        links={"scopes": SCOPES_URL},
    )
