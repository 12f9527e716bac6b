"""What an answer proves, and what it does not: pages of proxies, broken TLS, items that failed, odd tokens."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from connectors.hubspot import KIND
from connectors.hubspot.wire import Wire
from syncd.core.model import Op, Outcome
from syncd.errors import AnswerLost, BatchRefused, CredentialsRefused, SyncdError, Unreachable
from syncd.net.faults import TransientFault
from syncd.testing.contract import scan_all
from syncd.testing.hubspot import Bench, Stand, stand

OAUTH: dict[str, Any] = {
    "access_token": None,
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
}
PAGE = "<html>404 Not Found</html>"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def hub(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- a 404 proves something only in HubSpot's own words


@pytest.mark.parametrize("body", [PAGE, None, "[]", {"message": "no Route matched with those values"}])
def test_a_404_of_somebody_else_proves_nothing_gone(hub: Bench, body: object) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault("status", "/contacts", status=404, body=body, times=None)
    with pytest.raises(Unreachable):
        hub.connector.fetch([record_id, "2"])
    with pytest.raises(Unreachable):
        hub.connector.find({"email": ["a@x.co"]})


@pytest.mark.parametrize("status", [404, 409, 413])
def test_a_batch_that_is_refused_for_another_reason_than_an_id_stops(hub: Bench, status: int) -> None:
    record_id = hub.add({"firstname": "Ann"})
    body = {"status": "error", "message": "resource not found", "correlationId": "aaaaaaaa"}
    hub.fault("status", "/batch/read", status=status, body=body)
    with pytest.raises(Unreachable):
        hub.connector.fetch([record_id])


def test_an_archive_that_a_proxy_answered_is_not_done(hub: Bench) -> None:
    ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(2)]
    hub.fault("status", "/contacts", status=404, body=PAGE, times=None)
    with pytest.raises(AnswerLost):
        hub.connector.remove([hub.intent(Op.REMOVE, one) for one in ids])


def test_an_archive_that_a_proxy_answered_one_by_one_is_not_done(hub: Bench) -> None:
    ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(2)]
    hub.fault("status", "/batch/archive", status=400, body={"status": "error", "category": "VALIDATION_ERROR"})
    hub.fault("status", f"/contacts/{ids[0]}$", method="DELETE", status=404, body=PAGE, times=None)
    receipts = hub.connector.remove([hub.intent(Op.REMOVE, one) for one in ids])
    assert [receipt.outcome for receipt in receipts] == [Outcome.UNKNOWN, Outcome.APPLIED]


def test_a_400_without_hubspots_words_does_not_say_that_nobody_has_the_value(hub: Bench) -> None:
    hub.add({"firstname": "Ann", "email": "a@x.co"})
    hub.fault("status", "/batch/read", status=400, body="<html>bad request</html>", times=None)
    with pytest.raises(Unreachable):
        hub.connector.find({"email": ["a@x.co"]})


@pytest.mark.parametrize("error", [{"category": "INTERNAL_ERROR", "message": "x"}, None])
def test_a_record_that_is_there_but_is_not_shown_is_neither_here_nor_gone(hub: Bench, error: object) -> None:
    record_id = hub.add({"firstname": "Ann"})
    body = {"status": "COMPLETE", "results": [], "errors": [error] if error else []}
    hub.fault("status", "/batch/read", status=207, body=body, times=None)
    answer = hub.connector.fetch([record_id])
    assert (answer.records, answer.gone) == ({}, {})


@pytest.mark.parametrize("body", ["<html>blocked</html>", None, {"message": "Access denied", "error": "waf"}])
def test_a_403_that_speaks_of_no_permission_blames_no_credentials(hub: Bench, body: object) -> None:
    hub.fault("status", "/contacts", status=403, body=body, times=2)
    assert scan_all(hub.connector) == {}
    hub.fault("status", "/contacts", status=403, body=body, times=None)
    with pytest.raises(Unreachable):
        hub.connector.scan(None)


# ---- a write that may have been applied


class _Breaking(threading.Thread):
    """A TLS server that takes every request whole and then breaks the connection inside TLS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.certificate = folder / "certificate.pem"
        self._context = _context(self.certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}"
        self.arrived: list[bytes] = []
        self.handshakes = True

    def run(self) -> None:
        while True:
            try:
                raw, _ = self._socket.accept()
            except OSError:
                return
            with raw:
                raw.settimeout(10)
                self._answer(raw)

    def _answer(self, raw: socket.socket) -> None:
        if not self.handshakes:
            raw.recv(1)
            raw.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        try:
            wrapped = self._context.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError):
            return
        request = b""
        while b"\r\n\r\n" not in request:
            request += wrapped.recv(65536)
        while not request.endswith(b"}"):  # what was left unread would reset the connection instead
            request += wrapped.recv(65536)
        self.arrived.append(request.split(b"\r\n")[0])
        with socket.socket(fileno=wrapped.detach()) as bare:
            bare.sendall(b"\x17\x03\x03\x00\x20" + b"garbage!" * 4)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join(10)


