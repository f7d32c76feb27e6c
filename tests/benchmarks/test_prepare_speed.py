"""`prepare` against a bare read and sort of the same file, side by side, and its peak memory."""

import multiprocessing
import resource
import time

import pyarrow as pa
import pyarrow.csv as csv
from sample_parameters import sample_parameters

from reelrank import datasets
from reelrank.data.preparation import prepare
from reelrank.data.tables import write_tables
from reelrank.datasets.sample import generate_tables

USERS, ITEMS = 100_000, 19_738


def bare(paths, folder):
    """Read the pairs and sort them by user and time, nothing else."""
    csv.read_csv(paths["interactions"]).sort_by([("user", "ascending"), ("timestamp", "ascending")])


def whole(paths, folder):
    """Do what the step does: read, index, sort, clean, count, write."""
    tables, statistics = prepare(datasets.read_dataset("microlens", paths, ["title"]))
    write_tables(tables, {name: folder / f"{name}.parquet" for name in tables}, {"n_users": statistics["users"]})


def measure(work, paths, folder, queue):
    """Report the best of five times and the peak memory of this process, in seconds and MiB."""
    pa.set_cpu_count(2)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        work(paths, folder)
        times.append(time.perf_counter() - started)
    queue.put((min(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def test_prepare_against_a_bare_read_and_sort(tmp_path):
    paths = {"interactions": tmp_path / "pairs.csv", "titles": tmp_path / "titles.csv"}
    generate_tables(sample_parameters(users=USERS, items=ITEMS, interactions_per_user=7.27), paths)
    context = multiprocessing.get_context("spawn")
    figures = {}
    for work in (bare, whole):
        queue = context.Queue()
        process = context.Process(target=measure, args=(work, paths, tmp_path, queue))
        process.start()
        figures[work.__name__] = queue.get(timeout=300)
        process.join()
    (bare_s, _), (whole_s, memory) = figures["bare"], figures["whole"]
    print(f"\nprepare, {USERS} users x {ITEMS} items: {whole_s / bare_s:.2f}x a bare read and sort ", end="")
    print(f"({whole_s:.2f} s against {bare_s:.2f} s); peak memory {memory:.0f} MiB")
    assert memory < 1024
