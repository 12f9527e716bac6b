"""The token of each request: fetched under one lock, renewed once for all threads, never kept on disk.

Refresh tokens do not exist in these flows, and Salesforce does not say how long a token lives (section 2.1): it is used
until it is refused.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from connectors.salesforce.ids import full_id
from connectors.salesforce.session import Reply
from connectors.salesforce.settings import COMMON_HOSTS, SalesforceSettings, safe_origin
from syncd.clock import Clock
from syncd.errors import CredentialsRefused
from syncd.net.faults import TransientFault, parse_retry_after

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
_JWT_LIFE = timedelta(minutes=3)  # the longest that Salesforce takes (section 2.1)
_ORG = re.compile(r"00D[0-9A-Za-z]{12}(?:[0-9A-Za-z]{3})?(?=[!/]|$)", re.ASCII)
_SENDABLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
_WORD = re.compile(r"[a-z][a-z_]{1,39}", re.ASCII)
#: error of the token path → what to do. The descriptions are in the user's language and are not repeated.
_REMEDIES = {
    "invalid_client_id": "check consumer_key; a new app works only after some minutes",
    "invalid_client": "check consumer_key and consumer_secret",
    "inactive_user": "the user is inactive or locked: activate the user, or let the app run as another one",
    "inactive_org": "the org is locked or closed: ask Salesforce's support",
    "unsupported_grant_type": "switch this flow on in the app: client credentials, or JWT bearer",
}
_INVALID_GRANT = {
    "client_credentials": "the app needs the client credentials flow switched on and an active Run As user",
    "jwt": "the user has to be active and approved for the app in advance, the certificate in the app has to belong to "
    "private_key, login_url has to be that of the user's org, and this machine's clock has to be right",
}

#: Sends a form to an address.
Send = Callable[[str, Mapping[str, str]], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a login gave. ``org_id`` is "" where the login did not tell it."""

    value: str
    instance_url: str
    org_id: str

    def __repr__(self) -> str:
        return f"Token({self.instance_url})"


