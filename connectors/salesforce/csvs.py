"""The CSV of bulk jobs (section 4.5): rows to text, and the three result files back. Pure.

An empty cell leaves a field as it is, so rows that write different fields share one file; ``#N/A`` clears.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from connectors.salesforce.codec import csv_text
from connectors.salesforce.faults import Fault
from connectors.salesforce.rows import Done, Row, Verb
from syncd.core.model import FieldSpec, Value

CLEAR = "#N/A"
#: A cell must not be longer (section 7).
LONGEST = 32_000
_ID, _CREATED, _ERROR = "sf__Id", "sf__Created", "sf__Error"


def fits(row: Row) -> bool:
    """Whether the row can be said in CSV: a text that reads ``#N/A`` would clear the field instead."""
    return not row.plain and not any(_unsayable(value) for value in row.values.values())


def parts(
    verb: Verb, rows: Sequence[Row], specs: Mapping[str, FieldSpec], *, most_bytes: int
) -> Iterator[tuple[tuple[Row, ...], str]]:
    """Rows in files of at most ``most_bytes`` each, a row never cut. All files of one call have the same columns."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    header = _line([_column(verb), *names])
    taken: list[Row] = []
    lines = [header]
    size = len(header.encode())
    for row in rows:
        line = _line([row.key, *(_cell(row, name, specs) for name in names)])
        length = len(line.encode())
        if taken and size + length > most_bytes:
            yield tuple(taken), "".join(lines)
            taken, lines, size = [], [header], len(header.encode())
        taken.append(row)
        lines.append(line)
        size += length
    if taken:
        yield tuple(taken), "".join(lines)


def successes(verb: Verb, text: str) -> dict[str, Done]:
    """``successfulResults``: key → what was done. The order of the rows is not kept."""
    return {
        _key(verb, row): Done(id=row.get(_ID, ""), created=row.get(_CREATED, "").casefold() == "true")
        for row in _read(text)
    }


def failures(verb: Verb, text: str) -> dict[str, tuple[Fault, ...]]:
    """``failedResults``: key → why."""
    return {_key(verb, row): (fault_of(row.get(_ERROR, "")),) for row in _read(text)}


def unprocessed(verb: Verb, text: str) -> set[str]:
    """``unprocessedRecords``: keys of rows that nothing was tried with."""
    return {_key(verb, row) for row in _read(text)}


def fault_of(error: str) -> Fault:
    """Given ``CODE:message:fields``, return it as an error entry. Messages can hold colons themselves."""
    code, _, rest = error.partition(":")
    message, _, last = rest.rpartition(":")
    names = last.removesuffix("--").replace(",", " ").split()
    if not message or not all(name.replace(".", "_").isidentifier() for name in names):
        message, names = rest, []
    return Fault(code=code.strip(), message=message.strip(), fields=tuple(names))


def _unsayable(value: Value) -> bool:
    return isinstance(value, str) and (value.strip() == CLEAR or len(value) > LONGEST)


def _cell(row: Row, name: str, specs: Mapping[str, FieldSpec]) -> str:
    return csv_text(specs.get(name), row.values[name]) if name in row.values else ""


def _column(verb: Verb) -> str:
    return "Id" if verb.key_field == "id" else verb.key_field


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _read(text: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))


def _key(verb: Verb, row: Mapping[str, str]) -> str:
    return (row.get(_column(verb)) or row.get(_ID) or "").strip()
