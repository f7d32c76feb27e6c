"""Does luck decide a gate? Fuse the lists of a finished run again under other fold seeds, and compare decisions.

python tests/benchmarks/measure_gates.py results/ml-100k/leave_one_out [SETS]

Each of the nine sets (or SETS) has fold seeds of its own. It prints one line per base list, rung and stage: how many
sets said used, not used and undecided. It changes no result of the run.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import fuse  # noqa: E402
import yaml  # noqa: E402

from reelrank.config.complete import complete  # noqa: E402
from reelrank.files import read_json  # noqa: E402
from reelrank.plan.paths import by_split, fill  # noqa: E402
from reelrank.plan.plan import Plan  # noqa: E402


def decisions(plan, wildcards, seed, fold_seeds):
    """Return the decision of each gate of the LambdaMARTs over a base list, by fusion and stage."""
    paths, chosen = plan.paths, plan.fusing.blocks(wildcards)
    fusions = {name: block for name, block in chosen.items() if block["type"] == "lambdamart"}
    for block in fusions.values():
        block["options"] = {**block["options"], "seed": 1 + fold_seeds * seed}
    inputs = {name: fill(getattr(paths, name), wildcards) for name in ("interactions", "split", "item_statistics")}
    inputs |= {"catalogue": fill(paths.items, wildcards), **plan.fusing.signal_lists(wildcards)}
    inputs |= {split: fill(path, wildcards) for split, path in by_split(paths.base_lists).items()}
    inputs |= {"matrices": plan.fusing.matrices(wildcards), "texts": plan.fusing.texts(wildcards)}
    with tempfile.TemporaryDirectory() as folder:
        outputs = {
            key: [f"{folder}/{name}.{key}" for name in fusions] for key in ("valid", "test", "description", "fitted")
        }
        fuse.main(
            inputs, outputs, fusions, plan.fusing.signals, plan.fusing.similarities, plan.fusing.words,
            plan.config["history"], plan.config["threads"],
        )  # fmt: skip
        found = [read_json(path) for path in outputs["description"]]
    return {
        (told["reranker"], stage): gate["decision"] for told in found for stage, gate in enumerate(told["gates"], 1)
    }


def main(folder, sets=9):
    """Print how often each gate was decided in each way."""
    folder = Path(folder)
    kept = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    config = complete({"search": {}, "runs": [], **kept}, ROOT / "config")
    plan, different = Plan(config, ROOT), 0
    for base_model in plan.fusing.base_models:
        where = {"dataset": config["dataset"], "protocol": folder.name, "base_model": base_model}
        wildcards = SimpleNamespace(**where, seed=config["run"]["seeds"][0])
        counts = {}
        for number in range(int(sets)):
            fold_seeds = max(block.get("fold_seeds", 1) for block in config["rerankers"].values())
            for place, decision in decisions(plan, wildcards, number, fold_seeds).items():
                counts.setdefault(place, Counter())[decision] += 1
        for (name, stage), found in counts.items():
            different += {"used", "not used"} <= set(found)
            print(f"{base_model:<16}{name:<32}stage {stage}: {dict(found)}")
    print(f"gates that were both used and not used: {different}")


if __name__ == "__main__":
    main(*sys.argv[1:])
