"""A query carried out: its rows, and how each of them is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from syncd.sandbox.salesforce.errors import invalid_type
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef
from syncd.sandbox.salesforce.soql.columns import Column, Scope
from syncd.sandbox.salesforce.soql.conditions import ordered, test
from syncd.sandbox.salesforce.soql.narrow import between, view_order, wanted_ids
from syncd.sandbox.salesforce.soql.parser import parse
from syncd.sandbox.salesforce.table import Order


@dataclass(slots=True)
class _Shape:
    """What is shown of one object: fields, and parents with shapes of their own, in the order of the query."""

    entity: ObjectDef
    fields: dict[str, FieldDef] = field(default_factory=dict)
    parents: dict[str, tuple[str, _Shape]] = field(default_factory=dict)


class Query:
    """A query that was understood. Raises ApiError (400) where it cannot be."""

    def __init__(self, org: Org, text: str, *, all_rows: bool) -> None:
        self.select = parse(text)
        self.scope = Scope(org, self.select, deleted=all_rows)
        self.org = org
        self.all_rows = all_rows
        if not self.scope.entity.queryable:
            raise invalid_type(self.select.object)
        self.columns = self._columns()
        self._values = [self.scope.value(column) for column in self.columns]

    @property
    def counts(self) -> bool:
        """It is a COUNT()."""
        return not self.select.fields

    @property
    def long_texts(self) -> int:
        """How many long text areas are selected."""
        return sum(column.field.long_text for column in self.columns)

    def rows(self) -> list[Shown]:
        """Every row that it finds, in order. Raises ApiError (400)."""
        select, scope = self.select, self.scope
        holds = test(scope, select.where) if select.where is not None else None
        order = view_order(scope, select.order)
        found: Iterable[Shown] = self._candidates(order or "Id")
        if holds is not None:
            found = filter(holds, found)
        if order is None:
            found = ordered(scope, list(found), select.order)
        end = None if select.limit is None else select.offset + select.limit
        return list(islice(found, select.offset, end))

    def again(self, ids: Iterable[str]) -> list[Shown]:
        """The rows with these ids, as they are now; those that are gone or archived are left out."""
        found = (self.org.find(self.scope.entity, one, deleted=self.all_rows) for one in ids)
        return [row for row in found if row is not None and (self.all_rows or row.values.get("IsArchived") is not True)]

    def records(self, rows: Iterable[Shown], base: str) -> list[dict[str, Any]]:
        """The rows in JSON; ``base`` is the path up to the version."""
        shape = self._shape()
        return [self._record(row, shape, base) for row in rows]

    def cells(self, row: Shown) -> list[Json]:
        """The values of a row, one for each of ``columns``; compound fields have none."""
        return [value(row) for value in self._values]

    def _columns(self) -> list[Column]:
        found: dict[str, Column] = {}
        for path in self.select.fields:
            column = self.scope.column(path)
            if column.name in found:
                raise self.scope.invalid(path, f"duplicate field selected: {column.name}")
            found[column.name] = column
        return list(found.values())

    def _candidates(self, order: Order) -> Iterable[Shown]:
        """Rows that might be found, in this order."""
        ids = wanted_ids(self.scope, self.select.where)
        if ids is not None:
            named = self.again(sorted(ids))
            return named if order == "Id" else sorted(named, key=lambda row: (row.stamp, row.id))
        rows = self.org.view(self.scope.entity, deleted=self.all_rows, order=order)
        return between(self.scope, self.select.where, order, rows)

    def _shape(self) -> _Shape:
        top = _Shape(self.scope.entity)
        for column in self.columns:
            shape = top
            for hop in column.hops:
                target = self.org.schema.typed(hop.reference_to[0])
                shape = shape.parents.setdefault(hop.relationship, (hop.name, _Shape(target)))[1]
            shape.fields[column.field.name] = column.field
        return top

    def _record(self, row: Shown, shape: _Shape, base: str) -> dict[str, Any]:
        values = row.values
        shown: dict[str, Any] = {"attributes": {"type": row.object, "url": f"{base}/sobjects/{row.object}/{row.id}"}}
        for name, one in shape.fields.items():
            shown[name] = values.get(name) if one.type != "address" else address(row, one, shape.entity)
        for name, (reference, inner) in shape.parents.items():
            parent = self.scope.parent(row, reference)
            shown[name] = None if parent is None else self._record(parent, inner, base)
        return shown


def address(row: Shown, whole: FieldDef, entity: ObjectDef) -> dict[str, Json] | None:
    """A compound address from its parts: ``MailingPostalCode`` is its ``postalCode``. Null when all are."""
    prefix = len(whole.name.removesuffix("Address"))
    parts = [one.name for one in entity.fields.values() if one.compound == whole.name]
    found = {name[prefix].lower() + name[prefix + 1 :]: row.values.get(name) for name in parts}
    return found if any(value is not None for value in found.values()) else None