def _context(path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(public)
    chain = path.with_name("chain.pem")
    chain.write_bytes(private + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


@pytest.fixture
def breaking(tmp_path: Path) -> Iterator[_Breaking]:
    server = _Breaking(tmp_path)
    server.start()
    yield server
    server.close()


def test_tls_that_breaks_after_the_request_leaves_open_what_became_of_it(
    breaking: _Breaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(breaking.certificate))
    wire = Wire(breaking.url, timeout_seconds=5)
    with pytest.raises(TransientFault) as fault:
        wire.exchange("POST", "/batch/create", token="t", body={"inputs": []})
    wire.close()
    assert fault.value.sent
    assert breaking.arrived == [b"POST /batch/create HTTP/1.1"]


def test_a_plain_create_over_tls_that_breaks_is_sent_once(
    place: Stand, breaking: _Breaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(breaking.certificate))
    with place.bench() as hub:
        connector = hub.reopen(base_url=breaking.url, id_property="")
        with pytest.raises(AnswerLost):
            connector.create([hub.intent(Op.CREATE, email="a@x.co")])
    assert len(breaking.arrived) == 1


@pytest.mark.parametrize("handshakes", [True, False])
def test_without_a_handshake_nothing_was_sent(breaking: _Breaking, handshakes: bool) -> None:
    breaking.handshakes = handshakes  # with one, its certificate is not trusted
    wire = Wire(breaking.url, timeout_seconds=5)
    with pytest.raises(TransientFault, match="certificate") as fault:
        wire.exchange("POST", "/batch/create", token="t", body={"inputs": []})
    wire.close()
    assert not fault.value.sent
    assert breaking.arrived == []


def test_a_create_waits_for_its_token_and_is_not_lost_with_it(place: Stand) -> None:
    with place.bench(id_property=False, expires_in=100) as hub:
        connector = hub.reopen(**OAUTH)
        connector.describe()
        hub.advance(60)
        hub.fault("status", "/oauth", status=503, times=2)
        (receipt,) = connector.create([hub.intent(Op.CREATE, email="a@x.co")])
        assert receipt.outcome is Outcome.APPLIED
        hub.advance(60)
        hub.fault("status", "/oauth", status=503, times=2)
        hub.fault("drop_after", "/oauth", times=None)
        with pytest.raises(Unreachable):
            connector.create([hub.intent(Op.CREATE, email="b@x.co")])
        assert hub.asked()["POST /batch/create"] == 1


# ---- items


def _answered(hub: Bench, path: str, trace: str, **error: object) -> None:
    listed = [{"status": "error", "message": "no", "context": {"objectWriteTraceId": [trace]}, **error}]
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": listed}
    hub.fault("status", path, status=207, body=body, times=None)


@pytest.mark.parametrize(
    ("category", "plain", "repeatable"),
    [
        ("INTERNAL_ERROR", Outcome.UNKNOWN, Outcome.FAILED),
        ("RATE_LIMITS", Outcome.UNKNOWN, Outcome.FAILED),
        ("", Outcome.UNKNOWN, Outcome.FAILED),
        ("VALIDATION_ERROR", Outcome.REFUSED, Outcome.REFUSED),
        ("CONFLICT", Outcome.REFUSED, Outcome.REFUSED),
        ("OBJECT_NOT_FOUND", Outcome.REFUSED, Outcome.GONE),
    ],
)
def test_only_an_error_about_the_record_itself_refuses_it(
    place: Stand, category: str, plain: Outcome, repeatable: Outcome
) -> None:
    with place.bench(id_property=False) as hub:
        create = hub.intent(Op.CREATE, email="a@x.co")
        _answered(hub, "/batch/create", create.id, category=category)
        assert [one.outcome for one in hub.connector.create([create])] == [plain]
        update = hub.intent(Op.UPDATE, hub.add({"firstname": "Ann"}), firstname="Bea")
        _answered(hub, "/batch/update", update.id, category=category)
        assert [one.outcome for one in hub.connector.update([update])] == [repeatable]


def test_an_archive_that_failed_inside_hubspot_may_work_later(hub: Bench) -> None:
    ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(3)]
    errors = [
        {"category": "INTERNAL_ERROR", "message": "no", "context": {"ids": [ids[0]]}},
        {"category": "VALIDATION_ERROR", "message": "no", "context": {"ids": [ids[1]]}},
        {"category": "OBJECT_NOT_FOUND", "message": "no", "context": {"ids": [ids[2]]}},
    ]
    hub.fault("status", "/batch/archive", status=207, body={"status": "COMPLETE", "results": [], "errors": errors})
    receipts = hub.connector.remove([hub.intent(Op.REMOVE, one) for one in ids])
    assert [one.outcome for one in receipts] == [Outcome.FAILED, Outcome.REFUSED, Outcome.APPLIED]


def test_a_record_that_stays_locked_is_told_alone_and_splits_its_batch(hub: Bench) -> None:
    ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(2)]
    hub.fault("status", "/batch/update", status=423, times=None, body={"message": "locked"})
    intents = [hub.intent(Op.UPDATE, one, firstname="Bea") for one in ids]
    with pytest.raises(BatchRefused):
        hub.connector.update(intents)
    assert hub.asked()["POST /batch/update"] < 6
    (receipt,) = hub.connector.update(intents[:1])
    assert (receipt.outcome, receipt.id) == (Outcome.FAILED, ids[0])
    hub.fault("status", "/batch/archive", status=423, times=None, body={"message": "locked"})
    with pytest.raises(BatchRefused):
        hub.connector.remove([hub.intent(Op.REMOVE, one) for one in ids])
    hub.fault("status", f"/contacts/{ids[0]}$", status=423, times=None, body={"message": "locked"})
    (receipt,) = hub.connector.remove([hub.intent(Op.REMOVE, ids[0])])
    assert receipt.outcome is Outcome.FAILED


