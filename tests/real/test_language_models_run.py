"""A language model that is given, fine-tuned, asked by letters and used for likelihoods, through Snakemake."""

import json

import pyarrow.parquet as pq
import yaml
from small_language_model import WORDS, write_small_model
from snakemake_run import copy_repository, snakemake

LISTS = "results/sample/leave_one_out/lists/pop/seed1"


def test_a_given_model_is_fine_tuned_and_asked(tmp_path):
    folder = copy_repository(tmp_path / "repository")
    base = write_small_model(tmp_path / "base", texts=[*WORDS, *"ABCDEFGHIJKLMNOPQRST"])
    overlay = {
        "language_models": {
            "tiny": {"type": "pretrained", "model": base},
            "tiny-letters": {"type": "lora", "base": "tiny", "prompt": "titles", "epochs": 1, "questions": 16},
            "tiny-titles": {"type": "lora", "base": "tiny", "target": "titles", "max_training_tokens": 500},
        },
        "chat_models": {"tiny": {"client": "transformers", "language_model": "tiny-letters"}},
        "rerankers": {
            "letters": {
                "type": "generative", "chat_model": "tiny", "prompt": "titles",
                "strategy": "letter_logits", "users": {"sample": 6},
            },
            "titles": {"type": "likelihood", "language_model": "tiny-titles", "users": {"sample": 6}},
        },
        "run": {"protocols": ["leave_one_out"], "base_models": ["pop"], "rerankers": ["identity", "letters", "titles"]},
    }  # fmt: skip
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    arguments = ("--configfile", "tests/config/toy.yaml", "overlay.yaml", "--config", "user_shards=2")
    arguments += ("--", f"{LISTS}/letters/test.parquet", f"{LISTS}/titles/test.parquet")
    process = snakemake(folder, *arguments)
    assert process.returncode == 0, process.stdout + process.stderr
    adapter = folder / "results/sample/leave_one_out/language_models/tiny-letters"
    assert json.loads((adapter / "language_model.json").read_text())["base"] == "tiny"
    assert base not in (adapter / "adapter_config.json").read_text()
    found = pq.read_table(folder / LISTS / "letters/test.parquet").to_pandas()
    assert found["user"].nunique() == 6 and found["raw_rank"].notna().all()
    scored = pq.read_table(folder / LISTS / "titles/test.parquet").to_pandas()
    assert sorted(scored["user"].unique()) == sorted(found["user"].unique()), "a sample is of the same users for all"
    about = json.loads((adapter.parent / "tiny-titles/language_model.json").read_text())
    assert about["base"] == "tiny" and len(about["losses"]) == 1, "the budget ends it in the first epoch"
    ledger = json.loads((folder / LISTS / "letters/ledger.json").read_text())
    assert ledger["strategy"] == "letter_logits" and ledger["earlier_runs"] == 0 and ledger["all_runs"]["runs"] == 2
    assert ledger["this_run"]["sent"] == ledger["answers"] == 12, "6 users of either part, each in one shard"
    left = sorted(path.name for path in (folder / LISTS / "letters").iterdir())
    assert not any("-of-" in name for name in left), "shards are removed"
    # Other weights in the folder of the base are other weights: what was made of them is made again.
    write_small_model(tmp_path / "base", seed=2, texts=[*WORDS, *"ABCDEFGHIJKLMNOPQRST"])
    again = snakemake(folder, "-n", *arguments)
    assert "rule finetune_language_model:" in again.stdout + again.stderr
