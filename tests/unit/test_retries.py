"""What is waited before a request is sent again."""

import time
import types
from email.utils import formatdate

import pytest

from reelrank.retries import growing_wait, retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "250"}, 0.25),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, 600),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 600),
        ({"retry-after": formatdate(0, usegmt=True)}, 0),
    ],
)
def test_a_server_says_how_long_to_wait(headers, seconds):
    assert retry_after(headers, 600) == seconds


def test_it_may_say_so_by_a_date():
    assert 27 < retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)}, 600) <= 30


def state(attempt, error=None):
    """Return what `tenacity` hands to a wait."""
    outcome = types.SimpleNamespace(exception=lambda: error)
    return types.SimpleNamespace(attempt_number=attempt, outcome=outcome)


def test_waits_double_and_half_of_each_is_random():
    wait = growing_wait(0.5)
    for attempt, most in ((1, 0.5), (2, 1), (3, 2), (9, 60), (30, 60), (2000, 60)):
        found = [wait(state(attempt)) for _ in range(50)]
        assert all(most / 2 <= seconds <= most for seconds in found) and len(set(found)) > 1


def test_a_wait_is_at_least_what_the_server_asks_for():
    error = Exception()
    for asked, expected in ((9.0, 9.0), (None, 0.0), (0.0, 0.0)):
        error.retry_after_s = asked
        assert growing_wait(0.0)(state(3, error)) == expected
