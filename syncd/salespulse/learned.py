"""What was learned of how this SalesPulse server behaves: remembered between processes, one named place each.

Holds names, numbers and yes or no; never a value of a contact. What cannot be read back counts as not
learned.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

import orjson

from connectors.port import Memory
from syncd.salespulse.settings import METHODS, MOST

_LEAST_PAGE = 10  #: a smaller "page" is more likely a small account than a server's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of contacts that answers of one kind have shown: with a value, and explicitly blank."""

    valued: frozenset[str] = frozenset()
    blank: frozenset[str] = frozenset()

    def joined(self, other: Keys) -> Keys:
        return Keys(valued=self.valued | other.valued, blank=self.blank | other.blank)


class Learned:
    """Reads and writes the connector's Memory. May be used by several threads at once."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._lock = threading.RLock()

    # ---- pages ---------------------------------------------------------------------------------------------

    @property
    def page_size(self) -> int | None:
        """Most contacts that the server puts on a page."""
        text = self._memory.get("page_size") or ""
        return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST else None

    def learn_page_size(self, size: int) -> None:
        if _LEAST_PAGE <= size <= MOST:
            self._set("page_size", str(size))

    # ---- stages --------------------------------------------------------------------------------------------

    @property
    def stage_in_deals(self) -> bool | None:
        """Whether contacts show no stage, so that the deals have to be walked."""
        return self._flag("stage_in_deals")

    def learn_stage_in_deals(self, value: bool) -> None:
        self._set("stage_in_deals", _word(value))

    def stage_on(self, what: str) -> bool | None:
        """Whether a stage sent along with a ``create``, ``bulk`` or ``update`` takes. None: not known yet."""
        return self._flag(f"stage_on_{what}")

    def learn_stage_on(self, what: str, value: bool) -> None:
        self._set(f"stage_on_{what}", _word(value))

    def stage_method(self, configured: str) -> str:
        """The method of /contacts/:id/stage: what a 405 taught under this same configuration, else what is
        configured.
        """
        was, _to, taught = (self._memory.get("stage_method") or "").partition(">")
        return taught if was == configured and taught in METHODS else configured

    def learn_stage_method(self, configured: str, taught: str) -> None:
        self._set("stage_method", f"{configured}>{taught}")

    # ---- keys ----------------------------------------------------------------------------------------------

    def keys(self, kind: str) -> Keys:
        """Keys shown by answers of this kind: "list" or "get". Never mixed: a list may leave out what a
        single look shows.
        """
        try:
            found = orjson.loads(self._memory.get(f"keys_{kind}") or "{}")
            return Keys(valued=frozenset(found["valued"]), blank=frozenset(found["blank"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return Keys()

    def learn_keys(self, kind: str, keys: Keys) -> None:
        """Add what was seen."""
        with self._lock:
            self._set_keys(kind, self.keys(kind).joined(keys))

    def replace_keys(self, seen: Keys) -> None:
        """After a complete listing: what no contact showed any more is forgotten, for single looks too."""
        with self._lock:
            vanished = self.keys("list").valued - seen.valued
            single = self.keys("get")
            self._set_keys("list", seen)
            if vanished & single.valued:
                self._set_keys("get", Keys(valued=single.valued - vanished, blank=single.blank))

    def _set_keys(self, kind: str, keys: Keys) -> None:
        self._set(f"keys_{kind}", names_json(valued=keys.valued, blank=keys.blank))

    # ---- memory --------------------------------------------------------------------------------------------

    def _flag(self, key: str) -> bool | None:
        return {"yes": True, "no": False}.get(self._memory.get(key) or "")

    def _set(self, key: str, value: str) -> None:
        with self._lock:
            if self._memory.get(key) != value:
                self._memory.set(key, value)


def _word(value: bool) -> str:
    return "yes" if value else "no"


def names_json(**names: Collection[str]) -> str:
    """Sets of names as sorted JSON, so that equal sets are equal text."""
    return orjson.dumps({key: sorted(value) for key, value in names.items()}).decode()
