"""What HubSpot answers when it does not answer, over real HTTP: limits, credentials, permissions, broken
pages.
"""

from __future__ import annotations

import http.client
import http.server
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from connectors.hubspot import KIND
from connectors.hubspot.check import findings
from connectors.hubspot.faults import until_midnight
from connectors.hubspot.wire import Wire
from syncd.clock import SystemClock
from syncd.core.model import Op, Outcome, Side
from syncd.errors import CredentialsRefused, Parked, SyncdError, Unreachable
from syncd.sandbox.clock import ManualClock
from syncd.testing.contract import scan_all
from syncd.testing.hubspot import WANTED, Bench, Stand, stand

OAUTH: dict[str, Any] = {
    "access_token": None,
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
}


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def hub(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- limits

ROLLING = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "policyName": "TEN_SECONDLY_ROLLING",
}
SECONDLY = {"message": "You have reached your secondly limit.", "policyName": "SECONDLY"}


@pytest.mark.parametrize(
    ("headers", "body", "least", "most"),
    [
        ({}, ROLLING, 10, 12),
        ({}, {"message": ROLLING["message"], "category": "RATE_LIMITS"}, 10, 12),
        ({"Retry-After": "37"}, ROLLING, 37, 40),
        ({}, "<html>slow down</html>", 10, 12),
    ],
)
def test_a_429_makes_the_account_wait_as_long_as_it_says(
    hub: Bench, headers: dict[str, str], body: object, least: float, most: float
) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault("status", "/contacts$", status=429, headers=headers, body=body)
    before = hub.clock.monotonic()
    assert set(scan_all(hub.connector)) == {record_id}
    assert least <= hub.clock.monotonic() - before <= most
    assert hub.governor.refused == 1
    assert hub.asked()["GET "] == 2


def test_a_429_of_the_search_waits_a_second_and_leaves_other_requests_alone(hub: Bench) -> None:
    cursor = hub.connector.feed_start()
    hub.advance(5)
    hub.fault("status", "/search", status=429, body=SECONDLY)
    before = hub.clock.monotonic()
    assert hub.connector.changes(cursor).complete
    assert 1 <= hub.clock.monotonic() - before <= 3
    hub.fault("status", "/search", status=429, headers={"Retry-After": "60"}, body=SECONDLY, times=None)
    with pytest.raises(SyncdError):
        hub.connector.changes(cursor)
    pools = hub.governor.snapshot()
    assert pools["search"].not_before is not None
    assert pools["api"].not_before is None


def test_the_daily_limit_parks_until_the_accounts_midnight(hub: Bench) -> None:
    hub.connector.account()
    hub.fault("status", "/contacts", status=429, body={"policyName": "DAILY", "message": "daily limit"})
    with pytest.raises(Parked) as parked:
        hub.connector.scan(None)
    assert parked.value.seconds == pytest.approx(until_midnight(hub.clock.now(), "US/Eastern"), abs=2)


def test_midnight_is_that_of_the_account(hub: Bench) -> None:
    noon = ManualClock.START.replace(hour=12)
    assert until_midnight(noon, "UTC") == 12 * 3600
    assert until_midnight(noon, "US/Eastern") == 17 * 3600
    assert until_midnight(noon, None) == until_midnight(noon, "No/Where") == 3600


def test_a_run_within_its_budget_is_never_refused(place: Stand) -> None:
    with place.bench(burst=20, search_in_burst=True) as hub:
        connector = hub.reopen(rate="20/10s")
        for n in range(30):
            hub.add({"firstname": f"Ann{n}"})
        for _ in range(60):
            connector.scan(None)
            connector.changes(connector.feed_start())
        assert hub.governor.refused == 0
        assert hub.governor.counts["search"] == 60


def test_a_lower_limit_than_configured_is_learnt_from_the_headers(place: Stand) -> None:
    with place.bench(burst=30) as hub:
        connector = hub.reopen(rate="190/10s")
        for _ in range(100):
            connector.scan(None)
        assert hub.governor.refused == 0


def test_an_account_that_moves_parks_the_connection(hub: Bench) -> None:
    hub.fault("status", "/contacts", status=477, headers={"Retry-After": "7200"}, body={"message": "moving"})
    with pytest.raises(Parked, match="data centre") as parked:
        hub.connector.scan(None)
    assert parked.value.seconds == 7200


