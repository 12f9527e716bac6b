"""Writing contacts: intents in, receipts out. One batch a call; HubSpot's refusals are turned into words for
each record.

Every input bears a unique trace id: without them one bad record rejects its whole batch (section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from connectors.hubspot.batch import Item, judge, judge_refusal
from connectors.hubspot.codec import EMAIL, LIFECYCLE, Lens, moment, record_of, written
from connectors.hubspot.faults import ItemFault, Refused, not_understood
from connectors.hubspot.transport import CONTACTS, LOCKED, Answer, Ask, Transport
from syncd.core.model import Intent, Outcome, Receipt, Record
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop
from syncd.net.governor import Priority

#: Sent once, once more without refused fields or records, and once more for what only the second answer
#: shows.
_ROUNDS = 4
_RECORD_STATUSES = {400, 404, 409, 413, 422}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One of HubSpot's batch writes. ``safe``: sending it twice does what sending it once does."""

    name: str
    safe: bool
    keeps: frozenset[str] = frozenset()  #: properties without which it must not be sent


_UPDATE = Verb(name="update", safe=True)


class Writes:
    """The writing half of one opened connection."""

    def __init__(self, transport: Transport, lens: Lens) -> None:
        self._transport = transport
        self._lens = lens

    def create(self, intents: Sequence[Intent], *, identity: str | None, stamp_property: str) -> dict[str, Receipt]:
        """Create records; by upsert on ``identity``, the unique id property, where there is one, which can be
        repeated.

        ``stamp_property``: the property that takes the stamp, "" for none. Raises BatchRefused, AnswerLost
        (only without ``identity`` or when every try went unanswered) or a ConnectionStop.
        """
        upsert = identity is not None and all(_stamp(intent) for intent in intents)
        receipts, items = {}, []
        addresses: set[str] = set()
        for intent in intents:
            properties = {name: text for name, value in intent.values.items() if (text := written(value))}
            stamp = _stamp(intent)
            if stamp and stamp_property:
                properties[stamp_property] = stamp
            address = properties.get(EMAIL, "").casefold()
            if address and address in addresses:
                receipts[intent.id] = Receipt(
                    intent_id=intent.id,
                    outcome=Outcome.FAILED,
                    message="another new record with the same e-mail address was sent first",
                )
                continue
            addresses.add(address)
            key, key_property = (stamp, identity or "") if upsert else ("", "")
            items.append(Item(intent=intent, properties=properties, key=key, key_property=key_property))
        verb = (
            Verb(name="upsert", safe=True, keeps=frozenset({identity or ""}))
            if upsert
            else Verb(name="create", safe=False, keeps=frozenset({EMAIL}))
        )
        return receipts | self.deliver(verb, items)

    def update(self, items: Sequence[Item]) -> dict[str, Receipt]:
        """Update records. Raises BatchRefused, AnswerLost or a ConnectionStop."""
        return self.deliver(_UPDATE, items)

    def update_further(self, items: Sequence[Item]) -> dict[str, Receipt]:
        """A second step of an update. Raises nothing: what became of it is in the receipts."""
        return self.deliver_surely(_UPDATE, items)

    def remove(self, intents: Sequence[Intent]) -> dict[str, Receipt]:
        """Archive records. HubSpot's delete is an archive too: 90 days in the recycle bin, then gone. Gone
        already is done.
        """
        body = {"inputs": [{"id": intent.crm_id} for intent in intents]}
        ask = Ask(
            method="POST",
            path=f"{CONTACTS}/batch/archive",
            kind="batch/archive",
            priority=Priority.PUSH,
            body=body,
        )
        try:
            answer = self._transport.write(ask, safe=True)
        except Refused as refused:
            if refused.status == LOCKED and len(intents) > 1:
                raise BatchRefused(f"{refused}; none of the {len(intents)} records was archived") from None
            if refused.status not in {LOCKED, *_RECORD_STATUSES}:
                raise not_understood(ask.where, refused) from None
            return {intent.id: self._remove_one(intent) for intent in intents}
        items = [Item(intent=intent, properties={}, key=intent.crm_id) for intent in intents]
        faults = judge(items, answer.data).faults
        return {item.trace: _removed(item.intent, faults.get(item.trace)) for item in items}

    def _remove_one(self, intent: Intent) -> Receipt:
        if not intent.crm_id.isdecimal():
            return _removed(intent, ItemFault(message="not an id of HubSpot", final=True, gone=True))
        ask = Ask(method="DELETE", path=f"{CONTACTS}/{intent.crm_id}", kind="archive", priority=Priority.PUSH)
        try:
            self._transport.write(ask, safe=True)
        except Refused as refused:
            fault = ItemFault(
                message=str(refused.body.get("message") or refused),
                final=refused.status != LOCKED,
                gone=refused.status == 404,
            )
            return _removed(intent, fault)
        except (AnswerLost, ConnectionStop) as error:
            return Receipt(intent_id=intent.id, outcome=Outcome.UNKNOWN, id=intent.crm_id, message=str(error))
        return _removed(intent, None)

    def deliver(self, verb: Verb, items: Sequence[Item]) -> dict[str, Receipt]:
        """Send a batch until every item has its receipt: again without what was refused, and alone where
        nobody was named.

        Raises only while nothing is known to be written.
        """
        receipts: dict[str, Receipt] = {}
        pending: list[Item] = list(items)
        for _ in range(_ROUNDS):
            if not pending:
                return receipts
            try:
                done, pending = self._round(verb, pending)
            except (AnswerLost, BatchRefused, ConnectionStop) as error:
                if not receipts:
                    raise
                if isinstance(error, BatchRefused):
                    return receipts | self._alone(verb, pending)
                outcome = Outcome.UNKNOWN if isinstance(error, AnswerLost) else Outcome.FAILED
                return receipts | {item.trace: _receipt(item, outcome, str(error)) for item in pending}
            receipts |= done
        return receipts | {
            item.trace: _receipt(item, Outcome.FAILED, "HubSpot refused it several times in different ways")
            for item in pending
        }

    def deliver_surely(self, verb: Verb, items: Sequence[Item]) -> dict[str, Receipt]:
        """The same for a later step: what was written before has to be told, so nothing is raised."""
        try:
            return self.deliver(verb, items)
        except BatchRefused:
            return self._alone(verb, items)
        except AnswerLost as lost:
            return {item.trace: _receipt(item, Outcome.UNKNOWN, str(lost)) for item in items}
        except ConnectionStop as stop:
            return {item.trace: _receipt(item, Outcome.FAILED, str(stop)) for item in items}

    def _alone(self, verb: Verb, items: Iterable[Item]) -> dict[str, Receipt]:
        """Each item in a batch of its own, where every answer is about it."""
        receipts: dict[str, Receipt] = {}
        for item in items:
            try:
                receipts |= self.deliver(verb, [item])
            except AnswerLost as lost:
                receipts[item.trace] = _receipt(item, Outcome.UNKNOWN, str(lost))
            except (BatchRefused, ConnectionStop) as stop:
                receipts[item.trace] = _receipt(item, Outcome.FAILED, str(stop))
        return receipts

    def _round(self, verb: Verb, items: Sequence[Item]) -> tuple[dict[str, Receipt], list[Item]]:
        """Send the items once; return the receipts that are certain and the items that have to go again."""
        body = {"inputs": [item.wire() for item in items]}
        kind = f"batch/{verb.name}"
        ask = Ask(method="POST", path=f"{CONTACTS}/{kind}", kind=kind, priority=Priority.PUSH, body=body)
        try:
            answer = self._transport.write(ask, safe=verb.safe)
        except Refused as refused:
            return self._after_refusal(verb, items, refused, ask.where)
        verdicts = judge(items, answer.data)
        receipts: dict[str, Receipt] = {}
        again: list[Item] = []
        silent: list[Item] = []
        for item in items:
            if (row := verdicts.results.get(item.trace)) is not None:
                receipts[item.trace] = self._applied(item, row, answer)
            elif (fault := verdicts.faults.get(item.trace)) is not None:
                _sort(verb, item, fault, receipts, again)
            else:
                silent.append(item)
        if silent and verb.safe and len(items) > 1:
            receipts |= self._alone(verb, silent)
        else:
            words = "the answer says nothing of this record"
            receipts |= {item.trace: _receipt(item, Outcome.UNKNOWN, words) for item in silent}
        return receipts, again

    def _after_refusal(
        self, verb: Verb, items: Sequence[Item], refused: Refused, where: str
    ) -> tuple[dict[str, Receipt], list[Item]]:
        if refused.status == LOCKED:
            if len(items) > 1:
                raise BatchRefused(f"{refused}; none of the {len(items)} records was written")
            return {item.trace: _receipt(item, Outcome.FAILED, "the record is locked in HubSpot") for item in items}, []
        if refused.status not in _RECORD_STATUSES:
            raise not_understood(where, refused)
        faults = judge_refusal(items, refused).faults
        if not faults:
            raise BatchRefused(f"{refused}; none of the {len(items)} records was written and none is named")
        receipts: dict[str, Receipt] = {}
        again: list[Item] = []
        for item in items:
            fault = faults.get(item.trace)
            if fault is None:
                again.append(item)
            else:
                _sort(verb, item, fault, receipts, again)
        return receipts, again

    def _applied(self, item: Item, row: Mapping[str, Any], answer: Answer) -> Receipt:
        return Receipt(
            intent_id=item.trace,
            outcome=Outcome.APPLIED,
            id=str(row.get("id") or item.intent.crm_id),
            shown=self._shown(row),
            refused_fields=item.refused,
            created=_created(row, answer),
        )

    def _shown(self, row: Mapping[str, Any]) -> Record | None:
        try:
            return record_of(row, self._lens, partial=True)
        except (KeyError, TypeError, ValueError):
            return None  # written all the same; the next look shows it


