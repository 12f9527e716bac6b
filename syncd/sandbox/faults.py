"""Faults that can be scripted for any vendor: which requests they strike, how often, and what then happens.

A fault is decided here and carried out by ``harness`` and ``shell``. This module must not know any vendor.
"""

from __future__ import annotations

import enum
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from syncd.sandbox.wire import Request


class Action(enum.StrEnum):
    """What a fault does."""

    STATUS = "status"
    """Answer with ``status`` and ``body``; the work is not done."""
    STATUS_AFTER = "status_after"
    """Do the work, then answer with ``status`` and ``body`` (a gateway that lost its patience)."""
    DROP_BEFORE = "drop_before"
    """Close the connection; the work is not done."""
    DROP_AFTER = "drop_after"
    """Do the work, then close the connection without an answer."""
    DELAY = "delay"
    """Do the work at once and hold the answer back ``seconds`` (sandbox time)."""
    HTML = "html"
    """Answer with ``status`` and a page of HTML, as a proxy would; the work is not done."""
    HALF_BODY = "half_body"
    """Do the work and break the connection in the middle of the answer."""


class Rule(BaseModel):
    """One fault. Empty patterns match everything; all given ones must match."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action
    method: str = ""
    """A regular expression for the whole method."""
    path: str = ""
    """A regular expression found anywhere in the path."""
    op: str = ""
    """Exactly "METHOD /template", as in the statistics: ``"GET /contacts/:id"``."""
    body_has: str = ""
    """A text that the request's body must contain."""
    after: int = Field(default=0, ge=0)
    """Let so many matching requests through first."""
    times: int | None = Field(default=1, ge=1)
    """Strike so many requests; null strikes for ever."""
    chance: float = Field(default=1.0, ge=0, le=1)
    """Strike a matching request only with this probability."""
    status: int = Field(default=503, ge=100, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    """A text is sent as it is, null sends nothing, anything else is sent as JSON."""
    seconds: float = Field(default=0.0, ge=0)

    @field_validator("method", "path")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    def matches(self, request: Request, op: str) -> bool:
        """Whether the rule is about this request, whatever its counters say."""
        return (
            (not self.op or self.op == op)
            and (not self.method or re.fullmatch(self.method, request.method) is not None)
            and (not self.path or re.search(self.path, request.path) is not None)
            and (not self.body_has or self.body_has.encode() in request.body)
        )


@dataclass(slots=True, kw_only=True)
class _Live:
    rule: Rule
    let_through: int = 0
    struck: int = 0


class Faults:
    """The rules in force. The first rule that strikes decides; counters of later rules stay as they are."""

    def __init__(self, seed: int = 0) -> None:
        self._live: list[_Live] = []
        self._random = random.Random(seed)

    def add(self, rules: Iterable[Rule]) -> None:
        """Put rules behind those in force."""
        self._live.extend(_Live(rule=rule) for rule in rules)

    def clear(self) -> None:
        """Drop every rule."""
        self._live.clear()

    def strike(self, request: Request, op: str) -> Rule | None:
        """The rule that strikes this request, counted; None lets it pass."""
        for live in self._live:
            rule = live.rule
            if rule.times is not None and live.struck >= rule.times:
                continue
            if not rule.matches(request, op):
                continue
            if live.let_through < rule.after:
                live.let_through += 1
                continue
            if rule.chance < 1 and self._random.random() >= rule.chance:
                continue
            live.struck += 1
            return rule
        return None

    def report(self) -> list[dict[str, Any]]:
        """Every rule with how often it struck."""
        return [{**live.rule.model_dump(mode="json"), "struck": live.struck} for live in self._live]
