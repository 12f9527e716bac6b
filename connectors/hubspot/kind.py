"""What syncd knows of HubSpot before any connection is opened. Loads the vendor's package only in ``open``
and ``check``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from connectors.hubspot.scope import parse_scope
from connectors.hubspot.settings import HubSpotSettings
from connectors.port import Connector, Finding, Memory, Wanted
from syncd.clock import Clock
from syncd.net.governor import Governor, Spent


class HubSpotKind:
    """The ConnectorKind of HubSpot."""

    @property
    def name(self) -> str:
        return "hubspot"

    @property
    def label(self) -> str:
        return "HubSpot"

    @property
    def settings(self) -> type[BaseModel]:
        return HubSpotSettings

    @property
    def objects(self) -> tuple[str, ...]:
        return ("contacts",)

    def scope_problem(self, scope: object) -> str:
        try:
            parse_scope(scope)
        except ValueError as error:
            return str(error)
        return ""

    def identity(self, settings: HubSpotSettings) -> str:
        return settings.id_property

    def budget_key(self, settings: HubSpotSettings) -> str:
        return settings.budget_key

    def governor(
        self,
        settings: HubSpotSettings,
        clock: Clock,
        *,
        spent: Mapping[str, Spent] | None = None,  # noqa: ARG002 - the first answer's headers tell it
    ) -> Governor:
        pools = {"api": (settings.rate,), "search": (settings.search_rate,)}
        # Search answers bear no rate headers, and what an earlier process searched within the second is not
        # known.
        return Governor(settings.budget_key, pools, share=settings.share, clock=clock, spent={"search": Spent()})

    def open(
        self, settings: HubSpotSettings, wanted: Wanted, *, governor: Governor, clock: Clock, memory: Memory
    ) -> Connector:
        from connectors.hubspot.connector import HubSpotConnector

        return HubSpotConnector(settings, wanted, governor=governor, clock=clock, memory=memory)

    def check(self, connector: Any, *, fix: bool) -> tuple[Finding, ...]:
        from connectors.hubspot.check import findings

        return findings(connector, fix=fix)
