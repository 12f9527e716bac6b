"""HubSpot's connector keeps the contract, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.testing.contract import (
    ArchiveContract,
    ConnectorContract,
    FeedContract,
    FieldTimesContract,
    IdentityContract,
    UniqueEmailContract,
)
from syncd.testing.hubspot import Bench, Stand, stand

ACCOUNTS: dict[str, dict[str, Any]] = {
    "plain": {},
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


class TestHubSpot(
    ConnectorContract, FeedContract, IdentityContract, UniqueEmailContract, FieldTimesContract, ArchiveContract
):
    @pytest.fixture(params=sorted(ACCOUNTS))
    def side(self, request: pytest.FixtureRequest, place: Stand) -> Iterator[Bench]:
        with place.bench(**ACCOUNTS[request.param]) as made:
            yield made


class TestHubSpotWithoutIdProperty(
    ConnectorContract, FeedContract, UniqueEmailContract, FieldTimesContract, ArchiveContract
):
    @pytest.fixture
    def side(self, place: Stand) -> Iterator[Bench]:
        with place.bench(id_property=False) as made:
            yield made
