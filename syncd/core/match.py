"""Finds which records of both sides are one person: what to link or create, and what only a person can tell.

It gets a whole group of records that share keys, so that it never decides on half of a household. It must not
guess: wherever two answers are possible it holds all records of the question, and none of them is created
anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import lru_cache

from syncd.core import holds, lens, names
from syncd.core.kinds import Odd
from syncd.core.mapping import FieldMap, FieldRule, Kind, Policy
from syncd.core.model import SIDES, Hold, HoldReason, Observed, Record, Side

#: A record of the group: its side and its id there.
Key = tuple[Side, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One record of a group, with what the store knows of its links in this connection's account."""

    side: Side
    id: str
    observed: Observed
    linked: bool = False  #: has an active or frozen link
    severed: bool = False  #: was severed in this connection, and that was not ended
    other_id: str = ""  #: what the side's id property (token field) carries: the id of the other half; "" for none
    in_scope: bool = True

    @property
    def key(self) -> Key:
        return self.side, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All records that share usable keys or name each other by id property, also through further records."""

    salespulse: tuple[Candidate, ...] = ()
    crm: tuple[Candidate, ...] = ()

    def __iter__(self) -> Iterator[Candidate]:
        yield from self.salespulse
        yield from self.crm


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What to do about a group. A record that is in none of these needs nothing or is held."""

    links: tuple[tuple[str, str, str], ...] = ()  #: (salespulse_id, crm_id, by): "id property" or the key's name
    creates: tuple[Key, ...] = ()  #: sources of new records on the other side
    holds: tuple[Hold, ...] = ()
    no_key: tuple[Key, ...] = ()  #: could not be found again if they were created; the caller makes one hold of all


def keys_of(fields: FieldMap, side: Side, record: Record) -> Mapping[str, frozenset[str]]:
    """Key → the values by which the record can be found, in one form for both sides; without any, no key.

    Blank, unread and unreadable values are no keys. A field's further values (secondary e-mail addresses)
    are.
    """
    found: dict[str, frozenset[str]] = {}
    for name in fields.keys:
        rule = _key_rule(fields, name)
        if rule is None:
            continue
        field = rule.on(side)
        read = (lens.canonical(rule, side, value) for value in (record.values.get(field), *record.also.get(field, ())))
        values = frozenset(str(value) for value in read if value is not None and not isinstance(value, Odd))
        if values:
            found[name] = values
    return found


def _key_rule(fields: FieldMap, key: str) -> FieldRule | None:
    """How a key's values are read: by its name if that is a kind, else as the mapped field that it is."""
    bears = fields.key_fields.get(key, {})
    if len(bears) < len(SIDES):
        return None
    salespulse, crm = bears[Side.SALESPULSE], bears[Side.CRM]
    mapped = next((rule for rule in fields.rules if (rule.salespulse, rule.crm) == (salespulse, crm)), None)
    kind = Kind(key) if key in {Kind.EMAIL, Kind.PHONE} else None
    if mapped is not None and kind in {None, mapped.kind}:
        return mapped
    region = fields.rules[0].region if fields.rules else "US"
    return _bare_rule(key, salespulse, crm, kind or Kind.TEXT, region)


@lru_cache(maxsize=64)
def _bare_rule(key: str, salespulse: str, crm: str, kind: Kind, region: str) -> FieldRule:
    return FieldRule(name=key, salespulse=salespulse, crm=crm, kind=kind, region=region)


def match(fields: FieldMap, policy: Policy, group: Group, crowded: frozenset[tuple[str, str]] = frozenset()) -> Matched:
    """Given a whole group, decide every unlinked record of it that takes part.

    ``crowded``: (key, value) that more than five records of one side carry; such a value is no key.
    """
    board = _Board.of(fields, policy, group, crowded)
    _by_id_property(board)
    for key in fields.keys:
        _by_key(board, key)
    _third_records(board)
    _leftovers(board)
    return Matched(
        links=tuple(sorted(board.links)),
        creates=tuple(sorted(board.creates)),
        holds=tuple({(hold.subject, hold.reason): hold for hold in board.held}.values()),
        no_key=tuple(sorted(board.no_key)),
    )


