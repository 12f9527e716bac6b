"""Tells whether two people's names speak against their being one person. It never says that they are one."""

from __future__ import annotations

import unicodedata

from syncd.core.mapping import FieldMap, Kind
from syncd.core.model import Record, Side, Value

#: SalesPulse's own name fields; others count where the mapping says ``as = "name"``.
NAME_FIELDS = frozenset({"first_name", "last_name"})


def contradict(fields: FieldMap, one: tuple[Side, Record], other: tuple[Side, Record]) -> bool:
    """Whether some mapped name differs. Blanks, initials and shortened names contradict nothing."""
    for rule in fields.rules:
        if rule.kind is not Kind.NAME and rule.salespulse not in NAME_FIELDS:
            continue
        a, b = (folded(record.values.get(rule.on(side))) for side, record in (one, other))
        if a and b and not a.startswith(b) and not b.startswith(a):
            return True
    return False


def folded(name: Value) -> str:
    """A name without case, accents, spaces and punctuation."""
    if name is None or isinstance(name, tuple):
        return ""
    plain = unicodedata.normalize("NFKD", str(name)).casefold()
    return "".join(char for char in plain if char.isalnum())
