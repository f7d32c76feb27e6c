"""The answer planted in held-out comments, through the whole workflow: no text, feature or list changes."""

import pyarrow.parquet as pq
import pytest
import yaml
from sample_parameters import sample_parameters
from snakemake_run import result_bytes, snakemake

from reelrank.datasets.sample import draw_images, generate_tables

SAMPLE = sample_parameters(seed=9, users=60, items=40, interactions_per_user=7.0, topics=4, image_size=16)
RERANKERS = {
    "comments": {"type": "similarity", "encoder": "all-MiniLM-L6-v2", "field": "comments", "depth": 20},
    "as_one_text": {"type": "similarity", "encoder": "all-MiniLM-L6-v2", "field": "title_comments", "depth": 20},
    "tags": {"type": "similarity", "encoder": "all-MiniLM-L6-v2", "field": "cover_tags", "depth": 20},
}
RERANKERS["as_one_text"]["pooling"] = "concatenate"


def run(repository, folder, protocol, comments=None):
    """Run the workflow on the sample, with other comments if given; return what depends on nothing held out."""
    names = yaml.safe_load((repository / "config/datasets/sample.yaml").read_text())["datasets"]["sample"]["files"]
    raw = folder / "raw"
    raw.mkdir(parents=True)
    roles = ("interactions", "titles", "comments", "categories")
    generate_tables(SAMPLE, {role: raw / names[role] for role in roles})
    draw_images(SAMPLE, raw / names["covers"], None)
    if comments is not None:
        (raw / names["comments"]).write_text(comments, encoding="utf-8")
    overlay = {
        "raw_dir": str(raw),
        "fields": ["title", "category", "comments", "cover"],
        "candidates": 20,
        "cutoffs": [5, 10],
        "threads": 1,
        "run": {"protocols": [protocol], "base_models": ["pop"], "rerankers": ["identity", *RERANKERS]},
        "rerankers": RERANKERS,
        "encoders": {"clip": {"epochs": 1, "batch_size": 16}},
    }
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    lists = [f"results/sample/{protocol}/lists/pop/seed1/{name}/test.parquet" for name in RERANKERS]
    process = snakemake(repository, "--configfile", folder / "overlay.yaml", "--", *lists, directory=folder)
    assert process.returncode == 0, process.stdout + process.stderr
    made = ("texts", "features", "clip", "lists")
    results = result_bytes(folder)
    return {name: content for name, content in results.items() if set(made) & set(name.split("/"))}, raw / names[
        "comments"
    ]


def planted(folder, protocol, comments):
    """Return the comments with the answer in those of held-out interactions, every third of them left out."""
    prepared = folder / "results/sample/prepared"
    ids = [pq.read_table(prepared / f"{name}s.parquet")[f"{name}_id"].to_pylist() for name in ("user", "item")]
    rows = pq.read_table(prepared / "interactions.parquet")
    split = pq.read_table(folder / f"results/sample/{protocol}/split.parquet")["split"].to_pylist()
    pairs = zip(rows["user"].to_pylist(), rows["item"].to_pylist(), split, strict=True)
    held_out = {(ids[0][user], ids[1][item]) for user, item, part in pairs if part != "train"}
    lines, found = [], 0
    for line in comments.read_text(encoding="utf-8").splitlines():
        user, item, _ = line.split("\t")
        if (user, item) in held_out:
            found += 1
            if found % 3 == 0:
                continue
            line = f"{user}\t{item}\tCANARY user {user} chose item {item}"
        lines.append(line)
    assert found >= 40
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("protocol", ["temporal"])
def test_the_answer_in_held_out_comments_changes_no_byte(repository, tmp_path, protocol):
    before, comments = run(repository, tmp_path / "before", protocol)
    after, _ = run(repository, tmp_path / "after", protocol, planted(tmp_path / "before", protocol, comments))
    assert any(name.endswith("texts/comments.parquet") for name in before)
    assert any(name.endswith("features/all-MiniLM-L6-v2/comments.npy") for name in before)
    assert sum(name.endswith("test.parquet") for name in before) == 1 + len(RERANKERS)
    assert sorted(before) == sorted(after)
    assert [name for name in before if before[name] != after[name]] == []
