"""`syncd status`: connections, last runs, lag, queue, holds, budget. Reads the state only and needs no secret."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from syncd.cli.loading import load_config
from syncd.cli.render import as_json_text
from syncd.clock import Clock
from syncd.config.choice import chosen
from syncd.config.model import Config, ConnectionConfig
from syncd.exits import Exit
from syncd.net.rate import Rate
from syncd.store import database, holds, journal, links, matching, runs, sources
from syncd.store.runs import Run
from syncd.store.sources import HUB

_SHOWN = 5  #: runs
#: Runs in which the last one of each account is looked for.
_LOOKED_AT = 50


def status_command(clock: Clock, *, config: Path | None, names: list[str], as_json: bool) -> Exit:
    """Print how things stand."""
    loaded = load_config(config, need_secrets=False)
    connections = chosen(loaded, names)
    state = database.open_existing(loaded.state_path)
    try:
        with state.read() as tx:
            document = _document(tx, loaded, connections, clock.now())
    finally:
        state.close()
    print(as_json_text(document) if as_json else _text(document))
    return Exit.DONE


def _document(
    tx: Connection, config: Config, connections: tuple[ConnectionConfig, ...], now: datetime
) -> dict[str, Any]:
    hub = sources.get(tx, HUB)
    lately = runs.latest(tx, _LOOKED_AT)
    return {
        "state": str(config.state_path),
        "salespulse": {
            "listed_at": _moment(hub.listed_at),
            "listing_pages": hub.scan_pages if hub.scan_started_at else None,
            "records": sources.live_count(tx, HUB),
            "staleness_seconds": _age(hub.listed_at, now),
        },
        "connections": {one.name: _connection(tx, one, now) for one in connections},
        "runs": [
            {
                "run": run.id,
                "command": run.command,
                "started_at": _moment(run.started_at),
                "ended_at": _moment(run.ended_at),
                "exit_code": run.exit_code,
                "requests": {name: spent["total"] for name, spent in run.summary.get("requests", {}).items()},
            }
            for run in lately[:_SHOWN]
        ],
        "budget": _budget(tx, config, connections, lately),
    }


def _budget(
    tx: Connection, config: Config, connections: tuple[ConnectionConfig, ...], lately: tuple[Run, ...]
) -> list[dict[str, Any]]:
    """Every API account once, however many connections draw on it."""
    accounts = {one.account: one for one in connections}
    found = [_account(config.salespulse, "salespulse", "", [HUB], lately)]
    for key, one in accounts.items():
        names = [other.name for other in config.connections if other.account == key]
        ids = (sources.get(tx, name).account_id for name in (one.name, *names))
        found.append(_account(one.settings, one.kind.name, next(filter(None, ids), ""), names, lately))
    return found


def _account(settings: Any, connector: str, id_: str, names: list[str], lately: tuple[Run, ...]) -> dict[str, Any]:
    given = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        "connector": connector,
        "account": id_,
        "sources": names,
        "rates": {name: str(value) for name, value in given.items() if isinstance(value, Rate)},
        "share": next((value for name, value in given.items() if "share" in name.split("_")), None),
        "last_run": next((spent for run in lately if (spent := _spent(run, names))), None),
    }


def _spent(run: Run, names: list[str]) -> dict[str, Any] | None:
    """What a run asked of an account. All the sources on it show the account's figures, so that one tells them."""
    requests = run.summary.get("requests", {})
    figures = next((requests[name] for name in names if name in requests), None)
    if figures is None:
        return None
    return {
        "run": run.id,
        "requests": figures["total"],
        **{name: figures[name] for name in ("by_kind", "refused", "waited_seconds")},
    }


def _connection(tx: Connection, connection: ConnectionConfig, now: datetime) -> dict[str, Any]:
    source = sources.get(tx, connection.name)
    success = sources.last_success_at(tx, connection.name)
    planned = journal.counts(tx, connection.name)
    sent = journal.counts(tx, connection.name, journal.SENT)
    return {
        "enabled": connection.enabled,
        "connector": connection.kind.name,
        "account": source.account_id,
        "first_sync_at": _moment(sources.first_sync_at(tx, connection.name)),
        "last_success_at": _moment(success),
        "lag_seconds": _age(success, now),
        "listed_at": _moment(source.listed_at),
        "records": sources.live_count(tx, connection.name),
        "links": links.counts(tx, connection.name),
        "queue": {
            "to_merge": links.dirty_count(tx, connection.name),
            "to_match": matching.count(tx, connection.name, "due"),
            "planned": sum(planned.values()),
            "in_doubt": sum(sent.values()),
        },
        "holds": holds.counts(tx, connection.name),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _age(moment: datetime | None, now: datetime) -> int | None:
    return round((now - moment).total_seconds()) if moment else None


def _text(document: dict[str, Any]) -> str:
    hub = document["salespulse"]
    listed = f"listed {_ago(hub['staleness_seconds'])}" if hub["listed_at"] else "never listed"
    lines = [f"state {document['state']}", f"SalesPulse: {hub['records']} contacts, {listed}", ""]
    for name, one in document["connections"].items():
        synced = f"in step {_ago(one['lag_seconds'])}" if one["first_sync_at"] else "never synced: `syncd run --full`"
        lines.append(f"{name}: {synced}" + ("" if one["enabled"] else " (not enabled)"))
        states = ", ".join(f"{count} {state}" for state, count in sorted(one["links"].items())) or "none"
        lines.append(f"  records {one['records']}   links {states}")
        queue = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in one["queue"].items() if count)
        lines.append(f"  queue {queue or 'empty'}")
        held = ", ".join(f"{count} {reason}" for reason, count in sorted(one["holds"].items()))
        lines.append(f"  holds {held or 'none'}")
    lines += ["", "last runs"]
    for run in document["runs"]:
        code = "under way or killed" if run["exit_code"] is None else f"exit {run['exit_code']}"
        spent = ", ".join(f"{name} {count}" for name, count in run["requests"].items())
        lines.append(
            f"  {run['run']:>4}  {run['command']:<12} {run['started_at']}  {code:<10} requests: {spent or 'none'}"
        )
    return "\n".join([*lines, "", "budget", *(line for one in document["budget"] for line in _budget_lines(one))])


def _budget_lines(account: dict[str, Any]) -> list[str]:
    rates = ", ".join(f"{name} {rate}" for name, rate in account["rates"].items()) or "the account's own limit"
    who = f"{account['connector']} {account['account']}".strip()
    shared = f" for {', '.join(account['sources'])}" if account["sources"] != [account["connector"]] else ""
    lines = [f"  {who}{shared}: {rates}, share {account['share']}"]
    if spent := account["last_run"]:
        kinds = "".join(f", {count} {kind}" for kind, count in spent["by_kind"].items())
        lines.append(
            f'    run {spent["run"]}: {spent["requests"]} requests, {spent["refused"]} answered "too many requests", '
            f"{spent['waited_seconds']:g} s waited{kinds}"
        )
    return lines


def _ago(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"
