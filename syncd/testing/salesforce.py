"""A Salesforce sandbox on loopback and a connector to it, on one clock that stands still. For tests only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.port import Wanted
from connectors.salesforce import KIND
from connectors.salesforce.connector import SalesforceConnector
from syncd.core.model import Change, Intent, Op, Side, Value, Values
from syncd.sandbox.clock import ManualClock
from syncd.sandbox.faults import Action, Rule
from syncd.sandbox.salesforce.ids import full
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.shell import Running, serve
from syncd.sandbox.wire import Request
from syncd.testing.contract import Names
from syncd.testing.memory import DictMemory

CONTACTS = Wanted(
    object="Contact",
    fields=("FirstName", "LastName", "Email", "Phone", "SalesPulse_Stage__c"),
    key_fields={"email": "Email", "phone": "Phone"},
    stage_field="SalesPulse_Stage__c",
)
LEADS = Wanted(
    object="Lead",
    fields=("FirstName", "LastName", "Company", "Email", "Phone", "Status"),
    key_fields={"email": "Email", "phone": "Phone"},
    stage_field="Status",
)


@cache
def key_pair() -> tuple[str, str]:
    """A private key for the connector and its public key for the org's option ``jwt_public_key``, both PEM."""
    made = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


class Bench:
    """The vendor (``model``), what was asked of it (``asked``), and the connector under test."""

    names = Names(first="FirstName", last="LastName", email="Email", phone="Phone", bad=("Email", "no address"))
    written = Side.CRM
    unique_email = False
    names_fields = True
    quiet_seconds = 700.0

    def __init__(self, model: Salesforce, clock: ManualClock, running: Running, wanted: Wanted) -> None:
        self.model = model
        self.clock = clock
        self.running = running
        self.memory = DictMemory()
        self._wanted = wanted
        self._opened: list[SalesforceConnector] = []
        self._serial = 0
        self.connector = self.reopen()

    def reopen(self, *, wanted: Wanted | None = None, **settings: Any) -> SalesforceConnector:
        """Another connector, as after a restart; ``settings`` replace the usual ones, None takes one away."""
        options = self.model.org.options
        usual = {
            "auth": "client_credentials",
            "login_url": self.running.url,
            "consumer_key": options.consumer_key,
            "consumer_secret": options.consumer_secret,
        }
        given = {key: value for key, value in {**usual, **settings}.items() if value is not None}
        parsed = KIND.settings.model_validate(given)
        governor = KIND.governor(parsed, self.clock)
        opened = KIND.open(parsed, wanted or self._wanted, governor=governor, clock=self.clock, memory=self.memory)
        if not isinstance(opened, SalesforceConnector):
            raise TypeError("KIND opened something else")
        self.governor = governor
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        """Close every connector that was opened."""
        for connector in self._opened:
            connector.close()

    # ---- people

    def add(self, values: Values, *, kind: str = "") -> str:
        return self.model.add(kind or self._wanted.object, _json(values))

    def edit(self, record_id: str, values: Values) -> None:
        self.control("edit", {"id": record_id, "values": _json(values), "type": self._wanted.object})

    def delete(self, record_id: str) -> None:
        self.control("delete", {"id": record_id, "type": self._wanted.object})

    def restore(self, record_id: str) -> None:
        self.control("restore", {"id": record_id})

    def purge(self, record_id: str) -> None:
        self.control("purge", {"id": record_id})

    def merge(self, primary: str, *others: str) -> str:
        """The id of the merged record."""
        asked = {"primary": primary, "others": list(others), "type": self._wanted.object}
        return str(self.control("merge", asked)["id"])

    def convert(self, lead_id: str, contact_id: str = "") -> Mapping[str, str]:
        """Ids of what the lead became: contact, account, opportunity."""
        found: Mapping[str, str] = self.control("convert", {"id": lead_id, "contact_id": contact_id})
        return found

    def bump(self, *ids: str) -> None:
        """Stamp records without changing them."""
        self.control("bump", {"ids": list(ids), "type": self._wanted.object})

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def stored(self, record_id: str, *, kind: str = "") -> Mapping[str, Any]:
        """The set fields of a record as the vendor has them, committed or not, live or deleted."""
        obj = self.model.org.schema.get(kind or self._wanted.object)
        row = self.model.org.table(obj).rows.get(full(record_id))
        if row is None:
            raise KeyError(record_id)
        return {name: value for name, value in row.values.items() if value is not None}

    def _is_there(self, record_id: str) -> bool:
        try:
            return full(record_id) in self.model.org.table(self.model.org.schema.get(self._wanted.object)).rows
        except ValueError:
            return False

    def options(self, **switches: Any) -> None:
        """Turn switches of the model."""
        self.model.set_options(Options.model_validate({**self.model.org.options.model_dump(), **switches}))

    def control(self, name: str, body: dict[str, Any]) -> Any:
        """What a control path answers."""
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
        """Requests since the last call, by "METHOD /path" without version and ids."""
        counted = dict(self.running.harness.stats.requests)
        self.running.harness.stats.requests.clear()
        return counted

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
        """One planned write to Salesforce. ``before``: what it replaces; None: what is there now."""
        self._serial += 1
        if before is None:
            before = self.stored(target) if self._is_there(target) else {}
        changes = tuple(
            Change(field=name, before=before.get(name), after=value, rule=name, by="test", reason="test")
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

    def __init__(self, model: Salesforce, clock: ManualClock, running: Running) -> None:
        self._model = model
        self._clock = clock
        self._running = running

    @contextmanager
    def bench(self, *, wanted: Wanted = CONTACTS, **options: Any) -> Iterator[Bench]:
        """An empty org with these switches, and a connector to it."""
        self._clock.advance(3600)  # nothing of the test before is recent
        fresh = Salesforce(self._clock, options=Options.model_validate(options))
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
    """A served org."""
    clock = ManualClock()
    model = Salesforce(clock)
    with serve(model) as running:
        yield Stand(model, clock, running)


def _json(values: Values) -> dict[str, Any]:
    return {name: ";".join(map(str, value)) if isinstance(value, tuple) else value for name, value in values.items()}
