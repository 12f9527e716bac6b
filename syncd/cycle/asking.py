"""Looks by id. Every one goes through here, since an answer of "not there" is believed only from the right account."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.port import Fetched
from syncd.cycle.world import HUB, Account, World
from syncd.errors import WrongAccount
from syncd.store import links, observed

#: By so many contacts the SalesPulse account is known again (contract, "Accounts").
KNOWN = 5


def fetch(world: World, account: Account, ids: Sequence[str]) -> Fetched:
    """Look at records by id. Raise WrongAccount when nothing that was known before can be read any more.

    A key of another account, or of a sandbox, answers 404 to everything. A CRM's account is known by its id, which was
    compared when the run began; SalesPulse names none, so it is known again by its contacts.
    """
    fetched = account.connector.fetch(ids)
    if account.source != HUB or not fetched.gone or world.hub_known:
        return fetched
    if fetched.records:
        world.hub_known = True
        return fetched
    with world.database.read() as tx:
        known = observed.still_live(tx, HUB, links.longest(tx, KNOWN + len(fetched.gone)))
        known = [id_ for id_ in known if id_ not in fetched.gone][:KNOWN]
        if not known:
            others = observed.known_before(tx, HUB, world.began, KNOWN + len(fetched.gone))
            known = [id_ for id_ in others if id_ not in fetched.gone]
    if not known or not account.connector.fetch(known[:KNOWN]).records:
        raise WrongAccount(
            f"{len(fetched.gone)} SalesPulse contacts cannot be read any more, and none of those that were linked "
            "longest can; the key seems to belong to another account. Nothing was believed missing and nothing "
            "written. Put the right key in place"
        )
    world.hub_known = True
    return fetched
