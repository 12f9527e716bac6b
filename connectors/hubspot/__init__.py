"""HubSpot contacts as a side of syncd. ``KIND`` is what the entry point names; nothing else is for use from
outside. Sections that comments here name are those of the HubSpot vendor contract of 2026-11-23.
"""

from connectors.hubspot.kind import HubSpotKind
from connectors.port import ConnectorKind

KIND: ConnectorKind = HubSpotKind()

__all__ = ["KIND"]
