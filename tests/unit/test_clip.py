"""The CLIP of the dataset: what it is trained on, and that it learns."""

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.features.clip import Clip, build, preprocessing_of
from reelrank.features.clip_training import enlarged, load_pairs, retrieval, split_pairs, train
from reelrank.features.encoders import build_encoder
from reelrank.hardware import make_deterministic

ARCHITECTURE = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 32, "layers": 1, "head_width": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
COLOURS = {"red": (230, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "yellow": (240, 230, 10)}
OPTIONS = {"epochs": 30, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.0}


def test_items_without_training_interaction_are_held_out():
    rows, in_training = np.arange(0, 40, 2), np.arange(40) < 30
    held_out = split_pairs(rows, in_training, 0.2, np.random.default_rng(1))
    assert held_out[rows >= 30].all() and held_out[rows < 30].sum() == 3
    again = split_pairs(rows, in_training, 0.2, np.random.default_rng(1))
    np.testing.assert_array_equal(held_out, again)


def trained(seed):
    """Return a model trained on colours and their names."""
    make_deterministic(1, seed)
    model, tokenizer = build("own", ARCHITECTURE)
    names = list(COLOURS) * 8
    pixels = np.stack([np.full((18, 18, 3), COLOURS[name], np.uint8) for name in names])
    losses = train(model, tokenizer, pixels, names, OPTIONS, np.random.default_rng(seed), torch.device("cpu"))
    return model, tokenizer, losses


def test_it_learns_colours_and_the_same_seed_makes_the_same_weights(tmp_path):
    model, tokenizer, losses = trained(1)
    assert losses[-1] < 0.8 * losses[0]
    clip = Clip(model, tokenizer, torch.device("cpu"))
    pictures = clip.encode_images(np.stack([np.full((16, 16, 3), colour, np.uint8) for colour in COLOURS.values()]))
    texts = clip.encode(list(COLOURS))
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-5)
    assert (pictures @ texts.T).argmax(1).tolist() == [0, 1, 2, 3]
    again = trained(1)[0].state_dict()
    assert all(torch.equal(weight, again[key]) for key, weight in model.state_dict().items())
    safetensors.torch.save_file({key: weight.contiguous() for key, weight in again.items()}, tmp_path / "w.safetensors")
    options = complete_options("encoders", "dataset_clip", architecture=ARCHITECTURE, pooling="max", epochs=30)
    block = {"type": "dataset_clip", **options}
    encoder = build_encoder("own", block, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(encoder.encode(list(COLOURS)), texts)
    assert encoder.pooling == "max" and encoder.description["revision"].startswith("sha256:")
    assert encoder.encode(["x" * 10_000, "😂", "שלום"]).shape == (3, 16)
    other = {**ARCHITECTURE, "embed_dim": 8}
    with pytest.raises(InputError, match=r"w.safetensors: the weights do not fit the architecture"):
        build_encoder("own", {**block, "architecture": other}, tmp_path / "w.safetensors")
    weights = str(tmp_path / "w.safetensors")
    own = complete_options("encoders", "open_clip", architecture=ARCHITECTURE, pretrained=weights) | {
        "type": "open_clip"
    }
    np.testing.assert_array_equal(build_encoder("own", own).encode(list(COLOURS)), texts)


class Known:
    """A CLIP whose vectors are given."""

    def __init__(self, pictures, texts):
        self.pictures, self.texts = pictures, texts

    def encode_images(self, pixels):
        """Return ``(n, d)``."""
        return self.pictures

    def encode(self, texts, role="passage"):
        """Return ``(n, d)``."""
        return self.texts


def test_retrieval_against_a_loop():
    rng = np.random.default_rng(1)
    pictures, texts = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    scores = retrieval(Known(pictures, texts), None, [""] * 30)
    ranks = [
        sum(picture @ text > picture @ texts[row] + 1e-9 for text in texts) for row, picture in enumerate(pictures)
    ]
    assert scores["recall@10 image to text"] == pytest.approx(np.mean([rank < 10 for rank in ranks]), abs=1e-4)
    assert scores["chance"] == pytest.approx(1 / 3, abs=1e-4)
    same = retrieval(Known(np.ones((30, 4)), np.ones((30, 4))), None, [""] * 30)
    assert same["recall@10"] == 0, "equal scores are no hit"


def test_pairs_need_a_picture_and_a_title(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "1.jpg")
    (tmp_path / "2.jpg").write_bytes(b"broken")
    wanted = enlarged(preprocessing_of(build("own", ARCHITECTURE)[0]))
    assert (wanted.height, wanted.width) == (18, 18)
    rows, pixels = load_pairs(
        [[tmp_path / "1.jpg"], [tmp_path / "2.jpg"], [], [tmp_path / "1.jpg"]], ["a", "b", "c", " "], wanted
    )
    assert rows.tolist() == [0] and pixels.shape == (1, 18, 18, 3)
