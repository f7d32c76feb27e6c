"""One SLURM that all tests of a session share, for the `conftest.py` of their folders to import."""

import signal

import pytest
import slurm_cluster


@pytest.fixture(scope="session")
def cluster():
    """Return a running `slurm_cluster.Cluster`; the tests are skipped where none can be started."""
    reason = slurm_cluster.missing()
    if reason:
        pytest.skip(reason)
    # Whoever ends these tests ends the daemons too; a shell's background processes ignore Ctrl-C otherwise.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))
    with slurm_cluster.running_cluster() as running:
        yield running
