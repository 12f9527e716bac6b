"""A Salesforce sandbox on loopback and transports to it, on one clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.salesforce import KIND
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.transport import Ask, Transport
from syncd.net.governor import Governor, Priority
from syncd.sandbox.clock import ManualClock
from syncd.sandbox.faults import Action, Rule
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.shell import Running, serve
from syncd.testing.memory import DictMemory


class Wire:
    """The vendor (``model``), what was asked of it (``asked``), and transports to it."""

    def __init__(self, model: Salesforce, clock: ManualClock, running: Running) -> None:
        self.model = model
        self.clock = clock
        self.url = running.url
        self.memory = DictMemory()
        self._running = running
        self._opened: list[Transport] = []
        self.governor: Governor
        self.transport = self.open()

    def settings(self, **changed: Any) -> SalesforceSettings:
        given = {
            "auth": "client_credentials",
            "login_url": self.url,
            "consumer_key": "3MVG9.sandbox",
            "consumer_secret": "sandbox-secret",
            **changed,
        }
        return SalesforceSettings.model_validate({name: value for name, value in given.items() if value is not None})

    def open(self, **changed: Any) -> Transport:
        """A transport as a new process would have it; ``governor`` is its budget."""
        settings = self.settings(**changed)
        self.governor = KIND.governor(settings, self.clock)
        self._opened.append(Transport(settings, governor=self.governor, clock=self.clock, memory=self.memory))
        return self._opened[-1]

    def close(self) -> None:
        for transport in self._opened:
            transport.close()

    def options(self, **switches: Any) -> None:
        self.model.org.options = Options(**{**self.model.org.options.model_dump(), **switches})

    def fault(self, action: str, path: str, **rule: Any) -> None:
        """Script a fault for requests whose path holds ``path``."""
        self._running.harness.faults.add([Rule(action=Action(action), path=path, **rule)])

    def asked(self) -> dict[str, int]:
        """Requests since the last call, by "METHOD /path"."""
        counted = dict(self._running.harness.stats.requests)
        self._running.harness.stats.requests.clear()
        return counted

    def statuses(self) -> Mapping[int, int]:
        return self._running.harness.stats.statuses

    def sessions(self) -> list[str]:
        """Every session id that the vendor has given out and not ended."""
        return list(self.model.tokens.export()["ends"])

    def patch(self, record_id: str, values: Mapping[str, object], **headers: str) -> Ask:
        """A write of one contact; ``If_Unmodified_Since`` names its header."""
        return Ask(
            method="PATCH",
            path=f"sobjects/Contact/{record_id}",
            kind="update",
            priority=Priority.PUSH,
            body=values,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Salesforce, ManualClock, Running]]:
    clock = ManualClock()
    model = Salesforce(clock)
    with serve(model) as running:
        yield model, clock, running


@pytest.fixture
def wire(served: tuple[Salesforce, ManualClock, Running]) -> Iterator[Wire]:
    model, clock, running = served
    clock.advance(2 * 86_400)
    model.load(Salesforce(clock).export())
    running.harness.faults.clear()
    running.harness.stats.requests.clear()
    running.harness.stats.statuses.clear()
    made = Wire(model, clock, running)
    try:
        yield made
    finally:
        made.close()
