"""Timing side by side: both sides take turns in one process, and the best turn of each counts."""

import multiprocessing
import re
import time
from pathlib import Path


def best_seconds(sides, repeats=5, patience=60.0):
    """Return the best time of each side.

    Parameters
    ----------
    sides : dict of str to callable
        They take turns, so that another load of the machine meets all of them.
    repeats : int
        Turns of each side, at least one.
    patience : float
        Seconds after which no further turn begins.
    """
    best, started = dict.fromkeys(sides, float("inf")), time.perf_counter()
    for _ in range(repeats):
        for name, side in sides.items():
            begun = time.perf_counter()
            side()
            best[name] = min(best[name], time.perf_counter() - begun)
        if time.perf_counter() - started > patience:
            break
    return best


def in_a_process(work, *arguments, timeout=600):
    """Return what `work` returns and the peak memory, in MiB, of a process that does nothing else."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_answer, args=(work, arguments, queue))
    process.start()
    try:
        answer = queue.get(timeout=timeout)
        if isinstance(answer, BaseException):
            raise answer
        return answer
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()


def _answer(work, arguments, queue):
    try:
        result = work(*arguments)
    except Exception as error:
        queue.put(error)  # so that nobody waits for an answer until the end of the timeout
        raise
    # Not getrusage, whose peak begins with that of the parent before the new program was loaded.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    queue.put((result, int(peak.group(1)) / 1024))
