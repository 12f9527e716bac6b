"""How the fields of objects are written down: one function per kind of field, and the system fields of every object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncd.sandbox.salesforce.schema import FieldDef, Pick

READ_ONLY: Mapping[str, Any] = {"createable": False, "updateable": False}


def keyed(*fields: FieldDef) -> dict[str, FieldDef]:
    """By lower-case name."""
    return {one.name.lower(): one for one in fields}


def text(name: str, label: str, length: int, **flags: Any) -> FieldDef:
    """One line of text."""
    return FieldDef(name=name, label=label, type="string", length=length, **flags)


def area(name: str, label: str, length: int, **flags: Any) -> FieldDef:
    """Lines of text; above 255 characters neither filterable nor sortable."""
    short = length <= 255
    return FieldDef(name=name, label=label, type="textarea", length=length, filterable=short, sortable=short, **flags)


def phone(name: str, label: str) -> FieldDef:
    """A phone number: free text of 40 characters."""
    return FieldDef(name=name, label=label, type="phone", length=40)


def email(name: str, label: str, **flags: Any) -> FieldDef:
    """An e-mail address of at most 80 characters."""
    return FieldDef(name=name, label=label, type="email", length=80, id_lookup=True, **flags)


def flag(name: str, label: str, **flags: Any) -> FieldDef:
    """A checkbox: never null, false when left out."""
    given: dict[str, Any] = {"nillable": False, "defaulted": True, "default": False} | flags
    return FieldDef(name=name, label=label, type="boolean", **given)


def choice(name: str, label: str, values: Iterable[Pick | str], **flags: Any) -> FieldDef:
    """A picklist; unrestricted unless told."""
    picks = tuple(Pick(value=one, label=one) if isinstance(one, str) else one for one in values)
    given: dict[str, Any] = {"type": "picklist", "length": 255} | flags
    return FieldDef(name=name, label=label, picklist=picks, **given)


def number(name: str, label: str, kind: str, precision: int, scale: int = 0, **flags: Any) -> FieldDef:
    """int, double, currency or percent."""
    return FieldDef(name=name, label=label, type=kind, precision=precision, scale=scale, **flags)


def day(name: str, label: str, **flags: Any) -> FieldDef:
    """A date."""
    return FieldDef(name=name, label=label, type="date", **flags)


def moment(name: str, label: str, **flags: Any) -> FieldDef:
    """A date and time."""
    return FieldDef(name=name, label=label, type="datetime", **flags)


def reference(name: str, label: str, to: str | tuple[str, ...], relationship: str = "", **flags: Any) -> FieldDef:
    """The id of another record. The relationship is named like the field without ``Id`` unless told."""
    targets = (to,) if isinstance(to, str) else to
    return FieldDef(
        name=name,
        label=label,
        type="reference",
        length=18,
        reference_to=targets,
        relationship=relationship or name.removesuffix("Id"),
        **flags,
    )


def address(name: str, label: str) -> FieldDef:
    """A compound address. It is described only: the model keeps and shows the parts, and null here."""
    return FieldDef(name=name, label=label, type="address", filterable=False, sortable=False, **READ_ONLY)


def address_parts(prefix: str, label: str, compound: str) -> tuple[FieldDef, ...]:
    """Street, city, state, code and country, and the compound field that they make."""
    return (
        area(f"{prefix}Street", f"{label}Street", 255, compound=compound),
        text(f"{prefix}City", f"{label}City", 40, compound=compound),
        text(f"{prefix}State", f"{label}State/Province", 80, compound=compound),
        text(f"{prefix}PostalCode", f"{label}Zip/Postal Code", 20, compound=compound),
        text(f"{prefix}Country", f"{label}Country", 80, compound=compound),
        address(compound, f"{label}Address".strip()),
    )


def identity(label: str) -> FieldDef:
    """The record's own id."""
    return FieldDef(
        name="Id",
        label=label,
        type="id",
        length=18,
        nillable=False,
        defaulted=True,
        id_lookup=True,
        case_sensitive=True,
        **READ_ONLY,
    )


def owner() -> FieldDef:
    """Who owns the record: whoever made it, unless told."""
    return reference("OwnerId", "Owner ID", "User", nillable=False, defaulted=True)


DELETED = flag("IsDeleted", "Deleted", **READ_ONLY)
STAMP = moment("SystemModstamp", "System Modstamp", nillable=False, defaulted=True, **READ_ONLY)


def audit() -> tuple[FieldDef, ...]:
    """When and by whom the record was made and changed."""
    return (
        moment("CreatedDate", "Created Date", nillable=False, defaulted=True, **READ_ONLY),
        reference("CreatedById", "Created By ID", "User", nillable=False, defaulted=True, **READ_ONLY),
        moment("LastModifiedDate", "Last Modified Date", nillable=False, defaulted=True, **READ_ONLY),
        reference("LastModifiedById", "Last Modified By ID", "User", nillable=False, defaulted=True, **READ_ONLY),
        STAMP,
    )


def master(to: str) -> FieldDef:
    """The record that this one was merged into."""
    return reference("MasterRecordId", "Master Record ID", to, **READ_ONLY)
