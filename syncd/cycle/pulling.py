"""Pull and observe: listings and feeds of both sides, read side by side, each page stored together with its cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from connectors.port import Fetched, Page
from syncd.core.sweep import Next, after_walk
from syncd.cycle.asking import fetch
from syncd.cycle.observing import observe, observe_fetched, observe_gone
from syncd.cycle.world import HUB, Account, World
from syncd.errors import ConnectionStop, WrongAccount
from syncd.store import observed, sources
from syncd.store.codec import record_digest
from syncd.store.observed import Look
from syncd.store.sources import Source

#: A listing that was broken off longer ago than this is begun anew.
RESUME_WITHIN = timedelta(hours=6)
#: Missing records looked at in one transaction, unless one request shows more; a kill loses no more than these looks.
PROVED_AT_ONCE = 100


@dataclass(slots=True, kw_only=True)
class Reading:
    """One source being read: all of it (``scan``) or what changed since its cursor."""

    account: Account
    scan: bool
    source: Source
    pages: int = 0
    records: int = 0
    started_at: datetime
    again: bool = False  #: walked a second time
    done: bool = False  #: its last page is stored
    broken: bool = False  #: a page could not be stored: later ones must not move the cursor

    def next_page(self, cursor: str | None) -> Page:
        if self.scan:
            return self.account.connector.scan(cursor)
        return self.account.connector.changes(cursor or "")


def pull(world: World, accounts: Iterable[Account], *, full: bool, fresh_hub: datetime | None = None) -> None:
    """Bring the observations of these sources up to date.

    ``full`` lists everything. Otherwise a listing is made only where one is due, else the feed is read.
    ``fresh_hub``: the hub
    has to be listed by a listing that begins after this moment (a create is in doubt).
    """
    readings = []
    for account in accounts:
        with world.database.read() as tx:
            source = sources.get(tx, account.source)
        scan = full or _listing_due(world, account, source)
        not_before = fresh_hub if account.source == HUB else None
        if not_before is not None and (source.listed_at is None or source.listed_at <= not_before):
            scan = True
        if scan or account.able.changes:
            readings.append(_open(world, account, source, scan=scan, not_before=not_before))
    _read_all(world, readings)
    for reading in readings:
        # A listing that is complete is closed even if no connection can go on: the next run need not repeat it.
        if reading.scan and reading.done:
            _guarded(world, reading.account, partial(close_listing, world, reading))


def relist(world: World, account: Account) -> None:
    """List one source completely, now."""
    with world.database.read() as tx:
        source = sources.get(tx, account.source)
    reading = _open(world, account, source, scan=True, not_before=world.clock.now())
    cursor: str | None = reading.source.scan_cursor
    while True:
        page = reading.next_page(cursor)
        _store(world, reading, page)
        if reading.done:
            break
        cursor = page.cursor
    close_listing(world, reading)


def _listing_due(world: World, account: Account, source: Source) -> bool:
    if source.listed_at is None or source.scan_started_at is not None:
        return True
    return world.clock.now() - source.listed_at >= account.list_every


def _open(world: World, account: Account, source: Source, *, scan: bool, not_before: datetime | None) -> Reading:
    now = world.clock.now()
    if not scan:
        return Reading(account=account, scan=False, source=source, started_at=now)
    begun = source.scan_started_at
    resumable = begun is not None and now - begun < RESUME_WITHIN and (not_before is None or begun > not_before)
    if resumable and begun is not None:
        world.report.note(
            account.source, f"goes on with the listing that was broken off after {source.scan_pages} pages"
        )
        return Reading(
            account=account,
            scan=True,
            source=source,
            pages=source.scan_pages,
            started_at=begun,
            done=source.scan_complete,
        )
    feed = account.connector.feed_start() if account.able.changes else None
    with world.database.write() as tx:
        sources.begin_scan(tx, account.source, now, feed)
        source = sources.get(tx, account.source)
    return Reading(account=account, scan=True, source=source, started_at=now)


def _read_all(world: World, readings: list[Reading]) -> None:
    """Read all sources at once: one request under way for each, pages stored here as they come."""
    readings = [reading for reading in readings if not reading.done]
    if not readings:
        return
    with ThreadPoolExecutor(max_workers=len(readings), thread_name_prefix="pull") as pool:
        under_way: dict[Future[Page], Reading] = {}
        for reading in readings:
            start = reading.source.scan_cursor if reading.scan else reading.source.feed_cursor
            under_way[pool.submit(reading.next_page, start)] = reading
        while under_way:
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                reading = under_way.pop(future)
                try:
                    page = future.result()
                except ConnectionStop as stop:
                    _stop(world, reading.account, stop)
                    continue
                # A listing's next page is asked for while this one is stored. Should storing fail, it is thrown away.
                if reading.scan and not page.complete and not reading.broken:
                    under_way[pool.submit(reading.next_page, page.cursor)] = reading
                if not reading.broken:
                    _guarded(world, reading.account, partial(_store, world, reading, page))
                if not reading.scan and not page.complete and not reading.broken:
                    under_way[pool.submit(reading.next_page, page.cursor)] = reading


def _store(world: World, reading: Reading, page: Page) -> None:
    """One page: its looks, its cursor and who was seen, in one transaction."""
    name = reading.account.source
    reading.broken = True  # until the page is stored
    truths = _truths(world, reading, page)
    reading.pages += 1
    reading.records += len(page.records)
    with world.database.write() as tx:
        if name == HUB and not world.hub_known:
            world.hub_known = bool(observed.still_live(tx, name, [record.id for record in page.records]))
        if truths is not None:
            observe_fetched(world, tx, name, truths)
        else:
            observe(world, tx, name, (Look(record=record, looked_at=page.looked_at) for record in page.records))
        observe_gone(world, tx, name, {gone.id: gone for gone in page.gone}, page.looked_at)
        if reading.scan:
            sources.mark_seen(tx, name, [record.id for record in page.records])
            sources.save(tx, name, scan_cursor=page.cursor, scan_pages=reading.pages, scan_complete=page.complete)
        else:
            sources.save(tx, name, feed_cursor=page.cursor)
    reading.broken = False
    reading.done = page.complete
    for spoke, side in world.users(name):
        spoke.tally.pulled[side] += len(page.records)
    label = reading.account.connector.label
    total = page.total if reading.scan else None
    if total is None and reading.scan and reading.source.live_before:
        total = max(reading.source.live_before, reading.records)
    world.report.progress(name, f"reading {label}", reading.records, reading.records if page.complete else total)


def _truths(world: World, reading: Reading, page: Page) -> Fetched | None:
    """Rows of a feed that lags are hints (a search index, say): where one differs from what is stored, a fetch decides.

    None: the page itself can be believed.
    """
    if reading.scan or not reading.account.able.feed_lags:
        return None
    name = reading.account.source
    with world.database.read() as tx:
        ids = [record.id for record in page.records]
        known = observed.digests(tx, name, observed.still_live(tx, name, ids))
    differing = [record.id for record in page.records if known.get(record.id) != record_digest(record)]
    if not differing:
        return Fetched(records={}, gone={}, looked_at=page.looked_at)
    return fetch(world, reading.account, differing)


def close_listing(world: World, reading: Reading) -> None:
    """A listing came to its end: prove what is missing, then let the feed go on from where the listing began."""
    name = reading.account.source
    with world.database.read() as tx:
        missing = sources.unseen(tx, name, reading.started_at)
        live = sources.live_count(tx, name)
    if missing and reading.records == 0 and _others_live(world, name):
        raise WrongAccount(
            f"{reading.account.connector.label} lists no record at all, and {live} were there before; nothing is "
            "believed missing. Check that the credentials lead to the right account and may read its contacts"
        )
    able = reading.account.able
    walks = 2 if reading.again else 1
    then = after_walk(
        missing=len(missing),
        page_size=able.page_size,
        total=live,
        walks=walks,
        fetch_batch=able.fetch_batch,
        skips=not able.changes,  # only a side without a feed counts its pages
    )
    if then is Next.WALK:
        world.report.note(name, f"{len(missing)} known records were not in the listing: it is walked once more")
        _walk_again(world, reading)
        with world.database.read() as tx:
            missing = sources.unseen(tx, name, reading.started_at)
    if missing:
        prove(world, reading.account, missing)
    page_size = reading.account.connector.capabilities().page_size  # as the listing has shown it
    with world.database.write() as tx:
        sources.close_scan(tx, name, in_one_page=sources.live_count(tx, name) < page_size)


def prove(world: World, account: Account, ids: list[str]) -> None:
    """Look singly at records that are believed missing. Absence is not deletion; a 404 by id is."""
    label = account.connector.label
    at_once = max(PROVED_AT_ONCE, account.able.fetch_batch)
    for done in range(0, len(ids), at_once):
        fetched = fetch(world, account, ids[done : done + at_once])
        with world.database.write() as tx:
            observe_fetched(world, tx, account.source, fetched)
            sources.mark_seen(tx, account.source, list(fetched.records))
        world.report.progress(account.source, f"looking for missing records of {label}", done, len(ids))


def _walk_again(world: World, reading: Reading) -> None:
    reading.again = True
    cursor: str | None = None
    while True:
        page = reading.account.connector.scan(cursor)
        with world.database.write() as tx:
            observe(
                world,
                tx,
                reading.account.source,
                (Look(record=record, looked_at=page.looked_at) for record in page.records),
            )
            sources.mark_seen(tx, reading.account.source, [record.id for record in page.records])
        if page.complete:
            return
        cursor = page.cursor


def _others_live(world: World, name: str) -> bool:
    with world.database.read() as tx:
        return any(
            sources.live_count(tx, other.source) > 0
            for spoke in world.spokes
            for other in spoke.accounts.values()
            if other.source != name and any(account.source == name for account in spoke.accounts.values())
        )


def _stop(world: World, account: Account, stop: ConnectionStop) -> None:
    """A side cannot go on: so cannot any connection that uses it."""
    for spoke, _side in world.users(account.source):
        if spoke.tally.stop is None:
            spoke.tally.stop = stop
            world.report.note(spoke.name, str(stop))


def _guarded(world: World, account: Account, work: Callable[[], None]) -> None:
    try:
        work()
    except ConnectionStop as stop:
        _stop(world, account, stop)
