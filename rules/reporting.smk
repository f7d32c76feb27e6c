# No rules here: what the report reads, and how its figures are called.
FIGURES = ["hit_rate", "effects", "rank_movement", "gain_against_cost", "slices", "training", "data"]
TABLES = ["effects", "list_quality", "slices", "gaps", "positions", "answers", "cost", "features"]


def report_figures():
    """The figures by name, each with its caption for `snakemake --report`."""
    categories = {"hit_rate": "Hit rates", "training": "Inputs", "data": "Inputs"}
    return {
        name: report(
            f"{PROTOCOL}/figures/{name}.svg",
            category=categories.get(name, "Effects"),
            caption=f"../workflow/report/{name}.rst",
        )
        for name in FIGURES
    }


def training_tables(wildcards):
    """The training curves of all base models that are trained here."""
    return expand(
        f"{MODEL}/training.parquet",
        dataset=wildcards.dataset,
        protocol=wildcards.protocol,
        base_model=base_models(external=False),
        seed=RUN["seeds"],
    )


def fusion_descriptions(wildcards):
    """What every fusion of the run fitted: beside its ranks, since not every base model has valid lists to fit on."""
    folders = {Path(path).parent for path in all_ranks(wildcards)}
    return [str(folder / "fusion.json") for folder in sorted(folders) if folder.name in FUSIONS]


def report_settings(wildcards):
    """What the report says of the run: its whole config."""
    return {
        "config": {key: value for key, value in config.items() if key != "runs"},
        "protocol": wildcards.protocol,
        "benchmarks": f"results/benchmarks/{wildcards.dataset}",
    }


def figure_settings(wildcards):
    """What the figures need of the config."""
    shown = {key: DATASET[key] for key in ("title", "synthetic")}
    twins = {name: {"twin_of": config["rerankers"][name].get("twin_of")} for name in RUN["rerankers"]}
    return {
        **report_settings(wildcards),
        "config": {
            **{key: config[key] for key in ("dataset", "cutoffs", "run")},
            "datasets": {config["dataset"]: shown},
            "rerankers": twins,
        },
    }


def report_layout():
    """Changes when the template, the style or a caption does."""
    folder = Path(workflow.basedir) / "workflow" / "report"
    return digests.digest([(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())])


def compared_runs():
    """The files of the two runs that `compare` reads, as far as they are there: the step names those that are not."""
    names = ("config.yaml", "tables/hit_rate.csv")
    paths = [Path(folder) / name for folder in config["runs"] for name in names]
    return [str(path) for path in paths if path.is_file()]
