"""Waits before a request is sent again: growing pauses, or the time that the server asks for."""

import email.utils
import math
import time

from tenacity import wait_exponential, wait_random_exponential


def retry_after(headers, longest_s):
    """Return the seconds that a server asks to wait (``Retry-After``: seconds or a date), or None.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the answer.
    longest_s : float
        Upper limit of the returned seconds, whatever the server asks for.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value and (seconds := _seconds(value, unit_s)) is not None:
            return min(max(seconds, 0.0), longest_s)
    return None


def _seconds(value, unit_s):
    try:
        number = float(value) * unit_s
        return None if math.isnan(number) else number
    except ValueError:
        moment = email.utils.parsedate_tz(value)
        return email.utils.mktime_tz(moment) - time.time() if moment else None


def growing_wait(first_s, longest_s=60.0):
    """Return the wait of a `tenacity` retry: it doubles with each attempt, and half of it is random.

    If the error of the failed attempt has a number ``retry_after_s``, the wait is at least that long.

    Parameters
    ----------
    first_s : float
        Longest wait after the first attempt, in seconds.
    longest_s : float
        Longest wait after any attempt, in seconds.
    """
    growing = wait_exponential(first_s / 2, longest_s / 2) + wait_random_exponential(first_s / 2, longest_s / 2)

    def wait(state):
        """Return the seconds to wait after a failed attempt."""
        return max(growing(state), getattr(state.outcome.exception(), "retry_after_s", None) or 0.0)

    return wait
