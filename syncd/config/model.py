"""What the rest of syncd gets from config and mappings: checked, complete, frozen.

No TOML, no defaults, no secrets in any repr.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from connectors.port import ConnectorKind
from syncd.config.schema import LogSection, NotifySection, SalesPulseSection, ServerSection
from syncd.core.mapping import FieldMap, Policy
from syncd.core.model import Brakes
from syncd.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """One connection, complete: connector settings validated, mapping with everything that it inherits."""

    name: str
    kind: ConnectorKind
    settings: Any  #: an instance of ``kind.settings``
    account: str  #: ``kind.budget_key``: the same for connections that draw on one vendor account
    fields: FieldMap
    policy: Policy
    brakes: Brakes
    enabled: bool
    every: timedelta  #: between incremental pulls
    scan_every: timedelta  #: between complete listings
    max_age: timedelta  #: of the look before a write


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One config file with its mappings."""

    path: Path
    state_path: Path
    keep: timedelta  #: ledger and runs
    salespulse: SalesPulseSection
    server: ServerSection | None
    notify: NotifySection
    log: LogSection
    connections: tuple[ConnectionConfig, ...]
    warnings: tuple[Problem, ...]
    secrets_read: bool  #: False: every secret is a stand-in, and nothing may be sent
