"""What an org's objects and fields are: the types, without any object (those are in ``objects``).

Names are found without regard to case, as in SOQL and JSON bodies (contract, section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from syncd.sandbox.salesforce.errors import invalid_type, not_found
from syncd.sandbox.salesforce.row import Json

LONG_TEXT = 255
"""Text areas above this length are long text: neither filterable nor sortable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One value of a picklist."""

    value: str
    label: str = ""
    active: bool = True
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDef:
    """One field, in the words of describe (contract, section 5.1).

    ``type`` is describe's: id, string, textarea, email, phone, url, picklist, multipicklist, boolean, int, double,
    currency, percent, date, datetime, reference, address.
    """

    name: str
    label: str
    type: str
    length: int = 0
    """Characters; 0 for types that have none."""
    precision: int = 0
    """Digits of a number in all."""
    scale: int = 0
    """Digits after the point."""
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    """``defaultedOnCreate``: may be left out of a create although it cannot be null."""
    default: Json = None
    """What a create without it stores."""
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    calculated: bool = False
    filterable: bool = True
    sortable: bool = True
    restricted: bool = False
    """Only the values of ``picklist`` can be stored."""
    picklist: tuple[Pick, ...] = ()
    reference_to: tuple[str, ...] = ()
    """Exact names of the objects that a reference can lead to."""
    relationship: str = ""
    """Under which name SOQL reaches the parent: ``Account`` for ``AccountId``. "" when there is none."""
    compound: str = ""
    """The compound field that this one is part of."""
    case_sensitive: bool = False
    custom: bool = False

    @property
    def required(self) -> bool:
        """A create without it is refused."""
        return self.createable and not self.nillable and not self.defaulted and self.type != "boolean"

    @property
    def long_text(self) -> bool:
        """A long text area: shortens query pages and cannot be filtered by."""
        return self.type == "textarea" and self.length > LONG_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDef:
    """One object. ``fields`` is keyed by the lower-case name, in the order of describe."""

    name: str
    label: str
    plural: str
    prefix: str
    """The first three characters of its ids."""
    fields: Mapping[str, FieldDef]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    mergeable: bool = False
    undeletable: bool = True
    replicateable: bool = True
    queryable: bool = True
    searchable: bool = True
    custom: bool = False
    by_relationship: Mapping[str, FieldDef] = field(init=False)
    """Lower-case relationship name → its reference field."""

    def __post_init__(self) -> None:
        found = {one.relationship.lower(): one for one in self.fields.values() if one.relationship}
        object.__setattr__(self, "by_relationship", found)

    def named(self, name: str) -> FieldDef | None:
        """By API name in any case. Field-level security is not asked: see ``Org.visible``."""
        return self.fields.get(name.lower())


class Schema:
    """All objects of an org, by lower-case name."""

    def __init__(self, objects: Iterable[ObjectDef]) -> None:
        self.objects: Mapping[str, ObjectDef] = {one.name.lower(): one for one in objects}
        self._by_prefix: dict[str, tuple[ObjectDef, ...]] = {}
        for one in self.objects.values():
            self._by_prefix[one.prefix] = (*self._by_prefix.get(one.prefix, ()), one)

    def get(self, name: str) -> ObjectDef:
        """By API name in any case, as a resource's path gives it. Raises ApiError (404 NOT_FOUND)."""
        found = self.objects.get(name.lower())
        if found is None:
            raise not_found()
        return found

    def typed(self, name: str) -> ObjectDef:
        """By API name in any case, as a query or ``attributes.type`` gives it. Raises ApiError (400 INVALID_TYPE)."""
        found = self.objects.get(name.lower())
        if found is None:
            raise invalid_type(name)
        return found

    def of_id(self, record_id: str) -> ObjectDef | None:
        """The object that an id's first three characters name; the first of those that share a prefix."""
        return next(iter(self.sharing(record_id)), None)

    def sharing(self, record_id: str) -> tuple[ObjectDef, ...]:
        """All objects whose records can have this id: the lists of stages have one prefix between them."""
        return self._by_prefix.get(record_id[:3], ())
