"""Phone numbers as E.164 with extensions: phonenumbers parses; which texts count is decided here.

Refused: ``is_valid_number``. Its tables lag behind newly opened area codes, and a number that is only
unknown to them must still compare equal in every writing; possible by its length is enough.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

#: The longest text that is looked at; an international number with words for its extension stays under it.
_LONGEST = 64

#: The everyday North American writings, told without the cost of a full parse. Area codes and exchanges
#: begin with 2 to 9.
_NORTH_AMERICAN = re.compile(
    r"(?:\+?1[ .\-]?)?(?:\(([2-9]\d\d)\)|([2-9]\d\d))[ .\-]?([2-9]\d\d)[ .\-]?(\d{4})", re.ASCII
)
_NORTH_AMERICAN_REGIONS = frozenset({"US", "CA"})


def read_phone(text: str, region: str) -> tuple[str, str] | None:
    """E.164 number and extension ("" for none) of a text, or None if it is no possible number.

    ``region`` (ISO 3166-1, two letters) applies where the text has no country code. Words before the
    number, as in "ask for Ann 305 555 0100", make it no number, so that rewriting it cannot lose them.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    simple = _NORTH_AMERICAN.fullmatch(text)
    if simple and (region in _NORTH_AMERICAN_REGIONS or text.startswith("+")):
        return f"+1{simple[1] or simple[2]}{simple[3]}{simple[4]}", ""
    return _parse(text, region)


def write_phone(number: str, extension: str) -> str:
    """The text that carries a number: E.164, and the extension in words that every side reads back."""
    return f"{number} ext. {extension}" if extension else number


@lru_cache(maxsize=65_536)
def _parse(text: str, region: str) -> tuple[str, str] | None:
    if not text or not (text[0].isdigit() or text[0] in "+＋(" or text.casefold().startswith("tel:")):
        return None
    found = _parse_once(text, region)
    # What is written has to read back as the same number, whatever the numbering plan does with prefixes.
    if found is None or _parse_once(write_phone(*found), region) != found:
        return None
    return found


def _parse_once(text: str, region: str) -> tuple[str, str] | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164), number.extension or ""
