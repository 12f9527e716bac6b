"""What runs cost in requests, to the request: one walk a list, one write a batch, nothing where nothing changed.

The servers count. SalesPulse here says how many contacts there are, so that a listing needs no request to find its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from syncd.config.choice import chosen
from syncd.config.load import load
from syncd.cycle.execute import Ended, execute
from syncd.exits import Exit
from syncd.registry import kinds
from syncd.sandbox.clock import WorldClock
from syncd.sandbox.harness import Stats
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.people import overlap
from syncd.sandbox.salespulse import Dialect, SalesPulse
from syncd.sandbox.salespulse.dialect import EndHint
from syncd.sandbox.shell import Running, serve
from syncd.store import database

CRM = "/crm/objects/2026-09/contacts"
OPENING = Counter(
    {
        "GET /account-info/2026-09/details": 1,
        "GET /crm/properties/2026-09/contacts": 1,
        "GET /crm/pipelines/2026-09/contacts": 1,
    }
)
STAGES = Counter({"GET /pipeline/stages": 1})
PAST_OVERLAP = 300  # seconds; the feed of changes reaches two minutes back

CONFIG = """\
[state]
url = "sqlite:///state.db"
[salespulse]
base_url = "{salespulse}/api/v1"
api_key = "sp_live_sandbox"
{rates}
[connections.hubspot]
connector = "hubspot"
mapping = "hubspot-contacts"
[connections.hubspot.brakes]
max_changes_percent = 100
[connections.hubspot.settings]
base_url = "{hubspot}"
access_token = "pat-sandbox"
{crm_rates}
"""
WIDE = {
    "rates": 'rate = "100000/60s"\nbulk_rate = "10000/60s"',
    "crm_rates": 'rate = "100000/10s"\nsearch_rate = "5000/1s"',
}
AS_SOLD = {"rates": "", "crm_rates": ""}


class Ticking(WorldClock):
    """Ticks as the machine's clock, but whoever waits only moves it on."""

    def real(self, seconds: float) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))


@dataclass
class Steps:
    """What a run was busy with."""

    names: set[str] = field(default_factory=set)

    def progress(self, who: str, step: str, done: int, total: int | None) -> None:
        self.names.add(step)

    def note(self, who: str, text: str) -> None: ...


@dataclass(kw_only=True)
class Both:
    """Both vendors, and syncd in this process."""

    folder: Path
    clock: Ticking
    salespulse: SalesPulse
    hubspot: HubSpot
    served: dict[str, Running]
    rates: dict[str, str]
    left: list[str] = field(default_factory=list)  #: SalesPulse ids
    right: list[str] = field(default_factory=list)  #: HubSpot ids
    steps: Steps = field(default_factory=Steps)

    def run(self, *, full: bool) -> Ended:
        """One run, a minute after whatever was before; the servers count from its beginning."""
        self.clock.advance(60)
        path = self.folder / "config.toml"
        path.write_text(CONFIG.format(**{name: one.url for name, one in self.served.items()}, **self.rates))
        path.chmod(0o600)
        for one in self.served.values():
            one.harness.stats = Stats()
        self.steps = Steps()
        config = load(path, need_secrets=True, kinds=kinds(), environ={})
        state = database.create(self.folder / "state.db")
        try:
            return execute(
                config,
                chosen(config, []),
                database=state,
                clock=self.clock,
                report=self.steps,
                command="run",
                full=full,
            )
        finally:
            state.close()

    def requests(self, side: str) -> Counter[str]:
        return Counter(self.served[side].harness.stats.requests)

    def report(self, side: str) -> dict[str, Any]:
        return self.served[side].harness.stats.report()


Make = Callable[..., Both]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def both(*, each: int, shared: int, as_sold: bool = False) -> Both:
            clock = Ticking()
            scale = 1 if as_sold else 1000
            salespulse = SalesPulse(clock, dialect=replace(Dialect(), end_hint=EndHint.TOTAL), limit_scale=scale)
            hubspot = HubSpot(clock, limit_scale=scale)
            left, right = overlap(each, shared, 11)
            found = Both(
                folder=tmp_path,
                clock=clock,
                salespulse=salespulse,
                hubspot=hubspot,
                served={
                    "salespulse": stack.enter_context(serve(salespulse)),
                    "hubspot": stack.enter_context(serve(hubspot)),
                },
                rates=AS_SOLD if as_sold else WIDE,
            )
            found.left = salespulse.populate(left)
            found.right = [hubspot.add_contact(values) for values in right]
            return found

        yield both


