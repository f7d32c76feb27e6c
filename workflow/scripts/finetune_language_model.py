"""Fine-tune a pretrained language model with LoRA to predict the letter of the next item."""

import logging
from pathlib import Path

from reelrank import step
from reelrank.config.prompts import build_prompt
from reelrank.data.interactions import load_interactions
from reelrank.hardware import make_deterministic, pick_device
from reelrank.llm.item_texts import catalogue_texts
from reelrank.llm.local import finetuning
from reelrank.llm.local.loading import load_language_model
from reelrank.llm.local.tuning_questions import TrainingQuestions
from reelrank.llm.rendering import Renderer
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
        The base model: ``model``, and optionally ``revision`` and ``precision``.
    prompt : dict
        Definition of the prompt.
    threads : int
    code : str
        Digest of the training code.
    """
    folder = Path(outputs["weights"]).parent
    options = {key: value for key, value in block.items() if key != "type"}
    make_deterministic(threads, options["seed"])
    data = load_interactions(inputs["interactions"], inputs["split"])
    shown = {"fields": options["fields"], "strategy": "letter_logits"}
    texts = catalogue_texts(inputs, shown, data)
    how = {**shown, "temperature": 0.0, "seed": None, "max_tokens": None}
    renderer = Renderer(build_prompt(options["prompt"], prompt), texts, how, False)

    def render(history, candidates):
        """Return the messages and choices of one training question."""
        request = renderer.request(history, candidates)
        return request.messages, request.choices

    base, tokenizer = load_language_model(f"language_models.{block['base']}", device=pick_device(), **source)
    model = finetuning.add_adapter(base, options)
    questions = TrainingQuestions(data, options["history_length"], options["candidates"])
    digest = finetuning.training_digest(options, source, [prompt, texts], data, code)
    checkpoint = Checkpoint(folder, digest)
    losses = finetuning.finetune(model, tokenizer, questions, render, options, checkpoint)
    finetuning.save_adapter(folder, model, options["base"], options, losses)
    remove_checkpoints(folder)
    logging.info("%s: wrote an adapter for %s", language_model, options["base"])


step.run(main, snakemake)
