"""The switches of the HubSpot model: what the vendor leaves open, and what differs between accounts.

Every default is the likelier or the more awkward behaviour. Options may change while the model runs.
"""

from __future__ import annotations

import enum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator


class DuplicateForm(enum.StrEnum):
    """How a primary e-mail that another contact holds is told."""

    CONFLICT = "conflict"
    """409, "Contact already exists. Existing ID: …"."""
    COORDINATES = "coordinates"
    """400, "Cannot set PropertyValueCoordinates{…}", as for unique properties and secondary addresses."""


class Options(BaseModel):
    """All switches. Frozen: a change makes a new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The account
    id_property: bool = True
    """The unique property ``salespulse_id`` exists on contacts and deals."""
    state_enumeration: bool = False
    """``state`` is a list of state names instead of free text."""
    time_zone: str = "US/Eastern"
    """Where midnight resets the daily limit."""
    required_properties: tuple[str, ...] = ()
    """Contact properties without which a create by the 2026-09 paths is refused."""
    missing_scopes: tuple[str, ...] = ()
    """Scopes that the token lacks, such as ``crm.schemas.contacts.write``."""
    granular_scope_error: bool = False
    """The second of the two bodies of a 403."""

    # OAuth
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  it opens nothing but the sandbox
    refresh_token: str = "sandbox-refresh"  # noqa: S105  likewise
    expires_in: Annotated[int, Field(ge=1)] = 1_800
    """Seconds that an access token lives."""

    # Limits
    burst: Annotated[int, Field(ge=1)] = 100
    """Requests per 10 seconds: 100, 190 or 250 by the account's plan."""
    daily: Annotated[int, Field(ge=1)] = 250_000
    search_per_second: Annotated[int, Field(ge=1)] = 5
    search_in_burst: bool = False
    """Searches also count in the 10 seconds."""
    retry_after: bool = False
    """429 answers carry Retry-After."""
    rate_category: bool = False
    """429 bodies carry ``category`` instead of ``errorType``."""
    uri_limit: Annotated[int, Field(ge=256)] = 8_192
    """Characters of path and query from which 414 is answered."""

    # Writes
    duplicate_form: DuplicateForm = DuplicateForm.CONFLICT
    conflict_names_id: bool = True
    """A rejected batch names the id of the record that is in the way."""
    fold_partial: bool = False
    """Partial success of a batch on the 2026-09 paths is told by the ordinary status instead of 207."""
    partial_update: bool = True
    """Trace ids make a batch update partial too, not only create and upsert."""
    unordered: bool = True
    """Batch results come in another order than the inputs."""
    lifecycle_backward: Literal["ignore", "accept"] = "ignore"
    echo_ignored: bool = False
    """The answer to a backward write of the lifecycle stage shows what was sent instead of what is stored."""
    automation: bool = False
    """A new deal moves its contact to ``opportunity``, a won one to ``customer``."""
    reformat_phone: bool = False
    """Ten-digit US numbers are stored as (305) 555-1234."""
    hidden_bump_seconds: Annotated[float, Field(ge=0)] = 0.0
    """So long after a write a hidden property moves the modified time once more; 0 for never."""
    association_bump: bool = False
    """Making or removing an association moves the modified time of both records."""
    merge_keeps_primary: bool = False
    """The older merge: the primary record survives under its own id."""
    merged_patch: Literal["redirect", "not_found"] = "redirect"
    merged_read: Literal["once", "each"] = "once"
    """What batch/read gives when two ids of one merged record are asked for."""

    # Reads
    wrong_property: Literal["zero", "bad_request"] = "bad_request"
    """A search by a property that does not exist."""
    unassociated: Literal["missing", "error"] = "missing"
    """How association batch/read tells of records without associations."""

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value
