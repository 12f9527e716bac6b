"""Rows out of Salesforce: queries walked by key, and reads by id, both of what these credentials see at that moment.

Decides nothing about what it finds. Locators are never followed: they end with the session and with time, while a walk
by key goes on from its last row whenever it likes (section 3.1). A page may be shorter than asked for any reason; only
``done`` with fewer rows than the limit is the end.

A field that field-level security hides between describe and a read makes the whole request fail with INVALID_FIELD. The
fields are then asked for anew and the read repeated without it: its values are missing in the rows, which means *not
read* and never *blank*. A field by which records are told apart cannot be left out: whoever is read without it seems
not to be there, and somebody would be created twice. So without it nothing is read at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce import soql
from connectors.salesforce.codec import DELETED, ID, MASTER, STAMP, Lens, make_lens
from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.schema import Schema
from connectors.salesforce.transport import Answer, Ask, Transport
from syncd.errors import ConnectionStop, MappingUnfit, Problem
from syncd.net.governor import Priority

PAGE = 2000  #: rows of a query's page at most, and of LIMIT here
BATCH = 2000  #: ids in one read by id (section 4.3)
_SMALLEST = 200
#: Describes for one request, should one field after the other vanish.
_LOOKS = 3
#: Enough to walk by and to tell who is gone, when all the fields are too long for an address.
_SLIM = (ID, STAMP, DELETED, MASTER)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of a query. ``more``: there may be rows behind the last one."""

    rows: tuple[Row, ...]
    lens: Lens
    more: bool
    last: Row | None  #: the last row of the page, also where its values could not be read any more
    asked_at: datetime
    served_at: datetime | None
    took: timedelta = timedelta(0)  #: from the request to its answer

    @property
    def seen_at(self) -> datetime | None:
        """A moment by Salesforce's clock that is not later than that of the look: a Date header is written after it."""
        return None if self.served_at is None else self.served_at - self.took


