"""The token of each request: a fixed one, or one that is fetched with a refresh token and renewed in time.
Keeps no token on disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from connectors.hubspot.faults import TokenRefused, parse_body
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.wire import Reply
from syncd.clock import Clock
from syncd.errors import CredentialsRefused
from syncd.net.faults import TransientFault

#: Renewed so many seconds before it ends; HubSpot's tokens live 1,800 s, but ``expires_in`` decides (section
#: 2).
_MARGIN = 60.0


class Credentials:
    """Hands out the access token. ``fetch`` sends the form to HubSpot's token path."""

    def __init__(
        self, settings: HubSpotSettings, clock: Clock, fetch: Callable[[list[tuple[str, str]]], Reply]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token = settings.access_token.get_secret_value() if settings.access_token else ""
        self._until = 0.0

    @property
    def renewable(self) -> bool:
        return self._settings.refresh_token is not None

    def token(self) -> str:
        """The token to send now; fetches one when there is none or it ends soon. Raises CredentialsRefused,
        TransientFault.
        """
        if not self.renewable:
            return self._token
        with self._lock:
            if not self._token or self._clock.monotonic() >= self._until:
                self._renew()
            return self._token

    def renew(self, refused: str) -> None:
        """After a 401 for ``refused``: fetch a new token, unless another thread has already done so."""
        with self._lock:
            if self._token == refused:
                self._renew()

    def _renew(self) -> None:
        """Its faults say ``sent=False``: the request that waits for the token was not sent."""
        settings = self._settings
        if settings.refresh_token is None or settings.client_secret is None or settings.client_id is None:
            raise TokenRefused("a fixed token cannot be renewed")
        form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", settings.refresh_token.get_secret_value()),
            ("client_id", settings.client_id),
            ("client_secret", settings.client_secret.get_secret_value()),
        ]
        try:
            reply = self._fetch(form)
        except TransientFault as fault:
            raise TransientFault(str(fault), retry_after=fault.retry_after, sent=False) from None
        told = parse_body(reply.body) or {}
        if reply.status in (400, 401, 403):
            raise CredentialsRefused(
                f"HubSpot gave no access token ({reply.status}, {_code(told)}); check client_id and "
                "client_secret, or install the "
                "app again and put in its new refresh_token"
            )
        token, lifetime = told.get("access_token"), told.get("expires_in")
        if reply.status != 200 or not isinstance(token, str) or not token:
            raise TransientFault(f"HubSpot's token path answered {reply.status} without a token", sent=False)
        self._token = token
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 1800.0
        self._until = self._clock.monotonic() + max(1.0, seconds - _MARGIN)


def _code(told: dict[str, object]) -> str:
    """HubSpot's word for the refusal, if it is one of a code's shape and so cannot be a secret."""
    word = str(told.get("error") or told.get("status") or "")
    return word if word.replace("_", "").isalpha() and len(word) < 40 else "no reason given"
