"""Creates without an id property whose answers were lost, on a side where they may turn up minutes later."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from syncd.errors import AnswerLost
from syncd.exits import Exit
from syncd.testing.memory.connector import MemoryConnector

NED = {"first_name": "Ned", "last_name": "New", "email": "ned@example.com"}
LATE = {"firstname": "Ned", "lastname": "New", "email": "ned@example.com"}


@pytest.fixture
def late(make_passes: Callable[..., Any]) -> Any:
    """Two linked pairs; the CRM may show a write 20 minutes after its answer was lost, and has no id property."""
    passes = make_passes(identity=None, late=timedelta(minutes=20))
    for number in (1, 2):
        passes.pair(number)
    assert passes.run(full=True).exit is Exit.DONE, passes.holds()
    passes.s.add_contact(NED)
    passes.connector.fail("create", AnswerLost("create: the answer was lost"))
    return passes


def rows_of(passes: Any, mail: str = "ned@example.com") -> int:
    return sum(row.values.get("email") == mail for row in passes.crm.live())


def test_a_run_leaves_a_create_in_doubt_that_may_turn_up_later_than_it_waits(late: Any) -> None:
    before = late.clock.monotonic()
    ran = late.run()
    assert ran.exit is Exit.DONE
    assert late.clock.monotonic() - before < 60 + 60
    assert late.in_doubt() == 1
    (note,) = [line for line in ran.said if "may turn up until" in line]
    assert "1 creates in Memory are in doubt" in note
    for _ in range(3):
        ran = late.run()
        assert (ran.exit, late.in_doubt(), late.connector.requests["create"]) == (Exit.DONE, 1, 1)
        assert any("may turn up until" in line for line in ran.said)


def test_a_create_that_turns_up_late_is_linked_and_not_made_twice(late: Any) -> None:
    late.run()
    late.clock.advance(240)
    late.crm.add(LATE)
    for _ in range(2):
        late.run()
    late.run(wait=1500)
    assert (rows_of(late), late.in_doubt()) == (1, 0)
    assert len(late.links()) == 3
    assert len(late.s.records()) == 3


def test_a_create_that_turned_up_is_adopted_when_its_time_is_over(late: Any) -> None:
    late.run()
    late.crm.add(LATE)
    late.run(wait=1500)
    assert (rows_of(late), late.in_doubt(), late.connector.requests["create"]) == (1, 0, 1)
    assert len(late.links()) == 3


def test_a_create_that_never_turned_up_is_sent_again_once_its_time_is_over(late: Any) -> None:
    late.run()
    late.run(wait=600)
    assert rows_of(late) == 0
    ran = late.run(wait=700)
    assert (ran.exit, rows_of(late), late.in_doubt()) == (Exit.DONE, 1, 0)
    assert late.connector.requests["create"] == 2


def test_nobody_else_is_created_for_the_keys_of_a_create_in_doubt(late: Any) -> None:
    """Its own contact has another address by now, and somebody else the one that was sent."""
    late.run()
    ned = late.s.records()[-1]["id"]
    late.s.edit_contact(ned, {"email": "ned2@example.com"})
    late.s.add_contact({**NED, "first_name": "Neda"})
    for _ in range(2):
        late.run(full=True)
        assert (late.in_doubt(), late.connector.requests["create"]) == (1, 1)
    late.run(wait=1500)
    assert (rows_of(late), rows_of(late, "ned2@example.com")) == (1, 1)


def test_a_create_in_doubt_is_not_made_again_when_a_neighbour_is_matched(late: Any) -> None:
    """A household: one phone, two names."""
    ned = late.s.records()[-1]["id"]
    late.s.edit_contact(ned, {"phone": "+13055550123"})
    late.run()
    late.s.add_contact({"first_name": "Zoe", "last_name": "New", "email": "zoe@example.com", "phone": "+13055550123"})
    for _ in range(2):
        late.run()
        assert (late.in_doubt(), rows_of(late)) == (1, 0)
    late.run(wait=1500)
    assert (rows_of(late), rows_of(late, "zoe@example.com")) == (1, 1)


def test_the_wait_is_counted_from_the_end_of_the_run_that_sent_it_not_from_each_run(late: Any) -> None:
    late.run()
    for _ in range(22):
        late.run()
    assert late.in_doubt() == 0


def test_a_side_whose_writes_are_never_late_is_judged_in_the_same_run(late: Any) -> None:
    late.traits(late=timedelta(0))
    ran = late.run()
    assert (ran.exit, rows_of(late), late.in_doubt()) == (Exit.DONE, 1, 0)


# ---- what an earlier process left under way


class Recovering(MemoryConnector):
    """Writes down what it is asked, in order."""

    def _request(self, kind: str) -> Exception | None:
        self.asked = [*getattr(self, "asked", []), kind]
        return super()._request(kind)

    def recover(self) -> None:
        self._request("recover")


def test_recover_is_called_before_doubts_and_never_in_a_dry_run(make_passes: Callable[..., Any]) -> None:
    passes = make_passes(Recovering)
    passes.pair()
    passes.s.add_contact(NED)
    passes.run(full=True, dry=True)
    assert "recover" not in passes.connector.asked
    passes.connector.fail("create", AnswerLost("create: the answer was lost"))
    assert passes.run(full=True).exit is Exit.DONE
    asked = passes.connector.asked
    assert asked.index("recover") < asked.index("create")
    assert asked[asked.index("find") - 1] == "recover"
