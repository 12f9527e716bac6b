"""TOML bytes in, plain tables out; what is not TOML becomes a problem with its line.

Knows nothing of what the keys mean.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from syncd.config.problems import Findings

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


def parse_toml(data: bytes, file: str, findings: Findings) -> dict[str, Any] | None:
    """Given a file's bytes, return its tables. Add a problem and return None if it is no TOML."""
    try:
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        findings.add(f"{file}: line {line}", "is no UTF-8 text", "save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        text = str(error)
        place = _PLACE.search(text)
        where = (
            "the end" if place is None or place["line"] is None else f"line {place['line']}, column {place['column']}"
        )
        what = _PLACE.sub("", text)
        findings.add(
            f"{file}: {where}",
            f"is no TOML: {what[:1].lower()}{what[1:]}",
            'correct the line: key = value, text in "quotes", tables under [headings]',
        )
    except (RecursionError, ValueError):
        findings.add(file, "is nested too deeply, or has a number of thousands of digits", "write a plainer file")
    return None
