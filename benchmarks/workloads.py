"""The named workloads, and the fewest requests that each of their runs can do with.

The minimum of a run is one look at what the accounts are (``OPENING``), one walk over each list that has to be read,
and one request for each full batch of writes. Two things are counted apart, since they are the price of promises and
not of the job: writing the id property into linked records, and looks that guard a write or prove that it was taken.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from measuring import Run, world

SP, HS, SF = "salespulse", "hubspot", "salesforce"
CRM = "/crm/objects/2026-09/contacts"
SP_LIST, SP_BULK, SP_PATCH, SP_STAGES = (
    f"{SP} GET /contacts",
    f"{SP} POST /contacts/bulk",
    f"{SP} PATCH /contacts/:id",
    f"{SP} GET /pipeline/stages",
)
HS_LIST, HS_UPSERT, HS_UPDATE, HS_READ, HS_SEARCH = (
    f"{HS} GET {CRM}",
    f"{HS} POST {CRM}/batch/upsert",
    f"{HS} POST {CRM}/batch/update",
    f"{HS} POST {CRM}/batch/read",
    f"{HS} POST {CRM}/search",
)
HS_ACCOUNT, HS_FIELDS, HS_STAGES = (
    f"{HS} GET /account-info/2026-09/details",
    f"{HS} GET /crm/properties/2026-09/contacts",
    f"{HS} GET /crm/pipelines/2026-09/contacts",
)
SF_TOKEN, SF_FIELDS, SF_LIST, SF_FEED, SF_DELETED, SF_READ, SF_UPSERT, SF_UPDATE, SF_SINGLE = (
    f"{SF} POST /oauth2/token",
    f"{SF} GET /sobjects/Contact/describe",
    f"{SF} GET /query",
    f"{SF} GET /queryAll",
    f"{SF} GET /sobjects/Contact/deleted",
    f"{SF} POST /composite/sobjects/Contact",
    f"{SF} PATCH /composite/sobjects/Contact/SalesPulse_Id__c",
    f"{SF} PATCH /composite/sobjects",
    f"{SF} GET /sobjects/Contact/:id",
)
#: What one bulk job takes at least.
SF_JOB = Counter(
    {
        f"{SF} POST /jobs/ingest": 1,
        f"{SF} PUT /jobs/ingest/:id/batches": 1,
        f"{SF} PATCH /jobs/ingest/:id": 1,
        f"{SF} GET /jobs/ingest/:id": 1,
        f"{SF} GET /jobs/ingest/:id/successfulResults": 1,
    }
)
STAGES = Counter({SP_STAGES: 1})
OPENING_HS = Counter({HS_ACCOUNT: 1, HS_FIELDS: 1, HS_STAGES: 1})
OPENING_SF = Counter({SF_TOKEN: 1, SF_FIELDS: 1})
OPENING = STAGES + OPENING_HS
SP_PAGE, SP_BATCH = 1000, 1000
HS_PAGE = HS_BATCH = 100
SF_PAGE, SF_BATCH, SF_WAVE = 2000, 200, 10_000
#: Sandbox seconds after which the feed no longer shows what the pass before wrote: it reaches two minutes back.
PAST_OVERLAP = 300
#: The same for Salesforce, which reaches ten minutes back.
PAST_OVERLAPS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of one workload beside its minimum."""

    workload: str
    run: str  #: what was run, in which state
    got: Run
    least: Counter[str]
    stamps: Counter[str] = field(default_factory=Counter)  #: requests for the id property
    looks: frozenset[str] = frozenset({HS_READ, SF_READ, SF_SINGLE, f"{SP} GET /contacts/:id"})
    #: endpoints that guard and prove
    records: int = 0  #: what the rate is counted in
    used: float | None = None  #: part of the permitted rate that was used while writes were under way
    extra: Mapping[str, int] = field(init=False)  #: endpoint → requests above (or below) the minimum

    def __post_init__(self) -> None:
        want = self.least + self.stamps
        names = {*want, *self.got.requests} - self.looks
        extra = {name: self.got.requests.get(name, 0) - want[name] for name in sorted(names)}
        object.__setattr__(self, "extra", {name: count for name, count in extra.items() if count})

    @property
    def looked(self) -> int:
        """Looks at single records, and listings of SalesPulse beyond the first: looks before creates."""
        again = max(0, self.got.requests.get(SP_LIST, 0) - self.least[SP_LIST])
        return again + sum(self.got.requests.get(name, 0) for name in self.looks)

    @property
    def job(self) -> int:
        """Requests without those that are counted apart."""
        return sum(self.got.requests.values()) - self.stamps.total() - self.looked

    @property
    def ratio(self) -> float:
        return self.job / max(1, self.least.total())


