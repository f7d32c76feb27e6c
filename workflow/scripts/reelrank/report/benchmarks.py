"""Time and memory of the jobs, from Snakemake's benchmark files. They differ from run to run."""

from pathlib import Path

import pandas as pd

from reelrank.plan.paths import JOBS, SHARD_ENDING, fill
from reelrank.plan.redrawing import redrawn

#: Folders of the results whose next level is a base model.
BY_BASE = ("lists", "models")


def read_benchmarks(folder, protocol):
    """Read the benchmark files of a dataset under one protocol, with those that all protocols share.

    Parameters
    ----------
    folder : str or Path
        See `reelrank.plan.paths.Paths.benchmarks`; may be missing.
    protocol : str

    Returns
    -------
    pandas.DataFrame
        Columns job (path without ``.tsv`` and the number of a shard), stage (the same, base models and seeds as
        ``*``), seconds, memory_mb (peak; NaN where the job was too short to be measured).
    """
    folder, rows = Path(folder), []
    for path in _last_shards(sorted(folder.rglob("*.tsv"))):
        parts = SHARD_ENDING.sub("", path.relative_to(folder).as_posix().removesuffix(".tsv")).split("/")
        if parts[0].startswith(("leave_one_out", "temporal")) and parts[0] not in (protocol, redrawn(protocol)):
            continue
        try:
            table = pd.read_csv(path, sep="\t", na_values=["-"])
            seconds = pd.to_numeric(table["s"], errors="coerce").mean()
            memory = pd.to_numeric(table["max_rss"], errors="coerce").max()
        except (KeyError, ValueError):  # a file that a killed job left half-written
            continue
        rows.append(("/".join(parts), stage(parts, protocol), seconds, memory))
    return pd.DataFrame(rows, columns=["job", "stage", "seconds", "memory_mb"])


def _last_shards(paths):
    """Leave out files of shards that are none any more: a job was last done in so many as its newest file says."""
    found = [(SHARD_ENDING.sub("", str(path.with_suffix(""))), SHARD_ENDING.search(path.stem), path) for path in paths]
    found = [(job, int(shard[1]) if shard else 1, path) for job, shard, path in found]
    newest = {job: shards for job, shards, _ in sorted(found, key=lambda one: one[2].stat().st_mtime_ns)}
    return [path for job, shards, path in found if newest[job] == shards]


def stage(parts, protocol):
    """Return what jobs are added up under: the path below the protocol, base model and seed left open."""
    if parts[0] == redrawn(protocol):
        return "audit: lists of redrawn items"
    parts = list(parts[1:] if parts[0] == protocol else parts)
    if parts[0] in BY_BASE and len(parts) > 3:
        parts[1:3] = ["*"]
    return "/".join(parts)


def by_stage(jobs):
    """Return one row per stage: jobs, seconds (all, longest), peak memory in MB; the longest first."""
    grouped = jobs.groupby("stage")
    table = grouped.agg(
        jobs=("job", "size"), seconds=("seconds", "sum"), longest=("seconds", "max"), memory_mb=("memory_mb", "max")
    )
    return table.sort_values(["seconds"], ascending=False, kind="stable").reset_index()


def reranking_seconds(jobs, protocol, base_model, seed, reranker, fusion=False):
    """Return the seconds of the jobs that made a re-ranker's two lists; NaN where nothing was measured.

    A fusion's seconds are those of the one job that makes all fusions of a base model.
    """
    place = {"protocol": protocol, "base_model": base_model, "seed": seed, "reranker": reranker}
    names = [fill(JOBS[kind], **place) for kind in (("fuse",) if fusion else ("rerank", "ask"))]
    return jobs.loc[jobs["job"].isin(names), "seconds"].sum(min_count=1)
