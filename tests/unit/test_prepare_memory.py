"""What an interaction costs `prepare` in memory: peaks at two sizes, so that what Python takes drops out."""

import pytest
from scale_data import prepare_raw, write_raw
from speed import in_a_process

SMALL, LARGE = 200_000, 1_000_000

#: Bytes of peak memory that one more interaction may take; 50 million rows in 4 GB allow 80. A row is 24 bytes when it
#: is read and 20 when it is written, and a sort needs two more columns of 8. With comments, what is being written
#: counts too at these sizes: they are less than a row group of a Parquet file.
PER_ROW = {"interactions": 75, "comments": 130}


def peak(folder, n_rows, role):
    """Return the peak memory in bytes of preparing `n_rows` interactions."""
    folder.mkdir()
    paths = {"interactions": folder / "pairs.csv", "comments": folder / "comments.txt"}
    write_raw({name: paths[name] for name in ("interactions", role)}, n_rows, 20_000)
    fields = ["comments"] if role == "comments" else []
    return in_a_process(prepare_raw, folder, fields)[1] * 2**20


@pytest.mark.parametrize("role", PER_ROW)
def test_an_interaction_costs_few_bytes(tmp_path, role):
    small, large = (peak(tmp_path / str(n_rows), n_rows, role) for n_rows in (SMALL, LARGE))
    per_row = (large - small) / (LARGE - SMALL)
    assert per_row < PER_ROW[role], f"{per_row:.0f} bytes per interaction"
