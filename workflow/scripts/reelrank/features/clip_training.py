"""Train a CLIP on the dataset's pairs of cover and title (Radford et al., ICML 2021), with open_clip's loss."""

import logging
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from open_clip import ClipLoss

from reelrank.errors import InputError
from reelrank.features.clip import MAX_CHARACTERS, normalised, preprocessing_of
from reelrank.features.image_loading import load_image, own_pixel_limit
from reelrank.progress import Progress

#: Pictures are loaded larger than the model's input by this factor; training crops them at random.
MARGIN = 1.125

#: Share of the steps that warm up the learning rate; it then falls along half a cosine.
WARM_UP = 0.1

#: Upper bound of the logit scale, as in the paper.
MAX_LOGIT_SCALE = math.log(100)

#: Retrieval is scored by recall at this rank.
CUTOFF = 10


def load_pairs(paths, titles, preprocessing, workers=2):
    """Decode the first readable picture of each item that has a title.

    Parameters
    ----------
    paths : sequence of sequence of path
    titles : sequence of str
    preprocessing : reelrank.features.image_loading.Preprocessing
    workers : int

    Returns
    -------
    rows : numpy.ndarray
        ``(n,)`` items with a title and a readable picture, ascending.
    pixels : numpy.ndarray
        ``(n, height, width, 3)`` uint8.
    """
    jobs = [item for item, files in enumerate(paths) if files and titles[item].strip()]
    with own_pixel_limit(), ThreadPoolExecutor(workers) as pool:
        loaded = list(pool.map(lambda item: load_image(paths[item][0], preprocessing)[0], jobs))
    good = [(item, pixels) for item, pixels in zip(jobs, loaded, strict=True) if pixels is not None]
    if not good:
        return np.zeros(0, np.int64), np.zeros((0, preprocessing.height, preprocessing.width, 3), np.uint8)
    return np.array([item for item, _ in good]), np.stack([pixels for _, pixels in good])


def split_pairs(rows, in_training, share, rng):
    """Choose the pairs that are held out.

    Pairs of items without a training interaction are always held out; `share` of the others is drawn at random.

    Parameters
    ----------
    rows : numpy.ndarray
        ``(n,)`` items.
    in_training : numpy.ndarray
        ``(n_items,)`` bool: True if the item has a training interaction.
    share : float
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        ``(n,)`` bool: True if the pair is held out.
    """
    held_out = ~in_training[rows]
    candidates = np.flatnonzero(~held_out)
    held_out[rng.choice(candidates, round(share * len(candidates)), replace=False)] = True
    return held_out


def train(model, tokenizer, pixels, titles, options, rng, device):
    """Train `model` in place.

    Parameters
    ----------
    model : torch.nn.Module
        A CLIP of open_clip.
    tokenizer : callable
    pixels : numpy.ndarray
        ``(n, height, width, 3)`` uint8, larger than the model's input by the factor `MARGIN`.
    titles : sequence of str
    options : dict
        ``epochs``, ``batch_size``, ``learning_rate``, ``weight_decay``.
    rng : numpy.random.Generator
        Draws the order of the pairs and the places of the crops.
    device : torch.device

    Returns
    -------
    list of float
        Mean loss of each epoch.
    """
    wanted = preprocessing_of(model)
    tokens = tokenizer([title[:MAX_CHARACTERS] for title in titles])
    # A batch of one has no negatives.
    batches = max(1, len(pixels) // options["batch_size"])
    steps = batches * options["epochs"]
    model.to(device).train()
    optimiser = torch.optim.AdamW(_groups(model, options["weight_decay"]), lr=options["learning_rate"])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    loss_of, losses = ClipLoss(), []
    with Progress("training") as progress:
        for epoch in range(options["epochs"]):
            total = 0.0
            progress.begin(f"epoch {epoch + 1}/{options['epochs']}", len(pixels), "pairs")
            for rows in np.array_split(rng.permutation(len(pixels)), batches):
                cut = torch.from_numpy(_random_cuts(pixels[rows], wanted, rng)).to(device)
                images = model.encode_image(normalised(cut, wanted), normalize=True)
                texts = model.encode_text(tokens[rows].to(device), normalize=True)
                loss = loss_of(images, texts, model.logit_scale.exp())
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                with torch.no_grad():
                    model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
                total += loss.item()
                progress.advance(len(rows))
            losses.append(total / batches)
            logging.info("epoch %d: loss %.4f", epoch + 1, losses[-1])
    return losses


def _groups(model, weight_decay):
    """Return two parameter groups: with weight decay, and without it (biases, norms and the logit scale)."""
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _rate(step, steps):
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _random_cuts(pixels, wanted, rng):
    """Return random crops of `pixels`, ``(n, height, width, 3)``."""
    tops = rng.integers(0, pixels.shape[1] - wanted.height + 1, len(pixels))
    lefts = rng.integers(0, pixels.shape[2] - wanted.width + 1, len(pixels))
    return np.stack(
        [
            picture[top : top + wanted.height, left : left + wanted.width]
            for picture, top, left in zip(pixels, tops, lefts, strict=True)
        ]
    )


def enlarged(preprocessing):
    """Return the same preprocessing with pictures larger by the factor `MARGIN`."""
    return replace(
        preprocessing, height=round(preprocessing.height * MARGIN), width=round(preprocessing.width * MARGIN)
    )


def retrieval(clip, pixels, titles):
    """Score zero-shot retrieval: rank the titles of all pairs for each picture, and the pictures for each title.

    Parameters
    ----------
    clip : reelrank.features.clip.Clip
    pixels : numpy.ndarray
        ``(n, height, width, 3)`` uint8, in the size of the model's input.
    titles : sequence of str

    Returns
    -------
    dict
        ``pairs``, ``recall@10`` in both directions and their mean, ``chance`` (10 / n), and the ratio of mean and
        chance. A pair ranks after all others with the same score.
    """
    n = len(titles)
    if n == 0:
        raise InputError(
            "train_clip: found no held-out pair; expected items with picture and title, and held_out above 0"
        )
    similarity = clip.encode_images(pixels) @ clip.encode(titles).T
    own = np.diag(similarity)
    to_text = float(((similarity >= own[:, None]).sum(1) <= CUTOFF).mean())
    to_image = float(((similarity >= own[None]).sum(0) <= CUTOFF).mean())
    mean, chance = (to_text + to_image) / 2, min(1.0, CUTOFF / n)
    return {
        "pairs": n,
        "recall@10 image to text": round(to_text, 4),
        "recall@10 text to image": round(to_image, 4),
        "recall@10": round(mean, 4),
        "chance": round(chance, 4),
        "times_chance": round(mean / chance, 2),
    }
