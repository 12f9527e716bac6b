"""What Salesforce says of its fields and stages, over real HTTP, and how values are written for each type of field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.salesforce.codec import csv_text, field_spec, written
from syncd.core.model import FieldSpec, Stage, Value
from syncd.errors import CredentialsRefused, Unreachable
from syncd.testing.salesforce import CONTACTS, LEADS, Bench, Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- fields


def test_fields_are_described_with_type_length_and_rights(org: Bench) -> None:
    specs = {spec.name: spec for spec in org.connector.describe()}
    last_name = specs["LastName"]
    assert (last_name.type, last_name.max_length, last_name.writable, last_name.label) == (
        "text",
        80,
        True,
        "Last Name",
    )
    assert specs["Coverage_Amount__c"].type == "number"
    assert specs["Tobacco_Use__c"].type == "boolean"
    assert specs["Birthdate"].type == "date"
    assert specs["CreatedDate"].type == "datetime"
    assert not specs["CreatedDate"].writable
    assert not specs["MailingAddress"].readable
    assert specs["SalesPulse_Id__c"].unique
    assert not specs["Email"].unique


def test_picklists_are_described_with_the_values_that_can_be_chosen(org: Bench) -> None:
    specs = {spec.name: spec for spec in org.connector.describe()}
    product, riders = specs["Product_Interest__c"], specs["Riders__c"]
    assert (product.type, product.separator) == ("choice", None)
    assert "Term Life" in {option.value for option in product.options}
    assert (riders.type, riders.separator) == ("multichoice", ";")


def test_a_value_that_was_retired_is_no_option() -> None:
    values = [{"value": "A", "label": "a", "active": True}, {"value": "B", "label": "b", "active": False}]
    spec = field_spec({"name": "X__c", "type": "picklist", "picklistValues": values})
    assert [(option.value, option.label) for option in spec.options] == [("A", "a")]


def test_a_hidden_field_is_not_described_and_a_read_only_one_is(org: Bench) -> None:
    org.options(hidden_fields=("Contact.Phone",), readonly_fields=("Contact.Email",))
    specs = {spec.name: spec for spec in org.connector.describe()}
    assert "Phone" not in specs
    assert not specs["Email"].writable


def test_the_description_is_asked_for_once_an_hour(org: Bench) -> None:
    org.connector.describe()
    org.asked()
    org.advance(3_000)
    org.connector.describe()
    org.connector.capabilities()
    assert org.asked() == {}
    org.advance(1_000)
    org.connector.describe()
    assert org.asked() == {"GET /sobjects/Contact/describe": 1}


def test_what_was_described_lately_is_not_asked_again(org: Bench) -> None:
    known = org.connector.describe()
    connector = org.reopen(wanted=replace(CONTACTS, known_fields=known))
    org.asked()
    assert connector.describe() == known
    assert connector.capabilities().identity == "SalesPulse_Id__c"
    assert org.asked() == {}


@pytest.mark.parametrize(
    ("switches", "settings", "identity"),
    [
        ({}, {}, "SalesPulse_Id__c"),
        ({}, {"id_field": ""}, None),
        ({"has_external_id": False}, {}, None),
        ({"external_id_unique": False}, {}, None),
        ({"hidden_fields": ("Contact.SalesPulse_Id__c",)}, {}, None),
        ({"readonly_fields": ("Contact.SalesPulse_Id__c",)}, {}, None),
    ],
)
def test_creates_go_by_the_id_field_only_where_it_can_be_trusted(
    place: Stand, switches: dict[str, Any], settings: dict[str, Any], identity: str | None
) -> None:
    with place.bench(**switches) as org:
        able = org.reopen(**settings).capabilities()
        assert able.identity == identity
        assert {op.value for op in able.waves} == {"update", "stamp"} | ({"create"} if identity else set())


def test_an_object_that_these_credentials_may_not_see_is_a_matter_of_permission(org: Bench) -> None:
    connector = org.reopen(wanted=replace(CONTACTS, object="Unseen"))
    with pytest.raises(CredentialsRefused, match="Unseen"):
        connector.describe()


@pytest.mark.parametrize("body", [{"fields": [{"type": "string"}]}, {"fields": 7}, []])
def test_a_description_of_another_shape_stops_the_connection(org: Bench, body: Any) -> None:
    org.fault("status", "/describe", status=200, body=body)
    with pytest.raises(Unreachable, match="shape"):
        org.connector.describe()


# ---- stages


def test_lead_statuses_come_in_their_order_without_those_of_a_conversion(place: Stand) -> None:
    with place.bench(wanted=LEADS) as org:
        ids = [stage.id for stage in org.connector.stages()]
        assert ids == ["Open - Not Contacted", "Working - Contacted", "Quoted", "Closed - Not Converted"]
        org.asked()
        org.connector.stages()
        assert org.asked() == {}
        known = (Stage(id="Only", label="Only"),)
        assert org.reopen(wanted=replace(LEADS, known_stages=known)).stages() == known


def test_the_stages_of_a_contact_are_the_values_of_its_picklist(org: Bench) -> None:
    assert [stage.id for stage in org.connector.stages()][:4] == ["New Lead", "Contacted", "Quoted", "Sold"]
    assert org.reopen(wanted=replace(CONTACTS, stage_field="")).stages() == ()


# ---- values


@pytest.mark.parametrize(
    ("kind", "value", "json", "cell"),
    [
        ("text", "Li", "Li", "Li"),
        ("text", "007", "007", "007"),
        ("text", None, None, "#N/A"),
        ("text", "", None, "#N/A"),
        ("text", 7, "7", "7"),
        ("number", 12.5, 12.5, "12.5"),
        ("number", "250000", 250_000, "250000"),
        ("number", "-0.50", -0.5, "-0.5"),
        ("number", "much", "much", "much"),
        ("number", 0, 0, "0"),
        ("number", None, None, "#N/A"),
        ("boolean", True, True, "true"),
        ("boolean", "yes", True, "true"),
        ("boolean", "false", False, "false"),
        ("boolean", None, False, "false"),
        ("boolean", "perhaps", "perhaps", "perhaps"),
        ("date", "1961-02-03", "1961-02-03", "1961-02-03"),
        ("date", "1961-02-03T10:00:00Z", "1961-02-03", "1961-02-03"),
        ("date", None, None, "#N/A"),
        ("datetime", "2026-01-01T00:00:00+02:00", "2025-12-31T22:00:00Z", "2025-12-31T22:00:00Z"),
        ("choice", "Sold", "Sold", "Sold"),
        ("multichoice", ("A", "B"), "A;B", "A;B"),
        ("multichoice", "A;B", "A;B", "A;B"),
        ("multichoice", (), None, "#N/A"),
    ],
)
def test_values_are_written_as_the_type_of_the_field_wants_them(
    kind: str, value: Value, json: object, cell: str
) -> None:
    spec = FieldSpec(name="X__c", type=kind)
    given = written(spec, value)
    assert (given, type(given)) == (json, type(json))
    assert csv_text(spec, value) == cell


def test_a_field_that_is_not_known_is_written_as_it_is() -> None:
    assert written(None, 7) == 7
    assert written(None, None) is None
    assert written(None, ("A", "B")) == "A;B"
