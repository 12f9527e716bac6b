"""Deleting, restoring, purging and merging records, and stamps without a change (contract, section 3.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.sandbox.salesforce.effects import primary_is_gone, roles_of
from syncd.sandbox.salesforce.errors import is_deleted, no_record, refused
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.row import Shown
from syncd.sandbox.salesforce.rules import check_unique
from syncd.sandbox.salesforce.schema import ObjectDef
from syncd.sandbox.salesforce.store import Store
from syncd.sandbox.salesforce.writing import Writer, unsupported

ROLE = "OpportunityContactRole"
MOST_LOSERS = 2
_CASCADES = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Task", "WhatId")),
    "Contact": (("Task", "WhoId"),),
    "Lead": (("Task", "WhoId"),),
    "Opportunity": ((ROLE, "OpportunityId"), ("Task", "WhatId")),
}
"""Object → what goes to the bin, and comes back, with its records."""


class Lifecycle:
    """All ends of records go through here."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def delete(self, obj: ObjectDef, record_id: str, how: How) -> None:
        """Move a record to the recycle bin with what hangs on it. Raises RecordFaults."""
        if not obj.deletable:
            raise unsupported(obj, "delete")
        row = self._writer.writable(obj, record_id, how)
        if obj.name == "Contact" and row.values.get("IsPersonAccount"):
            raise refused("DELETE_FAILED", "a person account's contact is deleted with its account")
        self._writer.locks.check(row.id)
        if obj.name == ROLE:
            self._end_role(row)
        else:
            self._bin(row, how.user)

    def undelete(self, record_id: str, user: str) -> None:
        """Bring a record back, a merged one too, with what went with it. Raises RecordFaults."""
        row = self._any(record_id)
        obj = self._store.schema.get(row.object)
        if not row.deleted or not obj.undeletable:
            raise refused("UNDELETE_FAILED", "Entity is not in the recycle bin")
        table = self._store.table(obj)
        check_unique(obj, table, row, row.values)
        together = [
            child
            for name, field in _CASCADES.get(obj.name, ())
            for child in self._children(name, field, row.id, deleted=True)
            if child.stamp == row.stamp
        ]
        merged = {"MasterRecordId": None} if "MasterRecordId" in row.values else {}
        for one in (row, *together):
            self._store.change(one, {"IsDeleted": False, **(merged if one is row else {})}, user)
            if not self._store.options.log_keeps_undeleted:
                log = self._store.tables[one.object.lower()].removals
                log[:] = [entry for entry in log if entry.id != one.id]

    def purge(self, record_id: str) -> None:
        """Remove a record for good. Raises RecordFaults."""
        row = self._any(record_id)
        obj = self._store.schema.get(row.object)
        if not obj.deletable:
            raise unsupported(obj, "delete")
        if not row.deleted:
            self._end_roles(row)
        self._store.remove(row)

    def merge(self, obj: ObjectDef, winner: str, losers: Sequence[str], user: str) -> None:
        """Merge records into ``winner``, whose own values stay as they are. Raises RecordFaults."""
        if not obj.mergeable:
            raise unsupported(obj, "merge")
        how = How(user=user)
        stays = self._writer.writable(obj, winner, how)
        goes = [self._writer.writable(obj, one, how) for one in losers]
        if not 0 < len(goes) <= MOST_LOSERS or len({stays.id, *(row.id for row in goes)}) <= len(goes):
            raise refused("MERGE_FAILED", "a merge takes a master record and one or two others")
        for row in goes:
            self._reparent(row, stays.id)
            self._store.bin(row, user, MasterRecordId=stays.id)
        self._store.change(stays, {}, user)

    def bump(self, obj: ObjectDef, ids: Sequence[str] | None) -> int:
        """Move SystemModstamp of these (None: all) live records, and nothing else; gives how many."""
        wanted = None if ids is None else {full(one) for one in ids}
        rows = [row for row in self._store.live(obj) if wanted is None or row.id in wanted]
        for row in rows:
            self._store.change(row, {}, system=True)
        return len(rows)

    # Parts

    def _any(self, record_id: str) -> Shown:
        try:
            row = self._store.latest(full(record_id))
        except ValueError:
            raise refused("MALFORMED_ID", f"bad id {record_id}") from None
        if row is None:
            raise no_record()
        return row

    def _children(self, name: str, field: str, parent: str, *, deleted: bool = False) -> Iterator[Shown]:
        rows = list(self._store.table(self._store.schema.get(name)).rows.values())
        return (row for row in rows if row.values[field] == parent and row.deleted == deleted)

    def _bin(self, row: Shown, user: str) -> None:
        if row.deleted:
            raise is_deleted()
        if row.object != "Opportunity":
            self._end_roles(row)
        for name, field in _CASCADES.get(row.object, ()):
            for child in self._children(name, field, row.id):
                self._bin(child, user)
        latest = self._store.latest(row.id)
        self._store.bin(row if latest is None else latest, user)

    def _end_roles(self, row: Shown) -> None:
        field = {"Contact": "ContactId", "Opportunity": "OpportunityId"}.get(row.object)
        for role in list(roles_of(self._store, field, row.id)) if field else ():
            self._end_role(role)

    def _end_role(self, role: Shown) -> None:
        # Such a role is never seen with IsDeleted: only the log of deletes tells of it.
        self._store.remove(role)
        if role.values["IsPrimary"]:
            primary_is_gone(self._store, role)

    def _reparent(self, row: Shown, winner: str) -> None:
        for obj in self._store.schema.objects.values():
            fields = [
                one.name
                for one in obj.fields.values()
                if row.object in one.reference_to and one.name != "MasterRecordId"
            ]
            if not fields:
                continue
            for child in self._store.live(obj):
                moved = {name: winner for name in fields if child.values[name] == row.id}
                if moved:
                    self._store.change(child, dict(moved), system=True)
