"""``run``: all vendors on real ports with example people, a config that points at them, and a kept state."""

from __future__ import annotations

import itertools
import queue
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from syncd.config.load import load
from syncd.registry import kinds
from syncd.sandbox.main import rate, run

Lines = list[str]


def running(look: Callable[[dict[str, Any]], None], *, printed: Path | None = None, **options: Any) -> Lines:
    """Run the sandbox in a thread, give its printed config to ``look``, end it, and give all it said. ``printed``: a
    file for the config as it was printed.
    """
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    end = threading.Event()
    settings = {"people": 20, "seed": 1, "scale": 1.0, "limit_scale": 10.0, "state": None, "dialect": "plain"}
    settings |= {"ports": dict.fromkeys(("salespulse", "hubspot", "salesforce"), 0)} | options
    failed: list[BaseException] = []

    def work() -> None:
        try:
            run(**settings, echo=said.put, end=end)  # type: ignore[arg-type]  # one dict for all types
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failed.append(error)
            said.put("# Ctrl-C")

    thread = threading.Thread(target=work)
    thread.start()
    lines = [said.get(timeout=20)]
    try:
        while "Ctrl-C" not in lines[-1]:
            lines.append(said.get(timeout=20))
        if printed is not None:
            printed.write_text("\n".join(lines))
        if not failed:
            look(tomllib.loads("\n".join(lines)))
    finally:
        end.set()
        thread.join(timeout=10)
    if failed:
        raise failed[0]
    while not said.empty():
        lines.append(said.get())
    return lines


def get(url: str, key: str) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.get(url, headers=headers, trust_env=False, timeout=10).raise_for_status().json()


def addresses(config: dict[str, Any]) -> list[str]:
    """Where the servers are, SalesPulse's first."""
    connections = config["connections"]
    return [
        config["salespulse"]["base_url"].removesuffix("/api/v1"),
        connections["hubspot"]["settings"]["base_url"],
        connections["salesforce"]["settings"]["login_url"],
    ]


def everybody(config: dict[str, Any]) -> list[Any]:
    """All records of all, over the control paths."""
    return [get(f"{url}/_sandbox/records", "-")["records"] for url in addresses(config)]


def test_the_printed_config_opens_all_servers_with_people_in_them() -> None:
    def look(config: dict[str, Any]) -> None:
        ours, hubspot = config["salespulse"], config["connections"]["hubspot"]["settings"]
        listed = get(f"{ours['base_url']}/contacts?limit=100", ours["api_key"])
        assert len(listed["data"]) == 20
        found = get(f"{hubspot['base_url']}/crm/v3/objects/contacts?limit=100", hubspot["access_token"])
        assert len(found["results"]) == 20
        url, token = session(config)
        answer = get(f"{url}/services/data/v62.0/query?q=SELECT+Id+FROM+Contact", token)
        assert answer["totalSize"] == 20
        assert get(f"{url}/services/data/v62.0/limits", token)["DailyApiRequests"]["Max"] == 1_000_000
        assert (ours["rate"], ours["bulk_rate"], hubspot["rate"]) == ("1000/60s", "100/60s", "1000/10s")

    running(look)


def session(config: dict[str, Any]) -> tuple[str, str]:
    """The org's address and a token, by what the printed config says."""
    settings = config["connections"]["salesforce"]["settings"]
    asked = {
        "grant_type": "client_credentials",
        "client_id": settings["consumer_key"],
        "client_secret": settings["consumer_secret"],
    }
    answer = httpx.post(f"{settings['login_url']}/services/oauth2/token", data=asked, trust_env=False)
    given = answer.raise_for_status().json()
    return given["instance_url"], given["access_token"]


def test_the_printed_config_is_one_that_syncd_takes(tmp_path: Path) -> None:
    """Nothing here knows syncd's own code but this: what is printed has to fit into its config."""

    path = tmp_path / "config.toml"

    def look(config: dict[str, Any]) -> None:
        loaded = load(path, need_secrets=True, kinds=kinds(), environ={})
        assert [one.name for one in loaded.connections] == list(config["connections"])

    running(look, printed=path)


def test_each_two_systems_have_three_in_five_people_in_common() -> None:
    def look(config: dict[str, Any]) -> None:
        addresses = [
            {(row.get("email") or row.get("Email") or row["id"]).lower() for row in rows} for rows in everybody(config)
        ]
        assert [len(one) for one in addresses] == [100, 100, 100]
        assert all(50 <= len(one & other) <= 60 for one, other in itertools.combinations(addresses, 2))

    running(look, people=100)


def test_a_kept_state_comes_back_and_no_people_are_added(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    seen: list[list[Any]] = []

    def change(config: dict[str, Any]) -> None:
        named = ("first_name", "firstname", "FirstName")
        for url, field in zip(addresses(config), named, strict=True):
            body = {"values": {field: "Later"}}
            httpx.post(f"{url}/_sandbox/add", json=body, trust_env=False).raise_for_status()
        seen.append(everybody(config))

    def look(config: dict[str, Any]) -> None:
        seen.append(everybody(config))

    said = running(change, state=state)
    assert str(state) in said[-1]
    running(look, state=state, people=500)
    assert [len(rows) for rows in seen[0]] == [21, 21, 21]
    assert seen[1] == seen[0]


def test_a_state_from_before_the_salesforce_server_is_taken_up_with_an_empty_org(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    running(lambda config: None, state=state)
    kept = orjson.loads(state.read_bytes())
    del kept["salesforce"]
    state.write_bytes(orjson.dumps(kept))
    seen: list[Any] = []
    said = running(lambda config: seen.extend(everybody(config)), state=state)
    assert [len(rows) for rows in seen] == [20, 20, 0]
    assert any("without salesforce" in line for line in said)
    assert "salesforce" in orjson.loads(state.read_bytes())


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"now": 1}'])
def test_a_damaged_state_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "sandbox.json"
    state.write_bytes(content)
    with pytest.raises(ValueError, match="not a state of the sandbox"):
        running(lambda config: None, state=state)
    assert state.read_bytes() == content


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="plain, wrapped"):
        running(lambda config: None, dialect="klingon")


@pytest.mark.parametrize(
    ("scale", "limit_scale", "expected"),
    [(1, 1, "100/60s"), (60, 1, "100/1s"), (600, 1, "100/1s"), (50, 2, "200/2s"), (1, 0.5, "50/60s")],
)
def test_the_rate_in_real_time_never_exceeds_the_vendors(scale: float, limit_scale: float, expected: str) -> None:
    assert rate(100, 60, scale, limit_scale) == expected
