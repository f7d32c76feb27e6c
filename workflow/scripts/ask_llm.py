"""Ask a language model to rank each list; write its raw answers and their cost."""

import json

from reelrank import step
from reelrank.config.prompts import build_prompt
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists
from reelrank.data.tables import write_table
from reelrank.files import write_json
from reelrank.llm.answers.columns import answer_columns
from reelrank.llm.ask.job import job_name, run_job
from reelrank.llm.ask.users import choose_users
from reelrank.llm.item_texts import catalogue_texts

SPLITS = ("valid", "test")


def main(inputs, outputs, about, options, chat_model, limits, prompt, history, prices, shard=(1, 1)):
    """Write the answers for both splits and the ledger.

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``catalogue``, and
        ``comments`` if prompts show them.
    outputs : dict of str to path
        ``valid``, ``test``, ``ledger``.
    about : dict
        Metadata of the lists.
    options : dict
        Result of `reelrank.config.generative.generative_options`.
    chat_model : dict
        Result of `reelrank.config.generative.chat_model_of`. If it runs in process, ``model`` is what is loaded, and
        ``threads`` is the number of threads, which affects the last bits of its sums.
    limits : dict
        Budget and rate limits of the chat model (`reelrank.config.generative.limits`).
    prompt : dict
        Definition of the prompt.
    history : {'full', 'train_only'}
    prices : tuple of (float, float) or None
    shard : (int, int)
        The number of the shard, from 1, and the number of shards.
    """
    chat_model = chat_model | limits
    data = load_interactions(inputs["interactions"], inputs["split"])
    texts = catalogue_texts(inputs, options, data)
    chosen = [
        choose_users(
            options["users"], split, read_lists(inputs[split])[0], data.queries(split, history), about["depth"]
        )
        for split in SPLITS
    ]
    asked = [one.of_shard(*shard) for one in chosen]
    prompt, job = build_prompt(options["prompt"], prompt), job_name(about, shard)
    rows, effective, ledger = run_job(about["reranker"], job, asked, options, chat_model, prices, prompt, texts)
    for split in SPLITS:
        metadata = {**about, "split": split, "options": json.dumps(effective)}
        write_table(answer_columns(rows[split]), "answers", outputs[split], metadata)
    write_json(outputs["ledger"], ledger)


step.run(main, snakemake)
