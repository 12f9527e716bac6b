"""The chapters of the demo. Each one lets something happen on the servers, has syncd run, and looks what is there then.

Whatever is told is compared with the servers' records first: what is not so raises Untrue.
"""

from __future__ import annotations

from collections import Counter

from syncd.cli.demo_teller import CONNECTIONS, Teller, true
from syncd.cli.demo_world import HUBSPOT, SALESFORCE, SALESPULSE
from syncd.exits import Exit


def who(demo: Teller) -> None:
    systems = demo.systems
    counts = systems.counted(lambda one: len(one.records()))
    true(set(counts.values()) == {systems.each}, f"not {systems.each} people are in each system, but {counts}")
    demo.chapter("1. Three systems, the same people")
    demo.say(
        f"Three servers run on this machine: one answers like SalesPulse, one like HubSpot, one like Salesforce. Each "
        f"has {systems.each} people. Any two have {systems.shared} of them in common, {systems.everywhere} are in all "
        f"three, and no system knows it, since each writes them differently. In all these are {systems.everybody} "
        "people. One of them:"
    )
    somebody = systems.written_differently()
    demo.show([("", *systems.by_label), *(somebody.row(field) for field in somebody.shown)])


def plan(demo: Teller) -> None:
    systems = demo.systems
    demo.chapter("2. What would happen")
    demo.say("A plan changes nothing anywhere. It shows every record and every field that a first sync would write:")
    before = systems.records()
    planned = demo.plan(lines=12)
    creates = Counter(
        SALESPULSE if line["side"] == "salespulse" else CONNECTIONS[name]
        for name, one in planned.items()
        for line in one["lines"]
        if line["op"] == "create"
    )
    for label in systems.by_label:
        true(creates[label] == systems.missing, f"in {label} {creates[label]} are planned, {systems.missing} missing")
    true(systems.records() == before, "the plan changed something on a server")
    demo.say(
        f"In all: {systems.missing} people to create in each of the three. Nobody is made who is there already in "
        "another way of writing."
    )


def first_sync(demo: Teller) -> None:
    systems = demo.systems
    demo.chapter("3. The first sync")
    figures = demo.run(full=True)
    made, changed = figures.written("created"), figures.written("updated")
    true(set(made.values()) == {systems.missing}, f"created were {made}, missing were {systems.missing} in each")
    true(not any(changed.values()), f"values of {changed} records were written although they meant the same")
    counts = systems.counted(lambda one: len(one.records()))
    true(set(counts.values()) == {systems.everybody}, f"not everybody is in every system: {counts}")
    people = systems.linked()
    true(len(people) == systems.everybody, "not everybody is there exactly once")
    true(not systems.differing(people), "some people are not the same everywhere")
    demo.say(
        f"Everybody is now in every system, once: {len(people)} people, and all three agree about each of them. Each "
        "system kept its own way of writing: nothing was rewritten only because it looked different."
    )


def edits(demo: Teller) -> None:
    systems = demo.systems
    by_phone, by_state, by_two = systems.some(count=3)
    demo.chapter("4. People go on working")
    demo.say(
        f"Somebody gives {by_phone.name} a new phone number in HubSpot. Somebody moves {by_state.name} to another "
        f"state in SalesPulse. And {by_two.name} is edited in two systems at once: the last name in SalesPulse, the "
        "product in HubSpot."
    )
    state = "TX" if by_state.shown["state"][SALESPULSE] != "TX" else "FL"
    product = "Annuity" if by_two.shown["product"][HUBSPOT] != "Annuity" else "Term Life"
    hub, hubspot = systems.by_label[SALESPULSE], systems.by_label[HUBSPOT]
    hubspot.edit(by_phone, phone="(305) 555-0142")
    hub.edit(by_state, state=state)
    hub.edit(by_two, last_name="Newman-Smith")
    hubspot.edit(by_two, product=product)
    updated = demo.run(full=False, summary=False).written("updated")
    phone, moved, two = (systems.again(person) for person in (by_phone, by_state, by_two))
    demo.show_everywhere([(phone, "phone"), (moved, "state"), (two, "last_name"), (two, "product")])
    true(updated == {SALESPULSE: 2, HUBSPOT: 2, SALESFORCE: 4}, f"other records than expected were written: {updated}")
    true(not systems.differing([phone, moved, two]), "an edit did not reach every system")
    true(phone.digits == "3055550142", "the new phone number was lost")
    true(moved.shown["state"][SALESPULSE] == state, "the new state was lost")
    true(two.shown["last_name"][SALESFORCE] == "Newman-Smith", "the last name was lost")
    true(two.shown["product"][SALESFORCE] == product, "the product was lost")
    demo.say(
        f"Four edits, {sum(updated.values())} writes: each edit went where it was not typed. The two edits of one "
        "person went past each other, and neither was lost."
    )