def update_item(intent: Intent, stamp_property: str) -> Item:
    """The input for an update or a stamp."""
    properties = {name: written(value) for name, value in intent.values.items()}
    if intent.stamp is not None and stamp_property:
        properties[stamp_property] = intent.stamp
    return Item(intent=intent, properties=properties, key=intent.crm_id)


def only_stage(item: Item, stage: str) -> Item:
    """The same item with nothing but a lifecycle stage to write."""
    return replace(item, properties={LIFECYCLE: stage}, refused={})


def _stamp(intent: Intent) -> str:
    return intent.stamp or intent.origin


def _sort(verb: Verb, item: Item, fault: ItemFault, receipts: dict[str, Receipt], again: list[Item]) -> None:
    """Put an item that was refused where it belongs: a receipt, or once more without the refused fields."""
    named = {name: words for name, words in fault.fields.items() if name in item.properties}
    if verb is _UPDATE and fault.taken in item.properties:
        named[fault.taken] = fault.message  # a new record is refused for it, one that is there only this field
    lighter = item.without(named)
    if named and lighter.properties and not verb.keeps.intersection(named):
        again.append(lighter)
        return
    if fault.gone and item.intent.crm_id:
        outcome = Outcome.GONE
    elif fault.final:
        outcome = Outcome.REFUSED
    else:
        # HubSpot failed. What can be repeated is planned anew; of a plain create nobody knows how far it came.
        outcome = Outcome.FAILED if verb.safe else Outcome.UNKNOWN
    receipt = _receipt(item, outcome, fault.message)
    receipts[item.trace] = replace(receipt, existing_id=fault.existing_id, refused_fields={**item.refused, **named})


def _receipt(item: Item, outcome: Outcome, message: str) -> Receipt:
    return Receipt(
        intent_id=item.trace,
        outcome=outcome,
        id=item.intent.crm_id,
        refused_fields=item.refused,
        message=message,
    )


def _removed(intent: Intent, fault: ItemFault | None) -> Receipt:
    if fault is None or fault.gone:
        outcome = Outcome.APPLIED
    elif fault.final:
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.FAILED
    return Receipt(
        intent_id=intent.id,
        outcome=outcome,
        id=intent.crm_id,
        message=fault.message if fault else "",
    )


def _created(row: Mapping[str, Any], answer: Answer) -> bool:
    """Whether the record was not there before. An upsert whose first try went unanswered finds its own
    record.
    """
    if row.get("new", True):
        return True
    if answer.repeated_within is None or answer.served_at is None:
        return False
    try:
        made_at = moment(row.get("createdAt"))
    except ValueError:
        return False
    return made_at is not None and made_at >= answer.served_at - answer.repeated_within - timedelta(seconds=2)
