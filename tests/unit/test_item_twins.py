"""The twins of base models with item input, in the config and in the plan."""

from types import SimpleNamespace

import numpy as np
import pytest
from configs import REPOSITORY, completed, refused

from reelrank.config.complete import deciding
from reelrank.config.item_twins import item_twins
from reelrank.config.reads import reads
from reelrank.errors import InputError
from reelrank.plan.plan import Plan

MINILM = {"encoder": "all-MiniLM-L6-v2", "field": "title"}


def with_models(models, names=None, **over):
    """Return an overlay that runs base models."""
    run = {"base_models": list(names or models), "rerankers": ["identity"], **over.pop("run", {})}
    return {"models": models, "run": run, **over}


def test_a_model_that_reads_an_encoder_is_followed_by_its_twins():
    config = completed(
        with_models({"mine": {"type": "sasrec", "item_input": {**MINILM, "as": "only"}}}, ["mine", "pop"])
    )
    assert config["run"]["base_models"] == ["mine", "mine_ids", "mine_permuted", "mine_words", "pop"]
    assert item_twins(config) == {"mine": {"no_text": "mine_ids", "permuted": "mine_permuted", "words": "mine_words"}}
    own = config["models"]["mine"]
    for rung, name in own["twins"].items():
        twin = config["models"][name]
        assert (twin["twin_of"], twin["rung"]) == ("mine", rung)
        same = {key: value for key, value in deciding(own).items() if key != "item_input"}
        assert same.items() <= twin.items(), "a twin differs in its item input alone"
    inputs = [config["models"][f"mine_{name}"]["item_input"] for name in ("ids", "permuted", "words")]
    assert inputs[0] is None
    assert [each["encoder"] for each in inputs[1:]] == ["all-MiniLM-L6-v2_permuted", "all-MiniLM-L6-v2_words"]
    assert all(each["field"] == "title" and each["as"] == "only" for each in inputs[1:])
    assert config["encoders"]["all-MiniLM-L6-v2_permuted"] == {"type": "permuted", "of": "all-MiniLM-L6-v2", "seed": 1}
    assert config["encoders"]["all-MiniLM-L6-v2_words"]["width_of"] == "all-MiniLM-L6-v2"


def test_each_twin_reads_what_its_rung_may():
    config = completed(with_models({"mine": {"type": "gru4rec", "item_input": MINILM}}))
    found = {name: set(reads(config, "models", name)) for name in config["run"]["base_models"]}
    assert found == {
        "mine": {"interactions", "encoder"},
        "mine_ids": {"interactions"},
        "mine_permuted": {"interactions"},
        "mine_words": {"interactions", "words"},
    }


def test_ids_alone_run_once():
    plain = {"type": "sasrec", "epochs": 3}
    models = {"a": {**plain, "item_input": MINILM}, "plain": plain, "other": {**plain, "epochs": 4}}
    config = completed(with_models(models))
    assert config["run"]["base_models"] == ["a", "a_permuted", "a_words", "plain", "other"]
    assert item_twins(config)["a"]["no_text"] == "plain"
    assert "twin_of" not in config["models"]["plain"], "it is a model of the run, not a twin that was added"


def test_pictures_have_no_twin_of_words():
    cover = {"encoder": "clip", "field": "cover"}
    config = completed(with_models({"mine": {"type": "dssm", "item_input": cover}}))
    assert config["run"]["base_models"] == ["mine", "mine_ids", "mine_permuted"]
    assert set(reads(config, "models", "mine")) == {"interactions", "encoder", "images"}
    assert set(reads(config, "models", "mine_permuted")) == {"interactions"}


def test_words_are_no_claim_that_needs_twins():
    words = {"encoders": {"tf": {"type": "words"}}}
    config = completed(
        with_models({"mine": {"type": "dssm", "item_input": {"encoder": "tf", "field": "title"}}}, **words)
    )
    assert config["run"]["base_models"] == ["mine"] and item_twins(config) == {}


