"""What a connector implements. SalesPulse implements it too, so that the pass loops over two sides that look alike.

A connector turns vendor requests into Records and Receipts and vendor faults into ``syncd.errors``. It decides
nothing about merging, keeps no state between calls beyond its connection and what ``Memory`` holds, and may be called
from several threads at once. It may import ``syncd.core``, ``syncd.errors``, ``syncd.clock`` and ``syncd.net``, and no
other part of syncd. ``syncd.testing.contract`` is the suite that every connector passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import BaseModel

from syncd.clock import Clock
from syncd.core.model import FieldSpec, Gone, Intent, Op, Receipt, Record, Stage, Values
from syncd.errors import Problem
from syncd.net.governor import Governor, Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose data the credentials open. ``id`` is remembered and compared; "" where the side has no such thing."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """How a very large number of writes of one operation goes out: when more than ``above`` wait, in batches of up to
    ``batch``, one at a time.
    """

    above: int
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the side can do; the pass plans its requests by it."""

    changes: bool = True  #: has a feed of changes since a cursor
    feed_lags: bool = True  #: the feed's rows may be older than the records: one that differs is fetched
    field_times: bool = False  #: can tell when single fields changed
    identity: str | None = None
    #: field that exists, is unique, and carries the other half's id; None: creates are looked up
    fetch_batch: int = 100  #: records a single fetch request
    page_size: int = 100  #: records a scan page
    batch: Mapping[Op, int] = field(default_factory=dict)  #: intents in one call, by operation
    waves: Mapping[Op, Wave] = field(default_factory=dict)  #: operations that have a way of their own for very many
    archives: bool = True  #: REMOVE with archive=True is possible
    guarded: bool = False  #: an update is compared with what it replaces right before it is written
    late: timedelta = timedelta(0)  #: how long after its request a write without an answer may still turn up
    requests_per_create: float = 1.0  #: by batch; the pass uses it to say what a plan costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of a listing or of the feed of changes."""

    records: tuple[Record, ...]
    looked_at: datetime  #: when its request was sent, syncd's clock
    cursor: str | None  #: where to go on; for scan None when this was the last page; for changes never None
    complete: bool  #: nothing more follows now
    gone: tuple[Gone, ...] = ()
    total: int | None = None  #: how many there are in all, where the side says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Answer to a fetch by ids. An id in neither part could not be told (no permission, say) and proves nothing.

    ``records`` is keyed by the id that was asked for; a record whose own ``id`` differs has absorbed the asked one (a
    merge).
    """

    records: Mapping[str, Record]
    gone: Mapping[str, Gone]
    looked_at: datetime


class Memory(Protocol):
    """What a connector learned of its server and wants to know after a restart. Small strings; never field
    values or secrets.
    """

    def get(self, key: str) -> str | None: ...

    def set(self, key: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one opened side is for."""

    object: str  #: "contacts", "Contact", "Lead"
    fields: tuple[str, ...]  #: the side's own names; everything else may be left unread
    key_fields: Mapping[str, str] = field(default_factory=dict)  #: "email"/"phone" → the side's field
    stage_field: str = ""  #: "" when no stage is mapped
    scope: Any = None  #: the mapping's ``[scope] crm``
    known_fields: tuple[FieldSpec, ...] = ()  #: what describe() said lately; (): ask again
    known_stages: tuple[Stage, ...] = ()  #: what stages() said lately; (): ask again


class Connector(Protocol):
    """One side, opened for one connection. Every method may raise a ConnectionStop.

    Reading methods wait for the budget, retry transient faults themselves and return or stop. Writing methods send
    **one** batch: at most ``capabilities().batch[op]`` intents of one operation (of a wave, its own ``batch``), no
    record twice. They retry only what is safe to repeat; they raise BatchRefused when nothing was written and no item
    is named, AnswerLost when it may have been applied and nothing is known of any item. Otherwise they return one
    Receipt for every intent, in any order.
    """

    @property
    def label(self) -> str:
        """The name that people read: "HubSpot"."""

    def account(self) -> Account: ...

    def capabilities(self) -> Capabilities: ...

    def notices(self) -> tuple[str, ...]:
        """Sentences for the administrator about what was left out so far, such as records that cannot take part."""

    def recover(self) -> None:
        """Bring to an end what an earlier process left under way, such as an open bulk job. Called before writes in
        doubt are looked up, and never in a dry run.
        """

    def describe(self) -> tuple[FieldSpec, ...]:
        """Every field that could be mapped, also ones that are not. Empty: the side does not describe itself."""

    def stages(self) -> tuple[Stage, ...]:
        """Stages of ``Wanted.stage_field`` in their order; empty when none is mapped."""

    def scan(self, cursor: str | None) -> Page:
        """A page of everything, from the start (None) or from where a page's cursor says, also after a restart."""

    def feed_start(self) -> str:
        """A cursor at this moment by the side's own clock: changes() from it shows all that changes from now on."""

    def changes(self, cursor: str) -> Page:
        """A page of what changed since the cursor. Repeats are allowed, gaps are not. The last page's cursor is
        for the next pass.
        """

    def fetch(self, ids: Sequence[str]) -> Fetched:
        """Looks that are consistent with all writes answered before; any number of ids."""

    def find(self, keys: Mapping[str, Sequence[str]]) -> tuple[Record, ...]:
        """Records that carry any of the values: key ("email", "phone", or "identity" for the other half's id) →
        values.
        """

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:
        """id → field → when its present value was set. Fields without a known time are missing. Empty when not
        capable.
        """

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]: ...

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        """For Op.UPDATE and Op.STAMP."""

    def remove(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of ``check --online``."""

    problem: Problem
    fix: str = ""  #: what ``--fix`` would do about it; "" when only a person can


class ConnectorKind(Protocol):
    """What an entry point of the group ``syncd.connectors`` names: one object a vendor, without any connection."""

    @property
    def name(self) -> str:
        """The word used in config: "hubspot"."""

    @property
    def label(self) -> str: ...

    @property
    def settings(self) -> type[BaseModel]:
        """Model of ``[connections.NAME.settings]``: unknown keys forbidden, secrets as SecretStr (resolved
        before validation).
        """

    @property
    def objects(self) -> tuple[str, ...]: ...

    def scope_problem(self, scope: object) -> str:
        """ "" when ``[scope] crm`` is understood, else what is wrong with it."""

    def identity(self, settings: Any) -> str:
        """Name of the configured id property, "" for none."""

    def budget_key(self, settings: Any) -> str:
        """The same for connections that draw on one vendor account. Never the credential itself."""

    def governor(self, settings: Any, clock: Clock, *, spent: Mapping[str, Spent] | None = None) -> Governor:
        """``spent``: pool → what earlier processes sent within the last day, and the limit that they were told."""

    def open(self, settings: Any, wanted: Wanted, *, governor: Governor, clock: Clock, memory: Memory) -> Connector:
        """Sends nothing yet."""

    def check(self, connector: Connector, *, fix: bool) -> tuple[Finding, ...]:
        """Online findings of this vendor's own: permissions, limits, id property. With ``fix``, mend what can
        be mended.
        """


def wire(values: Values) -> dict[str, Any]:
    """Given values, return them as plain JSON types (tuples become lists)."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
