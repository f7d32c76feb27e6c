"""Audit the lists of a protocol: what they read, permutations, ranks, and no leak in any text."""

from pathlib import Path

from reelrank import step
from reelrank.audit.checks import write_checks
from reelrank.audit.run_lists import check_lists, check_rescored
from reelrank.audit.run_texts import check_prompts, check_statistics, check_texts
from reelrank.audit.targets import read_targets
from reelrank.audit.training_only import Comments
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table
from reelrank.files import read_json


def main(inputs, outputs, cutoffs, history, prompts, left_out):
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
    left_out : dict of str to list of str
        Base models and re-rankers whose lists are not scored again with other held-out items.

    Raises
    ------
    InputError
        Names some of the failing rows; the log has all of them.
    """
    interactions, split = (read_table(inputs[name], name) for name in ("interactions", "split"))
    n_items = len(read_table(inputs["catalogue"], "items"))
    comments = Comments(interactions, split, read_table(inputs["comments"], "comments"))
    rescored = [row for path in inputs["rescored"] for row in read_json(path)]
    checks = [
        *check_rescored(rescored, cutoffs, left_out),
        *check_lists(inputs["lists"], inputs["ranks"], read_targets(interactions, split, n_items)),
        check_texts(inputs["texts"], comments),
        check_prompts(inputs, load_interactions(inputs["interactions"], inputs["split"]), comments, prompts, history),
        check_statistics(inputs["item_statistics"], interactions, split, n_items),
    ]
    write_checks(checks, outputs, "/".join(Path(outputs["json"]).parts[-4:-2]))


step.run(main, snakemake)