def lists(salespulse: int, hubspot: int | None = None, salesforce: int | None = None) -> Counter[str]:
    """One walk over each side. Salesforce's walk ends with a page that is not full."""
    found = Counter({SP_LIST: _ceil(salespulse, SP_PAGE)})
    if hubspot is not None:
        found[HS_LIST] = _ceil(hubspot, HS_PAGE)
    if salesforce is not None:
        found[SF_LIST] = salesforce // SF_PAGE + 1
    return found


def writes(
    *,
    new_salespulse: int = 0,
    new_hubspot: int = 0,
    new_salesforce: int = 0,
    salespulse: int = 0,
    hubspot: int = 0,
    salesforce: int = 0,
) -> Counter[str]:
    """One request a batch; SalesPulse has no batch for updates."""
    return +Counter(
        {
            SP_BULK: math.ceil(new_salespulse / SP_BATCH),
            HS_UPSERT: math.ceil(new_hubspot / HS_BATCH),
            SF_UPSERT: math.ceil(new_salesforce / SF_BATCH),
            SP_PATCH: salespulse,
            HS_UPDATE: math.ceil(hubspot / HS_BATCH),
            SF_UPDATE: math.ceil(salesforce / SF_BATCH),
        }
    )


def jobs(count: int) -> Counter[str]:
    """So many writes to Salesforce by bulk jobs."""
    return Counter({name: once * math.ceil(count / SF_WAVE) for name, once in SF_JOB.items()})


def _ceil(count: int, size: int) -> int:
    return max(1, math.ceil(count / size))


def _stamps(run: Run) -> Counter[str]:
    return writes(hubspot=run.stamped(HS), salesforce=run.stamped(SF))


def overlap_5000(scale: float) -> Iterator[Measured]:
    """5,000 on each side, 3,000 of them on both and written differently: first sync, second full run, one quiet run."""
    each, shared = _scaled(5000, scale), _scaled(3000, scale)
    alone = each - shared
    everybody = each + alone
    with world({"people": {"each": each, "shared": shared}}) as here:
        run = here.syncd("--full")
        least = OPENING + lists(each, each) + writes(new_salespulse=alone, new_hubspot=alone)
        yield Measured(
            workload="overlap-5000", run="first --full", got=run, least=least, stamps=_stamps(run), records=2 * each
        )
        here.ask("advance", seconds=60)  # else the feed, which begins with this run, still shows the last of the first
        run = here.syncd("--full")
        least = OPENING + lists(everybody, everybody)
        yield Measured(workload="overlap-5000", run="second --full", got=run, least=least, records=2 * everybody)
        here.ask("advance", seconds=PAST_OVERLAP)
        run = here.syncd("--once")
        least = Counter({HS_ACCOUNT: 1, HS_SEARCH: 1})
        yield Measured(workload="overlap-5000", run="--once, quiet", got=run, least=least)


def all_matched(scale: float) -> Iterator[Measured]:
    """Everybody is on both sides and means the same: the first sync only links."""
    each = _scaled(5000, scale)
    with world({"people": {"each": each, "shared": each}}) as here:
        run = here.syncd("--full")
        least = OPENING + lists(each, each)
        yield Measured(
            workload="all-matched", run="first --full", got=run, least=least, stamps=_stamps(run), records=2 * each
        )


