"""When a listing is right: what to do about records that were observed before and not seen in it.

Offset paging over a changing table skips rows, so a record that a listing did not show is only suspected gone. Each
suspect is looked up by its id, or, where that costs more than listing everything once more, everything is listed once
more. Records missing from two walks are looked up: a third would tell no more than the second. A listing that walks by
a key skips nobody, so there a second walk would only miss the same records.
"""

from __future__ import annotations

from enum import StrEnum


class Next(StrEnum):
    """What follows a complete walk."""

    DONE = "done"
    FETCH = "fetch"  #: look the missing ones up singly; a 404 is the proof that they are gone
    WALK = "walk"  #: list everything again


def after_walk(
    *, missing: int, page_size: int, total: int, walks: int, fetch_batch: int = 1, skips: bool = True
) -> Next:
    """Given how many known records were not seen, say what costs less: looks by id or another walk.

    ``total``: records that a walk shows; ``walks``: complete walks of this listing so far, 1 or more; ``fetch_batch``:
    records in one look; ``skips``: the listing may skip records that are there.
    """
    if missing <= 0:
        return Next.DONE
    if walks > 1 or not skips or pages(page_size=fetch_batch, total=missing) < pages(page_size=page_size, total=total):
        return Next.FETCH
    return Next.WALK


def pages(*, page_size: int, total: int) -> int:
    """Requests that listing ``total`` records costs; an empty list costs one."""
    return max(1, -(-total // max(1, page_size)))
