"""Train a small language model from scratch on the dataset's histories, written as sequences of titles."""

import hashlib
import json
import logging
import math
import shutil
import tempfile
import time
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from reelrank.errors import InputError
from reelrank.files import atomic, write_json
from reelrank.llm.titles import END
from reelrank.progress import Progress

#: Special tokens, in the order of their ids.
PAD, BEGIN = "<pad>", "<bos>"

#: Files of a language model's folder.
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
DESCRIPTION = "language_model.json"

#: Maximum gradient norm.
MAX_GRADIENT_NORM = 1.0

#: Sequences whose lengths differ by less than this (tokens) may be reordered between epochs.
LENGTH_JITTER = 12


def train_tokenizer(titles, vocabulary_size):
    """Train a byte-level BPE tokenizer on titles (Sennrich et al., ACL 2016); it can encode any text.

    Parameters
    ----------
    titles : sequence of str
        Result of `reelrank.llm.titles.plain_titles`.
    vocabulary_size : int

    Returns
    -------
    transformers.PreTrainedTokenizerFast
        Adds ``<bos>`` before a text. A line end is a separate token, which ends a title.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(set(filter(None, titles))), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(f"{BEGIN} $A", special_tokens=[(BEGIN, 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, bos_token=BEGIN, eos_token=END)


def token_sequences(histories, titles, tokenizer, max_length):
    """Return the training histories as token ids.

    Parameters
    ----------
    histories : reelrank.data.interactions.Histories
        Training interactions only.
    titles : sequence of str
    tokenizer : transformers.PreTrainedTokenizerBase
    max_length : int
        A longer sequence is cut between titles and continues in a new sequence.

    Returns
    -------
    list of list of int
        Each sequence begins with ``<bos>``; items without a title are left out.
    """
    encoded = [tokenizer(title + END, add_special_tokens=False)["input_ids"][: max_length - 1] for title in titles]
    begin, sequences = tokenizer.bos_token_id, []
    for start, end in zip(histories.starts, histories.ends, strict=True):
        ids = [begin]
        for item in histories.items[start:end]:
            if not titles[item]:
                continue
            if len(ids) + len(encoded[item]) > max_length:
                sequences.append(ids)
                ids = [begin]
            ids = ids + encoded[item]
        if len(ids) > 1:
            sequences.append(ids)
    return sequences


def build_model(tokenizer, options):
    """Return an untrained Llama with the shape in `options` (Touvron et al., arXiv 2302.13971)."""
    torch.manual_seed(options["seed"])
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=options["hidden_size"],
        intermediate_size=options["intermediate_size"],
        num_hidden_layers=options["layers"],
        num_attention_heads=options["heads"],
        num_key_value_heads=options["heads"],
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def batches(lengths, batch_tokens, rng):
    """Return batches of rows of similar length, in random order.

    Parameters
    ----------
    lengths : numpy.ndarray
        ``(n,)`` lengths of the sequences in tokens.
    batch_tokens : int
        Maximum tokens of a batch, including padding; a longer sequence is a batch of its own.
    rng : numpy.random.Generator

    Returns
    -------
    list of numpy.ndarray
    """
    order = np.argsort(lengths + rng.random(len(lengths)) * LENGTH_JITTER, kind="stable")
    groups, first, longest = [], 0, 0
    for place, row in enumerate(order):
        longest = max(longest, lengths[row])
        if place > first and longest * (place - first + 1) > batch_tokens:
            groups.append(order[first:place])
            first, longest = place, lengths[row]
    groups.append(order[first:])
    rng.shuffle(groups)
    return groups


def next_token_loss(model, sequences, pad):
    """Return the mean loss over the tokens of some sequences, without padding, and the number of tokens."""
    longest = max(map(len, sequences))
    device = next(model.parameters()).device
    ids = torch.tensor([[*ids, *[pad] * (longest - len(ids))] for ids in sequences], device=device)
    real = torch.arange(1, longest, device=device) < torch.tensor([[len(ids)] for ids in sequences], device=device)
    hidden = model.get_decoder()(input_ids=ids).last_hidden_state[:, :-1][real]
    logits = model.get_output_embeddings()(hidden).float()
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:][real]), int(real.sum())


def train_language_model(sequences, model, options, checkpoint, pad=0):
    """Train `model` in place; a killed training continues after its last complete epoch.

    Parameters
    ----------
    sequences : list of list of int
    model : transformers.LlamaForCausalLM
    options : dict
        Complete options of the type `scratch`.
        checkpoint : reelrank.training.checkpoints.Checkpoint
            The caller removes it after the result is written.
    pad : int

    Returns
    -------
    list of float
        Mean loss of each epoch, in nats per token.

    Raises
    ------
    InputError
        If there are no sequences, or the loss is not finite.
    """
    if not sequences:
        raise InputError("found no training history with a title; training a language model needs some")
    lengths = np.array([len(ids) for ids in sequences])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=options["learning_rate"], weight_decay=options["weight_decay"], betas=(0.9, 0.95)
    )
    state = checkpoint.load() or {"losses": []}
    if state["losses"]:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    losses, epochs = list(state["losses"]), batches_within_budget(lengths, options)
    steps = [len(groups) for groups in epochs]
    model.train()
    with Progress("training") as progress:
        for epoch in range(len(losses), len(epochs)):
            started, total, count = time.monotonic(), 0.0, 0
            progress.begin(f"epoch {epoch + 1}/{len(epochs)}", sum(map(len, epochs[epoch])), "sequences")
            for step, rows in enumerate(epochs[epoch], sum(steps[:epoch])):
                for group in optimizer.param_groups:
                    group["lr"] = _learning_rate(options, step, sum(steps))
                optimizer.zero_grad(set_to_none=True)
                loss, tokens = next_token_loss(model, [sequences[row] for row in rows], pad)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
                optimizer.step()
                total, count = total + float(loss.detach()) * tokens, count + tokens
                progress.advance(len(rows))
            losses.append(total / count)
            if not math.isfinite(losses[-1]):
                raise InputError(f"epoch {epoch + 1}: the loss is {losses[-1]}; try a smaller learning_rate")
            state = {"losses": losses, "model": dict(model.state_dict()), "optimizer": optimizer.state_dict()}
            checkpoint.save(state)
            seconds = time.monotonic() - started
            logging.info("epoch %d: loss %.4f a token, %d tokens in %.1f s", epoch + 1, losses[-1], count, seconds)
    model.eval()
    return losses


def batches_within_budget(lengths, options):
    """Return the batches of each epoch, within the token budget.

    Parameters
    ----------
    lengths : numpy.ndarray
        ``(n,)`` lengths of the sequences in tokens.
    options : dict
        Complete options of the type `scratch`. Training ends with the first batch that reaches
        ``max_training_tokens``, padding not counted; the epochs after it are left out.

    Returns
    -------
    list of list of numpy.ndarray
    """
    left, epochs = options["max_training_tokens"] or math.inf, []
    for epoch in range(options["epochs"]):
        groups = batches(lengths, options["batch_tokens"], np.random.default_rng([options["seed"], epoch]))
        before = [0, *accumulate(int(lengths[rows].sum()) for rows in groups)]
        epochs.append([rows for rows, used in zip(groups, before, strict=False) if used < left])
        left -= before[-1]
        if left <= 0:
            break
    return epochs


def _learning_rate(options, step, total):
    """Return the learning rate: it rises during warm-up, then falls along a half cosine to 1/50."""
    rise = min(1.0, (step + 1) / max(1, options["warmup_steps"]))
    return options["learning_rate"] * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total))))


def sequences_digest(options, sequences, code=""):
    """Return 12 hexadecimal digits that identify a training, including torch's number of threads.

    Parameters
    ----------
    options : dict
        Complete options of the type `scratch`.
        sequences : list of list of int
    code : str
        Digest of the training code.
    """
    flat = np.fromiter((token for ids in sequences for token in ids), np.int32)
    lengths = np.array([len(ids) for ids in sequences], np.int32)
    sums = [hashlib.sha256(array.tobytes()).hexdigest() for array in (flat, lengths)]
    parts = [options, *sums, code, torch.get_num_threads()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def save_language_model(folder, model, tokenizer, options, losses):
    """Write the folder of a language model, each file atomically."""
    folder = Path(folder)
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        for name in FILES:
            with atomic(folder / name) as path:
                shutil.copyfile(Path(temporary) / name, path)
    description = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocabulary_size": len(tokenizer),
        "options": options,
        "losses": losses,
    }
    write_json(folder / DESCRIPTION, description)
