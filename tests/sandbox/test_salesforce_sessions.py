"""Sessions of the Salesforce model: who gets one, what it looks like, how it ends (contract, sections 2.1 and 2.3)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.direct import Direct
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.wire import Request, Response

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PUBLIC = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce(ManualClock(), options=Options(jwt_public_key=PUBLIC))


def ask(salesforce: Salesforce, form: Mapping[str, str], **headers: str) -> Response:
    return salesforce.handle(
        Request(
            method="POST",
            path="/services/oauth2/token",
            headers={"host": "acme.example:8703", "content-type": "application/x-www-form-urlencoded", **headers},
            body=urlencode(form).encode(),
        )
    )


def basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


def client(salesforce: Salesforce, key: str = "3MVG9.sandbox", secret: str = "sandbox-secret") -> Response:
    return ask(salesforce, {"grant_type": "client_credentials"}, authorization=basic(key, secret))


def assertion(salesforce: Salesforce, key: rsa.RSAPrivateKey = KEY, **changes: Any) -> str:
    claims = {
        "iss": "3MVG9.sandbox",
        "sub": "integration@sandbox.example",
        "aud": "https://login.salesforce.com",
        "exp": round(salesforce.clock.now().timestamp()) + 180,
    }
    return jwt.encode({**claims, **changes}, key, algorithm="RS256")


def bearer(salesforce: Salesforce, text: str) -> Response:
    return ask(salesforce, {"grant_type": BEARER, "assertion": text})


def use(salesforce: Salesforce, token: str, scheme: str = "Bearer") -> Response:
    headers = {"authorization": f"{scheme} {token}"}
    return salesforce.handle(Request(method="GET", path="/services/data/v62.0/limits/", headers=headers))


def test_a_session_names_the_org_and_where_to_go(salesforce: Salesforce) -> None:
    answer = client(salesforce)
    assert answer.status == 200
    body = answer.json()
    assert body["access_token"].startswith("00D5e0000000001!AQ")
    assert body["instance_url"] == "http://acme.example:8703"
    assert body["id"] == "https://login.salesforce.com/id/00D5e0000000001EAA/0055e0000000001AAA"
    assert (body["token_type"], body["scope"], body["issued_at"]) == ("Bearer", "api", "1772460000000")
    assert "expires_in" not in body
    assert "refresh_token" not in body
    assert use(salesforce, body["access_token"]).status == 200
    assert use(salesforce, body["access_token"], "OAuth").status == 200


def test_client_credentials_may_stand_in_the_form(salesforce: Salesforce) -> None:
    form = {"grant_type": "client_credentials", "client_id": "3MVG9.sandbox", "client_secret": "sandbox-secret"}
    assert ask(salesforce, form).status == 200


@pytest.mark.parametrize(("key", "secret", "status", "error"), [
    ("wrong", "sandbox-secret", 400, "invalid_client_id"),
    ("3MVG9.sandbox", "wrong", 401, "invalid_client"),
])  # fmt: skip
def test_a_wrong_client_is_told_which_half_is_wrong(
    salesforce: Salesforce, key: str, secret: str, status: int, error: str
) -> None:
    answer = client(salesforce, key, secret)
    assert (answer.status, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}


@pytest.mark.parametrize("changes", [
    {},
    {"exp": str(1772460000 + 180)},
    {"aud": "https://test.salesforce.com"},
    {"aud": "http://acme.example:8703"},
    {"aud": "https://acme.example:8703"},
    {"aud": ["https://login.salesforce.com"]},
])  # fmt: skip
def test_a_signed_assertion_opens_a_session(salesforce: Salesforce, changes: dict[str, Any]) -> None:
    answer = bearer(salesforce, assertion(salesforce, **changes))
    assert answer.status == 200, answer.body
    assert use(salesforce, answer.json()["access_token"]).status == 200


@pytest.mark.parametrize(("changes", "error", "text"), [
    ({"iss": "other"}, "invalid_client_id", "client identifier invalid"),
    ({"sub": "someone@else.example"}, "invalid_grant", "user hasn't approved this consumer"),
    ({"aud": "https://elsewhere.example"}, "invalid_grant", "audience is invalid"),
    ({"exp": 1772459999}, "invalid_grant", "expired authorization code"),
    ({"exp": "1772459999"}, "invalid_grant", "expired authorization code"),
    ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
])  # fmt: skip
def test_a_wrong_assertion_is_refused(salesforce: Salesforce, changes: dict[str, Any], error: str, text: str) -> None:
    answer = bearer(salesforce, assertion(salesforce, **changes))
    assert answer.status == 400
    assert answer.json() == {"error": error, "error_description": text}


def test_the_signature_is_really_checked(salesforce: Salesforce) -> None:
    assert bearer(salesforce, assertion(salesforce, OTHER_KEY)).json()["error_description"] == "invalid assertion"
    unsigned = jwt.encode({"iss": "3MVG9.sandbox"}, "", algorithm="none")
    assert bearer(salesforce, unsigned).status == 400
    assert bearer(salesforce, "no token at all").status == 400


def test_without_a_registered_key_no_assertion_is_good() -> None:
    bare = Salesforce(ManualClock())
    assert bearer(bare, assertion(bare)).status == 400


@pytest.mark.parametrize("form", [{"grant_type": "password"}, {}])
def test_other_grants_are_not_supported(salesforce: Salesforce, form: dict[str, str]) -> None:
    answer = ask(salesforce, form)
    assert (answer.status, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_tokens_are_not_given_to_get(salesforce: Salesforce) -> None:
    assert salesforce.handle(Request(method="GET", path="/services/oauth2/token")).status == 400


def test_a_session_ends_after_its_time(salesforce: Salesforce) -> None:
    token = client(salesforce).json()["access_token"]
    salesforce.clock.advance(7_199)
    assert use(salesforce, token).status == 200
    salesforce.clock.advance(1)
    answer = use(salesforce, token)
    assert answer.status == 401
    assert answer.json() == EXPIRED
    assert use(salesforce, client(salesforce).json()["access_token"]).status == 200


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic abc"}])
def test_no_session_or_a_wrong_one_is_401(salesforce: Salesforce, header: dict[str, str]) -> None:
    answer = salesforce.handle(Request(method="GET", path="/services/data/v62.0/limits", headers=header))
    assert (answer.status, answer.json()) == (401, EXPIRED)
    assert "Sforce-Limit-Info" not in answer.headers


def test_the_body_of_a_401_comes_in_three_forms(salesforce: Salesforce) -> None:
    salesforce.set_options(Options(body_401="dict"))
    assert use(salesforce, "x").json() == EXPIRED[0]
    salesforce.set_options(Options(body_401="html"))
    answer = use(salesforce, "x")
    assert (answer.status, answer.body[:6]) == (401, b"<html>")


def test_sessions_can_be_refused_for_good(salesforce: Salesforce) -> None:
    salesforce.set_options(Options(refuses_sessions=True))
    assert use(salesforce, client(salesforce).json()["access_token"]).status == 401


def test_a_deactivated_user_loses_its_sessions_and_gets_no_other(salesforce: Salesforce) -> None:
    token = client(salesforce).json()["access_token"]
    salesforce.set_options(Options(user_active=False, jwt_public_key=PUBLIC))
    assert use(salesforce, token).status == 401
    for answer in (client(salesforce), bearer(salesforce, assertion(salesforce))):
        assert answer.json() == {"error": "inactive_user", "error_description": "user is inactive"}
    assert use(salesforce, salesforce.tokens.open()).status == 401


def test_asking_for_tokens_uses_no_api_requests(salesforce: Salesforce) -> None:
    api = Direct(salesforce)
    for _ in range(5):
        client(salesforce)
    assert api.get("limits/").headers["Sforce-Limit-Info"] == "api-usage=1/100000"


def test_sessions_are_kept_with_the_state(salesforce: Salesforce) -> None:
    token = client(salesforce).json()["access_token"]
    saved = salesforce.tokens.export()
    following = salesforce.tokens.open()
    salesforce.tokens.expire()
    salesforce.tokens.load(saved)
    assert use(salesforce, token).status == 200
    assert salesforce.tokens.open() == following
