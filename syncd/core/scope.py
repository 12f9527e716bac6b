"""Which records take part. Leaving the scope freezes a link; it is never a delete."""

from __future__ import annotations

from syncd.core.mapping import FieldMap
from syncd.core.model import Record, Side


def in_scope(fields: FieldMap, side: Side, record: Record) -> bool:
    """Whether the record takes part. The CRM's own filter was judged by its connector; SalesPulse's is a list of
    values a field.

    A field of the filter that was not read keeps the record out: nothing is decided on what was not read.
    """
    if side is Side.CRM:
        return record.in_scope
    for name, allowed in fields.scope_salespulse.items():
        value = record.values.get(name)
        shown = value if isinstance(value, tuple) else (value,)
        if not {str(item).casefold() for item in shown} & {item.casefold() for item in allowed}:
            return False
    return True
