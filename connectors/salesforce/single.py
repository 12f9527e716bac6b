"""One record written only if nobody has changed it since the look that was decided on (section 4.2).

If-Unmodified-Since has whole seconds: a change in the very second of the one that was seen passes it. So a record that
was changed lately is looked at once more before it is written, when that second is over for certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from connectors.salesforce.codec import ID, MODIFIED, Lens, record_of
from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.rows import Done, Other, Row, Said
from connectors.salesforce.transport import Ask, Transport
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Outcome, Record
from syncd.errors import AnswerLost, ConnectionStop
from syncd.net.governor import Priority

#: A change this long ago is older than any look that is still written by, so that look saw the whole second.
_LATELY = timedelta(minutes=15)
#: The second is over when the server's clock, which shows whole seconds, is past it by so much.
_OVER = timedelta(seconds=2)
_LOOKS = 3


class Single:
    """Conditional writes to one object."""

    def __init__(self, transport: Transport, object_name: str, *, clock: Clock) -> None:
        self._transport = transport
        self._object = object_name
        self._clock = clock

    def write(self, row: Row, based_on: datetime, specs: Mapping[str, FieldSpec]) -> Said:
        """Write one row; ``based_on``: LastModifiedDate at the look. Raises AnswerLost or a ConnectionStop.

        A write whose answer was lost is looked for: repeated blindly it would meet its own change and seem stale.
        """
        try:
            if self._is_recent(based_on) and not _expected(row, self._settled(row, based_on), based_on):
                return _stale("its values were changed in the second of the last look")
            try:
                return self._send(row, based_on, specs)
            except AnswerLost as lost:
                try:
                    found = self._look(row)[0]
                except ConnectionStop:
                    raise lost from None
                if _arrived(row, found):
                    return Done(id=row.key)
                if not _expected(row, found, based_on):
                    raise
                return self._send_again(row, based_on, specs)
        except Refused as refused:
            return _said(refused)

    def _send(self, row: Row, based_on: datetime, specs: Mapping[str, FieldSpec]) -> Said:
        ask = Ask(
            method="PATCH",
            path=f"sobjects/{self._object}/{row.key}",
            kind="row/update",
            priority=Priority.PUSH,
            body=row.body(specs),
            headers={
                "If-Unmodified-Since": format_datetime(based_on.astimezone(UTC).replace(microsecond=0), usegmt=True)
            },
        )
        self._transport.write(ask, safe=False)
        return Done(id=row.key)

    def _send_again(self, row: Row, based_on: datetime, specs: Mapping[str, FieldSpec]) -> Said:
        """If the first try arrived after the look, this one meets its change, and nobody knows whose that is."""
        try:
            return self._send(row, based_on, specs)
        except Refused as refused:
            if refused.status != 412:
                raise
            raise AnswerLost(f"{refused}; an earlier try was not answered and may have changed the record") from None

    def _is_recent(self, based_on: datetime) -> bool:
        served_at = self._transport.served_at
        return served_at is None or served_at - based_on < _LATELY

    def _settled(self, row: Row, based_on: datetime) -> Record:
        """A look at the row's fields when nothing more can happen in the second of ``based_on``."""
        for _ in range(_LOOKS):
            left = _left(self._transport.served_at, based_on)
            if left > 0:
                self._clock.sleep(left)
            record, served_at = self._look(row)
            if not _left(served_at, based_on):
                break
        return record

    def _look(self, row: Row) -> tuple[Record, datetime | None]:
        names = tuple(row.values)
        ask = Ask(
            method="GET",
            path=f"sobjects/{self._object}/{row.key}",
            kind="row/look",
            priority=Priority.PUSH,
            params=(("fields", ",".join(dict.fromkeys((ID, MODIFIED, *names)))),),
        )
        answer = self._transport.read(ask)
        try:
            return record_of(answer.data, Lens(object=self._object, shown=names, requested=names)), answer.served_at
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None


def _left(served_at: datetime | None, based_on: datetime) -> float:
    """Seconds until the second of ``based_on`` is over by the server's clock."""
    return 0.0 if served_at is None else max(0.0, (based_on + _OVER - served_at).total_seconds())


def _expected(row: Row, found: Record, based_on: datetime) -> bool:
    """Whether the record is still what the write was decided on."""
    before = {change.field: change.before for change in row.intent.changes}
    return found.modified_at == based_on and all(
        found.values[name] == before[name] for name in row.values if name in before and name in found.values
    )


def _arrived(row: Row, found: Record) -> bool:
    """Whether the record shows what was sent. A value that Salesforce reshapes is not recognised and stays in doubt."""
    return all(name in found.values and found.values[name] == value for name, value in row.values.items())


def _said(refused: Refused) -> Said:
    if refused.status == 412:
        return _stale("it was changed since the last look")
    if refused.next is Next.LOCKED:  # the transport has waited for it already
        return Other(outcome=Outcome.FAILED, words=refused.faults[0].message)
    return refused.faults


def _stale(words: str) -> Other:
    return Other(outcome=Outcome.STALE, words=words)
