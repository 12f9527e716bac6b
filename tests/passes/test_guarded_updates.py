"""A side that compares with what an update replaces, when it writes: the pass need not look again before that."""

from collections.abc import Callable
from typing import Any

import pytest

from syncd.exits import Exit


def linked(make: Callable[..., Any], **traits: Any) -> Any:
    passes = make(options='max_age = "0s"', **traits)
    passes.ids, *_others = (passes.pair(number) for number in (1, 2, 3))
    assert passes.run(full=True).exit is Exit.DONE, passes.holds()
    passes.run()
    passes.connector.requests.clear()
    return passes


@pytest.mark.parametrize(("guarded", "looks"), [(False, 1), (True, 0)])
def test_an_update_is_looked_at_by_the_pass_only_where_the_side_does_not_compare(
    make_passes: Callable[..., Any],
    guarded: bool,
    looks: int,
) -> None:
    passes = linked(make_passes, guarded=guarded, page_size=1)
    contact, row = passes.ids
    passes.s.edit_contact(contact, {"state": "TX"})
    assert passes.run().exit is Exit.DONE
    assert passes.crm.rows[row].values["state"] == "TX"
    assert passes.connector.requests["fetch"] == looks
    assert passes.connector.requests["update"] == 1


def test_an_edit_that_the_guard_finds_is_decided_again_and_stays(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes, guarded=True)
    contact, row = passes.ids
    changes = passes.connector.changes

    def edited_right_after(cursor: str) -> Any:
        page = changes(cursor)
        passes.crm.edit(row, {"firstname": "Typed"})
        return page

    passes.connector.changes = edited_right_after
    passes.s.edit_contact(contact, {"state": "TX", "first_name": "Anna"})
    passes.run()
    assert passes.crm.rows[row].values["state"] == "TX"
    passes.connector.changes = changes
    passes.run(full=True)
    values, shown = passes.crm.rows[row].values, passes.contact(contact)
    assert "Typed" in {values["firstname"], *(str(one) for hold in passes.holds() for one in hold.values.values())}
    assert shown["state"] == "TX"


def test_a_removal_is_looked_at_also_where_updates_are_guarded(make_passes: Callable[..., Any]) -> None:
    passes = linked(make_passes, guarded=True)
    contact, row = passes.ids
    passes.options += '\n            deletes = "delete"'
    passes.s.delete_contact(contact)
    assert passes.run(full=True).figures["deleted"]["crm"] == 1
    assert passes.connector.requests["fetch"] >= 1
    assert row not in {one.id for one in passes.crm.live()}