@dataclass(slots=True, kw_only=True)
class _Board:
    """The state of one group while it is being decided. ``open``: records that still wait for a decision."""

    fields: FieldMap
    policy: Policy
    members: dict[Key, Candidate]
    keys: dict[Key, Mapping[str, frozenset[str]]]
    bearers: dict[tuple[str, str], list[Key]]
    open: set[Key]
    taken: set[Key]  #: has another half
    links: list[tuple[str, str, str]] = attribute(default_factory=list)
    creates: list[Key] = attribute(default_factory=list)
    held: list[Hold] = attribute(default_factory=list)
    no_key: list[Key] = attribute(default_factory=list)

    @classmethod
    def of(cls, fields: FieldMap, policy: Policy, group: Group, crowded: frozenset[tuple[str, str]]) -> _Board:
        members = {each.key: each for each in group}
        keys: dict[Key, Mapping[str, frozenset[str]]] = {}
        bearers: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for each in group:
            usable: dict[str, frozenset[str]] = {}
            for name, values in keys_of(fields, each.side, each.observed.record).items():
                free = frozenset(value for value in values if (name, value) not in crowded)
                if free:
                    usable[name] = free
                for value in free:
                    bearers[name, value].append(each.key)
            keys[each.key] = usable
        return cls(
            fields=fields,
            policy=policy,
            members=members,
            keys=keys,
            bearers=bearers,
            open={each.key for each in group if each.in_scope and not each.linked and not each.severed},
            taken={each.key for each in group if each.linked},
        )

    def sharing(self, record: Key, name: str) -> set[Key]:
        """The other records that carry one of the record's values of a key."""
        values = self.keys[record].get(name, frozenset())
        return {other for value in values for other in self.bearers[name, value]} - {record}

    def stands_for(self, record: Key) -> Key:
        """The record that it was converted into, where that is in the group: whom the one names, the other means."""
        converted = self.members[record].observed.record.converted
        heir = (Side.CRM, converted.id) if converted is not None else record
        return heir if heir in self.members else record

    def contradict(self, one: Key, other: Key) -> bool:
        a, b = self.members[one], self.members[other]
        return names.contradict(self.fields, (a.side, a.observed.record), (b.side, b.observed.record))

    def link(self, salespulse: Key, crm: Key, by: str) -> None:
        self.links.append((salespulse[1], crm[1], by))
        self.open -= {salespulse, crm}
        self.taken |= {salespulse, crm}

    def hold(self, records: Iterable[Key], reason: HoldReason, what: str) -> None:
        """One hold for one question. Its records are decided: nothing is done with them."""
        records = sorted(records)
        ids = {side: [id_ for of, id_ in records if of is side] for side in SIDES}
        mine, theirs = ids[Side.SALESPULSE], ids[Side.CRM]
        self.held.append(
            Hold(
                connection=self.policy.connection,
                reason=reason,
                message=holds.message(reason, what),
                # The question is about one record wherever one of the sides has only one in it.
                salespulse_id=mine[0] if mine and (len(mine) == 1 or len(theirs) != 1) else "",
                crm_id=theirs[0] if theirs and (len(theirs) == 1 or not mine) else "",
            )
        )
        self.open -= set(records)

    def called(self, records: Iterable[Key]) -> str:
        """The records as people would name them: "SalesPulse contact 7 and HubSpot records 1, 2"."""
        parts: list[str] = []
        records = sorted(records)
        for side, noun in (
            (Side.SALESPULSE, "SalesPulse contact"),
            (Side.CRM, f"{self.policy.label} record"),
        ):
            ids = [id_ for of, id_ in records if of is side]
            if ids:
                more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
                parts.append(f"{noun}{'s' if len(ids) > 1 else ''} {', '.join(ids[:5])}{more}")
        return " and ".join(parts)


def _by_id_property(board: _Board) -> None:
    """A record that carries the other's id is its half, unless a second one says so or one is taken."""
    claims: dict[Key, set[Key]] = defaultdict(set)
    for key, each in board.members.items():
        named = (each.side.other, each.other_id)
        # An id that nobody bears is left over from another state or account: the keys may say better.
        if each.other_id and named in board.members:
            one, other = board.stands_for(key), board.stands_for(named)
            claims[one].add(other)
            claims[other].add(one)
    for records in _components(set(claims), lambda key: claims[key]):
        waiting = records & board.open
        if not waiting:
            continue
        mine, theirs = _split(records)
        if len(mine) == len(theirs) == 1 and waiting == records:
            board.link(mine[0], theirs[0], "id property")
        elif any(not board.members[key].in_scope for key in records) and not records & board.taken:
            # The other half is there and does not take part, so there is nothing to link or to create.
            board.open -= waiting
        else:
            what = f"{board.called(records)} name each other by id property, but are not one pair"
            board.hold(records, HoldReason.AMBIGUOUS, what)


