"""Vendors served on loopback from within the test's own process: it can look into them, break them, and act between
two requests.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from syncd.clock import Interrupted
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.faults import Rule
from syncd.sandbox.harness import Stats
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salespulse.model import SalesPulse
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import CONTROL, Request, Response

#: Requests that change nothing over there.
READS = re.compile(
    r"GET |POST \S+/(search|batch/read|oauth2/token|jobs/query)$|POST \S+/composite/sobjects/[A-Za-z]\w*$"
)
Hook = Callable[[Request, Callable[[Request], Response]], Response | None]
Model = SalesPulse | HubSpot | Salesforce


class Ticking(WorldClock):
    """Ticks as the machine's clock, but whoever waits only moves it on."""

    def real(self, seconds: float) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        if self.end.is_set():
            raise Interrupted
        self.advance(max(0.0, seconds))


class Served:
    """One served model. ``hooks`` see every request of the API first and may answer it, or return None."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.hooks: list[Hook] = []
        self.writes: list[Request] = []
        self._handle = model.handle
        model.handle = self._hooked  # type: ignore[method-assign] # the one place that all requests pass
        self.running: Running = serve(model)
        self._lock = self.running.harness.lock

    def _hooked(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self._handle(request)
        if not READS.match(f"{request.method} {request.path}"):
            self.writes.append(request)
        for hook in tuple(self.hooks):
            answer = hook(request, self._handle)
            if answer is not None:
                return answer
        return self._handle(request)

    @property
    def stats(self) -> Stats:
        return self.running.harness.stats

    def fault(self, action: str, **rule: Any) -> None:
        self.running.harness.faults.add([Rule(action=action, **rule)])

    def struck(self) -> int:
        """How many requests the faults struck so far."""
        return sum(rule["struck"] for rule in self.running.harness.faults.report())

    def mend(self) -> None:
        self.hooks.clear()
        self.running.harness.faults.clear()

    def later(self, seconds: float, *, method: str, path: str, times: int = 1) -> None:
        """Requests like this get no answer in time, and are carried out only after so many real seconds."""
        left = [times]

        def hook(request: Request, handle: Callable[[Request], Response]) -> Response | None:
            if not left[0] or request.method != method or not re.search(path, request.path):
                return None
            left[0] -= 1

            def work() -> None:
                with self._lock:
                    handle(request)

            threading.Timer(seconds, work).start()
            return Response(status=200, delay=60)

        self.hooks.append(hook)
