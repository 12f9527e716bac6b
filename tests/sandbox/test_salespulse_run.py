"""``run``: both vendors on real ports with example people, a config that points at them, and a kept state."""

from __future__ import annotations

import queue
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.sandbox.main import rate, run

Lines = list[str]


def running(look: Callable[[dict[str, Any]], None], **options: Any) -> Lines:
    """Run the sandbox in a thread, give its printed config to ``look``, end it, and give all it said."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    end = threading.Event()
    settings = {"port": 0, "hubspot_port": 0, "people": 20, "seed": 1, "scale": 1.0, "limit_scale": 10.0}
    settings |= {"state": None, "dialect": "plain"} | options
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


def everybody(config: dict[str, Any]) -> tuple[Any, Any]:
    """All records of both, over the control paths."""
    left = config["salespulse"]["base_url"].removesuffix("/api/v1")
    right = config["connections"]["hubspot"]["settings"]["base_url"]
    return get(f"{left}/_sandbox/records", "-"), get(f"{right}/_sandbox/records", "-")


def test_the_printed_config_opens_both_servers_with_people_in_them() -> None:
    def look(config: dict[str, Any]) -> None:
        ours, theirs = config["salespulse"], config["connections"]["hubspot"]["settings"]
        listed = get(f"{ours['base_url']}/contacts?limit=100", ours["api_key"])
        assert len(listed["data"]) == 20
        found = get(f"{theirs['base_url']}/crm/v3/objects/contacts?limit=100", theirs["access_token"])
        assert len(found["results"]) == 20
        assert (ours["rate"], ours["bulk_rate"], theirs["rate"]) == ("1000/60s", "100/60s", "1000/10s")

    running(look)


def test_a_kept_state_comes_back_and_no_people_are_added(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    seen: list[tuple[Any, Any]] = []

    def change(config: dict[str, Any]) -> None:
        url = config["salespulse"]["base_url"].removesuffix("/api/v1")
        body = {"values": {"first_name": "Later"}}
        httpx.post(f"{url}/_sandbox/add", json=body, trust_env=False).raise_for_status()
        seen.append(everybody(config))

    def look(config: dict[str, Any]) -> None:
        seen.append(everybody(config))

    said = running(change, state=state)
    assert str(state) in said[-1]
    running(look, state=state, people=500)
    assert len(seen[0][0]["records"]) == 21
    assert seen[1] == seen[0]


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
