"""The plan of a run: which files each rule reads, without Snakemake."""

import copy
from types import SimpleNamespace

import pytest
from configs import REPOSITORY, completed

from reelrank.errors import InputError
from reelrank.plan.paths import fill
from reelrank.plan.plan import Plan

OVERLAY = {
    "run": {
        "base_models": ["pop", "dssm_video", "theirs"],
        "seeds": [1, 2],
        "rerankers": [
            "identity", "all-MiniLM-L6-v2", "joined", "tagged", "title_cover_frames_comments", "own-llama", "remote",
            "tuned", "lambdamart",
        ],
    },
    "models": {"theirs": {"type": "external", "test": "theirs.csv"}},
    "language_models": {"tuned-llama": {"type": "lora", "base": "own-llama", "prompt": "titles"}},
    "chat_models": {
        "server": {"client": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"},
        "tuned": {"client": "transformers", "language_model": "tuned-llama"},
    },
    "rerankers": {
        "joined": {
            "type": "similarity", "encoder": "all-MiniLM-L6-v2", "field": "title_comments", "pooling": "concatenate",
        },
        "tagged": {"type": "similarity", "encoder": "all-MiniLM-L6-v2", "field": "cover_tags"},
        "remote": {
            "type": "generative", "chat_model": "server",
            "users": "all", "fields": {"title": 50, "comments": 80, "frames_tags": 50}, "depth": 40, "window": 10,
        },
        "tuned": {
            "type": "generative", "chat_model": "tuned", "prompt": "titles",
            "strategy": "letter_logits", "users": "all",
        },
    },
}  # fmt: skip


def planned(**over):
    """Return the plan of the overlay, with further keys."""
    return Plan(completed({**copy.deepcopy(OVERLAY), **over}), REPOSITORY)


@pytest.fixture(scope="module")
def plan():
    """Return the plan of the overlay."""
    return planned()


def wildcards(**values):
    """Return wildcards as a rule has them."""
    return SimpleNamespace(**{"dataset": "sample", "protocol": "leave_one_out", **values})


def below(paths):
    """Return paths without the folder of the dataset."""
    return [path.removeprefix("results/sample/") for path in paths]


def test_the_names_that_run(plan):
    chosen = plan.selection
    assert (chosen.trained, chosen.external) == (["pop", "dssm_video"], ["theirs"])
    assert (chosen.fusible, chosen.unfusible) == (["pop", "dssm_video"], ["theirs"])
    rungs = ["no_text", "permuted", "words", "words_permuted", "encoder", "language_model", "images"]
    assert chosen.fusions == [*(f"lambdamart_{rung}" for rung in rungs), "lambdamart"]
    assert chosen.asked == ["remote", "tuned"]
    assert "lambdamart" not in chosen.unfused + chosen.rerankers_over("theirs")
    assert (plan.asking.by_request, plan.asking.in_process) == (["remote"], ["tuned"])


@pytest.mark.parametrize(
    ("encoder", "field", "place"),
    [
        ("all-MiniLM-L6-v2", "title", "features"),
        ("all-MiniLM-L6-v2", "title_category", "features"),
        ("all-MiniLM-L6-v2", "comments", "temporal/features"),
        ("all-MiniLM-L6-v2", "title_comments", "temporal/features"),
        ("all-MiniLM-L6-v2", "cover_tags", "temporal/features"),
        ("clip", "cover", "temporal/features"),
        ("ViT-B-32", "frames", "features"),
    ],
)
def test_what_is_made_of_training_interactions_lies_under_the_protocol(plan, encoder, field, place):
    assert plan.features.place("temporal", encoder, field) == place
    path = plan.features.path(wildcards(protocol="temporal"), encoder, field)
    assert path == f"results/sample/{place}/{encoder}/{field}.npy"


def test_what_is_learned_is_that_of_the_real_protocol_unless_it_is_learned_again(plan):
    redrawn = wildcards(protocol="leave_one_out_redrawn", base_model="pop", seed=1)
    again = planned(audit={"train": True})
    assert (
        plan.learned(plan.paths.model_weights)(redrawn)
        == "results/sample/leave_one_out/models/pop/seed1/weights.safetensors"
    )
    assert "/leave_one_out_redrawn/models/" in again.learned(again.paths.model_weights)(redrawn)
    assert again.real(again.paths.split)(redrawn) == "results/sample/leave_one_out/split.parquet"
    assert plan.features.place("leave_one_out_redrawn", "clip", "cover") == "leave_one_out/features"
    assert again.features.place("leave_one_out_redrawn", "clip", "cover") == "leave_one_out_redrawn/features"


def test_the_files_of_a_feature(plan):
    features = plan.features
    shared = wildcards(place="features", encoder="all-MiniLM-L6-v2", field="title_category")
    assert below(features.texts(shared)) == ["prepared/items.parquet"] * 2
    own = wildcards(place="leave_one_out/features", encoder="clip", field="title_comments")
    assert below(features.texts(own)) == ["prepared/items.parquet", "leave_one_out/texts/comments.parquet"]
    assert features.source_fields(own) == ["title", "comments"]
    assert features.encoder_weights(shared) == []
    assert below([features.encoder_weights(own)]) == ["leave_one_out/clip/clip/weights.safetensors"]
    assert features.images(wildcards(field="cover")) == "results/sample/raw/covers"


def test_what_reads_which_matrix(plan):
    features = plan.features
    assert below(features.of_base_model(wildcards(base_model="dssm_video"))) == [
        "leave_one_out/features/clip/cover.npy"
    ]
    assert below(features.descriptions_of_base_model(wildcards(base_model="dssm_video"))) == [
        "leave_one_out/features/clip/cover.json"
    ]
    assert features.of_base_model(wildcards(base_model="pop")) == []
    assert len(features.of_reranker(wildcards(reranker="title_cover_frames_comments"))) == 3
    described = below(features.descriptions(wildcards()))
    assert described[0] == "features/all-MiniLM-L6-v2/title.json" and len(set(described)) == len(described)
    assert below(features.clip_reports(wildcards())) == ["leave_one_out/clip/clip/clip.json"]


def test_the_needs_of_a_re_ranker_are_its_inputs(plan):
    own = plan.reranking
    assert own.heavy == ["joined", "own-llama"] and "tagged" in own.light and "remote" not in own.light

    def read(reranker):
        """Return the inputs and settings of a re-ranker over a base list, without those that all have."""
        named = wildcards(reranker=reranker, base_model="pop", seed="1")
        inputs = own.inputs(named)
        common = {inputs.pop(name) for name in ("valid", "test", "interactions", "split")}
        assert len(common) == 4
        return inputs, own.settings(named)

    inputs, settings = read("joined")
    assert below(inputs["texts"]) == ["prepared/items.parquet", "leave_one_out/texts/comments.parquet"]
    assert inputs["encoder_weights"] == [] and len(inputs["matrices"]) == 1
    assert settings["text_fields"] == ["title", "comments"] and settings["features"][0][0] == "all-MiniLM-L6-v2"
    inputs, settings = read("tagged")
    assert list(inputs) == ["matrices"] and list(settings) == ["threads", "features"]
    inputs, settings = read("own-llama")
    assert below(inputs["texts"]) == ["prepared/items.parquet"] and list(inputs) == ["texts", "weights"]
    assert settings["language_model"] == "own-llama" and settings["source"]


def test_the_files_of_a_model_are_its_inputs(plan, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_text("a")
    block = {"type": "pretrained", "model": str(tmp_path / "model")}
    own = planned(language_models={**OVERLAY["language_models"], "given": block}).language_models
    assert own.files(wildcards(), "given") == [str(tmp_path / "model" / "weights.bin")]
    assert own.source(wildcards(), "given")["model"] == str(tmp_path / "model")
    folder = "results/sample/leave_one_out/language_models"
    assert own.files(wildcards(), "tuned-llama") == [
        f"{folder}/tuned-llama/adapter_model.safetensors",
        f"{folder}/own-llama/model.safetensors",
    ]
    assert own.source(wildcards(), "tuned-llama") == {
        "model": f"{folder}/own-llama",
        "adapter": f"{folder}/tuned-llama",
    }
    asked = plan.asking.chat_model(wildcards(reranker="tuned"))
    assert asked["threads"] == plan.config["threads"] and asked["adapter"] == f"{folder}/tuned-llama"
    assert plan.asking.model_files(wildcards(reranker="remote")) == []


def test_what_prompts_show_is_an_input(plan):
    shown = plan.asking.shown(wildcards(reranker="remote"))
    assert dict(zip(shown, below(shown.values()), strict=True)) == {
        "frames_tags": "leave_one_out/texts/frames_tags.parquet",
        "comments": "prepared/comments.parquet",
    }
    assert plan.asking.shown(wildcards(reranker="tuned")) == {}
    assert plan.asking.shown_by_all(wildcards()) == shown
    assert len(plan.asking.base_lists(wildcards())) == 3 * 2 * 2
    assert plan.asking.slides("remote") and not plan.asking.slides("tuned")
    assert plan.asking.prompt_of("joined") is None and plan.asking.prompt_of("tuned")["user"]


def test_a_list_says_what_decided_it(plan):
    own = wildcards(base_model="pop", seed="2", reranker="joined")
    about = plan.lists.about(own)
    assert {key: about[key] for key in ("base_model", "seed", "reranker", "kind", "depth")} == {
        "base_model": "pop", "seed": 2, "reranker": "joined", "kind": "discriminative", "depth": 20,
    }  # fmt: skip
    assert plan.lists.about_base(own)["reranker"] == "identity"

    def digest(**over):
        """Return the digest of the list under further keys."""
        return planned(**over).lists.about(own)["config_digest"]

    assert digest() == about["config_digest"] == digest(threads=3) == digest(user_shards=4)
    assert len({digest(), digest(candidates=90), digest(comments_per_item=2), digest(history="train_only")}) == 4


def test_a_fusion_is_made_of_its_signals(plan):
    own = wildcards(base_model="pop", seed="1")
    assert set(plan.fusing.signal_lists(own)) == {"signals_valid", "signals_test"}
    assert len(plan.fusing.signal_lists(own)["signals_test"]) == len(plan.fusing.signals)
    assert list(plan.fusing.blocks(own)) == plan.selection.fusions
    assert plan.fusing.similarities == [
        ("all-MiniLM-L6-v2_permuted", "title"), ("all-MiniLM-L6-v2", "title"), ("clip", "cover"),
    ]  # fmt: skip
    assert below(plan.fusing.matrices(own)) == [
        "leave_one_out/features/all-MiniLM-L6-v2_permuted/title.npy",
        "features/all-MiniLM-L6-v2/title.npy",
        "leave_one_out/features/clip/cover.npy",
    ]
    assert plan.fusing.base_models == ["pop", "dssm_video"]
    assert list(plan.fusing.words) == ["title", "title_comments", "comments"], "what its encoders and models read"

    def reading(words):
        """Return the fusions where lambdamart compares the words of these fields."""
        return planned(rerankers={**OVERLAY["rerankers"], "lambdamart": {"words": words}}).fusing

    assert reading([]).words == {} and reading([]).texts(own) == []
    two = reading(["title", "title_comments"])
    assert two.words == {"title": ["title"], "title_comments": ["title", "comments"]}
    tables = ["prepared/items.parquet", "prepared/items.parquet", "leave_one_out/texts/comments.parquet"]
    assert below(two.texts(own)) == tables
    assert planned(run={**OVERLAY["run"], "rerankers": ["identity"]}).fusing.base_models == []


def test_what_is_reported_is_read_once(plan):
    ranks = plan.report.ranks(wildcards())
    over_each_base = 2 * len(plan.selection.rerankers) + len(plan.selection.unfused)
    assert len(set(ranks)) == len(ranks) == over_each_base * 2 * 2, "of two seeds and two splits"
    assert plan.report.lists(wildcards())[0] == ranks[0].replace(".ranks", "")
    assert set(ranks) & set(plan.report.files_of_lists(wildcards())) == {path for path in ranks if "/test." in path}
    places = plan.report.places(wildcards())
    assert len(places) == 3 * 2
    remote = next(place for place in places[0] if place["reranker"] == "remote")
    assert set(remote["answers"]) == set(remote["parsing"]) == {"valid", "test"}
    fusions = plan.report.fusions(wildcards())
    assert len(fusions) == 2 * 2 * len(plan.selection.fusions) and not any("theirs" in path for path in fusions)
    assert len(plan.report.training(wildcards())) == 2 * 2


def test_everything_is_asked_for_by_name(plan):
    everything = below(plan.report.everything())
    assert "leave_one_out/report.html" in everything and "leave_one_out/audit/audit.md" in everything
    assert len(set(everything)) == len(everything)
    named = planned(run={**OVERLAY["run"], "name": "mine"})
    assert all(path.startswith("results/mine/sample/") for path in named.report.everything())
    assert named.raw.sample_tables["interactions"].startswith("results/{dataset}/raw/")


def test_the_audit_redraws_what_it_can(plan):
    redrawn = plan.audit.redrawn(wildcards())
    assert redrawn["redrawn_split"] == "results/sample/leave_one_out_redrawn/split.parquet"
    assert all("/leave_one_out_redrawn/lists/" in path for path in redrawn["redrawn_lists"])
    assert plan.audit.left_out()["base_models"] == ["theirs"] and "remote" in plan.audit.left_out()["rerankers"]
    assert set(below(plan.audit.texts(wildcards()))) == {
        f"leave_one_out/texts/{field}.parquet" for field in ("comments", "cover_tags", "frames_tags")
    }
    assert set(plan.audit.tags(wildcards())) == {"frames_tags"}
    assert len(plan.audit.asked(wildcards())["ledgers"]) == 3 * 2 * 2


def test_a_reranker_reads_what_its_type_needs(plan):
    own = {"base_model": "pop", "seed": "1"}

    def read(reranker):
        """Return the inputs of a re-ranker beside lists and interactions, by name."""
        found = plan.reranking.inputs(wildcards(**own, reranker=reranker))
        common = {"valid", "test", "interactions", "split"}
        assert common <= set(found)
        return {name: below(files) for name, files in found.items() if name not in common}

    assert plan.reranking.heavy == ["joined", "own-llama"] and "tagged" in plan.reranking.light
    assert read("tagged") == {"matrices": ["leave_one_out/features/all-MiniLM-L6-v2/cover_tags.npy"]}
    assert len(read("title_cover_frames_comments")["matrices"]) == 3
    assert read("joined")["texts"] == ["prepared/items.parquet", "leave_one_out/texts/comments.parquet"]
    assert plan.reranking.settings(wildcards(**own, reranker="joined"))["text_fields"] == ["title", "comments"]
    assert "leave_one_out/language_models/own-llama/model.safetensors" in read("own-llama")["weights"]


def test_shards_are_decided_by_the_params_of_what_makes_them():
    plan = planned(user_shards=3)
    assert len(plan.shards.all_of("a/{split}.parquet")) == 3
    assert plan.shards.by_split("{split}.b", "{split}_shards")["test_shards"][2] == "test.3-of-3.b"
    rule = SimpleNamespace(params={"a": 1, "b": lambda wildcards: wildcards.reranker})
    assert plan.shards.params_of(rule)(wildcards(reranker="own-llama")) == {"a": 1, "b": "own-llama"}


@pytest.mark.parametrize(
    ("step", "own", "files"),
    [
        ("train.py", {"base_model": "pop"}, ["reelrank/models/pop.py"]),
        ("recommend.py", {"base_model": "dssm_video"}, ["reelrank/models/dssm_video.py"]),
        ("prepare.py", {}, ["reelrank/datasets/microlens.py"]),
        ("embed_text.py", {"encoder": "clip"}, ["reelrank/features/encoders/dataset_clip.py"]),
        (
            "gather_features.py",
            {"encoder": "clip", "field": "cover"},
            ["embed_images.py", "reelrank/features/encoders/dataset_clip.py"],
        ),
        ("tag_images.py", {"field": "cover_tags"}, ["reelrank/features/encoders/dataset_clip.py"]),
        (
            "rerank.py",
            {"reranker": "tagged"},
            ["reelrank/rerank/similarity.py", "reelrank/rerank/material/vectors.py"],
        ),
        (
            "rerank.py",
            {"reranker": "joined"},
            [
                "reelrank/rerank/similarity.py",
                *(f"reelrank/rerank/material/{need}.py" for need in ("vectors", "texts", "encoder")),
                "reelrank/features/encoders/sentence_transformer.py",
            ],
        ),
        ("ask_llm.py", {"reranker": "tuned"}, ["reelrank/llm/clients/transformers.py"]),
        ("ask_llm.py", {"reranker": "remote"}, ["reelrank/llm/clients/openai.py", "reelrank/llm/answers/readings.py"]),
        ("fuse.py", {}, ["reelrank/rerank/fusion/lambdamart.py"]),
        ("evaluate.py", {}, []),
    ],
)
def test_the_code_of_a_step_is_what_the_config_makes_it_load(plan, step, own, files):
    assert plan.code.loaded(step, wildcards(**own)) == files
    assert len(plan.code.param(f"../workflow/scripts/{step}")(wildcards(**own))) == 12


def test_a_file_that_was_downloaded_is_not_fetched_again_for_new_code(plan):
    assert plan.code.param("../workflow/scripts/download.py") is None


def test_a_published_matrix_that_is_not_there_is_refused_at_the_start(tmp_path):
    over = {
        "encoders": {"published": {"type": "published", "model": "m", "file": "nothing", "field": "title"}},
        "rerankers": {"published": {"type": "similarity", "encoder": "published", "field": "title"}},
    }
    Plan(completed({**over, "run": {"rerankers": ["identity"]}}), REPOSITORY)
    with pytest.raises(InputError, match=r"encoders\.published\.file: dataset 'sample' has no file 'nothing'"):
        Plan(completed({**over, "run": {"rerankers": ["identity", "published"]}}), REPOSITORY)


def test_no_wildcard_is_left_in_a_path(plan):
    own = wildcards(base_model="pop", seed="1", reranker="remote", split="test")
    found = [fill(pattern, own) for pattern in (plan.paths.lists, plan.paths.ledger, plan.paths.model_weights)]
    assert not any("{" in path for path in found)
