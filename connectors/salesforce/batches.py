"""sObject Collections (section 4.3): up to 200 records in one request, each with a result of its own, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce import soql
from connectors.salesforce.codec import CREATED, ID, moment
from connectors.salesforce.faults import Fault, Refused, parse_faults
from connectors.salesforce.rows import (
    DELETE,
    Again,
    Done,
    Other,
    Row,
    Said,
    Verb,
    named_in,
    shows_new_schema,
)
from connectors.salesforce.transport import Ask, Transport
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Outcome
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop, MappingUnfit, Problem
from syncd.net.governor import Priority

MOST = 200
_PATH = "composite/sobjects"
#: What the server's clock and ours may differ by within one exchange: its Date header has whole seconds.
_CLOCKS = timedelta(seconds=2)


class Batches:
    """Collections of one object."""

    def __init__(self, transport: Transport, object_name: str, *, clock: Clock) -> None:
        self._transport = transport
        self._object = object_name
        self._clock = clock

    def send(self, verb: Verb, rows: Sequence[Row], specs: Mapping[str, FieldSpec]) -> dict[str, Said]:
        """Send at most 200 rows, no key twice; return what is said of each, by trace.

        Raises AnswerLost, BatchRefused when nothing was written and nobody is named, or a ConnectionStop: MappingUnfit
        where Salesforce does not take the id field of new records.
        """
        ask = self._ask(verb, rows, specs)
        try:
            answer = self._transport.write(ask, safe=verb.safe)
        except Refused as refused:
            return self._refused(verb, rows, refused)
        results = answer.data
        if not isinstance(results, list) or len(results) != len(rows):
            raise AnswerLost(f"{ask.where}: the answer does not hold one result for each of the {len(rows)} records")
        said = {row.trace: _said(result, answer.served_at) for row, result in zip(rows, results, strict=True)}
        self._need_key(verb, [fault for one in said.values() if isinstance(one, tuple) for fault in one])
        if verb.keyed and answer.repeated_within is not None:
            left = [row for row in rows if not isinstance(said[row.trace], Done)]
            said |= self._made_before(verb, left, said, since=self._clock.now() - answer.repeated_within)
        return said

    def one(self, verb: Verb, row: Row, specs: Mapping[str, FieldSpec]) -> Said:
        """Create one record by itself, which tells what a collection leaves out: the records that a duplicate rule
        found. Raises a ConnectionStop when it was not created.
        """
        path = f"sobjects/{self._object}"
        body = self._fields(verb, row, specs)
        ask = Ask(method="POST", path=path, kind="row/create", priority=Priority.PUSH, body=body)
        sent_at = self._clock.now()
        try:
            data = self._transport.write(ask, safe=False).data
        except Refused as refused:
            return refused.faults or Other(outcome=Outcome.REFUSED, words=str(refused))
        except AnswerLost as lost:
            unknown = Other(outcome=Outcome.UNKNOWN, words=str(lost))
            if not verb.keyed:
                return unknown
            return self._made_before(verb, [row], {row.trace: unknown}, since=sent_at).get(row.trace, unknown)
        if isinstance(data, dict) and data.get("id"):
            return Done(id=str(data["id"]))
        return Other(outcome=Outcome.UNKNOWN, words="it was written, and the answer does not say under which id")

    def _ask(self, verb: Verb, rows: Sequence[Row], specs: Mapping[str, FieldSpec]) -> Ask:
        kind = f"collections/{verb.name}"
        if verb is DELETE:
            params = (("ids", ",".join(row.key for row in rows)), ("allOrNone", "false"))
            return Ask(method=verb.method, path=_PATH, kind=kind, priority=Priority.PUSH, params=params)
        body = {"allOrNone": False, "records": [self._record(verb, row, specs) for row in rows]}
        return Ask(method=verb.method, path=_PATH, kind=kind, priority=Priority.PUSH, body=body)

    def _record(self, verb: Verb, row: Row, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
        return {"attributes": {"type": self._object}, **self._fields(verb, row, specs)}

    def _fields(self, verb: Verb, row: Row, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
        key = {verb.key_field: row.key} if verb.key_field else {}
        return {**key, **row.body(specs)}

    def _refused(self, verb: Verb, rows: Sequence[Row], refused: Refused) -> dict[str, Said]:
        """The whole request was refused, so nothing of it was written."""
        self._need_key(verb, refused.faults)
        if len(rows) == 1:
            return {rows[0].trace: refused.faults or Other(outcome=Outcome.REFUSED, words=str(refused))}
        if shows_new_schema(refused.faults):
            # A field that does not exist is wrong in every record that carries it, whatever the value.
            names = {name for row in rows for name in row.values}
            blamed = {name for fault in refused.faults for name in (*fault.fields, *named_in(fault.message, names))}
            if blamed & names:
                return {row.trace: refused.faults if blamed & row.values.keys() else Again() for row in rows}
        raise BatchRefused(f"{refused}; none of the {len(rows)} records was written and none is named")

    def _need_key(self, verb: Verb, faults: Sequence[Fault]) -> None:
        """Raise MappingUnfit where the id field itself is refused: a record made without it could be made twice."""
        key = verb.key_field
        blamed = [fault for fault in faults if shows_new_schema([fault])]
        if verb.keyed and any(key in fault.fields or named_in(fault.message, [key]) for fault in blamed):
            raise MappingUnfit(
                [
                    Problem(
                        where="id_field",
                        what=f"Salesforce does not take the field {key} of a new {self._object} from these credentials",
                        remedy="grant their user Read and Edit on it (Field-Level Security), see that the field still "
                        "exists, or change the setting",
                    )
                ]
            )

    def _made_before(
        self, verb: Verb, rows: Sequence[Row], said: Mapping[str, Said], *, since: datetime
    ) -> dict[str, Said]:
        """What is to be said otherwise of new records whose first try went unanswered: those that it has made.

        A duplicate rule or the unique field stops the repeat for the record that the first try made. Own is a record
        with exactly the row's id that was created since the first try; ``since``: when that was sent, syncd's clock.
        """
        try:
            there = self._by_key(verb, rows, since)
        except (ConnectionStop, Refused, KeyError, TypeError, ValueError):
            words = "an earlier try was not answered, and what it has made could not be looked up"
            return {row.trace: Other(outcome=Outcome.UNKNOWN, words=words) for row in rows}
        found: dict[str, Said] = {}
        for row in rows:
            met = there.get(row.key.casefold(), {})
            if own := met.get(row.key):
                found[row.trace] = Done(id=own)
            elif not met and _is_taken(said[row.trace]):
                words = "its id is taken, maybe by an earlier try that was not answered; nobody is shown with it yet"
                found[row.trace] = Other(outcome=Outcome.UNKNOWN, words=words)
        return found

    def _by_key(self, verb: Verb, rows: Sequence[Row], since: datetime) -> dict[str, dict[str, str]]:
        """Id, case-folded, → the records with it: exact id → record, "" where it is older than ``since``."""
        found: dict[str, dict[str, str]] = {}
        for condition in soql.any_of(verb.key_field, [row.key for row in rows]):
            query = soql.query((ID, CREATED, verb.key_field), self._object, condition)
            answer = self._transport.query(query, kind="query/own", priority=Priority.PUSH)
            if answer.served_at is None:
                raise ValueError("no Date header")
            earliest = answer.served_at - (self._clock.now() - since) - _CLOCKS
            for one in answer.data["records"]:
                made, key = moment(one[CREATED]), str(one[verb.key_field])
                is_young = made is not None and made >= earliest
                found.setdefault(key.casefold(), {})[key] = str(one[ID]) if is_young else ""
        return found


def _is_taken(said: Said) -> bool:
    return isinstance(said, tuple) and any(fault.code == "DUPLICATE_VALUE" for fault in said)


def _said(result: Any, at: datetime | None) -> Said:
    if not isinstance(result, dict):
        return Other(outcome=Outcome.UNKNOWN, words="the answer says nothing of this record")
    if result.get("success"):
        return Done(id=str(result.get("id") or ""), at=at)
    return parse_faults(result.get("errors")) or Other(outcome=Outcome.REFUSED, words="refused without a reason")
