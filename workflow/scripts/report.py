"""Write the report of a run for one protocol: one page, tables for papers, and the run's config."""

from pathlib import Path

from reelrank import step
from reelrank.errors import InputError
from reelrank.files import write_json, write_text
from reelrank.report.benchmarks import read_benchmarks
from reelrank.report.inputs import read_run
from reelrank.report.latex import to_latex, to_markdown
from reelrank.report.page import build_page
from reelrank.report.paper_tables import compact_effects, compact_hits, summary
from reelrank.report.redact import shown_config, to_yaml
from reelrank.report.verdict import verdict


def main(inputs, outputs, settings):
    """Write the page and its tables.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        See `reelrank.report.inputs.read_run`; ``figures`` lists the SVG files.
    outputs : dict of str to path
        ``html``, ``verdict``, ``summary``, ``config``, ``hit_rate_tex``, ``effects_md``, ``effects_tex``.
    settings : dict
        ``config`` (completed), ``protocol``, ``benchmarks`` (folder of the dataset's benchmark files).

    Raises
    ------
    InputError
        If an audit failed: a run with a failed audit must not be reported.
    """
    run = read_run(inputs, settings)
    if not run.audit.get("passed"):
        failed = [check["name"] for check in run.audit.get("checks", []) if not check["passed"]]
        raise InputError(
            f"{inputs['audit']}: found failed audits {failed}; all audits must pass before a report is written"
        )
    jobs = read_benchmarks(settings["benchmarks"], run.protocol)
    write_text(outputs["html"], build_page(run, {Path(path).stem: path for path in inputs["figures"]}, jobs))
    write_json(outputs["verdict"], verdict(run))
    write_text(outputs["summary"], summary(run))
    write_text(outputs["config"], to_yaml(shown_config(run.config)))
    hits, effects = compact_hits(run), compact_effects(run)
    write_text(outputs["hit_rate_tex"], to_latex(hits, hits.title, "tab:hits"))
    write_text(outputs["effects_md"], to_markdown(effects))
    write_text(outputs["effects_tex"], to_latex(effects, effects.title, "tab:effects"))


step.run(main, snakemake)
