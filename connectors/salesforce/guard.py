"""What a batch of updates is about to replace, read right before it is written (section 4.2: read, check, write).

Collections and bulk jobs know no condition, so an edit in the moment between this look and the write is still
overwritten. Only the fields that are written count: a record that was changed elsewhere is written all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.salesforce.codec import ID, MODIFIED, Lens, record_of, written
from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.ids import is_id
from connectors.salesforce.rows import Row
from connectors.salesforce.schema import Schema
from connectors.salesforce.transport import Answer, Ask, Transport
from syncd.core.kinds import blank
from syncd.core.model import FieldSpec, Record, Value
from syncd.core.moments import read_moment
from syncd.net.governor import Priority

#: Ids in one read (section 4.3).
MOST = 2000


class Guard:
    """Looks at the fields of one object that are about to be written."""

    def __init__(self, transport: Transport, schema: Schema) -> None:
        self._transport = transport
        self._schema = schema

    def look(self, rows: Sequence[Row]) -> dict[str, Record]:
        """The records that are shown, by trace, with those of their written fields that are shown. Raises a
        ConnectionStop.

        A record that is not shown is missing: what its write answers tells more.
        """
        asked = [row for row in rows if is_id(row.key)]  # for what is no id the whole request would be refused
        found: dict[str, Record] = {}
        for start in range(0, len(asked), MOST):
            found |= self._look(asked[start : start + MOST])
        return found

    def _look(self, rows: Sequence[Row]) -> dict[str, Record]:
        where = f"the read of {self._schema.object} records on Salesforce"
        try:
            try:
                answer, lens = self._read(rows)
            except Refused as refused:
                if refused.next is not Next.DESCRIBE:
                    raise
                self._schema.forget()  # a field was hidden since it was described
                answer, lens = self._read(rows)
            shown = zip(rows, answer.data, strict=True)
            return {row.trace: record_of(one, lens) for row, one in shown if one is not None}
        except (Refused, AttributeError, KeyError, TypeError, ValueError) as error:
            raise not_understood(where, error) from None

    def _read(self, rows: Sequence[Row]) -> tuple[Answer, Lens]:
        names = self._schema.selectable([name for row in rows for name in row.values])
        lens = Lens(object=self._schema.object, shown=names, requested=tuple(dict.fromkeys((ID, MODIFIED, *names))))
        ask = Ask(
            method="POST",
            path=f"composite/sobjects/{self._schema.object}",
            kind="collections/guard",
            priority=Priority.PUSH,
            body={"ids": [row.key for row in rows], "fields": list(lens.requested)},
        )
        return self._transport.read(ask), lens


def still(row: Row, found: Record) -> bool:
    """Whether what is written still replaces what it was decided to replace."""
    before = {change.field: change.before for change in row.intent.changes}
    return all(
        _same(found.values[name], before[name]) for name in row.values if name in before and name in found.values
    )


def arrived(row: Row, found: Record, specs: Mapping[str, FieldSpec]) -> bool:
    """Whether the record shows what was sent. A value that Salesforce reshapes is not recognised."""
    return all(
        name in found.values and _shows(specs.get(name), found.values[name], value)
        for name, value in row.values.items()
    )


def _shows(spec: FieldSpec | None, shown: Value, sent: Value) -> bool:
    given: Value = written(spec, sent)
    if spec is not None and spec.type == "datetime" and isinstance(shown, str) and isinstance(given, str):
        return read_moment(shown) == read_moment(given)
    return _same(shown, given)


def _same(one: Value, other: Value) -> bool:
    return one == other or (_is_empty(one) and _is_empty(other))


def _is_empty(value: Value) -> bool:
    """A checkbox is never blank: unticked is its nothing."""
    return value is False or blank(value)