def test_twins_can_be_left_out():
    over = with_models({"mine": {"type": "dssm", "item_input": MINILM}}, run={"item_input_twins": False})
    config = completed(over)
    assert config["run"]["base_models"] == ["mine"] and "all-MiniLM-L6-v2_words" not in config["encoders"]


def test_an_imported_matrix_says_what_it_reads():
    own = {"type": "imported", "path": "own.npy", "field": "summary", "reads": ["language_model"]}
    feature = {"encoder": "own", "field": "summary"}
    over = with_models({"mine": {"type": "dssm", "item_input": feature}}, encoders={"own": own})
    config = completed(over)
    assert config["run"]["base_models"] == ["mine", "mine_ids", "mine_permuted"], "no words of a field without texts"
    assert set(reads(config, "models", "mine")) == {"interactions", "language_model"}
    with pytest.raises(InputError, match=r"encoders\.own\.path: the file 'own\.npy' does not exist"):
        Plan(config, REPOSITORY)


def test_the_same_encoder_of_twins_may_be_in_the_config():
    own = {"all-MiniLM-L6-v2_permuted": {"type": "permuted", "of": "all-MiniLM-L6-v2"}}
    completed(with_models({"mine": {"type": "dssm", "item_input": MINILM}}, encoders=own))


@pytest.mark.parametrize(
    ("over", "fragments"),
    [
        ({"models": {"mine_words": {"type": "pop"}}}, ["models.mine_words", "reserved for a twin of 'mine'"]),
        (
            {"encoders": {"all-MiniLM-L6-v2_words": {"type": "words"}}},
            ["encoders.all-MiniLM-L6-v2_words", "reserved", "'width_of': 'all-MiniLM-L6-v2'"],
        ),
        ({"models": {"mine": {"item_input": {"encoder": "e5"}}}}, ["models.mine.item_input.encoder", "'e5'"]),
        ({"models": {"mine": {"item_input": {"field": "genre"}}}}, ["models.mine.item_input.field", "'genre'"]),
        ({"models": {"mine": {"item_input": {"field": "cover"}}}}, ["models.mine.item_input.field", "only texts"]),
        ({"models": {"mine": {"item_input": {"as": "concat"}}}}, ["models.mine.item_input.as", "'concat'"]),
        ({"models": {"mine": {"item_input": "title"}}}, ["models.mine.item_input", "'title'", "null: ids alone"]),
        (
            {"models": {"new": {"type": "dssm", "item_input": {"encoder": "clip"}}}},
            ["models.new.item_input", "'field'"],
        ),
        ({"models": {"new": {"type": "nfm", "item_input": MINILM}}}, ["models.new.item_input", "unknown key"]),
        ({"models": {"mine": {"twin_of": "x"}}}, ["models.mine.twin_of", "unknown key"]),
        ({"run": {"item_input_twins": "maybe"}}, ["run.item_input_twins", "'maybe'"]),
    ],
)
def test_item_inputs_that_are_refused(over, fragments):
    base = with_models({"mine": {"type": "sasrec", "item_input": MINILM}})
    base["models"]["mine"] = {**base["models"]["mine"], **{
        key: {**MINILM, **value} if isinstance(value, dict) else value
        for key, value in over.get("models", {}).get("mine", {}).items()
    }}  # fmt: skip
    others = {name: block for name, block in over.get("models", {}).items() if name != "mine"}
    merged = {**over, "models": {**base["models"], **others}, "run": {**base["run"], **over.get("run", {})}}
    refused(merged, *fragments)