def through_the_hub(demo: Teller) -> None:
    systems = demo.systems
    (person,) = systems.some(count=1, skip=3)
    demo.chapter("5. From Salesforce to HubSpot")
    demo.say(
        f"Somebody types a new phone number for {person.name} in Salesforce. Salesforce and HubSpot do not know each "
        "other; SalesPulse stands between them. One run:"
    )
    systems.by_label[SALESFORCE].edit(person, phone="(407) 555-0123")
    updated = demo.run(full=False, summary=False).written("updated")
    after = systems.again(person)
    demo.show_everywhere([(after, "phone")])
    true(updated == {SALESPULSE: 1, HUBSPOT: 1, SALESFORCE: 0}, f"other records than expected were written: {updated}")
    true(after.digits == "4075550123", "the new phone number was lost")
    true(after.agrees, "the number typed in Salesforce did not reach HubSpot")
    demo.say("It went to SalesPulse and, in the same run, from there to HubSpot.")


def conflict(demo: Teller) -> None:
    systems = demo.systems
    (person,) = systems.some(count=1, skip=4)
    demo.chapter("6. A real conflict")
    demo.say(
        f"Two people type two phone numbers for {person.name} in the same second, one in SalesPulse, one in HubSpot. "
        "Another edit in SalesPulse, of the same person's state, is no conflict. Of two edits of one field the later "
        "one wins, but here neither is later: that is for a person to decide."
    )
    state = "OH" if person.shown["state"][SALESPULSE] != "OH" else "NY"
    systems.by_label[SALESPULSE].edit(person, phone="+13055550177", state=state)
    systems.by_label[HUBSPOT].edit(person, phone="(305) 555-0188")
    figures = demo.run(full=False, expect=Exit.PERSON, summary=False)
    true(figures.total("held") == 1, f"one hold was to be opened, not {figures.total('held')}")
    found = demo.holds()
    true([one["reason"] for one in found] == ["conflict"], "there should be one hold, a conflict")
    demo.hold(found[0]["id"])
    after = systems.again(person)
    demo.show_everywhere([(after, "phone"), (after, "state")])
    true(after.shown["phone"][SALESPULSE] == "+13055550177", "the phone number typed in SalesPulse was overwritten")
    true(after.shown["phone"][HUBSPOT] == "(305) 555-0188", "the phone number typed in HubSpot was overwritten")
    true(after.agree("state") and after.shown["state"][SALESPULSE] == state, "the state, no conflict, did not go on")
    true(after.agree("phone", SALESFORCE), "Salesforce, where nobody typed a number, did not get SalesPulse's")
    demo.say(
        "Both numbers are still where they were typed, the state went on, Salesforce has what SalesPulse has, and no "
        "other record waited. (Exit code 3: done, but a person is needed.)"
    )


def stages(demo: Teller) -> None:
    systems = demo.systems
    (held,) = systems.some(count=1, skip=4)
    quoted = systems.in_stage("New Lead", but=held)
    sold = systems.in_stage("Quoted", but=held)
    demo.chapter("7. The pipeline moves, and the conflict ends")
    demo.say(
        f"In SalesPulse {quoted.name} goes from New Lead to Quoted; in HubSpot {sold.name} becomes a customer. And "
        f"somebody has called {held.name}: the number in SalesPulse is right, so it is typed into HubSpot as well."
    )
    systems.by_label[SALESPULSE].edit(quoted, stage="Quoted")
    systems.by_label[HUBSPOT].edit(sold, stage="customer")
    systems.by_label[HUBSPOT].edit(held, phone="305.555.0177")
    demo.run(full=False, summary=False)
    quoted, sold, held = (systems.again(person) for person in (quoted, sold, held))
    demo.show_everywhere([(quoted, "stage"), (sold, "stage"), (held, "phone")])
    true(quoted.shown["stage"][HUBSPOT] == "opportunity", "the move to Quoted is not in HubSpot")
    true(sold.shown["stage"][SALESPULSE] == "Sold", "the new customer is not Sold in SalesPulse")
    true(not systems.differing([quoted, sold, held]), "a move did not reach every system")
    true(demo.holds() == [], "the conflict is still held although all show the same number")


def nothing_left(demo: Teller) -> None:
    systems = demo.systems
    demo.chapter("8. Nothing left to do")
    before, writes = systems.records(), systems.counted(lambda one: one.writes)
    written = demo.run(full=False).written("created", "updated", "stamped", "deleted")
    true(not any(written.values()), f"nothing was left to write, but {written} were written")
    true(systems.counted(lambda one: one.writes) == writes, "a server has seen a write in the last run")
    true(systems.records() == before, "the last run changed something on a server")
    people = systems.linked()
    true(len(people) == systems.everybody, "not everybody is there exactly once")
    true(not systems.differing(people), "some people are not the same everywhere")
    refused = systems.counted(lambda one: one.refused)
    true(not any(refused.values()), f"the servers refused requests with 429: {refused}")
    requests = ", ".join(f"{label} {count}" for label, count in systems.counted(lambda one: one.requests).items())
    demo.say(
        f"No write. All three agree about all {len(people)} people. The whole story took this many requests: "
        f"{requests}; none was refused for coming too fast, with the limits that the real accounts have."
    )


CHAPTERS = (who, plan, first_sync, edits, through_the_hub, conflict, stages, nothing_left)
