"""A plan as people read it: what would be written where, field by field, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

#: What the sides are called in a plan; the CRM by its connection's name.
SALESPULSE = "SalesPulse"
#: A value is cut here on the screen, never in the JSON.
WIDTH = 60


def plan_text(document: dict[str, Any]) -> str:
    """Given a plan document, return its text."""
    lines: list[str] = []
    for name, plan in document["connections"].items():
        lines += [name, *_lines(name, plan), ""]
    lines.append(f"plan {document['fingerprint'][:12]}; nothing was changed anywhere")
    return "\n".join(lines)


def _lines(name: str, plan: dict[str, Any]) -> list[str]:
    text: list[str] = []
    for line in plan["lines"]:
        if line["op"] == "stamp":
            continue
        side = SALESPULSE if line["side"] == "salespulse" else name
        text.append(f"  {_title(name, side, line)}")
        text += [_change(change, line["op"]) for change in line["changes"]] if line["op"] != "remove" else []
    counts = Counter((line["op"], line["side"]) for line in plan["lines"])
    words = {"create": "create", "update": "update", "stamp": "set the id property of", "remove": "remove"}
    for (op, where), count in sorted(counts.items()):
        text.append(f"  would {words[op]} {count} in {SALESPULSE if where == 'salespulse' else name}")
    text.append(f"  {plan['linked']} newly linked, {plan['unchanged']} unchanged, {len(plan['holds'])} held")
    text += [f"  held {hold['id']}  {hold['message']}" for hold in plan["holds"]]
    text += [f"  STOPS   {trip['message']}" for trip in plan["brakes"]]
    if plan["stopped"]:
        text.append(f"  STOPPED {plan['stopped']}")
    return text


def _title(name: str, side: str, line: dict[str, Any]) -> str:
    match line["op"]:
        case "create":
            origin = line["crm_id"] if line["side"] == "salespulse" else line["salespulse_id"]
            return f"+ create in {side}, for {origin}"
        case "remove":
            return f"- remove from {side}: {line['salespulse_id']} ↔ {line['crm_id']}   {line['reason']}"
        case _:
            return f"~ {line['salespulse_id']} ↔ {name} {line['crm_id']}"


def _change(change: dict[str, Any], op: str) -> str:
    after = _shown(change["after"])
    if op == "create":
        return f"      {change['field']}: {after}"
    lost = "   (replaces what a person typed)" if change["lost"] else ""
    return f"      {change['field']}: {_shown(change['before'])} → {after}   {change['reason']}{lost}"


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "∅"
    text = ", ".join(value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
