"""What one save does to other records: the primary role of an opportunity, the shadow contact of a person account."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.sandbox.salesforce.derived import full_name
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.store import Store

_SHADOWED = {"FirstName": "FirstName", "LastName": "LastName", "PersonEmail": "Email", "Phone": "Phone"}
"""Field of the person account → field of its contact."""


def roles_of(store: Store, field: str, record_id: str) -> Iterator[Shown]:
    """Live contact roles whose ``field`` holds this id."""
    roles = store.live(store.schema.get("OpportunityContactRole"))
    return (role for role in roles if role.values[field] == record_id)


def after_save(store: Store, row: Shown, before: Shown | None, user: str) -> None:
    """Follow up the save of ``row``; ``before`` is None for a create."""
    match row.object:
        case "Opportunity":
            if before is None and row.values["ContactId"]:
                store.insert(
                    store.schema.get("OpportunityContactRole"),
                    {"OpportunityId": row.id, "ContactId": row.values["ContactId"], "IsPrimary": True},
                    user,
                )
        case "OpportunityContactRole":
            _one_primary(store, row, was=before is not None and before.values["IsPrimary"] is True)
        case "Account" if row.values.get("IsPersonAccount"):
            _shadow(store, row, user)


def primary_is_gone(store: Store, role: Shown) -> None:
    """The opportunity of a role that was its primary one names no contact any more."""
    deal = store.latest(str(role.values["OpportunityId"]))
    if deal is not None and not deal.deleted:
        store.change(deal, {"ContactId": None}, system=True)


def _one_primary(store: Store, role: Shown, *, was: bool) -> None:
    if not role.values["IsPrimary"]:
        if was:
            primary_is_gone(store, role)
        return
    deal_id = str(role.values["OpportunityId"])
    for other in roles_of(store, "OpportunityId", deal_id):
        if other.id != role.id and other.values["IsPrimary"]:
            store.change(other, {"IsPrimary": False}, system=True)
    deal = store.latest(deal_id)
    if deal is not None and deal.values["ContactId"] != role.values["ContactId"]:
        store.change(deal, {"ContactId": role.values["ContactId"]}, system=True)


def _shadow(store: Store, account: Shown, user: str) -> None:
    values: dict[str, Json] = {theirs: account.values[ours] for ours, theirs in _SHADOWED.items()}
    values["Name"] = full_name(values)
    contact = store.latest(str(account.values["PersonContactId"] or ""))
    if contact is not None:
        store.change(contact, values, user)
        return
    values |= {"AccountId": account.id, "IsPersonAccount": True}
    made = store.insert(store.schema.get("Contact"), values, user)
    store.change(account, {"PersonContactId": made.id}, system=True)
