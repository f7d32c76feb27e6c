"""The figure of hit rates shows all of every line, whatever the panel that holds the highest."""

import re

import pandas as pd

from reelrank.report.figures import plot_hit_rate


def test_the_highest_line_fits_its_panel(tmp_path):
    frame = pd.DataFrame({"n": range(1, 21)}).assign(seed=1, reranker="identity", ci_low=0.0)
    panels = [
        frame.assign(base_model=base, hit_rate=rate * frame["n"], ci_high=1.1 * rate * frame["n"])
        for base, rate in (("low", 0.001), ("high", 0.04))
    ]
    plot_hit_rate(pd.concat(panels), tmp_path / "hit_rate.svg", "Title")
    labels = re.findall(r">(\d\.\d+)</text>", (tmp_path / "hit_rate.svg").read_text())
    assert max(map(float, labels)) >= 0.75, "the axis reaches the panel that comes last"
