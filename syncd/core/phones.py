"""Phone numbers as E.164 with extensions: phonenumbers parses; which texts count is decided here.

Refused: ``is_valid_number``. Its tables lag behind newly opened area codes, and a number that is only
unknown to them must still compare equal in every writing; possible by its length is enough.
"""

from __future__ import annotations

import re
import unicodedata
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

#: The words before an extension, case folded: those that phonenumbers reads.
_EXTENSION = re.compile(r"(?:e?xt(?:ensi[oó])?n?|x|int|anexo|доб)[\s:.=,\-]*(\d+)#?")
_LETTERS = re.compile(r"[^\W\d_]+")
#: A toll-free number spelled in letters, such as 1-800-FLOWERS: seven, and the first one is a letter. Anywhere else
#: letters are a remark, as in "800-555 Home".
_VANITY = re.compile(
    r"(?:\+?1[ .\-]?)?(?:\(8(?:00|22|33|44|55|66|77|88)\)|8(?:00|22|33|44|55|66|77|88))[ .\-]?"
    r"[a-z](?:-?[a-z\d]){6}",
    re.ASCII,
)


def read_phone(text: str, region: str) -> tuple[str, str] | None:
    """E.164 number and extension ("" for none) of a text, or None if it is no possible number.

    ``region`` (ISO 3166-1, two letters) applies where the text has no country code. Words before or after the
    number, as in "305 555 0100 Ann", make it no number, so that rewriting it cannot lose them or dial them as
    digits; but for the word before an extension.
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
    if found is None or not _letters_belong(text, found[1], region):
        return None
    # What is written has to read back as the same number, whatever the numbering plan does with prefixes.
    return found if _parse_once(write_phone(*found), region) == found else None


def _letters_belong(text: str, extension: str, region: str) -> bool:
    """Whether the letters in a text are part of its number. The parser takes any letter for a key of the dial."""
    plain = unicodedata.normalize("NFKC", text).casefold().removeprefix("tel:")
    words = list(_LETTERS.finditer(plain))
    if not words:
        return True
    named = _EXTENSION.fullmatch(plain, words[0].start())
    if named is not None:
        return named[1] == extension
    north_american = region in _NORTH_AMERICAN_REGIONS or plain.startswith("+")
    return north_american and _VANITY.fullmatch(plain) is not None


def _parse_once(text: str, region: str) -> tuple[str, str] | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164), number.extension or ""
