"""config.example.toml, the shipped mappings and the two documentation pages say what the schema says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel

from syncd.config.example import render_example
from syncd.config.load import load
from syncd.config.mapping_schema import MappingFile
from syncd.config.mappings import shipped_names
from syncd.config.notation import write_value
from syncd.config.problems import model_in
from syncd.config.schema import ConfigFile
from syncd.core.mapping import Kind, Rule
from syncd.core.model import Side
from syncd.registry import kinds

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"
ENVIRON = dict.fromkeys(
    (
        "SALESPULSE_API_KEY",
        "HUBSPOT_ACCESS_TOKEN",
        "SALESFORCE_CONSUMER_SECRET",
        "SYNCD_WEBHOOK_SECRET",
        "SYNCD_CONSOLE_PASSWORD",
    ),
    "0123456789abcdef0123",
)


def keys(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str, object]]:
    """(table, key, default) of everything below a model."""
    for name, info in model.model_fields.items():
        key = info.alias or name
        inner = model_in(info.annotation)
        if inner is None:
            yield above, key, info.get_default() if not info.is_required() else ...
        else:
            yield from keys(inner, f"{above}.{key}".lstrip("."))


CONFIG_KEYS = [
    (
        f"{table}{'.NAME' if table == 'connections' else ''}".replace("connections.b", "connections.NAME.b"),
        key,
        default,
    )
    for table, key, default in keys(ConfigFile)
    if key != "settings"
]
SETTINGS = [(kind, key, default) for kind in kinds().values() for _, key, default in keys(kind.settings)]


def test_the_example_is_what_the_schema_makes_of_it():
    assert EXAMPLE.read_text() == render_example(kinds()), (
        "write it again with syncd.config.example.render_example(syncd.registry.kinds())"
    )


@pytest.mark.parametrize("uncommented", [False, True], ids=["as it is", "with the server"])
def test_the_example_loads_once_its_secrets_are_there(tmp_path, uncommented):
    text = EXAMPLE.read_text()
    if uncommented:
        head, server, rest = re.split(r"(?=^# \[server\])|(?=^# One POST)", text, flags=re.MULTILINE)
        text = head + re.sub(r"^# (?=\[|\w+ = )", "", server, flags=re.MULTILINE) + rest
    path = tmp_path / "config.toml"
    path.write_text(text)
    config = load(path, need_secrets=True, kinds=kinds(), environ=ENVIRON)
    assert config.warnings == ()
    assert (config.server is not None) is uncommented
    assert [one.kind.name for one in config.connections] == ["hubspot", "salesforce"]


def test_the_example_shows_every_key_and_its_default():
    text = EXAMPLE.read_text()
    for table, key, _default in CONFIG_KEYS:
        assert re.search(rf"^(?:# )*{key} = (.*)$", text, re.MULTILINE), f"{table}.{key}"
    for kind, key, _default in SETTINGS:
        settings = text.partition(f"[connections.{kind.name}.settings]\n")[2].partition("\n[")[0]
        assert re.search(rf"^(?:# )*{key} = (.*)$", settings, re.MULTILINE), f"{kind.name}: {key}"
    shown = tomllib.loads(text)
    assert shown["salespulse"]["sweep_every"] == "6h"
    assert shown["connections"]["hubspot"]["scan_every"] == "24h"


def documented(page: str, heading: str) -> str:
    """The part of a page below a heading that names a table."""
    text = (ROOT / "docs" / page).read_text()
    found = re.search(rf"^#+ `\[+{re.escape(heading)}\]+`$(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no part for [{heading}]"
    return found[1]


@pytest.mark.parametrize(
    ("table", "key", "default"), CONFIG_KEYS, ids=[f"{table}.{key}" for table, key, _ in CONFIG_KEYS]
)
def test_the_documentation_names_every_key_with_its_default(table, key, default):
    row = re.search(rf"^\| `{key}` \| (.*?) \|", documented("configuration.md", table), re.MULTILINE)
    assert row, f"docs/configuration.md does not name {table}.{key}"
    if default is ...:
        assert row[1] == "**needed**"
    elif default is not None:
        assert row[1] == f"`{write_value(default)}`"


def settings_of(label: str) -> str:
    """What the page on the config says of a connector's own settings."""
    page = (ROOT / "docs/configuration.md").read_text().partition("## `[connections.NAME.settings]`\n")[2]
    found = re.search(rf"^### {label}$(.*?)(?=^#+ |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"docs/configuration.md has no part for the settings of {label}"
    return found[1]


@pytest.mark.parametrize(("kind", "key", "default"), SETTINGS, ids=[f"{kind.name}.{key}" for kind, key, _ in SETTINGS])
def test_the_documentation_names_every_setting_of_every_connector(kind, key, default):
    row = re.search(rf"^\| `{key}` \| (.*?) \|", settings_of(kind.label), re.MULTILINE)
    assert row, f"docs/configuration.md does not name the setting {key} of {kind.label}"
    if default is not None:
        assert row[1] == f"`{write_value(default)}`"


@pytest.mark.parametrize("kind", kinds().values(), ids=kinds())
def test_the_documentation_names_no_setting_that_is_not_there(kind):
    table = settings_of(kind.label).partition("| key | default | meaning |")[2]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert named == [key for _, key, _ in keys(kind.settings)]


def test_the_documentation_names_every_key_of_a_mapping():
    top = [key for table, key, _ in keys(MappingFile) if not table]
    text = (ROOT / "docs" / "mappings.md").read_text()
    assert all(f"| `{key}` |" in text for key in top)
    for table, key, _ in keys(MappingFile):
        assert not table or f"| `{key}` |" in documented("mappings.md", table), f"{table}.{key}"
    for word in (*Kind, *Rule):
        assert f"| `{word}` |" in text, word


def test_the_shipped_mapping_is_that_of_the_contract(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text())
    connection, _ = load(path, need_secrets=False, kinds=kinds(), environ={}).connections
    fields = connection.fields
    assert (fields.name, fields.connector, fields.object, fields.keys) == (
        "hubspot-contacts",
        "hubspot",
        "contacts",
        ("email", "phone"),
    )
    assert [(rule.name, rule.crm, rule.kind) for rule in fields.rules] == [
        ("first_name", "firstname", Kind.TEXT),
        ("last_name", "lastname", Kind.TEXT),
        ("email", "email", Kind.EMAIL),
        ("phone", "phone", Kind.PHONE),
        ("state", "state", Kind.US_STATE),
        ("product_interest", "product_interest", Kind.CHOICE),
        ("stage", "lifecyclestage", Kind.CHOICE),
    ]
    assert fields.rules[-1].conflict == (Rule.ADVANCE, Rule.NEWEST)
    assert connection.policy.identity == {Side.CRM: "salespulse_id"}


def test_the_shipped_mappings_for_salesforce_share_what_that_for_hubspot_does(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text())
    hubspot, salesforce = load(path, need_secrets=False, kinds=kinds(), environ={}).connections
    assert (salesforce.fields.name, salesforce.fields.object) == ("salesforce-contacts", "Contact")
    told = [[(rule.salespulse, rule.kind) for rule in one.fields.rules] for one in (hubspot, salesforce)]
    assert told[0] == told[1]
    assert salesforce.policy.identity == {Side.CRM: "SalesPulse_Id__c"}


def test_every_shipped_mapping_is_for_an_installed_connector():
    for name in shipped_names():
        shipped = MappingFile.model_validate(tomllib.loads((files("mappings") / f"{name}.toml").read_text()))
        assert shipped.object in kinds()[shipped.connector].objects
