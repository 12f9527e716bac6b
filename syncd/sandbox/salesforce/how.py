"""In whose name and in which manner a record is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What a request's headers, or the door that it came through, say of a write."""

    allow_save: bool = False
    """``Sforce-Duplicate-Rule-Header: allowSave=true``: an alert of a duplicate rule does not stop it."""
    auto_assign: bool = True
    """``Sforce-Auto-Assign`` is not FALSE: assignment rules run."""
    user: str = ""
    """Id of the user who writes; "" is the integration user. Field-level security binds that one alone."""
    csv: bool = False
    """Values come as the texts of a bulk upload, so a wrong one is the record's fault and not the request's."""


API = How()
