"""Fine-tune a pretrained language model with LoRA on training histories: letters of next items, or titles."""

import logging
from pathlib import Path

from reelrank import step
from reelrank.config.prompts import build_prompt
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table
from reelrank.hardware import make_deterministic, pick_device
from reelrank.llm.item_texts import catalogue_texts
from reelrank.llm.local import finetuning
from reelrank.llm.local.loading import load_language_model
from reelrank.llm.local.tuning_questions import TrainingQuestions
from reelrank.llm.local.tuning_targets import Letters, Titles
from reelrank.llm.rendering import Renderer
from reelrank.llm.titles import plain_titles
from reelrank.training.checkpoints import Checkpoint, remove_checkpoints


def main(inputs, outputs, language_model, block, source, prompt, threads, code=""):
    """Write the adapter that a config block describes.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``catalogue``.
    outputs : dict of str to path
        ``weights``, and other files of the same folder.
    language_model : str
        The name of the language model in the config.
    block : dict
    source : dict
        The base model: ``model`` or ``package``, and optionally ``revision`` and ``precision``.
    prompt : dict or None
        Definition of the prompt, for ``target: letters``.
    threads : int
    code : str
        Digest of the training code.
    """
    folder = Path(outputs["weights"]).parent
    options = {key: value for key, value in block.items() if key != "type"}
    make_deterministic(threads, options["seed"])
    data = load_interactions(inputs["interactions"], inputs["split"])
    base, tokenizer = load_language_model(f"language_models.{block['base']}", device=pick_device(), **source)
    model = finetuning.add_adapter(base, options)
    if options["target"] == "titles":
        texts = plain_titles(read_table(inputs["catalogue"], "items")["title"].to_pylist())
        target = Titles(tokenizer, data, texts, options["history_length"])
    else:
        target, texts = letters(tokenizer, data, inputs, options, prompt)
    checkpoint = Checkpoint(folder, finetuning.training_digest(options, source, [prompt, texts], data, code))
    losses = finetuning.finetune(model, target, options, checkpoint)
    finetuning.save_adapter(folder, model, options["base"], options, losses)
    remove_checkpoints(folder)
    logging.info("%s: wrote an adapter for %s", language_model, options["base"])


def letters(tokenizer, data, inputs, options, prompt):
    """Return the target of letters, and the items' texts in its prompts."""
    shown = {"fields": options["fields"], "strategy": "letter_logits"}
    texts = catalogue_texts(inputs, shown, data)
    how = {**shown, "temperature": 0.0, "seed": None, "max_tokens": None}
    renderer = Renderer(build_prompt(options["prompt"], prompt), texts, how, False)

    def render(history, candidates):
        """Return the messages and choices of one training question."""
        request = renderer.request(history, candidates)
        return request.messages, request.choices

    questions = TrainingQuestions(data, options["history_length"], options["candidates"])
    return Letters(tokenizer, questions, render), texts


step.run(main, snakemake)