def test_a_record_that_is_locked_after_a_lost_answer_may_have_been_written(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault("drop_after", "/batch/update")
    hub.fault("status", "/batch/update", status=423, times=None, body={"message": "locked"})
    with pytest.raises(AnswerLost):
        hub.connector.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")])
    assert hub.stored(record_id)["firstname"] == "Bea"


# ---- tokens

_ODD_TOKENS = ("pat-na1-a\nb", "pat-na1-a b", "pat-na1-a\n", " pat-na1-a", "pat-na1-ä", "pat-na1-a\x7f", "")


@pytest.mark.parametrize("token", _ODD_TOKENS)
@pytest.mark.parametrize("name", ["access_token", "client_secret", "refresh_token"])
def test_a_secret_with_characters_that_no_token_has_is_refused_unseen(name: str, token: str) -> None:
    given = {"access_token": token} if name == "access_token" else {**OAUTH, name: token}
    given = {key: value for key, value in given.items() if value is not None}
    with pytest.raises(ValidationError) as refused:
        KIND.settings.model_validate(given)
    (problem,) = refused.value.errors()
    assert problem["loc"] == (name,)
    assert "copy" in problem["msg"]
    assert not token.strip() or token.strip() not in str(refused.value)


@pytest.mark.parametrize("token", ["sec\nret", "secré—t"])
def test_a_token_that_cannot_be_sent_is_in_no_traceback(hub: Bench, token: str) -> None:
    wire = Wire(hub.running.url, timeout_seconds=5)
    with pytest.raises(CredentialsRefused) as refused:
        wire.exchange("GET", "/x", token=token)
    wire.close()
    chain: BaseException | None = refused.value
    while chain is not None:
        shown = "".join(traceback.format_exception(type(chain), chain, chain.__traceback__, chain=False))
        assert token not in shown + repr(chain.args)
        assert repr(token)[1:-1] not in shown
        chain = chain.__context__


# ---- bodies


@pytest.mark.parametrize("word", ['"\\ud83d"', '"\\udc00 x"'])
def test_half_a_character_in_one_property_leaves_that_one_unread(hub: Bench, word: str) -> None:
    rows = (
        f'{{"id":"1","properties":{{"email":"a@x.co","firstname":{word}}}}},'
        '{"id":"2","properties":{"email":"b@x.co","firstname":"\\ud83d\\ude00"}}'
    )
    hub.fault("status", "/contacts$", status=200, body=f'{{"results":[{rows}]}}')
    found = scan_all(hub.connector)
    assert dict(found["1"].values) == {"email": "a@x.co"}
    assert dict(found["2"].values) == {"email": "b@x.co", "firstname": "\U0001f600"}


@pytest.mark.parametrize("body", ['{"results": [NaN]}', "[" * 5000, '{"results": ', "\\ud83d"])
def test_what_is_no_json_stays_no_json(hub: Bench, body: str) -> None:
    hub.fault("status", "/contacts$", status=200, body=body, times=None)
    with pytest.raises(SyncdError):
        hub.connector.scan(None)
