"""``check --online`` for HubSpot: permissions, the id property, fields that cannot be written, and what is
left of the day's requests.
"""

from __future__ import annotations

from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.faults import Refused
from connectors.hubspot.transport import CONTACTS, Ask
from connectors.port import Finding
from syncd.errors import CredentialsRefused, MappingUnfit, Problem
from syncd.net.governor import Priority

_LOW = 0.1  #: part of the daily requests below which it is worth a word


def findings(connector: HubSpotConnector, *, fix: bool) -> tuple[Finding, ...]:
    """All findings. With ``fix``, the id property is created. Raises a ConnectionStop when HubSpot cannot be
    asked at all.
    """
    scope = _scope(connector)
    return (
        *scope,
        *(() if scope else _permissions(connector)),  # nothing is read while the scope cannot be judged
        *_id_property(connector, fix=fix),
        *_fields(connector),
        *_daily(connector),
    )


def _scope(connector: HubSpotConnector) -> list[Finding]:
    try:
        _ = connector.lens
    except MappingUnfit as unfit:
        return [Finding(problem=problem) for problem in unfit.problems]
    return []


def _permissions(connector: HubSpotConnector) -> list[Finding]:
    connector.scan(None)  # without the right to read there is nothing to check: it stops here and says so
    ask = Ask(
        method="POST",
        path=f"{CONTACTS}/batch/update",
        kind="batch/update",
        priority=Priority.LIVE,
        body={"inputs": []},  # writes nothing: HubSpot refuses an empty batch, but asks for the permission first
    )
    try:
        connector.transport.write(ask, safe=True)
    except Refused:
        return []
    except CredentialsRefused:
        return [
            _finding(
                "access_token",
                "HubSpot lets these credentials read contacts but not write them",
                'grant the scope crm.objects.contacts.write, or set direction = "to_salespulse"',
            )
        ]
    return []


def _id_property(connector: HubSpotConnector, *, fix: bool) -> list[Finding]:
    name = connector.settings.id_property
    if not name:
        return [
            _finding(
                "id_property",
                "no id property is used, so a create whose answer is lost cannot be repeated safely",
                'set id_property = "salespulse_id"',
                warning=True,
            )
        ]
    spec = connector.schema.fields().get(name)
    if spec is None and fix:
        try:
            connector.schema.make_link_property(name)
        except (CredentialsRefused, Refused) as error:
            return [
                _finding(
                    "id_property",
                    f"the contact property {name} does not exist and could not be created ({error})",
                    "grant the scope crm.schemas.contacts.write, or create it in HubSpot as a single-line "
                    "text with unique values",
                )
            ]
        spec = connector.schema.fields().get(name)
    if spec is None:
        return [
            _finding(
                "id_property",
                f"the contact property {name} does not exist; syncd goes on without it and looks new "
                "contacts up by their keys",
                "run syncd check --online --fix to create it",
                warning=True,
                fix=f"create the unique contact property {name} in HubSpot",
            )
        ]
    if not spec.unique:
        return [
            _finding(
                "id_property",
                f"the contact property {name} allows the same value twice, which cannot be changed in HubSpot",
                "write the name of another property here and let check --online --fix create it",
            )
        ]
    if not spec.writable:
        return [
            _finding(
                "id_property",
                f"the contact property {name} is read-only",
                "write the name of another property",
            )
        ]
    return []


def _fields(connector: HubSpotConnector) -> list[Finding]:
    specs = connector.schema.fields()
    found = []
    for name in connector.wanted.fields:
        spec = specs.get(name)
        if spec is not None and not spec.writable:
            found.append(
                _finding(
                    f'[[fields]] crm = "{name}"',
                    "this property cannot be written in HubSpot",
                    'give the field direction = "to_salespulse"',
                    warning=True,
                )
            )
    return found


def _daily(connector: HubSpotConnector) -> list[Finding]:
    left = connector.transport.daily_left
    if left is None or left[0] >= left[1] * _LOW:
        return []
    return [
        _finding(
            "rate",
            f"{left[0]} of {left[1]} requests of the HubSpot account are left today",
            "find out what else uses the account's requests, or sync less often",
            warning=True,
        )
    ]


def _finding(where: str, what: str, remedy: str, *, warning: bool = False, fix: str = "") -> Finding:
    return Finding(problem=Problem(where=where, what=what, remedy=remedy, warning=warning), fix=fix)
