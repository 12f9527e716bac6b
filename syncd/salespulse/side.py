"""SalesPulse as one of the two sides of a pass: ``connectors.port.Connector`` over the client.

SalesPulse has no feed of changes: they come as events and from sweeps, which the pass runs through ``scan``.
Times of look are honest: where a stage comes from the deals, a record's look is as old as the older of the
two requests.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.port import Account, Capabilities, Fetched, Memory, Page, Wanted
from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import FieldSpec, Gone, Intent, Op, Receipt, Record, Stage
from syncd.errors import Unreachable
from syncd.net.governor import Governor, Priority
from syncd.salespulse.client import SalesPulseClient
from syncd.salespulse.faults import Refusal
from syncd.salespulse.learned import Learned
from syncd.salespulse.listing import Lister
from syncd.salespulse.pages import Position, cursor_of, position_of, turn
from syncd.salespulse.pipeline import DealBook, Stages, walk_deals
from syncd.salespulse.records import Recorder
from syncd.salespulse.results import Contact, Listing
from syncd.salespulse.search import bears, search, words_for
from syncd.salespulse.settings import MOST, SalesPulseSettings
from syncd.salespulse.transport import Transport
from syncd.salespulse.writes import Writer

_SETTLED = 20  #: contacts that a complete listing needs to say which keys the server shows
_WALK_EVERY = timedelta(seconds=60)  #: looks at single contacts walk the deals at most this often
_STAGED_BATCH = 50  #: creates in one call while each needs a stage move of its own: a call should not take minutes


class SalesPulseSide:
    """The contacts of one SalesPulse account. May be used by several threads at once; one scan runs at a time."""

    label = "SalesPulse"

    def __init__(
        self,
        settings: SalesPulseSettings,
        wanted: Wanted,
        *,
        governor: Governor,
        clock: Clock,
        memory: Memory,
        backoff: Backoff | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Sends nothing. A ``wanted`` without any field asks for every key that contacts show."""
        self._settings = settings
        self._wanted = wanted
        self._clock = clock
        self._learned = Learned(memory)
        self._lister = Lister(self._learned, configured=settings.page_size)
        transport = Transport(settings, governor=governor, clock=clock, backoff=backoff, jitter=jitter)
        self.client = SalesPulseClient(transport)
        self._stages = Stages(self.client, clock=clock, known=wanted.known_stages)
        self._recorder = Recorder(wanted, token_field=settings.token_field, stages=self._stages, learned=self._learned)
        keys = {field: key for key, field in {**wanted.key_fields, "identity": settings.token_field}.items() if field}
        self._writer = Writer(
            self.client,
            settings=settings,
            recorder=self._recorder,
            stages=self._stages,
            learned=self._learned,
            keys=keys or {"email": "email", "phone": "phone"},
            find=self.find,
        )
        self._lock = threading.Lock()
        self._walk_lock = threading.Lock()
        self._book: DealBook | None = None  #: of the running scan
        self._walked: datetime | None = None  #: last walk over the deals for looks

    # ---- about ---------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """SalesPulse has no endpoint that says whose key it is; the store remembers long-linked contacts instead."""
        return Account(id="")

    def capabilities(self) -> Capabilities:
        stage_costs = self._recorder.wants_stage and self._learned.stage_on("bulk") is not True
        return Capabilities(
            changes=False,
            field_times=False,
            identity=None,  # token_field makes a create provable, but nothing makes it safe to repeat
            fetch_batch=1,
            page_size=self._lister.size,
            batch={
                Op.CREATE: _STAGED_BATCH if stage_costs else MOST,
                Op.UPDATE: 1,
                Op.STAMP: 1,
                Op.REMOVE: 1,
            },
            archives=False,
            requests_per_create=1 / MOST + (1 if stage_costs else 0),
        )

    def notices(self) -> tuple[str, ...]:
        return ()

    def recover(self) -> None:
        """Nothing is left under way: every write ends with its request."""

    def describe(self) -> tuple[FieldSpec, ...]:
        """Nothing: SalesPulse has no list of fields, and the keys that were seen are no proof that another
        does not exist.
        """
        return ()

    def stages(self) -> tuple[Stage, ...]:
        if not self._recorder.wants_stage:
            return ()
        try:
            return self._stages.fresh(priority=Priority.PULL)
        except Refusal as refusal:
            raise _stop(refusal) from None

    # ---- listing -------------------------------------------------------------------------------------------

    def scan(self, cursor: str | None) -> Page:
        """One page of all contacts. A cursor that is not understood begins again."""
        at = (position_of(cursor) if cursor else None) or Position(size=self._lister.size)
        try:
            return self._scan(at)
        except Refusal as refusal:
            raise _stop(refusal) from None

    def _scan(self, at: Position) -> Page:
        with self._lock:
            if at.page == 1:
                self._book = None
            if self._book is None and self._recorder.wants_stage and self._learned.stage_in_deals:
                self._book = walk_deals(self.client, self._lister, priority=Priority.SWEEP)
            listing, at = self._list(at)
            book = self._book_for(at, listing)
            moved = turn(at, [contact.id for contact in listing.items], listing.rows, listing.hint)
        self._lister.learn(moved.page_size)
        contacts = () if moved.repeated else listing.items
        records, seen = self._recorder.page(contacts, before=at.keys, book=book, priority=Priority.SWEEP)
        keys = at.keys.joined(seen)
        following = None if moved.following is None else replace(moved.following, keys=keys)
        if following is None:
            if at.seen + listing.rows >= _SETTLED:
                self._learned.replace_keys(keys)
            else:
                self._learned.learn_keys("list", keys)
        return Page(
            records=records,
            looked_at=listing.sent_at if book is None else min(listing.sent_at, book.begun_at),
            cursor=None if following is None else cursor_of(following),
            complete=following is None,
            total=listing.hint.total,
        )

    def _list(self, at: Position) -> tuple[Listing[Contact], Position]:
        def ask(at: Position) -> Listing[Contact]:
            return self.client.list_contacts(page=at.page, limit=at.size, priority=Priority.SWEEP)

        return self._lister.page(ask, at)

    def _book_for(self, at: Position, listing: Listing[Contact]) -> DealBook | None:
        """The deals to join, if the contacts show no stage."""
        if not self._recorder.wants_stage or not listing.items:
            return self._book
        if any(contact.stage is not None for contact in listing.items):
            self._learned.learn_stage_in_deals(False)
        elif (
            self._book is None
            and STAGE_FIELD not in at.keys.valued | at.keys.blank
            and (self._learned.stage_in_deals is not False or listing.rows >= _SETTLED)
        ):
            self._book = walk_deals(self.client, self._lister, priority=Priority.SWEEP)
            if self._book.stages:
                self._learned.learn_stage_in_deals(True)
        return self._book

    def feed_start(self) -> str:
        return ""

    def changes(self, cursor: str) -> Page:
        """SalesPulse has no feed of changes (``capabilities().changes``): always complete and empty."""
        return Page(records=(), looked_at=self._clock.now(), cursor=cursor, complete=True)

    # ---- looks ---------------------------------------------------------------------------------------------

    def fetch(self, ids: Sequence[str]) -> Fetched:
        """Each id by its own request. An id that was refused for another reason than a 404 is in neither part."""
        begun = [self._clock.now()] if not ids else []
        book = self._walk_for_looks() if ids else None
        begun += [book.begun_at] if book is not None else []
        records: dict[str, Record] = {}
        gone: dict[str, Gone] = {}
        for contact_id in dict.fromkeys(ids):
            before = self._clock.now()
            try:
                found = self.client.get_contact(contact_id, priority=Priority.PUSH)
            except Refusal:
                begun.append(before)
                continue
            begun.append(before if found is None else found.sent_at)
            if found is None:
                gone[contact_id] = Gone(id=contact_id, proof="404")
            elif found.item is not None:
                records[contact_id] = self._recorder.look(found.item, book=book, priority=Priority.PUSH)
        return Fetched(records=records, gone=gone, looked_at=min(begun))

    def _walk_for_looks(self) -> DealBook | None:
        """The deals, walked now, where only they show stages. Within a minute of such a walk: None, the stage
        is not read.
        """
        if not (self._recorder.wants_stage and self._learned.stage_in_deals):
            return None
        with self._walk_lock:  # not the scan's: a look must not wait behind a sweep
            now = self._clock.now()
            if self._walked is not None and timedelta(0) <= now - self._walked < _WALK_EVERY:
                return None
            self._walked = now
        try:
            return walk_deals(self.client, self._lister, priority=Priority.PUSH)
        except Refusal as refusal:
            raise _stop(refusal) from None

    def find(self, keys: Mapping[str, Sequence[str]]) -> tuple[Record, ...]:
        """One search a value. Contacts that do not bear it are left out: what ``search`` looks at is not documented."""
        found: dict[str, Record] = {}
        region = self._settings.region
        fields = {**self._wanted.key_fields, "identity": self._settings.token_field}
        try:
            for key, values in keys.items():
                if key == "identity" and not self._settings.token_field:
                    continue
                for value in dict.fromkeys(text for text in values if text.strip()):
                    for contact in search(self.client, self._lister, words_for(key, value, region)):
                        if bears(contact, key, fields.get(key, ""), value, region):
                            found[contact.id] = self._listed(contact)
        except Refusal as refusal:
            raise _stop(refusal) from None
        return tuple(found.values())

    def _listed(self, contact: Contact) -> Record:
        before = self._learned.keys("list")
        records, _seen = self._recorder.page([contact], before=before, book=None, priority=Priority.PUSH)
        return records[0]

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:
        """SalesPulse keeps no history of fields."""
        del ids, fields
        return {}

    # ---- writes --------------------------------------------------------------------------------------------

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        """One intent by POST /contacts, more by POST /contacts/bulk; then the stage moves that are still needed."""
        return self._writer.create(intents)

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return tuple(self._writer.update(intent) for intent in intents)

    def remove(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return tuple(self._writer.remove(intent) for intent in intents)

    def close(self) -> None:
        self.client.close()


def _stop(refusal: Refusal) -> Unreachable:
    """A refused read stops the connection: without it nothing can be decided."""
    return Unreachable(f"{refusal}; is [salespulse] base_url right?")
