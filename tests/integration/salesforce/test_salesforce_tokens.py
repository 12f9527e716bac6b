"""Logging in to Salesforce and what a session that ends means, over real HTTP."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from connectors.salesforce.faults import Refused, TokenRefused
from connectors.salesforce.tokens import audience, org_in
from connectors.salesforce.transport import Transport
from syncd.errors import CredentialsRefused, SyncdError, Unreachable

LOGIN, QUERY = "POST /oauth2/token", "GET /query"
CONTACTS = "SELECT Id FROM Contact"
ORG = "00D5e0000000001EAA"


def at_once(count: int, call: Callable[[], Any]) -> list[Any]:
    """What the calls of so many threads gave or raised."""

    def one(_: int) -> Any:
        try:
            return call()
        except SyncdError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def jwt_settings(key: RSAPrivateKey) -> dict[str, Any]:
    return {
        "auth": "jwt",
        "consumer_secret": None,
        "username": "integration@sandbox.example",
        "private_key": pem(key),
    }


def trust(wire: Any, key: RSAPrivateKey) -> None:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    wire.options(jwt_public_key=public.decode())


# ---- logging in


def test_nothing_is_sent_before_the_first_request_and_threads_share_one_login(wire: Any) -> None:
    assert wire.asked() == {}
    assert len({answer.status for answer in at_once(8, lambda: wire.transport.query(CONTACTS))}) == 1
    assert wire.asked() == {LOGIN: 1, QUERY: 8}


def test_a_jwt_is_signed_with_the_rsa_key_and_opens_a_session(
    wire: Any, key: RSAPrivateKey, jwt_settings: dict[str, Any]
) -> None:
    trust(wire, key)
    transport = wire.open(**jwt_settings)
    assert transport.query(CONTACTS).status == 200
    wire.model.tokens.expire()
    wire.clock.advance(86_400)
    assert transport.query(CONTACTS).status == 200
    assert wire.asked() == {LOGIN: 2, QUERY: 3}


def test_a_jwt_of_another_key_is_refused_and_says_what_to_check(wire: Any, jwt_settings: dict[str, Any]) -> None:
    trust(wire, generate_private_key(public_exponent=65537, key_size=2048))
    transport = wire.open(**jwt_settings)
    with pytest.raises(CredentialsRefused, match=r"invalid_grant.*certificate.*clock"):
        transport.query(CONTACTS)
    assert wire.asked() == {LOGIN: 1}


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8801", "http://127.0.0.1:8801"),
    ],
)
def test_the_audience_of_a_jwt_is_the_login_host_behind_a_my_domain(origin: str, wanted: str) -> None:
    assert audience(origin) == wanted


@pytest.mark.parametrize(
    ("changed", "word"),
    [({"consumer_secret": "wrong-but-secret"}, "invalid_client"), ({"consumer_key": "wrong"}, "invalid_client_id")],
)
def test_a_wrong_app_stops_the_connection_and_the_secret_is_not_told(
    wire: Any, changed: dict[str, str], word: str
) -> None:
    transport = wire.open(**changed)
    for _ in range(3):
        with pytest.raises(CredentialsRefused, match=rf"\b{word}\b") as refused:
            transport.query(CONTACTS)
        assert "secret" not in str(refused.value).replace("consumer_secret", "")
    assert wire.asked() == {LOGIN: 1}


def test_an_unusual_secret_arrives_as_it_is(wire: Any) -> None:
    wire.options(consumer_secret="a+b%2B:c&d=e")
    assert wire.open(consumer_secret="a+b%2B:c&d=e").query(CONTACTS).status == 200


@pytest.mark.parametrize("error", ["rate_limit_exceeded", "temporarily_unavailable"])
def test_too_many_logins_say_nothing_against_the_credentials(wire: Any, error: str) -> None:
    wire.fault("status", "/oauth2/token", status=400, body={"error": error, "error_description": "later"}, times=2)
    assert wire.transport.query(CONTACTS).status == 200
    assert wire.asked() == {LOGIN: 3, QUERY: 1}


@pytest.mark.parametrize("rule", [{"action": "status", "status": 503}, {"action": "html", "status": 400}])
def test_a_token_path_that_is_down_is_tried_again_and_then_unreachable(wire: Any, rule: dict[str, Any]) -> None:
    wire.fault(path="/oauth2/token", times=None, **rule)
    with pytest.raises(Unreachable):
        wire.transport.query(CONTACTS)
    assert wire.asked() == {LOGIN: 5}


def test_a_write_that_waits_for_a_token_was_not_sent(wire: Any) -> None:
    wire.fault("drop_before", "/oauth2/token", times=None)
    with pytest.raises(Unreachable):
        wire.transport.write(wire.patch("003000000000001AAA", {"Phone": "1"}), safe=False)


def test_a_login_that_leads_to_plain_http_is_refused_before_the_token_is_sent(wire: Any) -> None:
    body = {"access_token": "00Dtoken!secret", "instance_url": "http://acme.example", "id": f"https://x/id/{ORG}/005"}
    wire.fault("status", "/oauth2/token", status=200, body=body)
    with pytest.raises(CredentialsRefused, match="not https"):
        wire.transport.query(CONTACTS)
    assert wire.asked() == {LOGIN: 1}


@pytest.mark.parametrize("answer", ["[]", '{"access_token": "a b\\nc", "instance_url": "https://x.example"}'])
def test_a_token_that_cannot_be_sent_is_not(wire: Any, answer: str) -> None:
    wire.fault("status", "/oauth2/token", status=200, body=answer, times=None)
    with pytest.raises((CredentialsRefused, Unreachable)):
        wire.transport.query(CONTACTS)
    assert QUERY not in wire.asked()


# ---- a session ends


def hold_all(transport: Transport, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many requests are refused before any of them asks for a new token."""
    barrier = threading.Barrier(count)
    exchange = transport._exchange

    def held(*given: Any) -> Any:
        try:
            return exchange(*given)
        except TokenRefused:
            barrier.wait(timeout=30)
            raise

    monkeypatch.setattr(transport, "_exchange", held)


