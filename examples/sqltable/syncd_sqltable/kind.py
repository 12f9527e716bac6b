"""What syncd knows of SQL tables before any connection is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from connectors.port import Connector, Finding, Memory, Wanted
from syncd.clock import Clock
from syncd.errors import Problem
from syncd.net.governor import Governor, Spent
from syncd_sqltable.settings import SqlTableSettings


class SqlTableKind:
    """The ConnectorKind of SQL tables."""

    @property
    def name(self) -> str:
        return "sqltable"

    @property
    def label(self) -> str:
        return "SQL table"

    @property
    def settings(self) -> type[BaseModel]:
        return SqlTableSettings

    @property
    def objects(self) -> tuple[str, ...]:
        return ("people",)

    def scope_problem(self, scope: object) -> str:
        return "" if scope is None else "a SQL table has no scope of its own; leave it out"

    def identity(self, settings: SqlTableSettings) -> str:  # noqa: ARG002 - the column's name is fixed
        from syncd_sqltable.table import IDENTITY

        return IDENTITY

    def budget_key(self, settings: SqlTableSettings) -> str:
        return settings.budget_key

    def governor(
        self,
        settings: SqlTableSettings,
        clock: Clock,
        *,
        spent: Mapping[str, Spent] | None = None,  # noqa: ARG002 - no database counts what was before
    ) -> Governor:
        from syncd_sqltable.database import POOL

        return Governor(settings.budget_key, {POOL: (settings.rate,)}, clock=clock)

    def open(
        self,
        settings: SqlTableSettings,
        wanted: Wanted,
        *,
        governor: Governor,
        clock: Clock,
        memory: Memory,
    ) -> Connector:
        from syncd_sqltable.connector import SqlTableConnector

        return SqlTableConnector(settings, wanted, governor=governor, clock=clock, memory=memory)

    def check(self, connector: Any, *, fix: bool) -> tuple[Finding, ...]:  # noqa: ARG002 - the triggers are a person's
        missed = connector.unversioned()
        if not missed:
            return ()
        return (
            Finding(
                problem=Problem(
                    where="table people",
                    what=f"has rows that no trigger has counted ({missed}), and the feed does not show them",
                    remedy="make the triggers of create_table.sql, then run UPDATE people SET version = version",
                )
            ),
        )
