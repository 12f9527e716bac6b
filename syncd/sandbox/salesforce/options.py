"""The switches of the Salesforce model: what the vendor leaves open, and what differs between orgs.

Every default is the likelier or the more awkward behaviour. Options may change while the model runs.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class ValidationRule(BaseModel):
    """A save that leaves ``field`` with the value ``equals`` is refused with the admin's ``message``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: str
    field: str
    equals: str | float | bool | None
    message: str
    error_field: bool = False
    """The error names the field; otherwise it stands at the top of the page and names none."""


class Lock(BaseModel):
    """Records that somebody else's transaction holds, each for its next ``times`` writes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: tuple[str, ...] = ()
    times: Count = 0
    in_trigger: bool = False
    """The lock is met inside a trigger, whose own error then wraps the lock's."""


class Options(BaseModel):
    """All switches. Frozen: a change makes a new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The org
    has_external_id: bool = True
    """The external id field ``SalesPulse_Id__c`` exists on Contact and Lead."""
    external_id_unique: bool = True
    """Its values may not be given twice. Without it an upsert can meet several records."""
    external_id_case_sensitive: bool = False
    """``ABC`` and ``abc`` are two values of it, and not the same one."""
    person_accounts: bool = False
    """The org has person accounts, so ``IsPersonAccount`` exists."""
    hidden_fields: tuple[str, ...] = ()
    """``Contact.Phone``: field-level security hides it from the integration user, for reads and writes."""
    readonly_fields: tuple[str, ...] = ()
    """Likewise, for writes only."""

    # The integration user
    consumer_key: str = "3MVG9.sandbox"
    consumer_secret: str = "sandbox-secret"  # noqa: S105  it opens nothing but the sandbox
    jwt_username: str = "integration@sandbox.example"
    jwt_public_key: str = ""
    """PEM of the key or certificate that the connected app was given."""
    user_active: bool = True
    session_seconds: Annotated[int, Field(ge=1)] = 7_200
    """How long a session lasts."""
    refuses_sessions: bool = False
    """Every call is answered 401, also with a fresh token."""
    body_401: Literal["list", "dict", "html"] = "list"

    # Limits
    daily_limit: Count = 100_000
    """API requests in any 24 hours."""
    limits_forbidden: bool = False
    """The user may not see /limits/: 403."""
    uri_limit: Annotated[int, Field(ge=256)] = 16_384
    """Bytes of the address from which 414 is answered."""

    # Reads
    commit_delay_seconds: Seconds = 0.0
    """A write is seen so long after its stamp: until then the record's former version, or nothing."""
    page_limit: Annotated[int, Field(ge=1)] = 2_000
    """Pages of a query are never longer, whatever was asked for."""
    invisible_ids: tuple[str, ...] = ()
    """Records that sharing hides from the integration user: no read shows them, nor the logs of changes and deletes."""
    locator_seconds: Seconds = 172_800.0
    """How long a query can be gone on with."""
    delete_log_purged_before: AwareDatetime | None = None
    """The log of deletes was trimmed: it knows nothing before this moment."""
    stuck_latest_covered: AwareDatetime | None = None
    """Somebody's open transaction holds ``latestDateCovered`` here."""
    log_keeps_undeleted: bool = False
    """The log of deletes still tells of a record that was brought back."""
    tasks_archived_after_days: Count = 365
    """Closed tasks this old are shown by queryAll alone; 0 for never."""

    # Writes
    lowercases_email: bool = True
    trims_text: bool = True
    duplicate_rule: Literal["off", "alert", "block"] = "off"
    """Same e-mail, or same first and last name. An alert gives way to ``allowSave``, a block does not."""
    duplicate_details_in_collections: bool = False
    """Collections tell ``duplicateResult`` too."""
    validation_rules: tuple[ValidationRule, ...] = ()
    assignment_rule: bool = False
    """A Lead saved without ``Sforce-Auto-Assign: FALSE`` goes to another owner."""
    lock: Lock = Lock()
    readonly_ids: tuple[str, ...] = ()
    """Records that sharing lets the integration user read but not change."""
    unseen_code: Literal["NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"] = "NOT_FOUND"
    """How a write to a record is refused that does not exist or that sharing hides."""
    lookup_faults_name_fields: bool = True
    """A refused value of a lookup names its field; otherwise none, as a fault of the record itself."""
    read_only: bool = False
    """The org is being maintained: people and programs read, and nothing is saved through the API."""
    storage_full: bool = False
    """No record can be made."""
    conversion_carries_id: bool = False
    """A conversion hands the external id of the lead to its contact."""
    upsert_update_status: Literal[200, 204] = 200
    empty_412: bool = False
    """A failed condition is answered without a body."""

    # Bulk
    bulk_seconds: Seconds = 0.0
    """How long a job takes."""
    bulk_ends: Literal["JobComplete", "Failed", "Aborted"] = "JobComplete"
