"""The records that every org has from its first day: itself, its users and its lists of stages."""

from __future__ import annotations

from syncd.sandbox.salesforce.objects.activities import TASK_STATUSES
from syncd.sandbox.salesforce.objects.sales import DEAL_STAGES, LEAD_STATUSES
from syncd.sandbox.salesforce.row import Json
from syncd.sandbox.salesforce.store import Store

USERS = (
    ("Integration", "User", "integration@sandbox.example"),
    ("Pat", "Agent", "pat@sandbox.example"),
    ("Queue", "Owner", "queue@sandbox.example"),
)
"""The integration user, the person in whose name people edit, and whom assignment rules give leads to."""
LIST_STARTS = {"leadstatus": 1_000, "taskstatus": 2_000}
"""The three lists share one prefix, and must not share an id."""
ZONE = "America/New_York"


def plant(store: Store) -> None:
    """Make them."""
    get = store.schema.get
    store.insert(
        get("Organization"),
        {
            "Name": "Example Insurance Agency",
            "OrganizationType": "Enterprise Edition",
            "InstanceName": "NA123",
            "TimeZoneSidKey": ZONE,
            "DefaultLocaleSidKey": "en_US",
        },
    )
    for first, last, username in USERS:
        name = f"{first} {last}"
        person = {"FirstName": first, "LastName": last, "Name": name, "Username": username, "Email": username}
        store.insert(get("User"), {**person, "IsActive": True, "TimeZoneSidKey": ZONE})
    store.numbers |= LIST_STARTS
    for stage in DEAL_STAGES:
        store.insert(
            get("OpportunityStage"),
            {
                "MasterLabel": stage.name,
                "ApiName": stage.name,
                "IsActive": True,
                "SortOrder": stage.order,
                "IsClosed": stage.closed,
                "IsWon": stage.won,
                "ForecastCategory": stage.forecast,
                "ForecastCategoryName": stage.forecast,
                "DefaultProbability": float(stage.probability),
            },
        )
    for order, status in enumerate(LEAD_STATUSES, start=1):
        values: dict[str, Json] = {"MasterLabel": status.name, "ApiName": status.name, "SortOrder": order}
        store.insert(get("LeadStatus"), {**values, "IsDefault": status.default, "IsConverted": status.converted})
    for order, task in enumerate(TASK_STATUSES, start=1):
        values = {"MasterLabel": task.name, "ApiName": task.name, "SortOrder": order}
        store.insert(get("TaskStatus"), {**values, "IsDefault": task.default, "IsClosed": task.closed})
