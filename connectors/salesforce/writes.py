"""Writing records: intents in, receipts out, by collections, by conditional writes or by bulk jobs (section 4).

Collections are the rule. An update never replaces what nobody has looked at: a few go singly with a condition, more are
read right before they are written. Receipts show no values because Salesforce's answers hold none; whoever wants to
know looks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.port import Fetched, Memory
from connectors.salesforce import csvs
from connectors.salesforce.batches import MOST, Batches
from connectors.salesforce.bulk import Bulk
from connectors.salesforce.faults import Next, stop_for
from connectors.salesforce.guard import Guard, arrived, still
from connectors.salesforce.ids import full_id, is_id
from connectors.salesforce.jobs import Jobs
from connectors.salesforce.rows import (
    CONDITIONAL,
    CREATE,
    DELETE,
    PREFIXES,
    ROUNDS,
    UPDATE,
    Again,
    Done,
    Other,
    Row,
    Said,
    Verb,
    applied,
    create_by,
    receipt,
    shows_new_schema,
    sort,
    wants_details,
)
from connectors.salesforce.schema import Schema
from connectors.salesforce.single import Single
from connectors.salesforce.transport import Transport
from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.core.kinds import blank
from syncd.core.model import FieldSpec, Intent, Outcome, Receipt, Value
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop, MappingUnfit

#: New records of one call that are asked about singly after a duplicate rule stopped them; a request each.
_DETAILS = 20
#: Updates of one call up to which each goes by itself with a condition.
_SINGLY = 3
#: What all rows are refused for is not about any of them.
_STOPS = {Next.PARK, Next.STOP, Next.NOT_NOW}
#: Waits for rows that somebody has locked. Short: the looks that the writes were decided on grow old meanwhile.
_LOCKS = Backoff(base=0.5, cap=8.0)


class Writes:
    """The writing half of one opened connection. Used by several threads at once."""

    def __init__(
        self,
        transport: Transport,
        schema: Schema,
        *,
        object: str,  # noqa: A002  the port's word for it
        identity_field: str,
        clock: Clock,
        memory: Memory,
        fetch: Callable[[Sequence[str]], Fetched],
        walked_at: Callable[[], datetime | None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``identity_field``: the configured id field, "" for none. ``fetch``: looks by id with proof of what is gone.
        ``walked_at``: when the last walk of this process began, by Salesforce's clock.
        """
        self._schema = schema
        self._identity_field = identity_field
        self._clock = clock
        self._jitter = jitter
        self._prefix = PREFIXES.get(object, "")
        self._fetch = fetch
        self._batches = Batches(transport, object, clock=clock)
        self._guard = Guard(transport, schema)
        self._single = Single(transport, object, clock=clock, walked_at=walked_at)
        self._bulk = Bulk(Jobs(transport, object), memory=memory, clock=clock)

    def settle_leftover(self) -> None:
        """Wait for the bulk jobs, or abort them, that an earlier process or a lost answer has left. Raises a
        ConnectionStop while one is running. To be called before anything is looked up; without such jobs it costs
        nothing.
        """
        self._bulk.settle_leftover()

    def create(self, intents: Sequence[Intent], *, identity: str | None, stamp_field: str) -> dict[str, Receipt]:
        """Create records; with ``identity``, the unique id field, where there is one: then it can be repeated, and a
        record that bears the id already is never overwritten.

        ``stamp_field``: the field that takes the stamp, "" for none. Raises BatchRefused, AnswerLost (only without
        ``identity`` or when every try went unanswered) or a ConnectionStop.
        """
        self.settle_leftover()
        keyed = bool(identity) and all(_stamp(intent) for intent in intents)
        rows = []
        for intent in intents:
            values: dict[str, Value] = {name: value for name, value in intent.values.items() if not blank(value)}
            stamp = _stamp(intent)
            if stamp and stamp_field:
                values[stamp_field] = stamp
            if identity and keyed:
                values.pop(identity, None)  # it is the key, and once is enough
            rows.append(Row(intent=intent, values=values, key=stamp if keyed else ""))
        return self._deliver_once(create_by(identity) if identity and keyed else CREATE, rows)

    def update(self, intents: Sequence[Intent], *, stamp_field: str) -> dict[str, Receipt]:
        """Update records. Up to three are written each only if nobody has changed it since its ``based_on``; of more,
        those whose written fields are no longer what was decided on are STALE. Raises BatchRefused, AnswerLost or a
        ConnectionStop.
        """
        self.settle_leftover()
        rows, receipts = [], {}
        for intent in intents:
            values = dict(intent.values)
            if intent.stamp is not None and stamp_field:
                values[stamp_field] = intent.stamp or None
            row = Row(intent=intent, values=values, key=intent.crm_id)
            if values:
                rows.append(row)
            else:
                receipts[intent.id] = receipt(row, Outcome.REFUSED, self._no_id_field())
        singly = len(rows) <= _SINGLY and all(row.intent.based_on is not None for row in rows)
        return receipts | self._deliver_once(CONDITIONAL if singly else UPDATE, rows)

    def remove(self, intents: Sequence[Intent]) -> dict[str, Receipt]:
        """Move records to the recycle bin: 15 days, then gone (section 3.4). What is deleted already, with proof, is
        done. Raises BatchRefused, AnswerLost or a ConnectionStop.
        """
        self.settle_leftover()
        rows = [Row(intent=intent, values={}, key=intent.crm_id) for intent in intents]
        receipts = self._deliver_once(DELETE, rows)
        unseen = [one for one in receipts.values() if one.outcome is Outcome.GONE]
        return receipts | {one.intent_id: one for one in self._proven(unseen)}

    def _proven(self, unseen: Sequence[Receipt]) -> list[Receipt]:
        """Receipts of removals that met no record: done with proof of a delete, else held. Sharing may only hide it."""
        if not unseen:
            return []
        try:
            found = self._fetch([one.id for one in unseen])
        except ConnectionStop as stop:
            return [replace(one, outcome=Outcome.FAILED, message=f"{one.message}; {stop}") for one in unseen]
        told = []
        for one in unseen:
            shown = found.records.get(one.id)
            if one.id in found.gone:
                told.append(replace(one, outcome=Outcome.APPLIED, message=""))
            elif shown is not None and shown.id != one.id:
                told.append(replace(one, outcome=Outcome.STALE))
            else:
                words = "it cannot be seen by syncd's user, and nothing proves it deleted"
                words = one.message if shown is not None else f"{words} ({one.message})"
                told.append(replace(one, outcome=Outcome.REFUSED, message=words))
        return told

    def _no_id_field(self) -> str:
        if not self._identity_field:
            return "nothing can be written: this connection has no id field; set id_field"
        return f"nothing can be written: {self._identity_field} does not exist or is read-only for syncd's user"

    def _deliver_once(self, verb: Verb, rows: Sequence[Row]) -> dict[str, Receipt]:
        """Deliver; a key that comes twice only the first time: Salesforce refuses both (section 4.3). Ids of SalesPulse
        that differ in case are two: where the field does not tell them apart, Salesforce refuses the second.
        """
        receipts: dict[str, Receipt] = {}
        first: dict[str, Row] = {}
        for row in rows:
            key = full_id(row.key) if not verb.creates and is_id(row.key) else row.key
            if key and key in first:
                words = "another write to the same record was sent first"
                receipts[row.trace] = receipt(row, Outcome.FAILED, words)
            else:
                first[key or row.trace] = row
        return receipts | self._deliver(verb, list(first.values()))

    # ---- until every row has its receipt

    def _deliver(self, verb: Verb, rows: list[Row]) -> dict[str, Receipt]:
        """Send rows again without what was refused, and while they are locked. Raises only while nothing is known to
        be written.
        """
        receipts: dict[str, Receipt] = {}
        details = _DETAILS
        while rows:
            batch = _next(verb, rows)
            taken = {row.trace for row in batch}
            rows = [row for row in rows if row.trace not in taken]
            self._wait_for_locks(batch)
            try:
                specs = self._schema.fields()
                said = self._send(verb, batch, specs)
            except (AnswerLost, BatchRefused, ConnectionStop) as error:
                # Of those that were not sent yet nothing is in doubt.
                if not receipts and not (rows and isinstance(error, AnswerLost)):
                    raise
                if isinstance(error, BatchRefused):
                    receipts |= self._each_alone(verb, batch)
                    continue
                outcome = Outcome.UNKNOWN if isinstance(error, AnswerLost) else Outcome.FAILED
                receipts |= {row.trace: receipt(row, outcome, str(error)) for row in batch}
                receipts |= {row.trace: receipt(row, Outcome.FAILED, f"not sent: {error}") for row in rows}
                break
            for row in batch:
                one: Said = said.get(row.trace, Again())
                if isinstance(one, tuple) and verb.creates and details and wants_details(one):
                    details -= 1
                    one = self._with_details(verb, row, one, specs)
                end = self._end(verb, row, one)
                if isinstance(end, Row):
                    rows.append(end)
                else:
                    receipts[row.trace] = end
            if any(isinstance(one, tuple) and shows_new_schema(one) for one in said.values()):
                self._schema.forget()
        return receipts

    def _send(self, verb: Verb, batch: Sequence[Row], specs: Mapping[str, FieldSpec]) -> Mapping[str, Said]:
        if verb is CONDITIONAL:
            (row,) = batch
            based_on = row.intent.based_on
            return {} if based_on is None else {row.trace: self._single.write(row, based_on, specs)}
        if verb is UPDATE:
            return self._replace(batch, specs)
        return self._at_once(verb, batch, specs)

    def _replace(self, batch: Sequence[Row], specs: Mapping[str, FieldSpec]) -> Mapping[str, Said]:
        """Write what still replaces what it was decided to replace."""
        said: dict[str, Said] = {}
        left: list[Row] = []
        # What only takes the id replaces nothing that was decided on: a look at it would tell nothing.
        found = self._guard.look([row for row in batch if row.intent.changes or row.unanswered])
        for row in batch:
            shown = found.get(row.trace)
            if shown is None or still(row, shown):
                left.append(row)
            elif row.unanswered and arrived(row, shown, specs):
                said[row.trace] = Done(id=row.key)
            else:
                said[row.trace] = Other(outcome=Outcome.STALE, words="its values were changed since the last look")
        try:
            return {**said, **(self._at_once(UPDATE, left, specs) if left else {})}
        except AnswerLost as lost:
            if len(left) > MOST:
                raise
            return {**said, **self._after_loss(left, specs, lost)}

    def _after_loss(self, rows: Sequence[Row], specs: Mapping[str, FieldSpec], lost: AnswerLost) -> dict[str, Said]:
        """What a collection without an answer has written: repeated blindly, it may replace what was typed since."""
        try:
            found = self._guard.look(rows)
        except ConnectionStop:
            raise lost from None
        said: dict[str, Said] = {}
        for row in rows:
            shown = found.get(row.trace)
            if shown is not None and arrived(row, shown, specs):
                said[row.trace] = Done(id=row.key)
            elif shown is not None and not still(row, shown):
                said[row.trace] = Other(outcome=Outcome.STALE, words="its values were changed while it was written")
            elif row.rounds < ROUNDS:
                said[row.trace] = Again(unanswered=True)
            else:
                said[row.trace] = Other(outcome=Outcome.UNKNOWN, words=str(lost))
        return said

    def _at_once(self, verb: Verb, batch: Sequence[Row], specs: Mapping[str, FieldSpec]) -> dict[str, Said]:
        """By one request, or by bulk jobs where they are too many for it."""
        try:
            send = self._bulk.write if len(batch) > MOST else self._batches.send
            said = send(verb, batch, specs)
        except MappingUnfit:
            self._schema.forget()
            raise
        stops = [one[0] for one in said.values() if isinstance(one, tuple) and one[0].next in _STOPS]
        if len(stops) == len(batch):
            raise stop_for(stops[0], f"writing {len(batch)} records to Salesforce")
        return said

    def _end(self, verb: Verb, row: Row, said: Said) -> Receipt | Row:
        match said:
            case Done():
                return applied(row, said)
            case Other():
                return receipt(row, said.outcome, said.words)
            case Again():
                return row.again(said) or receipt(row, Outcome.FAILED, "it was sent several times in vain")
            case _:
                return sort(verb, row, said, prefix=self._prefix)

    def _each_alone(self, verb: Verb, rows: Sequence[Row]) -> dict[str, Receipt]:
        """Each row in a request of its own, where every answer is about it."""
        receipts: dict[str, Receipt] = {}
        for row in rows:
            try:
                receipts |= self._deliver(verb, [row])
            except AnswerLost as lost:
                receipts[row.trace] = receipt(row, Outcome.UNKNOWN, str(lost))
            except (BatchRefused, ConnectionStop) as stop:
                receipts[row.trace] = receipt(row, Outcome.FAILED, str(stop))
        return receipts

    def _with_details(self, verb: Verb, row: Row, said: Said, specs: Mapping[str, FieldSpec]) -> Said:
        try:
            return self._batches.one(verb, row, specs)
        except ConnectionStop:
            return said

    def _wait_for_locks(self, batch: Sequence[Row]) -> None:
        turn = max((row.locks for row in batch), default=0)
        if turn:
            self._clock.sleep(_LOCKS.pause(turn, jitter=self._jitter()))


def _next(verb: Verb, rows: Sequence[Row]) -> list[Row]:
    """The rows of the next request or of the next bulk job."""
    if verb is CONDITIONAL:
        return list(rows[:1])
    if verb.bulk and len(rows) > MOST:
        wave = [row for row in rows if csvs.fits(row)]
        if len(wave) > MOST:
            return wave
    return list(rows[:MOST])


def _stamp(intent: Intent) -> str:
    return intent.stamp or intent.origin
