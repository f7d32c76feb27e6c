"""Parse the raw answers of a language model into lists, and count their faults."""

import json
import logging
from collections import Counter

from reelrank import step
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.llm.answers.parsed_lists import answered_lists, parse_table
from reelrank.llm.ask.users import users_tag


def main(inputs, outputs, about, options):
    """Write the lists and the tables of faults for both splits.

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``valid_answers``, ``test_answers``.
    outputs : dict of str to path
        ``valid``, ``test``, ``valid_parsing``, ``test_parsing``.
    about : dict
    options : dict
        Result of `reelrank.config.generative.generative_options`; changes by the probe are stored with the answers.
    """
    for split in ("valid", "test"):
        base = read_lists(inputs[split], about["depth"])[0]
        path = inputs[f"{split}_answers"]
        answers = read_table(path, "answers")
        used = options | {key: json.loads(metadata(answers)["options"])[key] for key in ("strategy", "schema")}
        heads = answered_lists(base, answers)
        scores, raw_ranks, columns = parse_table(answers, heads, used, split, path)
        tags = {**about, "split": split, "users": users_tag(options["users"])}
        write_lists(heads.reordered(scores, raw_ranks), outputs[split], tags, base)
        write_table(columns, "parsing", outputs[f"{split}_parsing"], tags)
        logging.info("%s: %d lists; answers by fault: %s", split, len(heads.users), dict(Counter(columns["fault"])))


step.run(main, snakemake)
