"""What a value means under a kind (``as`` in a mapping): reading it to a comparable form, and writing it.

Nothing here knows sides, tables or options; that is the lens. Reading never raises: what is not of the kind
is an ``Odd`` text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable
from typing import NamedTuple

from syncd.core.mapping import Kind
from syncd.core.model import Value
from syncd.core.moments import read_date, read_moment, write_moment
from syncd.core.numerals import as_number, plain
from syncd.core.phones import read_phone, write_phone
from syncd.core.us_states import state_code


class Odd(NamedTuple):
    """A value that is not of its kind: equal only to the same text, unfit as a key, seldom written."""

    text: str


#: What people call a kind in a message.
NOUNS = {
    Kind.TEXT: "text",
    Kind.EMAIL: "an e-mail address",
    Kind.PHONE: "a phone number",
    Kind.US_STATE: "a US state",
    Kind.NAME: "a name",
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: "a number",
    Kind.BOOLEAN: "yes or no",
    Kind.DATE: "a date",
    Kind.DATETIME: "a date and time",
    Kind.CHOICE: "one of the field's options",
    Kind.MULTICHOICE: "a set of the field's options",
}

# Not RFC 5321: only what every vendor refuses is refused here. Quoted local parts and bare hosts are.
_SPECIAL = r"\s@<>()\[\],;:\"\\\x00-\x1f"
_EMAIL = re.compile(rf"[^{_SPECIAL}]+@[^{_SPECIAL}]+\.[^{_SPECIAL}.]{{2,}}")
_LONGEST_EMAIL = 320

_WORD_PAIRS = (("false", "true"), ("no", "yes"), ("off", "on"), ("0", "1"), ("n", "y"), ("f", "t"))
_TRUTH = {word: bool(position) for pair in _WORD_PAIRS for position, word in enumerate(pair)}
_PAIR_OF = {word: pair for pair in _WORD_PAIRS for word in pair}


def text_of(value: Value) -> str:
    """What a value is in a text field: plain digits, ``true``, ``false``, lists joined by semicolons."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ";".join(text_of(element) for element in value)
    return plain(value) or (hex(value) if isinstance(value, int) else repr(value))


def blank(value: Value) -> bool:
    """Whether it is no value at all: ``None``, nothing but whitespace, or a list of such."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, tuple):
        return all(blank(element) for element in value)
    return False


def tidy(text: str) -> str:
    """The text without what no person means: outer whitespace, line end style, Unicode composition."""
    text = text.strip()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """The text without case and whitespace differences, for names and labels."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())


def read(kind: Kind, value: Value, region: str) -> Hashable:
    """The form in which equal values are equal: None for a blank, ``Odd`` for what is not of the kind.

    ``region`` is for phone numbers without a country code. Choices are read as text here; options and
    tables are the lens's business.
    """
    if blank(value):
        return None
    return _READERS[kind](value, region)


def write(kind: Kind, value: Value, region: str, present: Value = None) -> Value:
    """The value as it is written under the kind, or None if it is not of the kind.

    ``present`` is a sample of the target's style. Text, names and unreadable phone numbers are written as
    typed.
    """
    if kind in _AS_TYPED:
        return text_of(value)
    key = read(kind, value, region)
    if kind is Kind.PHONE:
        found = None if isinstance(key, Odd) else read_phone(text_of(value), region)
        return text_of(value) if found is None else write_phone(*found)
    if isinstance(key, Odd) or key is None:
        return None
    if kind is Kind.EMAIL:
        return text_of(value).strip().lower()
    if isinstance(key, bool):
        return _truth(present, truth=key)
    if isinstance(key, int):
        return write_moment(key)
    if kind in _NUMERIC:
        return _number(str(key), value, present)
    return str(key)


_AS_TYPED = frozenset({Kind.TEXT, Kind.NAME, Kind.CHOICE, Kind.MULTICHOICE})
_NUMERIC = frozenset({Kind.INTEGER, Kind.DECIMAL})


def _number(digits: str, value: Value, present: Value) -> Value:
    """Digits, or a JSON number where the target shows one (or shows nothing and the source has one)."""
    sample = value if blank(present) else present
    if isinstance(sample, int | float) and not isinstance(sample, bool):
        number = as_number(digits)
        return digits if number is None else number
    return digits


def _truth(present: Value, *, truth: bool) -> Value:
    """A boolean, or a word of the pair that the target shows now, in its case."""
    if not isinstance(present, str) or blank(present):
        return truth
    shown = present.strip()
    word = _PAIR_OF.get(shown.lower(), _WORD_PAIRS[0])[truth]
    if shown.isupper():
        return word.upper()
    return word.capitalize() if shown[0].isupper() else word


def _read_text(value: Value, _region: str) -> Hashable:
    return tidy(text_of(value))


def _read_name(value: Value, _region: str) -> Hashable:
    return fold(text_of(value))


def _read_email(value: Value, _region: str) -> Hashable:
    # Not folded: straße@ and strasse@ are two mailboxes.
    text = tidy(tidy(text_of(value)).lower())
    if len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text):
        return text
    return Odd(text)


def _read_phone(value: Value, region: str) -> Hashable:
    text = text_of(value)
    found = read_phone(text, region)
    if found is None:
        return Odd(tidy(text))
    number, extension = found
    return f"{number};ext={extension}" if extension else number


def _read_state(value: Value, _region: str) -> Hashable:
    text = text_of(value)
    return state_code(text) or Odd(fold(text))


def _read_integer(value: Value, _region: str) -> Hashable:
    digits = _digits(value)
    return Odd(tidy(text_of(value))) if digits is None or "." in digits else digits


def _read_decimal(value: Value, _region: str) -> Hashable:
    digits = _digits(value)
    return Odd(tidy(text_of(value))) if digits is None else digits


def _digits(value: Value) -> str | None:
    return None if value is None or isinstance(value, tuple) else plain(value)


def _read_boolean(value: Value, _region: str) -> Hashable:
    text = text_of(value)
    truth = _TRUTH.get(text) if len(text) < 8 else None
    if truth is None and len(text) < 16:
        truth = _TRUTH.get(text.strip().lower())
    return Odd(tidy(text)) if truth is None else truth


def _read_date(value: Value, _region: str) -> Hashable:
    found = None if value is None or isinstance(value, tuple | bool) else read_date(value)
    return Odd(tidy(text_of(value))) if found is None else found


def _read_moment(value: Value, _region: str) -> Hashable:
    found = None if value is None or isinstance(value, tuple | bool) else read_moment(value)
    return Odd(tidy(text_of(value))) if found is None else found


_READERS: dict[Kind, Callable[[Value, str], Hashable]] = {
    Kind.TEXT: _read_text,
    Kind.EMAIL: _read_email,
    Kind.PHONE: _read_phone,
    Kind.US_STATE: _read_state,
    Kind.NAME: _read_name,
    Kind.INTEGER: _read_integer,
    Kind.DECIMAL: _read_decimal,
    Kind.BOOLEAN: _read_boolean,
    Kind.DATE: _read_date,
    Kind.DATETIME: _read_moment,
    Kind.CHOICE: _read_text,
    Kind.MULTICHOICE: _read_text,
}
