"""Match: records without a link become links, creates, or something that a person decides. All from the state;
no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from syncd.core.match import Candidate, Group, Matched, keys_of, match
from syncd.core.model import SIDES, Hold, HoldReason, Intent, LinkState, Op, Record, Side
from syncd.core.plan import creation
from syncd.core.scope import in_scope
from syncd.cycle import beside
from syncd.cycle.islands import Islands
from syncd.cycle.world import Spoke, World
from syncd.store import holds, journal, links, matching, observed
from syncd.store.matching import IDENTITY, Who

#: Records taken up at once; with their neighbours they make the groups of one transaction.
CHUNK = 300
#: A value that more records of one side carry is no key.
CROWD = 5
#: Holds that matching opens, and ends when their cause is gone.
REASONS = (HoldReason.AMBIGUOUS, HoldReason.NAMES_DIFFER, HoldReason.NO_KEY)


def match_all(world: World, spoke: Spoke) -> None:
    """Take up every record that is due until none is."""
    with world.database.write() as tx:
        matching.release(tx, spoke.name, "waiting", "due")
        doubted = _Doubted.read(tx, spoke)
        unlisted = beside.unlisted(tx, spoke)
        total = matching.count(tx, spoke.name, "due")
    done = 0
    while True:
        with world.database.write() as tx:
            due = matching.in_state(tx, spoke.name, "due", CHUNK)
            if not due:
                break
            groups, crowded = _groups(tx, spoke, due)
            for group in groups:
                matched = match(spoke.fields, spoke.policy, group, crowded)
                waiting = _waiting(tx, spoke, matched, doubted)
                if unlisted:
                    waiting |= _wait(tx, spoke, [who for who in matched.creates if who[0] is Side.SALESPULSE])
                _apply(world, tx, spoke, group, _without(matched, waiting))
            matching.mark_left(tx, spoke.name, due)
        done += len(due)
        world.report.progress(spoke.name, "matching", min(done, total), total)
    _hold_keyless(world, spoke)


def tell_waiting(world: World, spoke: Spoke) -> None:
    """Say how many creates wait until the account's other objects were listed once."""
    with world.database.read() as tx:
        unlisted = ", ".join(beside.unlisted(tx, spoke))
        waiting = sum(side is Side.SALESPULSE for side, _id in matching.in_state(tx, spoke.name, "waiting"))
    if unlisted and waiting:
        world.report.note(
            spoke.name,
            f"{waiting} records are not created in {spoke.policy.label} yet: {unlisted}, on the same account, was never"
            " listed, and they may be there already; `syncd run --full` without --connection lists it",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubted:
    """Creates that may have happened: nobody else creates for their keys."""

    origins: frozenset[Who]  #: this connection's own, which a later run judges
    keys: frozenset[tuple[Side, str, str]]  #: (the side that is written, key, value); also other connections'

    @classmethod
    def read(cls, tx: Connection, spoke: Spoke) -> _Doubted:
        own = [one.intent for one in journal.doubts(tx, spoke.name) if one.intent.op is Op.CREATE]
        others = [one.intent for one in (*journal.doubts(tx), *journal.uncertain(tx))]
        theirs = [
            intent
            for intent in others
            if intent.connection != spoke.name and (intent.side, intent.op) == (Side.SALESPULSE, Op.CREATE)
        ]
        return cls(
            origins=frozenset((intent.side.other, intent.origin) for intent in own),
            keys=frozenset(
                (intent.side, key, value)
                for intent in (*own, *theirs)
                for key, values in keys_of(spoke.fields, intent.side, Record(id="", values=intent.values)).items()
                for value in values
            ),
        )


def _waiting(tx: Connection, spoke: Spoke, matched: Matched, doubted: _Doubted) -> frozenset[Who]:
    """Creates that have to wait for one that is in doubt; marked so. Whose own create is in doubt stays as planned."""
    own = [who for who in matched.creates if who in doubted.origins]
    matching.mark(tx, spoke.name, own, "planned")
    values = _values(tx, spoke, matched.creates) if doubted.keys and matched.creates else {}
    rivals = [
        who
        for who, pairs in values.items()
        if who not in doubted.origins and any((who[0].other, key, value) in doubted.keys for key, value in pairs)
    ]
    return _wait(tx, spoke, rivals) | frozenset(own)


def _wait(tx: Connection, spoke: Spoke, creates: Sequence[Who]) -> frozenset[Who]:
    matching.mark(tx, spoke.name, creates, "waiting")
    return frozenset(creates)


def _without(matched: Matched, waiting: frozenset[Who]) -> Matched:
    return replace(matched, creates=tuple(who for who in matched.creates if who not in waiting))


def _groups(tx: Connection, spoke: Spoke, due: Sequence[Who]) -> tuple[list[Group], frozenset[tuple[str, str]]]:
    """The due records with all whom usable keys or an id property join to them, a group for each island; and the values
    that are no key, since too many carry them.
    """
    islands = Islands[Who]()
    crowded: frozenset[tuple[str, str]] = frozenset()
    asked: dict[tuple[str, str], Who] = {}
    frontier: set[Who] = set(due)
    while frontier:
        values = _values(tx, spoke, tuple(frontier))
        for who in frontier:
            islands.add(who)
        reached: set[Who] = set()
        for who, pairs in values.items():
            for key, value in pairs:
                if key == IDENTITY:  # the other half's id: its bearer is reached directly
                    half = (who[0].other, value)
                    reached.add(half)
                    islands.join(who, half)
        joining = {pair: who for who, pairs in values.items() for pair in pairs if pair[0] != IDENTITY}
        unseen = [pair for pair in joining if pair not in asked and pair not in crowded]
        for name in (spoke.name, *(peer.name for peer in beside.others(spoke))):
            crowded |= matching.crowded(tx, name, unseen, CROWD)
        fresh = [pair for pair in unseen if pair not in crowded]
        asked |= {pair: joining[pair] for pair in fresh}
        claimed = [(IDENTITY, id_) for _, id_ in frontier]
        wanted = [*fresh, *claimed]
        for side, id_, key, value in matching.bearers(tx, spoke.name, wanted) | beside.bearers(tx, spoke, wanted):
            who = (side, id_)
            reached.add(who)
            islands.join(who, (side.other, value) if key == IDENTITY else asked[key, value])
        for one, other in beside.joined(tx, spoke, [id_ for side, id_ in frontier if side is Side.CRM]):
            reached |= {one, other}
            islands.join(one, other)
        frontier = {who for who in reached if who not in values and not islands.visited(who)}
        islands.visit(values)
    return _candidates(tx, spoke, islands.all()), crowded


def _values(tx: Connection, spoke: Spoke, who: Sequence[Who]) -> dict[Who, list[tuple[str, str]]]:
    keys = matching.keys_of(tx, spoke.name, who)
    return {one: [(key, value) for key, values in by_key.items() for value in values] for one, by_key in keys.items()}


def _candidates(tx: Connection, spoke: Spoke, islands: list[list[Who]]) -> list[Group]:
    everybody = [who for island in islands for who in island]
    known: dict[Who, Candidate] = {}
    for side in SIDES:
        ids = [id_ for one, id_ in everybody if one is side]
        shown = observed.get_many(tx, spoke.sources[side], ids)
        if side is Side.CRM:
            shown = {**beside.shown(tx, spoke, [id_ for id_ in ids if id_ not in shown]), **shown}
        linked = matching.linked(tx, (*spoke.account_names, *spoke.former), side, ids)
        identity = spoke.policy.identity.get(side)
        for id_, seen in shown.items():
            if seen.gone is not None:
                continue
            state = linked[id_][1] if id_ in linked else ""
            known[side, id_] = Candidate(
                side=side,
                id=id_,
                observed=seen,
                linked=state in links.LIVING,
                severed=state == LinkState.SEVERED.value,
                other_id=str(seen.record.values.get(identity) or "") if identity else "",
                in_scope=in_scope(spoke.fields, side, seen.record),
            )
    groups = []
    for island in islands:
        halves = {
            side: tuple(known[who] for who in sorted(island) if who[0] is side and who in known) for side in SIDES
        }
        groups.append(Group(salespulse=halves[Side.SALESPULSE], crm=halves[Side.CRM]))
    return groups


def _apply(world: World, tx: Connection, spoke: Spoke, group: Group, matched: Matched) -> None:
    now = world.clock.now()
    for salespulse_id, crm_id, by in matched.links:
        links.add(tx, spoke.name, salespulse_id, crm_id, matched_by=by, run_id=world.run_id, at=now)
        matching.unmark(tx, spoke.name, ((Side.SALESPULSE, salespulse_id), (Side.CRM, crm_id)))
        spoke.tally.linked += 1
    intents = [_creation(world, tx, spoke, group, side, id_) for side, id_ in matched.creates]
    journal.plan(tx, world.run_id, intents)
    matching.mark(tx, spoke.name, matched.creates, "planned")
    matching.mark(tx, spoke.name, matched.no_key, "no_key")
    for hold in matched.holds:
        held = [(Side.SALESPULSE, hold.salespulse_id), (Side.CRM, hold.crm_id)]
        matching.mark_due_as(tx, spoke.name, [who for who in held if who[1]], "held")
    for candidate in (*group.salespulse, *group.crm):
        salespulse_id, crm_id = (candidate.id, "") if candidate.side is Side.SALESPULSE else ("", candidate.id)
        holds.close_for(
            tx,
            spoke.name,
            salespulse_id=salespulse_id,
            crm_id=crm_id,
            keep=matched.holds,
            reasons=REASONS,
            at=now,
        )
    spoke.tally.held += holds.put(tx, matched.holds, run_id=world.run_id, at=now)


def _creation(world: World, tx: Connection, spoke: Spoke, group: Group, source: Side, id_: str) -> Intent:
    half = group.salespulse if source is Side.SALESPULSE else group.crm
    origin = next(candidate.observed for candidate in half if candidate.id == id_)
    made = creation(spoke.fields, spoke.policy, source, origin, world.new_id())
    spoke.tally.held += holds.put(tx, made.holds, run_id=world.run_id, at=world.clock.now())
    return made.intent


def _hold_keyless(world: World, spoke: Spoke) -> None:
    """All records that cannot be created, since nobody could find them again, make one hold."""
    with world.database.write() as tx:
        keyless = matching.count(tx, spoke.name, "no_key")
        hold = Hold(
            connection=spoke.name,
            reason=HoldReason.NO_KEY,
            message=(
                f"no key: {keyless} records have neither an e-mail address nor a phone number by which they could be "
                "found again, so they are not created on the other side; add one to each, or let "
                f"{spoke.policy.label} carry the SalesPulse id (`syncd check --online --fix`)"
            ),
        )
        if keyless:
            spoke.tally.held += holds.put(tx, [hold], run_id=world.run_id, at=world.clock.now())
        else:
            holds.close_one(tx, hold, world.clock.now())
