"""Estimate the requests and the cost of the run's generative re-rankers, without asking a model."""

import pandas as pd

from reelrank import step
from reelrank.config.prompts import build_prompt
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists
from reelrank.files import write_text
from reelrank.llm.ask.estimate import estimate, to_markdown
from reelrank.llm.ask.users import choose_users
from reelrank.llm.item_texts import catalogue_texts
from reelrank.llm.rendering import Renderer


def main(inputs, lists, outputs, rerankers, history):
    """Write ``estimate.csv`` and ``estimate.md``.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``catalogue``, and the tables of other fields that prompts show.
    lists : sequence of path
        Base lists, ``.../{base_model}/seed{seed}/identity/{split}.parquet``.
    outputs : dict of str to path
    rerankers : dict of str to dict
        ``options``, ``chat_model``, ``prompt``, ``prices``, ``depth`` of each.
    history : {'full', 'train_only'}
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    queries = {split: data.queries(split, history) for split in ("valid", "test")}
    read = [read_lists(path) for path in lists]
    rows = []
    for name, own in rerankers.items():
        options = own["options"]
        texts = catalogue_texts(inputs, options, data)
        effective = {**options, "schema": options["strategy"] == "listwise"}
        renderer = Renderer(build_prompt(options["prompt"], own["prompt"]), texts, effective, effective["schema"])
        for base, seed in dict.fromkeys((about["base_model"], about["seed"]) for _, about in read):
            asked = [
                choose_users(options["users"], about["split"], one, queries[about["split"]], own["depth"])
                for one, about in read
                if (about["base_model"], about["seed"]) == (base, seed)
            ]
            found = estimate(asked, effective, own["chat_model"], renderer, own["prices"])
            rows.append({"base_model": base, "seed": seed, "reranker": name, **found})
    write_text(outputs["csv"], pd.DataFrame(rows).to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    write_text(outputs["md"], to_markdown(rows))


step.run(main, snakemake)