@pytest.mark.parametrize("body", ["list", "dict", "html"])
def test_eight_threads_that_meet_an_expired_session_log_in_once(
    wire: Any, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.options(body_401=body)
    wire.transport.query(CONTACTS)
    wire.asked()
    wire.model.tokens.expire()
    hold_all(wire.transport, 8, monkeypatch)
    answers = at_once(8, lambda: wire.transport.query(CONTACTS))
    assert [answer.status for answer in answers] == [200] * 8
    assert wire.asked() == {LOGIN: 1, QUERY: 16}


def test_a_condition_survives_the_new_session(wire: Any) -> None:
    record_id = wire.model.add_contact({"LastName": "Li", "Phone": "305 555 0100"})
    wire.clock.advance(60)
    seen = wire.transport.query(CONTACTS).headers["date"]
    wire.clock.advance(60)
    wire.model.edit(record_id, {"Phone": "305 555 0199"})
    wire.model.tokens.expire()
    with pytest.raises(Refused) as refused:
        wire.transport.write(wire.patch(record_id, {"Phone": "1"}, If_Unmodified_Since=seen), safe=False)
    assert refused.value.status == 412
    assert wire.asked()[LOGIN] == 2
    (row,) = wire.transport.query("SELECT Phone FROM Contact").data["records"]
    assert row["Phone"] == "305 555 0199"


def test_a_write_that_met_an_expired_session_is_sent_again(wire: Any) -> None:
    record_id = wire.model.add_contact({"LastName": "Li"})
    wire.transport.query(CONTACTS)
    wire.model.tokens.expire()
    answer = wire.transport.write(wire.patch(record_id, {"Phone": "1"}), safe=False)
    assert (answer.status, answer.data, answer.repeated_within) == (204, None, None)


@pytest.mark.parametrize("body", ["list", "dict", "html"])
def test_a_session_that_stays_refused_ends_in_one_clear_stop_without_hammering(wire: Any, body: str) -> None:
    wire.options(refuses_sessions=True, body_401=body)
    for _ in range(3):
        with pytest.raises(CredentialsRefused, match=r"gives out a token and then refuses it \(401\)"):
            wire.transport.query(CONTACTS)
    assert wire.asked() == {LOGIN: 2, QUERY: 2}


def test_a_deactivated_user_is_named_once_and_not_asked_for_again(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.transport.query(CONTACTS)
    wire.asked()
    wire.options(user_active=False)
    hold_all(wire.transport, 8, monkeypatch)
    stops = at_once(8, lambda: wire.transport.query(CONTACTS))
    assert {type(stop) for stop in stops} == {CredentialsRefused}
    assert all("inactive_user" in str(stop) for stop in stops)
    assert wire.asked() == {LOGIN: 1, QUERY: 8}
    with pytest.raises(CredentialsRefused, match="activate the user"):
        wire.transport.query(CONTACTS)
    assert wire.asked() == {}


def test_a_given_session_that_ends_cannot_be_renewed(wire: Any) -> None:
    token = wire.model.tokens.open()
    transport = wire.open(auth="session", session_id=token, instance_url=wire.url, login_url=None)
    assert transport.query(CONTACTS).status == 200
    wire.model.tokens.expire()
    for _ in range(2):
        with pytest.raises(CredentialsRefused, match="session_id") as refused:
            transport.query(CONTACTS)
        assert token not in str(refused.value)
    assert wire.asked() == {QUERY: 2}


# ---- whose data it is


def test_the_login_tells_the_org(wire: Any) -> None:
    assert wire.transport.org_id() == ORG
    assert wire.asked() == {LOGIN: 1}


def test_a_session_id_tells_the_org_and_one_without_it_asks(wire: Any) -> None:
    given = {"auth": "session", "instance_url": wire.url, "login_url": None}
    assert wire.open(session_id=wire.model.tokens.open(), **given).org_id() == ORG
    assert wire.asked() == {}
    tokens = wire.model.tokens.export()
    wire.model.tokens.load({**tokens, "ends": {"opaque": wire.clock.now().timestamp() + 60}})
    assert wire.open(session_id="opaque", **given).org_id() == ORG
    assert wire.asked() == {QUERY: 1}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/id/00D5e0000000001EAA/0055e000000001AAAQ", ORG),
        ("/id/00D5e0000000001/0055e000000001AAAQ", ORG),
        ("00D5e0000000001!AQ.x", ORG),
        ("/id/0055e000000001AAAQ", ""),
        ("00D5e000", ""),
        ("", ""),
    ],
)
def test_an_org_is_always_told_by_18_characters(text: str, wanted: str) -> None:
    assert org_in(text) == wanted


# ---- secrets


def test_the_token_is_in_no_error_and_no_log_also_when_the_vendor_repeats_it(
    wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.transport.query(CONTACTS)
    (token,) = wire.sessions()
    entry = {"errorCode": "MALFORMED_QUERY", "message": f"bad header: Bearer {token}"}
    wire.fault("status", "/query", status=400, body=[entry])
    with pytest.raises(Refused) as refused:
        wire.transport.query(CONTACTS)
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value.faults) + caplog.text
    assert "bad header" in told
    assert token not in told
    assert "sandbox-secret" not in told
    assert token not in repr(wire.transport._tokens.token())


def test_a_refused_login_is_told_without_the_vendors_words(wire: Any) -> None:
    body = {"error": "invalid_grant", "error_description": "sandbox-secret is wrong for ann@example.com"}
    wire.fault("status", "/oauth2/token", status=400, body=body)
    with pytest.raises(CredentialsRefused, match="invalid_grant") as refused:
        wire.transport.query(CONTACTS)
    told = "".join(traceback.format_exception(refused.value))
    assert "ann@example.com" not in told
    assert "sandbox-secret" not in told
