"""What happens besides API calls: people edit, delete, restore and merge; HubSpot's own jobs stamp records.

The same methods serve the control paths, tests and simulations. No limits, no token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.sandbox.hubspot import objects, properties
from syncd.sandbox.hubspot.account import Tokens
from syncd.sandbox.hubspot.hooks import Hooks, HookSettings
from syncd.sandbox.hubspot.limits import Quota
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.hubspot.portal import Portal
from syncd.sandbox.hubspot.rows import PERSON, Row
from syncd.sandbox.hubspot.schema import id_property
from syncd.sandbox.hubspot.table import SECONDARY, Table, split
from syncd.sandbox.people import STATE_NAMES


class Actions:
    """Direct access to the account. A wrong id raises KeyError, a refused value Refused."""

    def __init__(self, portal: Portal, quota: Quota, tokens: Tokens) -> None:
        self.portal = portal
        self.quota = quota
        self.tokens = tokens
        self.hooks = Hooks(portal.portal_id)
        self._wire()

    def add_contact(self, properties: Mapping[str, Any]) -> str:
        """A contact that a person made; gives its id. Blank values are left out."""
        return self.add("contacts", properties)

    def add(self, kind: str, values: Mapping[str, Any], *, links: object = None) -> str:
        """A record that a person made; gives its id."""
        given = {name: value for name, value in values.items() if value not in (None, "")}
        table = self.portal.table(kind)
        state = table.schema.props.get("state")
        if state is not None and state.type == "enumeration" and given.get("state") in STATE_NAMES:
            given["state"] = STATE_NAMES[given["state"]]
        draft = self.portal.writer.draft(table, None, given, version="v3", links=links)
        return str(self.portal.writer.write(draft, PERSON).id)

    def edit(self, record_id: str, values: Mapping[str, Any], *, kind: str = "contacts") -> None:
        """A person types values; "" or None clears. The lifecycle stage may go backwards."""
        table = self.portal.table(kind)
        row = self._row(table, record_id)
        given = {name: "" if value is None else value for name, value in values.items()}
        self.portal.writer.write(self.portal.writer.draft(table, row, given, version="v3"), PERSON)

    def archive(self, record_id: str, *, kind: str = "contacts") -> None:
        """A person deletes a record: it goes to the recycle bin."""
        table = self.portal.table(kind)
        table.archive(self._row(table, record_id), PERSON)

    def restore(self, record_id: str, *, kind: str = "contacts") -> None:
        """A person takes a record out of the bin. Raises Duplicate if a value of it was taken."""
        self.portal.table(kind).restore(int(record_id))

    def purge(self, record_id: str, *, kind: str = "contacts") -> None:
        """A record is deleted for good, live or archived."""
        if not self.portal.table(kind).purge(int(record_id)):
            raise KeyError(record_id)

    def merge(self, primary: str, other: str, *, kind: str = "contacts") -> str:
        """A person merges two records; gives the id of the result."""
        table = self.portal.table(kind)
        return str(objects.merge(self.portal, table, self._row(table, primary), self._row(table, other)).id)

    def add_secondary(self, record_id: str, email: str) -> None:
        """A person gives a contact one more address. Raises Duplicate if it is another's."""
        table = self.portal.tables["contacts"]
        row = self._row(table, record_id)
        table.check_unique({"email": email.lower()}, row.id)
        mails = [*split(row.values.get(SECONDARY)), email.lower()]
        table.change(row, {SECONDARY: ";".join(dict.fromkeys(mails))}, PERSON)

    def bump(self, ids: Sequence[str] | None = None, *, kind: str = "contacts") -> int:
        """Stamp records (all of them for None) with one millisecond, as a bulk job would; gives how many."""
        table = self.portal.table(kind)
        chosen = list(table.live) if ids is None else [int(one) for one in ids]
        table.touch(chosen)
        return len(chosen)

    def records(self, kind: str = "contacts", *, archived: bool = False) -> list[dict[str, Any]]:
        """Every record of a type, plain: its values without blanks, and ``id``."""
        table = self.portal.table(kind)
        ids = table.bin if archived else table.live
        return [{**table.rows[one].values, "id": str(one)} for one in ids]

    def record(self, record_id: str, *, kind: str = "contacts") -> dict[str, str]:
        """The values of one live record, without blanks; a merged id leads to the successor."""
        table = self.portal.table(kind)
        return dict(self._row(table, record_id).values)

    def set_hooks(self, **settings: Any) -> HookSettings:
        """Change where webhooks go and how they travel; what is not named stays. Raises pydantic.ValidationError."""
        self.hooks.settings = HookSettings.model_validate({**self.hooks.settings.model_dump(), **settings})
        return self.hooks.settings

    def set_options(self, options: Options) -> None:
        """Change switches. A property that exists keeps its kind: set ``state_enumeration`` at the start."""
        before = self.portal.options
        self.portal.options = options
        limits = ("burst", "daily", "search_per_second", "search_in_burst", "time_zone")
        if any(getattr(before, name) != getattr(options, name) for name in limits):
            self.quota.configure(options)
        else:
            self.quota.adopt(options)
        if options.id_property and not before.id_property:
            for kind in ("contacts", "deals"):
                table = self.portal.tables[kind]
                if "salespulse_id" not in table.schema.props:
                    properties.add(table, id_property())

    def _wire(self) -> None:
        for table in self.portal.tables.values():
            table.hooks = self.hooks

    def _row(self, table: Table, record_id: str) -> Row:
        row = table.find(int(record_id)) if record_id.isdecimal() else None
        if row is None:
            raise KeyError(record_id)
        return row
