"""CLIP models of the open_clip library (Ilharco et al., 2021): texts and pictures to unit vectors."""

import logging
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.transform import PreprocessCfg

from reelrank.errors import InputError, suggest
from reelrank.features.image_loading import Preprocessing
from reelrank.progress import Progress

#: Texts per forward pass.
TEXT_BATCH = 256

#: Texts are cut to this many characters. Byte-pair encoding is quadratic in the length of a word, and the context of
#: 77 tokens is shorter anyway.
MAX_CHARACTERS = 1000


class Clip:
    """A CLIP model with its tokenizer and device.

    Parameters
    ----------
    model : torch.nn.Module
        Has ``encode_image``, ``encode_text`` and ``visual``, like the models of open_clip.
    tokenizer : callable
    device : torch.device
        On a GPU the model computes in half precision.
    """

    def __init__(self, model, tokenizer, device):
        self.device = device
        self.dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.model = model.to(device, self.dtype).eval()
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing_of(model)

    @property
    def precision(self):
        """Name of the number format of the computations."""
        return str(self.dtype).removeprefix("torch.")

    @torch.inference_mode()
    def encode_images(self, pixels):
        """Return unit vectors ``(n, dimension)`` float32 of `pixels` ``(n, height, width, 3)`` uint8."""
        images = normalised(torch.from_numpy(pixels).to(self.device), self.preprocessing).to(self.dtype)
        return _unit(self.model.encode_image(images))

    @torch.inference_mode()
    def encode(self, texts, role="passage"):
        """Return unit vectors ``(n, dimension)`` float32 of `texts`; `role` is ignored."""
        rows = []
        with Progress("encoding", len(texts), "texts") as progress:
            for start in range(0, len(texts), TEXT_BATCH):
                cut = [text[:MAX_CHARACTERS] for text in texts[start : start + TEXT_BATCH]]
                rows.append(_unit(self.model.encode_text(self.tokenizer(cut).to(self.device))))
                progress.advance(len(cut))
        return np.concatenate(rows)


def _unit(vectors):
    vectors = vectors.float()
    return (vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)).cpu().numpy()


def normalised(pixels, preprocessing):
    """Return ``(n, 3, height, width)`` float32 of `pixels` ``(n, height, width, 3)`` uint8, normalised per channel."""
    mean = torch.tensor(preprocessing.mean, device=pixels.device)
    std = torch.tensor(preprocessing.std, device=pixels.device)
    return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def preprocessing_of(model):
    """Return the `Preprocessing` that a model expects."""
    wanted = open_clip.get_model_preprocess_cfg(model)
    wanted = {**{"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}, **wanted}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    size = wanted["size"]
    height, width = (size, size) if isinstance(size, int) else size
    defaults = PreprocessCfg()
    return Preprocessing(
        height,
        width,
        wanted.get("resize_mode", defaults.resize_mode),
        wanted.get("interpolation", defaults.interpolation),
        tuple(wanted["mean"]),
        tuple(wanted["std"]),
    )


def build(name, architecture, pretrained=None):
    """Build a model and its tokenizer.

    Parameters
    ----------
    name : str
        The encoder's name in the config, for errors.
    architecture : str or dict
        A name that open_clip knows (``ViT-B-32``, ``hf-hub:...``, ``local-dir:FOLDER``), or a model config
        in open_clip's format: ``embed_dim``, ``vision_cfg``, ``text_cfg``.
    pretrained : str, optional
        Tag or checkpoint file; the weights are random if it is None.

    Raises
    ------
    InputError
        If the architecture or tag is unknown, or the weights cannot be loaded.
    """
    where = f"config key encoders.{name}"
    if isinstance(architecture, dict):
        return _build_own(where, architecture, pretrained)
    remote = architecture.startswith(("hf-hub:", "local-dir:"))
    if not remote and architecture not in open_clip.list_models():
        raise InputError(
            f"{where}.architecture: open_clip has no {architecture!r}; {suggest(architecture, open_clip.list_models())}"
        )
    tags = [] if remote else open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained and not Path(pretrained).is_file() and pretrained.replace("-", "_") not in map(_plain, tags):
        raise InputError(
            f"{where}.pretrained: {pretrained!r} is neither a checkpoint file nor a tag of {architecture}; "
            f"{suggest(pretrained, tags)}"
        )
    try:
        model = open_clip.create_model(architecture, pretrained=pretrained)
        tokenizer = open_clip.get_tokenizer(architecture)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{where}: {architecture!r} with weights {pretrained!r} could not be loaded ({type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else ''}); connect to the network, or name a local "
            f"checkpoint file: encoders.{name}.pretrained: FILE"
        ) from error
    return model, tokenizer


def _plain(tag):
    return tag.replace("-", "_")


def _build_own(where, architecture, pretrained):
    try:
        model = open_clip.model.CLIP(**architecture)
    except (TypeError, KeyError, AssertionError, ValueError) as error:
        raise InputError(
            f"{where}.architecture: open_clip cannot build it ({error}); expected embed_dim, vision_cfg and text_cfg"
        ) from error
    open_clip.set_model_preprocess_cfg(model, {**vars(PreprocessCfg()), "size": model.visual.image_size})
    if pretrained:
        load_weights(model, pretrained, where)
    return model, open_clip.SimpleTokenizer(context_length=model.context_length)


def load_weights(model, path, where):
    """Load a checkpoint file into `model`.

    Raises
    ------
    InputError
        If the file does not exist, or its weights do not fit the model.
    """
    if not Path(path).is_file():
        raise InputError(f"{where}: the checkpoint file {str(path)!r} does not exist")
    try:
        open_clip.load_checkpoint(model, str(path), strict=True, device="cpu")
    except (RuntimeError, KeyError, ValueError, OSError) as error:
        raise InputError(
            f"{path}: the weights do not fit the architecture ({str(error).splitlines()[0]}); see {where}"
        ) from error
    logging.info("loaded the weights %s", path)
