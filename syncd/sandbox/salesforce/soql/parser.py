"""Tokens → tree. The grammar is the documented one: AND, OR and NOT do not mix without parentheses.

Not known here: sub-queries, aggregates but for COUNT(), date words such as TODAY. They are refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.row import moment, wire
from syncd.sandbox.salesforce.soql.lexer import Token, malformed, plain, tokens
from syncd.sandbox.salesforce.soql.tree import Among, And, Compare, Condition, Literal, Not, Or, Path, Select, Sort

OFFSET_MOST = 2_000
RESERVED = frozenset({
    "AND", "ASC", "DESC", "EXCLUDES", "FALSE", "FIRST", "FOR", "FROM", "GROUP", "HAVING", "IN", "INCLUDES", "LAST",
    "LIKE", "LIMIT", "NOT", "NULL", "NULLS", "OFFSET", "OR", "ORDER", "SELECT", "TRUE", "USING", "WHERE", "WITH",
})  # fmt: skip
COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
DEEPEST = 50
T = TypeVar("T")


def parse(text: str) -> Select:
    """Read a query. Raises ApiError (400 MALFORMED_QUERY, NUMBER_OUTSIDE_VALID_RANGE)."""
    return _Parser(text).select()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.next = 0

    def select(self) -> Select:
        self.need("SELECT")
        fields = self.fields()
        self.need("FROM")
        entity = self.name()
        names = {entity.text.lower()}
        if self.token.kind == "word" and self.token.text.upper() not in RESERVED:
            names.add(self.take().text.lower())
        where = self.condition() if self.word("WHERE") else None
        order: tuple[Sort, ...] = ()
        if self.word("ORDER"):
            self.need("BY")
            order = self.listed(self.sort)
        limit = self.count() if self.word("LIMIT") else None
        offset = self.count() if self.word("OFFSET") else 0
        if self.token.kind != "end":
            raise self.unexpected()
        if offset > OFFSET_MOST:
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {OFFSET_MOST}")
        return Select(
            text=self.text,
            names=frozenset(names),
            fields=fields,
            object=entity.text,
            object_at=entity.at,
            where=where,
            order=order,
            limit=limit,
            offset=offset,
        )

    # Where the text is looked at

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.token
        self.next = min(self.next + 1, len(self.tokens) - 1)
        return token

    def word(self, *words: str) -> bool:
        """Step over these words if they come next."""
        ahead = self.tokens[self.next : self.next + len(words)]
        if [token.text.upper() for token in ahead if token.kind == "word"] != list(words):
            return False
        self.next += len(words)
        return True

    def symbol(self, text: str) -> bool:
        """Step over this symbol if it comes next."""
        if (self.token.kind, self.token.text) != ("symbol", text):
            return False
        self.next += 1
        return True

    def need(self, word: str) -> None:
        if not self.word(word):
            raise self.unexpected()

    def need_symbol(self, text: str) -> None:
        if not self.symbol(text):
            raise self.unexpected()

    def unexpected(self) -> ApiError:
        shown = self.token.text if self.token.kind in {"word", "symbol", "end", "number"} else self.token.kind
        return malformed(self.text, self.token.at, f"unexpected token: '{shown}'")

    def name(self) -> Token:
        if self.token.kind != "word" or self.token.text.upper() in RESERVED:
            raise self.unexpected()
        return self.take()

    def path(self) -> Path:
        token = self.name()
        return Path(tuple(token.text.split(".")), token.at)

    def listed(self, one: Callable[[], T]) -> tuple[T, ...]:
        """One or more, with commas between."""
        found = [one()]
        while self.symbol(","):
            found.append(one())
        return tuple(found)

    def count(self) -> int:
        if self.token.kind != "number" or not self.token.text.isdecimal():
            raise self.unexpected()
        return int(self.take().text)

    # The parts of a query

    def fields(self) -> tuple[Path, ...]:
        """What is selected; () for COUNT()."""
        if self.word("COUNT") and self.symbol("("):
            self.need_symbol(")")
            return ()
        found = self.listed(self.path)
        if self.token.text == "(":
            raise self.unexpected()
        return found

    def sort(self) -> Sort:
        path = self.path()
        down = self.word("DESC")
        if not down:
            self.word("ASC")
        nulls_last = self.word("NULLS", "LAST")
        if not nulls_last and self.word("NULLS"):
            self.need("FIRST")
        return Sort(path, down, nulls_last)

    def condition(self, depth: int = 0) -> Condition:
        """Simple ones joined by AND or by OR, never by both; or NOT and a simple one."""
        if self.word("NOT"):
            return Not(self.simple(depth))
        parts = [self.simple(depth)]
        joint = "AND" if self.token.text.upper() == "AND" else "OR"
        while self.word(joint):
            parts.append(self.simple(depth))
        if len(parts) == 1:
            return parts[0]
        return And(tuple(parts)) if joint == "AND" else Or(tuple(parts))

    def simple(self, depth: int) -> Condition:
        if self.symbol("("):
            if depth >= DEEPEST:
                raise malformed(self.text, self.token.at, "too many nested parentheses")
            inner = self.condition(depth + 1)
            self.need_symbol(")")
            return inner
        path = self.path()
        if self.token.kind == "symbol" and self.token.text in COMPARISONS:
            op = self.take().text
            return Compare(path, "!=" if op == "<>" else op, self.literal())
        if self.word("LIKE"):
            return Compare(path, "LIKE", self.literal(like=True))
        for op in ("NOT IN", "IN", "INCLUDES", "EXCLUDES"):
            if self.word(*op.split()):
                self.need_symbol("(")
                literals = self.listed(self.literal)
                self.need_symbol(")")
                return Among(path, op, literals)
        raise self.unexpected()

    def literal(self, *, like: bool = False) -> Literal:
        token = self.token
        match token.kind, token.text.upper():
            case "string", _:
                literal = Literal("string", token.text if like else plain(self.text, token), token.at)
            case "number", text:
                literal = Literal("number", float(text) if "." in text else int(text), token.at)
            case "date", text:
                literal = Literal("date", self.real(lambda: date.fromisoformat(text).isoformat()), token.at)
            case "datetime", text:
                # The wire form has no fraction: filters ignore milliseconds (contract, section 3.2).
                literal = Literal("datetime", self.real(lambda: wire(moment(text))), token.at)
            case "word", "NULL":
                literal = Literal("null", None, token.at)
            case "word", ("TRUE" | "FALSE") as text:
                literal = Literal("boolean", text == "TRUE", token.at)
            case _:
                raise self.unexpected()
        self.take()
        return literal

    def real(self, read: Callable[[], str]) -> str:
        """A date or moment that exists in the calendar."""
        try:
            return read()
        except (ValueError, OverflowError):
            raise malformed(self.text, self.token.at, f"Invalid {self.token.kind}: {self.token.text}") from None
