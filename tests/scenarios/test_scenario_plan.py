"""The dry run is exact, and nothing that a run says shows a value or a secret."""

from __future__ import annotations

import re
from typing import Any

import pytest

from syncd.exits import Exit
from syncd.sandbox.people import overlap
from syncd.store import tables
from tests.scenarios.world import World


def busy(world: World) -> list[tuple[str, str]]:
    """A linked world with something of everything still to do."""
    pairs: list[tuple[str, str]] = world.fill(8)
    world.full()
    world.edit_s(pairs[0][0], last_name="Left", state="TX")
    world.edit_c(pairs[0][1], firstname="Right")
    world.edit_c(pairs[1][1], lastname="", lifecyclestage="customer")
    world.edit_s(pairs[2][0], stage="Sold", phone="+13055551234")
    world.c.archive(pairs[3][1])
    world.s.delete_contact(pairs[4][0])
    world.edit_s(pairs[5][0], product_interest="x9")
    world.in_s(first_name="New", email="new@example.com", state="FL", stage="Quoted")
    world.in_c(firstname="Fresh", email="fresh@example.com", phone="(305) 555-7777", lifecyclestage="lead")
    world.in_s(first_name="Both", last_name="B", email="both@example.com", stage="New Lead")
    world.in_c(firstname="Both", lastname="C", email="both@example.com", lifecyclestage="lead")
    return pairs


def test_a_plan_changes_nothing_anywhere(world: World) -> None:
    busy(world)
    people = world.s.export(), world.c.export()["tables"]
    state = world.on_disk()
    rows = {table.name: world.rows(table) for table in tables.metadata.sorted_tables}
    document, ran = world.plan()
    assert document["connections"]["hubspot"]["lines"]
    assert ran.writes == 0
    assert (world.s.export(), world.c.export()["tables"]) == people
    assert world.on_disk() == state
    assert {table.name: world.rows(table) for table in tables.metadata.sorted_tables} == rows


def planned(document: dict[str, Any], side: str, ops: set[str]) -> dict[str, dict[str, Any]]:
    """id (of the origin for a create) → field → value."""
    target, origin = ("salespulse_id", "crm_id") if side == "salespulse" else ("crm_id", "salespulse_id")
    return {
        line[target] or line[origin]: {change["field"]: change["after"] for change in line["changes"]}
        for line in document["connections"]["hubspot"]["lines"]
        if line["side"] == side and line["op"] in ops
    }


def sent_to_hubspot(world: World, ran: Any) -> dict[str, dict[str, Any]]:
    """The same from what the server was asked to write, without the id property; the last word on a field counts."""
    found: dict[str, dict[str, Any]] = {}
    for request in ran.written["hubspot"]:
        if request.path.endswith("/archive"):
            continue
        for one in request.json()["inputs"]:
            given = dict(one["properties"])
            stamp = given.pop("salespulse_id", None)
            who = one.get("id") if not request.path.endswith("/upsert") else None
            found.setdefault(str(who or stamp), {}).update(given)
    return {who: values for who, values in found.items() if values}


