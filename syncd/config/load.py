"""From ``--config`` to a Config: find the file, read it, check whatever needs no request.

Each table is checked by itself, so that a mistake in one hides none in the others. Whatever is wrong anywhere
comes out together, as one ConfigError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from connectors.port import ConnectorKind
from syncd.config.connections import Surroundings, check_accounts, read_connections
from syncd.config.model import Config
from syncd.config.notation import service_url
from syncd.config.problems import Findings, Place, suggestion
from syncd.config.schema import (
    ConfigFile,
    LogSection,
    NotifySection,
    SalesPulseSection,
    ServerSection,
    StateSection,
)
from syncd.config.secrets import SecretSource
from syncd.config.tables import read_table
from syncd.config.toml import parse_toml
from syncd.errors import ConfigError, Problem

VARIABLE = "SYNCD_CONFIG"
DEFAULT_PLACES = (Path("config.toml"), Path("/etc/syncd/config.toml"))
_SQLITE = "sqlite:///"
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")

S = TypeVar("S", bound=BaseModel)


def find_config(option: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """Return the config: ``--config``, else $SYNCD_CONFIG, else ./config.toml, else /etc/syncd/config.toml.

    Raise ConfigError, naming every place searched, if there is none. A file that was named and is missing is
    an error; the next place is not tried.
    """
    named = (environ if environ is not None else os.environ).get(VARIABLE, "")
    if option is not None:
        places, how = [option], "--config"
    elif named:
        places, how = [Path(named)], f"${VARIABLE}"
    else:
        places, how = list(DEFAULT_PLACES), ""
    for place in places:
        if place.is_file():
            return place
    searched = ", ".join(str(place) for place in places)
    raise ConfigError(
        [
            Problem(
                where=f"config (looked in: {searched})",
                what=f"there is no such file, though {how} names it" if how else "there is no config file",
                remedy="write one: config.example.toml shows every key; or name one with --config",
            )
        ]
    )


def load(
    path: Path,
    *,
    need_secrets: bool,
    kinds: Mapping[str, ConnectorKind],
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Given a config file and the installed connectors, return the whole config.

    Raise ConfigError with all problems.

    ``need_secrets=False``, for commands that only read the state: secrets are not looked for, stand-ins take
    their place. ``environ`` stands in for this process's environment.
    """
    config, findings = _read(path, need_secrets=need_secrets, kinds=kinds, environ=environ)
    if config is None or findings.errors:
        raise ConfigError(findings.errors)
    return config


def check_offline(
    path: Path, *, kinds: Mapping[str, ConnectorKind], environ: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """Given a config file, return all that is wrong or doubtful in it and its mappings."""
    _, findings = _read(path, need_secrets=True, kinds=kinds, environ=environ)
    return findings.errors + findings.warnings


def _read(
    path: Path, *, need_secrets: bool, kinds: Mapping[str, ConnectorKind], environ: Mapping[str, str] | None
) -> tuple[Config | None, Findings]:
    findings = Findings()
    try:
        raw = parse_toml(path.read_bytes(), path.name, findings)
    except OSError as error:
        findings.add(str(path), f"cannot be read: {error.strerror}", "name a file that the user syncd runs as may read")
        return None, findings
    if raw is None:
        return None, findings
    directory = path.resolve().parent
    place = Place(file=path.name)
    source = SecretSource(directory=directory, environ=os.environ if environ is None else environ, read=need_secrets)
    for key in raw:
        if key not in ConfigFile.model_fields:
            findings.add(place.at(key), "is not a table that syncd knows", suggestion(key, ConfigFile.model_fields))

    def section(name: str, model: type[S]) -> S | None:
        return read_table(raw.get(name, {}), model, place.below(name), source, findings)

    state = section("state", StateSection)
    url = state.url if state else _as_written(raw, "state", "url")
    state_path = _state_path(url, directory, place.below("state"), findings) if isinstance(url, str) else None
    salespulse = section("salespulse", SalesPulseSection)
    server = section("server", ServerSection) if "server" in raw else None
    notify = section("notify", NotifySection)
    log = section("log", LogSection)
    if need_secrets:
        secret = server.webhook_secret if server else _secret_again(raw, "server", "webhook_secret", source)
        _check_webhook_secret(secret, place, findings)
        _check_notify_url(notify.url if notify else _secret_again(raw, "notify", "url", source), place, findings)
    surroundings = Surroundings(
        directory=directory,
        place=place,
        source=source,
        kinds=kinds,
        region=salespulse.region if salespulse else "US",
        token_field=salespulse.token_field if salespulse else "",
    )
    connections = read_connections(raw.get("connections"), surroundings, findings)
    check_accounts(connections, place, findings)
    if state is None or state_path is None or salespulse is None or notify is None or log is None:
        return None, findings
    return (
        Config(
            path=path,
            state_path=state_path,
            keep=state.keep,
            salespulse=salespulse,
            server=server,
            notify=notify,
            log=log,
            connections=connections,
            warnings=findings.warnings,
            secrets_read=need_secrets,
        ),
        findings,
    )


def _as_written(raw: Mapping[str, Any], table: str, key: str) -> object:
    """What the file says under a key. For a table that another key keeps from being read: no mistake hides one."""
    found = raw.get(table)
    return found.get(key) if isinstance(found, dict) else None


def _secret_again(raw: Mapping[str, Any], table: str, key: str, source: SecretSource) -> SecretStr | None:
    """The same for a secret. What is wrong with finding it was told when its table was read."""
    written = _as_written(raw, table, key)
    return source.resolve(written, "", Findings()) if written else None


def _state_path(url: str, directory: Path, place: Place, findings: Findings) -> Path | None:
    name = url.removeprefix(_SQLITE)
    if (
        not url.startswith(_SQLITE)
        or not name
        or name == ":memory:"
        or re.search(r"[?#\x00]", name)
        or name.endswith("/")
    ):
        findings.add(
            place.at("url"),
            "is no SQLite file",
            'write "sqlite:///state.db" for a file beside this config, '
            '"sqlite:////var/lib/syncd/state.db" for one elsewhere',
        )
        return None
    return directory / name


def _check_webhook_secret(given: SecretStr | None, place: Place, findings: Findings) -> None:
    where = place.at("server", "webhook_secret")
    secret = given.get_secret_value() if given and not _told(where, findings) else ""
    if secret and not _URL_SAFE.fullmatch(secret):
        findings.add(where, "holds signs that cannot stand in an address", "make one with: openssl rand -hex 32")
    elif secret and len(secret) < 20:
        findings.add(where, "is short enough to be guessed", "make one with: openssl rand -hex 32", warning=True)


def _check_notify_url(given: SecretStr | None, place: Place, findings: Findings) -> None:
    where = place.at("notify", "url")
    url = given.get_secret_value() if given and not _told(where, findings) else ""
    try:
        if url:
            service_url(url.partition("?")[0])
    except ValueError as error:
        findings.add_text(where, str(error))


def _told(where: str, findings: Findings) -> bool:
    """Whether a secret could not be had: what stands in for it is not to be judged."""
    return any(problem.where == where or problem.where.startswith(f"{where}.") for problem in findings.errors)
