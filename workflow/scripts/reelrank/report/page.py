"""The report's page: one HTML file with tables and figures that needs no network."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reelrank.plan.paths import Paths, fill
from reelrank.report import detail_tables as details
from reelrank.report import result_tables as results
from reelrank.report import run_tables as runs
from reelrank.report.headline import headline
from reelrank.report.redact import shown_config, to_yaml
from reelrank.report.values import percent

#: Folder of the template, style, script and captions.
FOLDER = Path(__file__).resolve().parents[3] / "report"

PROTOCOLS = {
    "leave_one_out": "Leave-one-out: the last interaction of every user is test, the last but one valid, the rest is "
    "learned from. Interactions of other users may be later than a user's test interaction.",
    "temporal": "Temporal: two cuts in global time; a user's target is the first interaction after each cut. Nothing "
    "that is learned from is later than the first cut.",
}

HISTORIES = {
    "full": "Models that read a history see everything before the target, the valid interaction included.",
    "train_only": "Models that read a history see training interactions only.",
}


def build_page(run, figures, jobs, folder=FOLDER):
    """Return the page as HTML.

    Parameters
    ----------
    run : reelrank.report.inputs.Run
    figures : dict of str to path
        SVG files by name; ``{name}.rst`` in `folder` is the caption.
    jobs : pandas.DataFrame
        Result of `reelrank.report.benchmarks.read_benchmarks`.
    folder : Path
        Folder with ``template.html``, ``style.css``, ``sort.js`` and the captions.
    """
    told = headline(run)
    pictures = {name: _figure(name, path, folder) for name, path in figures.items()}
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    environment.filters["unbroken"] = unbroken
    return environment.get_template("template.html").render(
        title=run.title,
        protocol=run.protocol,
        headline=told,
        sections=[section for section in _sections(run, told["choice"], pictures, jobs) if section["blocks"]],
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),
        script=Markup((folder / "sort.js").read_text(encoding="utf-8")),
    )


def _sections(run, choice, pictures, jobs):
    def section(name, title, *blocks, text=()):
        """Return a section for the template, without empty blocks."""
        return {"name": name, "title": title, "text": list(text), "blocks": [block for block in blocks if block]}

    def picture(name):
        """Return a figure of the run, or None."""
        return pictures.get(name)

    return [
        section("hits", "Hits", results.hits_grid(run, choice), picture("hit_rate"), results.seeds_grid(run)),
        section(
            "effects", "Effects", picture("effects"), results.effects_grid(run), picture("rank_movement"),
            text=[results.family_note(run)],
        ),
        section(
            "ladder", "What texts and models add", picture("ladder"), results.ladder_grid(run), *runs.fusion_grids(run)
        ),
        section(
            "beyond", "Beyond accuracy", details.quality_grid(run), picture("slices"), details.slices_grid(run, choice),
            details.gaps_grid(run, choice), details.positions_grid(run), details.answers_grid(run),
        ),
        section(
            "cost", "Cost", picture("gain_against_cost"), details.cost_grid(run, jobs), details.jobs_grid(jobs)
        ),
        section("asked", "What was asked of whom", runs.asked_grid(run)),
        section(
            "data", "Data and protocol", picture("data"), runs.data_grid(run), picture("training"),
            runs.features_grid(run), text=_about_data(run),
        ),
        section("audits", "Audits", runs.audit_grid(run)),
        section(
            "again", "How to make it again", {"title": "command", "code": command(run), "open": True},
            {"title": "the full config", "code": to_yaml(shown_config(run.config)), "open": False},
            runs.packages_grid(),
            text=["Secrets are never in a config; folders of the machine are cut to their last part and must be put in "
                  "again. The versions are those of the environment that made this page; envs/ pins all."],
        ),
    ]  # fmt: skip


def _about_data(run):
    differs = run.statistics.get("differs_from_published")
    ties = run.statistics.get("users_whose_last_two_tie")
    told = [
        f"{run.title}; licence: {run.dataset['licence']}.",
        f"{PROTOCOLS[run.protocol]} {HISTORIES.get(run.config.get('history'), '')}".strip(),
        f"A base list is the {run.config['candidates']} best of the whole catalogue, items already seen masked. "
        "Everything fitted beyond the base model is fitted on valid and measured on test.",
    ]
    if differs:
        told.append(f"Counts that differ from the published ones: {', '.join(differs)}.")
    if ties:
        seed = run.config.get("tie_seed")
        decides = "the order of the file decides" if seed is None else f"a random order decides (tie_seed {seed})"
        told.append(f"{ties:,} users' last two interactions have the same time: {decides} which of them is the target.")
    later = run.counts.get("later_training_share")
    if later:
        told.append(
            f"On average {percent(100 * later, sign=False)} of the training interactions are later than a test target: "
            "models learn from what had not yet happened."
        )
    return told


def command(run):
    """Return the command that makes this page again; it runs in the repository's folder."""
    paths = Paths(run.config["run"].get("name"))
    place = {"dataset": run.config["dataset"], "protocol": run.protocol}
    config, page = (fill(path, **place) for path in (paths.run_config, paths.report))
    return f"snakemake --cores 2 --configfile {config} -- {page}"


def _figure(name, path, folder):
    caption = (folder / f"{name}.rst").read_text(encoding="utf-8").strip()
    svg = inline_svg(Path(path).read_text(encoding="utf-8"), name, caption.partition("\n")[0])
    return {"name": name, "svg": Markup(svg), "caption": caption}


def unbroken(text):
    """Return a text whose intervals and p-values are never split over two lines."""
    return re.sub(r"\[[^\]]*\]|p [<=] [\d.]+", lambda found: found[0].replace(" ", "\u00a0"), text)


def inline_svg(text, name, description):
    """Return an SVG file as an HTML element: no prologue, unique ids, at most as wide as the page.

    Figures of one library share ids, so each id gets the figure's name as a prefix.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{name}-\2"', text)
    width = re.search(r'\bwidth="([\d.]+)pt"', text)
    head, end, rest = text.partition(">")
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    style = f' style="max-width:{float(width[1]) * 4 / 3:.0f}px"' if width else ""
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'{head} role="img" aria-label="{label}"{style}{end}{rest}'
