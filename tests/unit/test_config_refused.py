"""Wrong configs are refused by their key."""

from pathlib import Path

import pytest
from configs import FOLDER, completed, load, merged, refused

from reelrank.config import complete as settings
from reelrank.errors import InputError
from reelrank.plan.paths import JOBS

#: Logs beside those of re-rankers.
LOGS = {Path(job).name for job in JOBS.values() if "/lists/" in job and "{reranker}" not in job}

#: One text encoder with two fields.
TWICE = [{"encoder": "all-MiniLM-L6-v2", "field": field} for field in ("title", "comments")]


def running(names, over):
    """Return an overlay that also runs these re-rankers."""
    return {**over, "run": {"rerankers": ["identity", *names]}}


def mini(**block):
    """Return an overlay that changes and runs the re-ranker all-MiniLM-L6-v2."""
    return running(["all-MiniLM-L6-v2"], {"rerankers": {"all-MiniLM-L6-v2": block}})


def of_features(features):
    """Return an overlay that runs the re-ranker of several features with these."""
    name = "title_cover_frames_comments"
    return running([name], {"rerankers": {name: {"features": features}}})


@pytest.mark.parametrize(
    ("over", "fragments"),
    [
        ({"dataset": "sampel"}, ["config key dataset", "'sampel'", "did you mean sample"]),
        ({"dataset": None}, ["config key dataset", "None"]),
        ({"candidats": 10}, ["candidats", "candidates"]),
        ({"models": {"nfm": {"learning_rate": "fast"}}}, ["models.nfm.learning_rate", "'fast'", "above 0"]),
        (
            running(["clip_cover", "rrf"], {"rerankers": {"rrf": {"signals": ["clip_covr"]}}}),
            ["rrf.signals", "'clip_covr'", "did you mean clip_cover"],
        ),
        ({"rerankers": {"zscore": {"signals": ["own-llama"]}}}, ["rerankers.zscore.signals", "'own-llama'", "hits"]),
        (
            {"rerankers": {"words": {"field": "titel"}}, "run": {"rerankers": ["identity", "words"]}},
            ["rerankers.words.field", "'titel'", "did you mean title"],
        ),
        (
            {"rerankers": {"bm25": {"field": "cover"}}, "run": {"rerankers": ["identity", "bm25"]}},
            ["rerankers.bm25.field", "'cover'", "not a prepared text field"],
        ),
        (
            {"rerankers": {"lambdamart": {"words": ["frames"]}}},
            ["rerankers.lambdamart.words", "'frames'", "not a prepared text field"],
        ),
        ({"datasets": None}, ["config key datasets"]),
        ({"datasets": {"sample": None}}, ["config key datasets.sample"]),
        ({"dataste": "sample"}, ["config key dataste", "did you mean dataset"]),
        ({"run": {"base_models": ["nmf"]}}, ["run.base_models", "'nmf'", "did you mean nfm"]),
        ({"run": {"rerankers": ["identity", "randon"]}}, ["run.rerankers", "'randon'", "did you mean random"]),
        ({"run": {"rerankers": ["random"]}}, ["run.rerankers", "'identity' is missing"]),
        ({"run": {"rerankers": []}}, ["run.rerankers"]),
        *(
            ({"rerankers": {name: {"type": "random"}}, "run": {"rerankers": ["identity", name]}}, [f"rerankers.{name}"])
            for name in (*LOGS, "random.ask", "random.2-of-3")
        ),
        ({"run": {"protocols": ["leave_two_out"]}}, ["run.protocols.0", "leave_two_out", "leave_one_out"]),
        ({"run": {"seeds": [1, 1]}}, ["run.seeds"]),
        ({"run": {"seeds": [-1]}}, ["run.seeds.0", "-1"]),
        ({"run": {"seed": [1]}}, ["run.seed", "did you mean seeds"]),
        ({"run": None}, ["config key run"]),
        ({"models": {"nfm": {"type": "nmf"}}}, ["models.nfm.type", "'nmf'", "did you mean nfm"]),
        ({"models": {"nfm": {"type": ["nfm"]}}}, ["models.nfm.type"]),
        ({"models": {"mine": {"embedding_size": 8}}}, ["models.mine", "'type'"]),
        ({"models": {"nfm": {"learnig_rate": 1}}}, ["models.nfm.learnig_rate", "did you mean learning_rate"]),
        ({"models": {"nfm": {"batch_size": 1}}}, ["models.nfm.batch_size", "1", "2 or more"]),
        ({"models": {"nfm": {"learning_rate": float("nan")}}}, ["models.nfm.learning_rate", "nan", "above 0"]),
        ({"models": {"nfm": {"weight_decay": float("inf")}}}, ["models.nfm.weight_decay", "inf", "from 0"]),
        ({"models": {"nfm": {"weight_decay": ".inf"}}}, ["models.nfm.weight_decay", "inf", "from 0"]),
        ({"models": {"nfm": {"learning_rate": "-1e-3"}}}, ["models.nfm.learning_rate", "-0.001 is less", "above 0"]),
        ({"models": {"nfm": {"batch_size": "1"}}}, ["models.nfm.batch_size", "1 is less", "2 or more"]),
        (
            {"models": {"sasrec": {"heads": 3}}},
            ["models.sasrec", "heads 3", "embedding_size to be a multiple of heads"],
        ),
        ({"models": {"new": {"type": "sasrec", "embedding_size": 9}}}, ["models.new", "embedding_size 9 and heads 2"]),
        ({"models": {"new": {"type": "external", "test": "a.tsv"}}}, ["models.new.test", "a.tsv", ".parquet, .csv or"]),
        (
            {"models": {"new": {"type": "external", "test": "a.csv", "valid": "a.csv.gz"}}},
            ["models.new.valid", "a.csv.gz"],
        ),
        ({"deterministic": "maybe"}, ["config key deterministic", "'maybe'"]),
        ({"models": {"nfm": {"dropout": 1.0}}}, ["models.nfm.dropout", "below 1"]),
        ({"models": {"nfm": None}}, ["config key models.nfm", "None"]),
        ({"encoders": {"all-MiniLM-L6-v2": {"modle": "x"}}}, ["encoders.all-MiniLM-L6-v2.modle", "did you mean model"]),
        ({"encoders": {"new": {"type": "sentence_transformer"}}}, ["encoders.new", "'model' is a required"]),
        ({"models": {"dssm_video": {"encoder": "e5"}}, "run": {"base_models": ["dssm_video"]}}, ["dssm_video.encoder"]),
        ({"models": {"dssm_video": {"field": "genre"}}, "run": {"base_models": ["dssm_video"]}}, ["dssm_video.field"]),
        ({"models": {"new": {"type": "dssm_video", "field": "title"}}}, ["models.new", "'encoder' is a required"]),
        ({"encoders": {"new": {"type": "clip"}}}, ["encoders.new.type", "'clip'"]),
        ({"rerankers": {"random": {"type": "rnadom"}}}, ["rerankers.random.type", "did you mean random"]),
        ({"rerankers": {"identity": {"type": "random"}}}, ["rerankers.identity.type", "'random'", "'identity'"]),
        (
            {"rerankers": {"mine": {"type": "identity"}}, "run": {"rerankers": ["identity", "mine"]}},
            ["rerankers.mine.type", "and for no other"],
        ),
        ({"rerankers": {"random": {"dept": 5}}}, ["rerankers.random.dept", "did you mean depth"]),
        ({"rerankers": {"random": {"depth": 101}}}, ["rerankers.random.depth", "101", "at most candidates, 100"]),
        (mini(encoder="e5"), ["rerankers.all-MiniLM-L6-v2.encoder", "'e5'"]),
        (mini(field="genre"), ["rerankers.all-MiniLM-L6-v2.field", "'genre'"]),
        (mini(field="cover"), ["rerankers.all-MiniLM-L6-v2.field", "'cover'"]),
        (mini(pooling="concatenate", field="cover", encoder="clip"), ["pooling"]),
        (
            {"rerankers": {"clip_cover": {"features": [{"encoder": "clip", "field": "cover"}]}}},
            ["clip_cover", "either"],
        ),
        (of_features([{"encoder": "clip"}]), ["'field' is a required"]),
        (of_features(TWICE), ["listed twice", "joined_fields"]),
        (
            running(["title_cover_frames_comments"], {"joined_fields": {"title_comments": ["title", "coments"]}}),
            ["joined_fields.title_comments", "did you mean comments"],
        ),
        ({"joined_fields": {"cover": ["title"]}}, ["joined_fields.cover", "another field"]),
        ({"tags": {"cover_tags": {"encoder": "all-MiniLM-L6-v2"}}}, ["tags.cover_tags", "encodes only texts"]),
        ({"encoders": {"clip": {"pooling": "median"}}}, ["encoders.clip.pooling", "median"]),
        ({"item_shards": 0}, ["config key item_shards", "0"]),
        ({"fields": ["category"]}, ["rerankers.all-MiniLM-L6-v2-deep.field", "found 'title'; expected one of fields"]),
        ({"fields": ["title", "categroy"]}, ["config key fields", "'categroy'", "did you mean category"]),
        ({"dataset": "ml-100k"}, ["config key fields", "'ml-100k' has no field 'comments'"]),
        ({"cutoffs": [5, 21]}, ["config key cutoffs", "21", "at most 20", "'random'"]),
        ({"cutoffs": [5, 101]}, ["config key cutoffs", "101", "at most 100", "'identity'"]),
        ({"candidates": 15}, ["15"]),
        ({"cutoffs": [0]}, ["cutoffs.0", "0"]),
        ({"diversity": {"encoder": "all-MiniLM"}}, ["config key diversity.encoder", "did you mean all-MiniLM-L6-v2"]),
        ({"diversity": {"field": "covers"}}, ["config key diversity.field", "'covers'"]),
        ({"diversity": {"fields": "title"}}, ["config key diversity.fields", "did you mean field"]),
        ({"diversity": "title"}, ["config key diversity", "'title'", "null: not measured"]),
        ({"audit": {"base_models": ["nmf"]}}, ["config key audit.base_models", "'nmf'", "did you mean nfm"]),
        ({"threads": "two"}, ["config key threads", "'two'", "CPU threads"]),
        ({"history": "none"}, ["config key history", "'none'", "train_only"]),
        ({"protocols": {"temporal": {"valid_quantile": 1.2}}}, ["protocols.temporal.valid_quantile", "1.2"]),
        (
            {**load(FOLDER / "microlens-50k.yaml"), "run": {"protocols": ["leave_one_out", "temporal"]}},
            ["run.protocols", "'MicroLens-50k_pairs.tsv' has none", "expected leave_one_out"],
        ),
        (
            mini(encoder="multilingual-e5-small", pooling="concatenate"),
            ["rerankers.all-MiniLM-L6-v2.pooling", "'multilingual-e5-small'", "expected mean, or centre: false"],
        ),
        ({"protocols": {"temporal": {"valid_quantile": 0.95}}}, ["protocols.temporal", "0.95", "0.9"]),
        ({"protocols": {"leave_one_out": {"n": 1}}}, ["protocols.leave_one_out.n"]),
        ({"protocols": {"leave_one_out": {"drop_last": -1}}}, ["protocols.leave_one_out.drop_last", "-1"]),
        ({"primary_test": {"list": ["nfn", "zscore"]}}, ["primary_test.list", "no base model 'nfn'", "mean nfm"]),
        ({"primary_test": {"against": ["nfm", "zscor"]}}, ["primary_test.against", "'zscor' over 'nfm'", "zscore"]),
        ({"primary_test": {"list": ["nfm"]}}, ["primary_test.list", "too short"]),
        (
            {"primary_test": {"list": ["nfm", "zscore"], "against": ["nfm", "zscore"]}},
            ["primary_test", "on both sides", "expected two lists"],
        ),
        ({"datasets": {"sample": {"generate": {"user": 5}}}}, ["datasets.sample.generate.user", "did you mean users"]),
        ({"datasets": {"sample": {"files": {"title": "x"}}}}, ["datasets.sample.files.title", "did you mean titles"]),
        ({"datasets": {"sample": {"adapter": "movielense"}}}, ["datasets.sample.adapter", "movielense"]),
    ],
)
def test_what_is_wrong_is_refused_by_its_key(over, fragments):
    refused(over, *fragments)


@pytest.mark.parametrize("section", ["chat_models", "encoders"])
def test_a_password_in_an_address_is_refused_and_not_shown(section):
    name = {"chat_models": "local-server", "encoders": "text-embedding-3-small"}[section]
    over = {section: {name: {"base_url": "http://someone:hunter2@127.0.0.1:8000/v1"}}}
    with pytest.raises(InputError, match=f"{section}.{name}.base_url.*user or password") as caught:
        completed(over)
    assert "hunter2" not in str(caught.value)


def test_a_key_that_is_missing_is_named():
    config = merged()
    del config["candidates"]
    with pytest.raises(InputError, match="'candidates' is a required property"):
        settings.complete(config, FOLDER)


@pytest.mark.parametrize(
    "name", ["logs", "benchmarks", "comparison", "sample", "ml-100k", "", ".", "..", "a/b", "a b", 3]
)
def test_a_name_of_a_run_that_is_no_folder_of_its_own_is_refused(name):
    refused({"run": {"name": name}}, "config key run.name: ")


@pytest.mark.parametrize("name", [None, "mine", "2.with-all_titles"])
def test_a_run_may_have_a_name(name):
    assert completed({"run": {"name": name}})["run"]["name"] == name
