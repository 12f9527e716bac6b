"""``check --online`` for Salesforce: rights on the object, the scope, the external id field, person accounts, and what
is left of the org's requests.

Fields that are missing, read-only or of another type, and words that are no option, are found where the mapping is
compiled. Nothing here can be mended by ``--fix``: a new field would be seen by nobody before an administrator had
granted it.
"""

from __future__ import annotations

from connectors.port import Finding
from connectors.salesforce.codec import PERSON
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.faults import Refused, not_understood
from connectors.salesforce.schema import Description
from connectors.salesforce.transport import Ask
from syncd.errors import CredentialsRefused, MappingUnfit, Problem
from syncd.net.governor import Priority

_LOW = 0.2  #: part of the daily requests below which it is worth a word: from 80 % on one is to go slowly (section 6)
_SHORTEST_ID = 36  #: characters that an id of SalesPulse may take


def findings(connector: SalesforceConnector, *, fix: bool) -> tuple[Finding, ...]:  # noqa: ARG001  the port's; nothing can be mended from here
    """All findings. Raises a ConnectionStop when Salesforce cannot be asked at all."""
    described = connector.schema.description()
    return (
        *_rights(connector, described),
        *_scope(connector, described),
        *_id_field(connector, described),
        *_person_accounts(connector),
        *_daily(connector),
    )


def _rights(connector: SalesforceConnector, described: Description) -> list[Finding]:
    name = connector.wanted.object
    grant = f"(Setup → Permission Sets → Object Settings → {name})"
    found = []
    if not described.queryable:
        found.append(_finding("object", f"these credentials may not read {name} records", f"grant Read {grant}"))
    if not described.updateable:
        found.append(
            _finding(
                "object",
                f"these credentials may not edit {name} records",
                f'grant Edit {grant}, or set direction = "to_salespulse"',
            )
        )
    if not described.createable:
        found.append(
            _finding(
                "object",
                f"these credentials may not create {name} records",
                f'grant Create {grant}, or set create = "salespulse" or "none"',
                warning=True,
            )
        )
    if not described.deletable:
        found.append(
            _finding(
                "object",
                f"these credentials may not delete {name} records",
                f'grant Delete {grant}, or leave deletes = "unlink"',
                warning=True,
            )
        )
    if not described.replicateable:
        found.append(
            _finding(
                "object",
                f"Salesforce keeps no log of deleted {name} records, so one that is deleted for good is not noticed",
                "delete records into the recycle bin, so that syncd sees them there",
                warning=True,
            )
        )
    return found


def _scope(connector: SalesforceConnector, described: Description) -> list[Finding]:
    if not described.queryable:
        return []
    try:
        connector.reader.probe(priority=Priority.LIVE)
    except MappingUnfit as unfit:
        return [Finding(problem=problem) for problem in unfit.problems]
    return []


def _id_field(connector: SalesforceConnector, described: Description) -> list[Finding]:
    name, where = connector.settings.id_field, connector.wanted.object
    by_hand = (
        f"in Setup → Object Manager → {where} → Fields & Relationships make a field of type Text, length 64, named "
        f"{(name or 'SalesPulse_Id__c').removesuffix('__c')}, tick Unique and External ID, choose to treat ABC and abc "
        "as different values, and grant the user of these credentials Read and Edit on it; syncd check --online --fix "
        "cannot do this in Salesforce"
    )
    if not name:
        return [
            _finding(
                "id_field",
                "no id field is used, so a create whose answer is lost cannot be repeated safely",
                f'set id_field = "SalesPulse_Id__c" and {by_hand}',
                warning=True,
            )
        ]
    spec, item = described.fields.get(name), described.items.get(name, {})
    if spec is None:
        return [
            _finding(
                "id_field",
                f"the {where} field {name} does not exist, or these credentials do not see it; syncd goes on without "
                "it and looks new records up by their keys",
                by_hand,
                warning=True,
            )
        ]
    if spec.type != "text" or not item.get("externalId"):
        what = "is no text field" if spec.type != "text" else "is no external id, so no record can be found by it"
        return [_finding("id_field", f"the {where} field {name} {what}", f"name another field, or {by_hand}")]
    if not item.get("unique"):
        return [
            _finding(
                "id_field",
                f"the {where} field {name} allows the same value twice, so creates are not safe to repeat",
                f"edit it in Setup → Object Manager → {where} → Fields & Relationships and tick Unique",
            )
        ]
    if not spec.writable:
        return [
            _finding(
                "id_field",
                f"these credentials may not edit the {where} field {name}",
                f"grant Edit on it (Setup → Permission Sets → Object Settings → {where})",
            )
        ]
    if spec.max_length is not None and spec.max_length < _SHORTEST_ID:
        return [
            _finding(
                "id_field",
                f"the {where} field {name} takes {spec.max_length} characters, and an id of SalesPulse may have "
                f"{_SHORTEST_ID}",
                "make it longer; 64 is enough",
            )
        ]
    if not item.get("caseSensitive"):
        return [
            _finding(
                "id_field",
                f"the {where} field {name} takes ABC and abc for the same id; of two ids of SalesPulse that differ in "
                "case only, the second is refused as a duplicate",
                f"edit it in Setup → Object Manager → {where} → Fields & Relationships and choose, below Unique, "
                'Treat "ABC" and "abc" as different values (case sensitive)',
                warning=True,
            )
        ]
    return []


def _person_accounts(connector: SalesforceConnector) -> list[Finding]:
    if not connector.schema.person_accounts:
        return []
    query = f"SELECT COUNT() FROM {connector.wanted.object} WHERE {PERSON} = true"  # noqa: S608  no value in it
    try:
        count = int(connector.transport.query(query, priority=Priority.LIVE).data["totalSize"])
    except (Refused, KeyError, TypeError, ValueError) as error:
        raise not_understood("the count of person accounts on Salesforce", error) from None
    if not count:
        return []
    return [
        _finding(
            "object",
            f"{count} contacts stand for person accounts; they take no part, because Salesforce keeps these people as "
            "accounts",
            "nothing needs to be done if that is meant",
            warning=True,
        )
    ]


def _daily(connector: SalesforceConnector) -> list[Finding]:
    left = _left(connector)
    if left is None or left[0] >= left[1] * _LOW:
        return []
    return [
        _finding(
            "daily_request_share",
            f"{left[0]} of {left[1]} requests of the Salesforce org are left for the next 24 hours",
            "find out in Setup → Company Information what else uses the org's requests, or sync less often",
            warning=True,
        )
    ]


def _left(connector: SalesforceConnector) -> tuple[int, int] | None:
    """(left, limit): from /limits/, which needs a permission of its own, else from the last answer's header."""
    ask = Ask(method="GET", path="limits/", kind="limits", priority=Priority.LIVE)
    try:
        daily = connector.transport.read(ask).data["DailyApiRequests"]
        return int(daily["Remaining"]), int(daily["Max"])
    except (CredentialsRefused, Refused, KeyError, TypeError, ValueError):
        usage = connector.transport.usage
    return None if usage is None else (max(0, usage[1] - usage[0]), usage[1])


def _finding(where: str, what: str, remedy: str, *, warning: bool = False) -> Finding:
    return Finding(problem=Problem(where=where, what=what, remedy=remedy, warning=warning))
