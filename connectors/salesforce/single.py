"""One record written only if nobody has changed it since the look that was decided on (section 4.2).

If-Unmodified-Since has whole seconds: a change in the very second of the one that was seen passes it. A look that is
older than that second's end cannot have seen such a change. Every walk, of the feed or of the listing, shows again all
that was changed since the walk before it; so a record whose last change was over when the last walk began was seen with
all of it. Any other one is looked at once more before it is written, when that second is over for certain.

Only the fields that are written count, as in ``guard``: LastModifiedDate moves with every other one too, and what was
decided may be based on a look before that. So a record that was changed since is looked at, and written by its new date
if those fields are still what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from connectors.salesforce.codec import ID, MODIFIED, Lens, record_of
from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.guard import arrived, still
from connectors.salesforce.rows import Done, Other, Row, Said
from connectors.salesforce.transport import Ask, Transport
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Outcome, Record
from syncd.errors import AnswerLost, ConnectionStop
from syncd.net.governor import Priority

#: The second is over when the server's clock, which shows whole seconds, is past it by so much.
_OVER = timedelta(seconds=2)
_LOOKS = 3


class Single:
    """Conditional writes to one object."""

    def __init__(
        self, transport: Transport, object_name: str, *, clock: Clock, walked_at: Callable[[], datetime | None]
    ) -> None:
        """``walked_at``: when the last walk of this process began, by Salesforce's clock; None: there was none."""
        self._transport = transport
        self._object = object_name
        self._walked_at = walked_at
        self._clock = clock

    def write(self, row: Row, based_on: datetime, specs: Mapping[str, FieldSpec]) -> Said:
        """Write one row; ``based_on``: LastModifiedDate at the look. Raises AnswerLost or a ConnectionStop.

        A write whose answer was lost is looked for: repeated blindly it would meet its own change and seem stale.
        """
        try:
            at = self._confirmed(row, based_on) if self._may_hide_a_change(based_on) else based_on
            if at is not None:
                try:
                    return self._write(row, at, specs)
                except Refused as refused:
                    if refused.status != 412:
                        raise
                at = self._confirmed(row, at)
            return _stale("its values were changed since the last look") if at is None else self._write(row, at, specs)
        except Refused as refused:
            return _said(refused)

    def _write(self, row: Row, based_on: datetime, specs: Mapping[str, FieldSpec]) -> Said:
        try:
            return self._send(row, based_on, specs)
        except AnswerLost as lost:
            try:
                found = self._look(row)[0]
            except ConnectionStop:
                raise lost from None
            if arrived(row, found, specs):
                return Done(id=row.key)
            if found.modified_at != based_on or not still(row, found):
                raise
            return self._send_again(row, based_on, specs)

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
        return Done(id=row.key, at=self._transport.write(ask, safe=False).served_at)

    def _send_again(self, row: Row, based_on: datetime, specs: Mapping[str, FieldSpec]) -> Said:
        """If the first try arrived after the look, this one meets its change, and nobody knows whose that is."""
        try:
            return self._send(row, based_on, specs)
        except Refused as refused:
            if refused.status != 412:
                raise
            raise AnswerLost(f"{refused}; an earlier try was not answered and may have changed the record") from None

    def _may_hide_a_change(self, based_on: datetime) -> bool:
        walked_at = self._walked_at()
        return walked_at is None or based_on + _OVER > walked_at

    def _confirmed(self, row: Row, based_on: datetime) -> datetime | None:
        """LastModifiedDate as of a look after which nothing more can happen in its second; None where what is written
        no longer replaces what it was decided to replace.
        """
        at: datetime | None = based_on
        for _ in range(_LOOKS):
            left = 0.0 if at is None else _left(self._transport.served_at, at)
            if left > 0:
                self._clock.sleep(left)
            record, served_at = self._look(row)
            at = record.modified_at
            if at is None or not still(row, record):
                return None
            if not _left(served_at, at):
                break
        return at

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


def _said(refused: Refused) -> Said:
    if refused.status == 412:
        return _stale("it was changed since the last look")
    if refused.next is Next.LOCKED:  # the transport has waited for it already
        return Other(outcome=Outcome.FAILED, words=refused.faults[0].message)
    return refused.faults


def _stale(words: str) -> Other:
    return Other(outcome=Outcome.STALE, words=words)
