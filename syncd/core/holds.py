"""What each reason to hold means and what a person can do: one table for messages, the console and the docs.

It words holds; it must not decide whether something is held, and never puts a field's value into a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from syncd.core.model import HoldReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``title``: the state in a few words. ``remedy``: what to do, an imperative without its full stop."""

    title: str
    remedy: str


#: Complete: a reason without advice is a bug, and a test says so.
ADVICE: Mapping[HoldReason, Advice] = MappingProxyType(
    {
        HoldReason.CONFLICT: Advice(
            title="changed on both sides",
            remedy="make both sides show the value that is to stay, or name a rule that decides in `conflict` or "
            "`first_sync`",
        ),
        HoldReason.TOO_LONG: Advice(
            title="longer than the field",
            remedy="shorten the value, or make the other side's field longer and run `syncd check --online`",
        ),
        HoldReason.NO_VALUE: Advice(
            title="no such value on the other side",
            remedy="add a row for it to the mapping's values, or the option to the other side's field",
        ),
        HoldReason.INVALID: Advice(
            title="not valid on the other side",
            remedy="correct the value where it was typed, or change the field's `as` in the mapping",
        ),
        HoldReason.REFUSED: Advice(
            title="refused by the other side",
            remedy="correct what it names; it is tried again when the value or the mapping changes",
        ),
        HoldReason.IGNORED: Advice(
            title="ignored by the other side",
            remedy="change it by hand there, or make the side that it came from show the same",
        ),
        HoldReason.AMBIGUOUS: Advice(
            title="more than one candidate",
            remedy="merge or delete the duplicates where they are, or correct the keys that they share",
        ),
        HoldReason.NO_KEY: Advice(
            title="no key to find it again by",
            remedy="give the records an e-mail address or a phone number, or configure an id property",
        ),
        HoldReason.NAMES_DIFFER: Advice(
            title="same phone, other names",
            remedy="add an e-mail address to tell them apart, or correct the names if they are one person",
        ),
        HoldReason.DUPLICATE: Advice(
            title="exists there already",
            remedy="correct the key on one side, or delete the record that is one too many",
        ),
        HoldReason.UNCERTAIN: Advice(
            title="may or may not have been created",
            remedy="delete the new records there that are too many, then run `syncd run --full`",
        ),
        HoldReason.DELETED_EDITED: Advice(
            title="deleted there, edited here",
            remedy='delete this half by hand or restore the other; `deletes = "unlink"` leaves such a half alone',
        ),
        HoldReason.TWO_CONTACTS: Advice(
            title="two contacts, one record",
            remedy="make one contact of the two in SalesPulse, or delete the one that is not wanted",
        ),
        HoldReason.FLIPS: Advice(
            title="goes back and forth",
            remedy="make one of the two rules named here one-way in the mapping",
        ),
    }
)


def message(reason: HoldReason, what: str, *, why: str = "") -> str:
    """One sentence for a person: what happened, why it waits, what to do.

    ``what`` and ``why`` are clauses without a full stop and without field values.
    """
    cause = f" ({why})" if why else ""
    return f"{what}{cause}; {ADVICE[reason].remedy}"
