"""Which connections a command works on."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.config.model import Config, ConnectionConfig
from syncd.errors import UsageError


def chosen(config: Config, names: Sequence[str]) -> tuple[ConnectionConfig, ...]:
    """The connections that a command works on: those named, else all that are enabled. Raise UsageError for
    unknown names.
    """
    known = {connection.name: connection for connection in config.connections}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"--connection {unknown[0]}: there is no such connection in {config.path}; "
            f"there are: {', '.join(known) or 'none'}"
        )
    if names:
        return tuple(known[name] for name in names)
    enabled = tuple(connection for connection in config.connections if connection.enabled)
    if not enabled:
        raise UsageError(
            f"{config.path}: no connection is enabled; add a [connections.NAME] table, or set enabled = true"
        )
    return enabled
