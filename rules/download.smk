# Published files -> results/{dataset}/raw/. A generated dataset is written there in the layout of the published one.
# Files in the user's `raw_dir` are used in place.


if plan.raw.is_generated:

    rule generate_sample:
        output:
            **plan.raw.sample_tables,
        log:
            paths.log("generate_sample"),
        benchmark:
            paths.benchmark("generate_sample")
        conda:
            "../envs/data.yaml"
        params:
            parameters=plan.raw.dataset["generate"],
        script:
            "../workflow/scripts/generate_sample.py"

    rule draw_sample_images:
        output:
            **{role: directory(path) for role, path in plan.raw.sample_images.items()},
        log:
            paths.log("draw_sample_images"),
        benchmark:
            paths.benchmark("draw_sample_images")
        conda:
            "../envs/data.yaml"
        params:
            parameters=plan.raw.dataset["generate"],
        script:
            "../workflow/scripts/draw_sample_images.py"

else:

    # Only url and checks decide whether a file is fetched again, not changes of the code.
    rule download:
        output:
            path=paths.raw,
        log:
            paths.log("download"),
        benchmark:
            paths.benchmark("download")
        wildcard_constraints:
            name=one_of(plan.raw.downloads),
        conda:
            "../envs/data.yaml"
        params:
            url=plan.raw.url,
            checks=plan.raw.checks,
        script:
            "../workflow/scripts/download.py"

    rule unpack_file:
        input:
            parts=plan.raw.archive,
        output:
            path=paths.raw,
        log:
            paths.log("unpack"),
        benchmark:
            paths.benchmark("unpack")
        wildcard_constraints:
            name=one_of(plan.raw.packed_files),
        conda:
            "../envs/data.yaml"
        script:
            "../workflow/scripts/unpack_file.py"

    rule unpack_folder:
        input:
            parts=plan.raw.archive,
        output:
            path=directory(paths.raw),
        log:
            paths.log("unpack"),
        benchmark:
            paths.benchmark("unpack")
        wildcard_constraints:
            name=one_of(plan.raw.packed_folders),
        conda:
            "../envs/data.yaml"
        script:
            "../workflow/scripts/unpack_folder.py"
