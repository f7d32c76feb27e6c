"""Take the lists of an outside recommender as base lists, for valid and for test."""

import logging
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.external_lists import no_lists, read_external, refuse_foreign, refuse_shallow, restrict_to
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import write_lists
from reelrank.data.tables import read_table
from reelrank.files import write_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, cutoff):
    """Write the base lists and what was counted.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``users``, ``catalogue``, the file of ``test`` lists, and
        that of ``valid`` lists or none: the valid lists are then those of nobody.
    outputs : dict of str to path
        ``valid``, ``test``, ``counts``.
    about : dict
        Metadata; its depth is cut to that of the deepest test list.
    cutoff : int
        The largest n of the metrics: no list may be shorter.
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    users = read_table(inputs["users"], "users")["user_id"].to_pylist()
    items = read_table(inputs["catalogue"], "items")["item_id"].to_pylist()
    lists, counts = {}, {}
    for part in ("test", "valid"):
        if part not in inputs:
            lists[part], counts[part] = no_lists(), None
            logging.warning("no valid lists: nothing can be chosen or fitted on this base model")
            continue
        refuse_foreign(inputs[part], {**about, "split": part})
        read, found = read_external(inputs[part], users, items, about["depth"])
        lists[part], fitting = restrict_to(read, data.queries(part))
        refuse_shallow(inputs[part], about["base_model"], lists[part], users, cutoff)
        counts[part] = found | fitting
        logging.info("%s: %s", inputs[part], counts[part])
        for name in ("users_without_target", "users_without_list", "seen_entries"):
            if counts[part][name]:
                logging.warning("%s: %s = %d", inputs[part], name, counts[part][name])
    about = {**about, "depth": min(about["depth"], counts["test"]["deepest"])}
    for part in ("valid", "test"):
        write_lists(lists[part].head(about["depth"]), outputs[part], {**about, "split": part})
    write_json(outputs["counts"], counts)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.cutoff,
    )
