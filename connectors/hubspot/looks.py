"""Reading contacts: the list, batch/read by id or by a unique property, and the history of properties.
Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from connectors.hubspot.codec import Lens, record_of, set_since
from connectors.hubspot.faults import Refused, ids_of, not_understood
from connectors.hubspot.transport import CONTACTS, Answer, Ask, Transport
from connectors.port import Fetched, Memory, Page
from syncd.clock import Clock
from syncd.core.model import Gone, Record
from syncd.net.governor import Priority

PAGE = 100
BATCH = 100
HISTORY_BATCH = 50
#: A list request with a longer query is answered 414 somewhere on the way (section 4); well below what
#: proxies allow.
_LONGEST_QUERY = 4000
_LONG = "list_needs_batch_read"  #: key in Memory: the server answered 414 to a shorter one


class Looks:
    """The reading half of one opened connection."""

    def __init__(self, transport: Transport, lens: Lens, *, clock: Clock, memory: Memory) -> None:
        self._transport = transport
        self._lens = lens
        self._clock = clock
        self._memory = memory

    def page(self, cursor: str | None) -> Page:
        """A page of the list; the cursor is HubSpot's own ``after``. Raises a ConnectionStop."""
        slim = self._memory.get(_LONG) is not None or self._query_length() > _LONGEST_QUERY
        try:
            return self._page(cursor, slim=slim)
        except Refused as refused:
            if refused.status == 414 and not slim:
                self._memory.set(_LONG, "1")
                return self.page(cursor)
            raise not_understood(f"GET {CONTACTS} on HubSpot", refused) from None
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(f"GET {CONTACTS} on HubSpot", error) from None

    def _page(self, cursor: str | None, *, slim: bool) -> Page:
        query = [("limit", str(PAGE)), ("archived", "false")]
        query.append(("properties", "hs_object_id" if slim else ",".join(self._lens.requested)))
        if cursor is not None:
            query.append(("after", cursor))
        ask = Ask(method="GET", path=CONTACTS, kind="list", priority=Priority.SWEEP, query=query)
        answer = self._transport.read(ask)
        following = ((answer.data.get("paging") or {}).get("next") or {}).get("after")
        rows, looked_at = answer.data["results"], answer.asked_at
        if slim and rows:
            # Two requests a page, but any number of properties. One that vanished in between is simply not
            # seen.
            detail = self._batch([str(row["id"]) for row in rows], priority=Priority.SWEEP)
            rows, looked_at = detail.data["results"], detail.asked_at
        return Page(
            records=tuple(record_of(row, self._lens) for row in rows),
            looked_at=looked_at,
            cursor=None if following is None else str(following),
            complete=following is None,
        )

    def _query_length(self) -> int:
        return len(urlencode([("properties", ",".join(self._lens.requested))]))

    def fetch(self, ids: Sequence[str], *, kind: str = "batch/read") -> Fetched:
        """Looks by id, keyed by the asked ids. Raises a ConnectionStop.

        Results are in no order, and an old id of a merged record is answered with the survivor (section 4).
        An answer that fits no asked id by its own id or by its merged ids is cleared up by reading that id
        alone.
        """
        records: dict[str, Record] = {}
        gone: dict[str, Gone] = {}
        looked_at: datetime | None = None
        for chunk in chunks(ids, BATCH):
            begun, found, missing = self._fetch_chunk(chunk, kind)
            looked_at = looked_at or begun
            for asked in chunk:
                if asked in found:
                    records[asked] = found[asked]
                elif asked in missing:
                    gone[asked] = Gone(id=asked, proof="404")
                elif isinstance(single := self._single(asked), Record):
                    records[asked] = single
                elif single is not None:
                    gone[asked] = single
        return Fetched(records=records, gone=gone, looked_at=looked_at or self._clock.now())

    def _fetch_chunk(self, asked: Sequence[str], kind: str) -> tuple[datetime, dict[str, Record], set[str]]:
        begun = self._clock.now()
        try:
            answer = self._batch(asked, kind=kind)
            found = attributed(asked, (record_of(row, self._lens) for row in answer.data["results"]))
            missing = {one for error in _errors(answer) if _not_found(error) for one in ids_of(error, "ids")}
        except Refused as refused:
            if refused.status != 400:
                raise not_understood(f"POST {CONTACTS}/batch/read on HubSpot", refused) from None
            return begun, {}, set()  # one bad id rejects them all: each is read alone
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(f"POST {CONTACTS}/batch/read on HubSpot", error) from None
        return answer.asked_at, found, missing

    def _single(self, asked: str) -> Record | Gone | None:
        """One record by id; Gone when HubSpot answers 404, None when it is there and yet is not shown."""
        path = f"{CONTACTS}/{quote(asked, safe='')}"
        query = [("archived", "false"), ("properties", "hs_object_id")]
        ask = Ask(method="GET", path=path, kind="read", priority=Priority.PUSH, query=query)
        try:
            survivor = str(self._transport.read(ask).data["id"])
        except Refused as refused:
            if refused.status == 404:
                return Gone(id=asked, proof="404")
            raise not_understood(f"GET {CONTACTS}/… on HubSpot", refused) from None
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(f"GET {CONTACTS}/… on HubSpot", error) from None
        try:
            rows = self._batch([survivor]).data["results"]
            return record_of(rows[0], self._lens) if rows else None
        except (Refused, KeyError, TypeError, ValueError) as error:
            raise not_understood(f"POST {CONTACTS}/batch/read on HubSpot", error) from None

    def by_property(self, name: str, values: Iterable[str]) -> Iterator[Record]:
        """Records whose unique property (or e-mail, secondary ones too) has one of the values. May repeat a
        record.
        """
        for chunk in chunks(values, BATCH):
            yield from self._by_property(name, chunk)

    def _by_property(self, name: str, values: Sequence[str]) -> tuple[Record, ...]:
        try:
            answer = self._batch(values, id_property=name)
            return tuple(record_of(row, self._lens) for row in answer.data["results"])
        except Refused as refused:
            if len(values) > 1:  # HubSpot takes offence at one of them: find the others without it
                half = len(values) // 2
                return (*self._by_property(name, values[:half]), *self._by_property(name, values[half:]))
            if refused.status in (400, 404) and refused.body:
                return ()  # a value that HubSpot does not even look up belongs to nobody
            raise not_understood(f"POST {CONTACTS}/batch/read on HubSpot", refused) from None
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(f"POST {CONTACTS}/batch/read on HubSpot", error) from None

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:
        """id → property → when its present value came, from the property history. Raises a ConnectionStop."""
        times: dict[str, dict[str, datetime]] = {}
        for chunk in chunks(ids, HISTORY_BATCH):
            try:
                answer = self._batch(chunk, history=fields)
                rows = answer.data["results"]
                found = attributed(chunk, (record_of(row, self._lens) for row in rows))
                by_id = {str(row["id"]): _times(row, fields) for row in rows}
            except (Refused, KeyError, TypeError, ValueError) as error:
                raise not_understood(f"POST {CONTACTS}/batch/read on HubSpot", error) from None
            times |= {asked: by_id[record.id] for asked, record in found.items()}
        return times

    def _batch(
        self,
        ids: Sequence[str],
        *,
        id_property: str = "",
        history: Sequence[str] = (),
        kind: str = "batch/read",
        priority: Priority = Priority.PUSH,
    ) -> Answer:
        body: dict[str, Any] = {
            "inputs": [{"id": one} for one in ids],
            "properties": list(self._lens.requested),
            "propertiesWithHistory": list(history),
        }
        if id_property:
            body["idProperty"] = id_property
        path = f"{CONTACTS}/batch/read"
        return self._transport.read(Ask(method="POST", path=path, kind=kind, priority=priority, body=body))


def attributed(asked: Sequence[str], records: Iterable[Record]) -> dict[str, Record]:
    """Given the ids that were asked for and the records that came, return which record answers which id."""
    wanted = set(asked)
    by_own: dict[str, Record] = {}
    by_merged: dict[str, Record] = {}
    for record in records:
        if record.id in wanted:
            by_own[record.id] = record
        by_merged.update({old: record for old in record.merged_ids if old in wanted})
    return by_merged | by_own


def chunks(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """Distinct values, in their order, so many at a time: HubSpot rejects a batch with a value twice."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]


def _errors(answer: Answer) -> Iterator[Mapping[str, Any]]:
    """A batch's errors, which 200 and 201 may bear as well as 207 (section 1)."""
    return (error for error in answer.data.get("errors") or () if isinstance(error, dict))


def _not_found(error: Mapping[str, Any]) -> bool:
    return error.get("category") == "OBJECT_NOT_FOUND"


def _times(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, datetime]:
    history = row.get("propertiesWithHistory") or {}
    found = {name: set_since(history[name]) for name in fields if name in history}
    return {name: at for name, at in found.items() if at is not None}
