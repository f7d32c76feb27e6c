"""Convert the published files of a dataset into the prepared tables."""

import logging

from reelrank import datasets, step
from reelrank.data.preparation import prepare, sparse_fields
from reelrank.data.tables import write_tables
from reelrank.files import write_json


def main(inputs, outputs, adapter, fields, options, min_interactions, expected, tie_seed=None):
    """Read, index, sort and count the data; write the tables and ``statistics.json``.

    Parameters
    ----------
    inputs, outputs : dict of str to path
        Published files by role; prepared files by table name (``catalogue`` for the items).
    adapter : str
    fields : list of str
    options : dict
    min_interactions : int
    expected : dict of str to int
        Published counts; differences are recorded and logged.
    tie_seed : int, optional
        See `reelrank.data.preparation.prepare`.
    """
    raw = datasets.read_dataset(adapter, inputs, fields, options)
    tables, statistics = prepare(raw, min_interactions, tie_seed)
    differs = {key: (statistics[key], value) for key, value in expected.items() if statistics[key] != value}
    for key, (found, value) in differs.items():
        logging.warning("%s: found %s; expected %s, as published", key, found, value)
    statistics["differs_from_published"] = sorted(differs)
    for sentence in sparse_fields(statistics):
        logging.warning("%s: is its file complete, and of this dataset?", sentence)
    if not statistics["has_timestamps"]:
        logging.warning("the interactions have no times: the protocol temporal and the age of items are off")
    sizes = {"n_users": statistics["users"], "n_items": statistics["items"]}
    write_tables(tables, {**outputs, "items": outputs["catalogue"]}, sizes)
    write_json(outputs["statistics"], statistics)
    logging.info("%s", statistics)


step.run(main, snakemake)
