"""`syncd holds list|show`: everything that waits for a person. Reads the state only and needs no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncd.cli.loading import load_config
from syncd.cli.render import as_json_text
from syncd.core.holds import ADVICE
from syncd.core.model import HoldReason, Side
from syncd.errors import UsageError
from syncd.exits import Exit
from syncd.store import database, holds
from syncd.store.holds import StoredHold


def list_command(
    *, config: Path | None, as_json: bool, connections: list[str], reason: str | None, field: str | None
) -> Exit:
    """Print the open holds, oldest first."""
    if reason is not None and reason not in set(HoldReason):
        raise UsageError(f"--reason {reason}: there is no such reason; there are: {', '.join(HoldReason)}")
    loaded = load_config(config, need_secrets=False)
    state = database.open_existing(loaded.state_path)
    try:
        with state.read() as tx:
            found = holds.open_holds(tx, connections or None)
    finally:
        state.close()
    found = tuple(
        one
        for one in found
        if (reason is None or one.hold.reason == reason) and (field is None or one.hold.field == field)
    )
    print(as_json_text({"holds": [as_data(one) for one in found]}) if as_json else _list_text(found))
    return Exit.DONE


def show_command(id_: str, *, config: Path | None, as_json: bool) -> Exit:
    """Print one hold."""
    loaded = load_config(config, need_secrets=False)
    state = database.open_existing(loaded.state_path)
    try:
        with state.read() as tx:
            found = holds.get(tx, id_) if id_ else None
    finally:
        state.close()
    if found is None:
        raise UsageError(f"holds show {id_}: there is no such hold; `syncd holds list` shows them all")
    print(as_json_text(as_data(found)) if as_json else _show_text(found))
    return Exit.DONE


def as_data(stored: StoredHold) -> dict[str, Any]:
    """A hold in the form that the contract fixes for --json."""
    hold = stored.hold
    return {
        "id": stored.id,
        "connection": hold.connection,
        "reason": hold.reason.value,
        "field": hold.field,
        "salespulse_id": hold.salespulse_id,
        "crm_id": hold.crm_id,
        "since": stored.since.isoformat(timespec="seconds"),
        "message": hold.message,
        "values": {side.value: hold.values.get(side) for side in Side},
    }


def _list_text(found: tuple[StoredHold, ...]) -> str:
    if not found:
        return "nothing waits for a person"
    lines = [
        f"{one.id}  {one.hold.connection:<12} {one.hold.reason.value:<14} {one.hold.field or '-':<18} {_who(one)}"
        for one in found
    ]
    return "\n".join([*lines, "", f"{len(found)} waiting; `syncd holds show ID` shows one"])


def _who(stored: StoredHold) -> str:
    hold = stored.hold
    return " ↔ ".join(part for part in (hold.salespulse_id, hold.crm_id) if part) or "several records"


def _show_text(stored: StoredHold) -> str:
    hold = stored.hold
    lines = [
        f"hold {stored.id}",
        f"  connection  {hold.connection}",
        f"  record      {_who(stored)}",
        f"  field       {hold.field or 'the whole record'}",
        f"  reason      {ADVICE[hold.reason].title}",
        f"  since       {stored.since.isoformat(timespec='seconds')}" + ("   (over)" if stored.closed_at else ""),
    ]
    lines += [f"  {side.value:<11} {value!r}" for side, value in hold.values.items()]
    return "\n".join([*lines, "", hold.message])
