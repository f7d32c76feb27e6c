"""Print the nearest titles of items under a text encoder: python workflow/show_neighbours.py TITLES ITEM ..."""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "workflow" / "scripts"))

from reelrank.config.complete import complete, default_config  # noqa: E402
from reelrank.config.fields import encoder_block  # noqa: E402
from reelrank.datasets.microlens import read_titles  # noqa: E402
from reelrank.features.encoders import build_encoder, encode_present  # noqa: E402
from reelrank.hardware import make_deterministic  # noqa: E402


def nearest(vectors, present, row, k):
    """Return the `k` rows nearest to `row`, and their cosines, best first."""
    cosines = np.where(present, vectors @ vectors[row], -2)
    cosines[row] = -2
    order = np.argsort(-cosines, kind="stable")[:k]
    return order, cosines[order]


def main(arguments):
    """Encode the distinct titles of a file in MicroLens' layout, and print the neighbours of some items."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("titles", help="file with lines `item, title`")
    parser.add_argument("items", type=int, nargs="+")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2", help="an encoder of config/encoders.yaml")
    parser.add_argument("--limit", type=int, help="read only the first N titles")
    parser.add_argument("--neighbours", type=int, default=3)
    own = parser.parse_args(arguments)
    config = complete(default_config(ROOT / "config"), ROOT / "config")
    make_deterministic(config["threads"], seed=0)
    titles = read_titles(own.titles)
    texts = list(dict.fromkeys([*(titles[item] for item in own.items), *list(titles.values())[: own.limit]]))
    vectors, present = encode_present(build_encoder(own.encoder, encoder_block(config, own.encoder)), texts)
    for row in [texts.index(titles[item]) for item in own.items]:
        print(f"- **{texts[row]}**")
        for other, cosine in zip(*nearest(vectors, present, row, own.neighbours), strict=True):
            print(f"  - {cosine:.2f} {texts[other]}")


if __name__ == "__main__":
    main(sys.argv[1:])
