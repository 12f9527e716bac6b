"""What ``[connections.NAME.settings]`` may say for HubSpot. It checks the words; it sends nothing and reads
no file.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from syncd.net.address import is_loopback
from syncd.net.rate import Rate, parse_duration, parse_rate

_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)


class HubSpotSettings(BaseModel):
    """The settings of one HubSpot connection. Secrets are already resolved when they get here."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    base_url: str = Field("https://api.hubapi.com", description="address of the API; plain http only for loopback")
    access_token: SecretStr | None = Field(None, description="of a service key or a private app")
    client_id: str | None = Field(None, description="with the next two: an OAuth app, in place of access_token")
    client_secret: SecretStr | None = Field(None, description="of the OAuth app")
    refresh_token: SecretStr | None = Field(None, description="what the OAuth app was given when it was installed")
    rate: Rate = Field(Rate(100, 10.0), description="limit of this app; 190/10s on Professional and Enterprise")
    search_rate: Rate = Field(Rate(5, 1.0), description="limit of searches, of the whole account")
    share: float = Field(0.9, gt=0, le=1, description="the part of these rates that syncd may use, above 0 to 1")
    id_property: str = Field(
        "salespulse_id",
        description='unique property that carries the SalesPulse id: makes creates safe to repeat; "" for none',
    )
    timeout: timedelta = Field(timedelta(seconds=30), description="how long to wait for each read of an answer")

    @field_validator("base_url")
    @classmethod
    def _is_safe_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not parts.hostname or not (parts.scheme == "https" or plain):
            raise ValueError("write an https:// address; plain http only for loopback such as http://127.0.0.1:8801")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("write the address alone, without user, password, ? or #")
        return value.rstrip("/")

    @field_validator("access_token", "client_secret", "refresh_token")
    @classmethod
    def _is_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("is empty or holds blanks or characters that no token has; copy it from HubSpot again")
        return value

    @field_validator("rate", "search_rate", mode="before")
    @classmethod
    def _as_rate(cls, value: object) -> object:
        return parse_rate(value) if isinstance(value, str) else value

    @field_validator("timeout", mode="before")
    @classmethod
    def _as_duration(cls, value: object) -> object:
        return parse_duration(value) if isinstance(value, str) else value

    @field_validator("timeout")
    @classmethod
    def _waits_a_while(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError('write at least "1s"; HubSpot needs some time for an answer')
        return value

    @field_validator("id_property")
    @classmethod
    def _is_property_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[a-z][a-z0-9_]*", value):
            raise ValueError('write the internal name: lower-case letters, digits and _, such as "salespulse_id"')
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        oauth = (self.client_id, self.client_secret, self.refresh_token)
        if self.access_token is not None and not any(oauth):
            return self
        if self.access_token is None and all(oauth):
            return self
        raise ValueError("give either access_token, or client_id, client_secret and refresh_token, and not both")

    @property
    def budget_key(self) -> str:
        """The same for settings that open HubSpot in the same way; tells nothing about the credential."""
        secret = self.access_token or self.refresh_token
        shown = secret.get_secret_value() if secret else ""
        digest = hashlib.sha256(f"{self.base_url}|{self.client_id}|{shown}".encode()).hexdigest()
        return f"hubspot:{digest[:16]}"
