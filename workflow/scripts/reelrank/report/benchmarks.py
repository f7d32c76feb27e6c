"""Time and memory of jobs, from Snakemake's benchmark files. The numbers differ from run to run."""

from pathlib import Path

import pandas as pd

from reelrank.plan.paths import JOBS, SHARD_ENDING, fill
from reelrank.plan.redrawing import redrawn

#: Folders of results with one subfolder per base model.
BY_BASE = ("lists", "models")


def read_benchmarks(folder, protocol):
    """Return the benchmarks of a dataset under one protocol, including those that all protocols share.

    Parameters
    ----------
    folder : str or Path
        See `reelrank.plan.paths.Paths.benchmarks`; may be missing.
    protocol : str

    Returns
    -------
    pandas.DataFrame
        Columns job (path without ``.tsv`` and shard number), stage (the job with ``*`` for base model and seed),
        seconds, memory_mb (peak; NaN if the job was too short to measure).
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
        except (KeyError, ValueError):  # a killed job left a half-written file
            continue
        rows.append(("/".join(parts), stage(parts, protocol), seconds, memory))
    return pd.DataFrame(rows, columns=["job", "stage", "seconds", "memory_mb"])


def _last_shards(paths):
    """Return the paths without outdated shards: the newest file of a job tells its last number of shards."""
    found = [(SHARD_ENDING.sub("", str(path.with_suffix(""))), SHARD_ENDING.search(path.stem), path) for path in paths]
    found = [(job, int(shard[1]) if shard else 1, path) for job, shard, path in found]
    newest = {job: shards for job, shards, _ in sorted(found, key=lambda one: one[2].stat().st_mtime_ns)}
    return [path for job, shards, path in found if newest[job] == shards]


def stage(parts, protocol):
    """Return the name that groups jobs: the path below the protocol, without base model and seed."""
    if parts[0] == redrawn(protocol):
        return "audit: lists of redrawn items"
    parts = list(parts[1:] if parts[0] == protocol else parts)
    if parts[0] in BY_BASE and len(parts) > 3:
        parts[1:3] = ["*"]
    return "/".join(parts)


def by_stage(jobs):
    """Return one row per stage: jobs, seconds (total, longest), peak memory in MB; most seconds first."""
    grouped = jobs.groupby("stage")
    table = grouped.agg(
        jobs=("job", "size"), seconds=("seconds", "sum"), longest=("seconds", "max"), memory_mb=("memory_mb", "max")
    )
    return table.sort_values(["seconds"], ascending=False, kind="stable").reset_index()


def reranking_seconds(jobs, protocol, base_model, seed, reranker, fusion=False):
    """Return the seconds of the jobs that made a re-ranker's two lists; NaN if nothing was measured.

    For a fusion: the seconds of the one job that makes all fusions of a base model.
    """
    place = {"protocol": protocol, "base_model": base_model, "seed": seed, "reranker": reranker}
    names = [fill(JOBS[kind], **place) for kind in (("fuse",) if fusion else ("rerank", "ask"))]
    return jobs.loc[jobs["job"].isin(names), "seconds"].sum(min_count=1)