def test_a_first_sync_lists_once_creates_in_bulk_and_writes_ids_in_batches(make: Make) -> None:
    both = make(each=360, shared=200)

    ended = both.run(full=True)

    assert ended.exit is Exit.DONE
    # The first bulk create is a small one: its answer shows that stages are taken along, and the rest goes at once.
    assert both.requests("salespulse") == STAGES + Counter({"GET /contacts": 1, "POST /contacts/bulk": 2})
    # 200 linked by key and then 160 made in SalesPulse get the property; 160 are made here with it.
    assert both.requests("hubspot") == OPENING + Counter(
        {f"GET {CRM}": 4, f"POST {CRM}/batch/upsert": 2, f"POST {CRM}/batch/update": 4}
    )


def test_a_second_full_run_lists_once_and_writes_nothing(make: Make) -> None:
    both = make(each=200, shared=150)
    both.run(full=True)

    ended = both.run(full=True)

    assert ended.exit is Exit.DONE
    assert both.requests("salespulse") == STAGES + Counter({"GET /contacts": 1})
    assert both.requests("hubspot") == OPENING + Counter({f"GET {CRM}": 3})


def test_a_full_run_compares_no_pair_that_shows_what_it_showed(make: Make) -> None:
    both = make(each=200, shared=200)
    both.run(full=True)
    assert "comparing" in both.steps.names

    both.run(full=True)

    assert "reading HubSpot" in both.steps.names
    assert "comparing" not in both.steps.names


def test_once_costs_two_requests_to_hubspot_and_none_to_salespulse_when_nothing_changed(make: Make) -> None:
    both = make(each=200, shared=200)
    both.run(full=True)
    both.run(full=True)  # the feed goes on from here: what the first sync wrote is behind it
    both.clock.advance(PAST_OVERLAP)

    ended = both.run(full=False)

    assert ended.exit is Exit.DONE
    assert both.requests("salespulse") == Counter()
    assert both.requests("hubspot") <= Counter({"GET /account-info/2026-09/details": 1, f"POST {CRM}/search": 1})


def test_changes_cost_one_request_each_in_salespulse_and_one_a_batch_in_hubspot(make: Make) -> None:
    both = make(each=300, shared=300)
    both.run(full=True)
    halves = pairs_of(both)
    for contact in both.left[:3]:
        both.salespulse.edit_contact(contact, {"first_name": "Edited"})
    for record in [halves[contact] for contact in both.left[3:6]]:
        both.hubspot.edit(record, {"firstname": "Edited"})

    ended = both.run(full=True)

    assert ended.exit is Exit.DONE
    assert both.requests("salespulse") == STAGES + Counter({"GET /contacts": 1, "PATCH /contacts/:id": 3})
    assert both.requests("hubspot") == OPENING + Counter({f"GET {CRM}": 3, f"POST {CRM}/batch/update": 1})


def test_more_writes_than_the_limit_allows_are_spread_and_none_is_refused(make: Make) -> None:
    both = make(each=130, shared=130, as_sold=True)
    both.run(full=True)
    for record in both.right:
        both.hubspot.edit(record, {"firstname": "Edited"})

    ended = both.run(full=True)

    assert ended.exit is Exit.DONE
    assert both.requests("salespulse")["PATCH /contacts/:id"] == 130
    for side, allowed in (("salespulse", {"peak_60s": 90}), ("hubspot", {"peak_10s": 90})):
        report = both.report(side)
        assert report["refused_429"] == 0
        assert all(report[peak] <= most for peak, most in allowed.items())


def pairs_of(both: Both) -> dict[str, str]:
    """SalesPulse id → HubSpot id, as HubSpot's id property says."""
    return {row["salespulse_id"]: row["id"] for row in both.hubspot.records()}
