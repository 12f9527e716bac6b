"""From what pydantic says to what an administrator needs: where, what, and what to write instead.

A problem never repeats what stands in the file under a wrong key or of a wrong type: it could be a secret in
the wrong place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from syncd.config.notation import write_key, write_value
from syncd.errors import Problem

_FALLBACK = "see docs/configuration.md for what this key takes"
_SHAPES = {
    "string_type": ("must be text", "write it in quotes"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "int_type": ("must be a whole number", "write the number without quotes"),
    "float_type": ("must be a number", "write the number without quotes"),
    "tuple_type": ("must be a list", 'write it in brackets, such as ["newest", "hold"]'),
    "list_type": ("must be a list", "write it in brackets"),
    "dict_type": ("must be a table", "write it as { key = value } or under its own [heading]"),
    "model_type": ("must be a table", "write it as { key = value } or under its own [heading]"),
    "dataclass_type": ("is not in the right form", _FALLBACK),
    "finite_number": ("must be a finite number", "write a number"),
}
_LIMITS = {
    "greater_than": ("gt", "must be above {}", "write a larger number"),
    "greater_than_equal": ("ge", "must be at least {}", "write a larger number"),
    "less_than": ("lt", "must be below {}", "write a smaller number"),
    "less_than_equal": ("le", "must be at most {}", "write a smaller number"),
}


@dataclass(slots=True)
class Findings:
    """Everything found so far: filled while reading, turned into one ConfigError at the end."""

    found: list[Problem] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)  #: resolved values that no message may hold

    def add(self, where: str, what: str, remedy: str, *, warning: bool = False) -> None:
        problem = Problem(where=where, what=what, remedy=remedy, warning=warning)
        if problem not in self.found:
            self.found.append(problem)

    def add_text(self, where: str, text: str, *, warning: bool = False) -> None:
        """Given "what; remedy" in one string, add it."""
        what, _, remedy = text.partition("; ")
        self.add(where, what, remedy or _FALLBACK, warning=warning)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return self._clean(warning=False)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return self._clean(warning=True)

    def _clean(self, *, warning: bool) -> tuple[Problem, ...]:
        # A validator that is not ours may put its input into its message; no secret leaves by that door.
        found = [problem for problem in self.found if problem.warning is warning]
        for secret in self.secrets:
            found = [
                replace(
                    problem,
                    what=problem.what.replace(secret, "•••"),
                    remedy=problem.remedy.replace(secret, "•••"),
                )
                for problem in found
            ]
        return tuple(found)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Given a word and the known ones, return 'did you mean "x"?' or, with nothing near, what there is."""
    words = list(known)
    near = difflib.get_close_matches(word.lower(), {item.lower(): item for item in words}, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{next(item for item in words if item.lower() == near[0])}"?'
    return f"write one of: {', '.join(words)}" if words else "leave it out"


def path_text(*parts: str | int) -> str:
    """Given the steps to a value, return them as people write them: fields[3].as."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{write_key(part)}"
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A table of a file: turns the steps to a key into the words that say where it is."""

    file: str
    above: tuple[str | int, ...] = ()
    lines: tuple[int, ...] = ()  #: line on which the n-th [[fields]] begins; () where that is not known

    def at(self, *steps: str | int) -> str:
        """Given the steps below this table, return "config.toml: connections.hubspot.every"."""
        path = (*self.above, *steps)
        line = ""
        if len(path) > 1 and path[0] == "fields" and isinstance(path[1], int) and path[1] < len(self.lines):
            line = f" (line {self.lines[path[1]]})"
        return f"{self.file}: {path_text(*path)}{line}" if path else self.file

    def below(self, *steps: str | int) -> Place:
        return replace(self, above=(*self.above, *steps))


def add_validation(findings: Findings, error: ValidationError, model: type[BaseModel], place: Place) -> None:
    """Given what pydantic found in one table, add a problem for each, in words of the file."""
    for one in error.errors(include_url=False):
        steps = [step for step in one["loc"] if step != "[key]"]
        what, remedy = _words(one, model, steps)
        findings.add(place.at(*steps), what, remedy)


def _words(error: Mapping[str, Any], model: type[BaseModel], steps: Sequence[str | int]) -> tuple[str, str]:
    kind = str(error["type"])
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind == "missing":
        return "is missing", _how_to_write(model, steps)
    if kind == "extra_forbidden":
        owner = _model_at(model, steps[:-1])
        return "is not a key that syncd knows", suggestion(str(steps[-1]), keys_of(owner) if owner else ())
    if kind in {"enum", "literal_error"}:
        allowed = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        given = error.get("input")
        return "is not a word that syncd knows here", suggestion(given if isinstance(given, str) else "", allowed)
    if kind in _SHAPES:
        return _SHAPES[kind]
    if kind in _LIMITS:
        key, what, remedy = _LIMITS[kind]
        return what.format(context[key]), remedy
    if kind == "value_error":
        text = str(context["error"])
        if text.startswith(("write ", "give ", "leave ")):  # a connector's validator that only says what to do
            return "cannot be used as it is", text
        what, _, remedy = text.partition("; ")
        return what, remedy or _FALLBACK
    return str(error["msg"]), _FALLBACK


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a table, as the file writes them."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    """The field that a key of a table stands for."""
    return next((info for name, info in model.model_fields.items() if (info.alias or name) == key), None)


def model_in(annotation: object) -> type[BaseModel] | None:
    """The pydantic model inside an annotation: itself, or that of an optional, a list or a table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := model_in(inner)) is not None), None)


def _model_at(model: type[BaseModel], steps: Sequence[str | int]) -> type[BaseModel] | None:
    here: type[BaseModel] | None = model
    for step in steps:
        if here is None:
            return None
        info = field_of(here, str(step))
        here = (
            model_in(info.annotation) if info else here
        )  # an index, or a name in a table of models, stays at the model
    return here


def _how_to_write(model: type[BaseModel], steps: Sequence[str | int]) -> str:
    owner = _model_at(model, steps[:-1])
    info = field_of(owner, str(steps[-1])) if owner else None
    if info is None:
        return "add it"
    about = f" ({info.description})" if info.description else ""
    if info.examples:
        return f"add {steps[-1]} = {write_value(info.examples[0])}{about}"
    return f"add {steps[-1]} = …{about}"
