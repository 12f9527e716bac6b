"""The SalesPulse side against a server that fails, throttles, redirects and lies in wait for the key."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from syncd.core.model import Op, Outcome
from syncd.core.sweep import Next, after_walk
from syncd.errors import AnswerLost, CredentialsRefused, SyncdError, Unreachable, UsageError
from syncd.net.rate import Rate
from syncd.salespulse.settings import SalesPulseSettings
from syncd.sandbox.salespulse.dialect import DIALECTS

Make = Callable[..., Any]  # makes a World of conftest

KEY = "sp_live_0123456789abcdef"


def test_real_limits_are_never_overrun(make_world: Make) -> None:
    world = make_world(limit_scale=1, rate=Rate(100, 60), bulk_rate=Rate(10, 60), share=1.0)
    ids = world.add(260)
    for number, contact_id in enumerate(ids):
        world.side.update([world.intent(Op.UPDATE, contact_id, first_name=f"N{number}")])
    for number in range(25):
        batch = [world.intent(Op.CREATE, email=f"{number}.{half}@example.com") for half in (1, 2)]
        world.side.create(batch)
    assert world.statuses()[429] == 0
    assert world.governor.refused == 0
    assert world.clock.monotonic() < 60 * 6


def test_the_share_of_another_program_is_left_to_it(make_world: Make) -> None:
    world = make_world(limit_scale=1, rate=Rate(100, 60), bulk_rate=Rate(10, 60), share=1.0)
    ids = world.add(120)
    world.model.limit.spend(60)
    world.side.fetch(ids)
    assert world.statuses()[429] == 0


@pytest.mark.parametrize("name", ["plain", "wrapped", "legacy"])
def test_a_429_makes_the_account_wait_and_loses_nothing(make_world: Make, name: str) -> None:
    world = make_world(DIALECTS[name])
    before = world.clock.monotonic()
    world.fault(action="status", status=429, op="POST /contacts", headers={"retry-after": "17"})
    (made,) = world.side.create([world.intent(Op.CREATE, email="a@example.com")])
    assert made.outcome is Outcome.APPLIED
    assert len(world.model.records()) == 1
    assert 17 <= world.clock.monotonic() - before < 75


def test_a_redirect_is_an_error_and_the_key_stays_here(make_world: Make) -> None:
    world, other = make_world(), make_world()
    world.fault(action="status", status=301, headers={"location": other.settings.base_url + "/contacts"}, times=None)
    for call in (
        lambda: world.side.scan(None),
        lambda: world.side.create([world.intent(Op.CREATE, email="a@example.com")]),
        lambda: world.side.fetch(["ctn_1"]),
    ):
        with pytest.raises(Unreachable, match="syncd never follows a redirect"):
            call()
    assert sum(other.asked().values()) == 0


@pytest.mark.parametrize(
    "base_url",
    [
        "http://salespulse.app/api/v1",
        "http://192.168.0.7/api/v1",
        "http://localhost.example.com/api/v1",
        "ftp://salespulse.app/api/v1",
        "salespulse.app/api/v1",
        "https://",
        "https://salespulse.app@evil.example/api/v1",
        "https://salespulse.app/api/v1?x=1",
        "http://[::1",
        "",
    ],
)
def test_an_address_that_would_give_the_key_away_is_refused_at_once(base_url: str) -> None:
    with pytest.raises(UsageError) as refused:
        SalesPulseSettings(base_url=base_url, api_key=SecretStr(KEY))
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "base_url",
    ["https://salespulse.app/api/v1", "http://127.0.0.1:8", "http://localhost:8", "http://[::1]:8/x"],
)
def test_https_and_this_machine_are_accepted(base_url: str) -> None:
    assert SalesPulseSettings(base_url=base_url, api_key=SecretStr(KEY)).base_url == base_url


@pytest.mark.parametrize("key", ["", " ", "sp live", "sp\nlive", "sp_líve"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(UsageError) as refused:
        SalesPulseSettings(base_url="https://salespulse.app/api/v1", api_key=SecretStr(key))
    assert key.strip() == "" or key not in str(refused.value)


def test_neither_key_nor_values_get_into_errors_logs_or_reprs(
    make_world: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world = make_world()
    world.add(1)
    world.scan()
    world.side.find({"email": ["secret.person@example.com"]})
    told = [repr(world.settings), repr(world.side), repr(world.side.client), str(world.memory)]
    body = {"error": {"message": f"{KEY} may not say Secret.Person@example.com"}}
    world.fault(action="status", status=400, body=body, times=None)
    intent = world.intent(Op.CREATE, email="secret.person@example.com")
    told += [receipt.message for receipt in world.side.create([intent])]
    for call in (
        lambda: world.side.find({"email": ["secret.person@example.com"]}),
        lambda: world.side.create([intent, intent]),
    ):
        with pytest.raises(SyncdError) as error:
            call()
        told += [str(error.value), repr(error.value)]
    with pytest.raises(Unreachable) as refused:
        world.side.scan(None)
    assert KEY not in str(refused.value)
    told += [record.getMessage() for record in caplog.records]
    for text in told:
        assert KEY not in text
        assert "secret.person" not in text.casefold()


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("action", ["drop_after", "half_body", "status_after"])
def test_a_create_whose_answer_is_lost_is_sent_only_once(make_world: Make, count: int, action: str) -> None:
    world = make_world(DIALECTS["itemized"])
    world.fault(action=action, status=502, path="/contacts")
    intents = [world.intent(Op.CREATE, email=f"n{number}@example.com") for number in range(count)]
    with pytest.raises(AnswerLost, match="may have been applied"):
        world.side.create(intents)
    assert len(world.model.records()) == count


@pytest.mark.parametrize("action", ["drop_before", "drop_after", "half_body", "status", "html"])
def test_reads_updates_and_deletes_are_repeated_until_they_are_answered(make_world: Make, action: str) -> None:
    world = make_world()
    one, two = world.add(2)
    world.fault(action=action, status=503, times=2)
    assert set(world.side.fetch([one]).records) == {one}
    world.fault(action=action, status=503, times=2)
    (changed,) = world.side.update([world.intent(Op.UPDATE, one, state="TX")])
    world.fault(action=action, status=503, times=2)
    (removed,) = world.side.remove([world.intent(Op.REMOVE, two)])
    assert changed.outcome is removed.outcome is Outcome.APPLIED
    assert [row["id"] for row in world.model.records()] == [one]


def test_a_server_that_is_not_there_is_unreachable_and_nothing_is_in_doubt(make_world: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world = make_world()
        world.open(base_url=f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Unreachable, match="cannot be reached"):
            world.side.create([world.intent(Op.CREATE, email="a@example.com")])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_the_connection_and_says_what_to_do(make_world: Make, status: int) -> None:
    world = make_world()
    world.fault(action="status", status=status, body={"error": {"message": "no"}}, times=None)
    with pytest.raises(CredentialsRefused, match="Settings → API Keys"):
        world.side.scan(None)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("<html><body>Not found</body></html>", {}),
        (None, {}),
        ("404", {}),
        ({"message": "no Route matched with those values"}, {}),
        ({"error": {"message": "Contact does not exist"}}, {"x-ratelimit-limit": "100"}),
    ],
)
def test_a_404_without_salespulses_rate_headers_proves_no_delete(
    make_world: Make, body: object, headers: dict[str, str]
) -> None:
    world = make_world()
    (contact_id,) = world.add(1)
    world.fault(action="status", status=404, body=body, headers=headers, times=None, path="/contacts/")
    with pytest.raises(Unreachable, match="404 that is not SalesPulse's own"):
        world.side.fetch([contact_id])
    with pytest.raises(Unreachable, match="404 that is not SalesPulse's own"):
        world.side.remove([world.intent(Op.REMOVE, contact_id)])
    with pytest.raises(Unreachable, match="404 that is not SalesPulse's own"):
        world.side.update([world.intent(Op.UPDATE, contact_id, state="TX")])
    assert len(world.model.records()) == 1


def test_a_passing_404_of_a_gateway_is_waited_out(make_world: Make) -> None:
    world = make_world()
    (contact_id,) = world.add(1)
    world.fault(action="status", status=404, body={"message": "no Route matched"}, path="/contacts/")
    assert set(world.side.fetch([contact_id]).records) == {contact_id}
    world.fault(action="status", status=404, body={"message": "no Route matched"}, path="/contacts/")
    world.side.remove([world.intent(Op.REMOVE, contact_id)])
    assert world.model.records() == []


def test_a_200_that_shows_another_or_no_contact_proves_nothing(make_world: Make) -> None:
    world = make_world()
    one, two = world.add(2)
    world.fault(action="status", status=200, body={"success": True}, op="GET /contacts/:id")
    assert world.side.fetch([one]).records == {}
    other = world.plain(two)
    world.fault(action="status", status=200, body=other, op="GET /contacts/:id")
    assert world.side.fetch([one]).records[one].id == two
    world.fault(action="status", status=200, body=other, op="PATCH /contacts/:id")
    (receipt,) = world.side.update([world.intent(Op.UPDATE, one, state="TX")])
    assert (receipt.outcome, receipt.shown) == (Outcome.APPLIED, None)


def test_a_list_in_an_unknown_shape_stops_the_connection_without_a_traceback(make_world: Make) -> None:
    world = make_world()
    world.fault(action="status", status=200, body={"people": {"secret": 1}}, times=None)
    with pytest.raises(Unreachable, match="shape that syncd does not know"):
        world.side.scan(None)


def test_one_garbled_value_stops_only_itself(make_world: Make) -> None:
    world = make_world()
    rows = r'[{"id":"ctn_1","first_name":"\ud83d","email":"a@example.com"},{"id":"ctn_2","email":"b@b.example"}]'
    world.fault(action="status", status=200, body=rows, op="GET /contacts")
    first, second = world.side.scan(None).records
    assert "first_name" not in first.values
    assert first.values["email"] == "a@example.com"
    assert second.values["email"] == "b@b.example"


def test_a_failing_stage_move_does_not_lose_the_receipt_of_a_create(make_world: Make) -> None:
    world = make_world(DIALECTS["terse"])
    world.fault(action="status", status=500, path="/stage", times=None)
    intents = [world.intent(Op.CREATE, email=f"n{n}@example.com", stage="stg_sold") for n in range(2)]
    receipts = world.side.create(intents)
    assert [receipt.outcome for receipt in receipts] == [Outcome.APPLIED] * 2
    assert {receipt.id for receipt in receipts} == {row["id"] for row in world.model.records()}
    assert all("stage" in receipt.refused_fields for receipt in receipts)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_sweep_over_a_moving_table_ends_right(make_world: Make, name: str) -> None:
    """Design rule 8: who existed throughout is seen, or looked up by id."""
    world = make_world(DIALECTS[name], page_size=50)
    before = world.add(400)
    seen: set[str] = set()
    page = world.side.scan(None)
    deleted = []
    number = 0
    while True:
        seen |= {record.id for record in page.records}
        if page.complete:
            break
        number += 1
        victims = before[number * 3 : number * 3 + 2]
        for victim in victims:
            world.model.delete_contact(victim)
        deleted += victims
        world.model.add_contact({"first_name": "New", "email": f"new{number}@example.com"})
        page = world.side.scan(page.cursor)
    missing = [contact_id for contact_id in before if contact_id not in seen]
    walks = 1
    while (then := after_walk(missing=len(missing), page_size=50, total=len(seen), walks=walks)) is not Next.DONE:
        if then is Next.WALK:
            seen |= {record.id for record in world.scan()}
            missing = [contact_id for contact_id in before if contact_id not in seen]
            walks += 1
            continue
        fetched = world.side.fetch(missing)
        seen |= set(fetched.records)
        assert set(fetched.gone) <= set(deleted)
        break
    assert set(before) - set(deleted) <= seen


def test_calls_stages_and_deals_are_typed(make_world: Make) -> None:
    world = make_world()
    (contact_id,) = world.add(1)
    client = world.side.client
    client.initiate_call(contact_id)
    listing = client.list_calls(contact_id=contact_id)
    assert [call.contact_id for call in listing.items] == [contact_id]
    call = client.get_call(listing.items[0].id)
    assert call is not None
    assert call.direction == "outbound"
    assert client.get_call("call_nobody") is None
    assert [stage.label for stage in world.side.stages()][:2] == ["New Lead", "Contacted"]
    assert [deal.contact_id for deal in client.list_deals().items] == [contact_id]


def test_the_summary_counts_requests_by_what_they_were(make_world: Make) -> None:
    world = make_world()
    (contact_id,) = world.add(1)
    world.side.fetch([contact_id])
    world.side.update([world.intent(Op.UPDATE, contact_id, state="TX")])
    assert world.governor.counts == {"GET /contacts/:id": 1, "PATCH /contacts/:id": 1}


def test_a_cursor_holds_no_value_of_any_contact(make_world: Make) -> None:
    world = make_world(DIALECTS["wrapped"])
    world.add(300)
    page = world.side.scan(None)
    assert page.cursor is not None
    for record in page.records:
        assert record.id not in page.cursor
    assert set(orjson.loads(page.cursor)) == {"page", "size", "before", "repeats", "seen", "valued", "blank"}
