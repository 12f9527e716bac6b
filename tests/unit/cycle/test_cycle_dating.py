"""Which time a value keeps when it is carried into SalesPulse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.model import Change, Intent, Observed, Op, Outcome, Receipt, Record, When
from syncd.cycle.dating import carried
from tests.unit.core.cases import NOON, S, at, between, field_map, observed, rule, stage_rule

FIELDS = field_map(rule(), stage_rule())


def dates(origin: Observed, shown: Any = "new", *, by: str = "changed") -> dict[str, When]:
    """What a carried note is dated with; "old" is what it replaces."""
    change = Change(field="note", before="old", after="new", rule="note", by=by, reason="")
    intent = Intent(id="1", connection="x", side=S, op=Op.UPDATE, salespulse_id="s", crm_id="c", changes=(change,))
    answer = Record(id="s", values={} if shown is None else {"note": shown}, modified_at=at(500).latest)
    receipt = Receipt(intent_id="1", outcome=Outcome.APPLIED, id="s", shown=answer)
    return dict(carried(FIELDS, [(intent, receipt)], {"c": origin}).get("s", {}))


def crm(**more: Any) -> Observed:
    return observed("c", {"crm_note": "new"}, **more)


@pytest.mark.parametrize(
    ("origin", "when"),
    [
        pytest.param(crm(since={"crm_note": between(-9, -5)}, modified_at=NOON), between(-9, -5), id="its field's"),
        pytest.param(crm(modified_at=at(-60).latest), at(-60), id="else its record's"),
        pytest.param(
            replace(crm(modified_at=NOON), edited_at=at(-90).latest), at(-90), id="as people left that, not syncd"
        ),
        pytest.param(crm(), between(None, 0), id="else not after the look that showed it"),
    ],
)
def test_a_carried_value_is_dated_with_the_time_of_where_it_came_from(origin: Observed, when: When) -> None:
    assert dates(origin) == {"note": when}


@pytest.mark.parametrize(("shown", "dated"), [("new", True), ("reshaped", True), ("old", False), (None, False)])
def test_a_write_that_was_ignored_dates_nothing(shown: str | None, dated: bool) -> None:
    assert bool(dates(crm(modified_at=NOON), shown)) is dated


def test_an_undo_is_a_new_edit() -> None:
    assert dates(crm(modified_at=NOON), by="undo") == {}


@pytest.mark.parametrize(("stage", "among"), [("lead", ("New Lead", "Contacted")), ("customer", ())])
def test_a_new_contact_s_stage_keeps_its_time_and_the_stages_that_it_stands_for(
    stage: str, among: tuple[str, ...]
) -> None:
    origin = observed("c", {"lifecyclestage": stage}, modified_at=NOON)
    change = Change(field="stage", before=None, after="any", rule="stage", by="create", reason="")
    intent = Intent(id="1", connection="x", side=S, op=Op.CREATE, crm_id="c", changes=(change,))
    receipt = Receipt(
        intent_id="1", outcome=Outcome.APPLIED, id="s", shown=Record(id="s", values={"stage": "any"}), created=True
    )
    assert carried(FIELDS, [(intent, receipt)], {"c": origin}) == {"s": {"stage": replace(at(0), among=among)}}
