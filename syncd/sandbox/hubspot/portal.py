"""The account: its tables, pipelines, associations, options and time, and how a record is shown in answers.

The parts know each other only through it. It answers no request itself.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.associations import Associations
from syncd.sandbox.hubspot.errors import unknown_type
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.hubspot.pipelines import Pipelines
from syncd.sandbox.hubspot.rows import Row
from syncd.sandbox.hubspot.schema import schemas
from syncd.sandbox.hubspot.table import Table
from syncd.sandbox.hubspot.values import iso, millis
from syncd.sandbox.hubspot.writer import Writer

FIRST_IDS = {"contacts": 501, "deals": 7_001, "calls": 90_001}
"""Low on purpose: ids soon gain a digit, which shows who sorts them as texts."""

HISTORY_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an answer is to show of each record."""

    properties: tuple[str, ...]
    history: tuple[str, ...] = ()
    associations: tuple[str, ...] = ()


class Portal:
    """One account. ``options`` may be replaced at any time."""

    def __init__(self, clock: WorldClock, *, portal_id: int, index_lag_seconds: float, options: Options) -> None:
        self.clock = clock
        self.portal_id = portal_id
        self.options = options
        self.pipelines = Pipelines()
        self.random = random.Random(portal_id)
        self.token_serial = 0
        self.tables = {
            schema.name: Table(
                schema, now=self.now, lag_ms=round(index_lag_seconds * 1000), first_id=FIRST_IDS[schema.name]
            )
            for schema in schemas(options)
        }
        self._names = {
            alias: table
            for table in self.tables.values()
            for alias in (table.schema.name, table.schema.singular, table.schema.type_id)
        }
        self.associations = Associations(self.alive, self.tables)
        self.writer = Writer(
            tables=self.tables,
            pipelines=self.pipelines,
            associations=self.associations,
            options=lambda: self.options,
            now=self.now,
            portal_id=portal_id,
        )
        self._correlations = 0

    def now(self) -> int:
        """Milliseconds since 1970, the sandbox's time."""
        return millis(self.clock.now())

    def table(self, name: str) -> Table:
        """By plural, singular or type id. Raises Refused (400)."""
        found = self._names.get(name)
        if found is None:
            raise unknown_type(name)
        return found

    def alive(self, kind: str, text: str) -> int | None:
        """The present id of a live record, following merges."""
        row = self.tables[kind].find(int(text)) if text.isdecimal() else None
        return None if row is None else row.id

    def correlation(self) -> str:
        """A fresh id for one answer; the same in every run of one script."""
        self._correlations += 1
        return f"{self._correlations:08x}-5a1e-4b0c-9d00-{self.portal_id:012x}"

    def shuffled(self, results: list[Any]) -> list[Any]:
        """Batch results in another order than the inputs."""
        if self.options.unordered and len(results) > 1:
            before = list(results)
            self.random.shuffle(results)
            if results == before:
                results.reverse()
        return results

    # Showing

    def wanted(
        self,
        table: Table,
        names: Sequence[str],
        history: Sequence[str] = (),
        associations: Sequence[str] = (),
    ) -> Wanted:
        """Unknown names are left out silently; some properties are always shown."""
        schema = table.schema
        asked = (*names, *history) or schema.shown
        known = [name for name in asked if name in schema.props]
        return Wanted(
            properties=tuple(dict.fromkeys([*known, *schema.always])),
            history=tuple(name for name in history if name in schema.props),
            associations=tuple(associations),
        )

    def shown(self, table: Table, row: Row, wanted: Wanted) -> dict[str, Any]:
        """A record as the API gives it; unset properties are null."""
        get = row.values.get
        schema = table.schema
        item: dict[str, Any] = {
            "id": str(row.id),
            "properties": {name: get(name) for name in wanted.properties},
            "createdAt": get(schema.created),
            "updatedAt": get(schema.modified),
            "archived": row.archived is not None,
            "url": f"https://app.hubspot.com/contacts/{self.portal_id}/record/{schema.type_id}/{row.id}",
        }
        if row.archived is not None:
            item["archivedAt"] = iso(row.archived)
        if wanted.history:
            item["propertiesWithHistory"] = {name: self._history(table, row, name) for name in wanted.history}
        ties = {name: self._ties(table, row, name) for name in wanted.associations}
        if any(ties.values()):
            item["associations"] = {name: {"results": tied} for name, tied in ties.items() if tied}
        return item

    def written(self, table: Table, row: Row, sent: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a write: what was written, as it is now stored, and what every answer carries."""
        item = self.shown(table, row, self.wanted(table, list(sent) or ["hs_object_id"]))
        if self.options.echo_ignored and sent.get("lifecyclestage"):
            item["properties"]["lifecyclestage"] = sent["lifecyclestage"]
        return item

    def _history(self, table: Table, row: Row, name: str) -> list[dict[str, Any]]:
        shown = []
        for value, at, source in table.history(row, name)[:HISTORY_KEPT]:
            one = {
                "value": value,
                "timestamp": iso(at),
                "sourceType": source.type,
                "sourceId": source.id,
                "sourceLabel": source.label,
                "updatedByUserId": source.user,
            }
            shown.append({key: part for key, part in one.items() if part is not None})
        return shown

    def _ties(self, table: Table, row: Row, name: str) -> list[dict[str, str]]:
        other = self.table(name).schema
        label = f"{table.schema.singular}_to_{other.singular}"
        tied = self.associations.of(table.schema.name, row.id, other.name)
        return [{"id": str(one), "type": label} for one in tied]
