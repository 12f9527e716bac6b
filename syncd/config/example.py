"""config.example.toml, made from the schema: every key, its default, what it is for. Writes no file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors.port import ConnectorKind
from syncd.config.mappings import shipped_names
from syncd.config.notation import write_key, write_value
from syncd.config.problems import model_in
from syncd.config.schema import ConfigFile, ConnectionSection
from syncd.config.secrets import is_secret

_WIDTH = 110
_COLUMN = 46  #: where the remarks begin, if the line leaves room
_HEAD = """\
# syncd: every key, with its default. Only [salespulse] api_key and one connection are needed.
# The config is found at --config PATH, else $SYNCD_CONFIG, else ./config.toml, else /etc/syncd/config.toml.
#
# Secrets: {{ env = "NAME" }}, {{ file = "PATH" }} or {{ credential = "NAME" }} (systemd).
# Literal text works too, and is warned about.
# Durations: "30s", "2m", "6h", "180d". Rates: COUNT/PERIOD, such as "100/minute", "190/10s", "5/s".
# Installed connectors: {connectors}. Keep the connections that you have and remove the others.
# Check the file with: syncd check
# This file is generated from the schema. More about each key: docs/configuration.md
"""


def render_example(kinds: Mapping[str, ConnectorKind]) -> str:
    """Given the installed connectors, return the example config: one connection for each, settings included.

    It loads as it stands once the secrets that it names are in the environment. Tables and keys that most
    people leave out are there as comments.
    """
    blocks = [_HEAD.format(connectors=", ".join(sorted(kinds)))]
    for name, info in ConfigFile.model_fields.items():
        if name == "connections":
            continue
        model = model_in(info.annotation)
        assert model is not None, name  # noqa: S101 - every table of ConfigFile is a model; a test renders them all
        optional = info.default is None
        blocks.append("\n".join(_table(name, model, commented=optional, about=True)))
    for index, kind in enumerate(sorted(kinds.values(), key=lambda kind: kind.name)):
        blocks.append("\n".join(_connection(kind, about=index == 0)))
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"


def _connection(kind: ConnectorKind, *, about: bool) -> Iterator[str]:
    header = f"connections.{write_key(kind.name)}"
    named = f"{kind.name}-{kind.objects[0].lower()}"
    given = {"connector": kind.name, "mapping": next((one for one in shipped_names() if one.startswith(named)), named)}
    yield from _table(header, ConnectionSection, about=about, given=given)
    for key, info in ConnectionSection.model_fields.items():
        model = kind.settings if key == "settings" else model_in(info.annotation)
        if model is not None:
            yield ""
            if key == "settings":
                yield f"# {kind.label}'s own settings."
            yield from _table(f"{header}.{key}", model, about=about and key != "settings", secrets=kind.name)


def _table(
    header: str,
    model: type[BaseModel],
    *,
    commented: bool = False,
    about: bool,
    given: Mapping[str, str] | None = None,
    secrets: str = "",
) -> Iterator[str]:
    """The lines of one table.

    ``given`` overrides defaults; ``secrets`` is the prefix of variables for secrets without an example.
    """
    mark = "# " if commented else ""
    if about and model.__doc__:
        text = " ".join(model.__doc__.split())
        yield from (f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2))
    yield f"{mark}[{header}]"
    has_secret = False
    for name, info in model.model_fields.items():
        key = info.alias or name
        if model_in(info.annotation) is not None or info.annotation == dict[str, Any]:
            continue  # a table of its own
        value = (given or {}).get(key, _example_value(key, info, secrets))
        # Of several secrets the first is what most accounts use; the others are alternatives.
        spare = (
            is_secret(info.annotation) and has_secret and not info.is_required() and not commented
        ) or value is None
        has_secret = has_secret or is_secret(info.annotation)
        yield _line(f"{mark}{'# ' if spare else ''}{write_key(key)} = {write_value(value)}", info.description or "")


def _example_value(key: str, info: FieldInfo, secrets: str) -> object:
    if info.examples and (info.is_required() or info.default in (None, "")):
        return info.examples[0]
    if is_secret(info.annotation) and secrets:
        return {"env": f"{secrets}_{key}".upper().replace("-", "_")}
    return None if info.is_required() else info.get_default(call_default_factory=True)


def _line(text: str, remark: str) -> str:
    if not remark:
        return text
    padded = f"{text:<{_COLUMN}}# {remark}" if len(text) < _COLUMN else f"{text}  # {remark}"
    if len(padded) <= _WIDTH:
        return padded
    return "\n".join([*(f"# {line}" for line in textwrap.wrap(remark, _WIDTH - 2)), text])
