"""Secrets come from where the config says, are asked for only when needed, and never show."""

from __future__ import annotations

import pytest

from syncd.errors import ConfigError

SECRET = "tok-5e5cbf0a1d"


def with_token(bench, value: str) -> str:
    return bench.good.replace('{ env = "ACME_TOKEN" }', value)


def token(config) -> str:
    return config.connections[0].settings.access_token.get_secret_value()


def test_a_secret_comes_from_the_environment_without_its_line_end(bench):
    bench.environ["ACME_TOKEN"] = SECRET + "\n"
    assert token(bench.load()) == SECRET


def test_a_secret_comes_from_a_file_beside_the_config(bench):
    bench.write("token", SECRET + "\n").chmod(0o600)
    config = bench.load(with_token(bench, '{ file = "token" }'))
    assert (token(config), config.warnings) == (SECRET, ())


def test_a_secret_file_open_to_everybody_is_warned_about(bench):
    bench.write("token", SECRET).chmod(0o644)
    (warning,) = bench.load(with_token(bench, '{ file = "token" }')).warnings
    assert "chmod" in warning.remedy


def test_a_secret_comes_from_systemd(bench):
    bench.write("credentials/acme", SECRET)
    bench.environ["CREDENTIALS_DIRECTORY"] = str(bench.folder / "credentials")
    assert token(bench.load(with_token(bench, '{ credential = "acme" }'))) == SECRET


def test_a_literal_secret_works_and_is_warned_about_without_being_shown(bench):
    config = bench.load(with_token(bench, f'"{SECRET}"'))
    assert token(config) == SECRET
    (warning,) = config.warnings
    assert warning.where == "config.toml: connections.acme.settings.access_token"
    assert SECRET not in str(warning)


MISSING = {
    "variable": ('{ env = "GONE" }', "GONE is not set (looked in: the environment"),
    "empty variable": ('{ env = "EMPTY" }', "set but empty"),
    "file": ('{ file = "secrets/gone" }', "secrets/gone (looked in: "),
    "folder": ('{ file = "." }', "there is no file"),
    "empty file": ('{ file = "blank" }', "is empty"),
    "huge file": ('{ file = "huge" }', "too long"),
    "bytes": ('{ file = "bytes" }', "UTF-8"),
    "device": ('{ file = "/dev/zero" }', "there is no file"),
    "credential": ('{ credential = "acme" }', "$CREDENTIALS_DIRECTORY, which is not set"),
    "two places": ('{ env = "A", file = "b" }', "in one way"),
    "unknown place": ('{ vault = "a" }', "no place that syncd looks for secrets in"),
    "near place": ('{ evn = "a" }', "no place that syncd looks for secrets in"),
    "number": ("12345678", "in one way"),
    "list": ('["x"]', "in one way"),
    "no name": ('{ env = "" }', "must name where"),
    "nothing": ('""', "is empty"),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_secret_that_cannot_be_had_is_one_problem_that_names_the_place(bench, only, case):
    value, words = MISSING[case]
    bench.environ["EMPTY"] = " "
    bench.write("blank", "\n")
    bench.write("huge", "x" * 70_000)
    bench.write("bytes", b"\xff\xfe")
    problem = only(bench.problems(with_token(bench, value)))
    assert problem.where.startswith("config.toml: connections.acme.settings.access_token")
    assert words in problem.what
    assert "12345678" not in str(problem)


def test_a_credential_is_a_name_inside_systemds_folder(bench, only):
    bench.environ["CREDENTIALS_DIRECTORY"] = str(bench.folder / "credentials")
    bench.write("outside", SECRET)
    assert "not a path" in only(bench.problems(with_token(bench, '{ credential = "../outside" }'))).what


def test_commands_that_read_need_no_secrets(bench):
    bench.environ.clear()
    config = bench.load(need_secrets=False)
    assert not config.secrets_read
    assert token(config).startswith("not-read")


def test_commands_that_read_still_refuse_a_secret_that_is_written_wrongly(bench, only):
    problems = bench.problems(with_token(bench, '{ evn = "X" }'), need_secrets=False)
    assert 'did you mean "env"' in only(problems).remedy


def test_a_spare_secret_left_blank_is_none(bench):
    assert bench.load(bench.good + 'spare_token = ""\n').connections[0].settings.spare_token is None


def test_no_message_holds_a_secret_even_where_a_check_repeats_its_input(bench):
    text = with_token(bench, f'"{SECRET}"') + f'id_property = "ID"\nbase_url = "{SECRET}"\nrate = "{SECRET}"\n'
    text = text.replace("[salespulse]", f'[salespulse]\nrate = "{SECRET}"\nstage_method = "{SECRET}"')
    with pytest.raises(ConfigError) as caught:
        bench.load(text)
    assert len(caught.value.problems) >= 4
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.problems)


def test_no_repr_of_a_config_holds_a_secret(bench):
    text = f"{bench.good}[notify]\nurl = 'https://hooks.example/{SECRET}'\n"
    text += f"[server]\nwebhook_secret = '{SECRET * 2}'\n"
    config = bench.load(text)
    shown = repr(config)
    for secret in (*bench.environ.values(), SECRET):
        assert secret not in shown
    assert config.notify.url.get_secret_value().endswith(SECRET)


def test_an_address_to_notify_may_stand_in_the_file_without_a_warning(bench):
    assert bench.load(bench.good + "[notify]\nurl = 'https://hooks.example/abc'\n").warnings == ()


def test_a_short_webhook_secret_is_warned_about(bench):
    bench.environ["HOOK"] = "short"
    (warning,) = bench.load(bench.good + '[server]\nwebhook_secret = { env = "HOOK" }\n').warnings
    assert "guessed" in warning.what
