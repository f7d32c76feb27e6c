"""Compare two results folders: differences in the config and in the numbers."""

from reelrank import step
from reelrank.errors import InputError
from reelrank.files import write_text
from reelrank.report.comparison import comparison_markdown, number_differences, read_results


def main(runs, outputs):
    """Write the comparison of the two folders in `runs` (`outputs`: md, csv).

    Raises
    ------
    InputError
        If `runs` is not two folders, or a folder lacks a file.
    """
    if len(runs) != 2:
        raise InputError(f"config key runs: found {list(runs)}; expected two folders results/{{dataset}}/{{protocol}}")
    configs, hits = zip(*map(read_results, runs), strict=True)
    numbers = number_differences(*hits)
    write_text(outputs["csv"], numbers.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    write_text(outputs["md"], comparison_markdown(runs, configs, hits, numbers))


step.run(main, snakemake)
