"""Queries of the Salesforce model: what they find, in which order and how it is shown (contract, section 3.1)."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.options import Options
from syncd.sandbox.salesforce.org import Org
from syncd.sandbox.salesforce.queries import query
from syncd.sandbox.wire import Request

VERSION = "/services/data/v59.0"
AT_B = "2026-03-02T14:01:00Z"
BEFORE_D = "SystemModstamp < 2026-03-02T14:03:00Z"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    return Org(clock)


def add(org: Org, kind: str = "Contact", **values: Any) -> str:
    return org.create(org.schema.get(kind), values)


def ask(org: Org, soql: str, *, all_rows: bool = False) -> dict[str, Any]:
    request = Request(method="GET", path=f"{VERSION}/query/", query=(("q", soql),))
    answer: dict[str, Any] = query(org, request, all_rows=all_rows).json()
    return answer


def names(org: Org, rest: str, kind: str = "Contact") -> str:
    return "".join(one["LastName"] for one in ask(org, f"SELECT LastName FROM {kind} {rest}")["records"])


@pytest.fixture
def four(org: Org, clock: ManualClock) -> Org:
    """A, B, C and D, each a minute after the one before; D has next to nothing."""
    add(org, LastName="A", FirstName="Ann", Email="ann@b.co", Birthdate="1980-01-02", Coverage_Amount__c=9,
        Riders__c="Accidental Death;Child Term", SalesPulse_Id__c="sp_A", Tobacco_Use__c=True)  # fmt: skip
    clock.advance(60)
    add(org, LastName="B", FirstName="bob", Email="bob@b.co", Birthdate="1990-01-02", Coverage_Amount__c=10,
        Riders__c="Child Term", MailingCity="O'Hare", Title="100%_\\x")  # fmt: skip
    clock.advance(60)
    add(org, LastName="C", FirstName="Cid", Coverage_Amount__c=10.5, MailingCity="Miami", Title="100 per cent")
    clock.advance(60)
    add(org, LastName="D")
    return org


@pytest.mark.parametrize(("where", "found"), [
    ("FirstName = 'ANN'", "A"),
    ("firstname = 'ann'", "A"),
    ("Contact.FirstName = 'ann'", "A"),
    ("FirstName != 'ann'", "BCD"),
    ("FirstName <> 'ann'", "BCD"),
    ("FirstName = null", "D"),
    ("FirstName = ''", "D"),
    ("FirstName != NULL", "ABC"),
    ("FirstName > 'b'", "BC"),
    ("FirstName < 'B'", "A"),
    ("FirstName >= 'bob'", "BC"),
    ("FirstName <= 'BOB'", "AB"),
    ("FirstName IN ('ann', 'CID')", "AC"),
    ("FirstName IN ('ann', null)", "AD"),
    ("FirstName NOT IN ('ann', 'cid')", "BD"),
    ("Email LIKE '%@B.co'", "AB"),
    ("Email LIKE '_nn@b.co'", "A"),
    ("Email LIKE 'nn'", ""),
    ("Title LIKE '100\\%%'", "B"),
    ("Title LIKE '100%'", "BC"),
    ("Title LIKE '%\\_\\\\x'", "B"),
    ("MailingCity = 'O\\'Hare'", "B"),
    ("MailingCity = 'O\\u0027Hare'", "B"),
    ("Coverage_Amount__c > 9", "BC"),
    ("Coverage_Amount__c = 9.0", "A"),
    ("Coverage_Amount__c < 10.5", "AB"),
    ("Coverage_Amount__c != 9", "BCD"),
    ("Coverage_Amount__c >= -1", "ABC"),
    ("Birthdate = 1980-01-02", "A"),
    ("Birthdate > 1980-01-02", "B"),
    ("Birthdate = null", "CD"),
    ("Tobacco_Use__c = TRUE", "A"),
    ("Tobacco_Use__c != true", "BCD"),
    ("IsDeleted = false", "ABCD"),
    ("Riders__c INCLUDES ('Child Term')", "AB"),
    ("Riders__c INCLUDES ('child term;Accidental Death')", "A"),
    ("Riders__c INCLUDES ('Accidental Death', 'Child Term')", "AB"),
    ("Riders__c EXCLUDES ('Accidental Death')", "BCD"),
    ("SalesPulse_Id__c = 'SP_a'", "A"),
    ("SystemModstamp = 2026-03-02T14:01:00Z", "B"),
    ("SystemModstamp > 2026-03-02T14:01:00.999Z", "CD"),
    ("SystemModstamp >= 2026-03-02T15:01:00+01:00", "BCD"),
    ("SystemModstamp < 2026-03-02T09:01:00-0500", "A"),
    ("CreatedDate <= 2026-03-02T14:01:00.000+0000", "AB"),
    ("FirstName = 'ann' OR FirstName = 'bob' OR FirstName = 'cid'", "ABC"),
    ("FirstName != null AND Email != null AND Coverage_Amount__c = 10", "B"),
    ("NOT FirstName = 'ann'", "BCD"),
    ("(NOT FirstName LIKE 'a%') AND FirstName != null", "BC"),
    ("(FirstName = 'ann' OR FirstName = 'bob') AND Birthdate < 1985-01-01", "A"),
    ("Birthdate < 1985-01-01 OR (Coverage_Amount__c > 10 AND Email = null)", "AC"),
    (f"{BEFORE_D} AND ((SystemModstamp = {AT_B} AND LastName > 'B') OR SystemModstamp > {AT_B}) ORDER BY Id", "C"),
    (f"{BEFORE_D} AND ((SystemModstamp = {AT_B} AND LastName >= 'B') OR SystemModstamp > {AT_B}) ORDER BY Id", "BC"),
])  # fmt: skip
def test_conditions(four: Org, where: str, found: str) -> None:
    assert names(four, f"WHERE {where}") == found


@pytest.mark.parametrize("where", [
    "Id > '{b}'", "Id >= '{b}'", "Id < '{b}'", "Id <= '{b}'", "Id = '{b}'", "Id != '{b}'", "Id IN ('{b}', '{d}')",
    "Id NOT IN ('{b}', '{d}')", "Id = null", "Id > null", "Id IN (null)",
    "Id > '{b}' AND Id < '{d}'", "Id < '{b}' OR Id > '{c}'", "Id > '{b}' OR LastName = 'A'",
    "Id = '{b}' OR Id = '{d}'", "(Id = '{b}' OR Id = '{d}') AND Id != '{d}'", "Id = '{b}' AND Id = '{c}'",
    "SystemModstamp > {at}", "SystemModstamp >= {at}", "SystemModstamp < {at}", "SystemModstamp <= {at}",
    "SystemModstamp = {at}", "SystemModstamp != {at}", "SystemModstamp IN ({at})",
    "SystemModstamp > {at} OR LastName = 'A'", "SystemModstamp <= {at} AND (NOT SystemModstamp < {at})",
    "Account.Id = '{b}' OR Id = '{b}'", "Owner.SystemModstamp > {at} OR SystemModstamp > {at}",
])  # fmt: skip
@pytest.mark.parametrize("order", ["", " ORDER BY SystemModstamp, Id"])
def test_looking_at_fewer_rows_finds_the_same(four: Org, where: str, order: str) -> None:
    ids = {one["LastName"].lower(): one["Id"] for one in ask(four, "SELECT Id, LastName FROM Contact")["records"]}
    where = where.format(at=AT_B, **ids)
    # Nothing can be concluded from the second form, so every row is looked at.
    assert names(four, f"WHERE {where}{order}") == names(four, f"WHERE NOT (NOT ({where})){order}")


@pytest.mark.parametrize(("order", "found"), [
    ("Id", "ABCD"),
    ("Id DESC", "DCBA"),
    ("LastName DESC", "DCBA"),
    ("SystemModstamp, Id", "ABCD"),
    ("SystemModstamp DESC, Id", "DCBA"),
    ("FirstName", "DABC"),
    ("FirstName ASC NULLS LAST", "ABCD"),
    ("FirstName DESC", "DCBA"),
    ("FirstName DESC NULLS LAST", "CBAD"),
    ("Email NULLS FIRST, LastName DESC", "DCAB"),
    ("Tobacco_Use__c DESC, LastName", "ABCD"),
    ("Id LIMIT 2", "AB"),
    ("Id LIMIT 2 OFFSET 1", "BC"),
    ("Id OFFSET 3", "D"),
    ("FirstName LIMIT 1", "D"),
    ("Id LIMIT 0", ""),
])  # fmt: skip
def test_orders(four: Org, order: str, found: str) -> None:
    assert names(four, f"ORDER BY {order}") == found


def test_the_keyset_walk_shows_every_row_once_also_when_many_share_a_stamp(org: Org, clock: ManualClock) -> None:
    made = []
    for n in range(90):
        clock.advance(60 * (n % 30 == 0))
        made.append(add(org, LastName=str(n)))
    # Written once more and out of order: ids and stamps no longer agree.
    clock.advance(60)
    for record_id in made[10:50:3]:
        org.update(org.schema.get("Contact"), record_id, {"FirstName": "x"})
    seen: list[str] = []
    stamp, last = "2020-01-01T00:00:00Z", "000000000000000"
    while True:
        after = f"(SystemModstamp = {stamp} AND Id > '{last}') OR SystemModstamp > {stamp}"
        where = f"SystemModstamp < 2026-03-02T15:00:00Z AND ({after})"
        order = "ORDER BY SystemModstamp ASC, Id ASC LIMIT 7"
        rows = ask(org, f"SELECT Id, SystemModstamp FROM Contact WHERE {where} {order}")["records"]
        if not rows:
            break
        seen += [one["Id"] for one in rows]
        stamp, last = rows[-1]["SystemModstamp"].replace("+0000", "Z"), rows[-1]["Id"]
    again = made[10:50:3]
    assert seen == [one for one in made if one not in again] + again


def test_ids_are_compared_exactly_in_either_length(four: Org) -> None:
    ids = [one["Id"] for one in ask(four, "SELECT Id FROM Contact")["records"]]
    assert names(four, f"WHERE Id = '{ids[1][:15]}'") == "B"
    assert names(four, f"WHERE Id IN ('{ids[2]}', '{ids[0][:15]}') ORDER BY Id") == "AC"
    assert names(four, f"WHERE Id IN ('{ids[0]}', '{ids[2]}') ORDER BY SystemModstamp DESC") == "CA"
    assert names(four, f"WHERE Id IN ('{ids[0]}', '{ids[2]}') AND FirstName != 'ann'") == "C"
    assert names(four, f"WHERE Id > '{ids[1]}' ORDER BY Id") == "CD"
    assert names(four, f"WHERE Id != '{ids[1]}'") == "ACD"
    assert names(four, f"WHERE Id = '{ids[1][:15].swapcase()}'") == ""


def test_records_show_what_was_selected_with_exact_names_in_the_order_of_the_query(org: Org) -> None:
    record_id = add(org, LastName="Li")
    answer = ask(org, "select id, LASTNAME , firstName from contact")
    address = f"{VERSION}/sobjects/Contact/{record_id}"
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [
            {"attributes": {"type": "Contact", "url": address}, "Id": record_id, "LastName": "Li", "FirstName": None}
        ],
    }
    assert list(answer["records"][0]) == ["attributes", "Id", "LastName", "FirstName"]


def test_moments_are_shown_with_milliseconds_that_are_zero(org: Org, clock: ManualClock) -> None:
    clock.advance(0.75)
    add(org, LastName="Li")
    (row,) = ask(org, "SELECT SystemModstamp FROM Contact")["records"]
    assert row["SystemModstamp"] == "2026-03-02T14:00:00.000+0000"


def test_fields_of_a_parent_are_nested_and_a_missing_parent_is_null(org: Org) -> None:
    account = add(org, "Account", Name="Household")
    add(org, LastName="A", AccountId=account)
    add(org, LastName="B")
    fields = "LastName, Account.Name, Account.Id, Account.Owner.Id, Owner.Id"
    with_parent, without = ask(org, f"SELECT {fields} FROM Contact ORDER BY Id")["records"]
    nested = with_parent["Account"]
    assert nested.pop("attributes") == {"type": "Account", "url": f"{VERSION}/sobjects/Account/{account}"}
    assert (nested["Name"], nested["Id"]) == ("Household", account)
    assert without["Account"] is None
    assert names(org, "WHERE Account.Name = 'household'") == "A"
    assert names(org, "WHERE Account.Name = null") == "B"
    assert names(org, "ORDER BY Account.Name NULLS LAST") == "AB"


def test_an_alias_may_stand_before_any_field(four: Org) -> None:
    assert names(four, "c WHERE c.FirstName = 'bob' AND (c.Account.Name = null AND Contact.LastName = 'B')") == "B"


def test_a_compound_address_is_put_together_from_its_parts(org: Org) -> None:
    add(org, LastName="A", MailingCity="Miami", MailingPostalCode="33101")
    add(org, LastName="B")
    one, none = ask(org, "SELECT MailingAddress FROM Contact ORDER BY Id")["records"]
    assert one["MailingAddress"]["city"] == "Miami"
    assert one["MailingAddress"]["postalCode"] == "33101"
    assert one["MailingAddress"]["street"] is None
    assert none["MailingAddress"] is None


def test_count_gives_a_number_and_no_records(four: Org) -> None:
    found = ask(four, "SELECT COUNT() FROM Contact WHERE FirstName != null")
    assert found == {"totalSize": 3, "done": True, "records": []}
    assert ask(four, "SELECT count() FROM Contact LIMIT 2")["totalSize"] == 2


def test_deleted_records_are_found_by_query_all_alone(four: Org) -> None:
    (row,) = ask(four, "SELECT Id FROM Contact WHERE LastName = 'B'")["records"]
    four.delete(four.schema.get("Contact"), row["Id"])
    assert names(four, "") == "ACD"
    assert names(four, f"WHERE Id = '{row['Id']}'") == ""
    assert names(four, "WHERE IsDeleted = true") == ""
    every = ask(four, "SELECT LastName, IsDeleted FROM Contact ORDER BY LastName", all_rows=True)["records"]
    assert [(one["LastName"], one["IsDeleted"]) for one in every] == [
        ("A", False), ("B", True), ("C", False), ("D", False),
    ]  # fmt: skip
    gone = ask(four, f"SELECT Id FROM Contact WHERE Id = '{row['Id']}' AND IsDeleted = true", all_rows=True)
    assert gone["totalSize"] == 1


def test_archived_tasks_are_found_by_query_all_alone(org: Org, clock: ManualClock) -> None:
    call = add(org, "Task", Subject="Call", Status="Completed", ActivityDate="2026-03-02", CallObject="salespulse:1")
    by_any_route = ("Subject = 'Call'", "CallObject = 'salespulse:1'", f"Id = '{call}'")
    for where in by_any_route:
        assert ask(org, f"SELECT Id FROM Task WHERE {where}")["totalSize"] == 1
    clock.advance(400 * 86_400)
    for where in by_any_route:
        assert ask(org, f"SELECT Id FROM Task WHERE {where}")["totalSize"] == 0
        assert ask(org, f"SELECT Id FROM Task WHERE {where}", all_rows=True)["totalSize"] == 1


def test_a_write_is_found_only_when_it_is_committed(clock: ManualClock) -> None:
    org = Org(clock, options=Options(commit_delay_seconds=30))
    add(org, LastName="A")
    assert names(org, "") == ""
    clock.advance(30)
    assert names(org, "WHERE SystemModstamp = 2026-03-02T14:00:00Z") == "A"


def test_what_field_level_security_hides_no_query_can_name(four: Org) -> None:
    assert names(four, "WHERE Title = null") == "AD"
    four.options = Options(hidden_fields=("Contact.Title",))
    with pytest.raises(Exception, match="No such column 'Title' on entity 'Contact'"):
        names(four, "WHERE Title = null")


def test_the_stages_can_be_listed(org: Org) -> None:
    rows = ask(org, "SELECT ApiName, SortOrder, IsWon FROM OpportunityStage ORDER BY SortOrder DESC")["records"]
    orders = [one["SortOrder"] for one in rows]
    assert orders == sorted(orders, reverse=True)
    assert [one["ApiName"] for one in rows if one["IsWon"]] == ["Closed Won"]
