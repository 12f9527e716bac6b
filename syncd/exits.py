"""Exit codes, in one place. They are part of the contract."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    BUG = 1  #: a bug in syncd; a traceback goes to the log
    USAGE = 2  #: usage, config or mapping error, or findings of `check`; nothing was sent
    PERSON = 3  #: done, but this run held or failed something new: a person is needed
    REMOTE = 4  #: a remote system was unreachable or refused the credentials; the rest was done
    BRAKE = 5  #: a brake stopped a connection: change the config, or what it would do
    BUSY = 6  #: another process holds this state
    INTERRUPTED = 130  #: Ctrl-C
    TERMINATED = 143  #: SIGTERM
