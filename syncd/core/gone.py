"""Decides what becomes of a pair when one half is gone: it ends, the other half goes, or a person decides.

It must be given proof (``Gone``), never mere absence, and must be asked only after merges and conversions
were ruled out.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncd.core import holds, lens
from syncd.core.mapping import Deletes, FieldMap, Policy
from syncd.core.merge import counts_as_blank
from syncd.core.model import Change, Hold, HoldReason, Intent, Op, Pair, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What to do about a pair with a missing half.

    ``sever``: end the pair now, with ``reason``. Otherwise it stays active: held, or until the REMOVE intent
    is applied, after which the caller severs it with the same reason.
    """

    sever: bool
    reason: str
    intents: tuple[Intent, ...] = ()
    hold: Hold | None = None


def decide_gone(policy: Policy, fields: FieldMap, pair: Pair, gone_side: Side, *, intent_id: str) -> Removal:
    """Given a pair whose half on ``gone_side`` is proven gone, return what follows under the policy."""
    survivor = gone_side.other
    names = {Side.SALESPULSE: "SalesPulse", Side.CRM: policy.label}
    if pair.on(survivor).gone is not None:
        return Removal(sever=True, reason="deleted on both sides")
    reason = f"deleted in {names[gone_side]}"
    match _action(policy, survivor):
        case Deletes.UNLINK:
            return Removal(sever=True, reason=reason, intents=_unstamp(policy, pair, survivor, intent_id, reason))
        case Deletes.ARCHIVE | Deletes.DELETE as action:
            doubt = _edited(fields, pair, survivor)
            if doubt:
                # A delete against an edit: the edit wins, and only a person may throw it away.
                what = f"deleted in {names[gone_side]}, {doubt} in {names[survivor]}"
                return Removal(sever=False, reason=reason, hold=_hold(policy, pair, what))
            intent = _remove(
                policy, fields, pair, survivor, intent_id, reason=reason, archive=action is Deletes.ARCHIVE
            )
            return Removal(sever=False, reason=reason, intents=(intent,))


def _action(policy: Policy, survivor: Side) -> Deletes:
    if not policy.direction.allows(survivor):
        return Deletes.UNLINK
    # SalesPulse has no recycle bin; deleting for good is more than an admin asked for who wrote "archive".
    if policy.deletes is Deletes.ARCHIVE and survivor is Side.SALESPULSE:
        return Deletes.UNLINK
    return policy.deletes


def _edited(fields: FieldMap, pair: Pair, survivor: Side) -> str:
    """Return "" when every field that once agreed still shows its base, else what is known, as a clause."""
    compared = 0
    shown = pair.on(survivor).record.values
    for rule in fields.rules:
        base, name = pair.link.bases.get(rule.name), rule.on(survivor)
        if base is None or base.fingerprint != rule.fingerprint or name not in shown:
            continue
        compared += 1
        before, now = base.on(survivor), shown[name]
        blanks = all(counts_as_blank(fields, rule, survivor, value) for value in (before, now))
        if not blanks and not lens.same(rule, survivor, before, now):
            return "edited since the two last agreed"
    # Nothing to compare with is no proof that nobody edited it.
    return "" if compared else "perhaps edited (the two never agreed under this mapping)"


def _unstamp(policy: Policy, pair: Pair, survivor: Side, intent_id: str, reason: str) -> tuple[Intent, ...]:
    """A surviving CRM half must not point to a contact that is gone: it would be linked by it again."""
    name = policy.identity.get(survivor)
    if survivor is not Side.CRM or name is None or not policy.direction.allows(survivor):
        return ()
    shown = pair.crm.record.values
    if name in shown and str(shown[name] or "") != pair.link.salespulse_id:
        return ()  # blank, or it leads to another contact by now
    intent = Intent(
        id=f"{intent_id}-{survivor.value}",
        connection=policy.connection,
        side=survivor,
        op=Op.STAMP,
        link_id=pair.link.id,
        salespulse_id=pair.link.salespulse_id,
        crm_id=pair.link.crm_id,
        stamp="",
        reason=reason,
    )
    return (intent,)


def _remove(
    policy: Policy,
    fields: FieldMap,
    pair: Pair,
    survivor: Side,
    intent_id: str,
    *,
    reason: str,
    archive: bool,
) -> Intent:
    """The changes of a REMOVE are its before-image: what must still be shown, and what undo needs."""
    shown = pair.on(survivor).record.values
    image: dict[str, Change] = {}
    for rule in fields.rules:
        name = rule.on(survivor)
        if name in shown and not lens.blank(shown[name]):
            image.setdefault(
                name,
                Change(field=name, before=shown[name], after=None, rule=rule.name, by="deletes", reason=reason),
            )
    return Intent(
        id=f"{intent_id}-{survivor.value}",
        connection=policy.connection,
        side=survivor,
        op=Op.REMOVE,
        link_id=pair.link.id,
        salespulse_id=pair.link.salespulse_id,
        crm_id=pair.link.crm_id,
        changes=tuple(image.values()),
        archive=archive,
        reason=reason,
    )


def _hold(policy: Policy, pair: Pair, what: str) -> Hold:
    message = holds.message(HoldReason.DELETED_EDITED, what)
    return Hold(
        connection=policy.connection,
        reason=HoldReason.DELETED_EDITED,
        message=message,
        salespulse_id=pair.link.salespulse_id,
        crm_id=pair.link.crm_id,
    )
