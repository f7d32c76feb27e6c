"""Write the trials of all searched models and fusions as one table, and a page with the best settings."""

from pathlib import Path

from reelrank import step
from reelrank.errors import InputError
from reelrank.evaluation.search_table import rows_of, to_csv, to_markdown
from reelrank.files import read_json, write_text


def main(outputs, searched, not_searched, over, command, trials=()):
    """Write ``search.csv`` and ``search.md``.

    Parameters
    ----------
    outputs : dict of str to path
        ``csv``, ``md``.
    searched : list of (str, str, str or None)
        Section, name and origin of each searched model and fusion.
    not_searched : list of str
        Fusions with ranges that are not searched.
    over : str or None
        See ``search.over`` of the config.
    command : str
        Runs this search again.
    trials : sequence of path
        ``trials.json`` of each, in the same order.

    Raises
    ------
    InputError
        If nothing is searched.
    """
    if not searched:
        raise InputError(
            "config key search: found no ranges of a base model or fusion of the run; expected some under "
            "search.models for a name in run.base_models, or under search.rerankers with search.over in the run"
        )
    found = [(*names, read_json(path)) for names, path in zip(searched, trials, strict=True)]
    rows = [row for section, name, _, about in found for row in rows_of(section, name, about["trials"])]
    write_text(outputs["csv"], to_csv(rows))
    place = " ".join(Path(outputs["csv"]).parts[-4:-2])
    write_text(outputs["md"], to_markdown(found, place, not_searched, over, command))


step.run(main, snakemake)
