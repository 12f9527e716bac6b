"""Object types and their properties as an example account has them (contract, sections 4, 6, 8 and 9).

Only descriptions: what a value must look like is in ``values``, what stages exist is in ``pipelines``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.people import PRODUCTS, STATE_NAMES

LEAD_STATUS = (
    ("NEW", "New"),
    ("OPEN", "Open"),
    ("IN_PROGRESS", "In Progress"),
    ("OPEN_DEAL", "Open Deal"),
    ("UNQUALIFIED", "Unqualified"),
    ("ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
    ("CONNECTED", "Connected"),
    ("BAD_TIMING", "Bad Timing"),
)

LIFECYCLE = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)

CALL_STATUS = (
    "BUSY",
    "CALLING_CRM_USER",
    "CANCELED",
    "COMPLETED",
    "CONNECTING",
    "FAILED",
    "IN_PROGRESS",
    "NO_ANSWER",
    "QUEUED",
    "RINGING",
)

DISPOSITIONS = (
    ("9d9162e7-6cf3-4944-bf63-4dff82258764", "Busy"),
    ("f240bbac-87c9-4f6e-bf70-924b57d47db7", "Connected"),
    ("a4c4c377-d246-4b32-a13b-75a56a4cd0ff", "Left live message"),
    ("b2cf5968-551e-4856-9783-52b3da59a7d0", "Left voicemail"),
    ("73a0d17f-1163-4015-bdd5-ec830791da20", "No answer"),
    ("17b47fee-58de-441e-a44c-c6300d46f273", "Wrong number"),
)

SEARCHABLE_PHONE = "hs_searchable_calculated_phone_number"
"""Calculated: the digits of ``phone`` without the country code 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One option of an enumeration."""

    value: str
    label: str
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prop:
    """One property of an object type."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    choices: tuple[Choice, ...] = ()
    unique: bool = False
    read_only: bool = False
    calculated: bool = False
    external: bool = False
    hidden: bool = False
    defined: bool = True  #: made by HubSpot, not by the account
    values: frozenset[str] = field(default=frozenset(), compare=False)  #: of ``choices``, for quick look-ups

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozenset(choice.value for choice in self.choices))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One object type. ``props`` grows when a property is created."""

    name: str
    singular: str
    type_id: str
    kind: str  #: as errors name it
    created: str
    modified: str
    shown: tuple[str, ...]  #: given when no properties are asked for
    needs_one: tuple[str, ...] = ()
    needs_all: tuple[str, ...] = ()
    scope: str  #: the word in crm.objects.<scope>.read
    props: dict[str, Prop]

    @property
    def always(self) -> tuple[str, ...]:
        """Properties that every answer carries."""
        return (self.created, "hs_object_id", self.modified)


def _choices(pairs: Iterable[tuple[str, str]]) -> tuple[Choice, ...]:
    return tuple(Choice(value=value, label=label) for value, label in pairs)


def _same(values: Iterable[str]) -> tuple[Choice, ...]:
    return _choices((value, value) for value in values)


def _enum(name: str, label: str, choices: tuple[Choice, ...], *, external: bool = False) -> Prop:
    return Prop(name=name, label=label, type="enumeration", field_type="select", choices=choices, external=external)


def _stamps(created: str, modified: str) -> list[Prop]:
    when = [
        Prop(name=name, label=label, type="datetime", field_type="date", read_only=True)
        for name, label in ((created, "Create Date"), (modified, "Last Modified Date"))
    ]
    return [
        *when,
        Prop(name="hs_object_id", label="Record ID", type="number", field_type="number", read_only=True),
    ]


def _by_name(props: Iterable[Prop]) -> dict[str, Prop]:
    return {prop.name: prop for prop in props}


def id_property() -> Prop:
    """The link property as ``check --fix`` would make it."""
    return Prop(name="salespulse_id", label="SalesPulse ID", unique=True, defined=False)


def _contacts(options: Options) -> Schema:
    texts = {
        "firstname": "First Name",
        "lastname": "Last Name",
        "address": "Street Address",
        "city": "City",
        "zip": "Postal Code",
        "company": "Company Name",
        "jobtitle": "Job Title",
    }
    state = _enum("state", "State/Region", _same(STATE_NAMES.values())) if options.state_enumeration else None
    props = [
        Prop(name="email", label="Email"),
        Prop(name="hs_additional_emails", label="Additional email addresses", type="enumeration",
             field_type="checkbox", read_only=True),
        *(Prop(name=name, label=label) for name, label in texts.items()),
        Prop(name="phone", label="Phone Number", field_type="phonenumber"),
        Prop(name="mobilephone", label="Mobile Phone Number", field_type="phonenumber"),
        Prop(name=SEARCHABLE_PHONE, label="Phone number without country code", type="phone_number",
             field_type="phonenumber", read_only=True, calculated=True, hidden=True),
        state or Prop(name="state", label="State/Region"),
        Prop(name="product_interest", label="Product Interest", type="enumeration", field_type="select",
             choices=_same(PRODUCTS.values()), defined=False),
        Prop(name="lifecyclestage", label="Lifecycle Stage", type="enumeration", field_type="radio",
             choices=_choices(LIFECYCLE)),
        _enum("hs_lead_status", "Lead Status", _choices(LEAD_STATUS)),
        _enum("hubspot_owner_id", "Contact owner", (), external=True),
        Prop(name="hs_merged_object_ids", label="Merged record IDs", type="enumeration",
             field_type="checkbox", read_only=True),
        Prop(name="hs_calculated_score", label="Score", type="number", field_type="calculation_equation",
             read_only=True, calculated=True, hidden=True),
        Prop(name="date_of_birth", label="Date of birth", type="date", field_type="date"),
        Prop(name="annual_premium", label="Annual premium", type="number", field_type="number",
             defined=False),
        Prop(name="smoker", label="Smoker", type="bool", field_type="booleancheckbox",
             choices=_choices((("true", "Yes"), ("false", "No"))), defined=False),
        Prop(name="riders", label="Riders", type="enumeration", field_type="checkbox",
             choices=_same(("Accidental Death", "Child", "Waiver of Premium")), defined=False),
        Prop(name="next_call_at", label="Next call", type="datetime", field_type="date", defined=False),
        *_stamps("createdate", "lastmodifieddate"),
        *([id_property()] if options.id_property else []),
    ]  # fmt: skip
    return Schema(
        name="contacts",
        singular="contact",
        type_id="0-1",
        kind="CONTACT",
        created="createdate",
        modified="lastmodifieddate",
        shown=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
        needs_one=("email", "firstname", "lastname"),
        scope="contacts",
        props=_by_name(props),
    )


def _deals(options: Options) -> Schema:
    group = "dealinformation"
    props = [
        Prop(name="dealname", label="Deal Name", group=group),
        Prop(name="amount", label="Amount", type="number", field_type="number", group=group),
        Prop(name="closedate", label="Close Date", type="datetime", field_type="date", group=group),
        _enum("pipeline", "Pipeline", (), external=True),
        _enum("dealstage", "Deal Stage", (), external=True),
        _enum("hubspot_owner_id", "Deal owner", (), external=True),
        Prop(name="hs_is_closed_won", label="Is Closed Won", type="bool", field_type="calculation_equation",
             read_only=True, calculated=True, group=group),
        Prop(name="hs_deal_stage_probability", label="Deal Probability", type="number", field_type="number",
             read_only=True, calculated=True, group=group),
        *_stamps("createdate", "hs_lastmodifieddate"),
        *([id_property()] if options.id_property else []),
    ]  # fmt: skip
    return Schema(
        name="deals",
        singular="deal",
        type_id="0-3",
        kind="DEAL",
        created="createdate",
        modified="hs_lastmodifieddate",
        shown=("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate",
               "hs_object_id", "pipeline"),
        scope="deals",
        props=_by_name(props),
    )  # fmt: skip


def _calls() -> Schema:
    group = "call"
    texts = (
        "hs_call_title",
        "hs_call_body",
        "hs_call_from_number",
        "hs_call_to_number",
        "hs_call_recording_url",
    )
    props = [
        Prop(name="hs_timestamp", label="Activity date", type="datetime", field_type="date", group=group),
        *(Prop(name=name, label=name.removeprefix("hs_").replace("_", " ").capitalize()) for name in texts),
        _enum("hs_call_direction", "Call direction", _same(("INBOUND", "OUTBOUND"))),
        Prop(name="hs_call_duration", label="Call duration", type="number", field_type="number", group=group),
        _enum("hs_call_status", "Call status", _same(CALL_STATUS)),
        _enum("hs_call_disposition", "Call outcome", _choices(DISPOSITIONS), external=True),
        _enum("hs_call_source", "Call source", _same(("INTEGRATIONS_PLATFORM",))),
        _enum("hubspot_owner_id", "Activity assigned to", (), external=True),
        Prop(name="salespulse_call_id", label="SalesPulse call ID", unique=True, defined=False, group=group),
        *_stamps("hs_createdate", "hs_lastmodifieddate"),
    ]  # fmt: skip
    return Schema(
        name="calls",
        singular="call",
        type_id="0-48",
        kind="CALL",
        created="hs_createdate",
        modified="hs_lastmodifieddate",
        shown=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        needs_all=("hs_timestamp",),
        scope="contacts",
        props=_by_name(props),
    )


def schemas(options: Options) -> tuple[Schema, ...]:
    """Fresh descriptions of every object type that the model knows."""
    return (_contacts(options), _deals(options), _calls())
