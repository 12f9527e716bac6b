"""Sites for system tests (``tests/system/site.py``): the real command line against served vendors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options as OrgOptions
from syncd.sandbox.salespulse import Dialect, SalesPulse
from tests.system.site import APP, KEY, TOKEN, Site
from tests.system.vendors import Served, Ticking


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(
        *,
        clock: WorldClock | None = None,
        dialect: Dialect | None = None,
        limit_scale: float = 1000,
        org: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Site:
        """``options``: switches of the portal. ``org``: switches of a Salesforce org; None: there is none."""
        clock = clock or WorldClock()
        s = SalesPulse(clock, key=KEY, dialect=dialect, limit_scale=limit_scale)
        c = HubSpot(clock, token=TOKEN, limit_scale=limit_scale, options=Options(**options))
        folder = tmp_path / f"site{len(made)}"
        folder.mkdir()
        site = Site(folder=folder, clock=clock, s=s, c=c, left=Served(s), right=Served(c))
        made.append(site)
        if org is not None:
            site.f = Salesforce(clock, options=OrgOptions(**APP, **org))
            site.third = Served(site.f)
            site.org = {"contacts": {}}
        return site

    yield make
    for site in made:
        for served in site.served:
            served.running.stop()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site on the machine's clock, for commands run as processes. Doubts wait two time-outs: these are short."""
    made = make_site()
    made.salespulse = {"timeout": "1s"}
    made.settings = {"timeout": "1s"}
    return made


@pytest.fixture
def quick(make_site: Callable[..., Site]) -> Site:
    """A site on a clock on which waits take no time."""
    return make_site(clock=Ticking())


@pytest.fixture
def trio(make_site: Callable[..., Site]) -> Site:
    """As ``site``, with a Salesforce org and a connection to its contacts."""
    made = make_site(org={})
    for settings in (made.salespulse, made.settings, made.org_settings):
        settings["timeout"] = "1s"
    return made


@pytest.fixture
def quick_trio(make_site: Callable[..., Site]) -> Site:
    """As ``trio``, on a clock on which waits take no time."""
    return make_site(clock=Ticking(), org={})
