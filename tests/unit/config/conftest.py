"""A connector kind that is nobody's, and a config that is right, so that each test changes one thing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from syncd.config.load import load
from syncd.config.model import Config
from syncd.errors import ConfigError, Problem

GOOD = """
[salespulse]
api_key = { env = "SALESPULSE_API_KEY" }

[connections.acme]
connector = "acme"
mapping = "./people.toml"
[connections.acme.settings]
access_token = { env = "ACME_TOKEN" }
"""

PEOPLE = """
connector = "acme"
object = "people"

[[fields]]
salespulse = "first_name"
crm = "given"

[[fields]]
salespulse = "email"
crm = "mail"
as = "email"
"""

ENVIRON = {"SALESPULSE_API_KEY": "sp_live_0123456789", "ACME_TOKEN": "acme-0123456789"}


class AcmeSettings(BaseModel):
    """Settings as a connector has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = "https://api.acme.example"
    access_token: SecretStr
    spare_token: SecretStr | None = None
    rate: int = 100
    share: float = Field(0.9, gt=0, le=1)
    id_property: str = "salespulse_id"

    @field_validator("id_property")
    @classmethod
    def _lower(cls, value: str) -> str:
        if value != value.lower():
            raise ValueError("write the name in small letters")
        return value


class AcmeKind:
    """As much of a ConnectorKind as config asks for."""

    name = "acme"
    label = "Acme"
    settings = AcmeSettings
    objects = ("people", "firms")

    def scope_problem(self, scope: object) -> str:
        return "" if isinstance(scope, str) else "is no filter; write a text"

    def identity(self, settings: AcmeSettings) -> str:
        return settings.id_property

    def budget_key(self, settings: AcmeSettings) -> str:
        return hashlib.sha256(settings.access_token.get_secret_value().encode()).hexdigest()


KINDS: Mapping[str, Any] = {"acme": AcmeKind()}


class Bench:
    """A folder with a config in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = dict(ENVIRON)
        self.kinds = KINDS
        self.good, self.people = GOOD, PEOPLE
        self.write("people.toml", PEOPLE)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, text: str | bytes = GOOD, *, need_secrets: bool = True) -> Config:
        path = self.write("config.toml", text)
        return load(path, need_secrets=need_secrets, kinds=self.kinds, environ=self.environ)

    def problems(self, text: str | bytes = GOOD, *, need_secrets: bool = True) -> tuple[Problem, ...]:
        """The errors of a config, () if it loads."""
        try:
            self.load(text, need_secrets=need_secrets)
        except ConfigError as error:
            return error.problems
        return ()

    def mapping_problems(self, mapping: str) -> tuple[Problem, ...]:
        self.write("people.toml", mapping)
        return self.problems()

    def mapped(self, mapping: str, more: str = "") -> Any:
        """The FieldMap of the one connection; ``more`` goes into its table."""
        self.write("people.toml", mapping)
        return self.load(GOOD.replace('connector = "acme"', f'connector = "acme"\n{more}')).connections[0].fields


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def only() -> Callable[[tuple[Problem, ...]], Problem]:
    """The one problem there is."""

    def pick(problems: tuple[Problem, ...]) -> Problem:
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]

    return pick