class Reader:
    """Reads one object of one opened connection."""

    def __init__(
        self,
        transport: Transport,
        schema: Schema,
        *,
        names: Sequence[str],
        telling: Sequence[str] = (),
        scope: str = "",
    ) -> None:
        """``names``: the fields that become values; ``telling``: those of them by which records are told apart."""
        self.walked_at: datetime | None = None  #: when the last listing or window of the feed began, Salesforce's clock
        self.object = schema.object
        self.scope = scope
        self.schema = schema
        self._transport = transport
        self._names = tuple(dict.fromkeys(name for name in names if name))
        self._telling = frozenset(telling)
        self._seen: frozenset[str] = frozenset()
        self._hidden: frozenset[str] = frozenset()

    @property
    def hidden(self) -> tuple[str, ...]:
        """Fields that the connection is about and that these credentials stopped seeing while it was open."""
        return tuple(sorted(self._hidden))

    @property
    def served_at(self) -> datetime | None:
        """Salesforce's clock when it gave the last answer."""
        return self._transport.served_at

    def probe(self, *, priority: Priority) -> datetime | None:
        """Salesforce's clock, by a small request that reads as a pass does. Raises MappingUnfit where the scope is not
        understood, or another ConnectionStop.
        """
        query = soql.query((ID,), self.object, self.scope, limit=1)
        try:
            return self._transport.query(query, kind="query", priority=priority).served_at
        except Refused as refused:
            raise self._unfit(query, refused) from None

    def lens(self) -> Lens:
        """What is read at this moment. Raises a ConnectionStop: MappingUnfit where a field that was shown before and by
        which records are told apart is not shown any more.
        """
        lens = make_lens(self.object, self.schema.selectable(self._names), self.schema.fields())
        self._seen |= set(lens.shown)
        self._hidden = self._seen - set(lens.shown)
        if lost := sorted(self._hidden & self._telling):
            names = ", ".join(lost)
            self.schema.forget()  # so that it goes on by itself once the field is shown again
            raise MappingUnfit(
                [
                    Problem(
                        where="fields",
                        what=f"Salesforce stopped showing {names} of {self.object} records to these credentials, and "
                        "records are told apart by it",
                        remedy="give their user the permission to read it again (Field-Level Security); until then "
                        "nothing is read or written, because people who are there would seem to be missing",
                    )
                ]
            )
        return lens

    def page(
        self, where: str, *, order: str = ID, all_rows: bool = False, kind: str = "query", priority: Priority
    ) -> Rows:
        """A page of records with everything that is read. Raises a ConnectionStop.

        ``all_rows``: also deleted ones. ``order``: the keys that ``where`` goes on from.
        """
        limit = PAGE
        while True:
            try:
                found = self._page(where, order=order, limit=limit, all_rows=all_rows, kind=kind, priority=priority)
            except Refused as refused:
                if refused.next is Next.SMALLER and limit > _SMALLEST:
                    limit = max(_SMALLEST, limit // 4)
                    continue
                raise self._unfit(where, refused) from None
            except (KeyError, TypeError, ValueError) as error:
                raise not_understood(f"the query of {self.object} records", error) from None
            if found.more and found.last is None:
                empty = ValueError("a page without rows that is not the last")
                raise not_understood(f"the query of {self.object} records", empty)
            return found

    def walk(
        self, where: str, *, all_rows: bool = False, kind: str = "query", columns: Sequence[str] = ()
    ) -> Iterator[Rows]:
        """Every page of the records that fulfil a condition, by id. ``columns``: only these fields. Raises a
        ConnectionStop.
        """
        last = ""
        while True:
            after = soql.both(f"({where})", f"{ID} > {soql.text(last)}" if last else "")
            if columns:
                found = self._columns(after, columns, all_rows=all_rows, kind=kind)
            else:
                found = self.page(after, all_rows=all_rows, kind=kind, priority=Priority.PUSH)
            yield found
            if not found.more or found.last is None:
                return
            last = str(found.last[ID])

    def read(self, ids: Sequence[str], *, kind: str = "composite/sobjects") -> tuple[Answer, Lens, list[Row | None]]:
        """At most BATCH records by id, in the order of the ids; None for what is deleted, hidden or was never there.

        Raises Refused or a ConnectionStop.
        """

        def request(lens: Lens) -> Answer:
            return self._transport.read(
                Ask(
                    method="POST",
                    path=f"composite/sobjects/{self.object}",
                    kind=kind,
                    priority=Priority.PUSH,
                    body={"ids": list(ids), "fields": list(lens.requested)},
                )
            )

        lens, answer = self._as_seen_now(request)
        rows: list[Row | None] = [row if isinstance(row, dict) else None for row in answer.data]
        if len(rows) != len(ids):
            raise ValueError("not one row for every id")
        return answer, lens, rows

    def _unfit(self, query: str, refused: Refused) -> ConnectionStop:
        """What a refused query means: one with the scope in it, that Salesforce does not understand the scope."""
        if not self.scope or self.scope not in query or refused.next not in {Next.DESCRIBE, Next.BUG}:
            return not_understood(f"the query of {self.object} records", refused)
        return MappingUnfit(
            [
                Problem(
                    where="[scope] crm",
                    what=f"Salesforce refuses this condition on {self.object} records ({refused})",
                    remedy="check its field names and values by running it in Salesforce's query editor, and see that "
                    "the user of these credentials may read its fields",
                )
            ]
        )

    def _columns(self, where: str, columns: Sequence[str], *, all_rows: bool, kind: str) -> Rows:
        query = soql.query(columns, self.object, where, order=ID, limit=PAGE)
        try:
            answer = self._transport.query(query, all_rows=all_rows, kind=kind, priority=Priority.PUSH)
            return _rows(answer, self.lens(), PAGE)
        except Refused as refused:
            raise self._unfit(where, refused) from None
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(f"the query of {self.object} ids", error) from None

    def _page(self, where: str, *, order: str, limit: int, all_rows: bool, kind: str, priority: Priority) -> Rows:
        def request(lens: Lens) -> Answer:
            query = soql.query(lens.requested, self.object, where, order=order, limit=limit)
            if soql.size(query) > soql.LONGEST:
                query = soql.query(_SLIM, self.object, where, order=order, limit=limit)
            return self._transport.query(query, all_rows=all_rows, kind=kind, priority=priority)

        lens, answer = self._as_seen_now(request)
        found = _rows(answer, lens, limit)
        whole = soql.query(lens.requested, self.object, where, order=order, limit=limit)
        return found if soql.size(whole) <= soql.LONGEST else self._filled(found)

    def _filled(self, found: Rows) -> Rows:
        """A page of bare ids with its values. One that vanished in between is simply not seen."""
        live = [str(row[ID]) for row in found.rows if not row.get(DELETED)]
        if not live:
            return found
        answer, lens, rows = self.read(live)
        dead = [row for row in found.rows if row.get(DELETED)]
        return Rows(
            rows=(*dead, *(row for row in rows if row is not None)),
            lens=lens,
            more=found.more,
            last=found.last,
            asked_at=answer.asked_at,
            served_at=found.served_at,
            took=found.took,
        )

    def _as_seen_now(self, request: Callable[[Lens], Answer]) -> tuple[Lens, Answer]:
        lens = self.lens()
        for _ in range(_LOOKS):
            try:
                return lens, request(lens)
            except Refused as refused:
                if refused.next is not Next.DESCRIBE:
                    raise
                self.schema.forget()
                now = self.lens()
                if now.requested == lens.requested:
                    raise
                lens = now
        return lens, request(lens)


def _rows(answer: Answer, lens: Lens, limit: int) -> Rows:
    rows = tuple(answer.data["records"])
    done = answer.data.get("done", True)
    return Rows(
        rows=rows,
        lens=lens,
        more=not done or len(rows) >= limit,
        last=rows[-1] if rows else None,
        asked_at=answer.asked_at,
        served_at=answer.served_at,
        took=answer.took,
    )
