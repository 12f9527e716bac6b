"""Bulk jobs of Salesforce: nothing twice and nothing lost whatever breaks, over real HTTP against the sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pytest

from connectors.salesforce.bulk import JOBS, Bulk
from connectors.salesforce.jobs import Jobs
from connectors.salesforce.rows import Done, Row, create_by
from syncd.clock import Clock, Interrupted
from syncd.core.model import Intent, Op, Outcome, Receipt
from syncd.errors import AnswerLost, ConnectionStop, Parked
from syncd.sandbox.salesforce.options import Lock, ValidationRule
from syncd.testing.contract import scan_all
from syncd.testing.salesforce import Bench, Stand, stand
from tests.integration.salesforce_writing import ID_FIELD, Dying, Meanwhile, new, people, writes_of

MANY = 201
OPEN_JOB = "POST /jobs/ingest"


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    with stand() as served:
        yield served


@pytest.fixture
def org(place: Stand) -> Iterator[Bench]:
    with place.bench() as made:
        yield made


def many(org: Bench) -> list[Intent]:
    return [new(org, n) for n in range(MANY)]


def create(org: Bench, intents: Sequence[Intent], *, clock: Clock | None = None) -> dict[str, Receipt]:
    return writes_of(org, clock=clock).create(intents, identity=ID_FIELD, stamp_field=ID_FIELD)


def update(org: Bench, intents: Sequence[Intent]) -> dict[str, Receipt]:
    return writes_of(org).update(intents, stamp_field=ID_FIELD)


def outcomes(receipts: Mapping[str, Receipt]) -> Counter[Outcome]:
    return Counter(receipt.outcome for receipt in receipts.values())


def stamps_there(org: Bench) -> list[str]:
    """The other halves' ids on all records of the org, each as often as it is there."""
    return sorted(str(org.stored(one)[ID_FIELD]) for one in scan_all(org.connector))


def ran(org: Bench) -> int:
    """Jobs that were carried out."""
    return sum(bool(job["header"]) for job in org.model.jobs.export()["jobs"])


# ---- what a job writes


def test_many_new_records_are_made_by_one_job(org: Bench) -> None:
    intents = many(org)
    org.connector.capabilities()
    org.asked()
    receipts = create(org, intents)
    assert set(receipts) == {intent.id for intent in intents}
    assert outcomes(receipts) == {Outcome.APPLIED: MANY}
    assert all(receipt.created for receipt in receipts.values())
    assert all(org.stored(receipts[one.id].id)[ID_FIELD] == one.stamp for one in intents)
    assert org.asked() == {
        OPEN_JOB: 1,
        "PUT /jobs/ingest/:id/batches": 1,
        "PATCH /jobs/ingest/:id": 1,
        "GET /jobs/ingest/:id": 1,
        "GET /jobs/ingest/:id/successfulResults": 1,
    }


def test_records_that_are_there_are_refused_with_their_ids_and_not_touched(org: Bench) -> None:
    there = org.add({"LastName": "Li", ID_FIELD: "sp-7"})
    receipts = list(create(org, many(org)).values())
    met = receipts.pop(7)
    assert (met.outcome, met.existing_id) == (Outcome.REFUSED, there)
    assert org.stored(there)["LastName"] == "Li"
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert len(scan_all(org.connector)) == MANY


@pytest.mark.parametrize("case_sensitive", [False, True])
def test_ids_that_differ_in_case_are_two_rows_of_a_job(place: Stand, case_sensitive: bool) -> None:
    with place.bench(external_id_case_sensitive=case_sensitive) as org:
        intents = [*many(org), org.intent(Op.CREATE, stamp="SP-7", FirstName="Zoe", LastName="Zed")]
        receipts = create(org, intents)
        seven, other = receipts[intents[7].id], receipts[intents[-1].id]
        assert org.stored(seven.id)["FirstName"] == "First7"
        if case_sensitive:
            assert org.stored(other.id)["FirstName"] == "Zoe"
        else:
            assert (other.outcome, other.existing_id) == (Outcome.REFUSED, seven.id)


def test_rows_whose_fields_were_changed_since_the_look_are_left_out_of_the_job(org: Bench) -> None:
    ids = people(org, MANY + 2)
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
    org.edit(ids[5], {"FirstName": "Typed"})
    org.edit(ids[6], {"Phone": "305-555-0100"})
    receipts = update(org, intents)
    assert outcomes(receipts) == {Outcome.APPLIED: MANY + 1, Outcome.STALE: 1}
    assert receipts[intents[5].id].outcome is Outcome.STALE
    assert [org.stored(ids[n])["FirstName"] for n in (5, 6)] == ["Typed", "New"]
    assert ran(org) == 1


