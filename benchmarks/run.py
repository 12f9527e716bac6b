"""The benchmarks: what a run of syncd costs in requests, CPU seconds and memory. The columns: docs/benchmarks.md.

Nothing here passes or fails by the clock. Needed: the package and nothing else; no account, no network beyond loopback.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

from workloads import LONG, WORKLOADS, Measured

HEADS = (
    "workload",
    "run",
    "requests",
    "minimum",
    "ratio",
    "stamps",
    "looks",
    "429",
    "CPU s",
    "MiB",
    "records/s",
    "use",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the workloads and what they are")
    parser.add_argument("--only", metavar="NAME", action="append", choices=sorted(WORKLOADS), help="run this one alone")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply all counts (0.1: a tenth)")
    parser.add_argument("--json", action="store_true", help="one JSON document a run instead of the table")
    given = parser.parse_args()
    if given.list:
        for name, workload in WORKLOADS.items():
            alone = " Runs only when it is named." if name in LONG else ""
            print(f"{name:24} {(workload.__doc__ or '').splitlines()[0]}{alone}")
        return 0
    if not given.json:
        print(_row(HEADS))
    for name in given.only or [name for name in WORKLOADS if name not in LONG]:
        for measured in WORKLOADS[name](given.scale):
            print(json.dumps(_plain(measured)) if given.json else _shown(measured), flush=True)
    return 0


def _shown(one: Measured) -> str:
    got = one.got
    lines = [
        _row(
            (
                one.workload,
                one.run,
                one.job,
                one.least.total(),
                f"{one.ratio:.3f}",
                one.stamps.total(),
                one.looked,
                got.refused,
                f"{got.cpu:.2f}",
                got.memory,
                f"{one.records / got.seconds:,.0f}" if one.records else "-",
                f"{one.used:.0%}" if one.used is not None else "-",
            )
        )
    ]
    lines += [f"    {count:6}  {endpoint}" for endpoint, count in sorted(got.requests.items())]
    lines += [f"    off the minimum by {count:+}: {endpoint}" for endpoint, count in one.extra.items()]
    if got.total("held") or got.total("failed"):
        lines.append(f"    held {got.total('held')}, failed {got.total('failed')}")
    return "\n".join(lines)


def _row(cells: Iterable[Any]) -> str:
    widths = (23, 23, 9, 8, 7, 7, 6, 4, 8, 6, 10, 5)
    texts = [str(cell) for cell in cells]
    return " ".join(
        text.ljust(width) if place < 2 else text.rjust(width)
        for place, (text, width) in enumerate(zip(texts, widths, strict=True))
    ).rstrip()


def _plain(one: Measured) -> dict[str, Any]:
    got = one.got
    return {
        "workload": one.workload,
        "run": one.run,
        "requests": dict(got.requests),
        "job": one.job,
        "minimum": one.least.total(),
        "ratio": round(one.ratio, 4),
        "stamps": one.stamps.total(),
        "looks": one.looked,
        "refused": got.refused,
        "cpu_seconds": round(got.cpu, 3),
        "peak_mib": got.memory,
        "seconds": got.seconds,
        "records": one.records,
        "rate_used": None if one.used is None else round(one.used, 3),
        "extra": dict(one.extra),
    }


if __name__ == "__main__":
    sys.exit(main())
