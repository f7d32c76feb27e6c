"""Audit a protocol with redrawn targets: every list made for them must hit at the rate of chance."""

from pathlib import Path

from reelrank import step
from reelrank.audit.checks import write_checks
from reelrank.audit.run_lists import check_redrawn
from reelrank.audit.targets import read_targets
from reelrank.data.tables import read_table


def main(inputs, outputs, cutoffs, trained_again, left_out, fitted):
    """Write ``redrawn.json`` and ``redrawn.md``; raise `InputError` if the audit fails.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        ``interactions``, ``catalogue``, ``redrawn_split``, ``redrawn_lists``.
    outputs : dict of str to path
        ``json``, ``md``.
    cutoffs : sequence of int
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
    interactions = read_table(inputs["interactions"], "interactions")
    split, n_items = read_table(inputs["redrawn_split"], "split"), len(read_table(inputs["catalogue"], "items"))
    targets = read_targets(interactions, split, n_items)
    check = check_redrawn(inputs["redrawn_lists"], targets, cutoffs, trained_again, left_out, fitted)
    write_checks([check], outputs, "/".join(Path(outputs["json"]).parts[-4:-2]))


step.run(main, snakemake)
