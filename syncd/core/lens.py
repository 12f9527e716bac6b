"""Sees a value through a mapped field: what it means on its own side, and how it is written on the other.

It compares and translates single values. It must not know links, bases or times, and it never raises for
odd input: what cannot be understood is compared as text, and what cannot be written is answered with
``Cannot``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from syncd.core import kinds
from syncd.core.kinds import Odd, text_of, tidy
from syncd.core.mapping import FieldRule, Kind, Unmapped
from syncd.core.model import SIDES, HoldReason, Side, Value
from syncd.core.vocabulary import Vocabulary, distinct, split, style_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What to write on the target side. ``None`` clears."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Cannot:
    """The value cannot be written there: a person decides. ``message`` says what, why and what to do."""

    reason: HoldReason  #: TOO_LONG, NO_VALUE or INVALID
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """The mapping says that this value is not written.

    That is an unmapped value with ``unmapped = "ignore"``, or a SalesPulse stage that has no row.
    """

    reason: str


def blank(value: Value) -> bool:
    """Whether it is no value: ``None``, a string of nothing but whitespace, or a list of such.

    ``0`` and ``False`` are values.
    """
    return kinds.blank(value)


def same(rule: FieldRule, side: Side, a: Value, b: Value) -> bool:
    """Whether two values of *one* side mean the same under the field's kind.

    An equivalence; all blanks are the same.
    """
    if a is b or (type(a) is type(b) and a == b):
        return True
    lens = _lens(rule)
    return lens.own(side, a) == lens.own(side, b)


def agree(rule: FieldRule, salespulse: Value, crm: Value, crm_also: tuple[str, ...] = ()) -> bool:
    """Whether the two sides show the same: one, written on the other side, reads back as what is there.

    Two blanks agree; a blank and a value do not. ``crm_also`` holds the CRM's further values (secondary
    e-mail addresses): a value that equals one of them agrees, whatever the CRM's first value is.
    """
    # Equal texts under a table are two words that may well mean different things.
    if not rule.table and type(salespulse) is type(crm) and salespulse == crm:
        return True
    lens = _lens(rule)
    if lens.agree(salespulse, crm):
        return True
    return bool(crm_also) and not blank(salespulse) and any(lens.agree(salespulse, also) for also in crm_also)


def carry(rule: FieldRule, to: Side, value: Value, present: Value = None) -> Carried | Cannot | Skip:
    """Translate ``value``, as the *other* side shows it, into what is written on ``to``.

    ``present`` is what ``to`` shows now: of a many-to-one stage table the present stage stays if it maps
    there, and lists, numbers and booleans are written in the style that the side uses. A blank carries to
    None.
    """
    return _lens(rule).carry(to, value, present)


def canonical(rule: FieldRule, side: Side, value: Value) -> Hashable:
    """One form for both sides, for matching keys and set operations.

    None for a blank; a frozenset of str for a multichoice; a str (bool and int for booleans and moments)
    for a value that could be read under the kind, else an ``Odd``: an unreadable phone or e-mail address is
    fit for comparing and unfit as a key. In SalesPulse vocabulary where a table exists.
    """
    return _lens(rule).canonical(side, value)


def spell(rule: FieldRule, to: Side, words: Iterable[str], present: Value = None) -> Carried | Cannot | Skip:
    """Write a set of canonical words of a multichoice, as ``canonical`` gives them, on ``to``.

    For a union: join the canonical sets, then spell on both sides. Words are written in sorted order.
    """
    lens = _lens(rule)
    words = sorted(set(words))
    return lens.write_words(to, words, [lens.vocabulary.from_common(to, word) for word in words], present)


def rank(rule: FieldRule, side: Side, value: Value) -> int | None:
    """How far along the table a value is, for ``advance``; larger is later. None: no row, no table, or blank.

    Neighbouring rows with one CRM value have one rank, and so has that CRM value.
    """
    if not rule.table or blank(value):
        return None
    return _lens(rule).vocabulary.rank(side, text_of(value))


def mapped(rule: FieldRule, side: Side, value: Value) -> bool:
    """Whether the value (each element of a multichoice) has a row in the table.

    True for a blank, and where there is no table.
    """
    if not rule.table or blank(value):
        return True
    lens = _lens(rule)
    return all(lens.vocabulary.find(side, word) is not None for word in lens.elements(side, value))


_SIDE_NAMES = {Side.SALESPULSE: "SalesPulse", Side.CRM: "CRM"}
_CHOICES = frozenset({Kind.CHOICE, Kind.MULTICHOICE})
#: A value that is shown in a message is cut to this many characters.
_SHOWN = 60


class _Lens:
    """One rule, made ready: its effective kind, its words, and what its options mean under the kind."""

    __slots__ = ("_decoded", "_encoded", "kind", "rule", "vocabulary")

    def __init__(self, rule: FieldRule) -> None:
        self.rule = rule
        self.kind = _effective_kind(rule)
        self.vocabulary = Vocabulary(rule)
        self._decoded: dict[Side, dict[str, Hashable]] = {side: {} for side in SIDES}
        self._encoded: dict[Side, dict[Hashable, str]] = {side: {} for side in SIDES}
        for side in SIDES:
            self._learn_options(side)

    def _learn_options(self, side: Side) -> None:
        """What options mean under a kind that is no choice: by their value, else by their label."""
        spec = self.rule.specs.get(side)
        if spec is None or self.kind in _CHOICES:
            return
        labels: dict[Hashable, str] = {}
        for option in distinct(spec.options):
            key = kinds.read(self.kind, option.value, self.rule.region)
            meant = kinds.read(self.kind, option.label, self.rule.region)
            if isinstance(key, Odd) and meant is not None and not isinstance(meant, Odd):
                self._decoded[side][tidy(option.value)] = meant
                labels.setdefault(meant, option.value)
            elif key is not None:
                self._encoded[side].setdefault(key, option.value)
        self._encoded[side] = labels | self._encoded[side]

    # ---- comparing ----

    def own(self, side: Side, value: Value) -> Hashable:
        """The form in which equal values of one side are equal."""
        if self.kind not in _CHOICES:
            return self._key(side, value)
        if self.kind is Kind.MULTICHOICE:
            words = self.elements(side, value)
            return frozenset(self.vocabulary.word(side, word) for word in words) or None
        return None if blank(value) else self.vocabulary.word(side, text_of(value))

    def canonical(self, side: Side, value: Value) -> Hashable:
        if self.kind not in _CHOICES:
            return self._key(side, value)
        if self.kind is Kind.MULTICHOICE:
            words = self.elements(side, value)
            return frozenset(self.vocabulary.common(side, word) for word in words) or None
        return None if blank(value) else self.vocabulary.common(side, text_of(value))

    def agree(self, salespulse: Value, crm: Value) -> bool:
        if self.kind not in _CHOICES:
            return self._key(Side.SALESPULSE, salespulse) == self._key(Side.CRM, crm)
        lefts, rights = self.elements(Side.SALESPULSE, salespulse), self.elements(Side.CRM, crm)
        if not lefts or not rights:
            return not lefts and not rights
        return self._reads_back(Side.CRM, lefts, rights) or self._reads_back(Side.SALESPULSE, rights, lefts)

    def _reads_back(self, to: Side, words: list[str], there: list[str]) -> bool:
        """Whether words, written on ``to``, are what ``to`` shows."""
        vocabulary = self.vocabulary
        crossed = {vocabulary.cross(to, word) for word in words}
        if crossed == set(there):
            return True
        if None in crossed:
            # A table says what is equal. Without one, a word that is no option can still be the same word.
            if vocabulary.table:
                return False
            common = vocabulary.common
            return {common(to.other, word) for word in words} == {common(to, word) for word in there}
        own = {vocabulary.word(to, word) for word in crossed if word is not None}
        return own == {vocabulary.word(to, word) for word in there}

    def _key(self, side: Side, value: Value) -> Hashable:
        key = kinds.read(self.kind, value, self.rule.region)
        decoded = self._decoded[side]
        return decoded.get(tidy(text_of(value)), key) if decoded and isinstance(key, Odd) else key

    def elements(self, side: Side, value: Value) -> list[str]:
        """The words of a value, tidied: one for a choice, any number for a multichoice, none for a blank."""
        if blank(value):
            return []
        if self.kind is not Kind.MULTICHOICE:
            return [tidy(text_of(value))]
        known = self.vocabulary.options[side]
        return split(value, self._separator(side), known)

    # ---- carrying ----

    def carry(self, to: Side, value: Value, present: Value) -> Carried | Cannot | Skip:
        if self.kind is Kind.MULTICHOICE:
            words = list(dict.fromkeys(self.elements(to.other, value)))
            return self.write_words(to, words, [self.vocabulary.cross(to, word) for word in words], present)
        if blank(value):
            return Carried(value=None)
        if self.kind is Kind.CHOICE:
            return self._carry_choice(to, text_of(value), present)
        return self._carry_kind(to, value, present)

    def _carry_choice(self, to: Side, text: str, present: Value) -> Carried | Cannot | Skip:
        written = self.vocabulary.cross(to, text)
        if written is None:
            return self._no_value(to, text)
        # Many to one: of several SalesPulse words for one CRM word, the present one is as right as the first.
        if to is Side.SALESPULSE and self.rule.table and not blank(present):
            back = self.vocabulary.cross(Side.CRM, text_of(present))
            if back is not None and back == self.vocabulary.word(Side.CRM, text):
                return Carried(value=present)
        return self._fit(to, written)

    def _carry_kind(self, to: Side, value: Value, present: Value) -> Carried | Cannot | Skip:
        options = self._encoded[to]
        if options:
            key = self._key(to.other, value)
            written = options.get(key)
            return self._no_value(to, str(key)) if written is None else self._fit(to, written)
        decoded = self._decoded[to.other]
        source = decoded.get(tidy(text_of(value))) if decoded else None
        text: Value = value if source is None else self._plain_form(source)
        made = kinds.write(self.kind, text, self.rule.region, present)
        if made is None:
            return self._invalid(to)
        spec = self.rule.specs.get(to)
        if self.kind is Kind.DATE and spec is not None and spec.type == "datetime":
            made = f"{made}T00:00:00Z"
        return self._fit(to, made)

    def _plain_form(self, key: Hashable) -> Value:
        return key if isinstance(key, str | int | bool) else None

    def write_words(
        self, to: Side, words: list[str], written: list[str | None], present: Value
    ) -> Carried | Cannot | Skip:
        """Write a multichoice; ``written`` has the target's word for each of ``words``, None for none."""
        found: list[str] = []
        for word, target in zip(words, written, strict=True):
            if target is None:
                return self._no_value(to, word)
            if target not in found:
                found.append(target)
        if not found:
            return Carried(value=None)
        separator = self._separator(to) or style_of(present, self.vocabulary.options[to])
        if separator is None:
            return self._fit(to, tuple(found))
        joined = separator.join(found)
        if set(split(joined, self._separator(to), self.vocabulary.options[to])) != {tidy(w) for w in found}:
            return self._invalid(to)
        return self._fit(to, joined)

    def _separator(self, side: Side) -> str | None:
        spec = self.rule.specs.get(side)
        return (spec.separator or None) if spec is not None else None

    # ---- what stands in the way ----

    def _fit(self, to: Side, written: Value) -> Carried | Cannot:
        """The last look at what is to be written: its length, and that it can be sent at all."""
        parts = written if isinstance(written, tuple) else (written,)
        if not all(_sendable(part) for part in parts if isinstance(part, str)):
            return self._invalid(to)
        spec = self.rule.specs.get(to)
        if spec is not None and spec.max_length is not None and isinstance(written, str):
            length = len(written)
            if length > spec.max_length:
                return Cannot(
                    reason=HoldReason.TOO_LONG,
                    message=f"longer than the field: {length} characters, and the {self._field(to)} holds"
                    f" {spec.max_length}; shorten it in {self._side(to.other)} or lengthen the field",
                )
        return Carried(value=written)

    def _no_value(self, to: Side, text: str) -> Cannot | Skip:
        rule = self.rule
        source = to.other
        if rule.stage and source is Side.SALESPULSE:
            return Skip(reason=f"the stage {_show(text)} has no row in the table of stages")
        if rule.unmapped is Unmapped.IGNORE:
            return Skip(reason=f"no {_SIDE_NAMES[to]} value for {_show(text)}, and unmapped values are ignored")
        shown = _show(text) if self.kind in _CHOICES or self.kind is Kind.US_STATE else "it"
        why = f"the {self._field(to)} has no such option; add one there"
        if rule.table and self.vocabulary.find(source, text) is None:
            why = f"the values of {rule.name} have no row for it; add a row to the mapping"
        return Cannot(
            reason=HoldReason.NO_VALUE,
            message=f"no {_SIDE_NAMES[to]} value for {shown}: {why}, or correct it in {self._side(source)}",
        )

    def _invalid(self, to: Side) -> Cannot:
        source = to.other
        return Cannot(
            reason=HoldReason.INVALID,
            message=f"what the {self._field(source)} shows cannot be written to the {self._field(to)} as"
            f" {kinds.NOUNS[self.kind]}; correct it in {self._side(source)}",
        )

    def _field(self, side: Side) -> str:
        return f"{_SIDE_NAMES[side]} field {self.rule.on(side)}"

    def _side(self, side: Side) -> str:
        return "SalesPulse" if side is Side.SALESPULSE else "the CRM"


def _effective_kind(rule: FieldRule) -> Kind:
    """A table works on words whatever the kind says, and so does text that has options on a side."""
    if rule.kind in _CHOICES:
        return rule.kind
    optional = any(spec.options for spec in rule.specs.values())
    if rule.table or rule.stage or (rule.kind is Kind.TEXT and optional):
        return Kind.CHOICE
    return rule.kind


def _sendable(text: str) -> bool:
    """Whether it can be encoded: half of a surrogate pair, which JSON allows, cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _show(text: str) -> str:
    """A value for a message: cut, on one line, and always printable."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else "?" for char in cut)


#: Rules made ready, by identity: a FieldRule holds mappings and has no hash. The entry keeps its rule
#: alive, so that no other rule can come by the same identity.
_ready: dict[int, _Lens] = {}
_READY_MOST = 1024


def _lens(rule: FieldRule) -> _Lens:
    found = _ready.get(id(rule))
    if found is not None:
        return found
    if len(_ready) >= _READY_MOST:
        _ready.clear()
    lens = _Lens(rule)
    _ready[id(rule)] = lens
    return lens
