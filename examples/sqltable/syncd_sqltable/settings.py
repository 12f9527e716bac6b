"""What ``[connections.NAME.settings]`` may say for a SQL table. It checks the words and connects to nothing."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from syncd.net.rate import Rate, parse_rate


class SqlTableSettings(BaseModel):
    """The settings of one SQL table. Secrets are already resolved when they get here."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    database: str = Field(
        description="SQLAlchemy's address of the database, without the password",
        examples=["postgresql+psycopg://syncd@db.example.com/crm"],
    )
    password: SecretStr | None = Field(None, description="of the user in that address; none by default")
    rate: Rate = Field(Rate(200, 1.0), description="how many transactions syncd may make, such as 200/s")

    @field_validator("database")
    @classmethod
    def _can_be_opened(cls, value: str) -> str:
        try:
            url = make_url(value)
            if url.password or {"password", "passwd", "pwd"} & {key.lower() for key in url.query}:
                raise ValueError('bears a password; take it out and write password = { env = "NAME" } below it')
            url.get_dialect().import_dbapi()
        except ArgumentError:
            raise ValueError("is no address that SQLAlchemy knows; write it like sqlite:////srv/crm.db") from None
        except ImportError as missing:
            raise ValueError(f"needs the package {missing.name}; install it where syncd is installed") from None
        if url.get_backend_name() == "sqlite" and not (url.database or "").startswith("/"):
            raise ValueError("is no absolute path; write four slashes: sqlite:////srv/crm.db")
        return value

    @field_validator("rate", mode="before")
    @classmethod
    def _as_rate(cls, value: object) -> object:
        return parse_rate(value) if isinstance(value, str) else value

    @property
    def address(self) -> URL:
        """The address with its password: for the driver alone, never for a message."""
        url = make_url(self.database)
        return url.set(password=self.password.get_secret_value()) if self.password else url

    @property
    def budget_key(self) -> str:
        """The same for connections to one database."""
        return f"sqltable:{hashlib.sha256(self.database.encode()).hexdigest()[:16]}"
