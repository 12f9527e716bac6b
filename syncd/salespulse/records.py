"""From a contact as an answer showed it to a Record: which keys were read, which are blank, and the stage as
an id.

**A key that is left out.** Some servers leave out fields that have no value. In a full look (a list or GET
/contacts/:id) a missing key then means *blank*, and only then would clearing a field ever be noticed. So a
key counts as left out because it is blank when answers of the same kind show it with a value on other
contacts and never show it explicitly blank. In all other cases, and always in the answer to a write, a
missing key was *not read*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.port import Wanted
from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import Record, Value
from syncd.net.governor import Priority
from syncd.salespulse.learned import Keys, Learned
from syncd.salespulse.pipeline import DealBook, Stages
from syncd.salespulse.results import Contact, StageRef

_FEW = 20  #: on a page with fewer rows, that no contact shows a key says little, and what was remembered counts


class Recorder:
    """Makes Records of one opened side."""

    def __init__(self, wanted: Wanted, *, token_field: str, stages: Stages, learned: Learned) -> None:
        self._stages = stages
        self._learned = learned
        names = {*wanted.fields, *wanted.key_fields.values()}
        self._all = not names
        self._names = frozenset(names | ({token_field} if token_field else set()))
        self.wants_stage = self._all or bool(wanted.stage_field) or STAGE_FIELD in names

    def page(
        self, contacts: Sequence[Contact], *, before: Keys, book: DealBook | None, priority: Priority
    ) -> tuple[tuple[Record, ...], Keys]:
        """Records of one list page, and the keys that its contacts showed. ``before``: keys of the pages before."""
        seen = self.keys(contacts)
        listed = before.joined(seen)
        if len(contacts) < _FEW:
            listed = listed.joined(self._learned.keys("list"))
        left_out = listed.valued - listed.blank
        if book is not None:
            contacts = [_joined(contact, book) for contact in contacts]
        return tuple(self._record(contact, left_out, priority) for contact in contacts), seen

    def look(self, contact: Contact, *, book: DealBook | None, priority: Priority) -> Record:
        """The Record of GET /contacts/:id."""
        seen = self.keys([contact])
        self._learned.learn_keys("get", seen)
        known = self._learned.keys("get").joined(seen)
        left_out = known.valued - known.blank - self._learned.keys("list").blank
        if book is not None:
            contact = _joined(contact, book)
        return self._record(contact, left_out, priority)

    def shown(self, contact: Contact, *, priority: Priority) -> Record:
        """The Record of a write's answer: what is missing in it was not read."""
        return self._record(contact, frozenset(), priority)

    def keys(self, contacts: Sequence[Contact]) -> Keys:
        """Wanted keys that these contacts show with a value, and those that they show blank."""
        valued: set[str] = set()
        blank: set[str] = set()
        for contact in contacts:
            for name, value in contact.fields.items():
                if name in self._names and name != STAGE_FIELD:
                    (blank if value in (None, "", ()) else valued).add(name)
            if contact.stage is not None and self.wants_stage:
                (valued if contact.stage.text else blank).add(STAGE_FIELD)
        return Keys(valued=frozenset(valued), blank=frozenset(blank))

    def _record(self, contact: Contact, left_out: frozenset[str], priority: Priority) -> Record:
        values: dict[str, Value] = {
            name: value
            for name, value in contact.fields.items()
            if name != STAGE_FIELD and (self._all or name in self._names)
        }
        for name in left_out - contact.unreadable - {STAGE_FIELD}:
            if name not in values and name in self._names:
                values[name] = None
        if self.wants_stage:
            if contact.stage is not None:
                stage = self._stages.resolve(contact.stage, priority=priority)
                if stage is not None:
                    values[STAGE_FIELD] = stage or None
            elif STAGE_FIELD in left_out - contact.unreadable:
                values[STAGE_FIELD] = None
        return Record(id=contact.id, values=values, modified_at=contact.modified_at, created_at=contact.created_at)


def _joined(contact: Contact, book: DealBook) -> Contact:
    ref: StageRef | None = book.stage_of(contact.id)
    return contact if contact.stage is not None or ref is None else replace(contact, stage=ref)
