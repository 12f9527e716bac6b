"""The command line as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        return self.out + self.err


class Process:
    """A running command. What it says is collected, so that it never waits for a reader."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.began = time.monotonic()
        self._popen = subprocess.Popen(
            arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
        )
        self._read = {"out": b"", "err": b""}
        self._threads = [
            threading.Thread(target=self._drain, args=(name, pipe), daemon=True)
            for name, pipe in (("out", self._popen.stdout), ("err", self._popen.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def _drain(self, name: str, pipe: Any) -> None:
        with pipe:
            while chunk := pipe.read1():
                self._read[name] += chunk

    @property
    def heard(self) -> str:
        """Standard output so far."""
        return self._read["out"].decode(errors="replace")

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._popen.kill()

    def gone(self) -> None:
        """Return when the process has ended."""
        self._popen.wait(10)

    def tell(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def end(self, timeout: float = 100) -> Ended:
        """Wait for the end."""
        code = self._popen.wait(timeout)
        for thread in self._threads:
            thread.join(10)
        return Ended(
            code=code,
            out=self._read["out"].decode(),
            err=self._read["err"].decode(),
            seconds=time.monotonic() - self.began,
        )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SYNCD_")}
