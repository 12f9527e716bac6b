"""Serves the vendors' models in a process of their own, so that syncd alone is measured, and obeys the benchmark.

Started by ``measuring``: one JSON object on the command line says who is there, then one JSON command a line comes on
standard input and one JSON answer a line goes out. It ends with its input. It must not know syncd's own code.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import orjson

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.harness import Harness
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.people import Style, overlap, people, triple, write_as
from syncd.sandbox.salesforce.model import DEFAULTS, Salesforce
from syncd.sandbox.salespulse import SalesPulse
from syncd.sandbox.salespulse.dialect import Dialect, EndHint
from syncd.sandbox.shell import serve
from syncd.sandbox.wire import CONTROL, Request, Response

#: A list says how many there are: then a listing needs no extra request to find its end.
DIALECT = replace(Dialect(), end_hint=EndHint.TOTAL)
SEED = 7


class Timed(Harness):
    """Notes when the first and the last request of each kind came, in real seconds."""

    def __init__(self, vendor: Any) -> None:
        super().__init__(vendor)
        self.times: dict[str, tuple[float, float]] = {}

    def handle(self, request: Request) -> Response:
        if not request.path.startswith(CONTROL):
            now = time.monotonic()
            op = f"{request.method} {self.vendor.template(request.path)}"
            self.times[op] = (self.times.get(op, (now, now))[0], now)
        return super().handle(request)


class Vendors:
    """The vendors of one workload."""

    def __init__(self, shape: Mapping[str, Any]) -> None:
        self.clock = WorldClock(scale=shape.get("scale", 1))
        scales = {"salespulse": 1000.0, "hubspot": 1000.0, **shape.get("limit_scale", {})}
        self.salespulse = SalesPulse(self.clock, dialect=DIALECT, limit_scale=scales["salespulse"])
        self.hubspot = HubSpot(self.clock, limit_scale=scales["hubspot"])
        self.salesforce = Salesforce(self.clock, options=DEFAULTS.model_copy(update={"daily_limit": 10_000_000}))
        models = {"salespulse": self.salespulse, "hubspot": self.hubspot, "salesforce": self.salesforce}
        self.harnesses = {name: Timed(model) for name, model in models.items()}
        self._populate(**shape["people"])

    def _populate(
        self,
        *,
        each: int = 0,
        shared: int = 0,
        salespulse: int = 0,
        hubspot: int = 0,
        known: bool = False,
        three: bool = False,
    ) -> None:
        """``each`` and ``shared``: so many in SalesPulse and HubSpot, and in Salesforce with ``three``; any two share
        so many. Else so many on one side alone.

        ``known``: the CRMs carry the SalesPulse ids already, so that a first sync links and writes nothing.
        """
        org: list[dict[str, str]] = []
        if each == shared:  # in one order, so that the n-th of a side is the n-th of the other
            everybody = list(people(each or max(salespulse, hubspot), SEED))
            left = [write_as(person, Style.SALESPULSE) for person in everybody[: each or salespulse]]
            right = [write_as(person, Style.HUBSPOT) for person in everybody[: each or hubspot]]
            org = [write_as(person, Style.SALESFORCE) for person in everybody[:each]] if three else []
        elif three:
            left, right, org = triple(each, shared, SEED)
        else:
            left, right = overlap(each, shared, SEED)
        ids = self.salespulse.populate(left)
        if known:
            right = [{**values, "salespulse_id": id_} for values, id_ in zip(right, ids, strict=True)]
            org = [{**values, "SalesPulse_Id__c": id_} for values, id_ in zip(org, ids, strict=False)]
        for values in right:
            self.hubspot.add_contact(values)
        for values in org:
            self.salesforce.add_contact(values)

    def do(self, command: Mapping[str, Any]) -> Any:
        match command["do"]:
            case "reset":
                for harness in self.harnesses.values():
                    harness.handle(Request(method="POST", path=f"{CONTROL}stats/reset"))
                    harness.times.clear()
            case "stats":
                return {name: self._stats(harness) for name, harness in self.harnesses.items()}
            case "advance":
                self.clock.advance(command["seconds"])
            case "count":
                models = (self.salespulse, self.hubspot, self.salesforce)
                return {model.name: len(model.records()) for model in models}
            case "edit":
                return self._edit(command["side"], command["every"], command["first"])
        return {}

    def _stats(self, harness: Timed) -> dict[str, Any]:
        with harness.lock:
            return {**harness.stats.report(), "times": harness.times}

    def _edit(self, side: str, every: int, first: int) -> int:
        """A person renames every so-manieth linked person on a side. Gives how many.

        The count goes by the contacts in SalesPulse, so that different ``first`` are different people on every side.
        """
        chosen = [row["id"] for row in self.salespulse.records()][first::every]
        with self.harnesses[side].lock:
            if side == "salespulse":
                for id_ in chosen:
                    self.salespulse.edit_contact(id_, {"first_name": f"Edited {id_}"})
                return len(chosen)
            model, link, name = {
                "hubspot": (self.hubspot, "salespulse_id", "firstname"),
                "salesforce": (self.salesforce, "SalesPulse_Id__c", "FirstName"),
            }[side]
            halves = {str(row.get(link)): row["id"] for row in model.records()}
            for id_ in chosen:
                model.edit(halves[id_], {name: f"Edited {id_}"})
        return len(chosen)


def main() -> None:
    vendors = Vendors(orjson.loads(sys.argv[1]))
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serve(harness)).url for name, harness in vendors.harnesses.items()}
        _say(urls)
        for line in sys.stdin.buffer:
            _say(vendors.do(orjson.loads(line)))


def _say(answer: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
