"""Fine-tuning with LoRA (Hu et al., ICLR 2022); `reelrank.llm.local.tuning_targets` has what is learned."""

import hashlib
import json
import logging
import math
import shutil
import tempfile
import time
from importlib import metadata
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

from reelrank.digests import folder_digest
from reelrank.errors import InputError
from reelrank.files import atomic, read_json, write_json
from reelrank.llm.local.pretraining import DESCRIPTION
from reelrank.progress import Progress
from reelrank.training.checkpoints import random_state, set_random_state

#: Files of an adapter's folder.
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"

#: Keys of a base that may name a folder.
FOLDERS = ("model", "adapter")

#: Maximum gradient norm.
MAX_GRADIENT_NORM = 1.0


def add_adapter(model, options):
    """Return the model with a new adapter, which has no effect before training; only the adapter is trainable.

    Raises
    ------
    InputError
        If the model has no layers with the names in ``target_modules``.
    """
    torch.manual_seed(options["seed"])
    config = LoraConfig(
        r=options["rank"],
        lora_alpha=options["alpha"],
        lora_dropout=options["dropout"],
        target_modules=options["target_modules"],
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        names = sorted({name.rpartition(".")[2] for name, layer in model.named_modules() if hasattr(layer, "weight")})
        raise InputError(
            f"target_modules: found {options['target_modules']}; expected layers of the model: {names}"
        ) from error


def draw_examples(target, options):
    """Return the examples of each epoch, within the token budget.

    Parameters
    ----------
    target : reelrank.llm.local.tuning_targets.Letters or Titles
    options : dict
        Complete options of the type `lora`. Training ends with the first example that reaches
        ``max_training_tokens``; the epochs after it are left out.

    Returns
    -------
    list of list

    Raises
    ------
    InputError
        If there is no example.
    """
    left, epochs = options["max_training_tokens"] or math.inf, []
    for epoch in range(options["epochs"]):
        drawn = target.draw(options["questions"], [options["seed"], epoch])
        if not drawn:
            raise InputError("found no training history with at least two items; fine-tuning needs some")
        before = [0, *accumulate(map(target.tokens, drawn))]
        epochs.append([example for example, used in zip(drawn, before, strict=False) if used < left])
        left -= before[-1]
        if left <= 0:
            break
    return epochs


def finetune(model, target, options, checkpoint):
    """Train the adapter of `model` in place; a killed training continues after its last complete epoch.

    Parameters
    ----------
    model : peft.PeftModel
        Result of `add_adapter`.
    target : reelrank.llm.local.tuning_targets.Letters or Titles
        Draws the examples and computes their loss.
    options : dict
        Complete options of the type `lora`.
        checkpoint : reelrank.training.checkpoints.Checkpoint
        The caller removes it after the adapter is written.

    Returns
    -------
    list of float
        Mean loss of each epoch: nats per question, or per token.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options["learning_rate"], weight_decay=0.0)
    state = checkpoint.load() or {"losses": []}
    losses = list(state["losses"])
    if losses:
        set_peft_model_state_dict(model, state["adapter"])
        optimizer.load_state_dict(state["optimizer"])
        set_random_state(state["random"], torch.default_generator, model.device)
    epochs, size = draw_examples(target, options), options["batch_size"]
    steps = [math.ceil(len(drawn) / size) for drawn in epochs]
    model.train()
    for epoch in range(len(losses), len(epochs)):
        started, drawn = time.monotonic(), epochs[epoch]
        shares = (np.arange(steps[epoch]) + sum(steps[:epoch])) / sum(steps)
        rates = 0.5 * options["learning_rate"] * (1 + np.cos(np.pi * shares))
        with Progress(f"epoch {epoch + 1}/{len(epochs)}", len(drawn), "examples") as progress:
            losses.append(_run_epoch(model, target, drawn, size, optimizer, rates.tolist(), progress))
        if not math.isfinite(losses[-1]):
            raise InputError(f"epoch {epoch + 1}: the loss is {losses[-1]}; try a smaller learning_rate")
        adapter = dict(get_peft_model_state_dict(model, save_embedding_layers=False))
        random = random_state(torch.default_generator, model.device)  # dropout uses the generator of the model's device
        checkpoint.save({"losses": losses, "adapter": adapter, "optimizer": optimizer.state_dict(), "random": random})
        seconds, tokens = time.monotonic() - started, sum(map(target.tokens, drawn))
        logging.info("epoch %d: loss %.4f, %d tokens in %.1f s", epoch + 1, losses[-1], tokens, seconds)
    model.eval()
    return losses


def _run_epoch(model, target, drawn, size, optimizer, rates, progress):
    """Return the mean loss over the examples of an epoch; `rates` holds the learning rate of each step."""
    trained, total = [p for p in model.parameters() if p.requires_grad], 0.0
    for step, rate in enumerate(rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = drawn[step * size : (step + 1) * size]
        optimizer.zero_grad(set_to_none=True)
        loss = target.loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, MAX_GRADIENT_NORM)
        optimizer.step()
        total += float(loss.detach()) * len(batch)
        progress.advance(len(batch))
    return total / len(drawn)


def training_digest(options, base, prompt, data, code=""):
    """Return 12 hexadecimal digits that identify a fine-tuning, including torch's number of threads.

    Parameters
    ----------
    options : dict
        Complete options of the type `lora`.
        base : dict
            The base: ``model`` or ``package``, and optionally ``adapter``, ``revision``, ``precision``. The content
            of a folder counts, not its path, since the base may be retrained in the same folder; of a package, the
            version.
    prompt : object
        What is learned from besides `data`, JSON-serialisable: the prompt's definition, and texts.
    data : reelrank.data.interactions.Interactions
    code : str
        Digest of the training code.
    """
    folders = {
        key: folder_digest(value) for key, value in base.items() if key in FOLDERS and value and Path(value).is_dir()
    }
    if package := base.get("package"):
        folders["package"] = f"{package} {metadata.version(package.replace('_', '-'))}"
    arrays = [hashlib.sha256(array.tobytes()).hexdigest() for array in (data.items, data.starts, data.codes)]
    parts = [options, base | folders, prompt, arrays, code, torch.get_num_threads()]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def save_adapter(folder, model, base, options, losses):
    """Write the adapter's folder, each file atomically; the base is not copied.

    Parameters
    ----------
    folder : str or Path
    model : peft.PeftModel
    base : str
        Name of the base in the config, written instead of a local path.
    options : dict
        Complete options of the type `lora`.
        losses : list of float
    """
    folder = Path(folder)
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary, save_embedding_layers=False)
        config = read_json(Path(temporary) / CONFIG)
        # peft stores the names as a set, whose order differs between runs.
        config |= {"base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
        write_json(folder / CONFIG, dict(sorted(config.items())))
        with atomic(folder / WEIGHTS) as path:
            shutil.copyfile(Path(temporary) / WEIGHTS, path)
    parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    description = {"base": base, "parameters": parameters, "options": options, "losses": losses}
    write_json(folder / DESCRIPTION, description)
