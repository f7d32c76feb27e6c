"""Ask a language model to rank each list; keep its raw answers and what they cost."""

import json
from typing import TYPE_CHECKING

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
from reelrank.sharding import read_shard

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

PARTS = ("valid", "test")


def main(inputs, outputs, about, options, chat_model, prompt, history, prices, shard=(1, 1)):
    """Write the answers of both parts and the ledger.

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``catalogue``, and
        ``comments``, where prompts show them.
    outputs : dict of str to path
        ``valid``, ``test``, ``ledger``.
    about : dict
        Metadata of the lists.
    options : dict
        Of `reelrank.config.generative.generative_options`.
    chat_model : dict
        Of `reelrank.config.generative.chat_model_of`; where it runs in process, ``model`` is what is loaded, and
        ``threads`` those that decide the order of its sums.
    prompt : dict
        Definition of the prompt.
    history : {'full', 'train_only'}
    prices : tuple of (float, float) or None
    shard : (int, int)
        Which part of the users, from 1, and of how many.
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    texts = catalogue_texts(inputs, options, data)
    chosen = [
        choose_users(options["users"], part, read_lists(inputs[part])[0], data.queries(part, history), about["depth"])
        for part in PARTS
    ]
    asked = [one.of_shard(*shard) for one in chosen]
    prompt, job = build_prompt(options["prompt"], prompt), job_name(about, shard)
    rows, effective, ledger = run_job(about["reranker"], job, asked, options, chat_model, prices, prompt, texts)
    for part in PARTS:
        metadata = {**about, "split": part, "options": json.dumps(effective)}
        write_table(answer_columns(rows[part]), "answers", outputs[part], metadata)
    write_json(outputs["ledger"], ledger)


if __name__ == "__main__":
    step.start(snakemake.log)
    resources = dict(snakemake.resources.items())
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        dict(snakemake.params.options),
        dict(snakemake.params.chat_model) | json.loads(resources["limits"]),
        snakemake.params.prompt,
        snakemake.params.history,
        json.loads(resources["prices"]),
        read_shard(snakemake.wildcards),
    )
