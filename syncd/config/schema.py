"""The whole of config.toml as pydantic models: keys, types, defaults and what each is for.

One source for three things: validation, ``config.example.toml`` and the test that the documentation names
every key. What needs more than one key to judge (two connections on one account, say) is in ``connections``.
A connector's own settings are its own model and not here.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    SecretStr,
    Strict,
)

from syncd.config.notation import (
    Duration,
    Interval,
    Listen,
    OptionalUrl,
    RateLimit,
    ServiceUrl,
    host_and_port,
)
from syncd.core.mapping import CreateIn, Deletes, Direction, Rule
from syncd.net.rate import parse_duration, parse_rate

#: Marks a secret that may stand in the file without a warning.
QUIET: dict[str, JsonValue] = {"quiet": True}


class Section(BaseModel):
    """What all tables have in common: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _page_size(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000):
        return value
    raise ValueError('must be "auto" or a number from 1 to 1000; write page_size = "auto"')


def _region(value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        raise ValueError('is no region of the phone world; write two capital letters, such as "US"')
    return value


def _field_name(value: str) -> str:
    if value and (value != value.strip() or re.search(r"[\x00-\x1f]", value)):
        raise ValueError('is no field name; write the name alone, or "" for none')
    return value


def _rules(value: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if not value:
        raise ValueError('is empty; write ["hold"] to have a person decide each time')
    if len(set(value)) < len(value):
        raise ValueError("names a rule twice; write each rule once, in the order in which they are asked")
    return value


def _no_fill(value: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if Rule.FILL in value:
        raise ValueError('has "fill", which only means something in first_sync; leave it out here')
    return value


#: Conflict rules as a file gives them, at any level.
Rules = Annotated[tuple[Rule, ...], AfterValidator(_rules), AfterValidator(_no_fill)]
FirstRules = Annotated[tuple[Rule, ...], AfterValidator(_rules)]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Percent = Annotated[float, Strict(), Field(ge=0, le=100)]
Share = Annotated[float, Strict(), Field(gt=0, le=1)]
FieldName = Annotated[str, AfterValidator(_field_name)]
PageSize = Annotated[int | Literal["auto"], PlainValidator(_page_size)]


class StageMethod(StrEnum):
    PATCH = "PATCH"
    PUT = "PUT"
    POST = "POST"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class StateSection(Section):
    """Where syncd remembers what each side showed and what both agreed on."""

    url: str = Field(
        "sqlite:///state.db",
        description="the state file: sqlite:///PATH relative to this file, sqlite:////PATH absolute",
    )
    keep: Interval = Field(
        parse_duration("180d"),
        description="how long the ledger and the runs are kept; undo reaches back as far",
    )


class SalesPulseSection(Section):
    """The SalesPulse account, the hub of every connection."""

    base_url: ServiceUrl = Field(
        "https://salespulse.app/api/v1",
        description="address of the API; plain http only for loopback addresses",
    )
    api_key: SecretStr = Field(
        description="Settings → API Keys in SalesPulse", examples=[{"env": "SALESPULSE_API_KEY"}]
    )
    rate: RateLimit = Field(
        parse_rate("100/minute"),
        description="the account's limit for all requests: COUNT/PERIOD, such as 100/minute, 190/10s, 5/s",
    )
    bulk_rate: RateLimit = Field(parse_rate("10/minute"), description="the account's limit for bulk creates")
    share: Share = Field(0.9, description="the part of every rate of the account that syncd may use, above 0 to 1")
    page_size: PageSize = Field(
        "auto",
        description=("contacts a page, 1 to 1000; auto asks for 1,000 and learns what the server gives or allows"),
    )
    sweep_every: Interval = Field(
        parse_duration("6h"), description="how often to list everything, for what no webhook told"
    )
    max_age: Duration = Field(
        parse_duration("1m"),
        description='look at a contact again before writing to it if the last look is older; "0s": always',
    )
    token_field: FieldName = Field(
        "", description="a custom field that may carry the CRM id: makes creates provable; none by default"
    )
    stage_method: StageMethod = Field(
        StageMethod.PATCH, description="HTTP method of /contacts/:id/stage: PATCH, PUT or POST"
    )
    timeout: Interval = Field(parse_duration("30s"), description="how long to wait for an answer")
    region: Annotated[str, AfterValidator(_region)] = Field(
        "US", description="for phone numbers without a country code"
    )


class ServerSection(Section):
    """Webhooks, console, health and metrics of the daemon. Leave the whole table out to have none."""

    listen: Listen = Field("127.0.0.1:8710", description="HOST:PORT to listen on")
    public_url: OptionalUrl = Field(
        "",
        description="how the vendors reach this server; HubSpot's webhook signatures need it",
        examples=["https://sync.example.com"],
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="SalesPulse posts to /webhooks/salespulse/<secret>; without it that door is shut",
        examples=[{"env": "SYNCD_WEBHOOK_SECRET"}],
    )
    console_password: SecretStr | None = Field(
        None,
        description="password of the console at /; without it there is no console",
        examples=[{"env": "SYNCD_CONSOLE_PASSWORD"}],
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return host_and_port(self.listen)


class NotifySection(Section):
    """One POST when a connection stops, a brake trips or new holds appear; at most one an hour a cause."""

    url: SecretStr = Field(
        SecretStr(""),
        description=('where to POST; "" for nowhere; may be { env = "…" } where the address itself is a secret'),
        json_schema_extra=QUIET,
    )


class LogSection(Section):
    """What syncd writes to standard output about itself. Never secrets; field values only at debug."""

    level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error")
    format: LogFormat = Field(LogFormat.AUTO, description="auto: console on a terminal, json elsewhere; console; json")


class BrakesSection(Section):
    """Limits that stop a connection before its first write.

    A percentage counts only when more than 50 deletes or changes are due; a side that is suddenly empty while
    the other is not always stops.
    """

    max_deletes: Count = Field(25, description="in any 24 hours, all passes together")
    max_deletes_percent: Percent = Field(2, description="of the linked pairs, in any 24 hours")
    max_creates: Count = Field(1000, description="in any 24 hours, once the first full run is done")
    max_changes_percent: Percent = Field(
        40, description="of the linked pairs, in any 24 hours, once the first full run is done"
    )


class ConnectionSection(Section):
    """One CRM account and object that SalesPulse is kept in step with.

    Any name; several of one kind are fine.
    """

    connector: str = Field(description="which kind of CRM", examples=["hubspot"])
    mapping: str = Field(
        description="a name from mappings/, or a path (ending in .toml) relative to this file",
        examples=["hubspot-contacts"],
    )
    enabled: Flag = Field(True, description="false: left alone; its links are kept")
    every: Interval = Field(parse_duration("2m"), description="how often to ask this CRM what changed")
    scan_every: Interval = Field(
        parse_duration("24h"),
        description="list this CRM completely: deletes, formula fields, whatever the feed missed",
    )
    direction: Direction = Field(Direction.BOTH, description="both, to_crm or to_salespulse")
    create: CreateIn = Field(
        CreateIn.BOTH, description="where unmatched records may be created: both, crm, salespulse or none"
    )
    conflict: Rules = Field(
        (Rule.NEWEST, Rule.HOLD),
        description="the first rule that decides: newest, salespulse, crm, advance, union, hold",
    )
    first_sync: FirstRules = Field(
        (Rule.FILL, Rule.NEWEST, Rule.HOLD),
        description="the same for a pair that never agreed; fill takes the side that is not blank",
    )
    deletes: Deletes = Field(
        Deletes.UNLINK,
        description=("what happens to the other half: unlink, archive or delete (SalesPulse cannot archive: unlink)"),
    )
    max_age: Duration = Field(
        parse_duration("1m"),
        description="look at a CRM record again before writing to it if the last look is older",
    )
    brakes: BrakesSection = Field(
        BrakesSection(), description="limits that stop this connection before its first write"
    )
    settings: dict[str, Any] = Field({}, description="the connector's own, checked by the connector")


class ConfigFile(Section):
    """The file as a whole."""

    state: StateSection = Field(StateSection(), description=StateSection.__doc__)
    salespulse: SalesPulseSection = Field(description=SalesPulseSection.__doc__)
    server: ServerSection | None = Field(None, description=ServerSection.__doc__)
    notify: NotifySection = Field(NotifySection(), description=NotifySection.__doc__)
    log: LogSection = Field(LogSection(), description=LogSection.__doc__)
    connections: dict[str, ConnectionSection] = Field(description=ConnectionSection.__doc__)
