"""One exchange with Salesforce on the wire: what goes along, what is not followed, whom it trusts, when it gives up."""

from __future__ import annotations

import datetime as dt
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.salesforce.session import Session
from connectors.salesforce.transport import Ask
from syncd.errors import AnswerLost, CredentialsRefused, Unreachable
from syncd.net.governor import Priority

CONTACTS = "SELECT Id FROM Contact"


def get(path: str, **more: Any) -> Ask:
    return Ask(method="GET", path=path, kind="test", priority=Priority.PULL, **more)


class Listener(http.server.ThreadingHTTPServer):
    """A server of this machine. ``heard``: path and headers of each request."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.heard: list[tuple[str, dict[str, str]]] = []
        self.status = 200  #: 0: never answer
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.server.status == 0:
            self.server.over.wait(30)
            self.close_connection = True
            return
        self.send_response(self.server.status)
        self.send_header("Location", "/stolen")
        self.send_header("Set-Cookie", "sid=abc; Path=/")
        self.send_header("Content-Length", "2")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the base class looks for these names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as made:
        yield made


def given(origin: str) -> dict[str, Any]:
    return {"auth": "session", "session_id": "00Dtoken!x", "instance_url": origin, "login_url": None}


def test_every_kind_of_request_says_who_we_are_and_keeps_no_cookie(wire: Any, listener: Listener) -> None:
    transport = wire.open(**given(f"http://{listener.host}"))
    transport.query(CONTACTS)
    transport.read(get("limits/", headers={"If-Modified-Since": "now"}))
    transport.read(get("jobs/x", accept="csv"))
    transport.write(wire.patch("003000000000001AAA", {"Phone": "1"}), safe=False)
    assert [path.partition("?")[0] for path, _ in listener.heard] == [
        "/services/data/v62.0/query/",
        "/services/data/v62.0/limits/",
        "/services/data/v62.0/jobs/x",
        "/services/data/v62.0/sobjects/Contact/003000000000001AAA",
    ]
    for _, headers in listener.heard:
        assert headers["authorization"] == "Bearer 00Dtoken!x"
        assert headers["sforce-call-options"] == "client=syncd"
        assert headers["sforce-auto-assign"] == "FALSE"
        assert headers["user-agent"] == "syncd"
        assert "cookie" not in headers
    assert listener.heard[1][1]["if-modified-since"] == "now"


def test_a_server_that_hangs_ends_by_the_timeout(wire: Any, listener: Listener) -> None:
    listener.status = 0
    transport = wire.open(**given(f"http://{listener.host}"), timeout="1s")
    with pytest.raises(AnswerLost, match="no answer came in time"):
        transport.write(wire.patch("003000000000001AAA", {"Phone": "1"}), safe=False)
    with pytest.raises(AnswerLost, match="no answer came in time"):
        transport.write(get("jobs/x", accept="csv"), safe=False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_token_or_the_secret(wire: Any, listener: Listener, status: int) -> None:
    listener.status = status
    origin = f"http://{listener.host}"
    transport = wire.open(**given(origin))
    for ask in (get("limits/"), get("jobs/x", accept="csv")):
        with pytest.raises(Unreachable, match="redirect"):
            transport.read(ask)
    with pytest.raises(CredentialsRefused, match="redirect"):
        wire.open(login_url=origin).query(CONTACTS)
    assert len(listener.heard) == 3
    assert "/stolen" not in {path for path, _ in listener.heard}


def test_proxies_bundles_and_netrc_of_the_environment_are_passed_over(
    wire: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: Listener
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://{listener.host}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login stranger password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wire.transport.query(CONTACTS).status == 200
    assert listener.heard == []


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, SHA256())
    )
    path = folder / "own.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


def test_a_certificate_that_only_the_environment_vouches_for_is_refused_and_nothing_was_sent(
    wire: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    with Listener(context) as listener:
        transport = wire.open(**given(f"https://{listener.host}"))
        with pytest.raises(Unreachable, match="certificate"):
            transport.write(wire.patch("003000000000001AAA", {"Phone": "1"}), safe=False)
        assert listener.heard == []


@pytest.mark.parametrize(
    "url", ["http://acme.my.salesforce.com", "http://10.0.0.1:8080", "http://127.0.0.1.evil.example"]
)
def test_the_session_itself_speaks_plain_http_to_this_machine_only(url: str) -> None:
    with Session(timeout_seconds=1) as session:
        with pytest.raises(ValueError, match="https"):
            session.reach(url)
        with pytest.raises(ValueError, match="No connection adapters"):
            session.get(url)
