"""Print the hit-rate tables of a run and where the results lie: ``show_results.py [CONFIGFILE]``."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from reelrank.config.complete import merge  # noqa: E402 - the library is found by the line above


def main(overlays):
    """Show the results of ``config/config.yaml`` under the config files `overlays`."""
    config = {}
    for path in [ROOT / "config" / "config.yaml", *map(Path, overlays)]:
        config = merge(config, yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    for protocol in config["run"]["protocols"]:
        folder = Path("results") / config["dataset"] / protocol
        table, page = folder / "tables" / "hit_rate.md", folder / "report.html"
        print(f"\n{table.read_text(encoding='utf-8')}")
        print(f"table:  {table} (tidy: {table.with_suffix('.csv')})\nreport: {page}")


if __name__ == "__main__":
    main(sys.argv[1:])