class Tokens:
    """The one cell that all threads of a connection take their token from."""

    def __init__(self, settings: SalesforceSettings, clock: Clock, send: Send) -> None:
        self._settings = settings
        self._clock = clock
        self._send = send
        self._lock = threading.Lock()
        self._token = _given(settings)
        self._dead: str = ""  # why no login can help any more; a person has to act, so nothing is asked again

    def token(self) -> Token:
        """The token to send now; logs in when there is none. Raises CredentialsRefused, TransientFault."""
        with self._lock:
            self._refuse_if_dead()
            if self._token is None:
                self._token = self._fetch()
            return self._token

    def renew(self, refused: Token) -> Token:
        """After a 401 for ``refused``: the token to try once more with. Logs in again unless another thread has done so
        already.

        Raises CredentialsRefused, TransientFault.
        """
        with self._lock:
            self._refuse_if_dead()
            if self._settings.auth == "session":
                self._die(
                    "the session id is no longer accepted (401); sessions end within hours. Give a new session_id, or "
                    'use auth = "client_credentials" or "jwt", which log in by themselves'
                )
            if self._token is None or self._token.value == refused.value:
                self._token = None
                self._token = self._fetch()
            return self._token

    def refused_again(self) -> CredentialsRefused:
        """What a 401 means for a token that was just made: no other will be accepted either."""
        with self._lock:
            self._dead = self._dead or (
                "Salesforce gives out a token and then refuses it (401); check that the app's policies let this user "
                "use the API from this address (IP relaxation, permitted users, API Enabled), and that instance_url "
                "is the org's own"
            )
            return CredentialsRefused(f"Salesforce: {self._dead}")

    # ---- with the lock held

    def _refuse_if_dead(self) -> None:
        if self._dead:
            raise CredentialsRefused(f"Salesforce: {self._dead}")

    def _die(self, why: str) -> None:
        self._dead = why
        self._refuse_if_dead()

    def _fetch(self) -> Token:
        """Its faults say ``sent=False``: the request that waits for the token was not sent."""
        settings = self._settings
        try:
            reply = self._send(settings.login_origin + TOKEN_PATH, self._form())
        except TransientFault as fault:
            raise TransientFault(str(fault), retry_after=fault.retry_after, sent=False) from None
        told = _object(reply.body)
        if reply.status == 200 and isinstance(told.get("access_token"), str):
            return self._taken(told)
        word = str(told.get("error") or "")
        word = word if _WORD.fullmatch(word) else ""
        # rate_limit_exceeded: 3,600 logins of a user in an hour (section 7). It says nothing against the credentials.
        if reply.status in (400, 401, 403) and word and word not in ("rate_limit_exceeded", "temporarily_unavailable"):
            self._die(f"gave no token ({reply.status}, {word}); {self._remedy(word)}")
        if 300 <= reply.status < 400:
            self._die(
                f"login_url answers with a redirect ({reply.status}), which is not followed; give the address itself"
            )
        hint = parse_retry_after(reply.headers.get("retry-after"), self._clock.now())
        raise TransientFault(
            f"Salesforce's token path answered {reply.status} without a token ({word or 'no reason given'})",
            retry_after=hint,
            sent=False,
        )

    def _form(self) -> dict[str, str]:
        settings = self._settings
        if settings.auth == "jwt":
            return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion()}
        # In the form and not as Basic: there, servers disagree on whether the two are percent-encoded first.
        return {
            "grant_type": "client_credentials",
            "client_id": settings.consumer_key,
            "client_secret": settings.consumer_secret.get_secret_value() if settings.consumer_secret else "",
        }

    def _assertion(self) -> str:
        import jwt

        settings = self._settings
        claims = {
            "iss": settings.consumer_key,
            "sub": settings.username,
            "aud": audience(settings.login_origin),
            "exp": int((self._clock.now() + _JWT_LIFE).timestamp()),
        }
        key = settings.private_key.get_secret_value() if settings.private_key else ""
        return jwt.encode(claims, key, algorithm="RS256")

    def _taken(self, told: Mapping[str, Any]) -> Token:
        value, url = str(told["access_token"]), str(told.get("instance_url") or "")
        try:
            url = self._settings.instance_url or safe_origin(url)
        except ValueError:
            self._die(
                "the login leads to an instance address that is not https, so no token is sent there; check login_url, "
                "or give instance_url"
            )
        if not _SENDABLE.fullmatch(value):
            self._die("the login gave a token that cannot be sent; does login_url lead to Salesforce?")
        return Token(value=value, instance_url=url, org_id=org_in(urlsplit(str(told.get("id") or "")).path))

    def _remedy(self, word: str) -> str:
        if word == "invalid_grant":
            return _INVALID_GRANT[self._settings.auth]
        return _REMEDIES.get(word, "check the app's settings in Setup → External Client App Manager")


def audience(login_origin: str) -> str:
    """Given where to log in, return the ``aud`` of a JWT: of a My Domain the login host behind it (section 2.1)."""
    host = (urlsplit(login_origin).hostname or "").lower()
    if not host.endswith(".my.salesforce.com"):
        return login_origin
    production, sandbox = (f"https://{common}" for common in COMMON_HOSTS)
    return sandbox if host.endswith(".sandbox.my.salesforce.com") else production


def org_in(text: str) -> str:
    """Given a session id ("00D…!…") or the path of an identity ("/id/00D…/005…"), return the org's id of 18
    characters; "" when there is none.
    """
    found = _ORG.search(text)
    return full_id(found[0]) if found else ""


def _given(settings: SalesforceSettings) -> Token | None:
    if settings.auth != "session" or settings.session_id is None:
        return None
    value = settings.session_id.get_secret_value()
    # Only at its start is it the org's: the rest of a session id is chance.
    org_id = org_in(value) if value.startswith("00D") else ""
    return Token(value=value, instance_url=settings.instance_url, org_id=org_id)


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
