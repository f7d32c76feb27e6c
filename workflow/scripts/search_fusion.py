"""Search the settings of one fusion over the valid lists of one base model."""

import contextlib
import logging
from pathlib import Path
from zlib import crc32

import numpy as np
from lightgbm.basic import LightGBMError

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists
from reelrank.digests import digest, file_digest
from reelrank.errors import InputError
from reelrank.files import write_json
from reelrank.rerank.signals.aligned import align, refuse_unfitted, truth_columns
from reelrank.rerank.signals.columns import ColumnStore
from reelrank.rerank.signals.context import load_sources
from reelrank.rerank.signals.valid_value import some_users, valid_value
from reelrank.training.trials import Trials, search

#: What fails one trial.
FAILURES = (InputError, FloatingPointError, MemoryError, LightGBMError)


def main(inputs, outputs, fusion, search_settings, history, threads, code=""):
    """Write ``trials.json``; every finished trial is in a file beside it.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        ``valid`` (the base list), ``signals``, ``interactions``, ``split``, ``item_statistics``, ``catalogue``,
        ``matrices``, ``texts``.
    outputs : dict of str to path
        ``trials``.
    fusion : dict
        ``type``, ``stage``, ``features``, ``words``, ``options`` and ``depth``: see `plan.search.Search.fusion`.
    search_settings : dict
        ``ranges``, ``shipped``, ``trials``, ``seed``, ``validation_users``.
    history : {'full', 'train_only'}
    threads : int
    code : str
        Digest of the code.
    """
    wanted = search_settings
    data = load_interactions(inputs["interactions"], inputs["split"]).without_test()
    base = read_lists(inputs["valid"])[0]
    refuse_unfitted(base, inputs["valid"])
    signals = dict(zip(fusion["stage"]["signals"], inputs.get("signals", []), strict=True))
    aligned = some_users(align(base, signals, fusion["depth"]), wanted["validation_users"], wanted["seed"])
    truth = truth_columns(aligned.lists, data.queries("valid"))
    listed = {"matrices": [], "texts": [], **inputs}
    sources = load_sources(listed, data, fusion["features"], fusion["words"], history, threads)
    columns = ColumnStore(sources)

    def value_of(options):
        """Return the NDCG@10 on valid of the fusion with some settings."""
        given = {**fusion["options"], **options}
        material = {"columns": columns, "threads": threads, "fitted": {}}
        return valid_value(fusion["type"], aligned, truth, given, fusion["stage"], material, wanted["seed"])

    fixed = {key: value for key, value in fusion["options"].items() if key not in wanted["ranges"]}
    read = [inputs["valid"], *signals.values(), *listed["matrices"], inputs["item_statistics"], inputs["catalogue"]]
    read += dict.fromkeys(listed["texts"])
    about = [{**fusion, "options": fixed}, wanted["seed"], wanted["validation_users"], history, threads, code]
    arrays = [crc32(np.ascontiguousarray(array)) for array in (data.items, data.codes, truth)]
    kept = Trials(Path(outputs["trials"]).parent, digest(*about, arrays, *map(file_digest, read)))
    limits = {key: wanted[key] for key in ("shipped", "ranges", "trials", "seed")}
    with contextlib.closing(columns):
        rows = search(value_of, **limits, kept=kept, failures=FAILURES)
    write_json(outputs["trials"], {"users": len(truth), "seed": wanted["seed"], "trials": rows})
    logging.info("%d trials on %d valid users", len(rows), len(truth))


step.run(main, snakemake)
