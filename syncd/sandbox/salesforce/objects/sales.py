"""Opportunity, its contact roles, and the two lists of stages (contract, section 5.2)."""

from __future__ import annotations

from typing import NamedTuple

from syncd.sandbox.salesforce.objects.fields import (
    DELETED,
    READ_ONLY,
    area,
    audit,
    choice,
    day,
    flag,
    identity,
    keyed,
    number,
    owner,
    reference,
    text,
)
from syncd.sandbox.salesforce.schema import ObjectDef


class LeadStage(NamedTuple):
    """One value of Lead.Status."""

    name: str
    converted: bool = False
    default: bool = False


class DealStage(NamedTuple):
    """One value of Opportunity.StageName. ``order`` is not sequential."""

    name: str
    order: int
    probability: int
    forecast: str
    closed: bool = False
    won: bool = False


LEAD_STATUSES = (
    LeadStage("Open - Not Contacted", default=True),
    LeadStage("Working - Contacted"),
    LeadStage("Quoted"),
    LeadStage("Closed - Converted", converted=True),
    LeadStage("Closed - Not Converted"),
)
DEAL_STAGES = (
    DealStage("Prospecting", 1, 10, "Pipeline"),
    DealStage("Qualification", 2, 10, "Pipeline"),
    DealStage("Needs Analysis", 3, 20, "Pipeline"),
    DealStage("Proposal/Price Quote", 6, 75, "Pipeline"),
    DealStage("Negotiation/Review", 8, 90, "Commit"),
    DealStage("Closed Won", 9, 100, "Closed", closed=True, won=True),
    DealStage("Closed Lost", 10, 0, "Omitted", closed=True),
)
FORECASTS = ("Omitted", "Pipeline", "Best Case", "Commit", "Closed")
FIRST_STAGE = "Prospecting"
"""What an opportunity that a conversion makes begins with."""

OPPORTUNITY = ObjectDef(
    name="Opportunity",
    label="Opportunity",
    plural="Opportunities",
    prefix="006",
    fields=keyed(
        identity("Opportunity ID"),
        DELETED,
        reference("AccountId", "Account ID", "Account"),
        text("Name", "Name", 120, nillable=False),
        area("Description", "Description", 32_000),
        choice("StageName", "Stage", [one.name for one in DEAL_STAGES], nillable=False),
        number("Amount", "Amount", "currency", 18, 2),
        number("Probability", "Probability (%)", "percent", 3),
        day("CloseDate", "Close Date", nillable=False),
        choice("Type", "Opportunity Type", ("New Business", "Existing Business")),
        choice("LeadSource", "Lead Source", ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")),
        flag("IsClosed", "Closed", **READ_ONLY),
        flag("IsWon", "Won", **READ_ONLY),
        choice("ForecastCategory", "Forecast Category", FORECASTS, restricted=True, nillable=False, **READ_ONLY),
        choice("ForecastCategoryName", "Forecast Category", FORECASTS, restricted=True),
        owner(),
        *audit(),
        reference("ContactId", "Contact ID", "Contact", updateable=False),
    ),
)

CONTACT_ROLE = ObjectDef(
    name="OpportunityContactRole",
    label="Opportunity Contact Role",
    plural="Opportunity Contact Roles",
    prefix="00K",
    undeletable=False,
    searchable=False,
    fields=keyed(
        identity("Contact Role ID"),
        reference("OpportunityId", "Opportunity ID", "Opportunity", nillable=False, updateable=False),
        reference("ContactId", "Contact ID", "Contact", nillable=False),
        choice("Role", "Role", ("Decision Maker", "Economic Buyer", "Influencer", "Evaluator", "Other")),
        flag("IsPrimary", "Primary"),
        *audit(),
        DELETED,
    ),
)

STAGE = ObjectDef(
    name="OpportunityStage",
    label="Opportunity Stage",
    plural="Opportunity Stage",
    prefix="01J",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    replicateable=False,
    searchable=False,
    fields=keyed(
        identity("Opportunity Stage ID"),
        text("MasterLabel", "Master Label", 255, **READ_ONLY),
        text("ApiName", "API Name", 255, **READ_ONLY),
        flag("IsActive", "Is Active", **READ_ONLY),
        number("SortOrder", "Sort Order", "int", 9, **READ_ONLY),
        flag("IsClosed", "Closed", **READ_ONLY),
        flag("IsWon", "Won", **READ_ONLY),
        choice("ForecastCategory", "Forecast Category", FORECASTS, **READ_ONLY),
        choice("ForecastCategoryName", "Forecast Category Name", FORECASTS, **READ_ONLY),
        number("DefaultProbability", "Probability (%)", "percent", 3, **READ_ONLY),
        *audit(),
    ),
)

LEAD_STATUS = ObjectDef(
    name="LeadStatus",
    label="Lead Status Value",
    plural="Lead Status Value",
    prefix="01J",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    replicateable=False,
    searchable=False,
    fields=keyed(
        identity("Lead Status Value ID"),
        text("MasterLabel", "Master Label", 255, **READ_ONLY),
        text("ApiName", "API Name", 255, **READ_ONLY),
        number("SortOrder", "Sort Order", "int", 9, **READ_ONLY),
        flag("IsDefault", "Is Default", **READ_ONLY),
        flag("IsConverted", "Converted", **READ_ONLY),
        *audit(),
    ),
)
