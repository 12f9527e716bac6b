"""Which connectors are installed: the entry points of the group ``syncd.connectors``. Opens no connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from connectors.port import ConnectorKind
from syncd.errors import ConfigError, Problem

GROUP = "syncd.connectors"


def kinds(points: Iterable[EntryPoint] | None = None) -> Mapping[str, ConnectorKind]:
    """Return the installed connector kinds by the name that the config uses.

    Raise ConfigError for all that cannot be used.

    ``points`` stands in for what is installed.
    """
    found: dict[str, ConnectorKind] = {}
    problems: list[Problem] = []
    for point in sorted(entry_points(group=GROUP) if points is None else points, key=lambda point: point.name):
        what = ""
        try:
            kind: ConnectorKind = point.load()
            if kind.name != point.name:
                what = f'calls itself "{kind.name}"'
            elif point.name in found:
                what = "is installed twice"
            else:
                found[point.name] = kind
        except Exception as error:  # noqa: BLE001 - any fault of a foreign package becomes one clear problem
            what = f"does not load: {type(error).__name__}: {error}"
        if what:
            package = point.dist.name if point.dist else point.value
            problems.append(
                Problem(
                    where=f'connector "{point.name}" ({package})',
                    what=what,
                    remedy=f"install {package} again, or remove it",
                )
            )
    if problems:
        raise ConfigError(problems)
    return found
