"""The config: shipped ones are right, their schemas are what the code is."""

import copy

import jsonschema
import pytest
from configs import FOLDER, ONLY_TITLES, REPOSITORY, completed, load, refused
from snakemake.utils import update_config

from reelrank.config import complete as settings
from reelrank.config.fields import diversity_feature, features_of
from reelrank.config.kinds import KINDS, READS
from reelrank.config.plugins import has_file
from reelrank.config.schema import entry, load_schema
from reelrank.data.list_formats import READERS
from reelrank.datasets import ADAPTERS
from reelrank.errors import InputError
from reelrank.models import model_class
from reelrank.plan import raw_files as raw

OVERLAYS = [
    FOLDER / "ml-100k.yaml",
    FOLDER / "microlens-50k.yaml",
    FOLDER / "microlens-100k.yaml",
    *sorted((REPOSITORY / "tests" / "config").glob("*.yaml")),
]
DATASETS = sorted(path.stem for path in (FOLDER / "datasets").glob("*.yaml"))
SCHEMAS = sorted(path.name.removesuffix(".schema.yaml") for path in (FOLDER / "schemas").glob("*.schema.yaml"))


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_every_shipped_config_is_right(path):
    config = completed(load(path))
    assert list(config["datasets"]) == [config["dataset"]]
    assert config["datasets"][config["dataset"]]["title"]
    assert set(raw.raw_files(config)) >= {"interactions"}
    for model in config["models"].values():
        assert not has_file(entry("models", model["type"])) or model_class(model["type"])


@pytest.mark.parametrize("name", DATASETS)
def test_the_raw_files_of_every_dataset(name):
    fields = {
        "sample": ["title", "category", "comments", "cover"],
        "microlens-100k": ["title", "category", "comments", "cover"],
        "microlens-50k": ["title"],
    }.get(name, ["title", "category"])
    config = completed({"dataset": name, "fields": fields, "run": ONLY_TITLES})
    dataset = config["datasets"][name]
    files = raw.raw_files(config)
    expected = {
        "microlens": {"interactions", "titles", "categories", "comments", "covers"} & set(dataset["files"]),
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
        with pytest.raises(InputError, match=r"raw_dir: found no 'u.item' or 'ml-100k.zip' in .*movies"):
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


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_described(name):
    schema = load_schema(name)
    types = {"": schema} if "properties" in schema else schema
    for kind, own in types.items():
        jsonschema.Draft202012Validator.check_schema(own)
        assert own.get("description"), kind
        assert list(undescribed(own, kind)) == []


@pytest.mark.parametrize("section", ["models", "encoders", "language_models", "rerankers"])
def test_every_key_has_a_default_that_is_right_or_must_be_given(section):
    for kind, own in load_schema(section).items():
        assert set(own.get("reads", [])) <= set(READS)
        for key, schema in own["properties"].items():
            if kind != "generative":  # `reelrank.config.generative` completes it
                assert ("default" in schema) != (key in own.get("required", [])), (kind, key)
            if "default" in schema:
                jsonschema.validate(schema["default"], schema)


def test_types_and_adapters_have_what_the_config_promises():
    assert {own["kind"] for own in load_schema("rerankers").values()} <= set(KINDS)
    silent = [
        kind for section in ("models", "encoders") for kind, own in load_schema(section).items() if not own["reads"]
    ]
    assert silent == ["union"], "it reads what its parts read"
    assert {kind for kind, own in load_schema("models").items() if not has_file(own)} == {"external", "union"}
    adapters = load_schema("config")["$defs"]["dataset"]["properties"]["adapter"]["enum"]
    assert set(adapters) == set(ADAPTERS) == set(raw.FIELD_ROLES)


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
    over = {"rerankers": {"plain": {"type": "similarity", "encoder": "all-MiniLM-L6-v2", "history_length": 3}}}
    config = completed(over)
    assert [settings.reranker_depth(config, name) for name in ("identity", "random", "plain")] == [100, 20, 20]
    assert config["rerankers"]["plain"]["history_length"] == 3 and config["rerankers"]["plain"]["pooling"] == "mean"
    assert features_of(config, "plain", "rerankers") == [("all-MiniLM-L6-v2", "title")]
