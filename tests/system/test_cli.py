"""Every command as a process: what it prints, what it ends with, how it takes signals, what it never tells."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.wire import Request, Response, json_response

TEN_MISTAKES = """
[state]
url = "postgresql://localhost/syncd"
keep = "soon"
[salespulse]
base_url = "http://salespulse.app/api/v1"
api_key = ""
rate = "many"
share = 7
colour = "blue"
[connections.hubspot]
connector = "hubspot"
mapping = "no-such-mapping"
conflict = ["loudest"]
deletes = "burn"
[connections.hubspot.settings]
base_url = "{hubspot}"
access_token = "{token}"
id_property = "Not A Name"
[connections.pipedrive]
connector = "pipedrive"
mapping = "hubspot-contacts"
"""


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "the condition never came"
        time.sleep(0.01)


@pytest.fixture
def synced(quick: Any) -> Any:
    """Both sides in step, with one conflict that waits."""
    quick.connection["conflict"] = ["hold"]
    quick.populate(8, 5)
    assert quick.run().code == Exit.DONE
    link = quick.links()[0]
    quick.s.edit_contact(link.salespulse_id, {"last_name": "Onehand"})
    quick.c.edit(link.crm_id, {"lastname": "Otherhand"})
    assert quick.run().code == Exit.PERSON
    return quick


# ---- what is printed


def test_run_prints_one_summary_and_nothing_else_on_standard_output(site: Any) -> None:
    site.populate(8, 5)
    ended = site.cli("run", "--full", "--json")
    assert ended.code == Exit.DONE, ended.err
    assert set(ended.json) == {"run", "seconds", "connections", "requests", "exit_code"}
    figures = ended.json["connections"]["hubspot"]
    assert set(figures) >= {
        "pulled", "linked", "created", "updated", "stamped", "deleted", "unlinked", "unchanged", "unmapped", "held",
        "failed", "stopped", "brakes", "first_sync_missing",
    }  # fmt: skip
    assert figures["created"] == {"salespulse": 3, "crm": 3}
    for account in ("salespulse", "hubspot"):
        assert set(ended.json["requests"][account]) >= {"total", "by_kind", "refused", "waited_seconds"}
        assert ended.json["requests"][account]["total"] > 0
    once = site.cli("run", "--once")
    assert once.code == Exit.DONE, once.err
    assert "hubspot" in once.out
    site.assert_no_leak(ended.said, once.said)


def test_plan_changes_nothing_and_shows_every_line(site: Any) -> None:
    site.populate(8, 5)
    file = site.folder / "plan.json"
    ended = site.inline("plan", "--full", "--json", "-o", str(file))
    assert ended.code == Exit.DONE, ended.err
    assert json.loads(file.read_text()) == ended.json
    assert set(ended.json) == {"fingerprint", "connections", "exit_code"}
    lines = ended.json["connections"]["hubspot"]["lines"]
    assert {(line["side"], line["op"]) for line in lines} >= {("crm", "create"), ("salespulse", "create")}
    assert {"field", "before", "after", "rule", "by", "reason", "lost"} <= set(lines[0]["changes"][0])
    assert site.writes == []
    assert not site.state.exists()
    again = site.inline("plan", "--full", "--json")
    assert again.json["fingerprint"] == ended.json["fingerprint"]


def test_status_and_holds_read_the_state_alone_and_need_no_secret(synced: Any) -> None:
    synced.salespulse["api_key"] = {"env": "NOT_SET_ANYWHERE"}
    requests = synced.left.stats.requests.total() + synced.right.stats.requests.total()
    config = synced.write_config()
    config.write_text(config.read_text().replace('{"env": ', "{env = "))

    def ask(*arguments: str) -> Any:
        return synced.inline(*arguments, "--config", str(config), configured=False)

    status = ask("status", "--json")
    assert status.code == Exit.DONE, status.err
    shown = status.json
    assert set(shown) >= {"state", "salespulse", "connections", "runs"}
    assert shown["connections"]["hubspot"]["holds"] == {"conflict": 1}
    assert shown["connections"]["hubspot"]["links"] == {"active": 11}
    listed = ask("holds", "list", "--json")
    assert listed.code == Exit.DONE, listed.err
    [hold] = listed.json["holds"]
    assert set(hold) == {
        "id", "connection", "reason", "field", "salespulse_id", "crm_id", "since", "message", "values",
    }  # fmt: skip
    assert hold["values"] == {"salespulse": "Onehand", "crm": "Otherhand"}
    shown_hold = ask("holds", "show", hold["id"][:6], "--json")
    assert shown_hold.json == hold
    assert ask("holds", "show", "zzz").code == Exit.USAGE
    assert synced.left.stats.requests.total() + synced.right.stats.requests.total() == requests


def test_status_shows_the_budget_of_each_account_and_what_the_last_run_spent_of_it(synced: Any) -> None:
    synced.settings |= {"share": 0.5}
    synced.right.fault("status", status=429, headers={"retry-after": "1"}, times=1)
    spent = synced.run().json
    shown = synced.inline("status", "--json").json
    hub, crm = shown["budget"]
    assert (hub["connector"], hub["sources"], hub["share"]) == ("salespulse", ["salespulse"], 0.9)
    assert hub["rates"] == {"rate": "100000/60s", "bulk_rate": "10000/60s"}
    assert (crm["connector"], crm["account"], crm["sources"], crm["share"]) == ("hubspot", "62515", ["hubspot"], 0.5)
    assert crm["rates"] == {"rate": "100000/10s", "search_rate": "5000/1s"}
    for account in (hub, crm):
        (source,) = account["sources"]
        figures = spent["requests"][source]
        assert account["last_run"] == {
            "run": spent["run"],
            "requests": figures["total"],
            "by_kind": figures["by_kind"],
            "refused": figures["refused"],
            "waited_seconds": figures["waited_seconds"],
        }
    assert crm["last_run"]["refused"] == 1
    text = synced.inline("status")
    assert "100000/10s" in text.out
    assert f'run {spent["run"]}: {crm["last_run"]["requests"]} requests, 1 answered "too many requests"' in text.out
    synced.assert_no_leak(json.dumps(shown), text.said)


def test_connections_on_one_account_have_one_budget(synced: Any) -> None:
    config = synced.write_config()
    more = config.read_text().split("[connections.hubspot]")[1].replace("connections.hubspot", "connections.leads")
    config.write_text(f'{config.read_text()}\n[connections.leads]\ncreate = "none"\n{more}')
    given = ("--config", str(config))
    for chosen in ((), ("--connection", "leads")):
        shown = synced.inline("status", "--json", *given, *chosen, configured=False).json
        assert [one["sources"] for one in shown["budget"]] == [["salespulse"], ["hubspot", "leads"]]
        assert shown["budget"][1]["last_run"]["requests"] > 0


def test_check_finds_nothing_wrong_and_online_asks_both_sides(synced: Any) -> None:
    offline = synced.inline("check", "--json")
    assert offline.code == Exit.DONE, offline.said
    json.loads(offline.out)
    before = synced.s.records(), synced.c.records()
    online = synced.inline("check", "--online")
    assert online.code == Exit.DONE, online.said
    assert (synced.s.records(), synced.c.records()) == before


# ---- what it ends with


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--full", "--once"), "--full"),
        (("run", "--full", "--connection", "nobody"), "there is no such connection"),
        (("plan", "--connection", "nobody"), "there is no such connection"),
        (("status", "--connection", "nobody"), "there is no such connection"),
        (("run", "--fast"), "--fast"),
        (("dance",), "dance"),
        (("holds", "list", "--reason", "boredom"), "boredom"),
        (("check", "--fix"), "--online"),
        (("check", "--connection", "nobody"), "there is no such connection"),
        (("check", "--online", "--connection", "nobody"), "there is no such connection"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_wrong(
    quick: Any, arguments: tuple[str, ...], words: str
) -> None:
    ended = quick.inline(*arguments)
    assert ended.code == Exit.USAGE
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert quick.left.stats.requests.total() + quick.right.stats.requests.total() == 0
    assert not quick.state.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dialect", "klingon"), "klingon"),
        (("--people", "-5"), "--people -5"),
        (("--scale", "0"), "--scale 0"),
        (("--limit-scale", "-1"), "--limit-scale -1"),
        (("--port", "99999"), "--port 99999"),
        (("--port", "{taken}"), "--port {taken}: "),
        (("--port", "0", "--hubspot-port", "{taken}"), "--hubspot-port {taken}: "),
        (("--salesforce-port", "{taken}"), "--salesforce-port {taken}: "),
        (("--hubspot-port", "{free}", "--salesforce-port", "{free}"), "--hubspot-port names it already"),
        (("--state", "{folder}"), "{folder}"),
    ],
)
def test_a_sandbox_that_cannot_be_opened_says_why_and_ends_with_2(
    quick: Any, arguments: tuple[str, ...], words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        known = {"taken": taken.getsockname()[1], "free": unused_port(), "folder": str(quick.folder)}
        given = [one.format(**known) for one in arguments]
        options = ("--port", "--hubspot-port", "--salesforce-port")
        ports = [word for option in options if option not in given for word in (option, "0")]
        ended = quick.inline("sandbox", *given, *ports, configured=False)
    assert ended.code == Exit.USAGE, ended.said
    assert words.format(**known) in ended.err
    assert "Traceback" not in ended.err


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_the_options_of_holds_count_for_the_command_below_it(synced: Any) -> None:
    config = ("--config", str(synced.write_config()))
    listed = synced.inline("holds", *config, "--json", "list", configured=False)
    assert listed.code == Exit.DONE, listed.err
    [hold] = listed.json["holds"]
    shown = synced.inline("holds", *config, "--json", "show", hold["id"], configured=False)
    assert shown.json == hold
    nearer = synced.inline("holds", "--config", "nowhere.toml", "list", *config, configured=False)
    assert nearer.code == Exit.DONE, nearer.err


def test_a_config_that_is_not_there_is_named_with_all_places(quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(quick.folder)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    ended = quick.inline("run", "--full", configured=False)
    assert ended.code == Exit.USAGE
    assert "config.toml" in ended.err
    assert "/etc/syncd/config.toml" in ended.err


def test_ten_mistakes_are_told_at_once_and_nothing_is_sent(quick: Any) -> None:
    quick.config.write_text(TEN_MISTAKES.format(hubspot=quick.right.running.url, token="pat-secret-0451"))
    ended = quick.inline("run", "--full", "--config", str(quick.config), configured=False)
    assert ended.code == Exit.USAGE
    for key in (
        "state.url", "state.keep", "salespulse.base_url", "salespulse.api_key", "salespulse.rate",
        "salespulse.share", "salespulse.colour", "connections.hubspot.conflict", "connections.hubspot.deletes",
        "no-such-mapping", "id_property", "connections.pipedrive",
    ):  # fmt: skip
        assert key in ended.err, (key, ended.err)
    assert "pat-secret-0451" not in ended.said
    assert "Traceback" not in ended.err
    assert quick.left.stats.requests.total() + quick.right.stats.requests.total() == 0


@pytest.mark.parametrize("command", [("status",), ("holds",), ("holds", "list"), ("holds", "show", "abc")])
def test_a_command_that_reads_names_the_state_that_is_not_there_and_makes_none(
    quick: Any, command: tuple[str, ...]
) -> None:
    ended = quick.inline(*command)
    assert ended.code == Exit.USAGE
    assert str(quick.state) in ended.err
    assert not quick.state.exists()


@pytest.mark.parametrize("command", [("run", "--full"), ("run", "--once"), ("plan",), ("status",), ("holds",)])
@pytest.mark.parametrize(
    "content", [b"this is no database\n" * 400, b"SQLite format 3\x00" + b"\x07" * 9000], ids=["text", "broken"]
)
def test_a_state_that_is_no_state_is_left_as_it_is(quick: Any, command: tuple[str, ...], content: bytes) -> None:
    quick.state.write_bytes(content)
    ended = quick.inline(*command)
    assert ended.code == Exit.USAGE, ended.err
    assert str(quick.state) in ended.err
    assert "Traceback" not in ended.err
    assert quick.state.read_bytes() == content
    assert quick.writes == []


@pytest.mark.parametrize("command", [("run", "--full"), ("plan",), ("status",)])
def test_a_state_from_a_newer_version_is_not_touched(synced: Any, command: tuple[str, ...]) -> None:
    with sqlite3.connect(synced.state) as state:
        state.execute("UPDATE alembic_version SET version_num = '9999'")
    state.close()
    ended = synced.inline(*command)
    assert ended.code == Exit.USAGE
    assert "newer syncd" in ended.err
    assert "9999" in ended.err


def test_a_folder_that_does_not_exist_is_named(quick: Any) -> None:
    config = quick.write_config()
    config.write_text(config.read_text().replace("sqlite:///state.db", "sqlite:///nowhere/state.db"))
    ended = quick.inline("run", "--full", "--config", str(config), configured=False)
    assert ended.code == Exit.USAGE, ended.err
    assert "nowhere" in ended.err
    assert "Traceback" not in ended.err


def test_a_second_run_on_the_same_state_ends_with_6_and_readers_work_beside_the_first(site: Any) -> None:
    site.populate(8, 5)
    site.left.fault("delay", method="GET", path="/contacts$", seconds=30, times=1)
    site.salespulse["timeout"] = "60s"
    first = site.start("run", "--full")
    wait_until(lambda: site.left.stats.requests["GET /contacts"] > 0)
    second = site.cli("run", "--once")
    assert second.code == Exit.BUSY
    assert str(site.state) in second.err
    assert site.cli("status").code == Exit.DONE
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in site.folder.glob("state.db*")}
    assert {"state.db", "state.db-wal", "state.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}
    first.kill()
    first.end()
    site.left.mend()
    assert site.cli("run", "--full").code == Exit.DONE


# ---- signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("waiting", ["in backoff", "for its budget"])
def test_a_signal_ends_a_wait_at_once_and_the_next_run_goes_on(
    site: Any, number: signal.Signals, code: int, waiting: str
) -> None:
    people = site.populate(30, 20)
    if waiting == "in backoff":
        site.left.fault("status", status=503, headers={"retry-after": "40"}, times=None)
        enough = 1
    else:
        site.salespulse |= {"rate": "5/60s", "share": 1.0, "page_size": 5}
        enough = 5
    process = site.start("run", "--full")
    wait_until(lambda: site.left.stats.requests.total() >= enough)
    time.sleep(0.3)  # nothing tells from outside that the wait has begun
    assert process.running
    told = time.monotonic()
    process.tell(number)
    ended = process.end()
    assert time.monotonic() - told < 3
    assert ended.code == code, ended.err
    assert "the next run goes on" in ended.err
    assert "Traceback" not in ended.err
    site.mend()
    site.salespulse |= {"rate": "100000/60s"}
    last = site.cli("run", "--full")
    assert last.code == Exit.DONE, last.err
    site.assert_in_step(people)


def test_a_second_signal_does_not_wait_for_the_request_under_way(site: Any) -> None:
    people = site.populate(8, 5)
    site.salespulse["timeout"] = "30s"
    site.left.fault("delay", method="GET", path="/contacts$", seconds=60)
    process = site.start("run", "--full")
    wait_until(lambda: site.left.stats.requests["GET /contacts"] > 0)
    process.tell(signal.SIGINT)
    time.sleep(0.3)
    assert process.running
    told = time.monotonic()
    process.tell(signal.SIGINT)
    ended = process.end()
    assert time.monotonic() - told < 3
    assert ended.code == 130
    assert "the next run goes on" in ended.err
    site.salespulse["timeout"] = "1s"
    assert site.inline("run", "--full").code == Exit.DONE
    site.assert_in_step(people)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_writing_doubles_nobody(site: Any, number: signal.Signals) -> None:
    people = site.populate(60, 30)
    box: list[Any] = []

    def tell(request: Request, handle: Callable[[Request], Response]) -> Response | None:
        if box and request.path.endswith(("/contacts/bulk", "/batch/upsert")):
            box.pop().tell(number)
        return None

    site.left.hooks.append(tell)
    site.right.hooks.append(tell)
    process = site.start("run", "--full")
    box.append(process)
    ended = process.end()
    assert ended.code in {130, 143}, ended.err
    assert "Traceback" not in ended.err
    last = site.cli("run", "--full")
    assert last.code == Exit.DONE, last.err
    site.assert_in_step(people)


def test_the_sandbox_keeps_its_state_when_it_is_ended(quick: Any) -> None:
    kept = quick.folder / "sandbox.json"
    ports = ("--port", "0", "--hubspot-port", "0", "--salesforce-port", "0")
    arguments = ("sandbox", *ports, "--people", "3", "--state", str(kept))
    process = quick.start(*arguments, configured=False)
    wait_until(lambda: "Ctrl-C ends" in process.heard)
    process.tell(signal.SIGTERM)
    ended = process.end()
    assert ended.code == 143, ended.err
    assert len(json.loads(kept.read_text())["salespulse"]["book"]["contacts"]) == 3


# ---- what it never tells


def test_no_secret_and_no_field_value_gets_into_a_message(quick: Any) -> None:
    """Vendors like to repeat what they refuse: names, addresses, numbers, and the key itself."""
    quick.populate(12, 6)
    bad = {"error": {"message": "boom for jane.doe@example.com +13055550100 with sp_live_marked-0f9c4e"}}
    said = []
    for status in (400, 422, 401, 403, 404, 409, 429, 500):
        quick.mend()

        def repeat(request: Request, handle: Callable[[Request], Response], status: int = status) -> Response | None:
            if request.method == "GET" or request.path.endswith(("/search", "/batch/read")):
                return None
            body = request.body.decode() + request.headers.get("authorization", "")
            return json_response(status, {**bad, "message": body, "category": "VALIDATION_ERROR"})

        quick.left.hooks.append(repeat)
        quick.right.hooks.append(repeat)
        said.append(quick.inline("run", "--full").said if status in (400, 422) else quick.run().said)
        said.append(quick.inline("status").said)
    quick.assert_no_leak(*said)
    quick.mend()
    for row in quick.s.records():
        if row.get("email"):
            assert row["email"] not in "".join(said)


# ---- how quickly it answers


def test_help_answers_at_once_without_the_heavy_packages() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "syncd", "--help"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0
    assert "holds" in ended.stdout
    imported = set(re.findall(r"\|\s+(\S+)$", ended.stderr, re.MULTILINE))
    assert "typer" in imported
    for heavy in ("sqlalchemy", "hubspot", "httpx", "pydantic", "alembic", "uvicorn", "orjson", "phonenumbers"):
        assert heavy not in imported


def test_status_loads_nothing_that_only_a_run_needs(synced: Any) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "syncd", "status", "--config", str(synced.write_config())],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "budget" in ended.stdout
    imported = set(re.findall(r"\|\s+(\S+)$", ended.stderr, re.MULTILINE))
    assert "connectors.hubspot.settings" in imported
    for heavy in ("hubspot", "httpx", "uvicorn", "syncd.cycle", "connectors.hubspot.connector"):
        assert heavy not in imported


def test_help_takes_less_than_half_a_second_of_processor_time() -> None:
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, '-m', 'syncd', '--help'], stdout=subprocess.DEVNULL, check=True);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert float(ended.stdout) < 0.8  # half a second and a margin for a machine that is busy
