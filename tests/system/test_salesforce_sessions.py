"""Sessions of a Salesforce org that end, are refused or run out of requests: what stops, what goes on, what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncd.cycle import budgets
from syncd.exits import Exit
from syncd.sandbox.salesforce.model import Salesforce
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.wire import Request, Response
from tests.system.site import SECRET, Site

TOKEN_PATH = "/services/oauth2/token"

Handle = Callable[[Request], Response]


def org_of(site: Site) -> Salesforce:
    assert site.f is not None
    return site.f


def switch(site: Site, **switches: Any) -> None:
    org = org_of(site)
    org.set_options(Options(**{**org.org.options.model_dump(), **switches}))


def at(site: Site, number: int, act: Callable[[], None]) -> list[str]:
    """Do something when the org gets so many requests besides those for tokens. Return what was asked of it."""
    asked: list[str] = []

    def hook(request: Request, handle: Handle) -> None:
        asked.append(request.path)
        if len([path for path in asked if path != TOKEN_PATH]) == number and request.path != TOKEN_PATH:
            act()

    site.served[2].hooks.append(hook)
    return asked


def tokens_of(site: Site) -> int:
    """Requests for a token since the last call."""
    return int(site.served[2].stats.requests.pop("POST /oauth2/token", 0))


def linked(site: Site, count: int = 40) -> None:
    """So many people in all three, agreed."""
    site.populate(count, count)
    site.run()
    assert site.run().code == Exit.DONE
    tokens_of(site)


def edit_everybody(site: Site, name: str) -> None:
    for row in site.s.records():
        site.s.edit_contact(row["id"], {"first_name": name})


def names(site: Site) -> tuple[set[str], set[str]]:
    """First names in HubSpot and in Salesforce."""
    return {one["firstname"] for one in site.c.records()}, {one["FirstName"] for one in org_of(site).records()}


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_a_session_that_expires_within_a_run_costs_one_new_token(quick_trio: Site, moment: int) -> None:
    linked(quick_trio)
    edit_everybody(quick_trio, "Edited")
    asked = at(quick_trio, moment, org_of(quick_trio).tokens.expire)
    ended = quick_trio.run()
    assert ended.code == Exit.DONE, ended.err
    assert len([path for path in asked if path != TOKEN_PATH]) > moment
    assert tokens_of(quick_trio) == 2, "the first, and one more"
    assert names(quick_trio) == ({"Edited"}, {"Edited"})
    quick_trio.mend()
    quick_trio.assert_quiet()


@pytest.mark.parametrize("body", ["list", "dict", "html"])
def test_an_expired_session_is_known_whatever_the_body_of_the_answer(quick_trio: Site, body: str) -> None:
    switch(quick_trio, body_401=body)
    linked(quick_trio)
    edit_everybody(quick_trio, "Edited")
    at(quick_trio, 3, org_of(quick_trio).tokens.expire)
    assert quick_trio.run().code == Exit.DONE
    assert tokens_of(quick_trio) == 2
    assert names(quick_trio)[1] == {"Edited"}


def test_two_connections_of_one_org_whose_session_ends_get_one_token_each_at_most(quick_trio: Site) -> None:
    quick_trio.org["leads"] = {"create": "none"}
    linked(quick_trio)
    edit_everybody(quick_trio, "Edited")
    at(quick_trio, 4, org_of(quick_trio).tokens.expire)
    assert quick_trio.run().code == Exit.DONE
    assert tokens_of(quick_trio) <= 4
    assert names(quick_trio)[1] == {"Edited"}


def revoked(site: Site) -> None:
    """Every session is refused, also a fresh one."""
    org_of(site).tokens.expire()
    switch(site, refuses_sessions=True)


def deactivated(site: Site) -> None:
    org_of(site).tokens.expire()
    switch(site, user_active=False)


def used_up(site: Site) -> None:
    """Other programs have used all the requests of the day."""
    org_of(site).usage.spend(org_of(site).usage.limit)


def mended(site: Site) -> None:
    switch(site, refuses_sessions=False, user_active=True)


@pytest.mark.parametrize("moment", [0, 1, 3])
@pytest.mark.parametrize("trouble", [revoked, deactivated, used_up])
def test_an_org_that_lets_nobody_in_stops_its_connection_and_hubspot_goes_on(
    quick_trio: Site, trouble: Callable[[Site], None], moment: int
) -> None:
    linked(quick_trio)
    edit_everybody(quick_trio, "Edited")
    asked = at(quick_trio, moment, lambda: trouble(quick_trio))
    if not moment:
        trouble(quick_trio)
    ended = quick_trio.run()
    assert ended.code == Exit.REMOTE, ended.err
    figures = ended.json["connections"]
    assert figures["contacts"]["stopped"]
    assert figures["hubspot"]["stopped"] is None
    assert names(quick_trio)[0] == {"Edited"}
    assert tokens_of(quick_trio) <= 3, "the login is not hammered"
    assert len(asked) < 25
    quick_trio.assert_no_leak(ended.said)
    quick_trio.mend()
    mended(quick_trio)
    quick_trio.clock.advance(86_400 + 2 * budgets.SLOT)  # of what counts against the limit, nothing is left
    again = quick_trio.run()
    assert again.code == Exit.DONE, again.err
    assert names(quick_trio) == ({"Edited"}, {"Edited"})
    quick_trio.run()
    quick_trio.assert_quiet()


def test_what_is_said_of_a_deactivated_user_tells_what_to_do(quick_trio: Site) -> None:
    linked(quick_trio)
    deactivated(quick_trio)
    said = quick_trio.run().err
    assert "inactive_user" in said
    assert "Salesforce" in said
    assert SECRET not in said


def test_what_is_said_of_an_org_without_requests_left_names_the_limit(quick_trio: Site) -> None:
    linked(quick_trio)
    used_up(quick_trio)
    ended = quick_trio.run()
    assert "REQUEST_LIMIT_EXCEEDED" in ended.err or "requests" in ended.json["connections"]["contacts"]["stopped"]


def test_a_wrong_secret_of_the_app_is_a_stop_and_not_a_leak(quick_trio: Site) -> None:
    quick_trio.populate(5, 5)
    quick_trio.org_settings["consumer_secret"] = "another-marked-secret"
    ended = quick_trio.run()
    assert ended.code == Exit.REMOTE
    assert "invalid_client" in ended.err
    assert "another-marked-secret" not in ended.said
    assert org_of(quick_trio).usage.used == 0


def test_too_many_requests_at_once_are_waited_for(quick_trio: Site) -> None:
    linked(quick_trio)
    edit_everybody(quick_trio, "Edited")
    quick_trio.served[2].fault(
        "status",
        path="/services/data/",
        times=3,
        status=403,
        body=[
            {
                "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
                "errorCode": "REQUEST_LIMIT_EXCEEDED",
            }
        ],
    )
    ended = quick_trio.run()
    assert ended.code == Exit.DONE, ended.err
    assert quick_trio.served[2].struck() == 3
    assert names(quick_trio)[1] == {"Edited"}
