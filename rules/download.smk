# Published files -> results/{dataset}/raw/. A generated dataset is written here in the
# layout of the published one; what the user has in `raw_dir` is used in place.


if "generate" in DATASET:

    rule generate_sample:
        output:
            **{role: f"{RAW}/{DATASET['files'][role]}" for role in raw.SAMPLE_TABLES},
        log:
            "results/logs/{dataset}/raw/generate_sample.log",
        benchmark:
            "results/benchmarks/{dataset}/raw/generate_sample.tsv"
        conda:
            "../envs/data.yaml"
        params:
            parameters=DATASET["generate"],
            code=code_digest("generate_sample.py"),
        script:
            "../workflow/scripts/generate_sample.py"

    rule draw_sample_images:
        output:
            covers=directory(f"{RAW}/{DATASET['files']['covers']}"),
            frames=directory(f"{RAW}/{DATASET['files']['frames']}"),
        log:
            "results/logs/{dataset}/raw/draw_sample_images.log",
        benchmark:
            "results/benchmarks/{dataset}/raw/draw_sample_images.tsv"
        conda:
            "../envs/data.yaml"
        params:
            parameters=DATASET["generate"],
            code=code_digest("draw_sample_images.py"),
        script:
            "../workflow/scripts/draw_sample_images.py"

else:

    rule download:
        output:
            f"{RAW}/{{name}}",
        log:
            "results/logs/{dataset}/raw/download/{name}.log",
        benchmark:
            "results/benchmarks/{dataset}/raw/download/{name}.tsv"
        wildcard_constraints:
            name=names(raw.downloads(DATASET)),
        conda:
            "../envs/data.yaml"
        # No `code`: the result is the published file, as url and checks decide it, and is not to be fetched again.
        params:
            url=lambda wildcards: raw.url_of(DATASET, wildcards.name),
            checks=lambda wildcards: DATASET["download"]["checks"].get(wildcards.name, {}),
        script:
            "../workflow/scripts/download.py"

    rule unpack_file:
        input:
            archive_parts,
        output:
            f"{RAW}/{{name}}",
        log:
            "results/logs/{dataset}/raw/unpack/{name}.log",
        benchmark:
            "results/benchmarks/{dataset}/raw/unpack/{name}.tsv"
        wildcard_constraints:
            name=names(raw.packed_names(DATASET, folders=False)),
        conda:
            "../envs/data.yaml"
        params:
            folder=False,
            code=code_digest("unpack.py"),
        script:
            "../workflow/scripts/unpack.py"

    rule unpack_folder:
        input:
            archive_parts,
        output:
            directory(f"{RAW}/{{name}}"),
        log:
            "results/logs/{dataset}/raw/unpack/{name}.log",
        benchmark:
            "results/benchmarks/{dataset}/raw/unpack/{name}.tsv"
        wildcard_constraints:
            name=names(raw.packed_names(DATASET, folders=True)),
        conda:
            "../envs/data.yaml"
        params:
            folder=True,
            code=code_digest("unpack.py"),
        script:
            "../workflow/scripts/unpack.py"
