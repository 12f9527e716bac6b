"""What happens besides API calls: people edit, delete, restore, merge and convert; the org's own jobs stamp records.

The same methods serve the control paths, tests and simulations. No limits, no session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.schema import ObjectDef
from syncd.sandbox.salesforce.tokens import Tokens
from syncd.sandbox.salesforce.usage import Usage

UNKNOWN = {"contact": {"LastName": "Unknown"}, "lead": {"LastName": "Unknown", "Company": "Unknown"}}
"""What people type where the vendor wants something and they know nothing."""


class Actions:
    """Direct access to the org. A wrong id or object raises ApiError or RecordFaults, a refused value RecordFaults."""

    def __init__(self, org: Org, usage: Usage, tokens: Tokens) -> None:
        self.org = org
        self.usage = usage
        self.tokens = tokens

    def add_contact(self, values: Mapping[str, Any]) -> str:
        """A contact that a person made; gives its id. Blank values are left out."""
        return self.add("Contact", values)

    def add(self, kind: str, values: Mapping[str, Any]) -> str:
        """A record that a person made; gives its id. A required name that is missing becomes "Unknown"."""
        obj = self._object(kind)
        given = {name: value for name, value in values.items() if value not in (None, "")}
        named = {name.lower() for name in given}
        wanted = UNKNOWN.get(obj.name.lower(), {})
        given |= {name: value for name, value in wanted.items() if name.lower() not in named}
        return self.org.create(obj, given, self._person)

    def edit(self, record_id: str, values: Mapping[str, Any], *, kind: str = "Contact") -> None:
        """A person types values; "" or None clears."""
        self.org.update(self._object(kind), record_id, values, self._person)

    def delete(self, record_id: str, *, kind: str = "Contact") -> None:
        """A person deletes a record: it goes to the recycle bin."""
        self.org.delete(self._object(kind), record_id, self._person)

    def restore(self, record_id: str) -> None:
        """A person takes a record out of the bin."""
        self.org.undelete(record_id)

    def purge(self, record_id: str) -> None:
        """A record is deleted for good, live or in the bin."""
        self.org.purge(record_id)

    def merge(self, primary: str, others: Sequence[str], *, kind: str = "Contact") -> str:
        """A person merges up to two records into a third; gives the id that stays."""
        self.org.merge(self._object(kind), primary, list(others))
        return primary

    def convert(self, lead_id: str, contact_id: str = "") -> dict[str, str]:
        """A person converts a lead, into an existing contact if one is named; gives the ids of what came of it."""
        return dict(self.org.convert(lead_id, contact_id))

    def bump(self, ids: Sequence[str] | None = None, *, kind: str = "Contact") -> int:
        """Stamp live records (all of the object for None) without changing them; gives how many."""
        return self.org.bump(self._object(kind), ids)

    def records(self, kind: str = "Contact", *, deleted: bool = False) -> list[dict[str, Any]]:
        """Every record of an object, or every one in the bin: its values without blanks, and ``id``."""
        rows = self.org.rows(self._object(kind), deleted=deleted)
        return [
            {**{name: value for name, value in row.values.items() if value is not None}, "id": row.id}
            for row in rows
            if row.deleted == deleted
        ]

    def record(self, record_id: str, *, kind: str = "Contact") -> dict[str, Any]:
        """The values of one live record, without blanks. Raises KeyError."""
        row = self.org.find(self._object(kind), record_id)
        if row is None:
            raise KeyError(record_id)
        return {name: value for name, value in row.values.items() if value is not None}

    def set_options(self, options: Options) -> None:
        """Change switches. A user who is deactivated loses the sessions for good."""
        self.org.options = options
        if not options.user_active:
            self.tokens.expire()

    @property
    def _person(self) -> How:
        """People see an alert about duplicates and save."""
        return How(allow_save=True, auto_assign=False, user=self.org.person_id)

    def _object(self, kind: str) -> ObjectDef:
        return self.org.schema.typed(kind)
