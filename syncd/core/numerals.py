"""Numbers as plain decimal digits, without floats in between, so that no digit is lost or made up.

Refused: ``Decimal(text)``. It takes "1_000", "NaN" and "1e999999999", and the last in full would fill the
memory.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_NUMBER = re.compile(r"([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?", re.ASCII)

#: Longer texts are no numbers: no vendor keeps that many digits.
_LONGEST = 400
_LARGEST = 10**_LONGEST

#: Whole numbers up to here are exact in JSON readers that keep numbers as IEEE doubles.
_EXACT = 2**53


def plain(value: str | float) -> str | None:
    """Plain digits ("-12.5") of a number or of a text that is one; None for anything else.

    Equal numbers give equal digits: no idle zeros, no plus sign, no exponent, no negative zero.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGEST else None
    if isinstance(value, float):
        return _shifted(repr(value)) if math.isfinite(value) else None
    return _shifted(value.strip())


def _shifted(text: str) -> str | None:
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    sign, whole, fraction = found[1], found[2], found[3] or ""
    digits = whole + fraction
    point = len(whole) + int(found[4] or 0)
    if point < 0:
        digits, point = "0" * -point + digits, 0
    digits = digits.ljust(point, "0")
    whole = digits[:point].lstrip("0") or "0"
    fraction = digits[point:].rstrip("0")
    number = f"{whole}.{fraction}" if fraction else whole
    return f"-{number}" if sign == "-" and number != "0" else number


def as_number(digits: str) -> int | float | None:
    """The JSON number that says exactly what plain digits say.

    None where a reader might see another number, or an exponent.
    """
    if "." not in digits:
        number = int(digits)
        return number if abs(number) <= _EXACT else None
    near = float(digits)
    written = repr(near)
    return near if "e" not in written and Decimal(written) == Decimal(digits) else None
