"""Where prompts and texts go."""

import ipaddress
from urllib.parse import urlsplit

from reelrank.errors import InputError


def third_party(url):
    """Return the host of an address, or None if it is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return None
    try:
        return None if ipaddress.ip_address(host).is_loopback else host
    except ValueError:  # a name, though it may begin as a loopback address does
        return host


def check_address(where, url):
    """Refuse an address that holds a user or a password, without showing it; it would end up in logs and ledgers.

    Raises
    ------
    InputError
        Names the config key `where`.
    """
    if "@" in urlsplit(url).netloc:
        raise InputError(
            f"config key {where}: holds a user or password before the '@'; expected an address without, and the key in "
            "the environment variable that key_variable names"
        )
