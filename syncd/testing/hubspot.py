"""A HubSpot sandbox on loopback and a connector to it, on one clock that stands still. For tests only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from connectors.hubspot import KIND
from connectors.hubspot.connector import HubSpotConnector
from connectors.port import Wanted
from syncd.core.model import Change, Intent, Op, Side, Value, Values
from syncd.sandbox.clock import ManualClock
from syncd.sandbox.faults import Action, Rule
from syncd.sandbox.hubspot.model import HubSpot
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import Request
from syncd.testing.contract import Names
from syncd.testing.memory import DictMemory

WANTED = Wanted(
    object="contacts",
    fields=("firstname", "lastname", "email", "phone", "lifecyclestage"),
    key_fields={"email": "email", "phone": "phone"},
    stage_field="lifecyclestage",
)


class Bench:
    """The vendor (``model``), what was asked of it (``asked``), and the connector under test."""

    names = Names()
    written = Side.CRM
    unique_email = True
    names_fields = True
    quiet_seconds = 200.0

    def __init__(self, model: HubSpot, clock: ManualClock, running: Running, wanted: Wanted) -> None:
        self.model = model
        self.clock = clock
        self.running = running
        self.memory = DictMemory()
        self._wanted = wanted
        self._opened: list[HubSpotConnector] = []
        self._serial = 0
        self.connector = self.reopen()

    def reopen(self, *, wanted: Wanted | None = None, **settings: Any) -> HubSpotConnector:
        """Another connector, as after a restart; ``settings`` replace the usual ones."""
        given = {"base_url": self.running.url, "access_token": "pat-sandbox", **settings}
        parsed = KIND.settings.model_validate({key: value for key, value in given.items() if value is not None})
        governor = KIND.governor(parsed, self.clock)
        opened = KIND.open(parsed, wanted or self._wanted, governor=governor, clock=self.clock, memory=self.memory)
        if not isinstance(opened, HubSpotConnector):
            raise TypeError("KIND opened something else")
        self.governor = governor
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        """Close every connector that was opened."""
        for connector in self._opened:
            connector.close()

    # ---- people

    def add(self, values: Values) -> str:
        return str(self.model.add_contact(_texts(values)))

    def edit(self, record_id: str, values: Values) -> None:
        self._control("edit", {"id": record_id, "values": _texts(values)})

    def delete(self, record_id: str) -> None:
        self._control("delete", {"id": record_id})

    def restore(self, record_id: str) -> None:
        self._control("restore", {"id": record_id})

    def merge(self, primary: str, other: str) -> str:
        """The id of the merged record."""
        return str(self._control("merge", {"primary": primary, "other": other})["id"])

    def purge(self, record_id: str) -> None:
        self._control("purge", {"id": record_id})

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def stored(self, record_id: str) -> Mapping[str, str]:
        """The set properties of a record as the vendor has them."""
        row = self.model.portal.tables["contacts"].find(int(record_id))
        if row is None:
            raise KeyError(record_id)
        return row.values

    def options(self, **switches: Any) -> None:
        """Turn switches of the model."""
        self.model.portal.options = Options(**{**self.model.portal.options.model_dump(), **switches})
        self.model.quota.configure(self.model.portal.options)

    def _control(self, name: str, body: dict[str, Any]) -> Any:
        request = Request(method="POST", path=f"/_sandbox/{name}", body=orjson.dumps(body))
        answer = self.running.harness.handle(request)
        if answer.status >= 300:
            raise AssertionError(f"/_sandbox/{name}: {answer.status} {answer.body!r}")
        return answer.json()

    # ---- the wire

    def fault(self, action: str, path: str, **rule: Any) -> None:
        """Script a fault for requests whose path holds ``path``."""
        self.running.harness.faults.add([Rule(action=Action(action), path=path, **rule)])

    def asked(self) -> dict[str, int]:
        """Requests since the last call, by "METHOD /path" without version and object."""
        counted = dict(self.running.harness.stats.requests)
        self.running.harness.stats.requests.clear()
        return {op.replace("/crm/objects/2026-09/contacts", ""): count for op, count in counted.items()}

    # ---- plans

    def intent(
        self,
        op: Op,
        target: str = "",
        *,
        stamp: str | None = None,
        before: Values | None = None,
        **values: Value,
    ) -> Intent:
        """One planned write to HubSpot."""
        self._serial += 1
        changes = tuple(
            Change(field=name, before=(before or {}).get(name), after=value, rule=name, by="test", reason="test")
            for name, value in values.items()
        )
        return Intent(
            id=f"w{self._serial}",
            connection="c",
            side=Side.CRM,
            op=op,
            crm_id=target,
            changes=changes,
            stamp=stamp,
        )


class Stand:
    """A server for many benches, one after another: starting one takes longer than most tests."""

    def __init__(self, model: HubSpot, clock: ManualClock, running: Running) -> None:
        self._model = model
        self._clock = clock
        self._running = running

    @contextmanager
    def bench(self, *, wanted: Wanted = WANTED, index_lag_seconds: float = 0.0, **options: Any) -> Iterator[Bench]:
        """An empty account with these switches, and a connector to it."""
        self._clock.advance(3600)  # the budgets of the test before are full again
        self._model.index_lag_seconds = index_lag_seconds
        fresh = HubSpot(self._clock, index_lag_seconds=index_lag_seconds, options=Options(**options))
        self._model.load(fresh.export())
        self._running.harness.faults.clear()
        self._running.harness.stats.requests.clear()
        made = Bench(self._model, self._clock, self._running, wanted)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def stand() -> Iterator[Stand]:
    """A served account."""
    clock = ManualClock()
    model = HubSpot(clock)
    with serve(model) as running:
        yield Stand(model, clock, running)


def _texts(values: Values) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in values.items()}
