"""A small made-up run, with every file that the report reads. Its numbers are drawn; none is a result."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
from report_settings import CUTOFFS, settings_of

from reelrank.config.comparisons import comparisons, contenders
from reelrank.config.fusions import inert
from reelrank.data.tables import write_table
from reelrank.evaluation.effects import effects_table, read_all_ranks, to_csv
from reelrank.evaluation.ladder import ladder_table
from reelrank.report.hit_rates import hit_rate_table

#: Re-rankers: kind, depth, and by which factor the truth's rank changes (None: shuffled). One fusion has a ladder.
RERANKERS = {
    "identity": ("base", 100, 1.0),
    "random": ("control", 20, None),
    "all-MiniLM-L6-v2": ("discriminative", 20, 1.3),
    "gpt-4o-mini": ("generative", 20, 1.1),
    "zscore": ("fusion", 100, 0.8),
    "lambdamart_no_text": ("fusion", 100, 0.7),
    "lambdamart_permuted": ("control", 100, 0.72),
    "lambdamart_words": ("fusion", 100, 0.6),
    "lambdamart_words_permuted": ("control", 100, 0.61),
    "lambdamart": ("fusion", 100, 0.5),
}

RESAMPLES = 200

LIST = "dataset protocol base_model seed reranker "
BEYOND = {
    "list_quality": LIST + "n users coverage diversity novelty mean_popularity popularity_change_percent",
    "slices": LIST + "slice_by slice position n users small hit_rate hit_rate_low hit_rate_high ndcg difference "
    "difference_low difference_high",
    "gaps": LIST + "slice_by n best worst gap gap_low gap_high",
    "positions": LIST + "position n users hit_rate",
    "answers": LIST + "split requests unchanged_share order_correlation missing prose_around",
    "cost": LIST + "users requests input_tokens output_tokens usd usd_per_1000_users ms_p50 ms_p95",
    "features": "encoder field model revision dimension items missing without_file unreadable too_large parameters",
}


def write_run(folder, bases=("pop", "dssm", "nfm"), seeds=(1,), users=400, factors=None, hit_share=0.5, synthetic=True):
    """Write a run under `folder` and return ``(inputs, outputs, settings)`` of the steps.

    `factors` names the re-rankers and how each changes the truth's rank; `hit_share` of the users have a hit at all.
    """
    rerankers = {name: (kind, depth, (factors or {}).get(name, factor))
                 for name, (kind, depth, factor) in RERANKERS.items()
                 if factors is None or name in factors or name == "identity"}  # fmt: skip
    place = folder / "results" / "made-up" / "leave_one_out"
    paths = {"ranks": _write_ranks(place, bases, seeds, users, rerankers, hit_share)}
    settings = settings_of(folder, bases, seeds, rerankers, synthetic)
    tables = place / "tables"
    tables.mkdir(parents=True)
    frames = {"hit_rate": hit_rate_table(paths["ranks"], CUTOFFS), **_beyond_accuracy(bases, seeds, rerankers, users)}
    texts = {name: frame.to_csv(index=False, float_format="%.6f") for name, frame in frames.items()}
    for name, text in (texts | _compared(paths["ranks"], settings["config"])).items():
        paths[name] = tables / f"{name}.csv"
        paths[name].write_text(text)
    paths["fusions"] = _write_fusions(place, bases, seeds, rerankers)
    paths["training"] = _write_training(place, [base for base in bases if base != "pop"], seeds)
    paths |= _write_data(folder, place, users)
    outputs = {
        "figures": {name: place / "figures" / f"{name}.svg" for name in FIGURES},
        "html": place / "report.html",
        "verdict": tables / "verdict.json",
        "summary": tables / "summary.md",
        "config": place / "config.yaml",
        "hit_rate_tex": tables / "hit_rate.tex",
        "effects_md": tables / "effects.md",
        "effects_tex": tables / "effects.tex",
    }
    return paths, outputs, settings


FIGURES = ["hit_rate", "ladder", "effects", "rank_movement", "gain_against_cost", "slices", "training", "data"]


def _write_ranks(place, bases, seeds, users, rerankers, hit_share):
    paths = []
    for base_number, base in enumerate(bases):
        for seed in seeds:
            for part in ("valid", "test"):
                rng = np.random.default_rng([base_number, seed, part == "test"])
                base_rank = np.where(rng.random(users) < hit_share, np.minimum(rng.geometric(0.05, users), 100), 0)
                for name, (kind, depth, factor) in rerankers.items():
                    rank = _changed(base_rank, depth, factor, rng)
                    path = place / "lists" / base / f"seed{seed}" / name / f"{part}.ranks.parquet"
                    about = {
                        "dataset": "made-up", "protocol": "leave_one_out", "base_model": base, "seed": seed,
                        "reranker": name, "kind": kind, "depth": depth, "split": part, "config_digest": "0" * 12,
                    }  # fmt: skip
                    about |= {"users": "hits"} if kind == "generative" else {}
                    columns = {
                        "user": np.arange(users, dtype=np.int32),
                        "rank": pa.array(rank, pa.int16(), mask=rank == 0),
                        "in_list": rank > 0,
                        "raw_rank": pa.array(rank, pa.int16(), mask=rank == 0),
                    }
                    write_table(columns, "ranks", path, about)
                    paths.append(path)
    return paths


def _changed(base_rank, depth, factor, rng):
    inside = (base_rank > 0) & (base_rank <= depth)
    if factor is None:
        moved = rng.integers(1, depth + 1, len(base_rank))
    elif factor == 1.0:
        moved = base_rank
    else:
        moved = np.clip(np.ceil(base_rank * factor * rng.lognormal(0, 0.2, len(base_rank))), 1, depth)
    return np.where(inside, moved, base_rank).astype(np.int16)


def _compared(paths, config):
    """Return the tables of effects and of the ladder as the step writes them."""
    lists = read_all_ranks(paths)
    ladder = ladder_table(lists, comparisons(config), contenders(config), CUTOFFS, RESAMPLES)
    return {"effects": to_csv(effects_table(lists, CUTOFFS, inert(config), RESAMPLES)), "ladder": to_csv(ladder)}


def _beyond_accuracy(bases, seeds, rerankers, users):
    lists = [(base, seed, name) for base in bases for seed in seeds for name in rerankers]
    asked = [entry for entry in lists if rerankers[entry[2]][0] == "generative"]
    about = ("made-up", "leave_one_out")
    quality = [(*about, *entry, n, users, 0.5, 0.7, 8.1, 33.0, -4.5) for entry in lists for n in CUTOFFS]
    slices, gaps = [], []
    for entry in lists:
        for n in CUTOFFS:
            for by, parts in (("history_length", ("3-5", "6-9", "10+")), ("gender", ("F", "M")), ("cold", ("NA",))):
                gaps += [(*about, *entry, by, n, parts[0], parts[-1], 0.05, -0.01, 0.11)] if len(parts) > 1 else []
                for place, part in enumerate(parts):
                    count = 12 if place == 1 else 200
                    low = "" if entry[2] == "identity" else -0.02
                    values = (0.1, 0.05, 0.2, 0.04, *(("",) * 3 if low == "" else (0.03 - 0.02 * place, low, 0.05)))
                    slices.append((*about, *entry, by, part, place, n, count, str(count < 30).lower(), *values))
    entry = ["base_model", "seed", "reranker"]
    positions = [
        (*about, *key, place, 5, 40, 0.5 - place / 60) for key in asked for place in range(1, 21) for n in (5,)
    ]
    answers = [(*about, *key, part, 200, 0.1, 0.3, 4, 1) for key in asked for part in ("valid", "test")]
    cost = [(*about, *key, users, 200, 210000, 8000, 0.04, 0.1, 812.0, 2410.0) for key in asked]
    features = [
        ("all-MiniLM-L6-v2", "title", "sentence-transformers/all-MiniLM-L6-v2", "", 384, 120, 2, 0, 0, 0, 22_713_216)
    ]
    rows = {
        "list_quality": quality, "slices": slices, "gaps": gaps, "positions": positions, "answers": answers,
        "cost": cost, "features": features,
    }  # fmt: skip
    return {name: pd.DataFrame(rows[name], columns=BEYOND[name].split()) for name in rows}


#: What a gate of three stages says: it let the first two in.
GATES = [
    {"decision": decision, "standard_errors": standard_errors, "spread": 0.4, "by_seed": [standard_errors] * 5,
     "gain": 0.001, "judged_users": 200, "threshold": 1.64}
    for decision, standard_errors in (("used", 4.1), ("used", 2.2), ("undecided", 1.6))
]  # fmt: skip


def _write_fusions(place, bases, seeds, rerankers):
    paths = []
    for base in bases:
        for seed in seeds:
            for name in [name for name in rerankers if name == "zscore" or name.startswith("lambdamart")]:
                boosted = name != "zscore"
                about = {
                    "reranker": name, "type": "lambdamart" if boosted else "zscore",
                    "signals": ["all-MiniLM-L6-v2"], "users_fitted": 300,
                    "valid_ndcg": {"identity": 0.05, "fusion": 0.06, "all-MiniLM-L6-v2": 0.04},
                    "gates": GATES if boosted else [{"decision": "used"}],
                }  # fmt: skip
                if boosted:
                    about["importances"] = {"base_score": 0.6, "popularity": 0.3, "history_length": 0.1}
                else:
                    about["weights"] = {"identity": 1.0, "all-MiniLM-L6-v2": 0.25}
                path = place / "lists" / base / f"seed{seed}" / name / "fusion.json"
                path.write_text(json.dumps(about))
                paths.append(path)
    return paths


def _write_training(place, bases, seeds):
    paths = []
    for base in bases:
        for seed in seeds:
            path = place / "models" / base / f"seed{seed}" / "training.parquet"
            epochs = np.arange(1, 9)
            columns = {"epoch": epochs, "loss": 3 / epochs, "valid_ndcg": 0.05 - 0.04 / epochs}
            write_table(columns, "training", path)
            paths.append(path)
    return paths


def _write_data(folder, place, users):
    prepared = folder / "results" / "made-up" / "prepared"
    prepared.mkdir(parents=True)
    rng = np.random.default_rng(3)
    lengths = rng.geometric(0.12, users) + 2
    popularity = np.sort(rng.zipf(1.6, 120).clip(max=400) - 1)[::-1]
    paths = {
        "statistics": prepared / "statistics.json",
        "counts": place / "split.json",
        "audit": place / "audit" / "audit.json",
        "item_statistics": place / "item_statistics.parquet",
        "users": prepared / "users.parquet",
    }
    (place / "audit").mkdir()
    counts = {"users": users, "items": 120, "interactions": int(lengths.sum()), "mean_length": float(lengths.mean())}
    counts |= {"density": 0.05, "min_interactions": 3, "users_dropped_too_short": 7, "users_whose_last_two_tie": 5}
    paths["statistics"].write_text(json.dumps(counts | {"differs_from_published": []}))
    split = {"users": users, "valid_users": users, "users_without_valid_target": 0, "test_users": users}
    split |= {"users_without_test_target": 0, "train_interactions": int(lengths.sum()) - 2 * users}
    paths["counts"].write_text(json.dumps(split | {"unused_interactions": 0}))
    checks = [
        {"name": "redrawn targets", "what": "every row falls to chance", "passed": True, "rows": [{}], "failures": []},
        {"name": "permutations", "what": "lists are permutations", "passed": True, "rows": [], "failures": []},
    ]
    paths["audit"].write_text(json.dumps({"passed": True, "checks": checks}))
    statistics = {
        "item": np.arange(120), "popularity": popularity,
        "first_timestamp": pa.nulls(120, pa.int64()), "last_timestamp": pa.nulls(120, pa.int64()),
    }  # fmt: skip
    write_table(statistics, "item_statistics", paths["item_statistics"])
    profile = {"user": np.arange(users), "user_id": [str(user) for user in range(users)], "length": lengths}
    write_table(profile, "users", paths["users"])
    return paths
