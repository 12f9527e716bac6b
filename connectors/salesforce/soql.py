"""SOQL as text: literals, conditions and queries that fit into a request's address. Pure; it sends nothing.

simple-salesforce's own ``format_soql`` is not used: it reads naive datetimes as local time and knows no length
(Salesforce, section 2.7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote_plus

#: Bytes that a query may have in the address. The server takes 16,384 for the address and the headers together
#: (section 7), and a token in JWT form alone can have some thousands.
LONGEST = 11_000
#: Bytes that the values of one IN, or the alternatives of one OR, may have there.
_LONGEST_PART = 7_000
#: Values in one IN (section 2.7).
MOST_VALUES = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)


def text(value: str) -> str:
    """Given a text, return it as a quoted literal."""
    return f"'{value.translate(_ESCAPES)}'"


def pattern(digits: str) -> str:
    """Given digits, return the LIKE literal for texts that hold them in this order with anything between."""
    return f"'%{'%'.join(digits)}%'"


def moment(at: datetime) -> str:
    """Given an aware moment, return its datetime literal, unquoted, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(at: datetime) -> int:
    """The moment in whole seconds since 1970: as exact as Salesforce's stamps are (section 3.2)."""
    since = at - _EPOCH
    return since.days * 86_400 + since.seconds


def from_seconds(epoch: int) -> datetime:
    """The opposite of ``seconds``."""
    return datetime.fromtimestamp(epoch, UTC)


def size(query: str) -> int:
    """Bytes of a text in a request's address."""
    return len(quote_plus(query))


def both(*conditions: str) -> str:
    """The conditions joined by AND, blank ones left out. Each has to hold together by itself."""
    return " AND ".join(condition for condition in conditions if condition)


def query(fields: Sequence[str], object_name: str, where: str, *, order: str = "", limit: int | None = None) -> str:
    """The text of a query. ``where`` "": no condition."""
    parts = ["SELECT", ",".join(fields), "FROM", object_name]
    parts += [f"WHERE {where}"] if where else []
    parts += [f"ORDER BY {order}"] if order else []
    parts += [f"LIMIT {limit}"] if limit is not None else []
    return " ".join(parts)


def any_of(field: str, values: Iterable[str]) -> Iterator[str]:
    """Given texts, yield conditions that together hold for every record whose field has one of them."""
    for chunk in _fitting([text(value) for value in dict.fromkeys(values)]):
        yield f"{field} IN ({','.join(chunk)})"


def either(conditions: Iterable[str]) -> Iterator[str]:
    """Given conditions, yield such as hold where any of some of them does; together they stand for all of them."""
    for chunk in _fitting(list(dict.fromkeys(conditions)), joint=" OR "):
        yield f"({' OR '.join(chunk)})"


def _fitting(parts: Sequence[str], joint: str = ",") -> Iterator[list[str]]:
    chunk: list[str] = []
    length = 0
    for part in parts:
        bytes_ = size(part + joint)
        if chunk and (length + bytes_ > _LONGEST_PART or len(chunk) == MOST_VALUES):
            yield chunk
            chunk, length = [], 0
        chunk.append(part)
        length += bytes_
    if chunk:
        yield chunk
