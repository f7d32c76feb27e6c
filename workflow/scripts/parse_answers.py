"""Read the raw answers of a language model into lists, counting what was wrong with them."""

import json
import logging
from collections import Counter
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.llm.answers.parsed_lists import answered_lists, parse_table
from reelrank.llm.ask.users import users_tag

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, options):
    """Write the lists and the table of faults of both parts.

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``valid_answers``, ``test_answers``.
    outputs : dict of str to path
        ``valid``, ``test``, ``valid_parsing``, ``test_parsing``.
    about : dict
    options : dict
        Of `reelrank.config.generative.generative_options`; what the probe changed comes with the answers.
    """
    for part in ("valid", "test"):
        base = read_lists(inputs[part], about["depth"])[0]
        path = inputs[f"{part}_answers"]
        answers = read_table(path, "answers")
        used = options | {key: json.loads(metadata(answers)["options"])[key] for key in ("strategy", "schema")}
        heads = answered_lists(base, answers)
        scores, raw_ranks, columns = parse_table(answers, heads, used, part, path)
        tags = {**about, "split": part, "users": users_tag(options["users"])}
        write_lists(heads.reordered(scores, raw_ranks), outputs[part], tags, base)
        write_table(columns, "parsing", outputs[f"{part}_parsing"], tags)
        logging.info("%s: %d lists; answers by fault: %s", part, len(heads.users), dict(Counter(columns["fault"])))


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        dict(snakemake.params.options),
    )
