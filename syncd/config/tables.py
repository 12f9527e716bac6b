"""One table of a file, from raw TOML to its model: secrets resolved, every problem added.

Knows nothing of any particular table.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from syncd.config.problems import Findings, Place, add_validation
from syncd.config.secrets import SecretSource, resolve_secrets

S = TypeVar("S", bound=BaseModel)


def read_table(raw: Any, model: type[S], place: Place, source: SecretSource, findings: Findings) -> S | None:
    """Given one table as TOML has it, return it as its model, secrets resolved.

    Add its problems and return None if it has any.
    """
    if not isinstance(raw, dict):
        findings.add(
            place.at(),
            "must be a table",
            f"write it under its own heading: [{place.at().partition(': ')[2]}]",
        )
        return None
    resolved = resolve_secrets(raw, model, place=place, source=source, findings=findings)
    try:
        return model.model_validate(resolved)
    except ValidationError as error:
        add_validation(findings, error, model, place)
        return None
