"""How values are written to Salesforce: as JSON and in the CSV of bulk jobs. Pure, without a server."""

from __future__ import annotations

import pytest

from connectors.salesforce.codec import csv_text, written
from syncd.core.model import FieldSpec, Value

NUMBER, TICK = FieldSpec(name="n", type="number"), FieldSpec(name="b", type="boolean")


@pytest.mark.parametrize(
    ("spec", "value", "json", "csv"),
    [
        (NUMBER, "1,234.5", 1234.5, "1234.5"),
        (NUMBER, "-1,234,567", -1_234_567, "-1234567"),
        (NUMBER, "0.10", 0.1, "0.1"),
        (NUMBER, 250_000, 250_000, "250000"),
        (NUMBER, "12345678901234567.89", "12345678901234567.89", "12345678901234567.89"),
        (NUMBER, "12,345,678,901,234,567.89", "12345678901234567.89", "12345678901234567.89"),
        (NUMBER, "1.234,5", "1.234,5", "1.234,5"),
        (NUMBER, "1,23", "1,23", "1,23"),
        (NUMBER, None, None, "#N/A"),
        (TICK, 1, True, "true"),
        (TICK, 0, False, "false"),
        (TICK, "1", True, "true"),
        (TICK, "No", False, "false"),
        (TICK, None, False, "false"),
        (TICK, True, True, "true"),
        (TICK, 2, 2, "2"),
        (TICK, "maybe", "maybe", "maybe"),
    ],
)
def test_a_value_is_written_in_the_form_of_its_type_and_never_as_another_value(
    spec: FieldSpec, value: Value, json: object, csv: str
) -> None:
    told = written(spec, value)
    assert (told, type(told)) == (json, type(json))
    assert csv_text(spec, value) == csv
