"""Progress for people: bars with counts, rate and time left on a terminal, plain lines elsewhere. Always on
standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from syncd.cycle.world import Reporter

#: Seconds between two plain lines of one step.
EVERY = 5.0


class Lines:
    """Plain lines: the end of each step, and a sign of life in between."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}

    def progress(self, who: str, step: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        finished = total is not None and done >= total
        if not finished and now - self._last.setdefault((who, step), now) < EVERY:
            return
        self._last[who, step] = now
        of = f" of {total}" if total is not None else ""
        sys.stderr.write(f"{who}: {step} {done}{of}\n")

    def note(self, who: str, text: str) -> None:
        sys.stderr.write(f"{who}: {text}\n")


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Bars if standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:

        class Bars:
            """One bar a step."""

            def __init__(self) -> None:
                self._tasks: dict[tuple[str, str], TaskID] = {}

            def progress(self, who: str, step: str, done: int, total: int | None) -> None:
                key = (who, step)
                if key not in self._tasks:
                    self._tasks[key] = bars.add_task(f"{who}: {step}", total=total, rate="")
                speed = bars.tasks[list(self._tasks).index(key)].speed
                rate = f"{speed:,.0f}/s" if speed else ""
                bars.update(self._tasks[key], completed=done, total=total, rate=rate)

            def note(self, who: str, text: str) -> None:
                console.print(f"{who}: {text}", highlight=False, markup=False)

        yield Bars()
