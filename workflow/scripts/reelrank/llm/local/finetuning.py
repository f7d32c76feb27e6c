"""Fine-tuning with LoRA and letter targets: the target after a prompt is the letter of the next item.

Sources: Hu et al., "LoRA" (ICLR 2022); the targets come from Yue et al., "LlamaRec"
(arXiv 2311.02089).
"""

import hashlib
import json
import logging
import math
import shutil
import tempfile
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

from reelrank.digests import folder_digest
from reelrank.errors import InputError
from reelrank.files import atomic, read_json, write_json
from reelrank.llm.local.loading import encode_messages, token_variants
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


def letter_loss(model, tokenizer, prompts, choices, places):
    """Return the mean negative log-probability of the right letter as the next token, summed over its variants.

    Parameters
    ----------
    model : transformers.PreTrainedModel or peft.PeftModel
    tokenizer : transformers.PreTrainedTokenizerBase
    prompts : list of sequence of (str, str)
        Messages of each prompt.
    choices : list of sequence of str
        The letters of each prompt.
    places : list of int
        Index of the right letter.
    """
    device = next(model.parameters()).device
    sequences = [encode_messages(tokenizer, messages) for messages in prompts]
    longest = max(map(len, sequences))
    ids = torch.tensor([[0] * (longest - len(own)) + list(own) for own in sequences], device=device)
    real = torch.tensor([[0] * (longest - len(own)) + [1] * len(own) for own in sequences], device=device)
    positions = (real.cumsum(1) - 1).clamp_min(0)
    logits = model(input_ids=ids, attention_mask=real, position_ids=positions, logits_to_keep=1).logits[:, -1]
    logprobs = logits.float().log_softmax(-1)
    right = [token_variants(tokenizer, own[place]) for own, place in zip(choices, places, strict=True)]
    return -torch.stack([row[tokens].logsumexp(0) for row, tokens in zip(logprobs, right, strict=True)]).mean()


def finetune(model, tokenizer, questions, render, options, checkpoint):
    """Train the adapter of `model` in place; a killed training continues after its last complete epoch.

    Parameters
    ----------
    model : peft.PeftModel
        Result of `add_adapter`.
    tokenizer : transformers.PreTrainedTokenizerBase
    questions : reelrank.llm.local.tuning_questions.TrainingQuestions
    render : callable
        ``render(history, shown)`` returns messages and letters, in the same form as for ranking.
    options : dict
        Complete options of the type `lora`.
        checkpoint : reelrank.training.checkpoints.Checkpoint
        The caller removes it after the adapter is written.

    Returns
    -------
    list of float
        Mean loss of each epoch, in nats per question.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options["learning_rate"], weight_decay=0.0)
    state = checkpoint.load() or {"losses": []}
    losses = list(state["losses"])
    if losses:
        set_peft_model_state_dict(model, state["adapter"])
        optimizer.load_state_dict(state["optimizer"])
        set_random_state(state["random"], torch.default_generator, model.device)
    model.train()
    for epoch in range(len(losses), options["epochs"]):
        started = time.monotonic()
        drawn = questions.draw(options["questions"], [options["seed"], epoch])
        if not drawn:
            raise InputError("found no training history with at least two items; fine-tuning needs some")
        losses.append(_run_epoch(model, tokenizer, drawn, render, options, optimizer, epoch))
        if not math.isfinite(losses[-1]):
            raise InputError(f"epoch {epoch + 1}: the loss is {losses[-1]}; try a smaller learning_rate")
        adapter = dict(get_peft_model_state_dict(model))
        random = random_state(torch.default_generator, model.device)  # dropout uses the generator of the model's device
        checkpoint.save({"losses": losses, "adapter": adapter, "optimizer": optimizer.state_dict(), "random": random})
        seconds = time.monotonic() - started
        logging.info("epoch %d/%d: loss %.4f per question, %.1f s", epoch + 1, options["epochs"], losses[-1], seconds)
    model.eval()
    return losses


def _run_epoch(model, tokenizer, drawn, render, options, optimizer, epoch):
    steps, total = -(-len(drawn) // options["batch_size"]), 0.0
    with Progress(f"epoch {epoch + 1}/{options['epochs']}", len(drawn), "questions") as progress:
        for step in range(steps):
            share = (epoch * steps + step) / (options["epochs"] * steps)
            for group in optimizer.param_groups:
                group["lr"] = options["learning_rate"] * 0.5 * (1 + math.cos(math.pi * share))
            batch = drawn[step * options["batch_size"] : (step + 1) * options["batch_size"]]
            rendered = [render(question.history, question.shown) for question in batch]
            prompts, choices = zip(*rendered, strict=True)
            optimizer.zero_grad(set_to_none=True)
            loss = letter_loss(model, tokenizer, prompts, choices, [question.place for question in batch])
            loss.backward()
            torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], MAX_GRADIENT_NORM)
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
            The base: ``model``, and optionally ``adapter``, ``revision``, ``precision``. The content
            of a folder counts, not its path, since the base may be retrained in the same folder.
    prompt : object
        Definition of the prompt, JSON-serialisable.
    data : reelrank.data.interactions.Interactions
    code : str
        Digest of the training code.
    """
    folders = {
        key: folder_digest(value) for key, value in base.items() if key in FOLDERS and value and Path(value).is_dir()
    }
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
        model.save_pretrained(temporary)
        config = read_json(Path(temporary) / CONFIG)
        # peft stores the names as a set, whose order differs between runs.
        config |= {"base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
        write_json(folder / CONFIG, dict(sorted(config.items())))
        with atomic(folder / WEIGHTS) as path:
            shutil.copyfile(Path(temporary) / WEIGHTS, path)
    parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    description = {"base": base, "parameters": parameters, "options": options, "losses": losses}
    write_json(folder / DESCRIPTION, description)
