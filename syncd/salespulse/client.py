"""Every documented endpoint of the SalesPulse REST API, typed. One method, one request.

Decides nothing about merging and remembers nothing; what the vendor leaves open is read by ``tolerance``.
Every method may raise Refusal (a 4xx that speaks of this request), Unreachable, CredentialsRefused or Parked;
creating methods also AnswerLost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar
from urllib.parse import quote

from syncd.errors import Unreachable
from syncd.net.governor import Priority
from syncd.salespulse import tolerance
from syncd.salespulse.bulk_answer import bulk
from syncd.salespulse.faults import Refusal, scrub
from syncd.salespulse.results import Bulk, Call, Contact, Deal, Listing, Refused, Single, StageInfo
from syncd.salespulse.settings import MOST
from syncd.salespulse.tolerance import NotUnderstood
from syncd.salespulse.transport import Answer, Transport

T = TypeVar("T")


class SalesPulseClient:
    """The API of one account. May be used by several threads at once."""

    def __init__(self, transport: Transport) -> None:
        self._send = transport.send
        self._close = transport.close

    # ---- contacts ------------------------------------------------------------------------------------------

    def list_contacts(
        self,
        *,
        page: int = 1,
        limit: int | None = None,
        search: str = "",
        priority: Priority = Priority.PULL,
    ) -> Listing[Contact]:
        params = _params(page=page, limit=limit, search=search)
        answer = self._send(
            "GET",
            "/contacts",
            kind="GET /contacts",
            priority=priority,
            params=params,
            hide=[search] if search else [],
            safe=True,
        )
        return _listing(answer, "contacts", tolerance.contact)

    def get_contact(self, contact_id: str, *, priority: Priority = Priority.PULL) -> Single[Contact] | None:
        """None: a 404, which proves that there is no such contact. An answer without a contact is no proof:
        ``item`` None.
        """
        kind = "GET /contacts/:id"
        try:
            answer = self._send("GET", _contact(contact_id), kind=kind, priority=priority, safe=True)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise
        return _single(answer)

    def create_contact(self, fields: Mapping[str, Any], *, priority: Priority = Priority.PUSH) -> Single[Contact]:
        answer = self._send(
            "POST",
            "/contacts",
            kind="POST /contacts",
            priority=priority,
            body=fields,
            hide=_texts(fields),
            safe=False,
        )
        return _single(answer)

    def create_contacts(self, contacts: Sequence[Mapping[str, Any]], *, priority: Priority = Priority.PUSH) -> Bulk:
        """At most 1,000 (vendor page). What became of each, as far as the answer tells."""
        if not 1 <= len(contacts) <= MOST:
            raise ValueError(f"a bulk create takes 1 to {MOST} contacts")
        answer = self._send(
            "POST",
            "/contacts/bulk",
            kind="POST /contacts/bulk",
            priority=priority,
            body={"contacts": contacts},
            hide=[text for fields in contacts for text in _texts(fields)],
            bulk=True,
            safe=False,
        )
        return read_bulk(answer.body, contacts)

    def update_contact(
        self, contact_id: str, fields: Mapping[str, Any], *, priority: Priority = Priority.PUSH
    ) -> Single[Contact]:
        """``None`` clears a field. Setting the same values twice changes nothing, so faults are retried."""
        answer = self._send(
            "PATCH",
            _contact(contact_id),
            kind="PATCH /contacts/:id",
            priority=priority,
            body=fields,
            hide=_texts(fields),
            safe=True,
        )
        return _single(answer, contact_id)

    def delete_contact(self, contact_id: str, *, priority: Priority = Priority.PUSH) -> bool:
        """Return whether there was anything to delete."""
        try:
            self._send("DELETE", _contact(contact_id), kind="DELETE /contacts/:id", priority=priority, safe=True)
        except Refusal as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    def move_stage(
        self, contact_id: str, stage_id: str, *, method: str = "PATCH", priority: Priority = Priority.PUSH
    ) -> Single[Contact]:
        """Move a contact to a stage; only the stage of the answer is returned, since it may be a contact or a deal."""
        kind = f"{method} /contacts/:id/stage"
        answer = self._send(
            method,
            _contact(contact_id) + "/stage",
            kind=kind,
            priority=priority,
            body={"stage_id": stage_id},
            safe=True,
        )
        row = tolerance.single(answer.body, "contact")
        stage = None if row is None else tolerance.stage_of(row)
        item = Contact(id=contact_id, fields={}, stage=stage) if stage is not None else None
        return Single(item=item, sent_at=answer.sent_at)

    # ---- calls ---------------------------------------------------------------------------------------------

    def list_calls(
        self,
        *,
        contact_id: str = "",
        start: date | None = None,
        end: date | None = None,
        page: int = 1,
        priority: Priority = Priority.PULL,
    ) -> Listing[Call]:
        """``start`` and ``end`` go out as ``from`` and ``to``, in ISO form."""
        days = {"from": start.isoformat() if start else "", "to": end.isoformat() if end else ""}
        params = _params(contact_id=contact_id, **days, page=page)
        answer = self._send("GET", "/calls", kind="GET /calls", priority=priority, params=params, safe=True)
        return _listing(answer, "calls", tolerance.call)

    def get_call(self, call_id: str, *, priority: Priority = Priority.PULL) -> Call | None:
        """With recording and transcript. None: there is no such call, or the answer does not show one."""
        path = f"/calls/{quote(call_id, safe='')}"
        try:
            answer = self._send("GET", path, kind="GET /calls/:id", priority=priority, safe=True)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise
        return tolerance.call(tolerance.single(answer.body, "call"))

    def initiate_call(self, contact_id: str, *, priority: Priority = Priority.LIVE) -> Call | None:
        """Start an outbound call, at once and for real. Never repeated by itself. None: started, the answer
        does not show it.
        """
        answer = self._send(
            "POST",
            "/calls/initiate",
            kind="POST /calls/initiate",
            priority=priority,
            body={"contact_id": contact_id},
            safe=False,
        )
        return tolerance.call(tolerance.single(answer.body, "call"))

    # ---- pipeline ------------------------------------------------------------------------------------------

    def list_stages(self, *, priority: Priority = Priority.PULL) -> Listing[StageInfo]:
        """All stages; the endpoint has no documented pages."""
        kind = "GET /pipeline/stages"
        answer = self._send("GET", "/pipeline/stages", kind=kind, priority=priority, safe=True)
        return _listing(answer, "stages", tolerance.stage_info)

    def list_deals(
        self, *, page: int = 1, limit: int | None = None, priority: Priority = Priority.PULL
    ) -> Listing[Deal]:
        kind = "GET /pipeline/deals"
        answer = self._send(
            "GET",
            "/pipeline/deals",
            kind=kind,
            priority=priority,
            params=_params(page=page, limit=limit),
            safe=True,
        )
        return _listing(answer, "deals", tolerance.deal)

    def close(self) -> None:
        self._close()


def read_bulk(body: Any, contacts: Sequence[Mapping[str, Any]]) -> Bulk:
    """What a bulk answer, also one that refuses, tells of each contact sent; the words without the values sent."""
    said = bulk(body, contacts)
    refused = {
        index: Refused(
            message=scrub(why.message, _texts(contacts[index])),
            fields={name: scrub(text, _texts(contacts[index])) for name, text in why.fields.items()},
        )
        for index, why in said.refused.items()
    }
    return Bulk(created=said.created, refused=refused)


def _contact(contact_id: str) -> str:
    if contact_id in {"", ".", ".."}:
        raise ValueError("a contact id cannot be empty or a dot")
    return f"/contacts/{quote(contact_id, safe='')}"


def _params(**values: str | int | None) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in values.items() if value not in (None, "")]


def _texts(fields: Mapping[str, Any]) -> list[str]:
    return [value for value in fields.values() if isinstance(value, str)]


def _listing(answer: Answer, name: str, read: Callable[[Any], T | None]) -> Listing[T]:
    try:
        rows = tolerance.rows(answer.body, name)
    except NotUnderstood as error:
        raise Unreachable(
            f"SalesPulse answered the list of {name} in a shape that syncd does not know: {error}; "
            "is [salespulse] base_url right?"
        ) from None
    items = tuple(item for row in rows if (item := read(row)) is not None)
    return Listing(items=items, rows=len(rows), hint=tolerance.hint(answer.body), sent_at=answer.sent_at)


def _single(answer: Answer, known_id: str = "") -> Single[Contact]:
    """``known_id``: whose answer it is where the answer need not say so; an answer that bears another id is
    not read.
    """
    row = tolerance.single(answer.body, "contact")
    shown = None if row is None else tolerance.contact(row)
    if shown is None and row is not None and known_id:
        shown = tolerance.shown_contact(row, known_id)
    if shown is not None and known_id and shown.id != known_id:
        shown = None
    return Single(item=shown, sent_at=answer.sent_at)
