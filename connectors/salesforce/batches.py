"""sObject Collections (section 4.3): up to 200 records in one request, each with a result of its own, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from connectors.salesforce.codec import CREATED, ID, moment
from connectors.salesforce.faults import Refused, parse_faults
from connectors.salesforce.rows import (
    CREATE,
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
from connectors.salesforce.transport import Answer, Ask, Transport
from syncd.core.model import FieldSpec, Outcome
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop, MappingUnfit, Problem
from syncd.net.governor import Priority

MOST = 200
_PATH = "composite/sobjects"
#: What the server's clock and ours may differ by within one exchange: its Date header has whole seconds.
_CLOCKS = timedelta(seconds=2)


class Batches:
    """Collections of one object."""

    def __init__(self, transport: Transport, object_name: str) -> None:
        self._transport = transport
        self._object = object_name

    def send(self, verb: Verb, rows: Sequence[Row], specs: Mapping[str, FieldSpec]) -> dict[str, Said]:
        """Send at most 200 rows, no key twice; return what is said of each, by trace.

        Raises AnswerLost, BatchRefused when nothing was written and nobody is named, or a ConnectionStop.
        """
        ask = self._ask(verb, rows, specs)
        try:
            answer = self._transport.write(ask, safe=verb.safe)
        except Refused as refused:
            return self._refused(verb, rows, refused)
        results = answer.data
        if not isinstance(results, list) or len(results) != len(rows):
            raise AnswerLost(f"{ask.where}: the answer does not hold one result for each of the {len(rows)} records")
        said = {row.trace: _said(result) for row, result in zip(rows, results, strict=True)}
        return self._with_own(answer, said) if verb.creates else said

    def one(self, verb: Verb, row: Row, specs: Mapping[str, FieldSpec]) -> Said:
        """Create one record by itself, which tells what a collection leaves out: the records that a duplicate rule
        found. Raises a ConnectionStop when it was not created.
        """
        path = f"sobjects/{self._object}"
        if verb.key_field:
            path = f"{path}/{verb.key_field}/{quote(row.key, safe='')}"
        ask = Ask(
            method=verb.method, path=path, kind="row/create", priority=Priority.PUSH, body=row.body(specs)
        )  # the key is in the path and must not be in the body as well (section 4.1)
        try:
            answer = self._transport.write(ask, safe=verb.safe)
        except Refused as refused:
            if refused.status == 300:
                return Other(
                    outcome=Outcome.REFUSED,
                    words=f"several records have this value in {verb.key_field}; make the field unique in Salesforce",
                )
            return refused.faults
        except AnswerLost as lost:
            return Other(outcome=Outcome.UNKNOWN, words=str(lost))
        data = answer.data
        if isinstance(data, dict) and data.get("id"):
            # A moment ago nothing had this key; what a repeat finds there the try before it has made.
            return Done(
                id=str(data["id"]), created=bool(data.get("created", True)) or answer.repeated_within is not None
            )
        return Other(outcome=Outcome.UNKNOWN, words="it was written, and the answer does not say under which id")

    def _ask(self, verb: Verb, rows: Sequence[Row], specs: Mapping[str, FieldSpec]) -> Ask:
        kind = f"collections/{verb.name}"
        if verb is DELETE:
            params = (("ids", ",".join(row.key for row in rows)), ("allOrNone", "false"))
            return Ask(method=verb.method, path=_PATH, kind=kind, priority=Priority.PUSH, params=params)
        path = f"{_PATH}/{self._object}/{verb.key_field}" if verb.creates and verb is not CREATE else _PATH
        body = {"allOrNone": False, "records": [self._record(verb, row, specs) for row in rows]}
        return Ask(method=verb.method, path=path, kind=kind, priority=Priority.PUSH, body=body)

    def _record(self, verb: Verb, row: Row, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
        key = {verb.key_field: row.key} if verb.key_field else {}
        return {"attributes": {"type": self._object}, **key, **row.body(specs)}

    def _refused(self, verb: Verb, rows: Sequence[Row], refused: Refused) -> dict[str, Said]:
        """The whole request was refused, so nothing of it was written."""
        if verb.creates and verb is not CREATE and refused.status == 404:
            raise MappingUnfit(
                [
                    Problem(
                        where="id_field",
                        what=f"Salesforce knows no field {verb.key_field} of {self._object} to find records by",
                        remedy="make it an external id again, show it to syncd's user, or change the setting",
                    )
                ]
            ) from None
        if len(rows) == 1:
            return {rows[0].trace: refused.faults or Other(outcome=Outcome.REFUSED, words=str(refused))}
        if shows_new_schema(refused.faults):
            # A field that does not exist is wrong in every record that carries it, whatever the value.
            names = {name for row in rows for name in row.values}
            blamed = {name for fault in refused.faults for name in (*fault.fields, *named_in(fault.message, names))}
            if blamed & names:
                return {row.trace: refused.faults if blamed & row.values.keys() else Again() for row in rows}
        raise BatchRefused(f"{refused}; none of the {len(rows)} records was written and none is named")

    def _with_own(self, answer: Answer, said: dict[str, Said]) -> dict[str, Said]:
        """An upsert whose first try went unanswered finds the records that it has made itself."""
        met = {trace: one for trace, one in said.items() if isinstance(one, Done) and not one.created}
        if not met or answer.repeated_within is None or answer.served_at is None:
            return said
        since = answer.served_at - answer.repeated_within - _CLOCKS
        body = {"ids": [one.id for one in met.values()], "fields": [ID, CREATED]}
        ask = Ask(
            method="POST", path=f"{_PATH}/{self._object}", kind="collections/read", priority=Priority.PUSH, body=body
        )
        try:
            shown = self._transport.read(ask).data
            made = {str(row[ID]): moment(row[CREATED]) for row in shown if row}
        except (ConnectionStop, Refused, KeyError, TypeError, ValueError):
            return said  # written all the same; they count as found there
        own = {trace: one for trace, one in met.items() if (at := made.get(one.id)) is not None and at >= since}
        return {**said, **{trace: replace(one, created=True) for trace, one in own.items()}}


def _said(result: Any) -> Said:
    if not isinstance(result, dict):
        return Other(outcome=Outcome.UNKNOWN, words="the answer says nothing of this record")
    if result.get("success"):
        return Done(id=str(result.get("id") or ""), created=bool(result.get("created", True)))
    return parse_faults(result.get("errors")) or Other(outcome=Outcome.REFUSED, words="refused without a reason")
