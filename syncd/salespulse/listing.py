"""Asks for one page of a list in a size that the server allows, and learns that size from a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from syncd.salespulse import tolerance
from syncd.salespulse.faults import Refusal
from syncd.salespulse.learned import Learned
from syncd.salespulse.pages import Position
from syncd.salespulse.results import Listing
from syncd.salespulse.settings import MOST

T = TypeVar("T")

_SMALLEST = 10  #: page size below which a refusal is not about the page size


class Lister:
    """Page sizes of one account. How large ``limit`` may be is not documented: 1,000 is asked once."""

    def __init__(self, learned: Learned, *, configured: int | None) -> None:
        """``configured``: a page size that a person chose; nothing is learned then."""
        self._learned = learned
        self._configured = configured

    @property
    def size(self) -> int:
        return self._configured or self._learned.page_size or MOST

    def learn(self, size: int | None) -> None:
        """The server was seen to put this many on a page. None: nothing was seen."""
        if size is not None and self._configured is None:
            self._learned.learn_page_size(size)

    def page(self, ask: Callable[[Position], Listing[T]], at: Position) -> tuple[Listing[T], Position]:
        """Return the page and where it stands: a smaller size begins again at page one. Raise Refusal."""
        asked = at
        while True:
            try:
                listing = ask(at)
            except Refusal as refusal:
                size = self._smaller(refusal, at.size)
                if size is None:
                    raise
                at = Position(size=size)
                continue
            if at is not asked:
                self.learn(at.size)
            return listing, at

    def _smaller(self, refusal: Refusal, size: int) -> int | None:
        if self._configured is not None or refusal.status not in (400, 422) or size <= _SMALLEST:
            return None
        named = tolerance.largest_limit(refusal.message, size)
        return named or (max(size // 2, 100) if size > 100 else max(size // 2, _SMALLEST))
