"""Download one published file."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.datasets.download import fetch

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(url, path, checks):
    """Fetch `url` to `path`; `checks` holds the size and digests that are known."""
    fetch(url, path, **checks)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(snakemake.params.url, snakemake.output[0], snakemake.params.checks)