def create_to_crm(scale: float) -> Iterator[Measured]:
    """5,000 in SalesPulse, nobody in HubSpot."""
    count = _scaled(5000, scale)
    with world({"people": {"salespulse": count}}) as here:
        run = here.syncd("--full")
        least = OPENING + lists(count, 0) + writes(new_hubspot=count)
        yield Measured(workload="create-to-crm", run="first --full", got=run, least=least, records=count)


def create_to_salespulse(scale: float) -> Iterator[Measured]:
    """5,000 in HubSpot, nobody in SalesPulse."""
    count = _scaled(5000, scale)
    with world({"people": {"hubspot": count}}) as here:
        run = here.syncd("--full")
        least = OPENING + lists(0, count) + writes(new_salespulse=count)
        yield Measured(
            workload="create-to-salespulse",
            run="first --full",
            got=run,
            least=least,
            stamps=_stamps(run),
            records=count,
        )


def one_percent(scale: float) -> Iterator[Measured]:
    """10,000 pairs; then 1 % is edited on each side, no pair on both."""
    each = _scaled(10_000, scale)
    with world({"people": {"each": each, "shared": each}}) as here:
        here.syncd("--full")
        edited = {
            SP: here.ask("edit", side=SP, every=100, first=0),
            HS: here.ask("edit", side=HS, every=100, first=50),
        }
        run = here.syncd("--full")
        least = OPENING + lists(each, each) + writes(salespulse=edited[HS], hubspot=edited[SP])
        yield Measured(workload="one-percent", run="--full after the edits", got=run, least=least, records=2 * each)


def nothing_changed(count: int) -> Callable[[float], Iterator[Measured]]:
    """So many pairs, all agreed and known by id: what the linking costs, and what a full run that finds nothing."""

    def workload(scale: float) -> Iterator[Measured]:
        each = _scaled(count, scale)
        name = f"nothing-changed-{count}"
        with world({"people": {"each": each, "shared": each, "known": True}}) as here:
            run = here.syncd("--full")
            least = OPENING + lists(each, each)
            yield Measured(workload=name, run="first --full, links", got=run, least=least, records=2 * each)
            run = here.syncd("--full")
            yield Measured(workload=name, run="second --full", got=run, least=least, records=2 * each)

    workload.__doc__ = f"{count:,} pairs, all agreed: linked by the first full run, nothing to do in the second."
    return workload


def backfill_at_limit(scale: float) -> Iterator[Measured]:
    """SalesPulse allows 20 requests a second (100 a minute, hurried up); 400 edits in HubSpot go there one by one.

    The sandbox's clock runs 60 times as fast as syncd's: its minute is a real second, 0.2 of its 100 a minute are 20.
    """
    rate, share = 20, 0.9
    each = _scaled(400, scale)
    shape = {"people": {"each": each, "shared": each}, "scale": 60, "limit_scale": {SP: rate / 100}}
    with world(shape, rates={"rate": f"{rate}/1s", "bulk_rate": "2/1s"}) as here:
        here.syncd("--full")
        here.ask("edit", side=HS, every=1, first=0)
        run = here.syncd("--full")
        first, last = run.times.get(SP_PATCH, (0.0, 0.0))
        sent = run.requests.get(SP_PATCH, 0)
        # The first window is sent at once; from then on so many a second.
        used = (sent - rate * share) / (rate * share * (last - first)) if last > first else 0.0
        least = OPENING + lists(each, each) + writes(salespulse=each)
        yield Measured(
            workload="backfill-at-limit", run="--full after the edits", got=run, least=least, records=each, used=used
        )


