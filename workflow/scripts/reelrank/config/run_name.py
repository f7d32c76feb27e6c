"""The check of the config key ``run.name``. No heavy import: Snakemake itself runs this."""

from pathlib import Path

from reelrank.errors import InputError


def check_run_name(config, folder):
    """Check that a named run does not write into the folder of a dataset.

    Parameters
    ----------
    config : dict
    folder : Path
        The folder ``config/``, with ``datasets/``.

    Raises
    ------
    InputError
        If ``run.name`` is the name of a dataset, whose results lie below ``results/`` themselves.
    """
    name = config["run"].get("name")
    datasets = {path.stem for path in (Path(folder) / "datasets").glob("*.yaml")} | {config["dataset"]}
    if name in datasets:
        raise InputError(f"config key run.name: found {name!r}, the name of a dataset; expected another name")
