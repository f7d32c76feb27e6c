"""Kill -9 a job of asking at random moments and resume it; the server's log is the witness."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from llm_fixture import run, texts_of
from llm_server import Running

HERE = Path(__file__).parent
CONCURRENCY = 16


def victim(folder, url, n_users):
    """Start a job in a process of its own."""
    code = (
        f"import sys; sys.path[:0] = [{str(HERE)!r}, {str(HERE.parents[1] / 'workflow' / 'scripts')!r}]; "
        f"from pathlib import Path; from llm_fixture import run; "
        f"run(Path({str(folder)!r}), {url!r}, {n_users}, concurrency={CONCURRENCY}, timeout_s=20)"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def committed(folder):
    """Return the server's digests of all answers that the cache holds; each file must be whole."""
    return {json.loads(path.read_bytes())["fingerprint"] for path in (folder / "cache" / "answers").rglob("*.json")}


def drill(folder, kills, n_users, seed=1):
    """Kill a job `kills` times while it asks, then let it end; check that nothing committed is asked again.

    Returns
    -------
    dict
        ``kills``, ``received`` (by the server), ``users``, ``asked_again``, ``unknown``.
    """
    rng = random.Random(seed)
    with Running(folder, latency_s=0.05) as server:
        for _ in range(kills):
            kept, received = committed(folder), len(server.received)
            process = victim(folder, server.url, n_users)
            end = time.monotonic() + 120
            while len(server.received) == received and process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.25))
            ended = process.poll()
            process.kill()
            process.wait()
            assert ended is None, "the job ended before it was killed: more users are needed"
            time.sleep(0.3)  # what is under way reaches the server's log
            check_nothing_asked_again(kept, server.received[received:])
        kept, received = committed(folder), len(server.received)
        rows, _, ledger = run(folder, server.url, n_users, concurrency=CONCURRENCY)
        check_nothing_asked_again(kept, server.received[received:])
        digests = Counter(server.received)
        again, unknown = sum(digests.values()) - len(digests), ledger["all_runs"]["unknown"]
        # At most those in flight at each kill; each is listed as of unknown fate.
        assert again <= len(unknown) <= (CONCURRENCY + 1) * kills
        assert ledger["all_runs"]["sent"] - len(unknown) <= len(server.received) <= ledger["all_runs"]["sent"]
        total = len(server.received)
        whole = folder / "whole"
        whole.mkdir()
        undisturbed, _, _ = run(whole, server.url, n_users, concurrency=CONCURRENCY)
    assert len(rows["test"]) == n_users and texts_of(undisturbed) == texts_of(rows)
    return {"kills": kills, "received": total, "users": n_users, "asked_again": again, "unknown": len(unknown)}


def check_nothing_asked_again(kept, asked):
    """Nothing that the cache held before is among what the server was asked."""
    assert not kept & set(asked), "a committed answer was asked again"
