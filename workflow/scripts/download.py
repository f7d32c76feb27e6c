"""Download one published file."""

from reelrank import step
from reelrank.datasets.download import fetch


def main(url, path, checks):
    """Fetch `url` to `path`; `checks` has the known size and digests."""
    fetch(url, path, **checks)


step.run(main, snakemake)
