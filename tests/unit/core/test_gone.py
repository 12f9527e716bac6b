"""Worked cases 49 to 52: one half is proven gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.gone import Removal, decide_gone
from syncd.core.mapping import Blank, Deletes, Direction
from syncd.core.merge import merge
from syncd.core.model import Gone, HoldReason, Op, Pair, Verdict
from tests.unit.core.cases import UNREAD, C, S, field_map, pair, policy, rule

FIELDS = field_map(rule("name"), rule("note", blank=Blank.KEEP))
AGREED = {"name": ("Ann", "Ann"), "note": ("", "")}


def removal(whole: Pair, gone: Any = C, **more: Any) -> Removal:
    by = policy(identity={C: "salespulse_id"}, **more)
    return decide_gone(by, FIELDS, whole, gone, intent_id="i1")


def test_case_49_unlink_severs_and_touches_no_contact() -> None:
    found = removal(pair(FIELDS, AGREED, AGREED))
    assert found == Removal(sever=True, reason="deleted in HubSpot")


def test_unlink_clears_the_id_property_of_a_surviving_crm_half() -> None:
    found = removal(pair(FIELDS, AGREED, AGREED), S)
    (intent,) = found.intents
    assert found.sever
    assert (intent.side, intent.op, intent.target, intent.stamp, intent.changes) == (
        C,
        Op.STAMP,
        "c1",
        "",
        (),
    )


@pytest.mark.parametrize("more", [{"identity": {}}, {"direction": Direction.TO_SALESPULSE}])
def test_there_is_nothing_to_clear_without_an_id_property_or_without_leave_to_write(more: Any) -> None:
    by = policy(**({"identity": {C: "salespulse_id"}} | more))
    assert decide_gone(by, FIELDS, pair(FIELDS, AGREED, AGREED), S, intent_id="i").intents == ()


def test_case_50_a_restored_half_is_merged_from_the_old_bases() -> None:
    decisions = merge(FIELDS, pair(FIELDS, AGREED | {"name": ("Ann", "Anne")}, AGREED))
    assert [decision.verdict for decision in decisions] == [Verdict.WRITE, Verdict.UNCHANGED]
    assert decisions[0].writes[S].after == "Anne"


def test_case_51_delete_removes_the_other_half_with_its_before_image() -> None:
    found = removal(pair(FIELDS, AGREED, AGREED), deletes=Deletes.DELETE)
    (intent,) = found.intents
    assert not found.sever
    assert (intent.side, intent.op, intent.target, intent.archive) == (S, Op.REMOVE, "s1", False)
    assert [(change.field, change.before, change.after) for change in intent.changes] == [("name", "Ann", None)]


def test_case_52_a_delete_against_an_edit_is_held() -> None:
    found = removal(pair(FIELDS, AGREED | {"name": ("Anne", "Ann")}, AGREED), deletes=Deletes.DELETE)
    assert not found.sever
    assert found.intents == ()
    assert found.hold
    assert (found.hold.reason, found.hold.salespulse_id) == (HoldReason.DELETED_EDITED, "s1")
    assert "deleted in HubSpot, edited since" in found.hold.message


def test_an_edit_of_the_half_that_is_gone_is_no_edit_of_the_survivor() -> None:
    found = removal(pair(FIELDS, AGREED | {"name": ("Ann", "Anne")}, AGREED), deletes=Deletes.DELETE)
    assert found.hold is None
    assert len(found.intents) == 1


def test_where_nothing_can_be_compared_nothing_is_deleted() -> None:
    for whole in (pair(FIELDS, AGREED), pair(FIELDS, dict.fromkeys(AGREED, (UNREAD, "a")), AGREED)):
        found = removal(whole, deletes=Deletes.DELETE)
        assert found.hold
        assert found.intents == ()


def test_archive_moves_the_crm_half_to_its_recycle_bin() -> None:
    (intent,) = removal(pair(FIELDS, AGREED, AGREED), S, deletes=Deletes.ARCHIVE).intents
    assert (intent.side, intent.op, intent.archive) == (C, Op.REMOVE, True)


def test_archive_unlinks_where_salespulse_survives() -> None:
    assert removal(pair(FIELDS, AGREED, AGREED), deletes=Deletes.ARCHIVE).sever


def test_a_direction_that_forbids_the_write_unlinks() -> None:
    found = removal(pair(FIELDS, AGREED, AGREED), deletes=Deletes.DELETE, direction=Direction.TO_CRM)
    assert found == Removal(sever=True, reason="deleted in HubSpot")


def test_two_halves_that_are_gone_end_the_pair_without_a_write() -> None:
    whole = pair(FIELDS, AGREED, AGREED)
    whole = replace(whole, salespulse=replace(whole.salespulse, gone=Gone(id="s1", proof="404")))
    assert removal(whole, deletes=Deletes.DELETE) == Removal(sever=True, reason="deleted on both sides")
