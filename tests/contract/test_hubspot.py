"""HubSpot's connector keeps the contract, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.testing.contract import ConnectorContract
from syncd.testing.hubspot import Bench, Stand, stand

ACCOUNTS = {
    "plain": {},
    "without id property": {"id_property": False},
    "the other duplicate form": {
        "duplicate_form": "coordinates",
        "partial_update": False,
        "conflict_names_id": False,
    },
}


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


class TestHubSpot(ConnectorContract):
    @pytest.fixture(params=sorted(ACCOUNTS))
    def side(self, request: pytest.FixtureRequest, place: Stand) -> Iterator[Bench]:
        with place.bench(**ACCOUNTS[request.param]) as made:
            yield made
