"""What the account's contacts look like: properties and lifecycle stages, asked for once an hour at most.
Writes one property: the link.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from connectors.hubspot.codec import LIFECYCLE, field_spec, stages_of
from connectors.hubspot.faults import Refused, not_understood
from connectors.hubspot.transport import PIPELINES, PROPERTIES, Ask, Transport
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Stage
from syncd.errors import CredentialsRefused
from syncd.net.governor import Priority

_FRESH_SECONDS = 3600.0


class Schema:
    """Keeps the last answer for an hour; ``forget`` drops it when a write shows that it is old."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        known_fields: Sequence[FieldSpec] = (),
        known_stages: Sequence[Stage] = (),
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.monotonic()
        self._fields: tuple[float, Mapping[str, FieldSpec]] | None = None
        self._stages: tuple[float, tuple[Stage, ...]] | None = None
        if known_fields:
            self._fields = (now, {spec.name: spec for spec in known_fields})
        if known_stages:
            self._stages = (now, tuple(known_stages))

    def fields(self) -> Mapping[str, FieldSpec]:
        """Every contact property by name. Raises a ConnectionStop."""
        with self._lock:
            now = self._clock.monotonic()
            if self._fields is None or now - self._fields[0] > _FRESH_SECONDS:
                self._fields = (now, self._read_fields())
            return self._fields[1]

    def stages(self, field: str) -> tuple[Stage, ...]:
        """The stages of a property in order: the lifecycle pipeline, else the property's own options."""
        if field == LIFECYCLE and (found := self._lifecycle()):
            return found
        spec = self.fields().get(field)
        return tuple(Stage(id=one.value, label=one.label) for one in spec.options) if spec else ()

    def forget(self) -> None:
        """Ask again next time: options and stages are edited by people at any time."""
        with self._lock:
            self._fields = None
            self._stages = None

    def make_link_property(self, name: str) -> None:
        """Create the unique property that carries the SalesPulse id (section 9); one that exists already is
        left alone.

        Raises CredentialsRefused without the scope for it, and Refused.
        """
        body = {
            "name": name,
            "label": "SalesPulse ID",
            "type": "string",
            "fieldType": "text",
            "groupName": "contactinformation",
            "hasUniqueValue": True,
            "formField": False,
        }
        ask = Ask(method="POST", path=PROPERTIES, kind="properties", priority=Priority.LIVE, body=body)
        try:
            self._transport.write(ask, safe=True)
        except Refused as refused:
            if refused.status != 409:
                raise
        finally:
            self.forget()

    def _lifecycle(self) -> tuple[Stage, ...]:
        with self._lock:
            now = self._clock.monotonic()
            if self._stages is None or now - self._stages[0] > _FRESH_SECONDS:
                self._stages = (now, self._read_lifecycle())
            return self._stages[1]

    def _read_fields(self) -> Mapping[str, FieldSpec]:
        ask = Ask(method="GET", path=PROPERTIES, kind="properties", priority=Priority.PULL)
        try:
            rows = self._transport.read(ask).data["results"]
            return {spec.name: spec for spec in map(field_spec, rows)}
        except (Refused, KeyError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None

    def _read_lifecycle(self) -> tuple[Stage, ...]:
        ask = Ask(method="GET", path=PIPELINES, kind="pipelines", priority=Priority.PULL)
        try:
            return stages_of(self._transport.read(ask).data["results"])
        except (Refused, CredentialsRefused):
            return ()  # this token or account has no such pipeline; the property's options do as well
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None
