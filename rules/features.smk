# prepared/items.parquet -> features/{encoder}/{field}.npy (row = item index), {field}.json
# Each item is encoded once, whatever reads it.


rule embed_text:
    input:
        catalogue=f"{PREPARED}/items.parquet",
    output:
        matrix=f"{FEATURES}/{{field}}.npy",
        about=f"{FEATURES}/{{field}}.json",
    log:
        "results/logs/{dataset}/features/{encoder}/{field}.log",
    benchmark:
        "results/benchmarks/{dataset}/features/{encoder}/{field}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        encoder=lambda wildcards: config["encoders"][wildcards.encoder],
        threads=config["threads"],
        code=lambda wildcards: code_digest(
            "embed_text.py", f"encoders/{config['encoders'][wildcards.encoder]['type']}.py"
        ),
    script:
        "../workflow/scripts/embed_text.py"
