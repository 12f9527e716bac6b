"""SOQL text → tokens, and the refusals that point into the text (contract, sections 3.1 and 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from syncd.sandbox.salesforce.errors import ApiError

QUERY_MOST = 100_000
STRING_MOST = 4_000
SHOWN_BEFORE = 40
SHOWN_AFTER = 20

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<word>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)(?!\w))
  | (?P<date>\d{4}-\d\d-\d\d(?![\w:-]))
  | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w.:-]))
  | '(?P<string>(?:[^'\\]|\\.)*)'
  | (?P<symbol><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BLANKS = re.compile(r"\s*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is a group of the pattern above, or "end". A string's text has no quotes and keeps its escapes."""

    kind: str
    text: str
    at: int


def located(code: str, text: str, at: int, message: str) -> ApiError:
    """A 400 with the place in the query, as the vendor shows it."""
    start = max(0, at - SHOWN_BEFORE)
    row = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    shown = text[start : at + SHOWN_AFTER].replace("\n", " ")
    return ApiError(400, code, f"\n{shown}\n{' ' * (at - start)}^\nERROR at Row:{row}:Column:{column}\n{message}")


def malformed(text: str, at: int, message: str) -> ApiError:
    """400 MALFORMED_QUERY."""
    return located("MALFORMED_QUERY", text, at, message)


def tokens(text: str) -> list[Token]:
    """Split a query; the last token is the end. Raises ApiError (MALFORMED_QUERY)."""
    if len(text) > QUERY_MOST:
        raise ApiError(400, "MALFORMED_QUERY", f"SOQL statements cannot be longer than {QUERY_MOST} characters.")
    found: list[Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup or ""
        token = Token(kind, match[kind], match.start(kind))
        if kind == "string" and len(token.text) > STRING_MOST:
            raise malformed(text, token.at, f"string literals cannot be longer than {STRING_MOST} characters")
        found.append(token)
        at = match.end()
    blanks = _BLANKS.match(text, at)
    at = blanks.end() if blanks else at
    if at < len(text):
        raise malformed(text, at, f"line 1:{at} no viable alternative at character '{text[at]}'")
    return [*found, Token("end", "<EOF>", at)]


def plain(text: str, token: Token) -> str:
    r"""What a quoted string says. Raises ApiError: ``\%`` and ``\_`` belong into LIKE only, as in the vendor."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) > 1:
            return _code(code[1:])
        if code.lower() not in _ESCAPES:
            raise malformed(text, token.at, f"Invalid string literal: illegal escape sequence '\\{code}'")
        return _ESCAPES[code.lower()]

    return _ESCAPE.sub(one, token.text)


def _code(digits: str) -> str:
    return chr(int(digits, 16))


def pattern(raw: str) -> re.Pattern[str]:
    """A LIKE pattern: ``%`` is any text, ``_`` one character; case is ignored. Takes a string with its escapes."""
    parts = []
    for piece in re.findall(r"\\u[0-9A-Fa-f]{4}|\\.|.", raw, re.DOTALL):
        if piece == "%":
            parts.append(".*")
        elif piece == "_":
            parts.append(".")
        elif len(piece) > 2:
            parts.append(re.escape(_code(piece[2:])))
        elif len(piece) == 2:
            parts.append(re.escape(_ESCAPES.get(piece[1].lower(), piece[1])))
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
