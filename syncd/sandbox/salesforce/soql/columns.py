"""Paths → fields that exist for this user, and their values. Parents are looked up once a query and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef
from syncd.sandbox.salesforce.soql.lexer import located
from syncd.sandbox.salesforce.soql.tree import Path, Select

Value: TypeAlias = Callable[[Shown], Json]

HOPS_MOST = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A field, behind ``hops``: reference fields that lead from the queried object to a parent."""

    hops: tuple[FieldDef, ...]
    field: FieldDef

    @property
    def name(self) -> str:
        """As a header shows it, with exact names: ``Account.Name``."""
        return ".".join([*(hop.relationship for hop in self.hops), self.field.name])


class Scope:
    """What the names of one query mean. ``deleted``: parents in the recycle bin are seen, too."""

    def __init__(self, org: Org, select: Select, *, deleted: bool) -> None:
        self.org = org
        self.select = select
        self.deleted = deleted
        self.entity = org.schema.typed(select.object)
        self._parents: dict[str, Shown | None] = {}

    def column(self, path: Path) -> Column:
        """The field that a path leads to. Raises ApiError (400 INVALID_FIELD); what is hidden does not exist."""
        names = path.names
        if len(names) > 1 and names[0].lower() in self.select.names:
            names = names[1:]
        if len(names) > HOPS_MOST + 1:
            raise self.invalid(path, f"a path leads over {HOPS_MOST} parents at most")
        hops: list[FieldDef] = []
        entities = [self.entity]
        for name in names[:-1]:
            hop = self._named(entities, name, lambda entity: entity.by_relationship)
            if hop is None:
                raise self.invalid(path, _no_relationship(name))
            hops.append(hop)
            known = (self.org.schema.objects.get(target.lower()) for target in hop.reference_to)
            entities = [target for target in known if target is not None]
        field = self._named(entities, names[-1], lambda entity: entity.fields)
        if field is None:
            where = entities[0].name if entities else names[-2]
            raise self.invalid(path, _no_column(names[-1], where))
        return Column(tuple(hops), field)

    def invalid(self, path: Path, message: str) -> ApiError:
        """400 INVALID_FIELD at the path's place."""
        return located("INVALID_FIELD", self.select.text, path.at, message)

    def value(self, column: Column) -> Value:
        """How to get at a column's value, null where a parent is missing."""
        name, hops = column.field.name, [hop.name for hop in column.hops]
        if not hops:
            return lambda row: row.values.get(name)

        def get(row: Shown) -> Json:
            for hop in hops:
                parent = self.parent(row, hop)
                if parent is None:
                    return None
                row = parent
            return row.values.get(name)

        return get

    def parent(self, row: Shown, reference: str) -> Shown | None:
        """The record that a reference field leads to."""
        record_id = row.values.get(reference)
        if not isinstance(record_id, str):
            return None
        if record_id not in self._parents:
            entity = self.org.schema.of_id(record_id)
            found = self.org.find(entity, record_id, deleted=self.deleted) if entity else None
            self._parents[record_id] = found
        return self._parents[record_id]

    def _named(
        self, entities: list[ObjectDef], name: str, table: Callable[[ObjectDef], Mapping[str, FieldDef]]
    ) -> FieldDef | None:
        """The first field of that name that is visible; a reference can lead to several objects."""
        for entity in entities:
            field = table(entity).get(name.lower())
            if field is not None and field.name.lower() in self.org.visible(entity):
                return field
        return None


def _no_column(name: str, entity: str) -> str:
    return (
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append "
        "the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate "
        "names."
    )


def _no_relationship(name: str) -> str:
    return (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, "
        "be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe "
        "call for the appropriate names."
    )