def test_a_locked_record_is_waited_for(hub: Bench) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault("status", "/batch/update", status=423, times=2, body={"message": "locked"})
    before = hub.clock.monotonic()
    (receipt,) = hub.connector.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")])
    assert receipt.outcome is Outcome.APPLIED
    assert hub.clock.monotonic() - before >= 4


# ---- faults that pass


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 523, 524])
def test_a_server_fault_is_waited_out(hub: Bench, status: int) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault("status", "/contacts", status=status, times=2, body="<html>oops</html>")
    assert set(scan_all(hub.connector)) == {record_id}


@pytest.mark.parametrize("action", ["drop_before", "html", "half_body"])
def test_a_broken_read_is_repeated(hub: Bench, action: str) -> None:
    record_id = hub.add({"firstname": "Ann"})
    hub.fault(action, "/contacts", status=200)
    assert set(scan_all(hub.connector)) == {record_id}


def test_a_server_that_stays_away_is_unreachable(hub: Bench) -> None:
    hub.fault("status", "/contacts", status=503, times=None)
    with pytest.raises(Unreachable):
        hub.connector.scan(None)


def test_nobody_listening_is_unreachable_also_for_writes(hub: Bench) -> None:
    connector = hub.reopen(base_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        connector.update([hub.intent(Op.UPDATE, "1", firstname="Bea")])


# ---- credentials


def test_a_wrong_token_stops_the_connection_and_is_not_told(hub: Bench) -> None:
    connector = hub.reopen(access_token="pat-wrong-secret")
    with pytest.raises(CredentialsRefused, match="401") as refused:
        connector.scan(None)
    assert "pat-wrong-secret" not in str(refused.value)
    assert hub.asked()["GET "] == 1


@pytest.mark.parametrize("granular", [True, False])
def test_both_shapes_of_a_403_name_the_scope(place: Stand, granular: bool) -> None:
    with place.bench(missing_scopes=("crm.objects.contacts.write",), granular_scope_error=granular) as hub:
        record_id = hub.add({"firstname": "Ann"})
        with pytest.raises(CredentialsRefused, match=r"crm\.objects\.contacts\.write"):
            hub.connector.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")])


def test_oauth_fetches_one_token_and_renews_it_in_time(place: Stand) -> None:
    with place.bench(expires_in=1800) as hub:
        connector = hub.reopen(**OAUTH)
        for _ in range(3):
            connector.scan(None)
        assert hub.asked()["POST /oauth/2026-09/token"] == 1
        hub.advance(1790)
        connector.scan(None)
        assert hub.asked() == {"POST /oauth/2026-09/token": 1, "GET ": 1}


def test_oauth_renews_a_token_that_ended_early_and_sends_the_write_again(hub: Bench) -> None:
    connector = hub.reopen(**OAUTH)
    record_id = hub.add({"firstname": "Ann"})
    connector.scan(None)
    hub.model.tokens.expire()
    (receipt,) = connector.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")])
    assert receipt.outcome is Outcome.APPLIED


def test_a_revoked_refresh_token_stops_the_connection(hub: Bench) -> None:
    connector = hub.reopen(**{**OAUTH, "refresh_token": "revoked-secret"})
    with pytest.raises(CredentialsRefused, match="refresh_token") as refused:
        connector.scan(None)
    assert "revoked-secret" not in str(refused.value)


def test_no_word_of_hubspot_with_a_value_in_it_gets_into_an_error(hub: Bench) -> None:
    hub.fault(
        "status",
        "/contacts",
        status=400,
        body={"message": "ann@example.com is bad", "category": "VALIDATION_ERROR"},
    )
    with pytest.raises(Unreachable) as stop:
        hub.connector.scan(None)
    assert "ann@example.com" not in str(stop.value)
    assert "VALIDATION_ERROR" in str(stop.value)


# ---- the wire


class _Odd(http.server.BaseHTTPRequestHandler):
    """A server that answers by the path, and remembers what arrived."""

    protocol_version = "HTTP/1.1"
    arrived: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.arrived.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, headers, body = {
            "/latin": (400, {"Content-Type": "text/html"}, b"<p>caf\xe9</p>"),
            "/latin-200": (200, {"Content-Type": "text/html"}, b"<p>caf\xe9</p>"),
            "/moved": (302, {"Location": "/elsewhere"}, b""),
        }[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[str]:
    _Odd.arrived.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Odd)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_body_that_is_not_utf8_is_a_body_and_no_crash(odd: str) -> None:
    wire = Wire(odd, timeout_seconds=5)
    assert (wire.exchange("GET", "/latin").status, wire.exchange("GET", "/latin").body) == (
        400,
        b"<p>caf\xe9</p>",
    )
    assert wire.exchange("GET", "/latin-200").body == b"<p>caf\xe9</p>"
    wire.close()


def test_a_redirect_is_not_followed_with_the_token(odd: str) -> None:
    wire = Wire(odd, timeout_seconds=5)
    reply = wire.exchange("GET", "/moved", token="secret")
    wire.close()
    assert reply.status == 302
    assert [path for path, _ in _Odd.arrived] == ["/moved"]
    assert _Odd.arrived[0][1]["authorization"] == "Bearer secret"
    assert _Odd.arrived[0][1]["accept-encoding"] == "gzip"


def test_a_redirect_stops_the_connection(hub: Bench) -> None:
    hub.fault("status", "/contacts", status=302, headers={"Location": "https://example.com/"})
    with pytest.raises(Unreachable, match="redirect"):
        hub.connector.scan(None)


def test_opening_a_connection_leaves_the_processes_logging_alone(odd: str) -> None:
    logging.getLogger("urllib3").setLevel(logging.INFO)
    http.client.HTTPConnection.debuglevel = 0
    Wire(odd, timeout_seconds=5).close()
    assert logging.getLogger("urllib3").level == logging.INFO
    logging.getLogger("urllib3").setLevel(logging.NOTSET)


def test_several_threads_share_one_connection(hub: Bench) -> None:
    ids = [hub.add({"firstname": f"Ann{n}"}) for n in range(40)]
    settings = KIND.settings.model_validate({"base_url": hub.running.url, "access_token": "pat-sandbox"})
    clock = SystemClock()
    governor = KIND.governor(settings, clock)
    connector = KIND.open(settings, WANTED, governor=governor, clock=clock, memory=hub.memory)
    connector.scan(None)
    intents = [hub.intent(Op.UPDATE, one, lastname=f"L{one}") for one in ids]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda intent: connector.update([intent])[0], intents))
    connector.close()
    assert [receipt.id for receipt in receipts] == ids
    assert all(hub.stored(one)["lastname"] == f"L{one}" for one in ids)


