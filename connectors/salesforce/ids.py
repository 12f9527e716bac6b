"""Record ids: 18 characters, the last three a checksum of the case of the others, or the first 15 alone. Pure."""

from __future__ import annotations

import re

_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def full_id(text: str) -> str:
    """Given an id of 15 or 18 characters, return its 18 characters. Raise ValueError for anything else.

    The checksum is always computed: an id that passed through a program that ignores case comes out different, never
    as another record's.
    """
    if not _ID.fullmatch(text):
        raise ValueError("no Salesforce id: it has 15 or 18 letters and digits")
    short = text[:15]
    return short + "".join(_check(short[start : start + 5]) for start in (0, 5, 10))


def is_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def _check(five: str) -> str:
    return _DIGITS[sum(1 << place for place, letter in enumerate(five) if "A" <= letter <= "Z")]