def three_5000(scale: float) -> Iterator[Measured]:
    """5,000 in each of three systems, any two share 3,000: first sync, second full run, a quiet run, 1 % edited."""
    each, shared = _scaled(5000, scale), _scaled(3000, scale)
    everywhere = max(shared // 2, 2 * shared - each)
    everybody = 3 * (each - shared) + everywhere
    missing = everybody - each
    opening = STAGES + OPENING_SF + OPENING_HS
    with world({"people": {"each": each, "shared": shared, "three": True}}, connections=(SF, HS)) as here:
        run = here.syncd("--full")
        least = opening + lists(each, each, each)
        least += writes(new_salespulse=missing, new_hubspot=missing, new_salesforce=missing)
        stamps = _stamps(run)
        yield Measured(workload="three-5000", run="first --full", got=run, least=least, stamps=stamps, records=3 * each)
        here.ask("advance", seconds=PAST_OVERLAPS)
        run = here.syncd("--full")
        least = opening + lists(everybody, everybody, everybody)
        yield Measured(workload="three-5000", run="second --full", got=run, least=least, records=3 * everybody)
        here.ask("advance", seconds=PAST_OVERLAPS)
        run = here.syncd("--once")
        least = Counter({HS_ACCOUNT: 1, HS_SEARCH: 1, SF_TOKEN: 1, SF_FEED: 1, SF_DELETED: 1})
        yield Measured(workload="three-5000", run="--once, quiet", got=run, least=least)
        edited = {
            side: here.ask("edit", side=side, every=100, first=first) for side, first in ((SP, 0), (HS, 33), (SF, 66))
        }
        run = here.syncd("--full")
        least = opening + lists(everybody, everybody, everybody)
        # What one CRM tells the other comes after what SalesPulse tells it: in a batch of its own.
        least += writes(salespulse=edited[HS] + edited[SF], hubspot=edited[SP] + edited[SF], salesforce=edited[SP])
        least += writes(salesforce=edited[HS])
        yield Measured(workload="three-5000", run="--full, 1 % edited", got=run, least=least, records=3 * everybody)


def salesforce_20000(*, bulk: bool) -> Callable[[float], Iterator[Measured]]:
    """20,000 creates and then 20,000 updates into Salesforce, by bulk jobs or by batches of 200."""

    def workload(scale: float) -> Iterator[Measured]:
        count = _scaled(20_000, scale)
        name = "salesforce-bulk" if bulk else "salesforce-batches"
        opening = STAGES + OPENING_SF
        with world({"people": {"salespulse": count}}, connections=(SF,)) as here:
            run = here.syncd("--full", bulk=bulk)
            least = opening + lists(count, None, 0) + (jobs(count) if bulk else writes(new_salesforce=count))
            yield Measured(workload=name, run="first --full", got=run, least=least, records=count)
            here.ask("advance", seconds=60)
            here.ask("edit", side=SP, every=1, first=0)
            run = here.syncd("--full", bulk=bulk)
            least = opening + lists(count, None, count) + (jobs(count) if bulk else writes(salesforce=count))
            yield Measured(workload=name, run="--full, all edited", got=run, least=least, records=count)

    way = "by bulk jobs" if bulk else "by batches of 200"
    workload.__doc__ = f"20,000 in SalesPulse, nobody in Salesforce: creates and then updates {way}."
    return workload


def _scaled(count: int, scale: float) -> int:
    return max(100, round(count * scale))


WORKLOADS: dict[str, Callable[[float], Iterator[Measured]]] = {
    "overlap-5000": overlap_5000,
    "all-matched": all_matched,
    "create-to-crm": create_to_crm,
    "create-to-salespulse": create_to_salespulse,
    "one-percent": one_percent,
    "nothing-changed-10000": nothing_changed(10_000),
    "nothing-changed-100000": nothing_changed(100_000),
    "backfill-at-limit": backfill_at_limit,
    "three-5000": three_5000,
    "salesforce-bulk": salesforce_20000(bulk=True),
    "salesforce-batches": salesforce_20000(bulk=False),
}
#: Left out unless they are named: they take longer than all the others together.
LONG = {"nothing-changed-100000"}
