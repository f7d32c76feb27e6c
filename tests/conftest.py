"""What all tests share: quiet, repeatable property tests, and the real data where it is there."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data():
    """Return a function from a relative path to the real file; the test is skipped where it is absent."""

    def find(name):
        path = REPOSITORY.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"the real data {name} is not on this machine")
        return path

    return find
