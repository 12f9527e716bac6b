"""Who is meant by what in the answer to a batch of writes. Pure: items and an answer in, a verdict for each
item out.

Results come in no order, with or without trace ids; errors name a trace id, an id or nobody; a batch can also
be rejected whole (section 4). Only the trace id, the id and our own unique property say whose result it is;
never an e-mail, which HubSpot rewrites.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.hubspot.faults import ItemFault, Refused, ids_of, item_fault
from syncd.core.model import Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record of a batch. Its trace id is the intent's id, which is unique."""

    intent: Intent
    properties: Mapping[str, str]
    key: str  #: the input's ``id``: the record's id, or the value of the id property; "" for a plain create
    key_property: str = ""  #: the id property when ``key`` is its value
    refused: Mapping[str, str] = field(default_factory=dict)  #: properties left out since HubSpot refused them

    @property
    def trace(self) -> str:
        return self.intent.id

    def wire(self) -> dict[str, Any]:
        """The input of create, update and upsert."""
        body: dict[str, Any] = {"properties": dict(self.properties), "objectWriteTraceId": self.trace}
        if self.key:
            body["id"] = self.key
        if self.key_property:
            body["idProperty"] = self.key_property
        return body

    def without(self, names: Mapping[str, str]) -> Item:
        """The same without properties that were refused: name → HubSpot's words."""
        kept = {name: value for name, value in self.properties.items() if name not in names}
        return replace(self, properties=kept, refused={**self.refused, **names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What an answer says, by trace id. An item in neither part was not spoken of."""

    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: Mapping[str, ItemFault] = field(default_factory=dict)


def judge(items: Sequence[Item], data: Mapping[str, Any]) -> Verdicts:
    """Given a success, also a partial one, return whose results and errors are in it."""
    results = {
        item.trace: row
        for row in data.get("results") or ()
        if isinstance(row, dict) and (item := _owner(row, items)) is not None
    }
    faults: dict[str, ItemFault] = {}
    nobodys: list[ItemFault] = []
    for error in data.get("errors") or ():
        if not isinstance(error, dict):
            continue
        named = _named(error, items)
        faults |= {item.trace: item_fault(error) for item in named if item.trace not in results}
        if not named:
            nobodys.append(item_fault(error))
    silent = [item for item in items if item.trace not in results and item.trace not in faults]
    if len(silent) == 1 and len(nobodys) == 1:
        faults[silent[0].trace] = nobodys[0]
    return Verdicts(results=results, faults=faults)


def judge_refusal(items: Sequence[Item], refused: Refused) -> Verdicts:
    """Given the refusal of a whole batch, of which nothing was written, return who is to blame; nobody when
    it cannot be told.

    All bad fields of all inputs are reported at once. A field that is wrong whatever its value is taken from
    every input that carries it; one with a bad value only when a single input carries it.
    """
    # The status says that nothing was written and why, also where the body has no category.
    fault = replace(item_fault(refused.body), final=True)
    if len(items) == 1:
        return Verdicts(faults={items[0].trace: fault})
    named = _named(refused.body, items)
    if named:
        return Verdicts(faults={item.trace: fault for item in named})
    blamed: dict[str, dict[str, str]] = {}
    for name, words in fault.fields.items():
        carriers = [item for item in items if name in item.properties]
        if not fault.for_all and len(carriers) > 1:
            return Verdicts()
        for item in carriers:
            blamed.setdefault(item.trace, {})[name] = words
    return Verdicts(faults={trace: replace(fault, fields=fields) for trace, fields in blamed.items()})


def _owner(row: Mapping[str, Any], items: Sequence[Item]) -> Item | None:
    trace, own_id = str(row.get("objectWriteTraceId") or ""), str(row.get("id") or "")
    shown = row.get("properties")
    shown = shown if isinstance(shown, dict) else {}
    for item in items:
        if trace:
            if trace == item.trace:
                return item
        elif item.key_property:
            if str(shown.get(item.key_property) or "") == item.key:
                return item
        elif item.key and item.key == own_id:
            return item
    return None


def _named(error: Mapping[str, Any], items: Sequence[Item]) -> list[Item]:
    traces = set(ids_of(error, "objectWriteTraceId"))
    if traces:
        return [item for item in items if item.trace in traces]
    ids = set(ids_of(error, "ids")) | set(ids_of(error, "id"))
    return [item for item in items if item.key and item.key in ids]
