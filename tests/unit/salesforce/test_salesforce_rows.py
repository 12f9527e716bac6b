"""What an answer of Salesforce says of one record, and the CSV of bulk jobs: pure, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.salesforce import csvs
from connectors.salesforce.faults import Fault
from connectors.salesforce.rows import DELETE, UPDATE, Done, Row, create_by, ids_in, named_in, sort
from syncd.core.model import FieldSpec, Intent, Op, Outcome, Receipt, Side

ID_FIELD = "SalesPulse_Id__c"


def row(key: str = "k", **values: Any) -> Row:
    intent = Intent(id=key, connection="c", side=Side.CRM, op=Op.UPDATE, crm_id="003")
    return Row(intent=intent, values=values, key=key)


# ---- what is said of one row


@pytest.mark.parametrize(
    ("code", "message", "fields", "held"),
    [
        ("STRING_TOO_LONG", "Email: data value too large: 1 (max length=40)", ("Phone",), {"Phone"}),
        ("STRING_TOO_LONG", "data value too large: Email (max length=40)", (), set()),  # a value, no field
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Phone. Check", (), {"Phone"}),
        ("INVALID_FIELD", "No such column 'phone' on entity 'Contact'", (), {"Phone"}),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("email",), {"Email"}),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Phone and Email", (), set()),
    ],
)
def test_fields_are_blamed_by_name_and_never_by_value(
    code: str, message: str, fields: tuple[str, ...], held: set[str]
) -> None:
    end = sort(UPDATE, row(Phone="1", Email="2"), [Fault(code=code, message=message, fields=fields)], prefix="003")
    assert isinstance(end, Row) == bool(held)
    assert set(end.refused if isinstance(end, Row) else end.refused_fields) == held


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("ENTITY_IS_DELETED", Outcome.GONE),
        ("CANNOT_UPDATE_CONVERTED_LEAD", Outcome.STALE),
        ("INSUFFICIENT_ACCESS_OR_READONLY", Outcome.REFUSED),
        ("UNKNOWN_EXCEPTION", Outcome.FAILED),
        ("STORAGE_LIMIT_EXCEEDED", Outcome.FAILED),
        ("A_CODE_OF_NEXT_YEAR", Outcome.REFUSED),
        ("INVALID_READ_ONLY_USER_DML", Outcome.FAILED),
        ("NOT_FOUND", Outcome.GONE),
        ("INVALID_CROSS_REFERENCE_KEY", Outcome.GONE),
        ("MALFORMED_ID", Outcome.REFUSED),
    ],
)
def test_a_code_says_what_becomes_of_the_record(code: str, outcome: Outcome) -> None:
    end = sort(UPDATE, row(Phone="1"), [Fault(code=code, message="x")], prefix="003")
    assert isinstance(end, Receipt)
    assert end.outcome is outcome


OWN, OTHER = "003xx000004TmiQAAS", "001xx000003DGb2AAG"


@pytest.mark.parametrize(
    ("code", "message", "fields", "value", "outcome"),
    [
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (), OTHER, Outcome.REFUSED),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("Id",), OTHER, Outcome.REFUSED),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("ReportsToId",), "x", Outcome.REFUSED),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("Id",), "x", Outcome.GONE),
        ("ENTITY_IS_DELETED", "entity is deleted", (), "x", Outcome.GONE),
        ("ENTITY_IS_DELETED", f"entity is deleted: {OTHER[:15]}", (), "x", Outcome.REFUSED),
        ("ENTITY_IS_DELETED", f"entity is deleted: {OWN[:15]}", (), OTHER, Outcome.GONE),
        ("MALFORMED_ID", f"malformed id {OTHER}", (), OTHER, Outcome.REFUSED),
    ],
)
def test_only_what_is_said_of_the_record_itself_means_that_it_is_not_there(
    code: str, message: str, fields: tuple[str, ...], value: str, outcome: Outcome
) -> None:
    end = sort(UPDATE, row(OWN, Phone=value), [Fault(code=code, message=message, fields=fields)], prefix="003")
    assert isinstance(end, Receipt)
    assert end.outcome is outcome


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("ENTITY_IS_DELETED", Outcome.APPLIED),
        ("NOT_FOUND", Outcome.GONE),
        ("INVALID_CROSS_REFERENCE_KEY", Outcome.GONE),
        ("MALFORMED_ID", Outcome.REFUSED),
    ],
)
def test_only_a_delete_proves_that_a_removal_is_done(code: str, outcome: Outcome) -> None:
    end = sort(DELETE, row(OWN), [Fault(code=code, message="x")], prefix="003")
    assert isinstance(end, Receipt)
    assert end.outcome is outcome


@pytest.mark.parametrize("code", ["CANNOT_UPDATE_CONVERTED_LEAD", "ENTITY_IS_DELETED", "NOT_FOUND"])
def test_a_new_record_is_neither_stale_nor_gone_but_refused(code: str) -> None:
    end = sort(create_by(ID_FIELD), row(Phone="1"), [Fault(code=code, message="x")], prefix="003")
    assert isinstance(end, Receipt)
    assert end.outcome is Outcome.REFUSED


def test_a_new_record_is_refused_for_a_value_that_is_taken_and_an_old_one_only_the_field() -> None:
    taken = Fault(code="DUPLICATE_VALUE", message="Email duplicates value on record with id: 003xx000004TmiQ")
    created = sort(create_by(ID_FIELD), row(Phone="1", Email="2"), [taken], prefix="003")
    assert isinstance(created, Receipt)
    assert (created.existing_id, created.refused_fields) == ("003xx000004TmiQAAS", {})
    updated = sort(UPDATE, row(Phone="1", Email="2"), [taken], prefix="003")
    assert isinstance(updated, Row)
    assert set(updated.values) == {"Phone"}


def test_of_several_records_none_is_taken_for_the_existing_one() -> None:
    words = "found: [0035e00000000010AA, 0035e00000000020AA]"
    end = sort(create_by(ID_FIELD), row(Phone="1"), [Fault(code="DUPLICATE_VALUE", message=words)], prefix="003")
    assert isinstance(end, Receipt)
    assert (end.outcome, end.existing_id) == (Outcome.REFUSED, "")


def test_ids_and_names_are_found_in_messages_of_any_language() -> None:
    assert ids_in("record with id: 003xx000004TmiQ", "003") == ("003xx000004TmiQAAS",)
    assert ids_in("id 003xx000004TmiQAAS, 00Qxx000004TmiQAAS", "003") == ("003xx000004TmiQAAS",)
    assert ids_in("id 003xx000004TmiQAAB", "003") == ()
    assert named_in("'phone' und EmailAddress", ["Phone", "Email"]) == ("Phone",)


# ---- CSV


def test_rows_with_different_fields_share_one_file() -> None:
    rows = [row("1", Phone="a,b"), row("2", Email=None, Tobacco_Use__c=None), row("3", Riders__c=("A", "B"))]
    specs = {
        "Tobacco_Use__c": FieldSpec(name="Tobacco_Use__c", type="boolean"),
        "Riders__c": FieldSpec(name="Riders__c", type="multichoice", separator=";"),
    }
    ((taken, text),) = csvs.parts(UPDATE, rows, specs, most_bytes=10_000)
    assert taken == tuple(rows)
    assert text == 'Id,Phone,Email,Tobacco_Use__c,Riders__c\n1,"a,b",,,\n2,,#N/A,false,\n3,,,,A;B\n'


def test_files_are_cut_between_rows_and_each_has_the_header() -> None:
    rows = [row(str(n), Phone="ä" * 10) for n in range(10)]
    files = list(csvs.parts(UPDATE, rows, {}, most_bytes=60))
    assert [one for taken, _ in files for one in taken] == rows
    assert all(text.startswith("Id,Phone\n") and len(text.encode()) <= 60 for _, text in files)
    assert len(files) == 5


@pytest.mark.parametrize(
    ("value", "fits"), [("#N/A", False), (" #N/A ", False), ("N/A", True), ("x" * 32_001, False), (None, True)]
)
def test_what_csv_cannot_say_goes_another_way(value: str | None, fits: bool) -> None:
    assert csvs.fits(row("1", Phone=value)) is fits


@pytest.mark.parametrize(
    ("text", "code", "words", "fields"),
    [
        ("REQUIRED_FIELD_MISSING:Missing: [LastName]:LastName --", "REQUIRED_FIELD_MISSING", "Missing: [LastName]", 1),
        ("STRING_TOO_LONG:too large: 1:2:Phone,Fax --", "STRING_TOO_LONG", "too large: 1:2", 2),
        ("STRING_TOO_LONG:too large:Phone Fax --", "STRING_TOO_LONG", "too large", 2),
        ("UNABLE_TO_LOCK_ROW:unable to obtain: 001:--", "UNABLE_TO_LOCK_ROW", "unable to obtain: 001", 0),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION:Ask: us!", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Ask: us!", 0),
        ("UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION", "", 0),
    ],
)
def test_a_failed_row_tells_code_words_and_fields(text: str, code: str, words: str, fields: int) -> None:
    names = ("Phone", "Fax") if fields == 2 else ("LastName",) * fields
    assert csvs.fault_of(text) == Fault(code=code, message=words, fields=names)


def test_results_are_known_by_their_exact_key_in_any_order() -> None:
    verb = create_by(ID_FIELD)
    text = f'\ufeff"sf__Id","sf__Created","{ID_FIELD}"\n"003B","false","SP-2"\n"003A","true","sp-1"\n'
    assert csvs.successes(verb, text) == {"SP-2": Done(id="003B", created=False), "sp-1": Done(id="003A")}
    assert csvs.unprocessed(verb, f'"{ID_FIELD}"\n"SP-3"\n') == {"SP-3"}
