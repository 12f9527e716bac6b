"""Connectors come from entry points; one that cannot be used is a problem with a remedy, not a traceback."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from syncd.errors import ConfigError
from syncd.registry import GROUP, kinds


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def test_hubspot_is_installed():
    assert kinds()["hubspot"].label == "HubSpot"


def test_what_does_not_load_is_named_with_the_reason():
    with pytest.raises(ConfigError) as caught:
        kinds([point("gone", "no_such_package:KIND"), point("odd", "json:no_such_name")])
    first, second = caught.value.problems
    assert first.where == 'connector "gone" (no_such_package:KIND)'
    assert "ModuleNotFoundError" in first.what
    assert "AttributeError" in second.what
    assert "install" in first.remedy


def test_a_connector_under_a_wrong_name_or_twice_is_refused():
    with pytest.raises(ConfigError, match='calls itself "hubspot"'):
        kinds([point("hubspt", "connectors.hubspot:KIND")])
    with pytest.raises(ConfigError, match="installed twice"):
        kinds([point("hubspot", "connectors.hubspot:KIND"), point("hubspot", "connectors.hubspot:KIND")])
