"""The mapping file as pydantic models: keys, types and what each is for.

What the tables mean together is ``mappings``'s work.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.schema import FirstRules, Rules, Section
from syncd.core.mapping import Direction, Kind, Unmapped


def _name(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("is no field name; write the name that the side itself uses")
    return value


def _table(value: dict[str, str]) -> dict[str, str]:
    if not value:
        raise ValueError('is empty; leave it out, or give it rows: { term_life = "Term Life" }')
    if any(not left.strip() or not right.strip() for left, right in value.items()):
        raise ValueError("has a blank in a row; a blank needs no row, it is carried as a blank")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    if value == []:
        raise ValueError("is empty, so no record would take part; give it values, or leave it out")
    return value


Name = Annotated[str, AfterValidator(_name)]
ValueTable = Annotated[dict[str, str], AfterValidator(_table)]
Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Key = Literal["email", "phone"]


class MatchSection(Section):
    """By what a person is recognised on the other side."""

    keys: tuple[Key, ...] = Field(
        ("email", "phone"),
        description="email and phone in the order in which they are tried, after the id property",
    )


class ScopeSection(Section):
    """Which records take part. Left out: all. A record that leaves the scope is frozen, never deleted."""

    salespulse: dict[str, Listed] = Field(
        {}, description="SalesPulse field and the values that take part; several fields must all fit"
    )
    crm: Any = Field(None, description="the connector's own filter language")


class CreateSection(Section):
    """Values for new records that would have none. They count as blank and are never copied back."""

    crm: dict[str, Any] = Field({}, description="CRM field and value")
    salespulse: dict[str, Any] = Field({}, description="SalesPulse field and value")


class FieldEntry(Section):
    """One field on both sides."""

    salespulse: Name = Field(description="the field's name in SalesPulse")
    crm: Name = Field(description="the field's name in the CRM")
    as_: Kind | None = Field(
        None,
        alias="as",
        description=(
            "how values are understood: text email phone us_state name integer decimal boolean "
            "date datetime choice multichoice"
        ),
    )
    values: ValueTable | None = Field(
        None,
        description="SalesPulse value = CRM value; one to one, unless the field is one-way; implies choice",
    )
    direction: Direction | None = Field(None, description="narrows the connection's: to_crm or to_salespulse")
    conflict: Rules | None = Field(None, description="overrides the connection's")
    first_sync: FirstRules | None = Field(None, description="overrides the connection's")
    blank: Literal["copy", "keep"] = Field(
        "copy",
        description=("copy: clearing a field clears it there too; keep: a blank never overwrites and is filled again"),
    )
    unmapped: Unmapped = Field(
        Unmapped.HOLD, description="a value that the table or the CRM does not know: hold or ignore"
    )


class StageSection(Section):
    """The pipeline stage and the record's field that shows it."""

    field: Name = Field(description="the record's field in the CRM that bears the stage")
    values: ValueTable = Field(
        description="SalesPulse stage (name or id) = CRM stage; many to one is fine; in their order"
    )
    direction: Direction | None = Field(None, description="narrows the connection's")
    conflict: Rules | None = Field(None, description="overrides the connection's; advance: the later row of the table")
    first_sync: FirstRules | None = Field(None, description="overrides the connection's")
    unmapped: Unmapped = Field(
        Unmapped.IGNORE,
        description="a CRM stage outside the table: ignore leaves it alone, hold asks a person",
    )


class MappingFile(Section):
    """The file as a whole."""

    connector: str = Field(description="the connector that this is for", examples=["hubspot"])
    object: str = Field(description="what is mapped in the CRM", examples=["contacts"])
    match: MatchSection = Field(MatchSection(), description=MatchSection.__doc__)
    scope: ScopeSection = Field(ScopeSection(), description=ScopeSection.__doc__)
    create: CreateSection = Field(CreateSection(), description=CreateSection.__doc__)
    fields: tuple[FieldEntry, ...] = Field((), description=FieldEntry.__doc__)
    stage: StageSection | None = Field(None, description=StageSection.__doc__)
