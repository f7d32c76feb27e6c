"""The config and the benchmark files of the made-up run of `report_fixture`."""

CUTOFFS = [5, 10, 20]
MINILM = {"encoder": "all-MiniLM-L6-v2", "field": "title"}

#: The ladder of the fusion: what each rung is compared with, and its columns.
LADDER = {
    "lambdamart_no_text": ([], {}),
    "lambdamart_permuted": (["lambdamart_no_text"], {}),
    "lambdamart_words": (["lambdamart_no_text"], {"words": ["title"]}),
    "lambdamart_words_permuted": (["lambdamart_words"], {"words": ["title"]}),
    "lambdamart": (["lambdamart_words", "lambdamart_words_permuted"], {"words": ["title"], "similarities": [MINILM]}),
}


def rung(name, rerankers):
    """Return the block of a rung as a completed config has it; rungs that are not in `rerankers` are left out."""
    over, columns = LADDER[name]
    return {
        "type": "lambdamart",
        "signals": [],
        **columns,
        "rung": name.removeprefix("lambdamart_") if name != "lambdamart" else "encoder",
        "rung_of": "lambdamart",
        "over": [lower for lower in over if lower in rerankers],
        **({"control_of": "lambdamart"} if "permuted" in name else {}),
    }


def settings_of(folder, bases, seeds, rerankers, synthetic):
    """Return the settings of the steps, and write benchmark files: one re-ranker was too short to be measured."""
    benchmarks = folder / "results" / "benchmarks" / "made-up"
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    for base in bases:
        for name in ("all-MiniLM-L6-v2", "random", "evaluate", "fuse", "gpt-4o-mini.ask", "gpt-4o-mini"):
            path = benchmarks / "leave_one_out" / "lists" / base / f"seed{seeds[0]}" / f"{name}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            memory = "NA" if name == "random" else "210.55"
            path.write_text(f"{head}{len(name)}.5\t0:00:04\t{memory}\t1\t1\t1\t0\t0\t9\t4\n")
    types = {"base": "identity", "control": "random", "discriminative": "similarity", "generative": "generative"}
    blocks = {
        name: {"type": types.get(kind, "lambdamart"), "depth": depth} for name, (kind, depth, _) in rerankers.items()
    }
    if "gpt-4o-mini" in blocks:
        blocks["gpt-4o-mini"] |= {
            "chat_model": "gpt-4o-mini", "prompt": "refined", "strategy": "listwise", "users": "hits",
        }  # fmt: skip
    if "all-MiniLM-L6-v2" in blocks:
        blocks["all-MiniLM-L6-v2"] |= MINILM
    if "zscore" in blocks:
        signals = [name for name in ("all-MiniLM-L6-v2",) if name in blocks]
        blocks["zscore"] |= {"type": "zscore", "signals": signals}
    for name in blocks.keys() & LADDER:
        blocks[name] |= rung(name, blocks)
    config = {
        "dataset": "made-up",
        "raw_dir": str(folder / "raw"),
        "runs": [],
        "run": {
            "protocols": ["leave_one_out"], "base_models": list(bases), "seeds": list(seeds),
            "rerankers": list(rerankers),
        },
        "datasets": {
            "made-up": {
                "title": "Made-up <data>", "synthetic": synthetic, "licence": "none", "seen_in_training": False,
                "published": [
                    {"base_model": "NFM", "reranker": "none", "hits": {10: 195, 20: 289}},
                    {"base_model": "NFM", "reranker": "GPT-4o mini", "hits": {10: 184, 20: 280},
                     "base_hits": {10: 195, 20: 289}},
                ],
            }
        },
        "protocols": {"leave_one_out": {}},
        "cutoffs": CUTOFFS,
        "candidates": 100,
        "history": "full",
        "tags": {},
        "joined_fields": {},
        "encoders": {"all-MiniLM-L6-v2": {"type": "sentence_transformer", "model": "all-MiniLM-L6-v2"}},
        "models": {base: {"type": base} for base in bases},
        "chat_models": {
            "gpt-4o-mini": {
                "client": "openai", "model": "gpt-4o-mini", "key_variable": "OPENAI_API_KEY",
                "base_url": "https://someone:secret@llm.example/v1",
            }
        },
        "rerankers": blocks,
    }  # fmt: skip
    return {"config": config, "protocol": "leave_one_out", "benchmarks": str(benchmarks)}