def sent_to_salespulse(ran: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for request in ran.written["salespulse"]:
        if request.method == "DELETE":
            continue
        parts = request.path.removeprefix("/api/v1/contacts").strip("/").split("/")
        body = request.json()
        for one in body["contacts"] if parts[0] == "bulk" else [body]:
            who = one.get("email") if parts[0] in {"", "bulk"} else parts[0]
            given = {("stage" if name == "stage_id" else name): value for name, value in one.items()}
            found.setdefault(str(who), {}).update(given)
    return found


def plain(values: dict[str, Any]) -> dict[str, str]:
    """Blanks alike: a cleared field is sent as "" or null."""
    return {name: str(value or "") for name, value in values.items()}


def test_a_plan_shows_field_by_field_what_the_next_run_writes(world: World) -> None:
    busy(world)
    document, ran = world.plan()
    assert ran.exit in {Exit.DONE, Exit.PERSON}
    ran = world.full()
    edits = {"update", "create"}
    to_hubspot, to_salespulse = planned(document, "crm", edits), planned(document, "salespulse", edits)
    got = sent_to_hubspot(world, ran)
    assert {who: plain(values) for who, values in got.items()} == {
        who: plain(values) for who, values in to_hubspot.items()
    }
    got = sent_to_salespulse(ran)
    by_mail = {values.get("email") or who: values for who, values in to_salespulse.items()}
    assert {who: plain(values) for who, values in got.items()} == {
        str(who): plain(values) for who, values in by_mail.items()
    }


def test_a_plan_of_the_first_sync_shows_every_create_and_every_field(world: World) -> None:
    contacts, records = overlap(30, 18, 5)
    world.s.populate(contacts)
    for record in records:
        world.c.add_contact(record)
    document, _ = world.plan()
    ran = world.full()
    creates, updates = planned(document, "crm", {"create"}), planned(document, "crm", {"update"})
    assert len(creates) == ran.of()["created"]["crm"] == 12
    wanted = {who: plain(values) for who, values in {**creates, **updates}.items()}
    assert {who: plain(values) for who, values in sent_to_hubspot(world, ran).items()} == wanted
    assert len(planned(document, "salespulse", {"create"})) == ran.of()["created"]["salespulse"] == 12
    assert (document["connections"]["hubspot"]["linked"], ran.of()["linked"]) == (18, 18)
    world.settled()


@pytest.mark.parametrize("full", [True, False])
def test_a_plan_names_every_stamp_and_removal_too(world: World, full: bool) -> None:
    world.configure(deletes="delete")
    pairs = busy(world)
    document, _ = world.plan(full=full)
    ran = world.run(full=full)
    lines = document["connections"]["hubspot"]["lines"]
    stamps = [line for line in lines if line["op"] == "stamp"]
    removals = {(line["side"], line["salespulse_id"], line["crm_id"]) for line in lines if line["op"] == "remove"}
    assert ran.of()["stamped"]["crm"] >= len(stamps) > 0
    expected = {("crm", *pairs[4])} | ({("salespulse", *pairs[3])} if full else set())
    assert removals == expected
    assert sum(ran.of()["deleted"].values()) == len(removals)


def test_two_plans_of_one_world_have_one_fingerprint(world: World) -> None:
    busy(world)
    first, second = world.plan()[0], world.plan()[0]
    assert first["fingerprint"] == second["fingerprint"]
    world.edit_s(world.s.records()[0]["id"], first_name="Other")
    assert world.plan()[0]["fingerprint"] != first["fingerprint"]


def test_a_plan_shows_what_would_be_held_and_a_brake_that_would_trip(world: World) -> None:
    pairs = busy(world)
    document, _ = world.plan()
    held = document["connections"]["hubspot"]["holds"]
    assert {(hold["reason"], hold["field"]) for hold in held} >= {("no_value", "product_interest")}
    world.configure(deletes="delete", brakes={"max_deletes": 0})
    document, ran = world.plan()
    assert (ran.exit, document["exit_code"]) == (Exit.BRAKE, 5)
    assert document["connections"]["hubspot"]["lines"], "what would be done is shown all the same"
    assert world.links()[pairs[3]] == "active"


def test_nothing_that_a_run_says_shows_a_value_or_a_secret(world: World) -> None:
    pairs = busy(world)
    said = [world.plan()[1].said, world.full().said, world.once().said]
    world.configure(conflict=["hold"])
    world.edit_s(pairs[0][0], last_name="Zyzzyva")
    world.edit_c(pairs[0][1], lastname="Quagga")
    world.fault("hubspot", action="html", path="/contacts", status=502, times=None)
    said.append(world.full().said)
    world.mend()
    world.fault("salespulse", action="status", path="/contacts", status=401, times=None, body={"error": "no"})
    said.append(world.full().said)
    world.mend()
    said.append(world.full().said)
    text = "\n".join(said) + "\n".join(hold.message for hold in world.holds())
    assert len(world.holds()) >= 2
    state = world.on_disk().decode("latin-1")
    assert "Zyzzyva" in state, "the state is where values belong"
    for secret in ("marked-key", "marked-token"):
        assert secret not in text
        assert secret not in state
    for value in ("Zyzzyva", "Quagga", "example.com", "3055551234", "Left"):
        assert not re.search(rf"\b{value}\b", text), value


def test_a_stop_says_where_and_what_to_do(world: World) -> None:
    world.fill(2)
    world.full()
    world.c.tokens.replace("another")
    ran = world.full()
    assert ran.exit is Exit.REMOTE
    assert "access_token" in ran.said or "credentials" in ran.said
    assert "marked-token" not in ran.said


def test_a_plan_looks_again_before_it_says_that_a_record_will_be_written(world: World) -> None:
    s, c = world.ann()
    world.edit_s(s, first_name="Anne")
    world.c.archive(c)
    world.clock.advance(600)
    document, _ = world.plan(full=False)
    assert document["connections"]["hubspot"]["lines"] == [], "the pair is unlinked: its record is in the recycle bin"
    world.once()
    assert world.links() == {(s, c): "severed"}
    assert world.recorded["hubspot"].writes == []


def test_a_plan_knows_the_stage_that_salespulse_gives_to_a_new_contact(world: World) -> None:
    world.ann()
    new = world.in_c(firstname="New", email="new@example.com")
    document, _ = world.plan(full=False)
    assert planned(document, "crm", {"update"})[new] == {"lifecyclestage": "lead"}
    world.once()
    assert world.c_of(new)["lifecyclestage"] == "lead"
