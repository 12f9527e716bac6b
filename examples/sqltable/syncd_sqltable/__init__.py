"""A SQL table of people as a side of syncd. ``KIND`` is what the entry point names; nothing else is for use from
outside.
"""

from connectors.port import ConnectorKind
from syncd_sqltable.kind import SqlTableKind

KIND: ConnectorKind = SqlTableKind()

__all__ = ["KIND"]