# ---- settings and check


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"access_token": "a", "refresh_token": "b"},
        {"client_id": "a", "client_secret": "b"},
        {"access_token": "a", "base_url": "http://api.hubapi.com"},
        {"access_token": "a", "base_url": "https://user:pass@api.hubapi.com"},
        {"access_token": "a", "rate": "fast"},
        {"access_token": "a", "share": 0},
        {"access_token": "a", "id_property": "SalesPulse Id"},
        {"access_token": "a", "timeout": "0s"},
        {"access_token": "a", "speed": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KIND.settings.model_validate(wrong)


def test_settings_keep_their_secret_and_know_their_account() -> None:
    def parsed(**more: Any) -> Any:
        return KIND.settings.model_validate({"access_token": "pat-1", **more})

    one = parsed(rate="190/10s", timeout="5s")
    assert "pat-1" not in repr(one) + KIND.budget_key(one)
    assert KIND.budget_key(one) == KIND.budget_key(parsed())
    assert KIND.budget_key(one) != KIND.budget_key(parsed(access_token="pat-2"))
    assert (one.rate.count, one.timeout) == (190, timedelta(seconds=5))
    assert KIND.identity(one) == "salespulse_id"
    assert (KIND.name, KIND.label, KIND.objects) == ("hubspot", "HubSpot", ("contacts",))


def test_a_healthy_account_has_no_findings_and_check_writes_nothing(hub: Bench) -> None:
    hub.add({"firstname": "Ann"})
    before = dict(hub.stored(next(iter(scan_all(hub.connector)))))
    assert findings(hub.connector, fix=False) == ()
    assert hub.stored(next(iter(scan_all(hub.connector)))) == before


def test_check_offers_the_id_property_and_fix_makes_it(place: Stand) -> None:
    with place.bench(id_property=False) as hub:
        assert hub.connector.capabilities().identity is None
        (finding,) = KIND.check(hub.connector, fix=False)
        assert finding.fix
        assert finding.problem.warning
        assert KIND.check(hub.connector, fix=True) == ()
        assert hub.connector.capabilities().identity == "salespulse_id"


def test_check_without_the_right_to_make_properties_says_which_is_missing(place: Stand) -> None:
    with place.bench(id_property=False, missing_scopes=("crm.schemas.contacts.write",)) as hub:
        (finding,) = KIND.check(hub.connector, fix=True)
        assert "crm.schemas.contacts.write" in str(finding.problem)


def test_check_tells_of_a_token_that_can_only_read(place: Stand) -> None:
    with place.bench(missing_scopes=("crm.objects.contacts.write",)) as hub:
        found = KIND.check(hub.connector, fix=False)
        assert [one.problem.where for one in found] == ["access_token"]


def test_check_tells_of_a_property_that_is_not_unique_and_of_one_that_is_read_only(hub: Bench) -> None:
    (finding,) = KIND.check(hub.reopen(id_property="city"), fix=True)
    assert "same value twice" in finding.problem.what
    assert hub.reopen(id_property="city").capabilities().identity is None
    reading = hub.reopen(wanted=replace(WANTED, fields=("firstname", "hs_calculated_score")))
    (finding,) = KIND.check(reading, fix=False)
    assert "hs_calculated_score" in finding.problem.where
    assert finding.problem.warning


def test_check_tells_of_a_scope_that_names_no_property(hub: Bench) -> None:
    scope = [{"property": "shoe_size", "operator": "NEQ", "value": "44"}]
    (finding,) = KIND.check(hub.reopen(wanted=replace(WANTED, scope=scope)), fix=False)
    assert "shoe_size" in finding.problem.what
    assert not finding.problem.warning


def test_stages_are_those_of_the_lifecycle_in_their_order(hub: Bench) -> None:
    order = [stage.id for stage in hub.connector.stages()]
    assert order.index("lead") < order.index("opportunity") < order.index("customer")
    specs = {spec.name: spec for spec in hub.connector.describe()}
    assert specs["riders"].type == "multichoice"
    assert specs["riders"].separator == ";"
    assert specs["salespulse_id"].unique
    assert not specs["hs_calculated_score"].writable
    assert specs["smoker"].type == "boolean"
    assert hub.connector.label == "HubSpot"
    assert hub.connector.account().id == "62515"
    assert hub.intent(Op.UPDATE, "1").side is Side.CRM


def test_what_was_described_lately_is_not_asked_for_again(hub: Bench) -> None:
    fields, stages = hub.connector.describe(), hub.connector.stages()
    hub.asked()
    again = hub.reopen(wanted=replace(WANTED, known_fields=fields, known_stages=stages))
    assert (again.capabilities().identity, again.describe(), again.stages()) == ("salespulse_id", fields, stages)
    assert hub.asked() == {}


def test_stages_of_another_field_are_not_taken_for_the_lifecycle(hub: Bench) -> None:
    other = replace(WANTED, stage_field="hs_lead_status")
    stages = hub.reopen(wanted=other).stages()
    assert "NEW" in [stage.id for stage in stages]
    again = hub.reopen(wanted=replace(other, known_fields=hub.connector.describe(), known_stages=stages))
    record_id = hub.add({"firstname": "Ann", "lifecyclestage": "customer"})
    back = hub.intent(Op.UPDATE, record_id, before={"lifecyclestage": "customer"}, lifecyclestage="lead")
    assert again.update([back])[0].outcome is Outcome.APPLIED
    assert hub.stored(record_id)["lifecyclestage"] == "lead"


def test_every_stop_is_an_error_of_ours(hub: Bench) -> None:
    hub.fault("status", "/contacts", status=418, times=None, body={"message": "teapot"})
    for ask in (
        lambda: hub.connector.scan(None),
        lambda: hub.connector.find({"email": ["a@x.co"]}),
        lambda: hub.connector.changes(hub.connector.feed_start()),
        lambda: hub.connector.field_times(["1"], ["firstname"]),
        lambda: hub.connector.update([hub.intent(Op.UPDATE, "1", firstname="x")]),
        lambda: hub.connector.remove([hub.intent(Op.REMOVE, "1")]),
    ):
        with pytest.raises(SyncdError):
            ask()
