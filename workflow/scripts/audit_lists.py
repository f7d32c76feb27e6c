"""Audit the lists of a protocol: redrawn targets at chance level, permutations, ranks, and no leak in any text."""

import logging
from pathlib import Path

from reelrank import step
from reelrank.audit.checks import failure_message, to_json, to_markdown
from reelrank.audit.run_lists import check_lists, check_redrawn
from reelrank.audit.run_texts import check_prompts, check_statistics, check_texts
from reelrank.audit.targets import read_targets
from reelrank.audit.training_only import Comments
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table
from reelrank.errors import InputError
from reelrank.files import write_json, write_text


def main(inputs, outputs, cutoffs, history, prompts, trained_again, left_out, fitted):
    """Write ``audit.json`` and ``audit.md``; raise `InputError` if an audit fails.

    Parameters
    ----------
    inputs : dict
        See rule ``audit_lists``: paths, and lists of paths.
    outputs : dict of str to path
        ``json``, ``md``.
    cutoffs : sequence of int
    history : {'full', 'train_only'}
    prompts : dict of str to dict
        The prompt of each generative re-ranker.
    trained_again : bool
    left_out : dict of str to list of str
        Parts of the run that are not audited with redrawn targets.
    fitted : list of str
        Re-rankers whose valid lists are scored by a model that was fitted on them.

    Raises
    ------
    InputError
        Names some of the failing rows; the log has all of them.
    """
    interactions, split = (read_table(inputs[name], name) for name in ("interactions", "split"))
    n_items = len(read_table(inputs["catalogue"], "items"))
    comments = Comments(interactions, split, read_table(inputs["comments"], "comments"))
    drawn = read_table(inputs["redrawn_split"], "split") if "redrawn_split" in inputs else split
    redrawn, redrawn_targets = inputs.get("redrawn_lists", []), read_targets(interactions, drawn, n_items)
    checks = [
        check_redrawn(redrawn, redrawn_targets, cutoffs, trained_again, left_out, fitted),
        *check_lists(inputs["lists"], inputs["ranks"], read_targets(interactions, split, n_items)),
        check_texts(inputs["texts"], comments),
        check_prompts(inputs, load_interactions(inputs["interactions"], inputs["split"]), comments, prompts, history),
        check_statistics(inputs["item_statistics"], interactions, split, n_items),
    ]
    place = "/".join(Path(outputs["json"]).parts[-4:-2])
    markdown = to_markdown(checks, place)
    logging.info("%s", markdown)
    if not all(check.passed for check in checks):
        for failure in (failure for check in checks for failure in check.failures):
            logging.error("%s", failure)
        raise InputError(failure_message(checks, place))
    write_json(outputs["json"], to_json(checks))
    write_text(outputs["md"], markdown)


step.run(main, snakemake)
