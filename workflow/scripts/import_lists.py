"""Import the lists of an external recommender as base lists, for valid and test."""

import logging

from reelrank import step
from reelrank.data.external_lists import no_lists, read_external, refuse_foreign, refuse_shallow, restrict_to
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import write_lists
from reelrank.data.tables import read_table
from reelrank.files import write_json


def main(inputs, outputs, about, cutoff):
    """Write the base lists and the counts.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``users``, ``catalogue``, the file of ``test`` lists, and
        optionally the file of ``valid`` lists. Without it, the valid lists are empty.
    outputs : dict of str to path
        ``valid``, ``test``, ``counts``.
    about : dict
        Metadata; its depth is reduced to the longest test list.
    cutoff : int
        The largest cutoff of the metrics: no list may be shorter.
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    users = read_table(inputs["users"], "users")["user_id"].to_pylist()
    items = read_table(inputs["catalogue"], "items")["item_id"].to_pylist()
    lists, counts = {}, {}
    for split in ("test", "valid"):
        if split not in inputs:
            lists[split], counts[split] = no_lists(), None
            logging.warning("found no valid lists: nothing can be chosen or fitted on this base model")
            continue
        refuse_foreign(inputs[split], {**about, "split": split})
        read, found = read_external(inputs[split], users, items, about["depth"])
        lists[split], fitting = restrict_to(read, data.queries(split))
        refuse_shallow(inputs[split], about["base_model"], lists[split], users, cutoff)
        counts[split] = found | fitting
        logging.info("%s: %s", inputs[split], counts[split])
        for name in ("users_without_target", "users_without_list", "seen_entries"):
            if counts[split][name]:
                logging.warning("%s: %s = %d", inputs[split], name, counts[split][name])
    about = {**about, "depth": min(about["depth"], counts["test"]["deepest"])}
    for split in ("valid", "test"):
        write_lists(lists[split].head(about["depth"]), outputs[split], {**about, "split": split})
    write_json(outputs["counts"], counts)


step.run(main, snakemake)
