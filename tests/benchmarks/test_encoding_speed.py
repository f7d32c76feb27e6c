"""Encoding against the bare models, side by side: titles and sentence-transformers, pictures and open_clip."""

import time

import numpy as np
import open_clip
import torch
from images_fixture import noise
from sample_parameters import sample_parameters
from snakemake_run import ROOT

from reelrank.config.complete import complete, default_config
from reelrank.datasets.microlens import read_titles
from reelrank.datasets.sample import generate_tables
from reelrank.features.clip import Clip
from reelrank.features.encoders import build_encoder, encode_present
from reelrank.features.item_images import embed_images
from reelrank.hardware import make_deterministic

TITLES, PICTURES, ROUNDS, THREADS = 1000, 128, 3, 2


def seconds(work):
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best(ours, bare):
    """Return the best times of both, in turns."""
    ours(), bare()
    times = [(seconds(ours), seconds(bare)) for _ in range(ROUNDS)]
    return min(time for time, _ in times), min(time for _, time in times)


def test_titles_against_a_bare_encode(tmp_path):
    make_deterministic(THREADS, 0)
    generate_tables(sample_parameters(items=TITLES, users=5), {"titles": tmp_path / "titles.csv"})
    # Each text once, or ours would gain by encoding it once.
    titles = list(dict.fromkeys(read_titles(tmp_path / "titles.csv").values()))
    block = complete(default_config(ROOT / "config"), ROOT / "config")["encoders"]["all-MiniLM-L6-v2"]
    encoder = build_encoder("all-MiniLM-L6-v2", block)
    by_length = sorted((title for title in titles if title), key=len)
    options = {"batch_size": 128, "normalize_embeddings": True, "show_progress_bar": False}
    ours, bare = best(lambda: encode_present(encoder, titles), lambda: encoder.model.encode(by_length, **options))
    print(f"\ntitles, all-MiniLM-L6-v2: {bare / ours:.2f}x the bare encode; {len(titles) / ours:.0f} titles/s")


def test_pictures_against_a_bare_forward(tmp_path):
    make_deterministic(THREADS, 0)
    model = open_clip.create_model("ViT-B-32")  # untrained: speed does not depend on weights
    clip = Clip(
        model, open_clip.get_tokenizer("ViT-B-32"), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    )
    for number in range(PICTURES):
        noise(number, (640, 360)).save(tmp_path / f"{number}.jpg", quality=85)
    paths = [[tmp_path / f"{number}.jpg"] for number in range(PICTURES)]
    ready = torch.zeros(64, 3, 224, 224, dtype=clip.dtype, device=clip.device)

    def bare():
        with torch.inference_mode():
            for _ in range(PICTURES // 64):
                np.asarray(clip.model.encode_image(ready).float().cpu())

    ours, bare_s = best(lambda: embed_images(clip, paths, workers=THREADS), bare)
    print(f"\npictures, ViT-B-32: {bare_s / ours:.2f}x the bare forward; {PICTURES / ours:.1f} pictures/s")
