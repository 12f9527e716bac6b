"""``[scope] crm`` of HubSpot: what its filters mean, and that nothing is judged by what was not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from connectors.hubspot import KIND
from connectors.hubspot.scope import parse_scope
from syncd.core.model import FieldSpec, Op
from syncd.errors import MappingUnfit
from syncd.testing.contract import drain, scan_all
from syncd.testing.hubspot import WANTED, Bench, Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def hub(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


def test_a_record_that_leaves_the_scope_is_seen_leaving(hub: Bench) -> None:
    wanted = replace(WANTED, scope=[{"property": "state", "operator": "IN", "values": ["FL", "TX"]}])
    connector = hub.reopen(wanted=wanted)
    inside, outside = hub.add({"firstname": "A", "state": "fl"}), hub.add({"firstname": "B", "state": "NY"})
    assert {one: record.in_scope for one, record in scan_all(connector).items()} == {
        inside: True,
        outside: False,
    }
    cursor = connector.feed_start()
    hub.edit(inside, {"state": "NY"})
    hub.advance(1)
    found, _, _ = drain(connector, cursor)
    assert not found[inside].in_scope
    (receipt,) = connector.update([hub.intent(Op.UPDATE, outside, firstname="C")])
    assert receipt.shown is not None
    assert receipt.shown.in_scope, "an answer without the scope's property cannot judge it"


@pytest.mark.parametrize(
    ("operator", "operand", "inside", "outside"),
    [
        ("EQ", "fl", ["FL", " fl"], ["TX", None, "FLA", "a;FL;b"]),
        ("NEQ", "FL", ["TX", None], ["fl"]),
        ("IN", ["1", "2"], ["1", "2"], ["3", None, "2.0", "01"]),
        ("NOT_IN", ["1", "2"], ["3", None], ["2"]),
        ("HAS_PROPERTY", None, ["x", "0"], [None, ""]),
        ("NOT_HAS_PROPERTY", None, [None, ""], ["x"]),
        ("LT", "10", ["9", "-1"], ["10", "11", None, "abc"]),
        ("LTE", "10", ["10"], ["10.5"]),
        ("GT", "2026-01-01", ["2026-01-01T00:00:01Z", "1893456000000"], ["2026-01-01", "2025-12-31"]),
        ("GTE", "2026-01-01", ["2026-01-01"], ["2025-12-31", None]),
        ("CONTAINS_TOKEN", "fl*", ["Miami, Florida"], ["Texas", None]),
    ],
)
def test_every_operator_of_the_scope(
    operator: str, operand: object, inside: list[str | None], outside: list[str | None]
) -> None:
    key = {} if operand is None else {"values" if isinstance(operand, list) else "value": operand}
    scope = parse_scope([{"property": "p", "operator": operator, **key}])
    assert [scope.holds({"p": value}) for value in inside] == [True] * len(inside)
    assert [scope.holds({"p": value}) for value in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("type_", "operator", "operand", "inside", "outside"),
    [
        ("number", "EQ", "2", ["2", "2.0", "02"], ["3", None, "x"]),
        ("number", "NOT_IN", ["1", "2"], ["3", None], ["2.0"]),
        ("text", "EQ", "01234", ["01234"], ["1234", "1234.0"]),
        ("text", "NEQ", "+1305", ["1305"], ["+1305"]),
        ("text", "EQ", "a", ["A"], ["b; a"]),
        ("choice", "IN", ["1"], ["1"], ["1.0"]),
        ("multichoice", "EQ", "fl", ["a;FL;b", "fl"], ["a;b", None]),
        ("multichoice", "NEQ", "a", ["b;c"], ["b;a"]),
        ("multichoice", "EQ", "1", ["2;1"], ["2;1.0"]),
    ],
)
def test_numbers_and_parts_are_compared_as_such_by_the_type_of_their_property(
    type_: str, operator: str, operand: object, inside: list[str | None], outside: list[str | None]
) -> None:
    key = {"values" if isinstance(operand, list) else "value": operand}
    scope = parse_scope([{"property": "p", "operator": operator, **key}]).typed([FieldSpec(name="p", type=type_)])
    assert [scope.holds({"p": value}) for value in inside] == [True] * len(inside)
    assert [scope.holds({"p": value}) for value in outside] == [False] * len(outside)


@pytest.mark.parametrize("operator", ["NEQ", "NOT_IN", "NOT_HAS_PROPERTY", "EQ"])
def test_a_property_that_was_not_read_keeps_its_record_out(operator: str) -> None:
    operand = {"NOT_IN": {"values": ["x"]}, "NOT_HAS_PROPERTY": {}}.get(operator, {"value": "x"})
    scope = parse_scope([{"property": "p", "operator": operator, **operand}])
    assert not scope.holds({"q": "y"})


def test_the_account_says_how_the_properties_of_the_scope_are_compared(hub: Bench) -> None:
    wanted = replace(WANTED, scope=[{"property": "riders", "operator": "EQ", "value": "waiver of premium"}])
    one = hub.add({"firstname": "A", "riders": "Waiver of Premium;Child"})
    other = hub.add({"firstname": "B", "riders": "Child"})
    found = scan_all(hub.reopen(wanted=wanted))
    assert (found[one].in_scope, found[other].in_scope) == (True, False)


def test_a_scope_of_a_property_that_the_account_lacks_stops_before_anything_is_done(hub: Bench) -> None:
    wanted = replace(WANTED, scope=[{"property": "shoe_size", "operator": "NEQ", "value": "44"}])
    record_id = hub.add({"firstname": "Ann"})
    for lately in ((), tuple(hub.connector.describe())):
        connector = hub.reopen(wanted=replace(wanted, known_fields=lately))
        for ask in (
            connector.capabilities,
            lambda opened=connector: opened.scan(None),
            lambda opened=connector: opened.update([hub.intent(Op.UPDATE, record_id, firstname="Bea")]),
        ):
            with pytest.raises(MappingUnfit, match="shoe_size") as unfit:
                ask()
            assert not any(problem.warning for problem in unfit.value.problems)
    assert hub.stored(record_id)["firstname"] == "Ann"
    assert connector.account().id


def test_a_property_of_the_scope_that_was_made_since_the_last_description_is_found(hub: Bench) -> None:
    lately = tuple(spec for spec in hub.connector.describe() if spec.name != "state")
    wanted = replace(WANTED, known_fields=lately, scope=[{"property": "state", "operator": "EQ", "value": "FL"}])
    record_id = hub.add({"firstname": "Ann", "state": "FL"})
    assert scan_all(hub.reopen(wanted=wanted))[record_id].in_scope


def test_groups_are_alternatives_and_json_text_is_the_same() -> None:
    a, b = ({"property": name, "operator": "EQ", "value": "1"} for name in "ab")
    either = parse_scope([[a], [b]])
    assert (either.holds({"a": "1"}), either.holds({"b": "1"}), either.holds({"a": "2"})) == (
        True,
        True,
        False,
    )
    both = parse_scope(orjson.dumps([a, b]).decode())
    assert (both.holds({"a": "1"}), both.holds({"a": "1", "b": "1"})) == (False, True)
    assert both.properties == ("a", "b")


@pytest.mark.parametrize(
    "wrong",
    [
        "state = FL",
        [],
        7,
        [{"property": "state", "operator": "IS", "value": "x"}],
        [{"property": "state", "operator": "IN", "value": "x"}],
        [{"property": "state", "operator": "EQ"}],
        [{"property": "", "operator": "EQ", "value": "x"}],
        [{"operator": "EQ", "value": "x"}],
    ],
)
def test_a_scope_that_is_not_understood_is_told_with_an_example(wrong: object) -> None:
    assert "operator =" in KIND.scope_problem(wrong)
    assert KIND.scope_problem(None) == ""
