"""Reading records: the listing, reads by id with proof of what is gone, and searches by key. Decides nothing.

A record that a read by id does not show is gone only with proof: a row with IsDeleted, or the log of deletes. What
neither knows may be hidden by sharing rules, so nothing is said of it (section 3.3).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.port import Fetched, Page
from connectors.salesforce import soql
from connectors.salesforce.codec import DELETED, ID, LEAD, MASTER, PERSON, Lens, is_gone, record_of
from connectors.salesforce.deletions import Deletions
from connectors.salesforce.faults import Refused, not_understood
from connectors.salesforce.ids import full_id
from connectors.salesforce.reading import BATCH, Reader, Row
from syncd.clock import Clock
from syncd.core.model import Gone, Record
from syncd.net.governor import Priority


@dataclass(slots=True, kw_only=True)
class Told:
    """What reads by id told so far: who lives, who is gone and by what proof, who was merged into whom."""

    live: dict[str, Record] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    looked_at: datetime | None = None

    def end(self, asked: str) -> str:
        """The id that stands for the asked one at the end of its merges; "" when they lead in a circle."""
        seen: set[str] = set()
        while asked in self.merged and asked not in self.live:
            if asked in seen:
                return ""
            seen.add(asked)
            asked = self.merged[asked]
        return asked


class Looks:
    """The reading half of one opened connection."""

    def __init__(self, reader: Reader, deletions: Deletions, *, clock: Clock) -> None:
        self._reader = reader
        self._deletions = deletions
        self._clock = clock
        self._lock = threading.Lock()
        self._people: set[str] = set()

    @property
    def person_accounts(self) -> int:
        """How many records were met that stand for person accounts and so take no part."""
        return len(self._people)

    def page(self, cursor: str | None) -> Page:
        """A page of the listing, by id; the cursor is the last id. Raises a ConnectionStop.

        It shows also what takes no part, such as a converted lead or a record outside the scope: whose record is known
        is not created a second time.
        """
        after = f"{ID} > {soql.text(cursor)}" if cursor else ""
        found = self._reader.page(after, kind="query", priority=Priority.SWEEP)
        if cursor is None:
            self._reader.walked_at = found.seen_at
        following = str(found.last[ID]) if found.more and found.last is not None else None
        if following is not None and following == cursor:
            raise not_understood("the listing of records on Salesforce", ValueError("the page begins anew"))
        return Page(
            records=self._judged_page(self.records(found.rows, found.lens)),
            looked_at=found.asked_at,
            cursor=following,
            complete=following is None,
        )

    def records(self, rows: Iterable[Row], lens: Lens) -> tuple[Record, ...]:
        """Live rows as records; the scope is not judged here. Raises a ConnectionStop."""
        rows = tuple(rows)
        try:
            records = [record_of(row, lens) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(f"rows of {lens.object} on Salesforce", error) from None
        with self._lock:
            self._people.update(str(row[ID]) for row in rows if row.get(PERSON))
        return tuple(records)

    def judged(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """The same records, with the scope's judgement as Salesforce gives it now. Raises a ConnectionStop."""
        asked = [record.id for record in records if record.in_scope]
        if not self._reader.scope or not asked:
            return tuple(records)
        return self._within(records, soql.any_of(ID, asked))

    def _judged_page(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """The same for records that are all there are from the first id to the last: one query is enough."""
        if not self._reader.scope or not records:
            return tuple(records)
        ids = [record.id for record in records]
        return self._within(records, [f"{ID} >= {soql.text(min(ids))} AND {ID} <= {soql.text(max(ids))}"])

    def _within(self, records: Sequence[Record], conditions: Iterable[str]) -> tuple[Record, ...]:
        inside: set[str] = set()
        for condition in conditions:
            for found in self._reader.walk(f"({self._reader.scope}) AND {condition}", columns=(ID,)):
                inside.update(str(row[ID]) for row in found.rows)
        return tuple(replace(record, in_scope=record.in_scope and record.id in inside) for record in records)

    def fetch(self, ids: Sequence[str]) -> Fetched:
        """Looks by id, keyed by the asked ids. Raises a ConnectionStop.

        A record that was merged is answered with the one that absorbed it, and a converted lead with itself.
        """
        known = {asked: full for asked in dict.fromkeys(ids) if (full := _full(asked))}
        told = self.look(known.values())
        judged = {record.id: record for record in self.judged(tuple(told.live.values()))}
        ends = {asked: told.end(full) for asked, full in known.items()}
        return Fetched(
            records={asked: judged[end] for asked, end in ends.items() if end in judged},
            gone={
                asked: replace(told.gone[end], id=asked)
                for asked, end in ends.items()
                if end in told.gone and end not in judged
            },
            looked_at=told.looked_at or self._clock.now(),
        )

    def look(
        self,
        ids: Iterable[str],
        *,
        merged: Mapping[str, str] | None = None,
        log: Mapping[str, datetime | None] | None = None,
    ) -> Told:
        """What became of records, by their ids of 18 characters. Merges are followed to their end.

        ``merged``: losers already known, with their winners; ``log``: what the log of deletes said just now, None to
        ask it where it takes that. The scope is not judged. Raises a ConnectionStop.
        """
        told = Told(merged=dict(merged or {}))
        winners = (one for one in told.merged.values() if one not in told.merged)
        pending = list(dict.fromkeys((*ids, *winners)))
        asked: set[str] = set()
        unknown: list[str] = []
        while pending:
            asked.update(pending)
            unknown += self._fates(self._read(pending, told), told)
            pending = [one for one in dict.fromkeys(told.merged.values()) if one not in asked | told.merged.keys()]
        if unknown:
            if log is None:
                log = self._deletions.lately(self._reader.served_at or self._clock.now())
            told.gone |= {one: Gone(id=one, proof="get_deleted", at=log[one]) for one in unknown if one in log}
        for winner in {told.end(loser) for loser in told.merged} & told.live.keys():
            losers = sorted(loser for loser in told.merged if told.end(loser) == winner)
            told.live[winner] = replace(told.live[winner], merged_ids=tuple(losers))
        return told

    def _read(self, ids: Sequence[str], told: Told) -> list[str]:
        """Read by id; return those that the answer does not show alive."""
        missing: list[str] = []
        for start in range(0, len(ids), BATCH):
            chunk = ids[start : start + BATCH]
            try:
                answer, lens, rows = self._reader.read(chunk)
            except (Refused, KeyError, TypeError, ValueError) as error:
                raise not_understood(f"the read of {self._reader.object} records on Salesforce", error) from None
            told.looked_at = told.looked_at or answer.asked_at
            live = {
                asked: row for asked, row in zip(chunk, rows, strict=True) if row is not None and not row.get(DELETED)
            }
            told.live |= dict(zip(live, self.records(live.values(), lens), strict=True))
            missing += [one for one in chunk if one not in live]
        return missing

    def _fates(self, ids: Sequence[str], told: Told) -> list[str]:
        """Tell deleted from merged among those that are not alive; return those of which nothing is shown."""
        shown: set[str] = set()
        for condition in soql.any_of(ID, ids):
            columns = tuple(name for name in (ID, DELETED, MASTER) if name != MASTER or self._knows_masters())
            columns = () if self._reader.object == LEAD else columns  # a converted one is read with its values
            for found in self._reader.walk(condition, all_rows=True, kind="queryAll", columns=columns):
                for row in found.rows:
                    one = str(row[ID])
                    shown.add(one)
                    if not row.get(DELETED):
                        continue  # came back between two requests: the next look shows it
                    if not is_gone(row):
                        told.live |= {record.id: record for record in self.records([row], found.lens)}
                    elif master := row.get(MASTER):
                        told.merged[one] = str(master)
                    else:
                        told.gone[one] = Gone(id=one, proof="is_deleted")
        return [one for one in ids if one not in shown]

    def _knows_masters(self) -> bool:
        return MASTER in self._reader.lens().requested

    def find(self, conditions: Iterable[str]) -> Iterator[Record]:
        """Live records that fulfil any of the conditions. May repeat a record. Raises a ConnectionStop."""
        for condition in conditions:
            for found in self._reader.walk(condition):
                yield from self.judged(self.records(found.rows, found.lens))


def _full(asked: str) -> str:
    """The id with its 18 characters; "" for what is no id: Salesforce would refuse the whole request for it."""
    try:
        return full_id(asked)
    except ValueError:
        return ""
