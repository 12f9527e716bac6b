"""Sessions: the token endpoint for client credentials and JWT bearer, and who may call (contract, section 2.1, 2.3).

Signatures are really checked. Session ids are random from a seed and open nothing but the sandbox.
"""

from __future__ import annotations

import base64
import binascii
import random
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import jwt
from jwt.types import Options as Checks

from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.wire import Request, Response, json_response

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
_CHARACTERS = string.ascii_letters + string.digits + "._"
_UNCHECKED: Checks = {
    "verify_exp": False,
    "verify_aud": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,
}
"""Left to us: the package reads the machine's clock, and wants a number where Salesforce takes a text too."""


class _Denied(Exception):
    """No token, and why, in the vendor's words."""

    def __init__(self, error: str, text: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.text = text
        self.status = status


class Tokens:
    """The sessions of the integration user. Whether it is active, and the credentials, are ``org.options``."""

    def __init__(self, org: Org, seed: int = 0) -> None:
        self._org = org
        self._chance = random.Random(f"sessions {seed}")
        self._ends: dict[str, float] = {}

    def is_open(self, header: str) -> bool:
        """Whether the Authorization header holds a session that lives."""
        options = self._org.options
        scheme, _, token = header.partition(" ")
        if scheme.lower() not in {"bearer", "oauth"} or options.refuses_sessions or not options.user_active:
            return False
        return self._ends.get(token, 0.0) > self._now()

    def refusal(self) -> Response:
        """401, in the form that ``options.body_401`` chooses."""
        entry = {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
        match self._org.options.body_401:
            case "html":
                page = b"<html><head><title>Unauthorized</title></head><body>Session expired or invalid</body></html>"
                return Response(status=401, headers={"content-type": "text/html; charset=UTF-8"}, body=page)
            case "dict":
                return json_response(401, entry)
            case "list":
                return json_response(401, [entry], {"WWW-Authenticate": "Token"})

    def grant(self, request: Request) -> Response:
        """``POST /services/oauth2/token``: a form, with the client in it or in the Authorization header."""
        if request.method != "POST":
            return json_response(400, {"error": "invalid_request", "error_description": "must use HTTP POST"})
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        origin = f"http://{request.headers.get('host', 'sandbox.example')}"
        try:
            match form.get("grant_type"):
                case "client_credentials":
                    self._check_client(form, request.headers.get("authorization", ""))
                case kind if kind == JWT_BEARER:
                    self._check_assertion(form.get("assertion", ""), origin)
                case _:
                    raise _Denied("unsupported_grant_type", "grant type not supported")
            if not self._org.options.user_active:
                raise _Denied("inactive_user", "user is inactive")
        except _Denied as denied:
            return json_response(denied.status, {"error": denied.error, "error_description": denied.text})
        return json_response(200, self._opened(origin))

    def open(self) -> str:
        """A new session without the endpoint, for tests and simulations; gives its id."""
        token = f"{self._org.org_id[:15]}!AQ" + "".join(self._chance.choices(_CHARACTERS, k=48))
        self._ends[token] = self._now() + self._org.options.session_seconds
        return token

    def expire(self) -> None:
        """Every session ends now; new ones can be opened."""
        self._ends.clear()

    def export(self) -> dict[str, Any]:
        """JSON-able."""
        return {"ends": dict(self._ends), "random": self._chance.getstate()}

    def load(self, data: Mapping[str, Any]) -> None:
        """Take over what ``export`` gave."""
        self._ends = dict(data["ends"])
        version, internal, gauss = data["random"]
        self._chance.setstate((version, tuple(internal), gauss))

    def _now(self) -> float:
        return self._org.clock.now().timestamp()

    def _opened(self, origin: str) -> dict[str, str]:
        token = self.open()
        return {
            "access_token": token,
            "signature": base64.b64encode(self._chance.randbytes(32)).decode(),
            "scope": "api",
            "instance_url": origin,
            "id": f"{LOGIN_HOSTS[0]}/id/{self._org.org_id}/{self._org.user_id}",
            "token_type": "Bearer",
            "issued_at": str(round(self._now() * 1000)),
        }

    def _check_client(self, form: Mapping[str, str], header: str) -> None:
        key, secret = form.get("client_id", ""), form.get("client_secret", "")
        if header.lower().startswith("basic "):
            key, secret = _basic(header[6:])
        if key != self._org.options.consumer_key:
            raise _Denied("invalid_client_id", "client identifier invalid")
        if secret != self._org.options.consumer_secret:
            raise _Denied("invalid_client", "invalid client credentials", 401)

    def _check_assertion(self, assertion: str, origin: str) -> None:
        options = self._org.options
        try:
            claims = jwt.decode(assertion, options.jwt_public_key, algorithms=["RS256"], options=_UNCHECKED)
        except (jwt.PyJWTError, ValueError):
            raise _Denied("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != options.consumer_key:
            raise _Denied("invalid_client_id", "client identifier invalid")
        if claims.get("sub") != options.jwt_username:
            raise _Denied("invalid_grant", "user hasn't approved this consumer")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        mine = {*LOGIN_HOSTS, origin, origin.replace("http://", "https://")}
        if not any(isinstance(one, str) and one.rstrip("/") in mine for one in named):
            raise _Denied("invalid_grant", "audience is invalid")
        try:
            end = float(claims.get("exp", ""))
        except (TypeError, ValueError):
            raise _Denied("invalid_grant", "invalid assertion") from None
        if end <= self._now():
            raise _Denied("invalid_grant", "expired authorization code")


def _basic(encoded: str) -> tuple[str, str]:
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(key), unquote_plus(secret)
