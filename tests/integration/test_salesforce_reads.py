"""The traps of reading from Salesforce, over real HTTP against the sandbox: listing, reads by id, searches, scopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.salesforce import KIND, soql
from connectors.salesforce.codec import make_lens, record_of
from connectors.salesforce.looks import Told
from connectors.salesforce.scope import parse_scope
from syncd.core.model import Converted, FieldSpec, Value
from syncd.errors import MappingUnfit, Unreachable
from syncd.testing.contract import scan_all
from syncd.testing.salesforce import CONTACTS, LEADS, Bench, Stand, stand

NOBODY = "0035e00000zzzzzAAA"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


# ---- records


def test_a_record_bears_what_salesforce_says_of_it(org: Bench) -> None:
    made_at = org.clock.now().replace(microsecond=0)
    record_id = org.add({"FirstName": "Ann", "LastName": "Li", "Email": "ann@x.co", "SalesPulse_Id__c": "sp-1"})
    org.advance(60)
    org.edit(record_id, {"FirstName": "Bea"})
    record = scan_all(org.connector)[record_id]
    assert record.values == {
        "FirstName": "Bea",
        "LastName": "Li",
        "Email": "ann@x.co",
        "Phone": None,
        "SalesPulse_Stage__c": None,
        "SalesPulse_Id__c": "sp-1",
    }
    assert record.created_at == made_at
    assert record.modified_at == made_at + timedelta(seconds=60)
    assert record.version == soql.seconds(made_at) + 60
    assert (record.in_scope, record.merged_ids, record.converted) == (True, (), None)


def test_values_keep_their_json_types(org: Bench) -> None:
    values: dict[str, Value] = {"Coverage_Amount__c": 250_000, "Tobacco_Use__c": True, "Birthdate": "1961-02-03"}
    record_id = org.add({"LastName": "Li", **values})
    connector = org.reopen(wanted=replace(CONTACTS, fields=tuple(values)))
    shown = connector.fetch([record_id]).records[record_id].values
    assert {name: shown[name] for name in values} == values


def test_a_field_that_does_not_exist_is_not_read_and_an_unset_one_is_blank(org: Bench) -> None:
    connector = org.reopen(wanted=replace(CONTACTS, fields=("FirstName", "Shoe_Size__c", "Title", "MailingAddress")))
    record_id = org.add({"FirstName": "Ann"})
    for record in (scan_all(connector)[record_id], connector.fetch([record_id]).records[record_id]):
        assert "Shoe_Size__c" not in record.values
        assert "MailingAddress" not in record.values
        assert record.values["Title"] is None


def test_a_field_that_a_row_lacks_is_not_read() -> None:
    lens = make_lens("Contact", ("Phone", "Email"), ("Phone", "Email"))
    assert record_of({"Id": NOBODY, "Email": ""}, lens).values == {"Email": None}


# ---- the listing


def test_ten_thousand_records_of_one_stamp_are_listed_in_pages_of_whatever_size(place: Stand) -> None:
    with place.bench(page_limit=700) as org:
        ids = {org.add({"LastName": "Li"}) for _ in range(10_000)}
        scan_all(org.connector)
        org.asked()
        assert set(scan_all(org.connector)) == ids
        assert org.asked() == {"GET /query": 15}


def test_a_query_that_takes_too_long_is_asked_again_for_fewer_rows(org: Bench) -> None:
    ids = {org.add({"LastName": "Li"}) for _ in range(600)}
    org.connector.describe()
    body = [{"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}]
    org.fault("status", "/query", status=400, body=body, times=5)
    assert set(scan_all(org.connector)) == ids


@pytest.mark.parametrize("count", [350, 500])
def test_fields_that_are_too_long_for_an_address_are_read_by_id(org: Bench, count: int) -> None:
    org.options(uri_limit=12_288)  # of 16,384 bytes, for address and headers, a token in JWT form takes the rest
    many = tuple(FieldSpec(name=f"Quite_A_Long_Name_Number_{number:04}__c") for number in range(count))
    known = (*org.connector.describe(), *many)
    wanted = replace(CONTACTS, fields=("LastName", *(spec.name for spec in many)), known_fields=known)
    record_id = org.add({"LastName": "Li"})
    connector = org.reopen(wanted=wanted)
    org.asked()
    record = scan_all(connector)[record_id]
    assert record.values["LastName"] == "Li"
    asked = org.asked()
    assert asked["GET /query"] == 1, "the walk goes by the record's own fields"
    assert asked["POST /composite/sobjects/Contact"] == 2, "refused for fields that are not there, and without them"


def test_a_page_without_rows_that_is_not_the_last_stops_instead_of_ending_the_listing(org: Bench) -> None:
    org.connector.describe()
    org.fault("status", "/query", status=200, body={"totalSize": 9, "done": False, "records": []})
    with pytest.raises(Unreachable):
        org.connector.scan(None)


def test_a_page_that_begins_anew_stops_instead_of_going_round(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    org.connector.describe()
    rows = [{"Id": record_id, "LastName": "Li"}]
    org.fault("status", "/query", status=200, body={"totalSize": 9, "done": False, "records": rows})
    with pytest.raises(Unreachable):
        org.connector.scan(record_id)


def test_converted_leads_are_listed_as_taking_no_part(place: Stand) -> None:
    with place.bench(wanted=LEADS) as org:
        lead, converted = (org.add({"LastName": "Li", "Company": "Individual"}) for _ in range(2))
        became = org.convert(converted)["contact"]
        listed = scan_all(org.connector)
        assert {one: record.in_scope for one, record in listed.items()} == {lead: True, converted: False}
        assert listed[converted].converted == Converted(object="Contact", id=became)


# ---- reads by id


def test_deleted_purged_and_unknown_records_are_told_apart(org: Bench) -> None:
    live, deleted, purged = (org.add({"LastName": f"Li{number}"}) for number in range(3))
    org.delete(deleted)
    org.purge(purged)
    org.advance(60)
    answer = org.connector.fetch([live, deleted, purged, NOBODY, "not-an-id", ""])
    assert set(answer.records) == {live}
    assert {asked: gone.proof for asked, gone in answer.gone.items()} == {
        deleted: "is_deleted",
        purged: "get_deleted",
    }
    assert all(gone.id == asked for asked, gone in answer.gone.items())


def test_what_only_the_log_of_deletes_could_prove_stays_unproven_when_the_log_was_trimmed(org: Bench) -> None:
    purged = org.add({"LastName": "Li"})
    org.purge(purged)
    org.advance(60)
    org.options(delete_log_purged_before=org.clock.now())
    answer = org.connector.fetch([purged])
    assert (answer.records, answer.gone) == ({}, {})


def test_a_trimmed_log_still_proves_what_it_still_knows(org: Bench) -> None:
    org.options(delete_log_purged_before=org.clock.now())
    org.advance(3600)
    purged = org.add({"LastName": "Li"})
    org.purge(purged)
    org.advance(60)
    answer = org.connector.fetch([purged])
    assert answer.gone[purged].proof == "get_deleted"


def test_losers_of_merges_are_answered_with_the_last_winner(org: Bench) -> None:
    first, second, third, other = (org.add({"LastName": f"Li{number}"}) for number in range(4))
    org.merge(second, first)
    org.merge(third, second)
    answer = org.connector.fetch([first, second, third, other])
    assert {asked: record.id for asked, record in answer.records.items()} == {
        first: third,
        second: third,
        third: third,
        other: other,
    }
    assert answer.records[first].merged_ids == (first, second)
    assert answer.records[other].merged_ids == ()
    assert answer.gone == {}


def test_a_loser_whose_winner_is_deleted_is_gone(org: Bench) -> None:
    loser, winner = (org.add({"LastName": f"Li{number}"}) for number in range(2))
    org.merge(winner, loser)
    org.delete(winner)
    answer = org.connector.fetch([loser])
    assert answer.records == {}
    assert (answer.gone[loser].id, answer.gone[loser].proof) == (loser, "is_deleted")


def test_merges_that_lead_in_a_circle_lead_nowhere() -> None:
    assert Told(merged={"a": "b", "b": "a"}).end("a") == ""
    assert Told(merged={"a": "b", "b": "c"}).end("a") == "c"


def test_a_loser_that_was_undeleted_stands_for_itself_again(org: Bench) -> None:
    loser, winner = (org.add({"LastName": f"Li{number}"}) for number in range(2))
    org.merge(winner, loser)
    assert org.connector.fetch([loser]).records[loser].id == winner
    org.restore(loser)
    answer = org.connector.fetch([winner, loser])
    assert {asked: record.id for asked, record in answer.records.items()} == {winner: winner, loser: loser}
    assert answer.records[winner].merged_ids == ()


def test_an_undeleted_record_is_there_again(org: Bench) -> None:
    record_id = org.add({"LastName": "Li"})
    org.delete(record_id)
    assert set(org.connector.fetch([record_id]).gone) == {record_id}
    org.restore(record_id)
    answer = org.connector.fetch([record_id])
    assert (set(answer.records), answer.gone) == ({record_id}, {})


@pytest.mark.parametrize("existing", [True, False])
def test_a_converted_lead_says_which_contact_it_has_become(place: Stand, existing: bool) -> None:
    with place.bench(wanted=LEADS) as org:
        lead = org.add({"LastName": "Li", "Company": "Individual"})
        contact = org.add({"LastName": "Li"}, kind="Contact") if existing else ""
        became = org.convert(lead, contact)["contact"]
        record = org.connector.fetch([lead]).records[lead]
        assert record.id == lead
        assert record.converted == Converted(object="Contact", id=became)
        assert not record.in_scope
        assert became == contact or not existing


def test_a_converted_lead_whose_contact_is_hidden_takes_no_part_and_leads_nowhere(place: Stand) -> None:
    with place.bench(wanted=LEADS, hidden_fields=("Lead.ConvertedContactId",)) as org:
        lead = org.add({"LastName": "Li", "Company": "Individual"})
        org.convert(lead)
        record = org.connector.fetch([lead]).records[lead]
        assert (record.in_scope, record.converted) == (False, None)


def test_many_ids_cost_a_request_for_two_thousand(org: Bench) -> None:
    ids = [org.add({"LastName": "Li"}) for _ in range(2_001)]
    org.connector.describe()
    org.asked()
    assert set(org.connector.fetch(ids).records) == set(ids)
    assert org.asked() == {"POST /composite/sobjects/Contact": 2}


def test_very_many_deleted_ids_are_looked_up_in_short_pages_too(place: Stand) -> None:
    with place.bench(page_limit=200) as org:
        ids = [org.add({"LastName": "Li"}) for _ in range(650)]
        for one in ids:
            org.delete(one)
        assert set(org.connector.fetch(ids).gone) == set(ids)


# ---- scopes


def test_a_record_outside_the_scope_is_listed_and_looked_at_as_outside(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="MailingState IN ('FL','TX')")) as org:
        inside, outside = (org.add({"LastName": "Li", "MailingState": state}) for state in ("FL", "NY"))
        listed = scan_all(org.connector)
        assert {one: record.in_scope for one, record in listed.items()} == {inside: True, outside: False}
        answer = org.connector.fetch([inside, outside])
        assert {asked: record.in_scope for asked, record in answer.records.items()} == {inside: True, outside: False}
        org.edit(inside, {"MailingState": "NY"})
        assert not org.connector.fetch([inside]).records[inside].in_scope
        assert not any(record.in_scope for record in scan_all(org.connector).values())


def test_a_scope_costs_a_listing_one_more_query_a_page(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="MailingState = 'FL'"), page_limit=10) as org:
        ids = {org.add({"LastName": "Li", "MailingState": "FL"}) for _ in range(25)}
        org.connector.describe()
        org.asked()
        assert {one for one, record in scan_all(org.connector).items() if record.in_scope} == ids
        assert sum(org.asked().values()) == 6


def test_an_or_in_the_scope_stays_within_it(place: Stand) -> None:
    with place.bench(wanted=replace(CONTACTS, scope="FirstName = 'Ann' OR FirstName = 'Bea'"), page_limit=1) as org:
        inside = {org.add({"LastName": "Li", "FirstName": name}) for name in ("Ann", "Bea")}
        outside = org.add({"LastName": "Li", "FirstName": "Cid", "Email": "cid@x.co"})
        assert {one for one, record in scan_all(org.connector).items() if record.in_scope} == inside
        assert [record.in_scope for record in org.connector.find({"email": ["cid@x.co"]})] == [False]
        assert not org.connector.fetch([outside]).records[outside].in_scope


@pytest.mark.parametrize("scope", ["Shoe_Size__c = 44", "LastName = 44 44"])
def test_a_scope_that_salesforce_does_not_understand_stops_with_words(place: Stand, scope: str) -> None:
    with place.bench(wanted=replace(CONTACTS, scope=scope)) as org:
        org.add({"LastName": "Li"})
        with pytest.raises(MappingUnfit, match=r"\[scope\] crm"):
            org.connector.scan(None)


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        "MailingState",
        "LastName = 'Li",
        "(LastName = 'Li'",
        "LastName = 'Li')) OR ((Id != null",
        "LastName = 'Li'; DELETE",
        "LastName = 'Li' ORDER BY Id",
        "LastName = 'Li' LIMIT 5",
        "Id IN (SELECT ContactId FROM Case)",
        "WHERE LastName = 'Li'",
        "LastName IN (" + ",".join(f"'{number}'" for number in range(2_000)) + ")",
    ],
)
def test_a_scope_that_is_not_one_condition_is_refused_before_anything_is_sent(wrong: object) -> None:
    assert KIND.scope_problem(wrong)
    with pytest.raises(ValueError, match=r"\w+"):
        parse_scope(wrong)


@pytest.mark.parametrize(
    "right",
    [
        None,
        "",
        "LastName = 'O\\'Neil; SELECT (x'",
        " (LeadSource = 'Web') AND CreatedDate = LAST_N_DAYS:30 ",
        "Riders__c INCLUDES ('A;B')",
        "Limit__c > 5",
    ],
)
def test_a_scope_that_is_one_condition_is_taken(right: str | None) -> None:
    assert KIND.scope_problem(right) == ""
    assert parse_scope(right) == (right or "").strip()


# ---- person accounts


def test_contacts_of_person_accounts_take_no_part_and_it_is_said(place: Stand) -> None:
    with place.bench(person_accounts=True) as org:
        plain = org.add({"LastName": "Li", "Email": "li@x.co"})
        org.add({"FirstName": "Pia", "LastName": "Person"}, kind="Account")
        found = scan_all(org.connector)
        shadows = [one for one in found if one != plain]
        assert len(shadows) == 1
        assert found[plain].in_scope
        assert not found[shadows[0]].in_scope
        assert not org.connector.fetch(shadows).records[shadows[0]].in_scope
        (notice,) = org.connector.notices()
        assert "1 contact stands for person accounts" in notice


def test_an_org_without_person_accounts_has_nothing_to_say(org: Bench) -> None:
    org.add({"LastName": "Li"})
    scan_all(org.connector)
    assert org.connector.notices() == ()
