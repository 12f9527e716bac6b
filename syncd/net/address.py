"""Where credentials may go in plain text: to this machine alone. The one place that says what this machine is."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Given a host name or address without brackets, return whether it is this machine by its very name.

    No name is looked up: what a resolver answers is no proof.
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
