"""The objects of the example org, put together by the options."""

from __future__ import annotations

from syncd.sandbox.salesforce.objects import activities, people, sales, setup
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.schema import Schema


def schema(options: Options) -> Schema:
    """All objects that an org with these options has."""
    return Schema(
        [
            people.contact(options),
            people.lead(options),
            people.account(options),
            sales.OPPORTUNITY,
            sales.CONTACT_ROLE,
            sales.STAGE,
            sales.LEAD_STATUS,
            activities.TASK,
            activities.TASK_STATUS,
            setup.USER,
            setup.ORGANIZATION,
        ]
    )
