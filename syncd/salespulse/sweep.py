"""When a sweep is right: what to do about contacts that were observed before and not seen in it. Pure.

Offset paging over a changing table skips rows, so a contact that a sweep did not show is only suspected gone.
Each suspect is looked up by its id, or, where that costs more than listing everything once more, everything
is listed once more. Contacts missing from two walks are looked up: a third would tell no more than the
second.
"""

from __future__ import annotations

from enum import StrEnum


class Next(StrEnum):
    """What follows a complete walk."""

    DONE = "done"
    FETCH = "fetch"  #: look the missing ones up singly; a 404 is the proof that they are gone
    WALK = "walk"  #: list everything again


def after_walk(*, missing: int, page_size: int, total: int, walks: int) -> Next:
    """Given how many known contacts were not seen, say what costs less: single looks or another walk.

    ``total``: contacts that the walk showed; ``walks``: complete walks of this sweep so far, 1 or more.
    """
    if missing <= 0:
        return Next.DONE
    if walks > 1 or missing < pages(page_size=page_size, total=total):
        return Next.FETCH
    return Next.WALK


def pages(*, page_size: int, total: int) -> int:
    """Requests that listing ``total`` contacts costs; an empty list costs one."""
    return max(1, -(-total // max(1, page_size)))
