"""``[scope] crm`` for Salesforce: a SOQL condition, such as ``LeadSource = 'Web' AND MailingState IN ('FL','TX')``.

Salesforce judges it. The change feed is read without it and a second query tells who is in, so that a record that
leaves the scope is seen leaving. Here it is only made sure that the text is one condition and nothing beyond: it
stands in parentheses inside other queries. This module sends nothing.
"""

from __future__ import annotations

import re

from connectors.salesforce.soql import size

#: Bytes in an address, where it stands together with ids (section 7: 16,384 for the whole).
_LONGEST = 5_000
_NOT_IN_A_CONDITION = re.compile(
    r"\b(SELECT|FROM|WHERE|ORDER\s+BY|GROUP\s+BY|HAVING|LIMIT|OFFSET|FOR\s+(?:VIEW|REFERENCE|UPDATE)|ALL\s+ROWS|"
    r"USING\s+SCOPE|WITH\s+(?:SECURITY_ENFORCED|DATA\s+CATEGORY))\b",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"[=<>]|\b(?:LIKE|IN|INCLUDES|EXCLUDES)\b", re.IGNORECASE)
_EXAMPLE = "\"MailingState IN ('FL', 'TX')\""


def parse_scope(scope: object) -> str:
    """Given ``[scope] crm``, return the condition, "" for none. Raises ValueError with what is wrong and what to write.

    Whether its fields exist only Salesforce can tell.
    """
    if scope is None or scope == "":
        return ""
    if not isinstance(scope, str):
        raise ValueError(f"the scope is no text; write a SOQL condition, such as {_EXAMPLE}")  # noqa: TRY004  a problem of config, told like the others
    condition = scope.strip()
    if size(condition) > _LONGEST:
        raise ValueError(
            "the condition is too long for a request; make a checkbox formula field of it and ask for that"
        )
    bare = _without_texts(condition)
    _balanced(bare)
    if ";" in bare:
        raise ValueError(f"a condition has no semicolon; write for instance {_EXAMPLE}")
    if found := _NOT_IN_A_CONDITION.search(bare):
        word = " ".join(found.group().upper().split())
        raise ValueError(f"{word} is no part of a condition; write only what would follow WHERE, such as {_EXAMPLE}")
    if not _COMPARES.search(bare):
        raise ValueError(f"the text compares nothing; write a SOQL condition, such as {_EXAMPLE}")
    return condition


def scope_problem(scope: object) -> str:
    """ "" when ``[scope] crm`` is a condition, else what is wrong with it."""
    try:
        parse_scope(scope)
    except ValueError as error:
        return str(error)
    return ""


def _without_texts(condition: str) -> str:
    """The condition with every quoted text as ''. Raises ValueError where a quote is not closed."""
    kept: list[str] = []
    quoted = escaped = False
    for sign in condition:
        if not quoted:
            kept.append(sign)
            quoted = sign == "'"
        elif escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == "'":
            kept.append(sign)
            quoted = False
    if quoted:
        raise ValueError(f"a quote is not closed; write texts as in {_EXAMPLE}")
    return "".join(kept)


def _balanced(bare: str) -> None:
    depth = 0
    for sign in bare:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            break
    if depth:
        raise ValueError(f"the parentheses do not match; write for instance {_EXAMPLE}")
