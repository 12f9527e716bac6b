"""Writes to SalesPulse: intents in, receipts out. Each write takes the fewest requests that this server has
been seen to need.

A stage is sent along with a create or update once; where the answer shows that it took, it costs no request
of its own, else it is moved through /contacts/:id/stage, and which of the two is remembered. "Took" is
checked on every answer, so a wrong lesson mends itself. Where a write is refused for its stage and the stage
then moves, it is not sent along again.

What a refusal names is left out and the rest sent once more, but a create never without one of its keys: a
contact that exists already would be made twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.port import wire
from syncd.core.mapping import STAGE_FIELD
from syncd.core.model import Intent, Outcome, Receipt, Record
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop, SyncdError
from syncd.net.governor import Priority
from syncd.salespulse.client import SalesPulseClient, read_bulk
from syncd.salespulse.faults import Refusal
from syncd.salespulse.learned import Learned
from syncd.salespulse.pipeline import Stages
from syncd.salespulse.records import Recorder
from syncd.salespulse.results import Contact, Refused, StageRef
from syncd.salespulse.settings import METHODS, SalesPulseSettings

_SENT = "stage_id"  #: the name under which a stage is sent
_LOOKUPS = 50  #: existing contacts looked up in one call: it should not take minutes
#: Words that say that another contact has the value. Not "exist": a stage or a field "does not exist".
_TAKEN = re.compile(r"\balready\b|\btaken\b|\bduplicat|\bunique|\bin use\b|(?<!longer )\bexists\b", re.IGNORECASE)


#: Intent → what to look for, of creates that were refused because another contact has their key.
_Taken = dict[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """One record to write: its fields as they go out, its stage apart. ``refused``: fields that were left out
    after a refusal. ``apart``: the kind of write that was refused with the stage along and sent again without.
    """

    intent: Intent
    fields: Mapping[str, Any]
    stage: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    apart: str = ""

    def body(self, *, along: bool) -> dict[str, Any]:
        return {**self.fields, _SENT: self.stage} if along and self.stage else dict(self.fields)

    def without(self, names: Mapping[str, str], *, apart: str) -> _Draft:
        """The draft without fields that were refused by name."""
        left = {name: value for name, value in self.fields.items() if name not in names}
        refused = {**self.refused, **{name: text for name, text in names.items() if name in self.fields}}
        return replace(self, fields=left, refused=refused, apart=apart or self.apart)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BulkAnswer:
    """What became of each item by its index; ``otherwise``: of items that the answer does not speak of."""

    created: Mapping[int, Contact]
    refused: Mapping[int, Refused]
    otherwise: Outcome = Outcome.UNKNOWN


class Writer:
    """Carries out intents of one opened side. May be used by several threads at once."""

    def __init__(
        self,
        client: SalesPulseClient,
        *,
        settings: SalesPulseSettings,
        recorder: Recorder,
        stages: Stages,
        learned: Learned,
        keys: Mapping[str, str],
        find: Callable[[Mapping[str, Sequence[str]]], Sequence[Record]],
    ) -> None:
        """``keys``: fields by which a contact could be found again → what ``find`` calls them."""
        self._client = client
        self._token_field = settings.token_field
        self._method = settings.stage_method
        self._recorder = recorder
        self._stages = stages
        self._learned = learned
        self._keys = keys
        self._find = find

    # ---- create --------------------------------------------------------------------------------------------

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        drafts = [self._draft(intent, blanks=False) for intent in intents]
        taken: _Taken = {}
        if not drafts:
            return ()
        if len(drafts) == 1:
            receipts: Sequence[Receipt] = (self._create_one(drafts[0], taken),)
        else:
            receipts = self._create_many(drafts, taken)
        return self._with_existing(receipts, taken)

    def _create_one(self, draft: _Draft, taken: _Taken) -> Receipt:
        along = bool(draft.stage) and not draft.apart and self._learned.stage_on("create") is not False
        try:
            answer = self._client.create_contact(draft.body(along=along))
        except Refusal as refusal:
            lesser, names = self._lesser(draft, refusal, along=along, what="create")
            if lesser is None:
                return self._turned_down(draft, refusal, names, taken)
            along = along and not lesser.apart
            try:
                answer = self._client.create_contact(lesser.body(along=along))
            except Refusal as again:
                more, _suspect = self._blamed(lesser, again, along=False, what="create")
                return self._turned_down(draft, again, {**lesser.refused, **more}, taken)
            draft = lesser
        if answer.item is None:
            raise AnswerLost("SalesPulse accepted POST /contacts without saying which contact it made")
        return self._made(draft, answer.item, along=along, what="create")

    def _create_many(self, drafts: Sequence[_Draft], taken: _Taken) -> tuple[Receipt, ...]:
        along = any(draft.stage for draft in drafts) and self._learned.stage_on("bulk") is not False
        try:
            answer, drafts, along = self._bulk(drafts, along=along)
        except Refusal as refusal:
            raise BatchRefused(str(refusal)) from None
        if not answer.created and not answer.refused:
            raise AnswerLost("SalesPulse accepted POST /contacts/bulk without saying which contacts it made")
        receipts: list[Receipt] = []
        again: list[tuple[_Draft, str]] = []
        for index, draft in enumerate(drafts):
            if index in answer.created:
                receipts.append(self._made(draft, answer.created[index], along=along, what="bulk"))
            elif index in answer.refused:
                said = answer.refused[index]
                why = Refusal(what="an item", status=422, message=said.message, fields=said.fields)
                lesser, names = self._lesser(draft, why, along=along, what="bulk")
                if lesser is not None:
                    again.append((lesser, why.message))
                else:
                    receipts.append(self._turned_down(draft, why, names, taken))
            else:
                receipts.append(Receipt(intent_id=draft.intent.id, outcome=answer.otherwise))
        return (*receipts, *self._create_lesser(again, taken))

    def _bulk(self, drafts: Sequence[_Draft], *, along: bool) -> tuple[_BulkAnswer, Sequence[_Draft], bool]:
        """Send them all, once more without stages where all are refused for their stages. Raise Refusal."""
        bodies = [draft.body(along=along) for draft in drafts]
        rest = Outcome.UNKNOWN
        try:
            said = self._client.create_contacts(bodies)
        except Refusal as refusal:
            said = read_bulk(refusal.body, bodies)
            nothing = not said.refused and not said.created
            for_stage = along and nothing and _speaks_of_stage(refusal.message, refusal.fields)
            if not said.refused and not for_stage:
                raise
            # A refused request that made nothing: items that it does not speak of may be sent again.
            rest = Outcome.UNKNOWN if said.created else Outcome.FAILED
        else:
            for_stage = False
        if along and len(said.refused) == len(drafts):
            for_stage = all(_speaks_of_stage(why.message, why.fields) for why in said.refused.values())
        if for_stage:
            return self._bulk([replace(draft, apart="bulk") for draft in drafts], along=False)
        return _BulkAnswer(created=said.created, refused=said.refused, otherwise=rest), drafts, along

    def _create_lesser(self, drafts: Sequence[tuple[_Draft, str]], taken: _Taken) -> list[Receipt]:
        """Items of a bulk create once more, without what was refused by name. One by one, so that none can
        blame another.

        Whatever goes wrong becomes a receipt: the receipts of the first request must not be lost to it.
        """
        receipts = []
        for draft, message in drafts:
            try:
                receipts.append(self._create_one(draft, taken))
            except AnswerLost as error:
                receipts.append(Receipt(intent_id=draft.intent.id, outcome=Outcome.UNKNOWN, message=str(error)))
            except ConnectionStop:
                receipts.append(Receipt(intent_id=draft.intent.id, outcome=Outcome.FAILED, message=message))
        return receipts

    def _made(self, draft: _Draft, shown: Contact, *, along: bool, what: str) -> Receipt:
        """A contact was made: see whether its stage took, move it if not. From here on nothing may raise."""
        refused = dict(draft.refused)
        if draft.stage:
            try:
                shown = self._staged(shown, draft, along=along, what=what)
            except SyncdError as error:
                shown = replace(shown, stage=None)
                refused[STAGE_FIELD] = f"the contact was created, its stage could not be set: {error}"
        record = self._shown(shown)
        return Receipt(
            intent_id=draft.intent.id,
            outcome=Outcome.APPLIED,
            id=shown.id,
            shown=record,
            refused_fields=refused,
        )

    # ---- update --------------------------------------------------------------------------------------------

    def update(self, intent: Intent) -> Receipt:
        draft = self._draft(intent, blanks=True)
        if STAGE_FIELD in intent.values and not draft.stage:
            draft = replace(draft, refused={STAGE_FIELD: "SalesPulse has no way to clear a stage"})
        known = self._learned.stage_on("update")
        along = bool(draft.stage) and known is not False and (bool(draft.fields) or known is True)
        shown: Contact | None = None
        if draft.fields or along:
            try:
                draft, shown, along = self._patch(draft, along=along)
            except Refusal as refusal:
                if refusal.status == 404:
                    return _gone(intent, refusal)
                names, _suspect = self._blamed(draft, refusal, along=along, what="update")
                return _refused(draft, refusal.message, {**draft.refused, **names})
        if draft.stage:
            base = shown or Contact(id=intent.target, fields={})
            try:
                shown = self._staged(base, draft, along=along, what="update")
            except Refusal as refusal:
                if refusal.status == 404 and self._client.get_contact(intent.target, priority=Priority.PUSH) is None:
                    return _gone(intent, refusal)
                shown = replace(base, stage=None)
                draft = replace(draft, stage="", refused={**draft.refused, STAGE_FIELD: refusal.message})
        if not draft.fields and not draft.stage:
            words = "; ".join(draft.refused.values()) or "there is nothing here that SalesPulse could store"
            return _refused(draft, words, draft.refused)
        return Receipt(
            intent_id=intent.id,
            outcome=Outcome.APPLIED,
            id=intent.target,
            shown=self._shown(shown) if shown is not None else None,
            refused_fields=draft.refused,
        )

    def _patch(self, draft: _Draft, *, along: bool) -> tuple[_Draft, Contact | None, bool]:
        """Write the fields, once more without those that a refusal names: what was written and shown."""
        target = draft.intent.target
        try:
            return draft, self._client.update_contact(target, draft.body(along=along)).item, along
        except Refusal as refusal:
            names, suspect = self._blamed(draft, refusal, along=along, what="update")
            if refusal.status == 404 or not (names or suspect):
                raise
            draft, along = draft.without(names, apart="update" if suspect else ""), along and not suspect
            body = draft.body(along=along)
            shown = self._client.update_contact(target, body).item if body else None
            return draft, shown, along

    # ---- remove --------------------------------------------------------------------------------------------

    def remove(self, intent: Intent) -> Receipt:
        """Delete for good. What is gone already is applied."""
        if intent.archive:
            message = 'SalesPulse cannot archive; set deletes = "unlink" or "delete"'
            return Receipt(intent_id=intent.id, outcome=Outcome.REFUSED, id=intent.target, message=message)
        try:
            self._client.delete_contact(intent.target)
        except Refusal as refusal:
            return Receipt(intent_id=intent.id, outcome=Outcome.REFUSED, id=intent.target, message=refusal.message)
        return Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=intent.target)

    # ---- shared --------------------------------------------------------------------------------------------

    def _draft(self, intent: Intent, *, blanks: bool) -> _Draft:
        """``blanks``: whether blank fields go out, to be cleared; a record to be created just lacks them."""
        fields = wire(intent.values)
        stage = fields.pop(STAGE_FIELD, None)
        if intent.stamp is not None and self._token_field:
            fields[self._token_field] = intent.stamp or None
        if not blanks:
            fields = {name: value for name, value in fields.items() if value not in (None, "", [])}
        return _Draft(intent=intent, fields=fields, stage=str(stage) if stage not in (None, "", []) else "")

    def _blamed(self, draft: _Draft, refusal: Refusal, *, along: bool, what: str) -> tuple[dict[str, str], bool]:
        """Which sent fields a refusal names, and whether the stage that went along may be to blame."""
        if refusal.status not in (400, 422):
            return {}, False
        named = {name.rsplit(".", 1)[-1]: text for name, text in refusal.fields.items()}
        names = {name: text for name, text in named.items() if name in draft.fields}
        if not names:
            # Some servers name the field in the message only. The second try shows whether it was that one.
            names = {name: refusal.message for name in draft.fields if _names(refusal.message, name)}
            if len(names) == len(draft.fields) > 1:
                names = {}
        if not along:
            return names, False
        on_trial = not names and self._learned.stage_on(what) is None
        return names, on_trial or _speaks_of_stage("" if names else refusal.message, named)

    def _lesser(
        self, draft: _Draft, refusal: Refusal, *, along: bool, what: str
    ) -> tuple[_Draft | None, Mapping[str, str]]:
        """What is left to create after a refusal, None if nothing, and the fields that the refusal names."""
        names, suspect = self._blamed(draft, refusal, along=along, what=what)
        if _is_taken(refusal) or names.keys() & self._keys.keys() or not (names or suspect):
            return None, names
        left = draft.without(names, apart=what if suspect else "")
        return left if left.fields else None, names

    def _turned_down(self, draft: _Draft, refusal: Refusal, names: Mapping[str, str], taken: _Taken) -> Receipt:
        """The receipt of a refused create; ``taken`` learns what to look for where another contact has its key."""
        keys = self._keys.keys() & draft.fields.keys()
        blamed = keys & names.keys() or {key for key in keys if key.casefold() in refusal.message.casefold()} or keys
        if blamed and _is_taken(refusal):
            taken[draft.intent.id] = {self._keys[name]: [str(draft.fields[name])] for name in sorted(blamed)}
        return _refused(draft, refusal.message, names)

    def _with_existing(self, receipts: Sequence[Receipt], taken: _Taken) -> tuple[Receipt, ...]:
        """The receipts, with the contact that has the key already where exactly one has. A search that fails ends
        the looking: the receipts stand, whatever becomes of it.
        """
        existing: dict[str, str] = {}
        for intent_id, keys in list(taken.items())[:_LOOKUPS]:
            try:
                found = self._find(keys)
            except SyncdError:
                break
            if len(found) == 1:
                existing[intent_id] = found[0].id
        return tuple(replace(one, existing_id=existing.get(one.intent_id, "")) for one in receipts)

    def _staged(self, shown: Contact, draft: _Draft, *, along: bool, what: str) -> Contact:
        """See whether the stage that was sent along took, and move the contact if not. Raise what the move raises."""
        took = False
        if shown.stage is not None or STAGE_FIELD in shown.unreadable:
            if shown.stage is not None:
                took = self._stages.resolve(shown.stage, priority=Priority.PUSH) == draft.stage
            if along:
                self._learned.learn_stage_on(what, took)
        if not took:
            shown = replace(shown, stage=self._move(shown.id, draft.stage))
        if draft.apart:  # only now: a stage that does not exist is refused everywhere, and teaches nothing
            self._learned.learn_stage_on(draft.apart, False)
        return shown

    def _move(self, contact_id: str, stage: str) -> StageRef | None:
        """Move by the method that this server takes; a 405 teaches it. Return the stage that the answer shows."""
        method = self._learned.stage_method(self._method)
        tried: list[str] = []
        while True:
            try:
                answer = self._client.move_stage(contact_id, stage, method=method)
            except Refusal as refusal:
                tried.append(method)
                others = [m for m in refusal.allow or METHODS if m in METHODS and m not in tried]
                if refusal.status != 405 or not others:
                    raise
                method = others[0]
                continue
            if tried:
                self._learned.learn_stage_method(self._method, method)
            return answer.item.stage if answer.item is not None else None

    def _shown(self, shown: Contact) -> Record | None:
        try:
            return self._recorder.shown(shown, priority=Priority.PUSH)
        except SyncdError:  # the stages could not be asked for: the write stands, its stage was not read
            return self._recorder.shown(replace(shown, stage=None), priority=Priority.PUSH)


def _speaks_of_stage(message: str, fields: Mapping[str, str]) -> bool:
    return "stage" in message.casefold() or any("stage" in name.casefold() for name in fields)


def _is_taken(refusal: Refusal) -> bool:
    """Whether it says that another contact has a value of this one."""
    return refusal.status == 409 or any(map(_TAKEN.search, (refusal.message, *refusal.fields.values())))


def _names(message: str, field: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(field)}(?!\w)", message) is not None


def _refused(draft: _Draft, message: str, names: Mapping[str, str]) -> Receipt:
    intent = draft.intent
    return Receipt(
        intent_id=intent.id, outcome=Outcome.REFUSED, id=intent.target, message=message, refused_fields=names
    )


def _gone(intent: Intent, refusal: Refusal) -> Receipt:
    return Receipt(intent_id=intent.id, outcome=Outcome.GONE, id=intent.target, message=refusal.message)
