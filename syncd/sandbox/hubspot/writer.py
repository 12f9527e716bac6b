"""Which writes HubSpot accepts and what they become: values, uniqueness, lifecycle, automation.

It writes to tables; reading requests and shaping answers is left to ``objects`` and ``batch``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from syncd.sandbox.hubspot.associations import Associations, Link
from syncd.sandbox.hubspot.errors import (
    BadValue,
    Duplicate,
    Refused,
    conflict,
    coordinates,
    invalid,
    required,
)
from syncd.sandbox.hubspot.options import DuplicateForm, Options
from syncd.sandbox.hubspot.pipelines import Pipelines
from syncd.sandbox.hubspot.rows import API, AUTOMATION, CALCULATED, Row, Source
from syncd.sandbox.hubspot.schema import SEARCHABLE_PHONE
from syncd.sandbox.hubspot.table import SECONDARY, Table, split
from syncd.sandbox.hubspot.values import Bad, digits_of_phone, national, stored

STRICT_VERSION = "2026-09"
"""The first version whose writes the account's own rules bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checked write that was not made yet. ``row`` None creates."""

    table: Table
    row: Row | None
    values: Mapping[str, str]
    links: tuple[Link, ...] = ()


class Writer:
    """All writes of the model go through here, also those of people and of automation."""

    def __init__(
        self,
        *,
        tables: Mapping[str, Table],
        pipelines: Pipelines,
        associations: Associations,
        options: Callable[[], Options],
        now: Callable[[], int],
        portal_id: int,
    ) -> None:
        self._tables = tables
        self._pipelines = pipelines
        self._associations = associations
        self._options = options
        self._now = now
        self._portal_id = portal_id
        self._bumps: list[tuple[int, str, int]] = []

    # Checking

    def values(self, table: Table, raw: object, row: Row | None) -> tuple[dict[str, str], list[BadValue]]:
        """The texts to store, and what is wrong with the rest. A null is no change; only "" clears."""
        if not isinstance(raw, Mapping):
            return {}, [BadValue(name="properties", code="INVALID_VALUE", message="properties must be an object")]
        good: dict[str, str] = {}
        bad: list[BadValue] = []
        for name, value in raw.items():
            prop = table.schema.props.get(name)
            if prop is None:
                message = f'Property "{name}" does not exist'
                bad.append(BadValue(name=name, code="PROPERTY_DOESNT_EXIST", message=message))
            elif prop.read_only or prop.calculated:
                message = f'"{name}" is a read only property; its value cannot be set.'
                bad.append(BadValue(name=name, code="READ_ONLY_VALUE", message=message))
            elif value is not None:
                try:
                    good[name] = stored(prop, value)
                except Bad as error:
                    bad.append(error.value)
        if not bad and table.schema.name == "deals":
            bad += self._deal_stage(good, row)
        return good, bad

    def need(self, table: Table, values: Mapping[str, str], version: str) -> None:
        """Raise Refused when a create lacks what it needs."""
        schema = table.schema
        if schema.needs_one and not any(values.get(name) for name in schema.needs_one):
            raise required(schema.kind, schema.needs_one)
        wanted = list(schema.needs_all)
        if schema.name == "contacts" and version >= STRICT_VERSION and not version.startswith("v"):
            wanted += self._options().required_properties
        missing = [name for name in wanted if not values.get(name)]
        if missing:
            raise required(schema.kind, missing)

    def told(self, table: Table, duplicate: Duplicate, target: int | None) -> Refused:
        """A duplicate in the words of the API. A create uses up an id, which the message then names."""
        options = self._options()
        plain = duplicate.prop == "email" and not duplicate.secondary
        if plain and options.duplicate_form is DuplicateForm.CONFLICT:
            return conflict(duplicate.owner)
        spent = table.take_id() if target is None else target
        return coordinates(self._portal_id, table.schema.kind, duplicate, spent)

    def draft(self, table: Table, row: Row | None, raw: object, *, version: str, links: object = None) -> Draft:
        """Everything checked but uniqueness. Raises Refused."""
        values, bad = self.values(table, raw, row)
        if bad:
            raise invalid(bad)
        if row is None:
            self.need(table, values, version)
        return Draft(table=table, row=row, values=values, links=self._associations.read(table.schema, links))

    # Writing

    def write(self, draft: Draft, source: Source = API) -> Row:
        """Make a checked write. Raises Refused when a unique value is taken."""
        table, row = draft.table, draft.row
        try:
            table.check_unique(draft.values, None if row is None else row.id)
        except Duplicate as duplicate:
            raise self.told(table, duplicate, None if row is None else row.id) from None
        values = self._derived(table, row, dict(draft.values), source)
        written = table.insert(values, source) if row is None else table.change(row, values, source)
        for link in draft.links:
            self._associations.add(table.schema.name, written.id, link)
            self._bump_linked(table.schema.name, link)
        if table.schema.name == "deals":
            self._automate(written)
        self._later(table, written)
        return self._tables[table.schema.name].rows[written.id]

    def due(self) -> None:
        """Make the hidden bumps that are due."""
        now = self._now()
        while self._bumps and self._bumps[0][0] <= now:
            at, name, row_id = heapq.heappop(self._bumps)
            row = self._tables[name].find(row_id)
            if row is not None:
                score = str(int(row.values.get("hs_calculated_score", "0")) + 1)
                changes = {"hs_calculated_score": score} if name == "contacts" else {}
                self._tables[name].change(row, changes, CALCULATED, at=at)

    def touch(self, kind: str, row_id: int) -> None:
        """Move the modified time of one record."""
        row = self._tables[kind].find(row_id)
        if row is not None:
            self._tables[kind].change(row, {}, CALCULATED)

    def _later(self, table: Table, row: Row) -> None:
        wait = self._options().hidden_bump_seconds
        if wait:
            heapq.heappush(self._bumps, (row.modified + round(wait * 1000), table.schema.name, row.id))

    def _derived(self, table: Table, row: Row | None, values: dict[str, str], source: Source) -> dict[str, str]:
        if table.schema.name == "deals":
            return self._deal_values(row, values)
        if table.schema.name != "contacts":
            return values
        if "phone" in values:
            if self._options().reformat_phone:
                values["phone"] = national(values["phone"])
            values[SEARCHABLE_PHONE] = digits_of_phone(values["phone"])
        if row is None:
            return values
        mails = split(row.values.get(SECONDARY))
        if values.get("email") in mails:  # one of its own: the two change places
            mails[mails.index(values["email"])] = row.values.get("email", "")
            values[SECONDARY] = ";".join(mail for mail in mails if mail)
        stage, present = values.get("lifecyclestage"), row.values.get("lifecyclestage")
        if stage and present and source is API and self._options().lifecycle_backward == "ignore":
            order = self._pipelines.lifecycle_order
            if order(stage) < order(present):
                del values["lifecyclestage"]
        return values

    def _deal_stage(self, values: Mapping[str, str], row: Row | None) -> list[BadValue]:
        held: Mapping[str, str] = row.values if row else {}
        name = values.get("pipeline") or held.get("pipeline") or "default"
        pipeline = self._pipelines.find("deals", name)
        if pipeline is None:
            allowed = ", ".join(one.id for one in self._pipelines.of("deals"))
            message = f"{name} was not one of the allowed options: [{allowed}]"
            return [BadValue(name="pipeline", code="INVALID_OPTION", message=message)]
        stage = values.get("dealstage")
        if stage and pipeline.stage(stage) is None:
            allowed = ", ".join(one.id for one in pipeline.stages)
            message = f"{stage} was not one of the allowed options: [{allowed}]"
            return [BadValue(name="dealstage", code="INVALID_OPTION", message=message)]
        return []

    def _deal_values(self, row: Row | None, values: dict[str, str]) -> dict[str, str]:
        held: Mapping[str, str] = row.values if row else {}
        values.setdefault("pipeline", held.get("pipeline", "default"))
        pipeline = self._pipelines.find("deals", values["pipeline"])
        name = values.get("dealstage") or held.get("dealstage", "")
        stage = pipeline.stage(name) if pipeline and name else None
        if stage:
            values["hs_deal_stage_probability"] = stage.metadata.get("probability", "0.0")
            values["hs_is_closed_won"] = str(stage.closed and stage.metadata.get("probability") == "1.0").lower()
        return values

    def _bump_linked(self, kind: str, link: Link) -> None:
        if kind == "calls" or self._options().association_bump:  # a logged call always shows on its contact
            self.touch(link.to_type, link.to_id)

    def _automate(self, deal: Row) -> None:
        if not self._options().automation:
            return
        stage = "customer" if deal.values.get("hs_is_closed_won") == "true" else "opportunity"
        contacts = self._tables["contacts"]
        for contact_id in self._associations.of("deals", deal.id, "contacts"):
            contact = contacts.find(contact_id)
            order = self._pipelines.lifecycle_order
            if contact and order(contact.values.get("lifecyclestage", "")) < order(stage):
                contacts.change(contact, {"lifecyclestage": stage}, AUTOMATION)
