"""Looking contacts up by a value: what ``search`` looks at is not documented, so every hit is checked."""

from __future__ import annotations

from collections.abc import Hashable

from syncd.core.kinds import text_of
from syncd.core.model import Value
from syncd.core.phones import read_phone
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


def words_for(key: str, value: str, region: str) -> str:
    """What to search for: of a phone the number alone, since how its extension is written is not known."""
    found = read_phone(value, region) if key == "phone" else None
    return value if found is None else found[0]


def bears(contact: Contact, key: str, field: str, value: str, region: str) -> bool:
    """Whether the contact carries the value, however it is written: in that field, or in any where none is named."""
    fields = (field,) if field else tuple(contact.fields)
    wanted = _readings(key, value, region)
    return any(not wanted.isdisjoint(_readings(key, contact.fields.get(name), region)) for name in fields)


def _readings(key: str, value: Value, region: str) -> frozenset[Hashable]:
    """All that a value may mean; none for a blank."""
    text = text_of(value).strip()
    if key != "phone":
        return frozenset({text.casefold()} - {""})
    # A JSON number cannot carry the plus, so its digits may begin with a country code.
    texts = (text, f"+{text}") if text.isdigit() else (text,)
    return frozenset(found for one in texts if (found := read_phone(one, region))) or frozenset({text} - {""})
