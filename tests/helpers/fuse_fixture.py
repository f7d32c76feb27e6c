"""What a fusion reads beside lists, written as the workflow writes it."""

import numpy as np
import pyarrow as pa

from reelrank.data.tables import SPLITS, write_table


def tables(folder, data):
    """Write the prepared tables of interactions; return their paths."""
    users = data.users.astype(np.int32)
    position = (np.arange(len(users)) - data.starts[users]).astype(np.int32)
    split = pa.DictionaryArray.from_arrays(pa.array(data.codes, pa.int8()), list(SPLITS))
    items = np.arange(data.n_items)
    sizes = {"n_users": data.n_users, "n_items": data.n_items}
    paths = {name: folder / f"{name}.parquet" for name in ("interactions", "split", "item_statistics", "catalogue")}
    when = np.arange(len(users))
    columns = {"user": users, "item": data.items, "timestamp": when, "position": position}
    write_table(columns, "interactions", paths["interactions"], sizes)
    write_table({"user": users, "position": position, "split": split}, "split", paths["split"], sizes)
    first = {"first_timestamp": items, "last_timestamp": items, "popularity": data.popularity()}
    write_table({"item": items, **first}, "item_statistics", paths["item_statistics"])
    names = [str(item) for item in items]
    write_table(
        pa.table({"item": pa.array(items, pa.int32()), "item_id": names, "title": names}), "items", paths["catalogue"]
    )
    return paths


def fuse_arguments(inputs, signals, outputs):
    """Return the arguments of the step `fuse` that name files, as its rule gives them.

    Parameters
    ----------
    inputs : dict of str to path
    signals : dict of str to dict of str to path
        The lists of each signal by split.
    outputs : dict of str to dict of str to path
        The files of each fusion by name.
    """
    listed = {f"signals_{split}": [paths[split] for paths in signals.values()] for split in ("valid", "test")}
    keys = ("valid", "test", "description", "fitted")
    return {
        "inputs": {"matrices": [], "texts": [], **inputs, **listed},
        "outputs": {key: [paths[key] for paths in outputs.values()] for key in keys},
        "signals": list(signals),
        "features": [],
        "words": {},
    }
