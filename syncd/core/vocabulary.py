"""The words of choices: value tables, options, and the way from one side's words to the other's.

It compares words only. Whether a word that has no counterpart is held or skipped is the lens's business.
"""

from __future__ import annotations

from collections.abc import Iterable

from syncd.core.kinds import blank, fold, text_of, tidy
from syncd.core.mapping import FieldRule
from syncd.core.model import SIDES, Option, Side, Value


class Words:
    """Known words, found by exact text, else without case, else by label; never by guessing."""

    __slots__ = ("_exact", "_folded", "_labels")

    def __init__(self, words: Iterable[str], options: tuple[Option, ...] = ()) -> None:
        """``options``: further words with their labels."""
        self._exact: dict[str, str] = {}
        self._folded: dict[str, str | None] = {}
        self._labels = {tidy(option.value): option.label for option in options}
        by_label: dict[str, str | None] = {}
        for word in (*words, *(option.value for option in options)):
            self._exact.setdefault(tidy(word), word)
            _claim(self._folded, fold(word), word)
        for option in options:
            if not blank(option.label):
                _claim(by_label, fold(option.label), option.value)
        self._folded = by_label | self._folded

    def exact(self, text: str) -> str | None:
        return self._exact.get(tidy(text))

    def find(self, text: str) -> str | None:
        """The word that a text stands for; None if there is none, or more than one."""
        found = self._exact.get(text) or self._exact.get(tidy(text))
        return found or self._folded.get(fold(text))

    def label(self, word: str) -> str:
        """The label of a word, "" where it has none."""
        return self._labels.get(tidy(word), "")


class Vocabulary:
    """Both sides' words for one rule, and the translation between them.

    ``home`` is the side whose words serve as the common form: SalesPulse with a table, else the side that
    has options.
    """

    __slots__ = ("_back", "_columns", "_forward", "_ranks", "home", "options", "table")

    def __init__(self, rule: FieldRule) -> None:
        self.options: dict[Side, Words | None] = {side: _options(rule, side) for side in SIDES}
        #: the rule's table in the words that are really written: labels replaced by their option's value
        self.table = tuple(
            (self._option(Side.SALESPULSE, left), self._option(Side.CRM, right)) for left, right in rule.table
        )
        self._columns = {
            Side.SALESPULSE: Words(left for left, _ in self.table),
            Side.CRM: Words(right for _, right in self.table),
        }
        self._forward: dict[str, str] = {}
        self._back: dict[str, str] = {}
        self._ranks: dict[Side, dict[str, int]] = {side: {} for side in SIDES}
        run = 0
        for row, (left, right) in enumerate(self.table):
            if row and self.table[row - 1][1] != right:
                run = row
            self._forward.setdefault(left, right)
            self._back.setdefault(right, left)
            self._ranks[Side.SALESPULSE].setdefault(left, run)
            self._ranks[Side.CRM].setdefault(right, run)
        self.home = self._home()

    def word(self, side: Side, text: str) -> str:
        """The text as the side's own word, or the tidied text if it is none."""
        return self.find(side, text) or self._option(side, text)

    def find(self, side: Side, text: str) -> str | None:
        """The side's own word for a text: a word of the table where there is one, else an option."""
        options = self.options[side]
        if not self.table:
            return options.find(text) if options else tidy(text)
        option = options.find(text) if options else None
        if option is not None:
            return self._columns[side].exact(option)
        return self._columns[side].find(text)

    def cross(self, to: Side, text: str) -> str | None:
        """The word to write on ``to`` for a text of the other side; None if there is none."""
        target = self.options[to]
        if self.table:
            word = self.find(to.other, text)
            if word is None:
                return None
            word = self._forward[word] if to is Side.CRM else self._back[word]
            return word if target is None else target.find(word)
        source = self.options[to.other]
        if source is None:
            return tidy(text) if target is None else target.find(text)
        word = source.find(text)
        if target is None:
            return word or tidy(text)
        # A text that is no option of its own side may be an option made since; it is not matched by label.
        if word is None:
            return target.exact(text)
        label = source.label(word)
        return target.find(tidy(text)) or target.find(word) or (target.find(label) if label else None)

    def common(self, side: Side, text: str) -> str:
        """The common form of a word, equal for both sides' equal words; unique if it has no counterpart."""
        if self.home in (side, None):
            return self.word(side, text)
        crossed = self.cross(side.other, text)
        if crossed is not None:
            return self.word(side.other, crossed)
        word = self.word(side, text)
        # "A" of one side must not pass for another word "A" of the other side's table.
        return f"{side}:{word}" if self.table and self.find(side.other, word) else word

    def from_common(self, to: Side, word: str) -> str | None:
        """The word to write on ``to`` for a common form; None if there is none."""
        if self.home in (to, None):
            found = self.find(to, word)
            options = self.options[to]
            return found if found is None or options is None else options.find(found)
        return self.cross(to, word)

    def rank(self, side: Side, text: str) -> int | None:
        """First row of the run of neighbouring rows with one CRM word; None without a row."""
        word = self.find(side, text)
        return None if word is None else self._ranks[side].get(word)

    def _home(self) -> Side | None:
        if self.table or self.options[Side.CRM] is None:
            return Side.SALESPULSE if self.table or self.options[Side.SALESPULSE] else None
        return Side.CRM

    def _option(self, side: Side, text: str) -> str:
        options = self.options[side]
        return (options.find(text) if options else None) or tidy(text)


def _options(rule: FieldRule, side: Side) -> Words | None:
    spec = rule.specs.get(side)
    return Words((), distinct(spec.options)) if spec is not None and spec.options else None


def distinct(options: Iterable[Option]) -> tuple[Option, ...]:
    """The options without repeats of a value: the first label counts."""
    by_value: dict[str, Option] = {}
    for option in options:
        by_value.setdefault(tidy(option.value), option)
    return tuple(by_value.values())


def _claim(owners: dict[str, str | None], text: str, word: str) -> None:
    """Note the word for a text; two different words leave it without an owner."""
    if owners.setdefault(text, word) != word:
        owners[text] = None


def split(value: Value, separator: str | None, known: Words | None) -> list[str]:
    """The elements of a multichoice as a side shows it: a list, or text joined by the separator.

    A side that does not say how it joins is read by semicolons, else by commas.
    """
    if isinstance(value, tuple):
        texts = [text_of(element) for element in value]
    else:
        text = text_of(value)
        if separator is None:
            if known is not None and known.exact(text) is not None:
                return [tidy(text)]
            separator = ";" if ";" in text else ","
        texts = text.split(separator)
    return [word for word in map(tidy, texts) if word]


def style_of(present: Value, known: Words | None) -> str | None:
    """How a side that does not say so joins words, by what it shows: a separator, or None for a list."""
    if not isinstance(present, str) or blank(present):
        return None
    if known is not None and known.exact(present) is not None:
        return ";"
    if ";" not in present and "," in present:
        return ", " if ", " in present else ","
    return ";"
