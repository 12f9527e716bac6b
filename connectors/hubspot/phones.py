"""Finding contacts by phone number through search, for want of anything better. Sends nothing: it only words
the queries.

Limits: HubSpot's ``phone`` is free text, and search compares it as text. So the usual writings of a number
are asked for, and the digits that HubSpot derives from it (``hs_searchable_calculated_phone_number``, which
not every account has). A number in an odd writing may not be found, the index lags behind by seconds, and
what is found only may have the number: callers compare.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_DIGITS = "hs_searchable_calculated_phone_number"
#: Numbers a search; HubSpot allows five filter groups (section 10): one for the writings, one for each
#: number's digits.
NUMBERS = 4


def writings(number: str) -> tuple[str, ...]:
    """The usual writings of a number, itself first. National ones only for numbers of ten digits, with or
    without a 1.
    """
    digits = re.sub(r"\D", "", number)
    found = [number.strip(), digits, f"+{digits}"]
    national = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    foreign = number.strip().startswith("+") and len(digits) != 11
    if len(national) == 10 and not foreign:
        area, exchange, line = national[:3], national[3:6], national[6:]
        found += [f"+1{national}", f"1{national}", national]
        found += [f"({area}) {exchange}-{line}", f"({area}){exchange}-{line}"]
        found += [f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}", f"{area} {exchange} {line}"]
        found += [
            f"+1 {area}-{exchange}-{line}",
            f"1-{area}-{exchange}-{line}",
            f"+1 ({area}) {exchange}-{line}",
        ]
    return tuple(dict.fromkeys(found))


def groups(field: str, numbers: Sequence[str], *, by_digits: bool) -> list[list[dict[str, Any]]]:
    """Filter groups that find contacts with any of the numbers (at most NUMBERS) in ``field``."""
    spelled = [one for number in numbers for one in writings(number)]
    found: list[list[dict[str, Any]]] = [[{"propertyName": field, "operator": "IN", "values": spelled}]]
    if by_digits:
        for number in numbers:
            digits = re.sub(r"\D", "", number)[-10:]
            found.append([{"propertyName": _DIGITS, "operator": "CONTAINS_TOKEN", "value": f"*{digits}"}])
    return found


def has_digits_field(field: str, names: Sequence[str]) -> bool:
    """Whether the derived digits speak of this field in this account."""
    return field == "phone" and _DIGITS in names


def searchable(number: str) -> bool:
    """Whether it has enough digits to look for; fewer would find everybody."""
    return len(re.sub(r"\D", "", number)) >= 7
