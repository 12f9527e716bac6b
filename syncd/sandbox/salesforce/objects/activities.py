"""Task, which logged calls are kept as, and the list of its statuses (contract, section 5.4)."""

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
    moment,
    number,
    owner,
    reference,
    text,
)
from syncd.sandbox.salesforce.schema import ObjectDef, Pick


class Status(NamedTuple):
    """One value of Task.Status."""

    name: str
    closed: bool = False
    default: bool = False


TASK_STATUSES = (
    Status("Not Started", default=True),
    Status("In Progress"),
    Status("Completed", closed=True),
    Status("Waiting on someone else"),
    Status("Deferred"),
)

TASK = ObjectDef(
    name="Task",
    label="Task",
    plural="Tasks",
    prefix="00T",
    fields=keyed(
        identity("Activity ID"),
        reference("WhoId", "Name ID", ("Contact", "Lead")),
        reference("WhatId", "Related To ID", ("Account", "Opportunity")),
        text("Subject", "Subject", 255),
        day("ActivityDate", "Due Date Only"),
        choice(
            "Status",
            "Status",
            [Pick(value=one.name, label=one.name, default=one.default) for one in TASK_STATUSES],
            nillable=False,
            defaulted=True,
            default="Not Started",
            restricted=True,
        ),
        choice("Priority", "Priority", ("High", "Normal", "Low"), nillable=False, defaulted=True, default="Normal"),
        flag("IsHighPriority", "High Priority", **READ_ONLY),
        owner(),
        area("Description", "Description", 32_000),
        DELETED,
        flag("IsClosed", "Closed", **READ_ONLY),
        *audit(),
        flag("IsArchived", "Archived", **READ_ONLY),
        number("CallDurationInSeconds", "Call Duration", "int", 8),
        choice("CallType", "Call Type", ("Internal", "Inbound", "Outbound"), length=40, restricted=True),
        text("CallDisposition", "Call Result", 255),
        text("CallObject", "Call Object Identifier", 255),
        choice(
            "TaskSubtype",
            "Task Subtype",
            ("Task", "Email", "Call", "ListEmail", "Cadence"),
            length=40,
            updateable=False,
            restricted=True,
            defaulted=True,
            default="Task",
        ),
        moment("CompletedDateTime", "Completed Date", **READ_ONLY),
    ),
)

TASK_STATUS = ObjectDef(
    name="TaskStatus",
    label="Task Status Value",
    plural="Task Status Value",
    prefix="01J",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    replicateable=False,
    searchable=False,
    fields=keyed(
        identity("Task Status Value ID"),
        text("MasterLabel", "Master Label", 255, **READ_ONLY),
        text("ApiName", "API Name", 255, **READ_ONLY),
        number("SortOrder", "Sort Order", "int", 9, **READ_ONLY),
        flag("IsDefault", "Is Default", **READ_ONLY),
        flag("IsClosed", "Closed", **READ_ONLY),
        *audit(),
    ),
)
