"""What Salesforce answers when it does not answer, over real HTTP: limits, locks, broken pages, refusals."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from connectors.salesforce.faults import Fault, Next, Refused, next_for, not_understood, parse_faults, stop_for
from connectors.salesforce.transport import Ask
from syncd.errors import AnswerLost, CredentialsRefused, Parked, Unreachable
from syncd.net.governor import Priority

LOGIN, QUERY, PATCH = "POST /oauth2/token", "GET /query", "PATCH /sobjects/Contact/:id"
CONTACTS = "SELECT Id FROM Contact"


def refusal(code: str, message: str = "no", **more: object) -> list[dict[str, object]]:
    return [{"errorCode": code, "message": message, **more}]


def get(path: str, **more: Any) -> Ask:
    return Ask(method="GET", path=path, kind="test", priority=Priority.PULL, **more)


# ---- the day's requests


def test_the_headers_reach_the_budget(wire: Any) -> None:
    wire.options(daily_limit=5000)
    wire.model.usage.spend(1200)
    wire.transport.query(CONTACTS)
    assert wire.transport.usage == (1201, 5000)
    (window,) = wire.governor.snapshot()["day"].windows
    assert (window.limit, window.allowed) == (5000, 2500)
    assert window.foreign == pytest.approx(1200, abs=2)


def test_no_more_than_the_share_of_the_day_is_used(wire: Any) -> None:
    wire.options(daily_limit=40)
    transport = wire.open(daily_request_share=0.25)
    for _ in range(9):  # and one login, which syncd counts and Salesforce does not
        transport.query(CONTACTS)
    with pytest.raises(Parked):
        transport.query(CONTACTS)
    assert wire.model.usage.used == 9


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("api-usage=18/5000", (18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=x)", (25, 5000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("api-usage=many", None),
    ],
)
def test_only_the_orgs_own_count_is_read(wire: Any, header: str, wanted: tuple[int, int] | None) -> None:
    done = {"totalSize": 0, "done": True, "records": []}
    wire.fault("status", "/query", status=200, headers={"Sforce-Limit-Info": header}, body=done)
    wire.transport.query(CONTACTS)
    assert wire.transport.usage == wanted


def test_the_daily_limit_parks_this_and_the_next_process_for_a_quarter_of_an_hour_at_least(wire: Any) -> None:
    wire.transport.query(CONTACTS)
    wire.model.usage.spend(100_000)
    wire.asked()
    with pytest.raises(Parked, match="daily_request_share") as parked:
        wire.transport.query(CONTACTS)
    assert parked.value.seconds >= 900
    assert wire.asked() == {QUERY: 1}
    wire.clock.advance(300)
    for transport in (wire.transport, wire.open()):
        with pytest.raises(Parked) as again:
            transport.query(CONTACTS)
        assert again.value.seconds == pytest.approx(parked.value.seconds - 300)
    assert wire.asked() == {}
    wire.options(daily_limit=300_000)
    wire.clock.advance(again.value.seconds + 1)
    assert wire.open().query(CONTACTS).status == 200


def test_a_park_from_a_clock_that_was_ahead_or_a_damaged_note_is_passed_over(wire: Any) -> None:
    for note in ("2999-01-01T00:00:00+00:00", "soon", "2026-01-01T00:00:00"):
        wire.memory.set("parked_until", note)
        assert wire.open().query(CONTACTS).status == 200


@pytest.mark.parametrize("limit", ["ConcurrentRequests (Concurrent API Requests)", "ConcurrentPerOrgLongTxn"])
def test_too_many_calls_at_once_are_waited_out_in_seconds(wire: Any, limit: str) -> None:
    record_id = wire.model.add_contact({"LastName": "Li"})
    body = refusal("REQUEST_LIMIT_EXCEEDED", f"{limit} Limit exceeded.")
    wire.fault("status", "/data/", status=403, body=body, times=2)
    before = wire.clock.monotonic()
    assert wire.transport.write(wire.patch(record_id, {"Phone": "1"}), safe=False).status == 204
    assert 10 <= wire.clock.monotonic() - before <= 60
    assert wire.governor.refused == 2
    assert wire.asked() == {LOGIN: 1, PATCH: 3}


# ---- faults that pass


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_fault_is_waited_out(wire: Any, status: int) -> None:
    wire.fault("status", "/query", status=status, times=2, body="<html>oops</html>")
    assert wire.transport.query(CONTACTS).status == 200


def test_retry_after_of_a_503_is_kept(wire: Any) -> None:
    wire.fault("status", "/query", status=503, headers={"Retry-After": "37"}, body=refusal("SERVER_UNAVAILABLE"))
    before = wire.clock.monotonic()
    assert wire.transport.query(CONTACTS).status == 200
    assert 37 <= wire.clock.monotonic() - before <= 40


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "drop_before"},
        {"action": "half_body"},
        {"action": "html", "status": 200},
        {"action": "html", "status": 404},
        {"action": "html", "status": 403},
        {"action": "status", "status": 200, "body": '{"totalSize": 1, "records": ['},
        {"action": "status", "status": 200, "body": None},
        {"action": "status", "status": 400, "body": refusal("UNKNOWN_EXCEPTION")},
        {"action": "status", "status": 400, "body": refusal("UNABLE_TO_LOCK_ROW")},
        {"action": "status", "status": 400, "body": refusal("QUERY_TIMEOUT")},
    ],
)
def test_a_broken_read_is_repeated(wire: Any, rule: dict[str, Any]) -> None:
    wire.model.add_contact({"LastName": "Li"})
    wire.fault(path="/query", times=2, **rule)
    assert len(wire.transport.query(CONTACTS).data["records"]) == 1
    assert wire.asked()[QUERY] == 3


def test_a_server_that_stays_away_is_unreachable(wire: Any) -> None:
    wire.fault("status", "/query", status=503, times=None)
    with pytest.raises(Unreachable, match="tried 5 times"):
        wire.transport.query(CONTACTS)


def test_nobody_listening_is_unreachable_also_for_writes(wire: Any) -> None:
    transport = wire.open(auth="session", session_id="t", instance_url="http://127.0.0.1:9", login_url=None)
    with pytest.raises(Unreachable, match="no connection could be made"):
        transport.write(wire.patch("003000000000001AAA", {"Phone": "1"}), safe=False)


# ---- writes


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "drop_before"},
        {"action": "drop_after"},
        {"action": "half_body"},
        {"action": "status_after", "status": 502},
        {"action": "html", "status": 200},
        {"action": "status", "status": 500, "body": refusal("UNKNOWN_EXCEPTION")},
    ],
)
def test_a_write_without_an_answer_is_sent_once_and_said_to_be_lost(wire: Any, rule: dict[str, Any]) -> None:
    wire.fault(path="/composite/", **rule)
    body = {"allOrNone": False, "records": [{"attributes": {"type": "Contact"}, "LastName": "Li"}]}
    ask = Ask(method="POST", path="composite/sobjects", kind="create", priority=Priority.PUSH, body=body)
    with pytest.raises(AnswerLost, match="POST composite/sobjects on Salesforce"):
        wire.transport.write(ask, safe=False)
    assert wire.asked() == {LOGIN: 1, "POST /composite/sobjects": 1}


def test_a_safe_write_is_repeated_and_says_since_when_it_may_have_been_applied(wire: Any) -> None:
    record_id = wire.model.add_contact({"LastName": "Li"})
    wire.fault("drop_after", "/sobjects/")
    before = wire.clock.now()
    answer = wire.transport.write(wire.patch(record_id, {"Phone": "1"}), safe=True)
    assert answer.repeated_within == wire.clock.now() - before > dt.timedelta(0)
    assert wire.asked()[PATCH] == 2


def test_a_safe_write_that_is_never_answered_is_lost_and_not_refused(wire: Any) -> None:
    record_id = wire.model.add_contact({"LastName": "Li"})
    wire.fault("drop_after", "/sobjects/")
    wire.fault("status", "/sobjects/", status=400, body=refusal("UNABLE_TO_LOCK_ROW"), times=None)
    with pytest.raises(AnswerLost):
        wire.transport.write(wire.patch(record_id, {"Phone": "1"}), safe=True)


def test_a_locked_row_is_tried_again_and_refused_when_it_stays_locked(wire: Any) -> None:
    record_id = wire.model.add_contact({"LastName": "Li"})
    wire.fault("status", "/sobjects/", status=400, body=refusal("UNABLE_TO_LOCK_ROW"), times=2)
    assert wire.transport.write(wire.patch(record_id, {"Phone": "1"}), safe=False).status == 204
    wire.fault("status", "/sobjects/", status=400, body=refusal("UNABLE_TO_LOCK_ROW"), times=None)
    with pytest.raises(Refused) as refused:
        wire.transport.write(wire.patch(record_id, {"Phone": "2"}), safe=False)
    assert refused.value.next is Next.LOCKED
    assert wire.asked()[PATCH] == 3 + 4


def test_lead_owners_are_never_reassigned_by_our_saves(wire: Any) -> None:
    wire.options(assignment_rule=True)
    lead = wire.model.add("Lead", {"LastName": "Li", "Company": "X"})
    (before,) = wire.transport.query("SELECT OwnerId FROM Lead").data["records"]
    ask = Ask(method="PATCH", path=f"sobjects/Lead/{lead}", kind="update", priority=Priority.PUSH, body={"Phone": "1"})
    wire.model.tokens.expire()
    wire.transport.write(ask, safe=False)
    (after,) = wire.transport.query("SELECT OwnerId FROM Lead").data["records"]
    assert after == before


# ---- refusals


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (412, None, Next.STALE),
        (412, refusal("PRECONDITION_FAILED"), Next.STALE),
        (404, refusal("ENTITY_IS_DELETED"), Next.GONE),
        (400, refusal("DUPLICATE_VALUE"), Next.EXISTS),
        (400, refusal("INVALID_FIELD"), Next.DESCRIBE),
        (400, refusal("SOMETHING_NEW"), Next.REFUSED),
        (400, {"errorCode": "STRING_TOO_LONG", "message": "no", "fields": ["Phone"]}, Next.REFUSED),
        (300, ["/services/data/v62.0/sobjects/Contact/003000000000001AAA"], Next.BUG),
        (403, refusal("FORBIDDEN"), Next.REFUSED),
    ],
)
def test_a_refusal_tells_status_and_faults(wire: Any, status: int, body: object, wanted: Next) -> None:
    wire.fault("status", "/sobjects/", status=status, body=body)
    with pytest.raises(Refused) as refused:
        wire.transport.write(wire.patch("003000000000001AAA", {"Phone": "1"}), safe=False)
    assert (refused.value.status, refused.value.next) == (status, wanted)


@pytest.mark.parametrize(
    ("status", "body", "stop", "words"),
    [
        (403, refusal("API_DISABLED_FOR_ORG"), CredentialsRefused, "API Enabled"),
        (400, refusal("STORAGE_LIMIT_EXCEEDED"), Unreachable, "storage"),
        (403, refusal("API_CURRENTLY_DISABLED"), Parked, "switched"),
        (410, "<html>gone</html>", Unreachable, "api_version"),
        (410, refusal("UNSUPPORTED_API_VERSION"), Unreachable, "api_version"),
        (414, "<html>long</html>", Unreachable, "too long"),
        (302, None, Unreachable, "redirect"),
    ],
)
def test_what_an_administrator_has_to_mend_stops_the_connection(
    wire: Any, status: int, body: object, stop: type[Exception], words: str
) -> None:
    wire.fault("status", "/query", status=status, body=body)
    with pytest.raises(stop, match=words):
        wire.transport.query(CONTACTS)
    assert wire.asked()[QUERY] == 1


def test_a_missing_permission_for_limits_can_be_told_from_a_stop(wire: Any) -> None:
    wire.options(limits_forbidden=True)
    with pytest.raises(Refused) as refused:
        wire.transport.read(get("limits/"))
    assert refused.value.status == 403


def test_no_word_of_salesforce_with_a_value_in_it_gets_into_an_error(wire: Any) -> None:
    body = refusal("MALFORMED_QUERY", "ann@example.com is bad")
    wire.fault("status", "/query", status=400, body=[*body, {"errorCode": "ann@example.com"}])
    with pytest.raises(Refused) as refused:
        wire.transport.query(CONTACTS)
    told = f"{refused.value} {not_understood('here', refused.value)}"
    assert "ann@example.com" not in told
    assert "MALFORMED_QUERY" in told


# ---- answers


def test_rows_deleted_ones_and_the_servers_clock_come_through(wire: Any) -> None:
    record_id = wire.model.add_contact({"LastName": "Li"})
    wire.model.delete(record_id)
    assert wire.transport.query(CONTACTS).data["records"] == []
    answer = wire.transport.query(CONTACTS, all_rows=True)
    assert [row["Id"] for row in answer.data["records"]] == [record_id]
    assert answer.served_at == wire.transport.served_at == wire.clock.now().replace(microsecond=0)
    assert wire.asked() == {LOGIN: 1, QUERY: 1, "GET /queryAll": 1}


def test_an_empty_list_is_not_taken_for_no_answer(wire: Any) -> None:
    wire.fault("status", "/limits", status=200, body="[]", headers={"Content-Type": "application/json"})
    assert wire.transport.read(get("limits/")).data == []


def test_csv_comes_and_goes_as_utf_8(wire: Any) -> None:
    wire.fault("status", "/batches", status=200, headers={"Content-Type": "text/csv"}, body="Id\nZoë\n")
    ask = Ask(
        method="PUT",
        path="jobs/ingest/750000000000001AAA/batches",
        kind="bulk",
        priority=Priority.PUSH,
        content="Id\nZoë\n",
        accept="csv",
        headers={"Sforce-Query-Options": "batchSize=200"},
    )
    answer = wire.transport.write(ask, safe=False)
    assert (answer.text, answer.data) == ("Id\nZoë\n", None)


def test_a_page_of_html_is_no_csv(wire: Any) -> None:
    wire.fault("html", "/results", status=200)
    wire.fault("status", "/results", status=200, headers={"Content-Type": "text/csv"}, body="Id\n")
    assert wire.transport.read(get("jobs/x/results", accept="csv")).text == "Id\n"


# ---- the table of codes


@pytest.mark.parametrize(
    ("code", "message", "wanted"),
    [
        ("INVALID_SESSION_ID", "", Next.RENEW),
        ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Next.PARK),
        ("REQUEST_LIMIT_EXCEEDED", "", Next.PARK),
        ("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", Next.WAIT),
        ("UNABLE_TO_LOCK_ROW", "", Next.LOCKED),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: UNABLE_TO_LOCK_ROW, unable to", Next.LOCKED),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.NullPointerException", Next.REFUSED),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "write UNABLE_TO_LOCK_ROW here", Next.REFUSED),
        ("OPERATION_TOO_LARGE", "", Next.SMALLER),
        ("SERVER_UNAVAILABLE", "", Next.LATER),
        ("STORAGE_LIMIT_EXCEEDED", "", Next.STOP),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "", Next.REFUSED),
        ("DUPLICATES_DETECTED", "", Next.EXISTS),
        ("INVALID_CROSS_REFERENCE_KEY", "", Next.GONE),
        ("CANNOT_UPDATE_CONVERTED_LEAD", "", Next.STALE),
        ("JSON_PARSER_ERROR", "", Next.BUG),
        ("WHATEVER_COMES", "", Next.REFUSED),
    ],
)
def test_a_code_says_what_happens_next(code: str, message: str, wanted: Next) -> None:
    assert next_for(code, message) is wanted


def test_faults_are_read_from_every_shape() -> None:
    record = {"attributes": {}, "Id": "003A"}
    found = {"matchResults": [{"matchRecords": [{"record": record}, {"record": record}, {"record": {"Id": "003B"}}]}]}
    at_top = {"errorCode": "DUPLICATES_DETECTED", "message": "Use one?", "fields": [], "duplicateResult": found}
    in_record = {"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": ["Phone", 1]}
    assert parse_faults([at_top, in_record, "x", None, {"message": "no code"}, {"errorCode": "a value"}]) == (
        Fault(code="DUPLICATES_DETECTED", message="Use one?", duplicates=("003A", "003B")),
        Fault(code="STRING_TOO_LONG", message="too long", fields=("Phone",)),
    )
    assert parse_faults({"errorCode": "NOT_FOUND"}) == (Fault(code="NOT_FOUND", message="NOT_FOUND"),)
    for nothing in (None, "text", 5, [], {}, [{"errorCode": 5}], {"errorCode": "X", "duplicateResult": 5}):
        assert all(fault.code == "X" and fault.duplicates == () for fault in parse_faults(nothing))


def test_a_single_record_can_stop_the_connection() -> None:
    stop = stop_for(Fault(code="STORAGE_LIMIT_EXCEEDED", message="ann@example.com"), "POST x on Salesforce")
    assert isinstance(stop, Unreachable)
    assert "ann@example.com" not in str(stop)
