"""What an org's admins and other users put in the way of a write to the Salesforce model (contract, section 6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncd.sandbox.clock import ManualClock
from syncd.sandbox.salesforce.errors import RecordFault, RecordFaults
from syncd.sandbox.salesforce.how import How
from syncd.sandbox.salesforce.options import Lock, Options, ValidationRule
from syncd.sandbox.salesforce.org import Org

LEAD = {"FirstName": "Ann", "LastName": "Li", "Company": "Self"}


def org_with(**switches: object) -> Org:
    return Org(ManualClock(), options=Options.model_validate(switches))


def refusal(write: Callable[[], object]) -> RecordFault:
    with pytest.raises(RecordFaults) as refused:
        write()
    [fault] = refused.value.faults
    return fault


# Field-level security


def test_a_hidden_field_disappears_and_cannot_be_written() -> None:
    org = org_with(hidden_fields=["contact.PHONE"])
    contact = org.schema.get("Contact")
    assert "phone" not in org.visible(contact)
    assert "phone" in org.visible(org.schema.get("Lead"))
    fault = refusal(lambda: org.create(contact, {"LastName": "Li", "Phone": "1"}))
    assert (fault.code, fault.fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ("Phone",))
    made = org.create(contact, {"LastName": "Li", "Phone": "1"}, How(user=org.person_id))
    row = org.find(contact, made)
    assert row is not None
    assert row.values["Phone"] == "1"


def test_a_field_can_be_hidden_and_shown_again_while_the_org_runs() -> None:
    org = org_with()
    contact = org.schema.get("Contact")
    assert "phone" in org.visible(contact)
    org.options = org.options.model_copy(update={"hidden_fields": ("Contact.Phone",)})
    assert "phone" not in org.visible(contact)
    org.options = Options()
    assert "phone" in org.visible(contact)


def test_a_read_only_field_is_seen_and_not_written() -> None:
    org = org_with(readonly_fields=["Contact.Phone"])
    contact = org.schema.get("Contact")
    field = org.visible(contact)["phone"]
    assert (field.createable, field.updateable) == (False, False)
    made = org.create(contact, {"LastName": "Li"})
    fault = refusal(lambda: org.update(contact, made, {"Phone": "1"}))
    assert fault.code == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_record_can_be_out_of_the_users_reach() -> None:
    org = org_with()
    contact, account = org.schema.get("Contact"), org.schema.get("Account")
    made = org.create(account, {"Name": "Acme"})
    org.options = Options(readonly_ids=(made[:15],))
    assert refusal(lambda: org.update(account, made, {"Phone": "1"})).code == "INSUFFICIENT_ACCESS_OR_READONLY"
    fault = refusal(lambda: org.create(contact, {"LastName": "Li", "AccountId": made}))
    assert fault.code == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    org.update(account, made, {"Phone": "1"}, How(user=org.person_id))


# Duplicate rules


@pytest.mark.parametrize(
    "twin",
    [
        {"LastName": "Other", "Email": "ANN@example.com"},
        {"FirstName": "ANN", "LastName": "li"},
    ],
)
def test_a_duplicate_rule_names_the_records_that_match(twin: dict[str, str]) -> None:
    org = org_with(duplicate_rule="alert")
    contact = org.schema.get("Contact")
    first = org.create(contact, {"FirstName": "Ann", "LastName": "Li", "Email": "ann@example.com"})
    fault = refusal(lambda: org.create(contact, twin))
    assert (fault.code, fault.message, fault.fields) == ("DUPLICATES_DETECTED", "Use one of these records?", ())
    assert fault.duplicate is not None
    assert fault.duplicate["allowSave"] is True
    [match] = fault.duplicate["matchResults"]
    assert [one["record"]["Id"] for one in match["matchRecords"]] == [first]
    assert match["size"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"LastName": "Li"},
        {"FirstName": "Bob", "LastName": "Li"},
        {"LastName": "Lo", "Email": "bob@example.com"},
    ],
)
def test_a_duplicate_rule_lets_others_pass(other: dict[str, str]) -> None:
    org = org_with(duplicate_rule="block")
    contact = org.schema.get("Contact")
    org.create(contact, {"FirstName": "Ann", "LastName": "Li", "Email": "ann@example.com"})
    org.create(contact, {"LastName": "Li"})
    org.create(contact, other)


def test_an_alert_gives_way_and_a_block_does_not() -> None:
    org = org_with(duplicate_rule="alert")
    contact = org.schema.get("Contact")
    twin = {"FirstName": "Ann", "LastName": "Li"}
    org.create(contact, twin)
    org.create(contact, twin, How(allow_save=True))
    org.options = Options(duplicate_rule="block")
    fault = refusal(lambda: org.create(contact, twin, How(allow_save=True)))
    assert fault.duplicate is not None
    assert fault.duplicate["allowSave"] is False


def test_a_duplicate_rule_looks_at_updates_of_what_it_matches_by() -> None:
    org = org_with()
    contact = org.schema.get("Contact")
    org.create(contact, {"FirstName": "Ann", "LastName": "Li"})
    second = org.create(contact, {"FirstName": "Bob", "LastName": "Li"})
    org.options = Options(duplicate_rule="block")
    org.update(contact, second, {"FirstName": "Bob", "Phone": "1"})
    assert refusal(lambda: org.update(contact, second, {"FirstName": "Ann"})).code == "DUPLICATES_DETECTED"
    org.options = Options()
    org.update(contact, second, {"FirstName": "Ann"})
    org.options = Options(duplicate_rule="block")
    org.update(contact, second, {"Phone": "2"})


def test_deleted_records_and_those_of_other_objects_are_no_duplicates() -> None:
    org = org_with(duplicate_rule="block")
    contact = org.schema.get("Contact")
    twin = {"FirstName": "Ann", "LastName": "Li"}
    org.delete(contact, org.create(contact, twin))
    org.create(contact, twin)
    org.create(org.schema.get("Lead"), LEAD)
    assert refusal(lambda: org.create(org.schema.get("Lead"), LEAD)).code == "DUPLICATES_DETECTED"


# Validation rules


@pytest.mark.parametrize(("names_field", "fields"), [(False, ()), (True, ("Phone",))])
def test_a_validation_rule_speaks_in_the_admins_words(names_field: bool, fields: tuple[str, ...]) -> None:
    rule = ValidationRule(
        object="contact", field="phone", equals="555", message="No such line", error_field=names_field
    )
    org = org_with(validation_rules=[rule])
    contact = org.schema.get("Contact")
    fault = refusal(lambda: org.create(contact, {"LastName": "Li", "Phone": "555"}))
    assert fault == RecordFault("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No such line", fields)
    org.create(org.schema.get("Lead"), {**LEAD, "Phone": "555"})
    org.options = Options()
    made = org.create(contact, {"LastName": "Li", "Phone": "555"})
    org.options = Options(validation_rules=(rule,))
    assert refusal(lambda: org.update(contact, made, {"Title": "Dr."})).code == fault.code
    org.update(contact, made, {"Phone": "556"})


def test_every_broken_validation_rule_is_told() -> None:
    rules = [ValidationRule(object="Contact", field="Phone", equals=None, message=text) for text in ("one", "two")]
    org = org_with(validation_rules=rules)
    with pytest.raises(RecordFaults) as refused:
        org.create(org.schema.get("Contact"), {"LastName": "Li"})
    assert [fault.message for fault in refused.value.faults] == ["one", "two"]


# Locks


def test_a_locked_row_is_free_after_so_many_tries() -> None:
    org = org_with()
    contact = org.schema.get("Contact")
    made = org.create(contact, {"LastName": "Li"})
    org.options = Options(lock=Lock(ids=(made[:15],), times=2))
    for _ in range(2):
        fault = refusal(lambda: org.update(contact, made, {"Phone": "1"}))
        assert fault.code == "UNABLE_TO_LOCK_ROW"
        assert fault.message.endswith(f"this record or 1 records: {made}")
    org.update(contact, made, {"Phone": "1"})
    org.options = org.options.model_copy(update={"daily_limit": 5})
    org.delete(contact, made)


def test_a_lock_on_the_account_holds_its_people() -> None:
    org = org_with()
    account = org.create(org.schema.get("Account"), {"Name": "Acme"})
    org.options = Options(lock=Lock(ids=(account,), times=1))
    values = {"LastName": "Li", "AccountId": account}
    assert refusal(lambda: org.create(org.schema.get("Contact"), values)).code == "UNABLE_TO_LOCK_ROW"
    org.create(org.schema.get("Contact"), values)


def test_a_trigger_wraps_the_lock_that_it_meets() -> None:
    org = org_with()
    contact = org.schema.get("Contact")
    made = org.create(contact, {"LastName": "Li"})
    org.options = Options(lock=Lock(ids=(made,), times=1, in_trigger=True))
    fault = refusal(lambda: org.update(contact, made, {"Phone": "1"}))
    assert fault.code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert "UNABLE_TO_LOCK_ROW" in fault.message


# Assignment, storage


@pytest.mark.parametrize(("rule", "header", "moves"), [(True, True, True), (True, False, False), (False, True, False)])
def test_an_assignment_rule_gives_a_lead_away_unless_told_not_to(rule: bool, header: bool, moves: bool) -> None:
    org = org_with(assignment_rule=rule)
    leads = org.schema.get("Lead")
    how = How(auto_assign=header)
    made = org.create(leads, LEAD, How(auto_assign=False))
    org.update(leads, made, {"Phone": "1"}, how)
    for record_id in (made, org.create(leads, LEAD, how)):
        row = org.find(leads, record_id)
        assert row is not None
        assert (row.values["OwnerId"] != org.user_id) == moves
        assert org.find(org.schema.get("User"), str(row.values["OwnerId"])) is not None


def test_a_full_org_changes_records_and_makes_none() -> None:
    org = org_with()
    contact = org.schema.get("Contact")
    made = org.create(contact, {"LastName": "Li"})
    org.options = Options(storage_full=True)
    assert refusal(lambda: org.create(contact, {"LastName": "Lo"})).code == "STORAGE_LIMIT_EXCEEDED"
    org.update(contact, made, {"Phone": "1"})