@pytest.mark.parametrize(
    ("encoder", "feature", "fragments"),
    [
        ({"type": "permuted", "of": "e5"}, MINILM, ["encoders.own.of", "unknown name 'e5'"]),
        ({"type": "permuted", "of": "own"}, MINILM, ["encoders.own.of", "vectors of its own"]),
        ({"type": "permuted", "of": "all-MiniLM-L6-v2"}, {"field": "cover"}, ["similarity.field", "only texts"]),
        ({"type": "permuted"}, MINILM, ["encoders.own", "'of' is a required"]),
        ({"type": "words", "width_of": "e5"}, MINILM, ["encoders.own.width_of", "unknown name 'e5'"]),
        ({"type": "words", "dimensions": 0}, MINILM, ["encoders.own.dimensions", "0 is less"]),
        ({"type": "words"}, {"field": "cover"}, ["similarity.field", "only texts"]),
        ({"type": "words"}, {"field": "title", "pooling": "concatenate"}, ["similarity.pooling", "of type words"]),
        (
            {"type": "permuted", "of": "all-MiniLM-L6-v2"},
            {"field": "title", "pooling": "concatenate"},
            ["similarity.pooling", "of type permuted", "cannot encode a history"],
        ),
        ({"type": "imported", "path": "a.csv", "field": "title"}, MINILM, ["encoders.own.path", "a.csv"]),
        ({"type": "imported", "path": "a.npy", "field": "title"}, {"field": "cover"}, ["similarity.field", "'title'"]),
    ],
)
def test_encoders_that_are_refused(encoder, feature, fragments):
    own = {"type": "similarity", **feature, "encoder": "own"}
    run = {"base_models": ["pop"], "rerankers": ["identity", "similarity"]}
    refused({"encoders": {"own": encoder}, "rerankers": {"similarity": own}, "run": run}, *fragments)


def test_the_plan_reads_what_a_twin_is_made_of(tmp_path):
    np.save(tmp_path / "own.npy", np.ones((3, 2)))
    imported = {"type": "imported", "path": str(tmp_path / "own.npy"), "field": "title"}
    over = with_models(
        {"mine": {"type": "sasrec", "item_input": MINILM}, "tags": {"type": "dssm", "item_input": {
            "encoder": "all-MiniLM-L6-v2", "field": "comments",
        }}, "own": {"type": "dssm", "item_input": {"encoder": "imported", "field": "title"}}},
        encoders={"imported": imported},
    )  # fmt: skip
    plan = Plan(completed(over), REPOSITORY)
    features = plan.features

    def wildcards(encoder, place="leave_one_out/features", field="title"):
        """Return wildcards as the rules of features have them."""
        return SimpleNamespace(dataset="sample", place=place, encoder=encoder, field=field)

    shared, own = "results/sample/features/all-MiniLM-L6-v2", "results/sample/leave_one_out"
    permuted = wildcards("all-MiniLM-L6-v2_permuted")
    assert features.source_matrix(permuted) == f"{shared}/title.npy"
    assert features.item_statistics(permuted) == f"{own}/item_statistics.parquet"
    model = SimpleNamespace(dataset="sample", protocol="leave_one_out", base_model="mine_permuted")
    assert features.of_base_model(model) == [f"{own}/features/all-MiniLM-L6-v2_permuted/title.npy"]
    model.base_model = "mine_words"
    assert features.of_base_model(model) == ["results/sample/features/all-MiniLM-L6-v2_words/title.npy"]
    model.base_model = "tags_words"
    assert features.of_base_model(model) == [f"{own}/features/all-MiniLM-L6-v2_words/comments.npy"]
    assert features.source_description(wildcards("all-MiniLM-L6-v2_words", "features")) == f"{shared}/title.json"
    assert features.source_description(wildcards("clip")) == []
    assert features.own_matrix(wildcards("imported")) == str(tmp_path / "own.npy")
    assert set(features.computed_encoders).isdisjoint(
        [*features.words_encoders, *features.permuted_encoders, "imported"]
    )
    described = features.descriptions(SimpleNamespace(dataset="sample", protocol="leave_one_out"))
    assert f"{own}/features/imported_permuted/title.json" in described and len(set(described)) == len(described)