def test_a_job_clears_with_its_own_mark_and_leaves_alone_what_was_not_written(org: Bench) -> None:
    ids = people(org, MANY, Phone="305-555-0100", Email="a@x.co")
    intents = [org.intent(Op.UPDATE, one, FirstName='Ann "the"\nfirst, ä') for one in ids]
    intents[3] = org.intent(Op.UPDATE, ids[3], Phone=None, Tobacco_Use__c=True)
    intents[4] = org.intent(Op.STAMP, ids[4], stamp="sp-4")
    assert outcomes(update(org, intents)) == {Outcome.APPLIED: MANY}
    assert ran(org) == 1
    assert org.stored(ids[0])["FirstName"] == 'Ann "the"\nfirst, ä'
    assert org.stored(ids[0])["Phone"] == "305-555-0100"
    assert "Phone" not in org.stored(ids[3])
    assert (org.stored(ids[3])["FirstName"], org.stored(ids[3])["Tobacco_Use__c"]) == ("First3", True)
    assert org.stored(ids[4])[ID_FIELD] == "sp-4"


def test_a_text_that_reads_like_the_clearing_mark_is_written_as_it_is(org: Bench) -> None:
    ids = people(org, MANY + 1, Phone="305-555-0100")
    intents = [org.intent(Op.UPDATE, one, Phone="#N/A" if n == 5 else "1") for n, one in enumerate(ids)]
    assert outcomes(update(org, intents)) == {Outcome.APPLIED: MANY + 1}
    assert org.stored(ids[5])["Phone"] == "#N/A"
    assert ran(org) == 1


def test_failed_rows_are_sorted_like_any_others(place: Stand) -> None:
    rule = ValidationRule(object="Contact", field="FirstName", equals="Nobody", message="Ask: the office, first")
    with place.bench(validation_rules=(rule,)) as org:
        ids = people(org, MANY)
        org.delete(ids[9])
        org.options(lock=Lock(ids=(ids[11],), times=2))
        intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
        intents[5] = org.intent(Op.UPDATE, ids[5], FirstName="New", Phone="1" * 41)
        intents[7] = org.intent(Op.UPDATE, ids[7], FirstName="Nobody")
        receipts = update(org, intents)
        special = [receipts.pop(intents[n].id) for n in (5, 7, 9, 11)]
        assert outcomes(receipts) == {Outcome.APPLIED: MANY - 4}
        applied, refused = Outcome.APPLIED, Outcome.REFUSED
        assert [one.outcome for one in special] == [applied, refused, Outcome.GONE, applied]
        assert set(special[0].refused_fields) == {"Phone"}
        assert "Ask: the office, first" in special[1].message
        assert all(org.stored(ids[n])["FirstName"] == "New" for n in (5, 11))
        assert ran(org) == 1


def test_a_field_that_makes_the_whole_job_fail_is_held_and_the_rest_is_written(org: Bench) -> None:
    ids = people(org, MANY)
    org.connector.describe()
    org.options(hidden_fields=("Contact.Phone",))
    intents = [org.intent(Op.UPDATE, one, FirstName="New") for one in ids]
    intents[5] = org.intent(Op.UPDATE, ids[5], FirstName="New", Phone="1")
    receipts = update(org, intents)
    assert outcomes(receipts) == {Outcome.APPLIED: MANY}
    assert [one.id for one in intents if receipts[one.id].refused_fields] == [intents[5].id]
    assert all(org.stored(one)["FirstName"] == "New" for one in ids)


@pytest.mark.parametrize("end", ["Aborted", "Failed"])
def test_what_a_broken_off_job_did_not_come_to_has_failed_and_the_rest_is_done(place: Stand, end: str) -> None:
    with place.bench(bulk_ends=end) as org:
        receipts = create(org, many(org))
        assert outcomes(receipts) == {Outcome.APPLIED: 100, Outcome.FAILED: 101}
        assert len(scan_all(org.connector)) == 100
        assert all(end in one.message for one in receipts.values() if one.outcome is Outcome.FAILED)
        assert org.memory.get(JOBS) == ""


