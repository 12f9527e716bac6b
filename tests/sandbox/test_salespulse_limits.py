"""The limits of the vendor's page on a clock that moves only when told."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.harness import Harness
from syncd.sandbox.salespulse import DIALECTS, Dialect, SalesPulse
from syncd.sandbox.salespulse.model import BASE, KEY
from syncd.sandbox.wire import Request, Response, json_response


class Caller:
    """Calls a model the way the shell does."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock()
        self.model = SalesPulse(self.clock, **options)
        self.harness = Harness(self.model)

    def __call__(self, method: str, path: str, body: object = None) -> Response:
        content = b"" if body is None else json_response(200, body).body
        headers = {"authorization": f"Bearer {KEY}"}
        return self.harness.handle(Request(method=method, path=BASE + path, headers=headers, body=content))


def test_the_hundred_and_first_request_of_a_minute_is_refused() -> None:
    call = Caller()
    remaining = [call("GET", "/pipeline/stages").headers["x-ratelimit-remaining"] for _ in range(100)]
    assert remaining == [str(99 - n) for n in range(100)]
    refused = call("GET", "/pipeline/stages")
    assert refused.status == 429
    assert refused.json() == {"error": {"message": "Rate limit exceeded"}}
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("100", "0")
    assert not {"retry-after", "x-ratelimit-reset"} & set(refused.headers), "neither is documented"


def test_the_window_slides() -> None:
    call = Caller()
    for _ in range(50):
        call("GET", "/contacts")
    call.clock.advance(30)
    for _ in range(50):
        call("GET", "/contacts")
    call.clock.advance(29.9)
    assert call("GET", "/contacts").status == 429
    call.clock.advance(0.2)
    assert [call("GET", "/contacts").status for _ in range(51)] == [200] * 50 + [429]


def test_ten_bulk_requests_a_minute_also_count_among_the_hundred() -> None:
    call = Caller()
    one = [{"first_name": "A"}]
    answers = [call("POST", "/contacts/bulk", one) for _ in range(11)]
    assert [answer.status for answer in answers] == [201] * 10 + [429]
    assert answers[-1].headers["x-ratelimit-remaining"] == "90"
    assert call("GET", "/contacts").headers["x-ratelimit-remaining"] == "89"
    assert len(call.model.book.contacts) == 10


def test_errors_count_and_carry_the_headers_too() -> None:
    call = Caller()
    assert call("GET", "/contacts/ctn_0").headers["x-ratelimit-remaining"] == "99"
    assert call("POST", "/contacts", {"phone": "x"}).headers["x-ratelimit-remaining"] == "98"
    stranger = call.harness.handle(Request(method="GET", path=f"{BASE}/contacts"))
    assert (stranger.status, stranger.headers["x-ratelimit-remaining"]) == (401, "98")


def test_the_scale_multiplies_the_counts() -> None:
    call = Caller(limit_scale=60)
    assert call("GET", "/contacts").headers["x-ratelimit-limit"] == "6000"
    assert call.model.bulk_limit.count == 600


def test_another_program_can_use_up_the_account() -> None:
    call = Caller()
    call.harness.handle(Request(method="POST", path="/_sandbox/spend", body=b'{"count": 100}'))
    assert call("GET", "/contacts").status == 429


@pytest.mark.parametrize(
    ("dialect", "retry_after", "reset"),
    [
        ("plain", None, None),
        ("legacy", None, "60"),
        ("wrapped", "60", str(round(ManualClock.START.timestamp()) + 60)),
        ("cursorless", "60", None),
    ],
)
def test_what_is_said_about_the_reset_depends_on_the_dialect(
    dialect: str, retry_after: str | None, reset: str | None
) -> None:
    call = Caller(dialect=DIALECTS[dialect])
    for _ in range(100):
        call("GET", "/contacts")
    refused = call("GET", "/contacts")
    assert refused.status == 429
    assert refused.headers.get("retry-after") == retry_after
    assert refused.headers.get("x-ratelimit-reset") == reset


def test_waiting_as_long_as_retry_after_says_is_enough() -> None:
    call = Caller(dialect=Dialect(retry_after=True))
    for _ in range(100):
        call("GET", "/contacts")
        call.clock.advance(0.13)
    call.clock.advance(float(call("GET", "/contacts").headers["retry-after"]))
    assert call("GET", "/contacts").status == 200
