"""One HTTP exchange through hubspot-api-client's ApiClient, and nothing above it: no budget, no retries, no
meaning of statuses.

Why not the typed classes of the package, and how its ApiClient is tamed:
docs/decisions/0004-hubspot-transport.md.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
from hubspot.crm.contacts.api_client import ApiClient
from hubspot.crm.contacts.configuration import Configuration
from hubspot.crm.contacts.exceptions import ApiException

from syncd.errors import CredentialsRefused
from syncd.net.faults import TransientFault

_CONNECT_SECONDS = 10.0
_CONNECTIONS = 16
_LOGGERS = ("urllib3", "hubspot.crm.contacts")
_making = threading.Lock()
#: Network errors that happen before a byte of the request has left.
_UNSENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)


class _NoHandshake(urllib3.exceptions.NewConnectionError):
    """TLS came to nothing while connecting. An SSLError of any other moment may follow a request that was sent."""


class _Connection(urllib3.connection.HTTPSConnection):
    """Tells a handshake that failed from TLS that broke later, which urllib3 reports alike."""

    def connect(self) -> None:
        try:
            super().connect()
        except (ssl.SSLError, urllib3.util.ssl_match_hostname.CertificateError) as error:
            raise _NoHandshake(self, type(error).__name__) from None


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, whatever the status. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One pool of kept connections to one HubSpot. Used by several threads at once."""

    def __init__(self, base_url: str, *, timeout_seconds: float) -> None:
        self._timeout = (min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        with _making, _logging_untouched():
            configuration = Configuration()
            configuration.host = base_url
            configuration.connection_pool_maxsize = _CONNECTIONS
            # total=False raises network errors as they are; no redirect is ever followed: it would carry the
            # token along.
            configuration.retries = urllib3.Retry(total=False, redirect=False, respect_retry_after_header=False)
            self._client = ApiClient(configuration)
        pools = self._client.rest_client.pool_manager
        pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, "https": _Pool}
        self._client.user_agent = "syncd"
        self._client.set_default_header("Accept", "application/json")
        self._client.set_default_header("Accept-Encoding", "gzip")

    def exchange(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        form: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """Send one request and read the whole answer.

        Raises TransientFault when the network gave none, and CredentialsRefused when the token cannot be sent.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = self._client.call_api(
                path,
                method,
                query_params=list(query),
                header_params=headers,
                body=body,
                post_params=list(form),
                auth_settings=[],
                _preload_content=False,  # the client would decode, log and retype the body
                _request_timeout=self._timeout,
            )
            return _reply(answer.status, answer.headers, answer.data)
        except ApiException as refusal:
            return _refusal(refusal, method, path)
        except (UnicodeDecodeError, AttributeError) as broken:
            # The client failed while it decoded a refusal's body as UTF-8, or had none; the refusal itself is
            # the context.
            if isinstance(broken.__context__, ApiException):
                return _refusal(broken.__context__, method, path)
            raise
        except urllib3.exceptions.HTTPError as error:
            sent = not isinstance(error, _UNSENT)
            raise TransientFault(f"{method} {path}: {_plainly(error)}", sent=sent) from None
        except ValueError:
            pass  # http.client quotes the header, so neither its error nor a context of it may get out
        raise CredentialsRefused(
            f"{method} {path}: the credentials hold characters that cannot be sent, so nothing was; copy the token "
            "from HubSpot again"
        )

    def close(self) -> None:
        """Close every kept connection."""
        self._client.rest_client.pool_manager.clear()
        self._client.close()


def _refusal(refusal: ApiException, method: str, path: str) -> Reply:
    if not refusal.status:
        # The client's form of an SSLError; handshakes fail as _NoHandshake, so the request was on its way.
        raise TransientFault(f"{method} {path}: the secure connection broke", sent=True) from None
    body = refusal.body.encode() if isinstance(refusal.body, str) else refusal.body or b""
    return _reply(refusal.status, refusal.headers or {}, body)


def _reply(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    return Reply(status=status, headers={name.lower(): value for name, value in headers.items()}, body=body)


def _plainly(error: urllib3.exceptions.HTTPError) -> str:
    """What happened, without the address, which can hold e-mail addresses."""
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "the host's name could not be resolved"
        case _NoHandshake():
            return "no secure connection could be made; check the certificate and the clock"
        case urllib3.exceptions.NewConnectionError():
            return "no connection could be made"
        case urllib3.exceptions.ConnectTimeoutError():
            return "no connection was made in time"
        case urllib3.exceptions.ReadTimeoutError():
            return "no answer came in time"
        case _:
            return f"the connection broke ({type(error).__name__})"


@contextmanager
def _logging_untouched() -> Iterator[None]:
    """The client sets two loggers' levels and http.client's debug switch, of the whole process; put them
    back.
    """
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    debug = http.client.HTTPConnection.debuglevel
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        http.client.HTTPConnection.debuglevel = debug
