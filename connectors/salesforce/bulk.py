"""Very many writes by bulk jobs, such that nothing is written twice and nothing is lost, whatever breaks in between.

Until a job is told to run nothing of it is written, and what went wrong so far is thrown away. From then on its id is
in Memory until its results were read: whoever comes later, in this process or the next, first waits for its end or
aborts it (``settle_leftover``), and only then looks what became of the records.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from connectors.port import Memory
from connectors.salesforce import csvs
from connectors.salesforce.faults import Fault, Refused
from connectors.salesforce.jobs import ENDED, Job, Jobs, State
from connectors.salesforce.rows import Again, Done, Other, Row, Said, Verb, named_in
from syncd.clock import Clock
from syncd.core.model import FieldSpec, Outcome
from syncd.errors import AnswerLost, ConnectionStop, Parked, Unreachable

#: Key in Memory: ids of jobs that may be running, parted by spaces.
JOBS = "bulk_jobs"
#: Section 7: 150 MB after base64, so at most 100 MB are sent.
MOST_BYTES = 100_000_000
#: Uploads of one file; each of them goes to a job of its own.
_UPLOADS = 3
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 10.0
#: Seconds. A batch may take ten minutes (section 7), and a job has no place of its own in the queue.
_PATIENCE = 3600.0
_LEFTOVER_PATIENCE = 600.0
_COME_BACK = 300.0


class Bulk:
    """Bulk jobs of one opened connection. Used by several threads at once."""

    def __init__(self, jobs: Jobs, *, memory: Memory, clock: Clock, most_bytes: int = MOST_BYTES) -> None:
        self._jobs = jobs
        self._memory = memory
        self._clock = clock
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._own: set[str] = set()  # jobs that a thread of this process is at

    def write(self, verb: Verb, rows: Sequence[Row], specs: Mapping[str, FieldSpec]) -> dict[str, Said]:
        """Write rows with ``csvs.fits``, keys all different; return what is said of them, by trace. Rows that it does
        not hold are still to be written.

        Raises AnswerLost, or a ConnectionStop when none was written.
        """
        said: dict[str, Said] = {}
        for part, text in csvs.parts(verb, rows, specs, most_bytes=self._most_bytes):
            try:
                said |= self._one(verb, part, text)
            except ConnectionStop:
                if not said:
                    raise
                break
            except AnswerLost as lost:
                if not said:
                    raise
                said |= {row.trace: Other(outcome=Outcome.UNKNOWN, words=str(lost)) for row in part}
                break
        return said

    def settle_leftover(self) -> None:
        """Bring jobs to an end that nobody waits for any more. Raises a ConnectionStop while one is still running.

        What they wrote is then found by looking. Costs nothing when there are none.
        """
        for job_id in self._noted():
            with self._lock:
                if job_id in self._own:
                    continue
            self._stop_early(job_id)
            job = self._wait(job_id, patience=_LEFTOVER_PATIENCE)
            if job is not None and job.state not in ENDED:
                raise Parked(
                    f"Salesforce is still at bulk job {job_id}, which was begun earlier; nothing is looked up or "
                    f"written before it has ended; syncd comes back in {_COME_BACK:.0f} s. It can be aborted in "
                    "Setup, Bulk Data Load Jobs",
                    seconds=_COME_BACK,
                )
            self._forget(job_id)

    # ---- one job

    def _one(self, verb: Verb, rows: Sequence[Row], text: str) -> dict[str, Said]:
        try:
            job_id = self._ready(verb, text)
        except Refused:
            return {row.trace: Again(plain=True) for row in rows}
        try:
            begun_at = self._jobs.served_at
            job = self._run(job_id)
            if job is None:
                return {row.trace: Again(plain=True) for row in rows}
            said = {
                trace: replace(one, at=begun_at) if isinstance(one, Done) else one
                for trace, one in self._said(verb, rows, job).items()
            }
        except ConnectionStop as stop:
            raise AnswerLost(f"what bulk job {job_id} has written is not known ({stop}); it is looked up") from None
        finally:
            with self._lock:
                self._own.discard(job_id)
        self._forget(job_id)
        return said

    def _ready(self, verb: Verb, text: str) -> str:
        """A job with its data, in Memory and not yet told to run. Raises Refused or a ConnectionStop; then nothing
        will be run.
        """
        for _ in range(_UPLOADS):
            try:
                job_id = self._jobs.create(verb)
            except AnswerLost as lost:
                raise Unreachable(f"{lost}; the job has no data, so nothing was written") from None
            self._note(job_id)
            try:
                self._jobs.upload(job_id, text)
            except AnswerLost:
                self._drop(job_id)  # how much of it has arrived is not known, and a job takes one upload
            except (Refused, ConnectionStop):
                self._drop(job_id)
                raise
            else:
                return job_id
        raise Unreachable(
            f"Salesforce gave no answer to {_UPLOADS} uploads of a bulk job's data; nothing of it was written. Check "
            "the connection's time-out, syncd tries again in a later run"
        )

    def _run(self, job_id: str) -> Job | None:
        """Let the job run and wait for its end; None when Salesforce will not run it. Raises AnswerLost or a
        ConnectionStop.
        """
        try:
            self._jobs.start(job_id)
        except (AnswerLost, ConnectionStop, Refused):  # it may be running all the same: what it says itself counts
            job = self._jobs.look(job_id)
            if job is None or job.state is State.OPEN:
                if not self._drop(job_id):
                    raise AnswerLost(f"bulk job {job_id} was told to run, and whether it will is not known") from None
                return None
        job = self._wait(job_id, patience=_PATIENCE)
        if job is None or job.state not in ENDED:
            raise AnswerLost(f"bulk job {job_id} has not ended; it is waited for before anything else is written")
        return job

    def _wait(self, job_id: str, *, patience: float) -> Job | None:
        """The job when it has ended, or as it is when patience is; None when it is not known. Raises a
        ConnectionStop.
        """
        began, pause = self._clock.monotonic(), _FIRST_WAIT
        while (job := self._jobs.look(job_id)) is not None and job.state not in ENDED:
            if self._clock.monotonic() - began >= patience:
                break
            self._clock.sleep(pause)
            pause = min(_LONGEST_WAIT, pause * 1.5)
        return job

    def _said(self, verb: Verb, rows: Sequence[Row], job: Job) -> dict[str, Said]:
        """What the result files say. Only those are asked for that can say more of a row. Raises a ConnectionStop."""
        by_key = {row.key.strip(): row for row in rows}
        said: dict[str, Said] = {}

        def add(found: Mapping[str, Said]) -> bool:
            said.update({by_key[key].trace: one for key, one in found.items() if key in by_key})
            return len(said) == len(rows)

        if add(csvs.successes(verb, self._jobs.results(job.id, "successfulResults"))):
            return said
        if add(csvs.failures(verb, self._jobs.results(job.id, "failedResults"))):
            return said
        processed = len(said)
        left = csvs.unprocessed(verb, self._jobs.results(job.id, "unprocessedRecords"))
        if job.state is State.FAILED and not processed:
            return {row.trace: _blamed(row, job) for row in rows}
        words = f"bulk job {job.id} ended as {job.state.value} before this record"
        add(dict.fromkeys(left, Other(outcome=Outcome.FAILED, words=f"{words}; {job.message}".rstrip("; "))))
        silent = Other(outcome=Outcome.UNKNOWN, words=f"the results of bulk job {job.id} say nothing of this record")
        return {row.trace: said.get(row.trace, silent) for row in rows}

    def _stop_early(self, job_id: str) -> None:
        """Abort a job that has not begun. Refusals and lost answers are no matter: it is waited for then."""
        job = self._jobs.look(job_id)
        if job is not None and job.state in {State.OPEN, State.QUEUED}:
            with suppress(Refused, AnswerLost):
                self._jobs.abort(job_id)

    # ---- Memory

    def _drop(self, job_id: str) -> bool:
        """Abort a job that was not told to run; whether that is certain. If not, it stays noted."""
        try:
            self._jobs.abort(job_id)
        except (Refused, AnswerLost, ConnectionStop):
            with self._lock:
                self._own.discard(job_id)
            return False
        self._forget(job_id)
        return True

    def _noted(self) -> tuple[str, ...]:
        return tuple((self._memory.get(JOBS) or "").split())

    def _note(self, job_id: str) -> None:
        with self._lock:
            self._own.add(job_id)
            self._memory.set(JOBS, " ".join((*self._noted(), job_id)))

    def _forget(self, job_id: str) -> None:
        with self._lock:
            self._own.discard(job_id)
            self._memory.set(JOBS, " ".join(one for one in self._noted() if one != job_id))


def _blamed(row: Row, job: Job) -> Said:
    """A job that was thrown out before its first record: for a field that it names, or it goes another way."""
    names = named_in(job.message, row.values)
    if names:
        return (Fault(code="INVALID_FIELD", message=job.message, fields=names),)
    return Again(plain=True)
