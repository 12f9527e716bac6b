"""Where a listing stands and whether it goes on: pure decisions over one page after another.

The page number only means something with the page size that it was counted in, so both travel in the cursor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from syncd.salespulse.learned import Keys
from syncd.salespulse.results import Hint
from syncd.salespulse.settings import MOST

_REPEATS = 2  #: one repeated page can be an insert of exactly one page; two in a row are the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The next page of a listing, and what has to be known of the pages before it."""

    page: int = 1
    size: int = MOST  #: the limit to ask for
    before: str = ""  #: digest of the ids of the page before
    repeats: int = 0  #: pages in a row that showed what the page before had shown
    seen: int = 0  #: rows so far
    keys: Keys = field(default_factory=Keys)  #: keys that contacts have shown in this listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one page told."""

    following: Position | None  #: None: the listing is complete
    repeated: bool = False  #: the page showed nothing new
    page_size: int | None = None  #: the server's own page size, where this page proves it


def turn(at: Position, ids: Sequence[str], rows: int, hint: Hint) -> Turn:
    """Given a page asked for at ``at``, say what follows. End of a list: the table in ``tolerance``'s source,
    in this order:

    an empty page; a page that repeats the one before; a hint; a short page. A short *first* page without a
    hint is no end, since the server may give less than was asked: the next page is asked in the size that
    came.
    """
    if rows == 0:
        return Turn(following=None)
    mark = digest(ids)
    on = replace(at, page=at.page + 1, before=mark, repeats=0, seen=at.seen + rows)
    if mark == at.before:
        last = at.repeats + 1 >= _REPEATS
        following = None if last else replace(on, repeats=at.repeats + 1, seen=at.seen)
        return Turn(following=following, repeated=True)
    more = goes_on(at, rows, hint)
    if at.page == 1 and rows != at.size:
        certain = rows if more else None
        return Turn(following=None if more is False else replace(on, size=rows), page_size=certain)
    if more is None:
        more = rows >= at.size
    proven = at.size if rows == at.size and at.page == 2 else None
    return Turn(following=on if more else None, page_size=proven)


def goes_on(at: Position, rows: int, hint: Hint) -> bool | None:
    """What has_more, next_page, total_pages and total say together; None: nothing. One that says "more" is believed."""
    said = [hint.has_more] if hint.has_more is not None else []
    if hint.next_page is not None:
        said.append(hint.next_page > at.page)
    if hint.total_pages is not None:
        said.append(hint.total_pages > at.page)
    if hint.total is not None:
        size = rows if at.page == 1 else at.size
        # On a full first page a total of just as many may be the count of this page.
        if not (at.page == 1 and rows >= at.size and hint.total == rows):
            said.append(hint.total > (at.page - 1) * size + rows)
    return any(said) if said else None


def digest(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]


def cursor_of(at: Position) -> str:
    """The position as a cursor: it holds no value of any contact."""
    return orjson.dumps(
        {
            "page": at.page,
            "size": at.size,
            "before": at.before,
            "repeats": at.repeats,
            "seen": at.seen,
            "valued": sorted(at.keys.valued),
            "blank": sorted(at.keys.blank),
        }
    ).decode()


def position_of(cursor: str) -> Position | None:
    """The cursor as a position; None for one that is not understood: the listing then begins again."""
    try:
        found: Any = orjson.loads(cursor)
        page, size, repeats, seen = (int(found[name]) for name in ("page", "size", "repeats", "seen"))
        keys = Keys(valued=frozenset(map(str, found["valued"])), blank=frozenset(map(str, found["blank"])))
        before = str(found["before"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    if page < 1 or not 1 <= size <= 100 * MOST or repeats < 0 or seen < 0:
        return None
    return Position(page=page, size=size, before=before, repeats=repeats, seen=seen, keys=keys)
