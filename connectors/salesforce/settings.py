"""What ``[connections.NAME.settings]`` may say for Salesforce. It checks the words; it sends nothing and reads no
file.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from syncd.net.address import is_loopback
from syncd.net.rate import parse_duration

#: Hosts that log in users of every org; all others are a My Domain and so belong to one org.
COMMON_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_COMMON_LOGIN = "https://login.salesforce.com"
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
#: What stands in for a secret where none is read (`syncd status`); it cannot look like a key.
_NOT_READ = re.compile(r"not-read-[0-9a-z]{1,32}", re.ASCII)
_OLDEST_VERSION = 31  # 21 to 30 are retired and answer 410 (section 2.1)
#: auth → the settings that it needs, besides those that have a default.
_NEEDS = {
    "client_credentials": ("login_url", "consumer_key", "consumer_secret"),
    "jwt": ("consumer_key", "username", "private_key"),
    "session": ("session_id", "instance_url"),
}


class SalesforceSettings(BaseModel):
    """The settings of one Salesforce connection. Secrets are already resolved when they get here."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    auth: Literal["client_credentials", "jwt", "session"] = Field(
        "client_credentials",
        description="how to log in: client_credentials, jwt, or session for a session id made elsewhere",
    )
    login_url: str = Field(
        "",
        examples=["https://acme.my.salesforce.com"],
        description="where to log in: the org's My Domain; jwt may leave it out for https://login.salesforce.com",
    )
    consumer_key: str = Field("", examples=["3MVG9-consumer-key"], description="of the external client app")
    consumer_secret: SecretStr | None = Field(None, description="of the app, for client_credentials")
    username: str = Field("", description="the Salesforce user that jwt logs in")
    private_key: SecretStr | None = Field(None, description="RSA key (PEM) of the app's certificate, for jwt")
    session_id: SecretStr | None = Field(None, description="a session id, for session: ends within hours")
    instance_url: str = Field("", description="address of the org; needed for session only, else the login tells it")
    api_version: str = Field("62.0", description="version of the REST API, 31.0 or later")
    id_field: str = Field(
        "SalesPulse_Id__c",
        description='unique external id field for the SalesPulse id: makes creates safe to repeat; "" for none',
    )
    daily_request_share: float = Field(
        0.5, gt=0, le=1, description="the part of the org's requests in 24 hours that syncd may use, above 0 to 1"
    )
    overlap: timedelta = Field(
        timedelta(minutes=10), description="how far each read of changes goes back, for what was saved late"
    )
    timeout: timedelta = Field(timedelta(seconds=30), description="how long to wait for each read of an answer")

    @field_validator("login_url", "instance_url")
    @classmethod
    def _is_safe_origin(cls, value: str) -> str:
        return safe_origin(value) if value else value

    @field_validator("consumer_key", "username")
    @classmethod
    def _is_one_word(cls, value: str) -> str:
        if value and not _TOKEN.fullmatch(value):
            raise ValueError("holds blanks or characters that it cannot have; copy it from Salesforce again")
        return value

    @field_validator("consumer_secret", "session_id")
    @classmethod
    def _is_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("is empty or holds blanks or characters that no secret has; copy it from Salesforce again")
        return value

    @field_validator("private_key")
    @classmethod
    def _is_rsa_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or _NOT_READ.fullmatch(value.get_secret_value()):
            return value
        # Environment variables often hold the line breaks as \n.
        pem = value.get_secret_value().replace("\\n", "\n").strip() + "\n"
        _check_rsa(pem)
        return SecretStr(pem)

    @field_validator("api_version")
    @classmethod
    def _is_served_version(cls, value: str) -> str:
        found = re.fullmatch(r"(\d{2,3})\.0", value, re.ASCII)
        if not found or int(found[1]) < _OLDEST_VERSION:
            raise ValueError('write a version that Salesforce still serves, such as "62.0"; the oldest is "31.0"')
        return value

    @field_validator("id_field")
    @classmethod
    def _is_custom_field(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(?:_{1,2}[A-Za-z0-9]+)*__c", value, re.ASCII):
            raise ValueError('write the API name of a custom field, such as "SalesPulse_Id__c"; it ends in __c')
        return value

    @field_validator("overlap", "timeout", mode="before")
    @classmethod
    def _as_duration(cls, value: object) -> object:
        return parse_duration(value) if isinstance(value, str) else value

    @field_validator("overlap")
    @classmethod
    def _looks_back_at_most_a_day(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= timedelta(days=1):
            raise ValueError('write "1m" to "1d": with less, changes are missed; what is read again costs requests')
        return value

    @field_validator("timeout")
    @classmethod
    def _waits_a_while(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError('write at least "1s"; Salesforce needs some time for an answer')
        return value

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        missing = [name for name in _NEEDS[self.auth] if not getattr(self, name)]
        if missing:
            raise ValueError(f'auth = "{self.auth}" needs {", ".join(_NEEDS[self.auth])}; give {", ".join(missing)}')
        if self.auth == "client_credentials" and urlsplit(self.login_url).hostname in COMMON_HOSTS:
            raise ValueError(
                "login_url has to be the org's My Domain for client_credentials, such as "
                "https://acme.my.salesforce.com (Setup → My Domain)"
            )
        return self

    @property
    def login_origin(self) -> str:
        """Where tokens are asked for."""
        return self.login_url or _COMMON_LOGIN

    @property
    def budget_key(self) -> str:
        """The same for settings that open the same org, as far as they tell: a My Domain belongs to one org, and a
        username to one user of one org.
        """
        known = self.instance_url or self.login_url
        host = urlsplit(known).netloc.lower()
        org = self.username.lower() if not known or host in COMMON_HOSTS else host
        return f"salesforce:{hashlib.sha256(org.encode()).hexdigest()[:16]}"


def safe_origin(value: str) -> str:
    """Given an address, return its origin without a slash at the end. Raise ValueError where a token may not be sent:
    plain http outside loopback, and addresses that hold more than an origin.
    """
    parts = urlsplit(value)
    plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ValueError("write an https:// address; plain http only for loopback such as http://127.0.0.1:8801")
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("write the address alone, without user, password, path, ? or #")
    return f"{parts.scheme}://{parts.netloc}"


def _check_rsa(pem: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("is locked with a password; give the key without one (openssl rsa -in KEY -out NEW)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no private key in PEM form; it begins with -----BEGIN PRIVATE KEY-----") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("is no RSA key; Salesforce accepts no other for jwt")  # noqa: TRY004 - pydantic's custom
