"""Download one published file."""

from reelrank import step
from reelrank.datasets.download import fetch


def main(url, path, checks):
    """Fetch `url` to `path`; `checks` holds the size and digests that are known."""
    fetch(url, path, **checks)


step.run(main, snakemake)
