"""Where prompts and texts go."""

import ipaddress
from urllib.parse import urlsplit


def third_party(url):
    """Return the host of an address, or None if it is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return None
    try:
        return None if ipaddress.ip_address(host).is_loopback else host
    except ValueError:  # a name, though it may begin as a loopback address does
        return host
