"""What the org's object looks like: describe and lead statuses, asked for once an hour at most. Writes nothing.

Field-level security takes a field out of describe altogether (section 5.1), so what is not there cannot be read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.salesforce.codec import LEAD, PERSON, field_spec
from connectors.salesforce.faults import Next, Refused, not_understood
from connectors.salesforce.transport import Ask, Transport
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Stage
from syncd.errors import CredentialsRefused
from syncd.net.governor import Priority

_FRESH_SECONDS = 3600.0
_STATUSES = "SELECT ApiName,MasterLabel,SortOrder,IsConverted FROM LeadStatus ORDER BY SortOrder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One answer of describe: the fields, and what these credentials may do with records at all."""

    fields: Mapping[str, FieldSpec]
    items: Mapping[str, Mapping[str, Any]]  #: the same in Salesforce's words
    queryable: bool
    createable: bool
    updateable: bool
    deletable: bool
    replicateable: bool  #: deletes can be asked for (section 3.3)


class Schema:
    """Keeps the last answer for an hour; ``forget`` drops it when an answer shows that it is old."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        object: str,  # noqa: A002  the port's word for it
        known_fields: Sequence[FieldSpec] = (),
        known_stages: Sequence[Stage] = (),
    ) -> None:
        self.object = object
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.monotonic()
        self._described: tuple[float, Description] | None = None
        self._known: tuple[float, Mapping[str, FieldSpec]] | None = None
        self._statuses: tuple[float, tuple[Stage, ...]] | None = None
        if known_fields:
            self._known = (now, {spec.name: spec for spec in known_fields})
        if known_stages and object == LEAD:
            self._statuses = (now, tuple(known_stages))

    def fields(self) -> Mapping[str, FieldSpec]:
        """Every field that these credentials see, by name. Raises a ConnectionStop."""
        with self._lock:
            if self._known is None or self._is_old(self._known[0]):
                self._known = (self._clock.monotonic(), self._describe().fields)
            return self._known[1]

    def description(self) -> Description:
        """The whole answer; what was known from before does not hold it. Raises a ConnectionStop."""
        with self._lock:
            return self._describe()

    @property
    def person_accounts(self) -> bool:
        """Whether the org has person accounts: only then the field exists (section 5.3). Raises a ConnectionStop."""
        return PERSON in self.fields()

    def selectable(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that can be read now. Raises a ConnectionStop."""
        known = self.fields()
        return tuple(name for name in dict.fromkeys(names) if name in known and known[name].readable)

    def stages(self, field: str) -> tuple[Stage, ...]:
        """The stages of a field in order: the lead statuses, else the picklist's values. A status that marks a
        conversion is no stage: only converting a lead leads there (section 5.2).
        """
        if self.object == LEAD and field == "Status":
            with self._lock:
                if self._statuses is None or self._is_old(self._statuses[0]):
                    self._statuses = (self._clock.monotonic(), self._read_statuses())
                return self._statuses[1]
        spec = self.fields().get(field)
        return tuple(Stage(id=one.value, label=one.label) for one in spec.options) if spec else ()

    def forget(self) -> None:
        """Ask again next time: rights and picklists are edited by people at any time."""
        with self._lock:
            self._known = None
            self._described = None
            self._statuses = None

    def _is_old(self, at: float) -> bool:
        return self._clock.monotonic() - at > _FRESH_SECONDS

    def _describe(self) -> Description:
        if self._described is None or self._is_old(self._described[0]):
            self._described = (self._clock.monotonic(), self._read())
        return self._described[1]

    def _read(self) -> Description:
        path = f"sobjects/{self.object}/describe"
        ask = Ask(method="GET", path=path, kind="describe", priority=Priority.PULL)
        try:
            data = self._transport.read(ask).data
            items = {str(item["name"]): item for item in data["fields"]}
            return Description(
                fields={name: field_spec(item) for name, item in items.items()},
                items=items,
                queryable=bool(data.get("queryable", True)),
                createable=bool(data.get("createable", True)),
                updateable=bool(data.get("updateable", True)),
                deletable=bool(data.get("deletable", True)),
                replicateable=bool(data.get("replicateable", True)),
            )
        except Refused as refused:
            if refused.next is Next.GONE:
                raise CredentialsRefused(
                    f"Salesforce shows no object {self.object} to these credentials; give their user permission to "
                    f"read {self.object} records (permission set, Object Settings)"
                ) from None
            raise not_understood(ask.where, refused) from None
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(ask.where, error) from None

    def _read_statuses(self) -> tuple[Stage, ...]:
        where = "the lead statuses on Salesforce"
        try:
            rows = self._transport.query(_STATUSES, kind="query").data["records"]
            return tuple(
                Stage(id=str(row["ApiName"]), label=str(row.get("MasterLabel") or row["ApiName"]))
                for row in rows
                if not row.get("IsConverted")
            )
        except (Refused, KeyError, TypeError, ValueError) as error:
            raise not_understood(where, error) from None
