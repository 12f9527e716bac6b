"""Salesforce contacts and leads as a side of syncd. ``KIND`` is what the entry point names; nothing else is for use
from outside. Sections that comments here name are those of the Salesforce vendor contract of 2026-11-23.
"""

from connectors.port import ConnectorKind
from connectors.salesforce.kind import SalesforceKind

KIND: ConnectorKind = SalesforceKind()

__all__ = ["KIND"]
