"""The Salesforce part of a world: one org, and the connections that open it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from tests.scenarios.stage import SECRET, Ticking

#: The name under which the one org is served.
ORG = "salesforce"
#: Connections on the org, and the object that each syncs. Their first one creates there, the others do not.
OBJECTS = {"contacts": "Contact", "leads": "Lead"}
KEY_OF_APP = "3MVG9.scenarios"


def open_org(clock: Ticking, switches: Mapping[str, Any]) -> Salesforce:
    """An org whose app has credentials that are easy to look for."""
    return Salesforce(clock, options=Options(consumer_key=KEY_OF_APP, consumer_secret=SECRET, **switches))


def settings_for(url: str) -> dict[str, Any]:
    """What a connection needs to log in there."""
    return {"login_url": url, "consumer_key": KEY_OF_APP, "consumer_secret": SECRET}


class InOrg:
    """What people do in the org. A world is one of these."""

    org: Salesforce | None
    clock: Ticking

    @property
    def f(self) -> Salesforce:
        assert self.org is not None, "this world has no Salesforce connection"
        return self.org

    def in_f(self, kind: str = "Contact", **values: Any) -> str:
        return self.f.add(kind, values)

    def edit_f(self, record: str, kind: str = "Contact", **values: Any) -> None:
        self.clock.advance(5)
        self.f.edit(record, values, kind=kind)

    def f_of(self, record: str, kind: str = "Contact") -> dict[str, Any]:
        """Its values without blanks."""
        return self.f.record(record, kind=kind)

    def all_f(self, kind: str = "Contact") -> list[dict[str, Any]]:
        """Every live record; of leads, those that were not converted."""
        return [row for row in self.f.records(kind) if not row.get("IsConverted")]

    def convert(self, lead: str, into: str = "") -> str:
        """A person converts a lead; the id of the contact."""
        self.clock.advance(5)
        return self.f.convert(lead, into)["contact"]

    def switch_f(self, **switches: Any) -> None:
        """Turn switches of the org."""
        self.f.set_options(Options(**{**self.f.org.options.model_dump(), **switches}))