def _by_key(board: _Board, key: str) -> None:
    """Link where a value leaves exactly one open record on each side; hold where it leaves more.

    A value of a linked record is out of play: who else carries it is a second person or a duplicate, and
    nobody here can tell. A severed pair's value is out of play likewise.
    """

    def neighbours(record: Key) -> set[Key]:
        found: set[Key] = set()
        for value in board.keys[record].get(key, frozenset()):
            bearers = board.bearers[key, value]
            if not any(other in board.taken or board.members[other].severed for other in bearers):
                found |= set(bearers) & board.open
        return found - {record}

    for records in list(_components(board.open, neighbours)):
        mine, theirs = _split(records)
        if not mine or not theirs:
            continue
        if len(mine) == len(theirs) == 1:
            # A phone is shared by families. It speaks for one person only while the names do not speak
            # against it.
            if not (key == Kind.PHONE and board.contradict(mine[0], theirs[0])):
                board.link(mine[0], theirs[0], key)
        else:
            board.hold(records, HoldReason.AMBIGUOUS, f"{board.called(records)} have the same {key}")


def _third_records(board: _Board) -> None:
    """A severed pair was ended for a reason; what bears its key may be the same person again."""
    for record in sorted(board.open):
        severed = {
            other
            for name in board.keys[record]
            for other in board.sharing(record, name)
            if board.members[other].severed
        }
        if severed:
            what = f"{board.called([record])} has a key of {board.called(severed)}, whose pair was ended"
            board.hold([record], HoldReason.AMBIGUOUS, what)


def _leftovers(board: _Board) -> None:
    """Records without a half: created over there where that is allowed, safe and can be found again."""
    waiting = frozenset(record for record in board.open if board.policy.may_create(record[0].other))
    alike: dict[Key, set[Key]] = {}
    for record in sorted(waiting):
        target = record[0].other
        own = [name for name in board.fields.keys if name in board.keys[record]]
        if not own:
            # The id property alone finds it again.
            (board.creates if target in board.policy.identity else board.no_key).append(record)
            continue
        aside = _halves_out_of_scope(board, record)
        there = {other for other in board.sharing(record, own[0]) if other[0] is target} - aside
        duplicates = _duplicates(board, record, own, waiting)
        if there:
            # Its best key is in use there, so a record made with it would be a second one of the same key.
            _hold_taken(board, record, own[0], there)
        elif duplicates:
            alike[record] = duplicates
        elif not aside:
            board.creates.append(record)
    for records in _components(set(alike), lambda record: alike.get(record, set())):
        what = f"{board.called(records)} share a key, and their names or other keys do not tell them apart"
        board.hold(records & set(alike), HoldReason.AMBIGUOUS, what)


def _halves_out_of_scope(board: _Board, record: Key) -> set[Key]:
    """Records over there that are its other half by a key and do not take part: that pair would be frozen."""
    found: set[Key] = set()
    for name in board.keys[record]:
        for other in board.sharing(record, name):
            aside = not board.members[other].in_scope and other not in board.taken
            family = name == Kind.PHONE and board.contradict(record, other)
            if other[0] is not record[0] and aside and not family:
                found.add(other)
    return found


def _hold_taken(board: _Board, record: Key, key: str, there: set[Key]) -> None:
    if key == Kind.PHONE and all(board.contradict(record, other) for other in there):
        what = f"{board.called({record, *there})} have the same phone, other names and no other key"
        board.hold({record, *there}, HoldReason.NAMES_DIFFER, what)
        return
    linked = ", which is linked already" if there <= board.taken else ""
    what = f"{board.called([record])} has the {key} of {board.called(there)}{linked}"
    board.hold({record, *there}, HoldReason.AMBIGUOUS, what)


def _duplicates(board: _Board, record: Key, own: list[str], waiting: frozenset[Key]) -> set[Key]:
    """Other new records of its side that may be the same person or would get the same best key."""
    found: set[Key] = set()
    for name in own:
        for other in board.sharing(record, name) & waiting:
            if other[0] is not record[0]:
                continue
            if name == own[0] or not board.contradict(record, other):
                found.add(other)
    return found


def _split(records: Iterable[Key]) -> tuple[list[Key], list[Key]]:
    ordered = sorted(records)
    return [key for key in ordered if key[0] is SIDES[0]], [key for key in ordered if key[0] is SIDES[1]]


def _components(records: set[Key], neighbours: Callable[[Key], set[Key]]) -> Iterator[set[Key]]:
    """Records that hang together, in a stable order. Neighbours that are not among ``records`` join too."""
    seen: set[Key] = set()
    for start in sorted(records):
        if start in seen:
            continue
        found, edge = {start}, [start]
        while edge:
            new = neighbours(edge.pop()) - found
            found |= new
            edge += new
        seen |= found
        yield found
