"""Salesforce's connector keeps the contract, over real HTTP against the sandbox, with and without the id field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from syncd.testing.contract import ArchiveContract, ConnectorContract, FeedContract, IdentityContract
from syncd.testing.salesforce import CONTACTS, Bench, Stand, stand

ORGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "short pages": {"page_limit": 200},
    "upserts answered 204": {"upsert_update_status": 204, "empty_412": True},
}


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


class TestSalesforce(ConnectorContract, FeedContract, IdentityContract, ArchiveContract):
    @pytest.fixture(params=sorted(ORGS))
    def side(self, request: pytest.FixtureRequest, place: Stand) -> Iterator[Bench]:
        with place.bench(**ORGS[request.param]) as made:
            yield made


class TestSalesforceWithoutIdField(ConnectorContract, FeedContract, ArchiveContract):
    @pytest.fixture
    def side(self, place: Stand) -> Iterator[Bench]:
        with place.bench(has_external_id=False) as made:
            yield made


class TestSalesforceWithAScope(ConnectorContract, FeedContract, IdentityContract, ArchiveContract):
    """The suite's people are all in the scope."""

    @pytest.fixture
    def side(self, place: Stand) -> Iterator[Bench]:
        with place.bench(wanted=replace(CONTACTS, scope="Email LIKE '%@example.com'")) as made:
            yield made
