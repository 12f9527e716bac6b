"""Looking contacts up by a value: what ``search`` looks at is not documented, so every hit is checked."""

from __future__ import annotations

import re

from syncd.net.governor import Priority
from syncd.salespulse.client import SalesPulseClient
from syncd.salespulse.listing import Lister
from syncd.salespulse.pages import Position, turn
from syncd.salespulse.results import Contact, Listing

_MOST_PAGES = 10  #: a server that ignores ``search`` lists everything; a sweep costs less than reading that
_FEW = 20  #: fewer hits than any server would cut a page at
_HITS = 100  #: hits a page


def search(client: SalesPulseClient, lister: Lister, value: str) -> list[Contact]:
    """Contacts that the server returns for the value. A short first page ends it: a search is a hint, never a proof."""

    def ask(at: Position) -> Listing[Contact]:
        return client.list_contacts(page=at.page, limit=at.size, search=value, priority=Priority.PUSH)

    found: list[Contact] = []
    at: Position | None = Position(size=min(lister.size, _HITS))
    for _page in range(_MOST_PAGES):
        if at is None:
            break
        listing, at = lister.page(ask, at)
        found += listing.items
        short = at.page == 1 and listing.rows < min(at.size, _FEW)
        after = turn(at, [contact.id for contact in listing.items], listing.rows, listing.hint).following
        at = None if short and listing.hint.has_more is not True else after
    return found


def bears(contact: Contact, key: str, field: str, value: str) -> bool:
    """Whether the contact carries the value, however it is written: in that field, or in any where none is named."""
    fields = (field,) if field else tuple(contact.fields)
    wanted = _folded(key, value)
    return any(isinstance(shown := contact.fields.get(name), str) and _folded(key, shown) == wanted for name in fields)


def _folded(key: str, value: str) -> str:
    if key == "phone":
        return re.sub(r"\D", "", value)[-10:] or value
    return value.strip().casefold()
