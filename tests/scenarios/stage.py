"""What a scenario is played with: the clock, the vendors that write down what they are asked, and what a run left."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from syncd.clock import Interrupted
from syncd.exits import Exit
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salespulse.model import SalesPulse
from syncd.sandbox.wire import CONTROL, Delivery, Request, Response

KEY = "sp_live_marked-key-of-the-scenarios"
TOKEN = "pat-marked-token-of-the-scenarios"
SECRET = "marked-consumer-secret-of-the-scenarios"
READS = re.compile(
    r"GET |POST \S+/(search|batch/read|oauth2/token|jobs/query)$|POST \S+/composite/sobjects/[A-Za-z]\w*$"
)

Model = SalesPulse | HubSpot | Salesforce


class Ticking(WorldClock):
    """Ticks as the machine's clock; whoever waits moves it on instead."""

    def real(self, seconds: float) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        if self.end.is_set():
            raise Interrupted
        self.advance(max(0.0, seconds))


class Recorded:
    """A vendor that writes down each write that it is asked for."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.name = model.name
        self.clock = model.clock
        self.writes: list[Request] = []
        self.before: Callable[[Request], None] = lambda _request: None

    def handle(self, request: Request) -> Response:
        if not request.path.startswith(CONTROL):
            self.before(request)
            if not READS.match(f"{request.method} {request.path}"):
                self.writes.append(request)
        return self.model.handle(request)

    def template(self, path: str) -> str:
        return self.model.template(path)

    def export(self) -> dict[str, Any]:
        return self.model.export()

    def load(self, data: dict[str, Any]) -> None:
        self.model.load(data)

    def drain(self) -> list[Delivery]:
        return self.model.drain() if isinstance(self.model, SalesPulse) else []


@dataclass
class Notes:
    """What a run says on the way."""

    lines: list[str] = field(default_factory=list)

    def progress(self, who: str, step: str, done: int, total: int | None) -> None:
        self.lines.append(f"{who}: {step} {done} of {total}")

    def note(self, who: str, text: str) -> None:
        self.lines.append(f"{who}: {text}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(kw_only=True)
class Ran:
    """One run: how it ended, what it said, and what the servers were asked to write."""

    exit: Exit
    summary: dict[str, Any]
    said: str
    written: dict[str, list[Request]]

    def of(self, connection: str = "hubspot") -> dict[str, Any]:
        """The figures of a connection."""
        figures = self.summary["connections"][connection]
        assert isinstance(figures, dict)
        return figures

    @property
    def writes(self) -> int:
        return sum(len(requests) for requests in self.written.values())

    @property
    def asked(self) -> list[str]:
        """Every write, as "SERVER METHOD PATH", for a message that says which it was."""
        return [f"{name} {one.method} {one.path} {one.body!r}" for name, some in self.written.items() for one in some]

    def bodies(self, name: str) -> list[Any]:
        return [request.json() for request in self.written[name]]
