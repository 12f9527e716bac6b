"""What the SalesPulse side has to be told, checked as it is put together. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr

from syncd.clock import Clock
from syncd.errors import UsageError
from syncd.net.address import is_loopback
from syncd.net.governor import Governor, Spent
from syncd.net.rate import Rate

#: Pools of the account's budget. A bulk request draws on both.
API = "api"
BULK = "bulk"

#: Largest page that is ever asked for, and most contacts in one bulk request (vendor page, second copy).
MOST = 1000

_RATE = Rate(100, 60)
_BULK_RATE = Rate(10, 60)

METHODS = ("PATCH", "PUT", "POST")
_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesPulseSettings:
    """One SalesPulse account. Raises UsageError at once for an address to which the key must not be sent."""

    base_url: str
    api_key: SecretStr = field(repr=False)
    rate: Rate = _RATE
    bulk_rate: Rate = _BULK_RATE
    share: float = 0.9
    page_size: int | None = None  #: contacts a page; None: learned from the server
    token_field: str = ""  #: custom field that carries the CRM id; "" for none
    stage_method: str = "PATCH"
    region: str = "US"  #: for phone numbers without a country code
    timeout: float = 30.0  #: seconds for connecting and for each wait during an answer

    def __post_init__(self) -> None:
        require_safe(self.base_url)
        if not _KEY.fullmatch(self.api_key.get_secret_value()):
            raise UsageError(
                "[salespulse] api_key is empty or holds blanks or characters that no key has; "
                "copy the key again from SalesPulse, Settings → API Keys"
            )
        if self.stage_method not in METHODS:
            raise UsageError(f"[salespulse] stage_method has to be one of {', '.join(METHODS)}")
        if self.page_size is not None and not 1 <= self.page_size <= MOST:
            raise UsageError(f'[salespulse] page_size has to be "auto" or 1 to {MOST}')


def require_safe(base_url: str) -> None:
    """Raise UsageError unless a bearer token may be sent to this address: https, or http on this machine."""
    try:
        parts = urlsplit(base_url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError("[salespulse] base_url is no address; write https://salespulse.app/api/v1") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError("[salespulse] base_url may hold a host and a path only; leave out @, ? and #")
    if not host or any(character.isspace() for character in base_url):
        raise UsageError("[salespulse] base_url is no address; write https://salespulse.app/api/v1")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return
    raise UsageError(
        f"[salespulse] base_url would send the API key unencrypted to {host}; write https:// "
        "(plain http is for loopback addresses only)"
    )


def governor(settings: SalesPulseSettings, clock: Clock, *, bulk_spent: Sequence[float] = ()) -> Governor:
    """Return the budget of the account. ``bulk_spent``: seconds ago of bulk requests that an earlier process
    sent.

    The rate headers speak of the hundred a minute; nothing documented tells how many bulk requests are left.
    """
    pools = {API: (settings.rate,), BULK: (settings.bulk_rate,)}
    return Governor("SalesPulse", pools, share=settings.share, clock=clock, spent={BULK: Spent(ago=tuple(bulk_spent))})
