"""A good config gives what the contract promises; a broken one gives all its problems, each clear."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.config.load import check_offline, find_config
from syncd.core.mapping import CreateIn, Deletes, Direction, Rule
from syncd.core.model import Brakes, Side
from syncd.errors import ConfigError, Problem
from syncd.net.rate import Rate

CONNECTION = 'connector = "acme"'


def in_connection(bench, line: str) -> str:
    return bench.good.replace(CONNECTION, f"{CONNECTION}\n{line}")


def in_salespulse(bench, line: str) -> str:
    return bench.good.replace("[salespulse]", f"[salespulse]\n{line}")


def in_settings(bench, line: str) -> str:
    return f"{bench.good}{line}\n"


def test_defaults_are_those_of_the_contract(bench):
    config = bench.load()
    assert config.state_path == bench.folder / "state.db"
    assert config.keep == timedelta(days=180)
    sp = config.salespulse
    assert (sp.base_url, sp.rate, sp.bulk_rate) == (
        "https://salespulse.app/api/v1",
        Rate(100, 60),
        Rate(10, 60),
    )
    assert (sp.share, sp.page_size, sp.sweep_every, sp.max_age) == (
        0.9,
        "auto",
        timedelta(hours=6),
        timedelta(minutes=1),
    )
    assert (sp.token_field, sp.stage_method, sp.timeout, sp.region) == (
        "",
        "PATCH",
        timedelta(seconds=30),
        "US",
    )
    assert (config.server, config.notify.url.get_secret_value()) == (None, "")
    assert (config.log.level, config.log.format) == ("info", "auto")
    (one,) = config.connections
    assert (one.name, one.kind.name, one.enabled) == ("acme", "acme", True)
    assert (one.every, one.scan_every, one.max_age) == (
        timedelta(minutes=2),
        timedelta(hours=24),
        timedelta(minutes=1),
    )
    assert (one.policy.direction, one.policy.create, one.policy.deletes) == (
        Direction.BOTH,
        CreateIn.BOTH,
        Deletes.UNLINK,
    )
    assert one.brakes == Brakes(max_deletes=25, max_deletes_percent=2, max_creates=1000, max_changes_percent=40)
    assert one.fields.rules[0].conflict == (Rule.NEWEST, Rule.HOLD)
    assert one.fields.rules[0].first_sync == (Rule.FILL, Rule.NEWEST, Rule.HOLD)
    assert one.policy.identity == {Side.CRM: "salespulse_id"}
    assert config.warnings == ()


def test_settings_are_the_connectors_model_with_its_secret(bench):
    settings = bench.load().connections[0].settings
    assert settings.access_token.get_secret_value() == "acme-0123456789"


def test_an_absolute_state_stays_absolute(bench):
    assert bench.load(bench.good + '[state]\nurl = "sqlite:////var/lib/syncd/state.db"\n').state_path == Path(
        "/var/lib/syncd/state.db"
    )


def test_the_token_field_is_salespulses_identity(bench):
    config = bench.load(in_salespulse(bench, 'token_field = "crm_id"'))
    assert config.connections[0].policy.identity[Side.SALESPULSE] == "crm_id"


def test_a_windows_file_with_byte_order_mark_loads(bench):
    assert bench.load(b"\xef\xbb\xbf" + bench.good.replace("\n", "\r\n").encode()).connections


def test_a_server_listens_where_it_says(bench):
    server = bench.load(bench.good + '[server]\nlisten = "[::1]:8710"\n').server
    assert server is not None
    assert server.address == ("::1", 8710)


#: what is changed → where the problem is, and words of what and remedy
BROKEN = {
    "unknown top table": (
        lambda b: b.good + "[salespluse]\n",
        "config.toml: salespluse",
        'did you mean "salespulse"',
    ),
    "unknown key": (
        lambda b: in_connection(b, 'evry = "2m"'),
        "connections.acme.evry",
        'did you mean "every"',
    ),
    "unknown setting": (lambda b: in_settings(b, "shar = 1.0"), "connections.acme.settings.shar", '"share"'),
    "bad duration": (lambda b: in_connection(b, 'every = "2 minuts"'), "connections.acme.every", '"2m"'),
    "duration without unit": (lambda b: in_connection(b, "every = 120"), "connections.acme.every", '"2m"'),
    "no time at all": (lambda b: in_connection(b, 'every = "0s"'), "connections.acme.every", '"1s"'),
    "bad rate": (lambda b: in_salespulse(b, 'rate = "fast"'), "salespulse.rate", '"100/minute"'),
    "rate of nothing": (lambda b: in_salespulse(b, 'rate = "0/s"'), "salespulse.rate", "above zero"),
    "http to a public host": (
        lambda b: in_salespulse(b, 'base_url = "http://salespulse.app/api/v1"'),
        "salespulse.base_url",
        "write https://",
    ),
    "http in the settings": (
        lambda b: in_settings(b, 'base_url = "http://api.acme.example"'),
        "connections.acme.settings.base_url",
        "write https://",
    ),
    "credentials in an address": (
        lambda b: in_salespulse(b, 'base_url = "https://me:pw@salespulse.app"'),
        "salespulse.base_url",
        "under their own keys",
    ),
    "unknown connector": (
        lambda b: b.good.replace(CONNECTION, 'connector = "acne"'),
        "connections.acme.connector",
        'installed: acme); did you mean "acme"',
    ),
    "no such mapping": (
        lambda b: b.good.replace("./people.toml", "hubspot-contact"),
        "connections.acme.mapping",
        '"hubspot-contacts"',
    ),
    "no such mapping file": (
        lambda b: b.good.replace("./people", "./poeple"),
        "connections.acme.mapping",
        "no file",
    ),
    "mapping of another connector": (
        lambda b: b.good.replace("./people.toml", "hubspot-contacts"),
        "connections.acme.mapping",
        'is for connector "hubspot"',
    ),
    "unknown rule": (
        lambda b: in_connection(b, 'conflict = ["newset"]'),
        "connections.acme.conflict[0]",
        '"newest"',
    ),
    "fill in conflict": (
        lambda b: in_connection(b, 'conflict = ["fill"]'),
        "connections.acme.conflict",
        "first_sync",
    ),
    "no rule": (lambda b: in_connection(b, "conflict = []"), "connections.acme.conflict", '["hold"]'),
    "rule alone": (
        lambda b: in_connection(b, 'conflict = "crm"'),
        "connections.acme.conflict",
        "in brackets",
    ),
    "unknown direction": (
        lambda b: in_connection(b, 'direction = "two_crm"'),
        "connections.acme.direction",
        '"to_crm"',
    ),
    "share above one": (lambda b: in_salespulse(b, "share = 1.5"), "salespulse.share", "at most 1"),
    "share of nothing": (lambda b: in_salespulse(b, "share = 0.0"), "salespulse.share", "above 0"),
    "percent above 100": (
        lambda b: in_connection(b, "brakes.max_deletes_percent = 101"),
        "connections.acme.brakes.max_deletes_percent",
        "at most 100",
    ),
    "negative brake": (
        lambda b: in_connection(b, "brakes.max_deletes = -1"),
        "connections.acme.brakes.max_deletes",
        "at least 0",
    ),
    "unknown brake": (
        lambda b: in_connection(b, "brakes.max_delete = 1"),
        "connections.acme.brakes.max_delete",
        '"max_deletes"',
    ),
    "page size": (lambda b: in_salespulse(b, "page_size = 1001"), "salespulse.page_size", '"auto"'),
    "page size true": (lambda b: in_salespulse(b, "page_size = true"), "salespulse.page_size", '"auto"'),
    "stage method": (
        lambda b: in_salespulse(b, 'stage_method = "GET"'),
        "salespulse.stage_method",
        "PATCH, PUT, POST",
    ),
    "region": (lambda b: in_salespulse(b, 'region = "USA"'), "salespulse.region", '"US"'),
    "state elsewhere": (
        lambda b: b.good + '[state]\nurl = "postgresql://db"\n',
        "state.url",
        "sqlite:///state.db",
    ),
    "state in memory": (
        lambda b: b.good + '[state]\nurl = "sqlite:///:memory:"\n',
        "state.url",
        "sqlite:///state.db",
    ),
    "listen": (lambda b: b.good + '[server]\nlisten = "8710"\n', "server.listen", "127.0.0.1:8710"),
    "public url": (
        lambda b: b.good + '[server]\npublic_url = "http://x.example"\n',
        "server.public_url",
        "https://",
    ),
    "word for a flag": (
        lambda b: in_connection(b, 'enabled = "yes"'),
        "connections.acme.enabled",
        "true or false",
    ),
    "number for a text": (
        lambda b: b.good.replace('"./people.toml"', "1"),
        "connections.acme.mapping",
        "in quotes",
    ),
    "missing secret": (
        lambda b: b.good.replace("ACME_TOKEN", "ACME_TOKN"),
        "connections.acme.settings.access_token",
        "ACME_TOKN is not set",
    ),
    "no secret": (
        lambda b: "[connections" + b.good.split("[connections", 1)[1],
        "salespulse.api_key",
        '{ env = "SALESPULSE',
    ),
    "no setting": (
        lambda b: b.good.rpartition("access_token")[0],
        "acme.settings.access_token",
        "is missing",
    ),
    "connector's own check": (
        lambda b: in_settings(b, 'id_property = "Id"'),
        "connections.acme.settings.id_property",
        "write the name in small letters",
    ),
    "no connection": (
        lambda b: b.good.split("[connections")[0],
        "config.toml: connections",
        "add [connections",
    ),
    "name of the hub": (
        lambda b: b.good.replace("connections.acme", "connections.salespulse"),
        "connections.salespulse",
        "another name",
    ),
    "name with blanks": (
        lambda b: b.good.replace("connections.acme", 'connections."my crm"'),
        'connections."my crm"',
        "letters, digits",
    ),
    "bad TOML": (lambda b: b.good + "\nevery = = 2\n", "config.toml: line 11, column 9", "is no TOML"),
    "not UTF-8": (lambda b: b.good.encode() + b"# caf\xe9\n", "config.toml: line 10", "UTF-8"),
    "text for a table": (lambda b: f"log = 'x'\n{b.good}", "config.toml: log", "[log]"),
    "weak webhook secret": (
        lambda b: b.good + '[server]\nwebhook_secret = "sign/like?this"\n',
        "server.webhook_secret",
        "openssl rand",
    ),
    "notify over http": (
        lambda b: b.good + '[notify]\nurl = "http://n.example/x"\n',
        "notify.url",
        "https://",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_config_gives_one_problem_that_says_where_and_what_to_do(bench, only, case):
    broken, where, words = BROKEN[case]
    problem = only(bench.problems(broken(bench)))
    assert problem.where.endswith(where)
    assert problem.where.startswith("config.toml: ")
    assert words in f"{problem.what}; {problem.remedy}".replace("write one of: ", "")
    assert problem.remedy


def test_all_problems_come_at_once_and_nothing_is_sent(bench, monkeypatch):
    def blow_up(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", blow_up)
    bench.write("people.toml", bench.people.replace('as = "email"', 'as = "e-mail"').replace('"given"', '"mail"'))
    text = """
        sate = 1
        [state]
        url = "mysql://"
        [salespulse]
        base_url = "http://salespulse.app"
        api_key = { env = "NOWHERE" }
        rate = "fast"
        [server]
        listen = "x"
        [log]
        level = "loud"
        [connections.one]
        connector = "acme"
        mapping = "./people.toml"
        every = "soon"
        [connections.one.settings]
        access_token = { file = "nowhere" }
        share = 2
        [connections.two]
        connector = "acme2"
        mapping = "nothing"
        conflict = ["best"]
    """
    where = {problem.where.partition(" (line")[0] for problem in bench.problems(text)}
    assert where == {
        "config.toml: sate",
        "config.toml: state.url",
        "config.toml: salespulse.base_url",
        "config.toml: salespulse.api_key",
        "config.toml: salespulse.rate",
        "config.toml: server.listen",
        "config.toml: log.level",
        "config.toml: connections.one.every",
        "config.toml: connections.one.settings.access_token",
        "config.toml: connections.one.settings.share",
        "config.toml: connections.two.connector",
        "config.toml: connections.two.mapping",
        "config.toml: connections.two.conflict[0]",
        "./people.toml: fields[1].as",
    }


def test_a_mistake_in_a_table_hides_no_other_in_it(bench):
    bench.environ["HOOK"] = "two words/of it"
    text = (
        bench.good
        + """
        [state]
        url = "mysql://"
        keep = "soon"
        [server]
        listen = "x"
        webhook_secret = { env = "HOOK" }
        [notify]
        url = "ftp://example.com"
        urll = ""
    """
    )
    assert [problem.where for problem in bench.problems(text)] == [
        "config.toml: state.keep",
        "config.toml: state.url",
        "config.toml: server.listen",
        "config.toml: notify.urll",
        "config.toml: server.webhook_secret",
        "config.toml: notify.url",
    ]
    assert "two words" not in str(ConfigError(bench.problems(text)))


def test_a_secret_that_is_not_there_is_told_once(bench, only):
    for table, key in (("server", "webhook_secret"), ("notify", "url")):
        problem = only(bench.problems(f'{bench.good}[{table}]\n{key} = {{ env = "NOWHERE" }}\n'))
        assert (problem.where, "not set" in problem.what) == (f"config.toml: {table}.{key}", True)


def two(bench, second: str = "", settings: str = "") -> str:
    return (
        bench.good
        + f"""
        [connections.second]
        connector = "acme"
        mapping = "./people.toml"
        {second}
        [connections.second.settings]
        access_token = {{ env = "ACME_TOKEN" }}
        {settings}
        """
    )


def test_two_connections_on_one_account_cannot_both_create_there(bench, only):
    problem = only(bench.problems(two(bench)))
    assert problem.where == "config.toml: connections.second.create"
    assert '"acme" creates already' in problem.what


@pytest.mark.parametrize(
    "line", ['create = "none"', 'create = "salespulse"', 'direction = "to_salespulse"', "enabled = false"]
)
def test_one_creator_an_account_is_enough(bench, line):
    assert bench.problems(two(bench, line)) == ()


def test_two_connections_on_one_account_agree_on_its_budget(bench):
    problems = bench.problems(two(bench, 'create = "none"', "share = 0.5\nrate = 10"))
    assert {problem.where for problem in problems} == {
        "config.toml: connections.second.settings.share",
        "config.toml: connections.second.settings.rate",
    }


def test_two_accounts_of_one_kind_have_their_own_budgets(bench):
    bench.environ["OTHER"] = "acme-another-token"
    text = two(bench, "", "share = 0.5").replace(
        '[connections.second.settings]\n        access_token = { env = "ACME_TOKEN" }',
        '[connections.second.settings]\n        access_token = { env = "OTHER" }',
    )
    config = bench.load(text)
    assert len({one.account for one in config.connections}) == 2
    assert len(bench.load(text, need_secrets=False).connections) == 2


def test_names_that_differ_in_capitals_only_are_refused(bench, only):
    text = two(bench, 'create = "none"').replace("connections.second", "connections.ACME")
    assert "capitals" in only(bench.problems(text)).what


def test_the_id_property_cannot_be_mapped(bench, only):
    mapping = bench.people + '[[fields]]\nsalespulse = "x"\ncrm = "salespulse_id"\n'
    assert "keeps the id of the other half" in only(bench.mapping_problems(mapping)).what


def test_rules_that_are_never_asked_are_warned_about(bench):
    (warning,) = bench.load(in_connection(bench, 'conflict = ["crm", "newest"]')).warnings
    assert warning.where == "config.toml: connections.acme.conflict"
    assert warning.warning
    assert 'put "crm" last' in warning.remedy


def test_check_offline_gives_errors_and_warnings_and_never_raises(bench):
    text = in_salespulse(bench, 'rate = "x"').replace('{ env = "ACME_TOKEN" }', '"acme-literal-token"')
    found = check_offline(bench.write("config.toml", text), kinds=bench.kinds, environ=bench.environ)
    assert [(one.where.partition(": ")[2], one.warning) for one in found] == [
        ("salespulse.rate", False),
        ("connections.acme.settings.access_token", True),
    ]
    assert check_offline(bench.write("config.toml", bench.good), kinds=bench.kinds, environ=bench.environ) == ()
    (missing,) = check_offline(bench.folder / "no.toml", kinds=bench.kinds)
    assert "cannot be read" in missing.what


def test_every_problem_is_a_line_with_its_key_and_its_remedy():
    problems = [
        Problem(where="c: b", what="is wrong", remedy="write 1"),
        Problem(where="c: a", what="is odd", remedy="mend it", warning=True),
    ]
    assert str(ConfigError(problems)) == "c: b: is wrong; write 1\nc: a: is odd; mend it"


def test_the_config_is_found_where_the_contract_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("config.toml", "named.toml", "option.toml"):
        (tmp_path / name).touch()
    named = {"SYNCD_CONFIG": str(tmp_path / "named.toml")}
    assert find_config(Path("option.toml"), environ=named) == Path("option.toml")
    assert find_config(environ=named) == tmp_path / "named.toml"
    assert find_config(environ={}) == Path("config.toml")


def test_a_config_that_was_named_and_is_missing_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").touch()
    for option, environ in ((Path("gone.toml"), {}), (None, {"SYNCD_CONFIG": "gone.toml"})):
        with pytest.raises(ConfigError, match=r"gone\.toml"):
            find_config(option, environ=environ)


def test_where_there_is_no_config_every_place_searched_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"config\.toml, /etc/syncd/config\.toml.*config\.example\.toml"):
        find_config(environ={})
