"""Creating and updating one record: what is refused, in which order, and what is saved.

The order is the vendor's: access, the values themselves, validation rules, duplicate rules, unique values.
All faults of one stage are told together, those of later stages not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.sandbox.salesforce.derived import derived
from syncd.sandbox.salesforce.errors import (
    ApiError,
    RecordFault,
    RecordFaults,
    is_deleted,
    no_record,
    read_only,
    refused,
)
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.rules import Locks, check_duplicates, check_unique, check_validation
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef
from syncd.sandbox.salesforce.store import Store
from syncd.sandbox.salesforce.values import Habits, Unfit, WrongType, read, stored, token, unfit

Values = dict[str, Json]


class Writer:
    """Checks and saves single records. ``assignee`` is the user that assignment rules give leads to."""

    def __init__(self, store: Store, *, assignee: str) -> None:
        self.store = store
        self.assignee = assignee
        self.locks = Locks(store.options.lock)

    # What doors ask

    def check_json(self, obj: ObjectDef, values: Mapping[str, Any]) -> None:
        """Raise ApiError (400 JSON_PARSER_ERROR) for a value whose JSON type its field cannot take."""
        for name, raw in values.items():
            field = obj.named(name)
            if field is None:
                continue
            try:
                read(field, raw)
            except WrongType:
                raise ApiError(
                    400,
                    "JSON_PARSER_ERROR",
                    f"Cannot deserialize instance of {field.type} from {token(raw)} or request may be missing a "
                    "required field at [line:1, column:2]",
                ) from None

    def create(self, obj: ObjectDef, values: Mapping[str, Any], how: How) -> Shown:
        """Check and save a new record. Raises RecordFaults, ApiError."""
        if not obj.createable:
            raise unsupported(obj, "create")
        if not how.user and self.store.options.read_only:
            raise read_only()
        if self.store.options.storage_full:
            raise refused("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", status=403)
        given = self._given(obj, values, how, create=True)
        defaults = self.store.blank(obj)
        changes = {name: value for name, value in given.items() if not self._takes_default(obj, name, value)}
        self._require(obj, {**defaults, **changes})
        self.locks.check(*self._parents(obj, changes))
        changes |= derived(obj.name, defaults, changes, self.store.now())
        self._rules(obj, Shown(obj.name, "", {**defaults, **changes}, False, self.store.now()), changes, how)
        if self._assigns(obj, how):
            changes["OwnerId"] = self.assignee
        return self.store.insert(obj, changes, how.user)

    def update(self, obj: ObjectDef, record_id: str, values: Mapping[str, Any], how: How) -> Shown:
        """Check and save changes of a record; gives its former version. Raises RecordFaults, ApiError."""
        if not obj.updateable:
            raise unsupported(obj, "update")
        row = self.writable(obj, record_id, how)
        changes = self._given(obj, values, how, create=False)
        if row.values.get("IsConverted"):
            raise refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        if obj.name == "Contact" and row.values.get("IsPersonAccount") and changes:
            raise RecordFaults([_not_writable(list(changes))])
        self._require(obj, {**row.values, **changes}, among=changes)
        self.locks.check(row.id, *self._parents(obj, changes))
        changes |= derived(obj.name, row.values, changes, self.store.now())
        self._rules(obj, replace(row, values={**row.values, **changes}), changes, how)
        if self._assigns(obj, how):
            changes["OwnerId"] = self.assignee
        self.store.change(row, changes, how.user)
        return row

    def writable(self, obj: ObjectDef, record_id: str, how: How) -> Shown:
        """The latest version of a live record that the user may change. Raises RecordFaults."""
        if not how.user and self.store.options.read_only:
            raise read_only()
        try:
            row = self.store.table(obj).rows.get(full(record_id))
        except ValueError:
            raise refused("MALFORMED_ID", f"bad id {record_id}") from None
        if row is None or (not how.user and self.store.is_invisible(row.id)):
            raise no_record(self.store.options.unseen_code)
        if row.deleted:
            raise is_deleted()
        if not how.user and self._guarded(row.id):
            raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
        return row

    # Stages of a check

    def _given(self, obj: ObjectDef, values: Mapping[str, Any], how: How, *, create: bool) -> Values:
        """The values to store under exact names. Raises RecordFaults with all that is wrong with them."""
        if not how.csv:
            self.check_json(obj, values)
        faults: list[RecordFault] = []
        barred: list[str] = []
        good: Values = {}
        for name, raw in values.items():
            field = obj.named(name)
            if field is None:
                faults.append(RecordFault("INVALID_FIELD", f"No such column '{name}' on sobject of type {obj.name}"))
            elif field.name == "Id" and not create:
                text = "The Id field should not be specified in the sobject data."
                faults.append(RecordFault("INVALID_FIELD", text))
            elif not self._may_write(obj, field, how, create=create):
                barred.append(field.name)
            else:
                try:
                    good[field.name] = self._value(field, raw, how)
                except Unfit as unfit:
                    faults.append(unfit.fault)
        if barred:
            faults.insert(0, _not_writable(barred))
        if faults:
            raise RecordFaults(faults)
        return good

    def _may_write(self, obj: ObjectDef, field: FieldDef, how: How, *, create: bool) -> bool:
        if not (field.createable if create else field.updateable):
            return False
        if how.user:
            return True
        path = f"{obj.name}.{field.name}".lower()
        options = self.store.options
        return all(path != one.lower() for one in (*options.hidden_fields, *options.readonly_fields))

    def _value(self, field: FieldDef, raw: Any, how: How) -> Json:
        options = self.store.options
        try:
            value = read(field, raw)
        except WrongType:
            raise unfit("INVALID_TYPE_ON_FIELD_IN_RECORD", field, f"value not of required type: {raw}") from None
        habits = Habits(trims=options.trims_text, lowers_email=options.lowercases_email)
        value = stored(field, value, habits)
        if field.type == "reference" and isinstance(value, str):
            try:
                self._check_reference(field, value, how)
            except Unfit as found:
                if options.lookup_faults_name_fields:
                    raise
                raise RecordFaults([replace(found.fault, fields=())]) from None
        return value

    def _check_reference(self, field: FieldDef, record_id: str, how: How) -> None:
        target = self.store.schema.of_id(record_id)
        if target is None or target.name not in field.reference_to:
            raise unfit("MALFORMED_ID", field, f"id value of incorrect type: {record_id}")
        row = self.store.latest(record_id)
        if row is None or (not how.user and self.store.is_invisible(record_id)):
            raise Unfit("INVALID_CROSS_REFERENCE_KEY", field, "invalid cross reference id")
        if row.deleted:
            raise Unfit("ENTITY_IS_DELETED", field, "entity is deleted")
        if row.values.get("IsConverted"):
            raise Unfit("CANNOT_UPDATE_CONVERTED_LEAD", field, "cannot reference converted lead")
        if not how.user and self._guarded(record_id):
            text = f"insufficient access rights on cross-reference id: {record_id}"
            raise Unfit("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", field, text)

    def _require(self, obj: ObjectDef, whole: Values, among: Values | None = None) -> None:
        """Raise RecordFaults when a field that cannot be null would be. ``among``: only these were written."""
        person = obj.name == "Account" and bool(whole.get("LastName"))
        missing = [
            field.name
            for field in obj.fields.values()
            if (field.required or (among is not None and not field.nillable))
            and whole[field.name] is None
            and (among is None or field.name in among)
            and not (person and field.name == "Name")
        ]
        if missing:
            text = f"Required fields are missing: [{', '.join(missing)}]"
            raise RecordFaults([RecordFault("REQUIRED_FIELD_MISSING", text, tuple(missing))])

    def _rules(self, obj: ObjectDef, draft: Shown, changes: Values, how: How) -> None:
        options, table = self.store.options, self.store.table(obj)
        check_validation(options.validation_rules, obj, draft.values)
        check_duplicates(options, table, draft, changes, allow_save=how.allow_save)
        check_unique(obj, table, draft, changes)

    # Small questions

    def _takes_default(self, obj: ObjectDef, name: str, value: Json) -> bool:
        field = obj.named(name)
        return value is None and field is not None and field.defaulted and field.type != "boolean"

    def _parents(self, obj: ObjectDef, changes: Values) -> list[Json]:
        """Rows that a write locks besides its own."""
        return [changes.get(field.name) for field in obj.fields.values() if "Account" in field.reference_to]

    def _assigns(self, obj: ObjectDef, how: How) -> bool:
        return obj.name == "Lead" and how.auto_assign and self.store.options.assignment_rule

    def _guarded(self, record_id: str) -> bool:
        return record_id[:15] in {one[:15] for one in self.store.options.readonly_ids}


def _not_writable(names: list[str]) -> RecordFault:
    text = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return RecordFault("INVALID_FIELD_FOR_INSERT_UPDATE", text, tuple(names))


def unsupported(obj: ObjectDef, operation: str) -> RecordFaults:
    """400: the object's records are not written that way."""
    return refused("INVALID_TYPE_FOR_OPERATION", f"entity type {obj.name} does not support {operation}")
