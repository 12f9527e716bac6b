"""One HTTP exchange through simple-salesforce in direct mode, and nothing above it: no budget, no retries, no tokens
fetched, no meaning of statuses.

Why the package's own logins are not used, and how it is tamed: docs/decisions/0009-salesforce-direct-mode.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from connectors.salesforce.settings import safe_origin
from syncd.errors import CredentialsRefused
from syncd.net.faults import TransientFault

_CONNECT_SECONDS = 10.0
#: In the session and not in single calls, so that no path of the package can leave them out (sections 2.7 and 6).
#: Auto-assign is on by default and would change the owner of leads.
_HEADERS = {
    "User-Agent": "syncd",
    "Sforce-Call-Options": "client=syncd",
    "Sforce-Auto-Assign": "FALSE",
}
QUERY, QUERY_ALL = "query/", "queryAll/"
_CSV = "text/csv; charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, whatever the status. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: Any = None  #: decoded JSON of a success
    broken: bool = False  #: a success whose body is not what was asked for


class Session(requests.Session):
    """A session that follows no redirect, reads nothing from the environment, never waits for ever, and knows its last
    answer. For one thread at a time.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        super().__init__()
        self.trust_env = False  # proxies, CA bundles and .netrc of the environment (section 2.4)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update(_HEADERS)
        self.last: requests.Response | None = None
        self._timeout = (min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self.adapters.pop("http://")
        self.hooks["response"].append(self._note)

    def reach(self, url: str) -> None:
        """Make ready for an address: one in plain http has to be this machine's own, else ValueError."""
        parts = urlsplit(url)
        origin = safe_origin(f"{parts.scheme}://{parts.netloc}")
        if parts.scheme == "http" and f"{origin}/" not in self.adapters:
            self.mount(f"{origin}/", HTTPAdapter())
            self.mount(f"https://{parts.netloc}/", _PlainAdapter())

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """A redirect would carry the token along, so it comes back as it is."""
        options["allow_redirects"] = False
        if options.get("timeout") is None:
            options["timeout"] = self._timeout
        return super().send(request, **options)

    def forget(self) -> None:
        """From here on ``last`` is of the next request."""
        self.last = None

    def _note(self, response: requests.Response, **_: Any) -> None:
        self.last = response


class _PlainAdapter(HTTPAdapter):
    """Sends what simple-salesforce addresses to https as plain http. Mounted for origins of this machine only."""

    def send(self, request: requests.PreparedRequest, *rest: Any, **options: Any) -> requests.Response:
        request.url = "http" + (request.url or "").removeprefix("https")
        return super().send(request, *rest, **options)


class Door:
    """A session with the package's client for the token of the moment. For one thread at a time."""

    def __init__(self, *, timeout_seconds: float, api_version: str) -> None:
        self._session = Session(timeout_seconds=timeout_seconds)
        self._version = api_version
        self._client: Any = None
        self._made_for = ("", "")

    def exchange(
        self,
        method: str,
        path: str,
        *,
        token: str,
        instance_url: str,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
        content: str | None = None,
        headers: Mapping[str, str] | None = None,
        csv: bool = False,
    ) -> Reply:
        """Send one request and read the whole answer. ``path`` is below services/data/vXX.X/. ``csv``: the answer is
        CSV, and stays bytes.

        Raises TransientFault when the network gave no answer, CredentialsRefused when the token cannot be sent.
        """
        client = self._client_for(token, instance_url)
        given = dict(headers or {})
        where = f"{method} {path}"

        def call() -> Any:
            if content is not None or csv:
                # The package's restful() takes every answer for JSON, and its bulk2 has no headers, no timeout and
                # loses clears (section 2.7): CSV goes through the same session beside it.
                kind = {"Content-Type": _CSV} if content is not None else {"Accept": "text/csv"}
                data = content.encode() if content is not None else None
                url = client.base_url + path
                sent = {**client.headers, **kind, **given}
                self._session.request(method, url, params=list(params), data=data, headers=sent)
                return None
            if path in (QUERY, QUERY_ALL):
                return client.query(dict(params)["q"], include_deleted=path == QUERY_ALL, headers=given)
            more = {} if body is None else {"json": body}
            return client.restful(path, params=dict(params), method=method, headers=given, **more)

        return self._reply(call, where, csv=csv)

    def post_form(self, url: str, form: Mapping[str, str]) -> Reply:
        """Send a form, as the token path wants it. The same errors as ``exchange``."""
        self._session.reach(url)

        def call() -> Any:
            self._session.post(url, data=dict(form), headers={"Accept": "application/json"})

        return self._reply(call, "POST /services/oauth2/token", csv=True)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _client_for(self, token: str, instance_url: str) -> Any:
        """A new client for a new token: the package keeps the host and the header that it was made with."""
        if self._made_for != (token, instance_url):
            self._session.reach(instance_url)
            self._client = Salesforce(
                session_id=token,
                instance_url=instance_url,
                version=self._version,
                session=self._session,
                object_pairs_hook=None,
            )
            self._made_for = (token, instance_url)
        return self._client

    def _reply(self, call: Any, where: str, *, csv: bool) -> Reply:
        self._session.forget()
        data, broken = None, False
        try:
            data = call()
        except SalesforceError:
            pass  # it holds the status and the body of what the session noted, and no headers
        except requests.exceptions.JSONDecodeError:
            broken = True
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
            raise CredentialsRefused(
                f"{where}: the credentials hold characters that cannot be sent, so nothing was; log in again or copy "
                "them from Salesforce again"
            ) from None
        except requests.exceptions.RequestException as error:
            raise TransientFault(f"{where}: {_plainly(error)}", sent=not _is_unsent(error)) from None
        response = self._session.last
        if response is None:
            raise TransientFault(f"{where}: the connection broke", sent=True)
        body = response.content
        if data is None and body and not broken and not csv and response.status_code < 300:
            data = response.json()  # restful() gives None for an empty list too
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            data=data,
            broken=_is_broken(response, csv=csv, undecoded=broken),
        )


def _is_broken(response: requests.Response, *, csv: bool, undecoded: bool) -> bool:
    """Whether a success is not what was asked for, such as the page of a proxy. 201 and 202 may come without a body."""
    if csv:
        return "html" in response.headers.get("Content-Type", "").lower()
    return undecoded and (bool(response.content) or response.status_code == 200)


def _is_unsent(error: requests.exceptions.RequestException) -> bool:
    """Whether not a byte of the request has left. requests wraps both urllib3's faults before and after that alike."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = _reason(error)
    return isinstance(reason, NewConnectionError) or "CERTIFICATE_VERIFY_FAILED" in str(reason)


def _plainly(error: requests.exceptions.RequestException) -> str:
    """What happened, without the address, which can hold field values."""
    reason = _reason(error)
    match error:
        case requests.exceptions.SSLError():
            return "no secure connection could be made; check the address, the certificate and the clock"
        case requests.exceptions.ConnectTimeout():
            return "no connection was made in time"
        case requests.exceptions.ReadTimeout():
            return "no answer came in time"
        case _ if isinstance(reason, NameResolutionError):
            return "the host's name could not be resolved"
        case _ if isinstance(reason, NewConnectionError):
            return "no connection could be made"
        case _:
            return f"the connection broke ({type(error).__name__})"


def _reason(error: requests.exceptions.RequestException) -> object:
    inner = error.args[0] if error.args else None
    return inner.reason if isinstance(inner, MaxRetryError) else inner