def test_a_job_that_salesforce_does_not_take_goes_by_collections(org: Bench) -> None:
    body = [{"errorCode": "FEATURENOTENABLED", "message": "Bulk API is not enabled"}]
    org.fault("status", "/jobs/ingest", status=403, body=body, times=None)
    assert outcomes(create(org, many(org))) == {Outcome.APPLIED: MANY}
    assert stamps_there(org) == sorted(f"sp-{n}" for n in range(MANY))


def test_a_job_that_fails_before_its_first_record_without_a_reason_goes_by_collections(org: Bench) -> None:
    job = {"id": "7505e0000000001AAA", "state": "Failed", "errorMessage": "InternalServerError"}
    org.fault("status", "/jobs/ingest", method="PATCH", status=200, body=job)
    org.fault("status", "/jobs/ingest/[^/]+$", method="GET", status=200, body=job)
    for name in ("successfulResults", "failedResults", "unprocessedRecords"):
        org.fault("status", name, status=200, body='"sf__Id"\n')
    assert outcomes(create(org, many(org))) == {Outcome.APPLIED: MANY}
    assert ran(org) == 0


def test_more_than_fits_into_one_file_goes_by_several_jobs(org: Bench) -> None:
    jobs = Jobs(org.connector.transport, "Contact")
    bulk = Bulk(jobs, memory=org.memory, clock=org.clock, most_bytes=2_500)
    rows = [Row(intent=one, values=one.values, key=one.stamp or "", refused={}) for one in many(org)]
    said = bulk.write(create_by(ID_FIELD), rows, org.connector.schema.fields())
    assert all(isinstance(one, Done) for one in said.values())
    assert len(said) == MANY
    assert ran(org) == 3
    assert stamps_there(org) == sorted(f"sp-{n}" for n in range(MANY))


def test_a_job_that_takes_its_time_is_asked_for_less_and_less_often(place: Stand) -> None:
    with place.bench(bulk_seconds=120) as org:
        assert outcomes(create(org, many(org))) == {Outcome.APPLIED: MANY}
        assert org.asked()["GET /jobs/ingest/:id"] < 25


# ---- lost answers

STEPS = {
    "create": {"path": "/jobs/ingest$", "method": "POST"},
    "upload": {"path": "/batches$", "method": "PUT"},
    "start": {"path": "/jobs/ingest/[^/]+$", "method": "PATCH"},
    "look": {"path": "/jobs/ingest/[^/]+$", "method": "GET"},
    "results": {"path": "/successfulResults$", "method": "GET"},
}


@pytest.mark.parametrize("action", ["drop_before", "drop_after", "html", "half_body"])
@pytest.mark.parametrize("step", STEPS)
def test_an_answer_lost_once_at_any_step_makes_nothing_twice_and_loses_nothing(
    org: Bench, step: str, action: str
) -> None:
    org.fault(action, **STEPS[step])
    receipts = create(org, many(org))
    assert outcomes(receipts) == {Outcome.APPLIED: MANY}
    assert all(receipt.created for receipt in receipts.values())
    assert stamps_there(org) == sorted(f"sp-{n}" for n in range(MANY))
    assert ran(org) == 1
    assert org.memory.get(JOBS) == ""


@pytest.mark.parametrize(
    ("step", "action"),
    [
        # A job that runs although nobody heard it say so is seen to run, so "start" is not lost with "drop_after".
        (step, action)
        for step in STEPS
        for action in ("drop_before", "drop_after")
        if (step, action) != ("start", "drop_after")
    ],
)
def test_answers_lost_for_good_are_told_and_the_next_pass_finds_what_there_is(
    org: Bench, step: str, action: str
) -> None:
    org.fault(action, times=None, **STEPS[step])
    intents = many(org)
    # Until the job is told to run nothing can be written, and that is said; then it is in doubt.
    with pytest.raises(ConnectionStop if step in {"create", "upload"} else AnswerLost):
        create(org, intents)
    org.running.harness.faults.clear()
    later = org.reopen()
    later.recover()
    assert org.memory.get(JOBS) in {None, ""}
    before = len(scan_all(later))
    assert before in {0, MANY}
    org.advance(86_400)  # nothing is still under way
    assert len(scan_all(later)) == before
    assert outcomes(create(org, intents)) == {Outcome.REFUSED if before else Outcome.APPLIED: MANY}
    assert stamps_there(org) == sorted(f"sp-{n}" for n in range(MANY))


