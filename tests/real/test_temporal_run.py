"""The whole DAG under the protocol `temporal`, up to the report. `make test` runs it under leave-one-out."""

import pandas as pd
from snakemake_run import ROOT, copy_repository, snakemake

ARGUMENTS = ("--configfile", ROOT / "tests/config/toy.yaml", "--config", "run={protocols: [temporal]}")


def test_a_temporal_run_reaches_its_report(tmp_path):
    folder = copy_repository(tmp_path)
    process = snakemake(folder, *ARGUMENTS)
    assert process.returncode == 0, process.stdout + process.stderr
    results = folder / "results" / "sample" / "temporal"
    table = pd.read_csv(results / "tables" / "hit_rate.csv")
    assert set(table["protocol"]) == {"temporal"} and (table["users"] > 0).all()
    assert len(table) == 2 * 2 * 30 * 3  # splits, base models, re-rankers with the rungs of fusions, cut-offs
    assert "temporal" in (results / "report.html").read_text()
