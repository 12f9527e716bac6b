"""The commands, their options, and how errors and signals become exit codes. Heavy packages are imported by the
commands.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from syncd.clock import Interrupted, SystemClock
from syncd.errors import ConfigError, StateBusy, SyncdError
from syncd.exits import Exit

app = typer.Typer(
    name="syncd",
    help="Keeps SalesPulse in step with your CRM, both ways.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
holds_app = typer.Typer(help="Everything that waits for a person.", invoke_without_command=True)
app.add_typer(holds_app, name="holds")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The config file; else $SYNCD_CONFIG, ./config.toml or /etc/syncd/config.toml.",
        metavar="PATH",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
ConnectionOption = Annotated[
    list[str] | None,
    typer.Option("--connection", help="Only this connection; may be repeated.", metavar="NAME"),
]

#: The process's clock: a signal ends every wait on it.
CLOCK = SystemClock()


#: SIGINT and SIGTERM as they came.
SIGNALS: list[int] = []


class Signalled(BaseException):
    """SIGINT or SIGTERM came. Not an Exception, and not KeyboardInterrupt, which typer swallows: nothing may."""


@app.command()
def run(
    config: ConfigOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="List everything on both sides and reconcile all, then stop.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Take up what changed since the last run, then stop.")] = False,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring both sides into step, once: --full for everything, --once for what changed."""
    from syncd.cli.run import run_command

    _exit(run_command(CLOCK, config=config, full=full, once=once, names=connection or [], as_json=as_json))


@app.command()
def plan(
    config: ConfigOption = None,
    full: Annotated[bool, typer.Option("--full", help="Plan what `run --full` would do.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the plan to a file as JSON.", metavar="FILE")
    ] = None,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show, field by field, what a run would do. Changes nothing anywhere."""
    from syncd.cli.plan import plan_command

    _exit(plan_command(CLOCK, config=config, full=full, output=output, names=connection or [], as_json=as_json))


@app.command()
def check(
    config: ConfigOption = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask both sides: credentials, fields, stages, limits.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="With --online: make the id property where it is missing.")
    ] = False,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the config and the mappings, and with --online what they lead to."""
    from syncd.cli.check import check_command

    _exit(check_command(CLOCK, config=config, online=online, fix=fix, names=connection or [], as_json=as_json))


@app.command()
def status(config: ConfigOption = None, connection: ConnectionOption = None, as_json: JsonOption = False) -> None:
    """Show connections, last runs, lag, queue, holds and budget."""
    from syncd.cli.status import status_command

    _exit(status_command(CLOCK, config=config, names=connection or [], as_json=as_json))


@holds_app.callback()
def holds(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what waits for a person."""
    if context.invoked_subcommand is None:
        from syncd.cli.holds import list_command

        _exit(list_command(config=config, as_json=as_json, connections=[], reason=None, field=None))


def _holds_options(context: typer.Context, config: Path | None, as_json: bool) -> dict[str, Any]:
    """The options of a command below `holds`; those given before its name count too, the nearer ones first."""
    above = context.parent.params if context.parent else {}
    return {"config": config or above.get("config"), "as_json": as_json or above.get("as_json", False)}


@holds_app.command("list")
def holds_list(
    context: typer.Context,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
    reason: Annotated[str | None, typer.Option(help="Only holds with this reason.")] = None,
    field: Annotated[str | None, typer.Option(help="Only holds of this field.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for a person, oldest first."""
    from syncd.cli.holds import list_command

    options = _holds_options(context, config, as_json)
    _exit(list_command(**options, connections=connection or [], reason=reason, field=field))


@holds_app.command("show")
def holds_show(
    context: typer.Context,
    hold: Annotated[str, typer.Argument(help="The hold's id, or its first characters.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one hold with its values and what to do about it."""
    from syncd.cli.holds import show_command

    _exit(show_command(hold, **_holds_options(context, config, as_json)))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port of the SalesPulse server; 0 takes a free one.")] = 8701,
    hubspot_port: Annotated[int, typer.Option(help="Port of the HubSpot server; 0 takes a free one.")] = 8702,
    salesforce_port: Annotated[int, typer.Option(help="Port of the Salesforce server; 0 takes a free one.")] = 8703,
    people: Annotated[int, typer.Option(help="Example people in each; any two share three in five.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    scale: Annotated[float, typer.Option(help="Sandbox seconds that pass in a real second.")] = 1.0,
    limit_scale: Annotated[float, typer.Option(help="Multiplies every rate limit.")] = 1.0,
    state: Annotated[Path | None, typer.Option(help="Keep the servers' state in this file.", metavar="FILE")] = None,
    dialect: Annotated[str, typer.Option(help="How SalesPulse answers where its documentation is silent.")] = "plain",
) -> None:
    """Run local SalesPulse, HubSpot and Salesforce servers with example people, for trying and testing."""
    from syncd.cli.sandbox import sandbox_command

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, _on_gentle_signal)
    sandbox_command(
        CLOCK,
        ports={"salespulse": port, "hubspot": hubspot_port, "salesforce": salesforce_port},
        people=people,
        seed=seed,
        scale=scale,
        limit_scale=limit_scale,
        state=state,
        dialect=dialect,
        echo=typer.echo,
    )
    if SIGNALS:
        raise Signalled


@app.command()
def demo(
    people: Annotated[int, typer.Option(help="Example people in each system.")] = 200,
    keep: Annotated[Path | None, typer.Option(help="Keep config and state in this folder.", metavar="DIR")] = None,
) -> None:
    """The whole story on local servers: first sync, edits, a conflict, a stage move, nothing left to do."""
    from syncd.cli.demo import demo_command

    _exit(demo_command(CLOCK, people=people, keep=keep))


def _exit(code: Exit) -> None:
    raise typer.Exit(int(code))


def _on_signal(number: int, _frame: FrameType | None) -> None:
    SIGNALS.append(number)
    if len(SIGNALS) > 1:  # asked again: no longer wait for the requests under way, as after a kill
        os._exit(_interrupted())
    # From a thread of its own: this one may be about to wait on the event and hold its lock, which set() takes too.
    threading.Thread(target=CLOCK.end.set, name="end").start()
    raise Signalled


def _on_gentle_signal(number: int, _frame: FrameType | None) -> None:
    """For a command that waits for the end by itself and has something to keep then."""
    SIGNALS.append(number)
    threading.Thread(target=CLOCK.end.set, name="end").start()


def main(arguments: list[str] | None = None) -> None:
    """Run a command and end the process with the contract's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old locale shows ? for an arrow or an accent, and goes on
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        result: Any = app(args=arguments, standalone_mode=False)
        return int(result or 0)
    except typer.Exit as ended:
        return int(ended.exit_code)
    except (Signalled, Interrupted, KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except ConfigError as error:
        _say(str(error))
        return Exit.USAGE
    except StateBusy as error:
        _say(str(error))
        return Exit.BUSY
    except SyncdError as error:
        _say(str(error))
        return Exit.USAGE
    except Exception as error:  # noqa: BLE001 - the last stop: a bug ends with its traceback and code 1
        if hasattr(error, "exit_code") and hasattr(error, "format_message"):
            _say(error.format_message())
            return Exit.USAGE
        traceback.print_exc()
        return Exit.BUG


def _interrupted() -> Exit:
    if signal.SIGTERM in SIGNALS[:1]:
        _say("ended by SIGTERM; the next run goes on from here")
        return Exit.TERMINATED
    _say("interrupted; the next run goes on from here")
    return Exit.INTERRUPTED


def _say(text: str) -> None:
    sys.stderr.write(f"syncd: {text}\n")
    sys.stderr.flush()
