"""How durations, rates and addresses are written in the config: text to typed values and back.

Every function that reads raises ValueError with "what is wrong; what to write instead". Nothing here touches
files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator, SecretStr

from syncd.net.address import is_loopback
from syncd.net.rate import Rate, parse_duration, parse_rate

#: From the longest to the shortest, as a duration is written.
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_PERIODS = {1.0: "s", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic lets a TypeError through
            'must be a duration in quotes; write a number and a unit, such as "30s", "2m", "6h" or "180d"'
        )
    return parse_duration(value)


def _some_time(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError('is too short; write at least "1s"')
    return value


def _rate(value: object) -> Rate:
    if isinstance(value, Rate):
        return value
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic lets a TypeError through
            'must be a rate in quotes; write COUNT/PERIOD, such as "100/minute", "190/10s" or "5/s"'
        )
    return parse_rate(value)


def service_url(value: str) -> str:
    """Given the address of an API, return it without a trailing slash.

    Raise ValueError unless a key may be sent there.
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", value):
        raise ValueError('is no address; write it in full, such as "https://api.example.com"')
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name or password in it; write the credentials under their own keys")
    if parts.query or parts.fragment:
        raise ValueError("has a part after ? or #; write the address without it")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            "is plain http to another machine, which would show the credentials to anyone between; write https://"
        )
    return value.rstrip("/")


def _public_url(value: str) -> str:
    return service_url(value) if value else value


def host_and_port(value: str) -> tuple[str, int]:
    """Given "127.0.0.1:8710" or "[::1]:8710", return host and port. Raise ValueError otherwise."""
    host, colon, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    clear = bare and (":" not in bare or host != bare) and not re.search(r"[\s/\[\]]", bare)
    if not colon or not clear or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError('is no HOST:PORT; write an address of this machine and a port, such as "127.0.0.1:8710"')
    return bare, int(port)


def _listen(value: str) -> str:
    host_and_port(value)
    return value


#: A length of time, zero allowed.
Duration = Annotated[timedelta, BeforeValidator(_duration)]
#: A length of time of at least a second.
Interval = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_some_time)]
RateLimit = Annotated[Rate, PlainValidator(_rate)]
#: Address of an API that credentials are sent to.
ServiceUrl = Annotated[str, AfterValidator(service_url)]
#: The same, or "" for none.
OptionalUrl = Annotated[str, AfterValidator(_public_url)]
Listen = Annotated[str, AfterValidator(_listen)]


def write_duration(value: timedelta) -> str:
    """Given a length of time, return it as the config writes it: in the largest unit that fits."""
    seconds = value.total_seconds()
    for unit, size in _UNITS:
        if seconds >= (2 * size if unit == "d" else size) and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"


def write_rate(rate: Rate) -> str:
    """Given a rate, return it as the config writes it."""
    period = _PERIODS.get(float(rate.seconds)) or write_duration(timedelta(seconds=rate.seconds))
    return f"{rate.count}/{period}"


def write_key(key: str) -> str:
    """Given a TOML key, return it as TOML writes it: bare where it can be."""
    return key if _BARE_KEY.fullmatch(key) else _quote(key)


def write_value(value: object) -> str:
    """Given a setting's typed value, return it as TOML.

    A SecretStr is never written: it comes out as empty text.
    """
    if isinstance(value, SecretStr) or value is None:
        return '""'
    if isinstance(value, Enum):
        return write_value(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, timedelta):
        return _quote(write_duration(value))
    if isinstance(value, Rate):
        return _quote(write_rate(value))
    if isinstance(value, Mapping):
        inner = ", ".join(f"{write_key(str(key))} = {write_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, str | Path):
        return _quote(str(value))
    if isinstance(value, Sequence):
        return f"[{', '.join(write_value(item) for item in value)}]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _quote(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'
