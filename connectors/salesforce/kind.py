"""What syncd knows of Salesforce before any connection is opened. Loads the vendor's package only in ``open`` and
``check``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from connectors.port import Connector, Finding, Memory, Wanted
from connectors.salesforce.scope import scope_problem
from connectors.salesforce.settings import SalesforceSettings
from syncd.clock import Clock
from syncd.net.governor import Governor, Spent
from syncd.net.rate import Rate

#: The one pool: the org's requests in a rolling day, of all apps and users (section 7).
DAY = "day"
DAY_SECONDS = 86_400
_MORE_THAN_ANY_ORG = 10_000_000  # the org's own limit is learnt from Sforce-Limit-Info


class SalesforceKind:
    """The ConnectorKind of Salesforce."""

    @property
    def name(self) -> str:
        return "salesforce"

    @property
    def label(self) -> str:
        return "Salesforce"

    @property
    def settings(self) -> type[BaseModel]:
        return SalesforceSettings

    @property
    def objects(self) -> tuple[str, ...]:
        return ("Contact", "Lead")

    def scope_problem(self, scope: object) -> str:
        return scope_problem(scope)

    def identity(self, settings: SalesforceSettings) -> str:
        return settings.id_field

    def budget_key(self, settings: SalesforceSettings) -> str:
        return settings.budget_key

    def governor(
        self, settings: SalesforceSettings, clock: Clock, *, spent: Mapping[str, Spent] | None = None
    ) -> Governor:
        pools = {DAY: (Rate(_MORE_THAN_ANY_ORG, DAY_SECONDS),)}
        return Governor("Salesforce", pools, share=settings.daily_request_share, clock=clock, spent=spent)

    def open(
        self, settings: SalesforceSettings, wanted: Wanted, *, governor: Governor, clock: Clock, memory: Memory
    ) -> Connector:
        from connectors.salesforce.connector import SalesforceConnector

        return SalesforceConnector(settings, wanted, governor=governor, clock=clock, memory=memory)

    def check(self, connector: Any, *, fix: bool) -> tuple[Finding, ...]:
        from connectors.salesforce.check import findings

        return findings(connector, fix=fix)
