"""Turns results into text. The same data goes into --json and into what people read."""

from __future__ import annotations

from typing import Any

import orjson

LABELS = {"salespulse": "SalesPulse"}


def as_json_text(data: object) -> str:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode()


def run_text(summary: dict[str, Any]) -> str:
    """The one summary that ends a run."""
    lines = []
    for name, figures in summary["connections"].items():
        lines.append(f"{name}")
        lines += _connection(figures)
    lines.append("requests")
    for source, spent in summary["requests"].items():
        kinds = ", ".join(f"{count} {kind}" for kind, count in spent["by_kind"].items())
        lines.append(f"  {source:<12} {spent['total']:>6}" + (f"   ({kinds})" if kinds else ""))
        if spent["refused"]:
            lines.append(f'  {"":<12} {spent["refused"]:>6} answered "too many requests"')
    lines.append(f"run {summary['run']} took {summary['seconds']:.1f} s")
    return "\n".join(lines)


def _connection(figures: dict[str, Any]) -> list[str]:
    if figures["first_sync_missing"]:
        return ["  has never been synced: `syncd plan --full` shows the first sync, `syncd run --full` makes it"]
    lines = []
    for word in ("pulled", "created", "updated", "stamped", "deleted"):
        by_side = figures[word]
        if sum(by_side.values()) or word in ("pulled", "created", "updated"):
            parts = "   ".join(
                f"{'in' if word != 'pulled' else 'from'} {_label(side)} {count}" for side, count in by_side.items()
            )
            lines.append(f"  {word:<10} {parts}")
    words = ("linked", "unlinked", "unchanged", "unmapped", "held", "failed")
    always = ("linked", "unchanged", "held", "failed")
    lines += [f"  {word:<10} {figures[word]}" for word in words if figures[word] or word in always]
    lines += [f"  STOPPED    {trip['message']}" for trip in figures["brakes"]]
    if figures["stopped"]:
        lines.append(f"  STOPPED    {figures['stopped']}")
    if figures["held"]:
        lines.append("  `syncd holds` lists what waits for a person")
    return lines


def _label(side: str) -> str:
    return LABELS.get(side, "the CRM")
