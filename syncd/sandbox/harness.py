"""The wrapper around any vendor's model: the lock, scripted faults, statistics and the shared control paths.

Request in, answer out, still without sockets, so that a simulation has the same faults as the served sandbox.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import replace
from typing import Any, assert_never

import orjson
from pydantic import ValidationError

from syncd.sandbox.faults import Action, Faults, Rule
from syncd.sandbox.wire import (
    CONTROL,
    Delivery,
    Dropped,
    Emits,
    Request,
    Response,
    Unreadable,
    Vendor,
    json_response,
    reason,
)


class Stats:
    """Counts of what arrived, by "METHOD /template" and by status; status 0 is a dropped connection."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.in_flight = 0
        self.peak_in_flight = 0
        self._peaks = {10: 0, 60: 0}
        self._logs: dict[int, deque[float]] = {10: deque(), 60: deque()}

    def arrived(self, op: str, now: float) -> None:
        """Count a request at ``now`` (sandbox seconds)."""
        self.requests[op] += 1
        for seconds, log in self._logs.items():
            log.append(now)
            while log[0] <= now - seconds:
                log.popleft()
            self._peaks[seconds] = max(self._peaks[seconds], len(log))

    def report(self) -> dict[str, Any]:
        """Everything counted since the start or the last reset, JSON-able."""
        return {
            "requests": dict(sorted(self.requests.items())),
            "total": self.requests.total(),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "refused_429": self.statuses[429],
            "peak_in_flight": self.peak_in_flight,
            "peak_10s": self._peaks[10],
            "peak_60s": self._peaks[60],
        }


class Harness:
    """One vendor with its faults and statistics. ``handle`` may be called by any thread."""

    def __init__(self, vendor: Vendor, *, fault_seed: int = 0) -> None:
        self.vendor = vendor
        self.clock = vendor.clock
        self.lock = threading.RLock()
        self.faults = Faults(fault_seed)
        self.stats = Stats()

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises Dropped when a fault closes the connection without an answer."""
        with self.lock:
            if request.path.startswith(CONTROL):
                return self._control(request)
            op = f"{request.method} {self.vendor.template(request.path)}"
            self.stats.arrived(op, self.clock.monotonic())
            try:
                response = self._answer(request, self.faults.strike(request, op))
            except Dropped:
                self.stats.statuses[0] += 1
                raise
            self.stats.statuses[response.status] += 1
            return response

    def drain(self) -> list[Delivery]:
        """Webhooks that are due."""
        if not isinstance(self.vendor, Emits):
            return []
        with self.lock:
            return self.vendor.drain()

    def begin(self) -> None:
        """A request is under way on a connection."""
        with self.lock:
            self.stats.in_flight += 1
            self.stats.peak_in_flight = max(self.stats.peak_in_flight, self.stats.in_flight)

    def finish(self) -> None:
        """That request is over."""
        with self.lock:
            self.stats.in_flight -= 1

    def _answer(self, request: Request, rule: Rule | None) -> Response:
        if rule is None:
            return self.vendor.handle(request)
        match rule.action:
            case Action.STATUS:
                return _scripted(rule)
            case Action.STATUS_AFTER:
                self.vendor.handle(request)
                return _scripted(rule)
            case Action.DROP_BEFORE:
                raise Dropped
            case Action.DROP_AFTER:
                self.vendor.handle(request)
                raise Dropped
            case Action.DELAY:
                return replace(self.vendor.handle(request), delay=rule.seconds)
            case Action.HTML:
                title = f"{rule.status} {reason(rule.status)}"
                page = f"<html><head><title>{title}</title></head><body>{title}</body></html>"
                headers = {"content-type": "text/html; charset=utf-8", **rule.headers}
                return Response(status=rule.status, headers=headers, body=page.encode())
            case Action.HALF_BODY:
                response = self.vendor.handle(request)
                return replace(response, cut=len(response.body) // 2)
        assert_never(rule.action)

    def _control(self, request: Request) -> Response:
        try:
            match request.method, request.path.removeprefix(CONTROL):
                case "GET", "faults":
                    return json_response(200, {"faults": self.faults.report()})
                case "POST", "faults":
                    self.faults.add(_rules(request))
                    return json_response(200, {"faults": self.faults.report()})
                case "DELETE", "faults":
                    self.faults.clear()
                    return json_response(200, {"faults": []})
                case "GET", "clock":
                    return self._time()
                case "POST", "clock":
                    self.clock.advance(float(request.json_object().get("advance", 0)))
                    return self._time()
                case "GET", "stats":
                    return json_response(200, self.stats.report())
                case "POST", "stats/reset":
                    fresh = Stats()
                    fresh.in_flight = self.stats.in_flight
                    self.stats = fresh
                    return json_response(200, fresh.report())
            return self.vendor.handle(request)
        except (Unreadable, TypeError, ValueError) as error:
            return json_response(400, {"error": {"message": f"{request.path}: {error}"}})

    def _time(self) -> Response:
        return json_response(200, {"now": self.clock.now().isoformat(), "scale": self.clock.scale})


def _rules(request: Request) -> list[Rule]:
    value = request.json()
    listed = value if isinstance(value, list) else [value]
    try:
        return [Rule.model_validate(one) for one in listed]
    except ValidationError as error:
        raise ValueError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None


def _scripted(rule: Rule) -> Response:
    if rule.body is None:
        return Response(status=rule.status, headers=rule.headers)
    if isinstance(rule.body, str):
        return Response(status=rule.status, headers=rule.headers, body=rule.body.encode())
    headers = {"content-type": "application/json", **rule.headers}
    return Response(status=rule.status, headers=headers, body=orjson.dumps(rule.body))
