"""The CSV of bulk jobs: UTF-8, a header of API names, ``""`` doubles quotes (contract, section 4.5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
NULL = "#N/A"
"""A cell that clears; an empty one leaves the field as it is."""

LONGEST_CELL = 131_072


class BadCsv(ValueError):
    """It is no CSV, or its rows do not fit its header. The text names the line and no value."""


def read(content: str, delimiter: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows. Raises BadCsv."""
    csv.field_size_limit(LONGEST_CELL)
    lines = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(lines, [])
        rows = [row for row in lines if row]
    except csv.Error as error:
        raise BadCsv(f"line {lines.line_num}: {error}") from None
    if not any(header):
        raise BadCsv("there is no header")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise BadCsv(f"row {number} has {len(row)} cells, the header has {len(header)}")
    return header, rows


def write(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str, line_ending: str) -> bytes:
    """Everything in quotes, as the vendor writes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_ending, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def values(header: Sequence[str], row: Sequence[str]) -> Mapping[str, str | None]:
    """What a row says of its fields: nothing for an empty cell, None for ``#N/A``."""
    return {name: None if cell == NULL else cell for name, cell in zip(header, row, strict=True) if cell}
