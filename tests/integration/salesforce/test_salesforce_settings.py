"""What the settings of a Salesforce connection accept, and what loading them costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from pydantic import ValidationError

from connectors.salesforce import KIND
from connectors.salesforce.ids import full_id
from connectors.salesforce.settings import SalesforceSettings
from syncd.net.governor import Spent
from syncd.sandbox.clock import ManualClock

CLIENT: dict[str, Any] = {
    "login_url": "https://acme.my.salesforce.com",
    "consumer_key": "3MVG9.key",
    "consumer_secret": "secret-of-the-app",
}
SESSION: dict[str, Any] = {
    "auth": "session",
    "session_id": "00D5e0000000001!secret",
    "instance_url": "https://acme.my.salesforce.com",
}


def pem(key: Any, lock: KeySerializationEncryption | None = None) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption()).decode())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwt(key: str, **more: Any) -> dict[str, Any]:
    return {"auth": "jwt", "consumer_key": "3MVG9.key", "username": "a@b.example", "private_key": key, **more}


def wrong(given: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        SalesforceSettings.model_validate(given)
    return str(refused.value)


# ---- ways in


def test_each_way_in_is_accepted_with_what_it_needs(rsa_key: rsa.RSAPrivateKey) -> None:
    for given in (CLIENT, SESSION, jwt(pem(rsa_key)), jwt(pem(rsa_key), login_url="https://test.salesforce.com")):
        SalesforceSettings.model_validate(given)
    assert SalesforceSettings.model_validate(jwt(pem(rsa_key))).login_origin == "https://login.salesforce.com"


@pytest.mark.parametrize(
    ("given", "missing"),
    [(CLIENT, name) for name in CLIENT]
    + [(SESSION, name) for name in ("session_id", "instance_url")]
    + [(jwt("not-read-0"), name) for name in ("consumer_key", "username", "private_key")],
)
def test_what_a_way_in_needs_is_asked_for_by_name(given: dict[str, Any], missing: str) -> None:
    left = {name: value for name, value in given.items() if name != missing}
    assert f"give {missing}" in wrong(left)


@pytest.mark.parametrize("host", ["login.salesforce.com", "test.salesforce.com", "LOGIN.salesforce.com"])
def test_client_credentials_need_a_my_domain(host: str) -> None:
    assert "My Domain" in wrong({**CLIENT, "login_url": f"https://{host}"})


@pytest.mark.parametrize("key", ["login_url", "instance_url"])
@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "http://10.0.0.1:8080",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "acme.my.salesforce.com",
        "ftp://acme.example",
        "https://user:pass@acme.example",
        "https://acme.example/services/data",
        "https://acme.example?x=1",
        "https://",
    ],
)
def test_a_token_never_goes_out_in_plain_text_or_to_half_an_address(key: str, url: str) -> None:
    assert "write" in wrong({**CLIENT, key: url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8801", "http://localhost:8801/", "http://[::1]:8801"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert SalesforceSettings.model_validate({**CLIENT, "login_url": url}).login_url == url.rstrip("/")


# ---- secrets


@pytest.mark.parametrize("written", [str, lambda text: text.strip().replace("\n", "\\n")])
def test_an_rsa_key_is_accepted_also_with_its_line_breaks_written_out(
    rsa_key: rsa.RSAPrivateKey, written: Callable[[str], str]
) -> None:
    settings = SalesforceSettings.model_validate(jwt(written(pem(rsa_key))))
    assert settings.private_key is not None
    assert settings.private_key.get_secret_value() == pem(rsa_key)


def test_a_key_that_cannot_sign_is_refused_with_what_to_do(rsa_key: rsa.RSAPrivateKey) -> None:
    assert "RSA" in wrong(jwt(pem(ec.generate_private_key(ec.SECP256R1()))))
    assert "password" in wrong(jwt(pem(rsa_key, BestAvailableEncryption(b"x"))))
    for text in ("/etc/key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not-read-A"):
        assert "PEM" in wrong(jwt(text))


def test_what_stands_in_for_a_secret_that_is_not_read_is_accepted() -> None:
    SalesforceSettings.model_validate(jwt("not-read-" + "0a" * 16))
    SalesforceSettings.model_validate({**CLIENT, "consumer_secret": "not-read-nowhere"})


@pytest.mark.parametrize("key", ["consumer_secret", "consumer_key"])
@pytest.mark.parametrize("value", ["two words", "line\nbreak", "é"])
def test_a_secret_with_impossible_characters_is_refused_and_not_told(key: str, value: str) -> None:
    assert value not in wrong({**CLIENT, key: value})


def test_no_secret_is_shown() -> None:
    settings = SalesforceSettings.model_validate(CLIENT)
    assert "secret-of-the-app" not in f"{settings!r} {settings} {settings.budget_key}"


# ---- the rest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_version", "30.0"),
        ("api_version", "v62.0"),
        ("api_version", "62"),
        ("id_field", "SalesPulse_Id"),
        ("id_field", "x__c FROM Contact"),
        ("id_field", "a___c"),
        ("daily_request_share", 0),
        ("daily_request_share", 1.5),
        ("overlap", "59s"),
        ("overlap", "2d"),
        ("overlap", "soon"),
        ("timeout", "0s"),
        ("auth", "password"),
        ("unknown", 1),
    ],
)
def test_a_value_that_cannot_work_is_refused(key: str, value: object) -> None:
    assert key in wrong({**CLIENT, key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("api_version", "31.0"), ("api_version", "100.0"), ("id_field", ""), ("id_field", "ns__Id__c"), ("overlap", "1m")],
)
def test_a_value_at_the_edge_is_accepted(key: str, value: object) -> None:
    SalesforceSettings.model_validate({**CLIENT, key: value})


def test_connections_of_one_org_share_a_budget(rsa_key: rsa.RSAPrivateKey) -> None:
    def key(given: dict[str, Any]) -> str:
        return KIND.budget_key(SalesforceSettings.model_validate(given))

    assert key(CLIENT) == key({**CLIENT, "consumer_key": "other", "id_field": ""}) == key(SESSION)
    assert key(CLIENT) != key({**CLIENT, "login_url": "https://other.my.salesforce.com"})
    one = jwt("not-read-0")
    assert key(one) == key({**one, "login_url": "https://login.salesforce.com", "username": "A@B.example"})
    assert key(one) != key({**one, "username": "c@d.example"})


def test_the_budget_is_one_day_of_the_org_and_remembers_what_was_sent_before() -> None:
    settings = SalesforceSettings.model_validate(CLIENT)
    pools = KIND.governor(settings, ManualClock(), spent={"day": Spent(ago=[10.0, 20.0, 90_000.0])}).snapshot()
    (window,) = pools["day"].windows
    assert list(pools) == ["day"]
    assert (window.rate.seconds, window.own) == (86_400, 2)


def test_an_id_of_15_characters_gets_its_checksum() -> None:
    assert full_id("00D5e0000000001") == full_id("00D5e0000000001EAA") == "00D5e0000000001EAA"
    assert full_id("003xx000004TmiQ") == "003xx000004TmiQAAS"
    for text in ("", "003xx000004Tmi", "003xx000004TmiQA", "003xx000004Tmi!", "003xx000004TmiQAAS "):
        with pytest.raises(ValueError, match="15 or 18"):
            full_id(text)


def test_naming_the_connector_loads_no_vendor_package() -> None:
    script = (
        "import sys, connectors.salesforce\n"
        "connectors.salesforce.KIND.scope_problem(None)\n"
        "heavy = {'simple_salesforce', 'requests', 'zeep', 'lxml', 'jwt', 'cryptography'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
