"""Every error that syncd raises on purpose, sorted by what happens next. Vendor exceptions end at the connector's
border.

    SyncdError
    ├── UsageError            the person has to change something first; exit 2
    │   └── ConfigError       all problems of config and mappings at once
    ├── StateError            the state file cannot be used; exit 2
    │   └── StateBusy         another process holds the state; exit 6
    ├── ConnectionStop        this connection stops, the others go on
    │   ├── Unreachable       down, or times out, after the retries; exit 4
    │   ├── CredentialsRefused  401 or 403, a revoked key; exit 4
    │   ├── Parked            the vendor named a time to come back (daily limit, 477); exit 4
    │   ├── WrongAccount      the credentials lead to another account than the state knows; exit 5
    │   └── MappingUnfit      the mapping names what one of its sides does not have; exit 2
    ├── BatchRefused          nothing of a batch was written and the answer does not say which item is to blame: split
    it
    └── AnswerLost            a write was sent and may have been applied: look it up, never just send it again

Messages are for administrators: what, where, why, what to do. Never a secret, never a field value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SyncdError(Exception):
    """The root. ``str()`` is a sentence for an administrator."""


class UsageError(SyncdError):
    """The command line or the config cannot be acted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a file: where (file and key), what, and what to write instead."""

    where: str
    what: str
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class ConfigError(UsageError):
    """All problems of a config and its mappings."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StateError(SyncdError):
    """The state file is missing, unreadable, from a newer version, or not ours."""


class StateBusy(StateError):
    """Another syncd process holds the state."""


class ConnectionStop(SyncdError):
    """One connection cannot go on. Others do."""


class Unreachable(ConnectionStop):
    """The remote did not answer, or answered with faults, until the retries were used up."""


class CredentialsRefused(ConnectionStop):
    """The remote refused the credentials or lacks a permission that the whole connection needs."""


class Parked(ConnectionStop):
    """The remote asked to be left alone until ``seconds`` from now."""

    def __init__(self, message: str, *, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(message)


class WrongAccount(ConnectionStop):
    """The credentials lead to another account than the one that the links belong to."""


class MappingUnfit(ConnectionStop):
    """Only the sides themselves could show what is wrong with the mapping."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class BatchRefused(SyncdError):
    """A whole batch was refused and nothing of it written."""


class AnswerLost(SyncdError):
    """A write may or may not have been applied."""
