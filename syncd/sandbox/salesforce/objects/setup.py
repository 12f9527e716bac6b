"""User and Organization: only read."""

from __future__ import annotations

from syncd.sandbox.salesforce.objects.fields import READ_ONLY, audit, email, flag, identity, keyed, text
from syncd.sandbox.salesforce.schema import ObjectDef

USER = ObjectDef(
    name="User",
    label="User",
    plural="Users",
    prefix="005",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    fields=keyed(
        identity("User ID"),
        text("Username", "Username", 80, nillable=False, unique=True, id_lookup=True, **READ_ONLY),
        text("LastName", "Last Name", 80, nillable=False, compound="Name", **READ_ONLY),
        text("FirstName", "First Name", 40, compound="Name", **READ_ONLY),
        text("Name", "Full Name", 121, nillable=False, **READ_ONLY),
        email("Email", "Email", nillable=False, **READ_ONLY),
        flag("IsActive", "Active", **READ_ONLY),
        text("TimeZoneSidKey", "Time Zone", 40, nillable=False, **READ_ONLY),
        *audit(),
    ),
)

ORGANIZATION = ObjectDef(
    name="Organization",
    label="Organization",
    plural="Organizations",
    prefix="00D",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    replicateable=False,
    searchable=False,
    fields=keyed(
        identity("Organization ID"),
        text("Name", "Name", 80, nillable=False, **READ_ONLY),
        text("OrganizationType", "Edition", 40, **READ_ONLY),
        text("InstanceName", "Instance Name", 5, **READ_ONLY),
        flag("IsSandbox", "Is Sandbox", **READ_ONLY),
        text("TimeZoneSidKey", "Time Zone", 40, nillable=False, **READ_ONLY),
        text("DefaultLocaleSidKey", "Locale", 40, nillable=False, **READ_ONLY),
        *audit(),
    ),
)