def test_an_answer_lost_in_a_later_file_leaves_the_first_ones_told(org: Bench) -> None:
    jobs = Jobs(org.connector.transport, "Contact")
    bulk = Bulk(jobs, memory=org.memory, clock=org.clock, most_bytes=4_000)
    rows = [Row(intent=one, values=one.values, key=one.stamp or "") for one in many(org)]
    org.fault("drop_after", after=1, times=None, **STEPS["results"])
    said = bulk.write(create_by(ID_FIELD), rows, org.connector.schema.fields())
    done = sum(isinstance(one, Done) for one in said.values())
    assert 0 < done < len(said)


# ---- an ended process


def test_a_job_under_way_when_the_process_ended_is_waited_for_before_anything_is_looked_up(place: Stand) -> None:
    with place.bench(bulk_seconds=60) as org:
        with pytest.raises(Interrupted):
            create(org, many(org), clock=Dying(org.clock))
        assert org.memory.get(JOBS)
        later = org.reopen()
        later.recover()
        assert later.find({"identity": ["sp-0", "sp-200"]})
        assert len(scan_all(later)) == MANY
        assert org.memory.get(JOBS) == ""
        assert ran(org) == 1


def test_a_job_that_somebody_waits_for_is_no_leftover_to_other_threads(place: Stand) -> None:
    with place.bench(bulk_seconds=60) as org:
        turns: list[str | None] = []

        def turn() -> None:
            writes.settle_leftover()
            turns.append(org.memory.get(JOBS))

        writes = writes_of(org, clock=Meanwhile(org.clock, turn))
        receipts = writes.create(many(org), identity=ID_FIELD, stamp_field=ID_FIELD)
        assert outcomes(receipts) == {Outcome.APPLIED: MANY}
        assert turns
        assert all(turns)


@pytest.mark.parametrize("write", ["create", "update", "remove"])
def test_a_job_under_way_is_waited_for_before_anything_is_written(place: Stand, write: str) -> None:
    with place.bench(bulk_seconds=60) as org:
        record_id = org.add({"LastName": "Li"})
        with pytest.raises(Interrupted):
            create(org, many(org), clock=Dying(org.clock))
        later = org.reopen()
        one = org.intent(Op[write.upper()], record_id if write != "create" else "", stamp="sp-x", LastName="Lo")
        getattr(later, write)([one])
        assert org.memory.get(JOBS) == ""
        assert ran(org) == 1


def test_a_job_that_was_not_told_to_run_is_aborted(org: Bench) -> None:
    org.fault("drop_before", times=None, **STEPS["start"])
    with pytest.raises(AnswerLost):
        create(org, many(org))
    org.running.harness.faults.clear()
    later = org.reopen()
    later.recover()
    assert {job["state"] for job in org.model.jobs.export()["jobs"]} == {"Aborted"}
    assert scan_all(later) == {}


def test_a_job_that_does_not_end_parks_the_connection(place: Stand) -> None:
    with place.bench(bulk_seconds=100_000) as org:
        with pytest.raises(Interrupted):
            create(org, many(org), clock=Dying(org.clock))
        later = org.reopen()
        with pytest.raises(Parked, match="bulk job"):
            later.recover()
        assert org.memory.get(JOBS)
        org.advance(100_000)
        later.recover()
        assert org.memory.get(JOBS) == ""


def test_a_job_that_salesforce_no_longer_knows_is_forgotten(org: Bench) -> None:
    org.memory.set(JOBS, "7505e0000000009AAA")
    org.connector.recover()
    assert org.memory.get(JOBS) == ""


def test_looks_alone_leave_a_job_of_another_process_as_it_is(place: Stand) -> None:
    with place.bench(bulk_seconds=60) as org:
        with pytest.raises(Interrupted):
            create(org, many(org), clock=Dying(org.clock))
        job = org.memory.get(JOBS)
        later = org.reopen()
        org.asked()
        later.fetch(["0035e0000000001AAA"])
        later.find({"email": ["nobody@x.co"], "identity": ["sp-0"]})
        assert org.memory.get(JOBS) == job
        assert not [asked for asked in org.asked() if "jobs" in asked]


# ---- how many requests


def test_ten_thousand_updates_take_five_looks_and_one_job_of_five_requests(org: Bench) -> None:
    ids = people(org, 10_000)
    org.connector.capabilities()
    org.asked()
    receipts = org.connector.update([org.intent(Op.UPDATE, one, FirstName="New") for one in ids])
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    asked = org.asked()
    assert asked.pop("POST /composite/sobjects/Contact") == 5
    assert sum(asked.values()) == 5
    assert all(org.stored(one)["FirstName"] == "New" for one in ids)
