"""HubSpot contacts as one side of syncd: the port's methods, put together from looks, feed, writes and
schema.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.hubspot import phones
from connectors.hubspot.batch import Item
from connectors.hubspot.codec import EMAIL, LIFECYCLE, Lens, make_lens, record_of
from connectors.hubspot.faults import Refused, not_understood
from connectors.hubspot.feed import LIMIT, Feed
from connectors.hubspot.looks import BATCH, PAGE, Looks, chunks
from connectors.hubspot.schema import Schema
from connectors.hubspot.scope import Scope, parse_scope
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.transport import ACCOUNT, CONTACTS, TIME_ZONE, Ask, Transport
from connectors.hubspot.writes import Writes, only_stage, update_item
from connectors.port import Account, Capabilities, Fetched, Memory, Page, Wanted
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Intent, Op, Outcome, Receipt, Record, Stage
from syncd.errors import ConnectionStop, MappingUnfit, Problem
from syncd.net.governor import Governor, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rooms:
    """What works through the lens, and so cannot be before the account has told of the scope's properties."""

    lens: Lens
    looks: Looks
    feed: Feed
    writes: Writes


class HubSpotConnector:
    """One opened connection. What each method promises is in connectors.port.Connector."""

    def __init__(
        self,
        settings: HubSpotSettings,
        wanted: Wanted,
        *,
        governor: Governor,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self.settings = settings
        self.wanted = wanted
        self._scope = parse_scope(wanted.scope)
        self.transport = Transport(settings, governor=governor, clock=clock, memory=memory)
        # Known stages are those of the mapped stage field, which need not be the lifecycle.
        known_stages = wanted.known_stages if wanted.stage_field == LIFECYCLE else ()
        self.schema = Schema(self.transport, clock, known_fields=wanted.known_fields, known_stages=known_stages)
        self._memory = memory
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: _Rooms | None = None

    @property
    def lens(self) -> Lens:
        """What is read and what is in scope. Raises MappingUnfit when the account lacks a property of the scope."""
        return self._rooms.lens

    @property
    def _rooms(self) -> _Rooms:
        """Made at the first use; with a scope that takes the schema. Raises a ConnectionStop, before anything is
        written.
        """
        with self._lock:
            if self._opened is None:
                wanted = self.wanted
                shown = (*wanted.fields, *wanted.key_fields.values(), wanted.stage_field, self.settings.id_property)
                lens = make_lens(shown, self._known_scope())
                self._opened = _Rooms(
                    lens=lens,
                    looks=Looks(self.transport, lens, clock=self._clock, memory=self._memory),
                    feed=Feed(self.transport, lens),
                    writes=Writes(self.transport, lens),
                )
            return self._opened

    def _known_scope(self) -> Scope:
        names = set(self._scope.properties)
        if not names:
            return self._scope
        if not names <= self.schema.fields().keys():
            self.schema.forget()  # what was described lately may be older than the property
        specs = self.schema.fields()
        if missing := sorted(names - specs.keys()):
            raise MappingUnfit(
                [
                    Problem(
                        where="[scope] crm",
                        what=f"HubSpot has no contact property {name}, so no record can be judged by it",
                        remedy="write the property's internal name",
                    )
                    for name in missing
                ]
            )
        return self._scope.typed(specs.values())

    @property
    def label(self) -> str:
        return "HubSpot"

    def account(self) -> Account:
        ask = Ask(method="GET", path=ACCOUNT, kind="account", priority=Priority.PULL)
        try:
            data = self.transport.read(ask).data
            portal = str(data["portalId"])
        except (Refused, KeyError) as error:
            raise not_understood(ask.where, error) from None
        if isinstance(zone := data.get("timeZone"), str):
            self._memory.set(TIME_ZONE, zone)
        return Account(id=portal, name=f"HubSpot account {portal}")

    def capabilities(self) -> Capabilities:
        """Costs a request when the schema was not asked for within the hour. Raises MappingUnfit like ``lens``."""
        _ = self._rooms
        return Capabilities(
            field_times=True,
            identity=self._identity(),
            fetch_batch=BATCH,
            page_size=PAGE,
            batch={Op.CREATE: BATCH, Op.UPDATE: BATCH, Op.STAMP: BATCH, Op.REMOVE: BATCH},
            requests_per_create=1 / BATCH,
        )

    def _identity(self) -> str | None:
        spec = self._link_property()
        return spec.name if spec and spec.unique else None

    def _link_property(self) -> FieldSpec | None:
        """The id property where it exists and can be written."""
        if not self.settings.id_property:
            return None
        spec = self.schema.fields().get(self.settings.id_property)
        return spec if spec and spec.writable else None

    def notices(self) -> tuple[str, ...]:
        return ()

    def recover(self) -> None:
        """Nothing is left under way: every write ends with its request."""

    def describe(self) -> tuple[FieldSpec, ...]:
        return tuple(self.schema.fields().values())

    def stages(self) -> tuple[Stage, ...]:
        return self.schema.stages(self.wanted.stage_field) if self.wanted.stage_field else ()

    def scan(self, cursor: str | None) -> Page:
        return self._rooms.looks.page(cursor)

    def feed_start(self) -> str:
        return self._rooms.feed.start()

    def changes(self, cursor: str) -> Page:
        """Rows come from HubSpot's index and may be older than the record: re-read what differs from what is
        stored.
        """
        return self._rooms.feed.page(cursor)

    def fetch(self, ids: Sequence[str]) -> Fetched:
        return self._rooms.looks.fetch(ids)

    def find(self, keys: Mapping[str, Sequence[str]]) -> tuple[Record, ...]:
        """E-mails also find secondary addresses, so a record's own e-mail may be another. Phones: see
        phones.py for the limits.
        """
        found: dict[str, Record] = {}
        addresses = [one.strip().lower() for one in keys.get("email", ()) if "@" in one]
        found.update((record.id, record) for record in self._rooms.looks.by_property(EMAIL, addresses))
        identity = self._identity() if keys.get("identity") else None
        if identity is not None:
            halves = self._rooms.looks.by_property(identity, keys["identity"])
            found.update((record.id, record) for record in halves)
        field = self.wanted.key_fields.get("phone", "phone")
        numbers = [one for one in keys.get("phone", ()) if phones.searchable(one)]
        for chunk in chunks(numbers, phones.NUMBERS):
            found.update((record.id, record) for record in self._by_phone(field, chunk))
        return tuple(found.values())

    def _by_phone(self, field: str, numbers: Sequence[str]) -> list[Record]:
        by_digits = phones.has_digits_field(field, tuple(self.schema.fields()))
        groups = phones.groups(field, numbers, by_digits=by_digits)
        body = {
            "filterGroups": [{"filters": group} for group in groups],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(self.lens.requested),
            "limit": LIMIT,  # a number that more records bear is no key anyway
        }
        path = f"{CONTACTS}/search"
        ask = Ask(method="POST", path=path, kind="search", priority=Priority.PUSH, body=body, search=True)
        try:
            return [record_of(row, self.lens) for row in self.transport.read(ask).data["results"]]
        except (Refused, KeyError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:
        return self._rooms.looks.field_times(ids, fields)

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        link = self._link_property()
        receipts = self._rooms.writes.create(
            intents,
            identity=link.name if link and link.unique else None,
            stamp_property=link.name if link else "",
        )
        moved = [one for one in intents if LIFECYCLE in one.values and not receipts[one.id].created]
        self._verify(moved, receipts)
        return self._noted(intents, receipts)

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        """A lifecycle stage that moves backwards is cleared in one request and set in the next."""
        items = [update_item(intent, self.settings.id_property) for intent in intents]
        empty = [item for item in items if not item.properties]
        back = {item.trace: item for item in items if self._goes_back(item.intent)}
        first = [self._cleared(item) if item.trace in back else item for item in items if item.properties]
        receipts = self._rooms.writes.update(first) if first else {}
        receipts |= {item.trace: _nothing_to_write(item) for item in empty}
        cleared = [
            item
            for trace, item in back.items()
            if receipts[trace].outcome is Outcome.APPLIED and LIFECYCLE not in receipts[trace].refused_fields
        ]
        if cleared:
            self._set_stages(cleared, receipts)
        self._verify([intent for intent in intents if LIFECYCLE in intent.values], receipts)
        return self._noted(intents, receipts)

    def _goes_back(self, intent: Intent) -> bool:
        change = next((one for one in intent.changes if one.field == LIFECYCLE), None)
        if change is None or not change.before or not change.after:
            return False
        order = [stage.id for stage in self.schema.stages(LIFECYCLE)]
        if change.before not in order or change.after not in order:
            return False
        return order.index(str(change.after)) < order.index(str(change.before))

    def _cleared(self, item: Item) -> Item:
        return replace(item, properties={**item.properties, LIFECYCLE: ""})

    def _set_stages(self, items: Sequence[Item], receipts: dict[str, Receipt]) -> None:
        """The second step of a move backwards. A stage that is refused after the clear is put back."""
        later = self._rooms.writes.update_further([only_stage(item, item.properties[LIFECYCLE]) for item in items])
        put_back = []
        for item in items:
            receipt = later[item.trace]
            if receipt.outcome in (Outcome.UNKNOWN, Outcome.FAILED):
                words = f"the lifecycle stage was cleared and may not have been set again: {receipt.message}"
                receipts[item.trace] = replace(receipts[item.trace], outcome=Outcome.UNKNOWN, message=words)
            elif receipt.outcome is Outcome.APPLIED:
                receipts[item.trace] = replace(receipts[item.trace], shown=None)
            else:
                refused = {**receipts[item.trace].refused_fields, LIFECYCLE: receipt.message}
                receipts[item.trace] = replace(receipts[item.trace], refused_fields=refused, shown=None)
                before = next(one.before for one in item.intent.changes if one.field == LIFECYCLE)
                put_back.append(only_stage(item, str(before)))
        if put_back:
            self._rooms.writes.update_further(put_back)

    def _verify(self, intents: Sequence[Intent], receipts: dict[str, Receipt]) -> None:
        """Read back every written lifecycle stage: one that is not taken is answered as done (section 6)."""
        applied = [receipts[one.id] for one in intents if receipts[one.id].outcome is Outcome.APPLIED]
        if not applied:
            return
        try:
            looks = self._rooms.looks.fetch([receipt.id for receipt in applied], kind="verify").records
        except ConnectionStop:
            looks = {}
        for receipt in applied:
            shown = looks.get(receipt.id) or _unread(receipt.shown)
            receipts[receipt.intent_id] = replace(receipt, shown=shown)

    def remove(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        receipts = self._rooms.writes.remove(intents)
        return tuple(receipts[intent.id] for intent in intents)

    def _noted(self, intents: Sequence[Intent], receipts: Mapping[str, Receipt]) -> tuple[Receipt, ...]:
        if any(receipt.refused_fields for receipt in receipts.values()):
            self.schema.forget()
        return tuple(receipts[intent.id] for intent in intents)

    def close(self) -> None:
        self.transport.close()


def _unread(shown: Record | None) -> Record | None:
    """What a write's answer says of the stage is not believed: without a look it was not read."""
    if shown is None:
        return None
    values = {name: value for name, value in shown.values.items() if name != LIFECYCLE}
    return replace(shown, values=values)


def _nothing_to_write(item: Item) -> Receipt:
    return Receipt(
        intent_id=item.trace,
        outcome=Outcome.REFUSED,
        id=item.intent.crm_id,
        message="nothing can be written: this connection has no id property; set id_property",
    )
