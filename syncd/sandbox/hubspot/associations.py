"""Associations between records: their type ids and their store (contract, section 7). Paths are in ``ties``.

Ids have a direction; the wrong one is refused. Whether an association moves a modified time is ``writer``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from syncd.sandbox.hubspot.errors import Refused, validation
from syncd.sandbox.hubspot.schema import Schema

TYPE_IDS = {
    ("contacts", "deals"): 4,
    ("deals", "contacts"): 3,
    ("contacts", "calls"): 193,
    ("calls", "contacts"): 194,
    ("deals", "calls"): 205,
    ("calls", "deals"): 206,
}
"""Unlabelled HUBSPOT_DEFINED type by direction."""

PAGE = 500


@dataclass(frozen=True, slots=True)
class Link:
    """One end of an association: what the record at hand is tied to."""

    to_type: str
    to_id: int


def no_records(ids: list[str]) -> Refused:
    """400: an end of an association is no live record. The status of such an answer is not established."""
    return Refused(
        400,
        f"No associations were created: records {', '.join(ids)} do not exist",
        category="VALIDATION_ERROR",
        context={"ids": ids},
    )


class Associations:
    """Which records belong together. ``alive`` gives a live record's present id, or None."""

    def __init__(self, alive: Callable[[str, str], int | None], types: Collection[str]) -> None:
        self._alive = alive
        self._types = types
        self._ties: dict[tuple[str, str], dict[int, list[int]]] = {pair: {} for pair in TYPE_IDS}

    def read(self, schema: Schema, raw: object) -> tuple[Link, ...]:
        """The ``associations`` of a create. Raises Refused for wrong types, directions or ids."""
        if not raw:
            return ()
        if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
            raise validation("Invalid input JSON: associations must be a list of objects")
        return tuple(self._link(schema.name, one) for one in raw)

    def check_types(self, pair: tuple[str, str], raw: object) -> None:
        """Raise Refused unless every given type is this direction's."""
        given = raw if isinstance(raw, list) else []
        for one in given:
            type_id = one.get("associationTypeId") if isinstance(one, dict) else None
            if TYPE_IDS.get(pair) != type_id:
                raise validation(f"Association type {type_id} is not one from {pair[0]} to {pair[1]}")

    def _link(self, kind: str, raw: dict[str, Any]) -> Link:
        types = raw.get("types")
        target = raw.get("to")
        if not isinstance(types, list) or not types or not isinstance(target, dict):
            raise validation("Invalid input JSON: an association needs to.id and types")
        type_id = types[0].get("associationTypeId") if isinstance(types[0], dict) else None
        pair = next((pair for pair, known in TYPE_IDS.items() if known == type_id and pair[0] == kind), None)
        if pair is None:
            raise validation(f"Association type {type_id} is not one from {kind}")
        to_id = self._alive(pair[1], str(target.get("id", "")))
        if to_id is None:
            raise no_records([str(target.get("id", ""))])
        return Link(pair[1], to_id)

    def add(self, kind: str, row_id: int, link: Link) -> None:
        """Tie two records, both ways. Idempotent."""
        for pair, here, there in (
            ((kind, link.to_type), row_id, link.to_id),
            ((link.to_type, kind), link.to_id, row_id),
        ):
            tied = self._ties[pair].setdefault(here, [])
            if there not in tied:
                tied.append(there)

    def remove(self, kind: str, row_id: int, link: Link) -> None:
        """Untie two records. Idempotent."""
        for pair, here, there in (
            ((kind, link.to_type), row_id, link.to_id),
            ((link.to_type, kind), link.to_id, row_id),
        ):
            tied = self._ties[pair].get(here, [])
            if there in tied:
                tied.remove(there)

    def of(self, kind: str, row_id: int, to_type: str) -> list[int]:
        """Ids of the live records that are tied to this one, ascending."""
        tied = self._ties.get((kind, to_type), {}).get(row_id, [])
        found = {self._alive(to_type, str(one)) for one in tied}
        return sorted(one for one in found if one is not None)

    def move(self, kind: str, old: Collection[int], new: int) -> None:
        """A merge: the survivor has the ties of both."""
        for pair in TYPE_IDS:
            if pair[0] == kind:
                for row_id in old:
                    for there in list(self._ties[pair].get(row_id, [])):
                        self.add(kind, new, Link(pair[1], there))

    def export(self) -> list[list[Any]]:
        """JSON-able: one direction of each pair is enough."""
        return [
            [kind, here, to_type, there]
            for (kind, to_type), ties in self._ties.items()
            if kind < to_type
            for here, tied in ties.items()
            for there in tied
        ]

    def load(self, data: list[list[Any]]) -> None:
        """Take over what ``export`` gave."""
        for kind, here, to_type, there in data:
            self.add(kind, here, Link(to_type, there))
