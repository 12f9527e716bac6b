"""Writing records: intents in, receipts out, by collections, by a conditional write or by bulk jobs (section 4).

Collections are the rule. Receipts show no values because Salesforce's answers hold none; whoever wants to know looks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from connectors.port import Memory
from connectors.salesforce import csvs
from connectors.salesforce.batches import MOST, Batches
from connectors.salesforce.bulk import Bulk
from connectors.salesforce.faults import Next, stop_for
from connectors.salesforce.jobs import Jobs
from connectors.salesforce.rows import (
    CONDITIONAL,
    CREATE,
    DELETE,
    PREFIXES,
    UPDATE,
    Again,
    Done,
    Other,
    Row,
    Said,
    Verb,
    applied,
    receipt,
    shows_new_schema,
    sort,
    upsert_by,
    wants_details,
)
from connectors.salesforce.schema import Schema
from connectors.salesforce.single import Single
from connectors.salesforce.transport import Transport
from syncd.clock import Clock
from syncd.core.backoff import Backoff
from syncd.core.kinds import blank
from syncd.core.model import FieldSpec, Intent, Outcome, Receipt, Value
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop

#: New records of one call that are asked about singly after a duplicate rule stopped them; a request each.
_DETAILS = 20
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
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``identity_field``: the configured id field, "" for none."""
        self._schema = schema
        self._identity_field = identity_field
        self._clock = clock
        self._jitter = jitter
        self._prefix = PREFIXES.get(object, "")
        self._batches = Batches(transport, object)
        self._single = Single(transport, object, clock=clock)
        self._bulk = Bulk(Jobs(transport, object), memory=memory, clock=clock)

    def settle_leftover(self) -> None:
        """Wait for the bulk jobs, or abort them, that an earlier process or a lost answer has left. Raises a
        ConnectionStop while one is running. To be called before anything is looked up; without such jobs it costs
        nothing.
        """
        self._bulk.settle_leftover()

    def create(self, intents: Sequence[Intent], *, identity: str | None, stamp_field: str) -> dict[str, Receipt]:
        """Create records; by upsert on ``identity``, the unique id field, where there is one, which can be repeated.

        ``stamp_field``: the field that takes the stamp, "" for none. Raises BatchRefused, AnswerLost (only without
        ``identity`` or when every try went unanswered) or a ConnectionStop.
        """
        self.settle_leftover()
        upsert = bool(identity) and all(_stamp(intent) for intent in intents)
        rows = []
        for intent in intents:
            values: dict[str, Value] = {name: value for name, value in intent.values.items() if not blank(value)}
            stamp = _stamp(intent)
            if stamp and stamp_field:
                values[stamp_field] = stamp
            if identity and upsert:
                values.pop(identity, None)  # it is the key, and once is enough
            rows.append(Row(intent=intent, values=values, key=stamp if upsert else ""))
        return self._deliver_once(upsert_by(identity) if identity and upsert else CREATE, rows)

    def update(self, intents: Sequence[Intent], *, stamp_field: str) -> dict[str, Receipt]:
        """Update records. One alone is written only if nobody has changed it since its ``based_on``. Raises
        BatchRefused, AnswerLost or a ConnectionStop.
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
        alone = len(rows) == 1 and rows[0].intent.based_on is not None
        return receipts | self._deliver_once(CONDITIONAL if alone else UPDATE, rows)

    def remove(self, intents: Sequence[Intent]) -> dict[str, Receipt]:
        """Move records to the recycle bin: 15 days, then gone (section 3.4). Gone already is done. Raises
        BatchRefused, AnswerLost or a ConnectionStop.
        """
        self.settle_leftover()
        return self._deliver_once(DELETE, [Row(intent=intent, values={}, key=intent.crm_id) for intent in intents])

    def _no_id_field(self) -> str:
        if not self._identity_field:
            return "nothing can be written: this connection has no id field; set id_field"
        return f"nothing can be written: {self._identity_field} does not exist or is read-only for syncd's user"

    def _deliver_once(self, verb: Verb, rows: Sequence[Row]) -> dict[str, Receipt]:
        """Deliver; a key that comes twice only the first time: Salesforce refuses both (section 4.3)."""
        receipts: dict[str, Receipt] = {}
        first: dict[str, Row] = {}
        for row in rows:
            if row.key and row.key.casefold() in first:
                words = "another write to the same record was sent first"
                receipts[row.trace] = receipt(row, Outcome.FAILED, words)
            else:
                first[row.key.casefold() or row.trace] = row
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
            specs = self._schema.fields()
            try:
                said = self._send(verb, batch, specs)
            except (AnswerLost, BatchRefused, ConnectionStop) as error:
                if not receipts:
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
        if len(batch) > MOST:
            return self._bulk.write(verb, batch, specs)
        said = self._batches.send(verb, batch, specs)
        stops = [one[0] for one in said.values() if isinstance(one, tuple) and one[0].next in {Next.PARK, Next.STOP}]
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
                return row.again(plain=said.plain) or receipt(row, Outcome.FAILED, "it was sent several times in vain")
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
    if verb.bulk and len(rows) > MOST:
        wave = [row for row in rows if csvs.fits(row)]
        if len(wave) > MOST:
            return wave
    return list(rows[:MOST])


def _stamp(intent: Intent) -> str:
    return intent.stamp or intent.origin
