"""Record ids: 15 case-sensitive characters, and three more that make them safe where case is lost.

The characters sort as their numbers do, so records in order of making are in order of id.
"""

from __future__ import annotations

import re
import string

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
INSTANCE = "5e0000"
"""What stands between the prefix and the number: instance and reserved characters."""


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of the ``number``-th record of an object."""
    digits = ""
    left = number
    for _ in range(6):
        left, digit = divmod(left, 62)
        digits = _DIGITS[digit] + digits
    if left or number < 0:
        raise ValueError(f"{number} is no number of a record")
    short = prefix + INSTANCE + digits
    return short + checksum(short)


def checksum(short: str) -> str:
    """The three characters that tell which of the fifteen are capitals."""
    return "".join(
        _CHECK[sum(1 << at for at, char in enumerate(short[start : start + 5]) if "A" <= char <= "Z")]
        for start in (0, 5, 10)
    )


def full(text: str) -> str:
    """The 18-character form of an id of 15 or 18 characters. Raises ValueError for anything else.

    The last three characters of 18 are not trusted to be in capitals, but must fit the rest.
    """
    if not _SHAPE.fullmatch(text):
        raise ValueError("an id has 15 or 18 letters and digits")
    short, check = text[:15], checksum(text[:15])
    if text[15:] and text[15:].upper() != check:
        raise ValueError("the last three characters do not fit the id")
    return short + check
