"""What an org's admins and other users put in the way of a save: duplicate rules, validation rules, row locks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from syncd.sandbox.salesforce.errors import RecordFault, RecordFaults, refused
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.options import Lock, Options, ValidationRule
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef
from syncd.sandbox.salesforce.table import KeyOf, Table

MATCHED = frozenset({"FirstName", "LastName", "Email"})
"""A change of none of these cannot make a duplicate."""
RULED = frozenset({"Contact", "Lead"})
"""Objects with a duplicate rule."""


# Keys that records are found by


def email_key(row: Shown) -> Hashable:
    """The e-mail address in lower case."""
    return _lower(row.values["Email"])


def name_key(row: Shown) -> Hashable:
    """First and last name in lower case; None unless there are both."""
    first, last = _lower(row.values["FirstName"]), _lower(row.values["LastName"])
    return (first, last) if first and last else None


@cache
def field_key(name: str, *, case_sensitive: bool) -> KeyOf:
    """The value of one field, in lower case unless its case counts; the same function for the same field."""
    return lambda row: row.values.get(name) if case_sensitive else _lower(row.values.get(name))


def key_of(field: FieldDef) -> KeyOf:
    """The key that a unique or an external id field is looked up by."""
    return field_key(field.name, case_sensitive=field.case_sensitive)


def key_value(field: FieldDef, value: Json) -> Hashable:
    """What ``key_of`` gives for a record with this value."""
    return value if field.case_sensitive else _lower(value)


def _lower(value: Json) -> Json:
    return value.lower() if isinstance(value, str) else value


# Duplicates


def check_unique(obj: ObjectDef, table: Table, draft: Shown, changes: Iterable[str]) -> None:
    """Raise RecordFaults when a unique value is another live record's. Deleted records hold none."""
    for name in changes:
        field = obj.named(name)
        value = draft.values[name]
        if field is None or not field.unique or value is None:
            continue
        others = [one for one in table.holders(key_of(field), key_value(field, value)) if one != draft.id]
        if others:
            text = f"duplicate value found: {name} duplicates value on record with id: {others[0][:15]}"
            raise refused("DUPLICATE_VALUE", text, name)


def check_duplicates(options: Options, table: Table, draft: Shown, changes: Iterable[str], *, allow_save: bool) -> None:
    """Raise RecordFaults when the org's duplicate rule finds others like this one and is not overruled."""
    if options.duplicate_rule == "off" or draft.object not in RULED or not MATCHED & set(changes):
        return
    if allow_save and options.duplicate_rule == "alert":
        return
    found: dict[str, None] = {}
    for key in (email_key, name_key):
        value = key(draft)
        if value is not None:
            found.update(dict.fromkeys(one for one in table.holders(key, value) if one != draft.id))
    if found:
        detail = duplicate_result(draft.object, list(found), allow_save=options.duplicate_rule == "alert")
        raise RecordFaults([RecordFault("DUPLICATES_DETECTED", "Use one of these records?", (), detail)])


def duplicate_result(name: str, ids: Sequence[str], *, allow_save: bool) -> dict[str, Any]:
    """The ``duplicateResult`` of an error (contract, section 6)."""
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {
                "attributes": {"type": name, "url": f"/services/data/v59.0/sobjects/{name}/{one}"},
                "Id": one,
            },
        }
        for one in ids
    ]
    matches = {
        "entityType": name,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": records,
        "rule": f"Standard_{name}_Match_Rule_v1_1",
        "size": len(records),
        "success": True,
    }
    return {
        "allowSave": allow_save,
        "duplicateRule": f"Standard_{name}_Duplicate_Rule",
        "duplicateRuleEntityType": name,
        "errorMessage": "Use one of these records?",
        "matchResults": [matches],
    }


# Validation rules


def check_validation(rules: Iterable[ValidationRule], obj: ObjectDef, values: Mapping[str, Json]) -> None:
    """Raise RecordFaults with every rule of the admin that the record would break."""
    faults = []
    for rule in rules:
        field = obj.named(rule.field)
        if rule.object.lower() != obj.name.lower() or field is None:
            continue
        if values[field.name] == rule.equals:
            named = (field.name,) if rule.error_field else ()
            faults.append(RecordFault("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, named))
    if faults:
        raise RecordFaults(faults)


# Locks


class Locks:
    """Rows that others hold, each for its next so many writes."""

    def __init__(self, lock: Lock) -> None:
        self._left = {_exact(one): lock.times for one in lock.ids}
        self._in_trigger = lock.in_trigger

    def check(self, *ids: Json) -> None:
        """Raise RecordFaults when one of these rows is held; a write that meets it counts."""
        for one in ids:
            if not isinstance(one, str) or not self._left.get(one):
                continue
            self._left[one] -= 1
            text = f"unable to obtain exclusive access to this record or 1 records: {one}"
            if not self._in_trigger:
                raise refused("UNABLE_TO_LOCK_ROW", text)
            raise refused(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                "Rollup: execution of AfterUpdate caused by: System.DmlException: Update failed. First exception on "
                f"row 0 with id {one}; first error: UNABLE_TO_LOCK_ROW, {text}: []",
            )


def _exact(text: str) -> str:
    try:
        return full(text)
    except ValueError:
        return text
