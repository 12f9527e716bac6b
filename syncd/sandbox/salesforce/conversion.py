"""Lead conversion: a person makes a contact, an account and an opportunity of a lead (contract, section 3.4)."""

from __future__ import annotations

from datetime import timedelta

from syncd.sandbox.salesforce.derived import derived
from syncd.sandbox.salesforce.effects import after_save
from syncd.sandbox.salesforce.errors import refused
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.objects.people import EXTERNAL_ID
from syncd.sandbox.salesforce.objects.sales import FIRST_STAGE, LEAD_STATUSES
from syncd.sandbox.salesforce.row import Json, Shown
from syncd.sandbox.salesforce.store import Store
from syncd.sandbox.salesforce.writing import Writer

CONVERTED = next(one.name for one in LEAD_STATUSES if one.converted)
CLOSES_AFTER = timedelta(days=30)
_CARRIED = {
    "Salutation": "Salutation",
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Title": "Title",
    "Phone": "Phone",
    "MobilePhone": "MobilePhone",
    "Email": "Email",
    "Description": "Description",
    "LeadSource": "LeadSource",
    "HasOptedOutOfEmail": "HasOptedOutOfEmail",
    "Street": "MailingStreet",
    "City": "MailingCity",
    "State": "MailingState",
    "PostalCode": "MailingPostalCode",
    "Country": "MailingCountry",
}
"""Field of the lead → field of the contact. Custom fields go to those of the same name."""


def convert(store: Store, writer: Writer, lead_id: str, contact_id: str, user: str) -> dict[str, str]:
    """Convert a lead, into an existing contact if one is named, whose values stay where it has any.

    Gives the ids of ``contact``, ``account`` and ``opportunity``. Raises RecordFaults.
    """
    how = How(user=user)
    lead = writer.writable(store.schema.get("Lead"), lead_id, how)
    if lead.values["IsConverted"]:
        raise refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    present = writer.writable(store.schema.get("Contact"), contact_id, how) if contact_id else None
    account_id = str(present.values["AccountId"] or "") if present else ""
    if not account_id:
        account = store.insert(store.schema.get("Account"), {"Name": lead.values["Company"]}, user)
        account_id = account.id
    contact = _contact(store, lead, present, account_id, user)
    deal = _opportunity(store, lead, contact.id, account_id, user)
    changes: dict[str, Json] = {
        "IsConverted": True,
        "Status": CONVERTED,
        "ConvertedDate": store.now().date().isoformat(),
        "ConvertedAccountId": account_id,
        "ConvertedContactId": contact.id,
        "ConvertedOpportunityId": deal.id,
    }
    store.change(lead, changes, user)
    return {"contact": contact.id, "account": account_id, "opportunity": deal.id}


def _contact(store: Store, lead: Shown, present: Shown | None, account_id: str, user: str) -> Shown:
    obj = store.schema.get("Contact")
    names = dict(_CARRIED) | {name: name for name in lead.values if name.endswith("__c")}
    if not store.options.conversion_carries_id:
        names.pop(EXTERNAL_ID, None)
    carried = {theirs: lead.values[ours] for ours, theirs in names.items() if lead.values[ours] not in (None, False)}
    if present is not None:
        blanks = {name: value for name, value in carried.items() if present.values[name] is None}
        return store.change(present, {**blanks, "AccountId": account_id}, user)
    carried["AccountId"] = account_id
    return store.insert(obj, carried | derived(obj.name, {}, carried, store.now()), user)


def _opportunity(store: Store, lead: Shown, contact_id: str, account_id: str, user: str) -> Shown:
    obj = store.schema.get("Opportunity")
    values: dict[str, Json] = {
        "Name": f"{lead.values['Company']}-"[:120],
        "AccountId": account_id,
        "ContactId": contact_id,
        "StageName": FIRST_STAGE,
        "CloseDate": (store.now() + CLOSES_AFTER).date().isoformat(),
        "LeadSource": lead.values["LeadSource"],
    }
    row = store.insert(obj, values | derived(obj.name, {}, values, store.now()), user)
    after_save(store, row, None, user)
    return row
