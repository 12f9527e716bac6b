"""Contact, Lead and Account, with the custom fields that an insurance agency adds (contract, section 5.1)."""

from __future__ import annotations

from dataclasses import replace

from syncd.sandbox.people import PRODUCTS
from syncd.sandbox.salesforce.objects.fields import (
    DELETED,
    READ_ONLY,
    address_parts,
    area,
    audit,
    choice,
    day,
    email,
    flag,
    identity,
    keyed,
    master,
    number,
    owner,
    phone,
    reference,
    text,
)
from syncd.sandbox.salesforce.objects.sales import LEAD_STATUSES
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.schema import FieldDef, ObjectDef, Pick

EXTERNAL_ID = "SalesPulse_Id__c"
STAGES = ("New Lead", "Contacted", "Quoted", "Sold", "Recycled")
"""The stages of SalesPulse, and one that it does not know."""
RIDERS = ("Waiver of Premium", "Accidental Death", "Child Term", "Long-Term Care")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")


def contact(options: Options) -> ObjectDef:
    """Contact."""
    return ObjectDef(
        name="Contact",
        label="Contact",
        plural="Contacts",
        prefix="003",
        mergeable=True,
        fields=keyed(
            identity("Contact ID"),
            DELETED,
            master("Contact"),
            reference("AccountId", "Account ID", "Account"),
            *_name_parts(),
            *address_parts("Mailing", "Mailing ", "MailingAddress"),
            phone("Phone", "Business Phone"),
            phone("MobilePhone", "Mobile Phone"),
            phone("HomePhone", "Home Phone"),
            email("Email", "Email"),
            text("Title", "Title", 128),
            text("Department", "Department", 80),
            choice("LeadSource", "Lead Source", _SOURCES),
            day("Birthdate", "Birthdate"),
            area("Description", "Contact Description", 32_000),
            owner(),
            flag("HasOptedOutOfEmail", "Email Opt Out"),
            flag("DoNotCall", "Do Not Call"),
            *audit(),
            flag("IsEmailBounced", "Is Email Bounced", **READ_ONLY),
            *([flag("IsPersonAccount", "Is Person Account", **READ_ONLY)] if options.person_accounts else []),
            *_custom(options),
        ),
    )


def lead(options: Options) -> ObjectDef:
    """Lead."""
    return ObjectDef(
        name="Lead",
        label="Lead",
        plural="Leads",
        prefix="00Q",
        mergeable=True,
        fields=keyed(
            identity("Lead ID"),
            DELETED,
            master("Lead"),
            *_name_parts(),
            text("Title", "Title", 128),
            text("Company", "Company", 255, nillable=False),
            *address_parts("", "", "Address"),
            phone("Phone", "Phone"),
            phone("MobilePhone", "Mobile Phone"),
            email("Email", "Email"),
            area("Description", "Description", 32_000),
            choice("LeadSource", "Lead Source", _SOURCES),
            choice(
                "Status",
                "Status",
                [Pick(value=one.name, label=one.name, default=one.default) for one in LEAD_STATUSES],
                nillable=False,
                defaulted=True,
                default=next(one.name for one in LEAD_STATUSES if one.default),
            ),
            owner(),
            flag("HasOptedOutOfEmail", "Email Opt Out"),
            flag("IsConverted", "Converted", updateable=False),
            day("ConvertedDate", "Converted Date", **READ_ONLY),
            reference("ConvertedAccountId", "Converted Account ID", "Account", **READ_ONLY),
            reference("ConvertedContactId", "Converted Contact ID", "Contact", **READ_ONLY),
            reference("ConvertedOpportunityId", "Converted Opportunity ID", "Opportunity", **READ_ONLY),
            *audit(),
            *_custom(options),
        ),
    )


def account(options: Options) -> ObjectDef:
    """Account; with person accounts also the fields of the person."""
    person: tuple[FieldDef, ...] = ()
    if options.person_accounts:
        person = (
            text("LastName", "Last Name", 80),
            text("FirstName", "First Name", 40),
            reference("PersonContactId", "Contact ID", "Contact", relationship="PersonContact", **READ_ONLY),
            flag("IsPersonAccount", "Is Person Account", **READ_ONLY),
            email("PersonEmail", "Email"),
        )
    return ObjectDef(
        name="Account",
        label="Account",
        plural="Accounts",
        prefix="001",
        mergeable=True,
        fields=keyed(
            identity("Account ID"),
            DELETED,
            master("Account"),
            text("Name", "Account Name", 255, nillable=False),
            choice("Type", "Account Type", ("Prospect", "Customer", "Household", "Other")),
            *address_parts("Billing", "Billing ", "BillingAddress"),
            phone("Phone", "Account Phone"),
            FieldDef(name="Website", label="Website", type="url", length=255),
            area("Description", "Account Description", 32_000),
            owner(),
            *audit(),
            *person,
        ),
    )


def _name_parts() -> tuple[FieldDef, ...]:
    return (
        text("LastName", "Last Name", 80, nillable=False, compound="Name"),
        text("FirstName", "First Name", 40, compound="Name"),
        choice("Salutation", "Salutation", _SALUTATIONS, length=40, compound="Name"),
        text("Name", "Full Name", 121, nillable=False, **READ_ONLY),
    )


def _custom(options: Options) -> list[FieldDef]:
    fields = [
        choice("SalesPulse_Stage__c", "SalesPulse Stage", STAGES, restricted=True, custom=True),
        choice("Product_Interest__c", "Product Interest", PRODUCTS.values(), restricted=True, custom=True),
        number("Coverage_Amount__c", "Coverage Amount", "currency", 18, 2, custom=True),
        flag("Tobacco_Use__c", "Tobacco Use", custom=True),
        choice("Riders__c", "Riders", RIDERS, type="multipicklist", length=4_099, restricted=True, custom=True),
    ]
    if options.has_external_id:
        unique = options.external_id_unique
        own = text(EXTERNAL_ID, "SalesPulse Id", 64, unique=unique, external_id=True, id_lookup=True, custom=True)
        fields.insert(0, replace(own, case_sensitive=options.external_id_case_sensitive))
    return fields
