"""What all tests share: repeatable property tests, the real data, and the options that choose and judge tests."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import settings
from snakemake_run import copy_repository

settings.register_profile("repeatable", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).parents[1]

# Two workers of pytest-xdist that take all cores for each operation wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    """Add the options of the Makefile's targets."""
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure")
    parser.addoption("--drills", type=int, metavar="N", help="run N tests of each file of drills, drawn by --seed")
    parser.addoption("--seed", type=int, default=1, metavar="N", help="the seed of --drills (1)")


def pytest_report_header(config):
    """Say which part of the drills runs, so that it can be run again."""
    number, seed = config.getoption("drills"), config.getoption("seed")
    return None if number is None else f"drills: {number} of each file, drawn with --seed {seed}"


def pytest_collection_modifyitems(config, items):
    """Keep the drawn part of the drills."""
    number = config.getoption("drills")
    if number is None:
        return
    by_file = {}
    for item in items:
        if item.path.parent.name == "drills":
            by_file.setdefault(item.path.name, []).append(item)
    left_out = set()
    for name in sorted(by_file):
        drawn = random.Random(f"{config.getoption('seed')} {name}").sample(
            by_file[name], min(number, len(by_file[name]))
        )
        left_out |= set(by_file[name]) - set(drawn)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Fail a session in which tests were skipped, where --no-skips asks for it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # a worker of pytest-xdist has none
    if session.config.getoption("no_skips") and reporter and reporter.stats.get("skipped") and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Name the skipped tests that --no-skips counts as failures."""
    skipped = terminalreporter.stats.get("skipped", []) if config.getoption("no_skips") else []
    for report in skipped:
        terminalreporter.write_line(f"SKIPPED, a failure here: {report.nodeid}: {report.longrepr[2]}", red=True)


@pytest.fixture(scope="session")
def shared_data():
    """Return a function from a relative path to the real file; the test is skipped where it is absent."""

    def find(name):
        path = REPOSITORY.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"the real data {name} is not on this machine")
        return path

    return find


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return a copy of the repository that tests must leave as it is."""
    return copy_repository(tmp_path_factory.mktemp("repository"))
