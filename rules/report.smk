# ranks, tables/*.csv, fusions, training curves, audits -> figures/*.svg -> report.html, config.yaml, tables/*.{md,tex}
# The results for people. Seconds and memory come from existing benchmark files, which are not inputs.


rule plot_figures:
    input:
        **plan.report.figure_tables(),
        ranks=plan.report.ranks,
        training=plan.report.training,
        item_statistics=paths.item_statistics,
        users=paths.users,
    output:
        **{
            name: report(path, category=plan.report.category(name), caption=f"../workflow/report/{name}.rst")
            for name, path in plan.report.figures().items()
        },
    log:
        paths.log("plot_figures"),
    benchmark:
        paths.benchmark("plot_figures")
    conda:
        "../envs/report.yaml"
    params:
        settings=plan.report.figure_settings,
    script:
        "../workflow/scripts/plot_figures.py"


rule report:
    input:
        **plan.report.report_tables(),
        ranks=plan.report.ranks,
        fusions=plan.report.fusions,
        training=plan.report.training,
        statistics=paths.statistics,
        counts=paths.split_counts,
        audit=fill(paths.audit, kind="json"),
        plan=paths.test_plan,
        figures=list(plan.report.figures().values()),
    output:
        html=report(paths.report, category="Report", caption="../workflow/report/page.rst"),
        verdict=paths.verdict,
        summary=fill(paths.table, table="summary", kind="md"),
        config=paths.run_config,
        hit_rate_tex=fill(paths.table, table="hit_rate", kind="tex"),
        effects_md=report(
            fill(paths.table, table="effects", kind="md"),
            category="Effects",
            caption="../workflow/report/effects_table.rst",
        ),
        effects_tex=fill(paths.table, table="effects", kind="tex"),
    log:
        paths.log("report"),
    benchmark:
        paths.benchmark("report")
    conda:
        "../envs/report.yaml"
    params:
        settings=plan.report.settings,
        layout=plan.report.layout(),
    script:
        "../workflow/scripts/report.py"


# Needs --config runs=[FOLDER,FOLDER]; each folder is a results/{dataset}/{protocol} with a finished report.
rule compare:
    input:
        plan.report.compared(),
    output:
        md=fill(paths.comparison, kind="md"),
        csv=fill(paths.comparison, kind="csv"),
    log:
        paths.comparison_log,
    benchmark:
        paths.comparison_benchmark
    conda:
        "../envs/report.yaml"
    params:
        runs=config["runs"],
    script:
        "../workflow/scripts/compare.py"
