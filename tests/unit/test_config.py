"""The config: shipped ones are right, wrong ones are refused by their key."""

import copy
import dataclasses
from pathlib import Path

import jsonschema
import pytest
import yaml
from snakemake.utils import update_config

from reelrank import config as settings
from reelrank import raw
from reelrank.datasets import ADAPTERS
from reelrank.errors import InputError
from reelrank.external_formats import READERS
from reelrank.fields import diversity_feature, feature_path, features_of
from reelrank.models import model_class
from reelrank.tables import KINDS

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "config"
PRICES = FOLDER / "prices.yaml"
OVERLAYS = [*sorted({*FOLDER.glob("*.yaml")} - {PRICES}), *sorted((REPOSITORY / "tests" / "config").glob("*.yaml"))]
DATASETS = sorted(path.stem for path in (FOLDER / "datasets").glob("*.yaml"))
SCHEMAS = sorted((FOLDER / "schemas").glob("*.yaml"))


#: What runs where there are no pictures and comments.
ONLY_TITLES = {"base_models": ["pop"], "rerankers": ["identity", "random", "all-MiniLM-L6-v2"]}

#: One text encoder with two fields.
TWICE = [{"encoder": "all-MiniLM-L6-v2", "field": field} for field in ("title", "comments")]


def load(path):
    """Return the content of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def merged(over=None):
    """Return the default config with an overlay, merged as Snakemake does."""
    config = load(FOLDER / "config.yaml")
    update_config(config, copy.deepcopy(over or {}))
    return config


def completed(over=None):
    """Return the completed config of an overlay."""
    return settings.complete(merged(over), FOLDER)


def refused(over, *fragments):
    """Assert that an overlay is refused with a message that holds the fragments."""
    with pytest.raises(InputError) as caught:
        completed(over)
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_every_shipped_config_is_right(path):
    config = completed(load(path))
    assert list(config["datasets"]) == [config["dataset"]]
    assert config["datasets"][config["dataset"]]["title"]
    assert set(raw.raw_files(config)) >= {"interactions"}
    for model in config["models"].values():
        assert model["type"] == "external" or model_class(model["type"])


@pytest.mark.parametrize("name", DATASETS)
def test_the_raw_files_of_every_dataset(name):
    with_cover = name in ("sample", "microlens-100k")
    fields = ["title", "category", "comments", "cover"] if with_cover else ["title", "category"]
    config = completed({"dataset": name, "fields": fields, "run": ONLY_TITLES})
    dataset = config["datasets"][name]
    files = raw.raw_files(config)
    expected = {
        "microlens": {"interactions", "titles", "categories", "comments", "covers"},
        "movielens": {"interactions", "movies", "users", "genres"} & set(dataset["files"]),
    }
    assert set(files) == expected[dataset["adapter"]]
    assert all(path == f"results/{name}/raw/{dataset['files'][role]}" for role, path in files.items())
    assert set(dataset["archives"]) <= set(dataset["files"].values()), "an archive is of a file or folder"
    if "download" in dataset:
        wanted = raw.downloads(dataset)
        assert set(dataset["download"]["checks"]) <= set(wanted)
        assert all(raw.url_of(dataset, file).startswith(dataset["download"]["base_url"]) for file in wanted)
        packed = set(raw.packed_names(dataset, folders=True)) | set(raw.packed_names(dataset, folders=False))
        assert packed == set(dataset["archives"]) and not packed & set(wanted)


@pytest.mark.parametrize(
    ("over", "fragments"),
    [
        ({"dataset": "sampel"}, ["config key dataset", "'sampel'", "did you mean sample"]),
        ({"dataset": None}, ["config key dataset", "None"]),
        ({"datasets": None}, ["config key datasets"]),
        ({"datasets": {"sample": None}}, ["config key datasets.sample"]),
        ({"dataste": "sample"}, ["config key dataste", "did you mean dataset"]),
        ({"run": {"base_models": ["nmf"]}}, ["run.base_models", "'nmf'", "did you mean nfm"]),
        ({"run": {"rerankers": ["identity", "randon"]}}, ["run.rerankers", "'randon'", "did you mean random"]),
        ({"run": {"rerankers": ["random"]}}, ["run.rerankers", "'identity' is missing"]),
        ({"run": {"rerankers": []}}, ["run.rerankers"]),
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
        ({"models": {"sasrec": {"heads": 3}}}, ["models.sasrec.heads", "found 3", "a divisor of embedding_size, 64"]),
        ({"models": {"new": {"type": "sasrec", "embedding_size": 9}}}, ["models.new.heads", "found 2", "size, 9"]),
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
        ({"rerankers": {"random": {"dept": 5}}}, ["rerankers.random.dept", "did you mean depth"]),
        ({"rerankers": {"random": {"depth": 101}}}, ["rerankers.random.depth", "101", "at most candidates, 100"]),
        ({"rerankers": {"all-MiniLM-L6-v2": {"encoder": "e5"}}}, ["rerankers.all-MiniLM-L6-v2.encoder", "'e5'"]),
        ({"rerankers": {"all-MiniLM-L6-v2": {"field": "genre"}}}, ["rerankers.all-MiniLM-L6-v2.field", "'genre'"]),
        ({"rerankers": {"all-MiniLM-L6-v2": {"field": "cover"}}}, ["rerankers.all-MiniLM-L6-v2.field", "'cover'"]),
        (
            {"rerankers": {"all-MiniLM-L6-v2": {"pooling": "concatenate", "field": "cover", "encoder": "clip"}}},
            ["pooling"],
        ),
        (
            {"rerankers": {"clip_cover": {"features": [{"encoder": "clip", "field": "cover"}]}}},
            ["clip_cover", "either"],
        ),
        (
            {"rerankers": {"title_cover_frames_comments": {"features": [{"encoder": "clip"}]}}},
            ["'field' is a required"],
        ),
        ({"rerankers": {"title_cover_frames_comments": {"features": TWICE}}}, ["stands twice", "joined_fields"]),
        (
            {"joined_fields": {"title_comments": ["title", "coments"]}},
            ["joined_fields.title_comments", "did you mean comments"],
        ),
        ({"joined_fields": {"cover": ["title"]}}, ["joined_fields.cover", "another field"]),
        ({"tags": {"cover_tags": {"encoder": "all-MiniLM-L6-v2"}}}, ["tags.cover_tags", "does not see"]),
        ({"encoders": {"clip": {"pooling": "median"}}}, ["encoders.clip.pooling", "median"]),
        ({"shards": 0}, ["config key shards", "0"]),
        ({"fields": ["category"]}, ["rerankers.all-MiniLM-L6-v2.field", "'title' is not among fields"]),
        ({"fields": ["title", "categroy"]}, ["config key fields", "'categroy'", "did you mean category"]),
        ({"dataset": "ml-100k"}, ["config key fields", "'ml-100k' has no field 'comments'"]),
        ({"cutoffs": [5, 21]}, ["config key cutoffs", "21", "at most 20", "'random'"]),
        ({"cutoffs": [5, 101]}, ["config key cutoffs", "101", "at most 100", "'identity'"]),
        ({"candidates": 15}, ["15"]),
        ({"cutoffs": [0]}, ["cutoffs.0", "0"]),
        ({"diversity": {"encoder": "all-MiniLM"}}, ["config key diversity.encoder", "did you mean all-MiniLM-L6-v2"]),
        ({"diversity": {"field": "covers"}}, ["config key diversity.field", "'covers'"]),
        ({"diversity": {"fields": "title"}}, ["config key diversity.fields", "did you mean field"]),
        ({"diversity": "title"}, ["config key diversity", "'title'", "null to leave it out"]),
        ({"threads": "two"}, ["config key threads", "'two'", "CPU threads"]),
        ({"history": "none"}, ["config key history", "'none'", "train_only"]),
        ({"protocols": {"temporal": {"valid_quantile": 1.2}}}, ["protocols.temporal.valid_quantile", "1.2"]),
        ({"protocols": {"temporal": {"valid_quantile": 0.95}}}, ["protocols.temporal", "0.95", "0.9"]),
        ({"protocols": {"leave_one_out": {"n": 1}}}, ["protocols.leave_one_out.n"]),
        ({"datasets": {"sample": {"generate": {"user": 5}}}}, ["datasets.sample.generate.user", "did you mean users"]),
        ({"datasets": {"sample": {"files": {"title": "x"}}}}, ["datasets.sample.files.title", "did you mean titles"]),
        ({"datasets": {"sample": {"adapter": "movielense"}}}, ["datasets.sample.adapter", "movielense"]),
    ],
)
def test_what_is_wrong_is_refused_by_its_key(over, fragments):
    refused(over, *fragments)


@pytest.mark.parametrize("section", ["rerankers", "encoders"])
def test_a_password_in_an_address_is_refused_and_not_shown(section):
    name = {"rerankers": "local-server", "encoders": "text-embedding-3-small"}[section]
    over = {section: {name: {"base_url": "http://someone:hunter2@127.0.0.1:8000/v1"}}}
    with pytest.raises(InputError, match=f"{section}.{name}.base_url.*user or password") as caught:
        completed(over)
    assert "hunter2" not in str(caught.value)


def test_a_key_that_is_missing_is_named():
    config = merged()
    del config["candidates"]
    with pytest.raises(InputError, match="'candidates' is a required property"):
        settings.complete(config, FOLDER)


def test_a_re_ranker_without_field_needs_no_titles():
    config = completed({"fields": ["category"], "run": {"base_models": ["pop"], "rerankers": ["identity", "random"]}})
    assert set(raw.raw_files(config)) == {"interactions", "categories"}


def test_diversity_is_of_titles_where_there_are_any():
    assert diversity_feature(completed({})) == ("all-MiniLM-L6-v2", "title")
    assert diversity_feature(completed({"diversity": None})) is None
    run = {"base_models": ["pop"], "rerankers": ["identity"]}
    assert diversity_feature(completed({"fields": ["category"], "run": run})) is None
    over = {"fields": ["category"], "run": run, "diversity": {"field": "category"}}
    assert diversity_feature(completed(over)) == ("all-MiniLM-L6-v2", "category")


def test_an_own_dataset_needs_a_file_for_each_field():
    own = {**load(FOLDER / "datasets" / "sample.yaml")["datasets"]["sample"]}
    own["files"] = {key: name for key, name in own["files"].items() if key != "covers"}
    over = {"dataset": "mine", "datasets": {"mine": own}}
    refused(over, "config key fields", "'cover'", "datasets.mine.files.covers")
    config = completed({**over, "fields": ["title", "category"], "run": ONLY_TITLES})
    assert raw.raw_files(config)["titles"] == "results/mine/raw/sample_title_en.csv"


def test_what_is_not_run_need_not_fit():
    completed({"rerankers": {"deep": {"type": "random", "depth": 500}}})


@pytest.mark.parametrize("missing", ["u.item", None])
def test_a_raw_dir_is_used_in_place(tmp_path, missing):
    over = {**load(FOLDER / "ml-100k.yaml"), "raw_dir": str(tmp_path)}
    for name in ("u.data", "u.item", "u.user", "u.genre"):
        if name != missing:
            (tmp_path / name).touch()
    config = completed(over)
    if missing:
        with pytest.raises(InputError, match=r"raw_dir: .* holds no 'u.item' or 'ml-100k.zip'.*movies"):
            raw.raw_files(config)
        (tmp_path / "ml-100k.zip").touch()
        assert raw.raw_files(config)["movies"] == "results/ml-100k/raw/u.item"
    else:
        assert raw.raw_files(config)["movies"] == str(tmp_path / "u.item")
    with pytest.raises(InputError, match=r"raw_dir: the folder '.*nowhere' does not exist"):
        raw.raw_files({**config, "raw_dir": str(tmp_path / "nowhere")})


def undescribed(schema, where):
    """Yield the keys of a schema that have no description."""
    for key, value in schema.get("properties", {}).items():
        described = value.get("description") or "$ref" in value
        if not described:
            yield f"{where}.{key}"
        yield from undescribed(value, f"{where}.{key}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from undescribed(schema[key], f"{where}.*")
    for key, value in schema.get("$defs", {}).items():
        yield from undescribed(value, f"{where}.{key}")


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_key_is_described(path):
    schema = load(path)
    types = {"": schema} if "properties" in schema else schema
    for kind, own in types.items():
        jsonschema.Draft202012Validator.check_schema(own)
        assert own.get("description"), kind
        assert list(undescribed(own, kind)) == []


def test_the_keys_of_models_are_their_hyper_parameters():
    types = load(FOLDER / "schemas" / "models.schema.yaml")
    files = {path.stem for path in Path(settings.__file__).parent.glob("models/[a-z]*.py")}
    assert set(types) == files | {"external"}, "external lists are read, not fitted"
    for kind in files:
        schema = types[kind]
        own = model_class(kind).Hyperparameters
        assert set(schema["properties"]) == {field.name for field in dataclasses.fields(own)}, kind


def test_types_and_adapters_have_what_the_config_promises():
    schemas = {name: load(FOLDER / "schemas" / f"{name}.schema.yaml") for name in ("encoders", "rerankers", "config")}
    files = {path.stem for path in Path(settings.__file__).parent.glob("encoders/[a-z]*.py")}
    assert set(schemas["encoders"]) == files
    assert set(schemas["rerankers"]) == set(settings.RERANKER_KINDS) and set(settings.RERANKER_KINDS.values()) <= set(
        KINDS
    )
    adapters = schemas["config"]["$defs"]["dataset"]["properties"]["adapter"]["enum"]
    assert set(adapters) == set(ADAPTERS) == set(raw.FIELD_ROLES)


def test_the_defaults_of_sasrec_are_those_of_the_model():
    own = model_class("sasrec").Hyperparameters()
    assert {key: getattr(own, key) for key in settings.SASREC_DEFAULTS} == settings.SASREC_DEFAULTS


@pytest.mark.parametrize("suffix", [*READERS, ".CSV"])
def test_every_ending_that_can_be_read_is_allowed(suffix):
    completed({"models": {"theirs": {"type": "external", "test": f"a/b{suffix}"}}})


def test_merging_is_snakemakes():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    over = {"a": {"c": [3], "e": None}, "f": {"g": 2}}
    expected = copy.deepcopy(base)
    update_config(expected, copy.deepcopy(over))
    assert settings.merge(base, over) == expected
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}, "the base is left as it was"


def test_depths_and_options_have_defaults():
    config = completed()
    assert [settings.reranker_depth(config, name) for name in ("identity", "random")] == [100, 20]
    config["rerankers"]["plain"] = {"type": "similarity", "encoder": "e", "history_length": 3}
    assert settings.reranker_depth(config, "plain") == 20
    assert settings.similarity_options(config["rerankers"]["plain"]) == {"history_length": 3, "pooling": "mean"}
    assert features_of(config, "plain", "rerankers") == [("e", "title")]


def test_what_is_made_of_training_interactions_lies_under_the_protocol():
    config = completed()
    places = {
        ("all-MiniLM-L6-v2", "title"): "features",
        ("all-MiniLM-L6-v2", "title_category"): "features",
        ("all-MiniLM-L6-v2", "comments"): "temporal/features",
        ("all-MiniLM-L6-v2", "title_comments"): "temporal/features",
        ("all-MiniLM-L6-v2", "cover_tags"): "temporal/features",
        ("clip", "cover"): "temporal/features",
        ("ViT-B-32", "frames"): "features",
    }
    for feature, place in places.items():
        assert feature_path(config, "temporal", *feature) == f"{place}/{feature[0]}/{feature[1]}.npy"
