"""Salesforce contacts or leads as one side of syncd: the port's methods, put together from looks, feed, writes and
schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connectors.port import Account, Capabilities, Fetched, Memory, Page, Wanted, Wave
from connectors.salesforce import soql
from connectors.salesforce.codec import CONVERTED, LEAD
from connectors.salesforce.deletions import Deletions
from connectors.salesforce.feed import MISSED, Feed
from connectors.salesforce.looks import Looks
from connectors.salesforce.reading import BATCH, PAGE, Reader
from connectors.salesforce.schema import Schema
from connectors.salesforce.scope import parse_scope
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.transport import Transport
from connectors.salesforce.writes import Writes
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Intent, Op, Receipt, Record, Stage
from syncd.errors import MappingUnfit, Problem
from syncd.net.governor import Governor

#: Records in one sObject Collections request (section 4.3).
_COLLECTION = 200
#: When more than so many records wait, a bulk job of as many takes them (section 4.5).
_WAVE = Wave(above=10_000, batch=10_000)
#: How long a request that was cut off may go on over there and still be saved (section 3.2).
_LONGEST_TRANSACTION = timedelta(minutes=10)
#: Digits by which a phone number is looked for; with fewer it is no key. What stands before them depends on the country
#: and on who typed it: a trunk prefix, a country code, an area code in parentheses.
_PHONE_DIGITS = 7


class SalesforceConnector:
    """One opened connection. What each method promises is in connectors.port.Connector."""

    def __init__(
        self,
        settings: SalesforceSettings,
        wanted: Wanted,
        *,
        governor: Governor,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self.settings = settings
        self.wanted = wanted
        self.transport = Transport(settings, governor=governor, clock=clock, memory=memory)
        self.schema = Schema(
            self.transport,
            clock,
            object=wanted.object,
            known_fields=wanted.known_fields,
            known_stages=wanted.known_stages if wanted.stage_field == "Status" else (),
        )
        names = (*wanted.fields, *wanted.key_fields.values(), wanted.stage_field, settings.id_field)
        self.reader = Reader(
            self.transport,
            self.schema,
            names=names,
            telling=[name for name in (*wanted.key_fields.values(), settings.id_field) if name],
            scope=parse_scope(wanted.scope),
        )
        self._deletions = Deletions(self.transport, object=wanted.object)
        self._looks = Looks(self.reader, self._deletions, clock=clock)
        self._feed = Feed(
            self.reader, self._looks, self._deletions, overlap=settings.overlap, clock=clock, memory=memory
        )
        self._writes = Writes(
            self.transport,
            self.schema,
            object=wanted.object,
            identity_field=settings.id_field,
            clock=clock,
            memory=memory,
            fetch=self._looks.fetch,
            walked_at=lambda: self.reader.walked_at,
        )
        self._memory = memory

    @property
    def label(self) -> str:
        return "Salesforce"

    def account(self) -> Account:
        org = self.transport.org_id()
        return Account(id=org, name=f"Salesforce org {org}")

    def capabilities(self) -> Capabilities:
        """Costs a request when the schema was not asked for within the hour."""
        identity = self._identity()
        waves = {Op.UPDATE: _WAVE, Op.STAMP: _WAVE}
        if identity is not None:
            waves[Op.CREATE] = _WAVE
        return Capabilities(
            feed_lags=False,  # SOQL reads the records themselves
            identity=identity,
            fetch_batch=BATCH,
            page_size=PAGE,
            batch=dict.fromkeys(Op, _COLLECTION),
            waves=waves,
            guarded=True,
            late=timedelta(0) if identity else _LONGEST_TRANSACTION + self.settings.overlap,
            requests_per_create=1 / _COLLECTION,
        )

    def _identity(self) -> str | None:
        spec = self.link_field()
        return spec.name if spec and spec.unique else None

    def link_field(self) -> FieldSpec | None:
        """The field that carries the SalesPulse id, where it exists and can be written. Raises a ConnectionStop."""
        if not self.settings.id_field:
            return None
        spec = self.schema.fields().get(self.settings.id_field)
        return spec if spec and spec.writable else None

    def notices(self) -> tuple[str, ...]:
        """Costs no request."""
        told = []
        if count := self._looks.person_accounts:
            who = "1 contact stands" if count == 1 else f"{count} contacts stand"
            told.append(
                f"{who} for person accounts and take no part: Salesforce keeps these people as accounts, which syncd "
                "does not write"
            )
        if names := self.reader.hidden:
            told.append(
                f"Salesforce stopped showing {', '.join(names)} to these credentials: what is there is not read any "
                "more and nothing of it is changed; give their user the permission to read it (Field-Level Security)"
            )
        if self._deletions.missing:
            told.append(
                f"Salesforce keeps no log of deleted {self.wanted.object} records, so those that are deleted for good "
                "are not noticed; delete them into the recycle bin"
            )
        if since := self._memory.get(MISSED):
            told.append(
                f"Salesforce's log of deletes no longer reaches back to {since}, so records that were deleted for "
                "good since then may have been missed; run `syncd run --full`"
            )
        return tuple(told)

    def recover(self) -> None:
        """Waits for a bulk job of an earlier process, or aborts it; without one it costs nothing."""
        self._writes.settle_leftover()

    def describe(self) -> tuple[FieldSpec, ...]:
        return tuple(self.schema.fields().values())

    def stages(self) -> tuple[Stage, ...]:
        return self.schema.stages(self.wanted.stage_field) if self.wanted.stage_field else ()

    def scan(self, cursor: str | None) -> Page:
        page = self._looks.page(cursor)
        if page.complete and self._memory.get(MISSED):
            self._memory.set(MISSED, "")  # all that is missing from a whole listing is looked for by id
        return page

    def feed_start(self) -> str:
        return self._feed.start()

    def changes(self, cursor: str) -> Page:
        """Also tells deletes and merges. Rows repeat for as long as a late commit may hide others (``overlap``)."""
        return self._feed.page(cursor)

    def fetch(self, ids: Sequence[str]) -> Fetched:
        return self._looks.fetch(ids)

    def find(self, keys: Mapping[str, Sequence[str]]) -> tuple[Record, ...]:
        """E-mails are found in any case; phones by their last digits, whatever stands between and before them, which
        also finds others: who it is, the caller judges by the whole number. Raises MappingUnfit where these credentials
        do not see a key's field: nobody found would read as nobody there, and somebody be created twice.
        """
        fields = self.wanted.key_fields
        conditions: list[str] = []
        if "email" in fields:
            addresses = [one.strip() for one in keys.get("email", ()) if "@" in one]
            conditions += soql.any_of(fields["email"], addresses)
            self._need(fields["email"], addresses)
        if "phone" in fields:
            field = fields["phone"]
            like = [f"{field} LIKE {soql.pattern(digits)}" for one in keys.get("phone", ()) if (digits := _digits(one))]
            conditions += soql.either(like)
            self._need(field, like)
        if self.wanted.object == LEAD:
            conditions = [f"{one} AND {CONVERTED} = false" for one in conditions]
        identity = self._identity() if keys.get("identity") else None
        if identity is not None:  # converted leads too: a create in doubt may have become a contact meanwhile
            conditions += soql.any_of(identity, keys["identity"])
        return tuple({record.id: record for record in self._looks.find(conditions)}.values())

    def _need(self, field: str, keys: Sequence[str]) -> None:
        if not keys or self.schema.selectable([field]):
            return
        self.schema.forget()  # what was described lately may be older than the right to see it
        if not self.schema.selectable([field]):
            raise MappingUnfit(
                [
                    Problem(
                        where="[match] keys",
                        what=f"Salesforce shows no {self.wanted.object} field {field} to these credentials, so nobody "
                        "can be found by it",
                        remedy="give their user the permission to read it (Field-Level Security), or leave the key out",
                    )
                ]
            )

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:  # noqa: ARG002  the port's
        """Salesforce keeps no times of single fields that could be asked for."""
        return {}

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        link = self.link_field()
        receipts = self._writes.create(
            intents,
            identity=link.name if link and link.unique else None,
            stamp_field=link.name if link else "",
        )
        return tuple(receipts[intent.id] for intent in intents)

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        link = self.link_field()
        receipts = self._writes.update(intents, stamp_field=link.name if link else "")
        return tuple(receipts[intent.id] for intent in intents)

    def remove(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        """Into the recycle bin, whether ``archive`` or not: the API's delete is no other."""
        receipts = self._writes.remove(intents)
        return tuple(receipts[intent.id] for intent in intents)

    def close(self) -> None:
        self.transport.close()


def _digits(number: str) -> str:
    """The last digits of a phone number; "" where they are too few to tell people apart."""
    digits = "".join(sign for sign in number if sign in "0123456789")
    return digits[-_PHONE_DIGITS:] if len(digits) >= _PHONE_DIGITS else ""
