"""Addresses that prompts and texts are sent to."""

import ipaddress
from urllib.parse import urlsplit

from reelrank.errors import InputError


def third_party(url):
    """Return the host of an address, or None for this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return None
    try:
        return None if ipaddress.ip_address(host).is_loopback else host
    except ValueError:  # not an IP address but a host name, even if it begins like a loopback address
        return host


def check_address(where, url):
    """Refuse an address with a user or a password: it would end up in logs and ledgers. The error does not show it.

    Raises
    ------
    InputError
        Names the config key `where`.
    """
    if "@" in urlsplit(url).netloc:
        raise InputError(
            f"config key {where}: found a user or password before the '@'; expected an address without them, and the "
            "key in the environment variable named by key_variable"
        )
