"""Schemas complete blocks, report all mistakes at once, and belong to the files of plug-ins."""

import copy
import shutil

import pytest
from configs import FOLDER, ONLY_TITLES, completed, refused

from reelrank.config import complete as settings
from reelrank.config.plugins import LIBRARY, ROOMS, check_plugins
from reelrank.config.schema import Problems, load_schema, options, without_limits
from reelrank.config.yaml_files import read_yaml
from reelrank.errors import InputError
from reelrank.plan import raw_files as raw


def test_options_are_complete_and_not_shared():
    first, second = (
        options("encoders", "dataset_clip", architecture={"embed_dim": 8}, epochs=3),
        options("models", "ease"),
    )
    assert first["epochs"] == 3 and first["batch_size"] == 64 and "type" not in first
    assert second == {"regularization": 500.0, "history_decay": 1.0}
    options("language_models", "lora", base="b", prompt="p")["fields"]["category"] = 8
    assert options("language_models", "lora", base="b", prompt="p")["fields"] == {"title": 120}


def test_a_limit_decides_nothing():
    block = {"type": "openai", **options("encoders", "openai", model="m", send_to_third_party=True)}
    assert block.keys() - without_limits("encoders", block).keys() == {"send_to_third_party"}


def test_a_default_is_no_deeper_than_the_base_lists_and_a_given_depth_is_refused():
    over = {"candidates": 50, "rerankers": {"all-MiniLM-L6-v2-deep": {"depth": 50}}}
    assert completed(over)["rerankers"]["zscore"]["depth"] == 50
    refused({**over, "rerankers": {**over["rerankers"], "zscore": {"depth": 60}}}, "rerankers.zscore.depth", "found 60")


def test_all_mistakes_are_named_at_once():
    over = {
        "item_shards": 0,
        "cutoffs": [5, 101],
        "fields": ["title", "categroy", "comments", "cover", "frames"],
        "models": {"nfm": {"learnig_rate": 1, "batch_size": 1}, "sasrec": {"heads": 3}},
        "encoders": {"text-embedding-3-small": {"api_key_env": "KEY"}},
        "rerankers": {"random": {"type": "rnadom"}, "all-MiniLM-L6-v2": {"encoder": "e5", "dept": 3}},
        "run": {"base_models": ["nmf"], "rerankers": ["identity", "random", "all-MiniLM-L6-v2", "own-llama"]},
    }
    fragments = [
        "item_shards", "'categroy'", "did you mean learning_rate", "models.nfm.batch_size", "multiple of heads",
        "api_key_env: is called key_variable now", "did you mean random", "unknown name 'e5'", "did you mean depth",
        "'nmf'", "found n = 101",
    ]  # fmt: skip
    refused(over, "mistakes:", *fragments)


def test_one_mistake_is_told_alone():
    with pytest.raises(InputError) as caught:
        completed({"models": {"nfm": {"batch_size": "1"}}})
    assert str(caught.value).startswith("config key models.nfm.batch_size: 1 is less than the minimum of 2")
    with pytest.raises(InputError) as caught:
        completed({"shards": 2})
    assert str(caught.value) == "config key shards: is called item_shards now"


def test_an_error_of_a_check_is_no_consequence_where_nothing_else_is_wrong():
    problems = Problems()
    with pytest.raises(KeyError), problems.noting():
        raise KeyError("a mistake of the code")
    problems.add("something is wrong")
    with problems.noting():
        raise KeyError("what follows from it")
    assert problems.texts == ["something is wrong"]


def test_a_name_that_is_taken_is_refused_with_its_lines(tmp_path):
    (tmp_path / "a.yaml").write_text("models:\n  nfm: {type: nfm}\n  pop: {type: pop}\n  nfm: {type: pop}\n")
    with pytest.raises(InputError, match=r"a.yaml: line 4: the key 'nfm' is already in line 2"):
        read_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n")
    assert read_yaml(tmp_path / "a.yaml")["c"] == {"x": 3, "y": 4}
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"a.yaml: expected YAML"):
        read_yaml(tmp_path / "a.yaml")


def test_a_name_is_defined_in_one_shipped_file():
    for path in FOLDER.glob("*.yaml"):
        read_yaml(path)


@pytest.fixture
def library(tmp_path):
    """Return a copy of the files of plug-ins."""
    for room in {room for rooms in ROOMS.values() for room in rooms}:
        shutil.copytree(LIBRARY / room, tmp_path / "reelrank" / room, dirs_exist_ok=True)
    return tmp_path / "reelrank"


def problems_of(library, load=load_schema):
    """Return the texts of what is wrong with the plug-ins."""
    problems = Problems()
    check_plugins(problems, library, load)
    return problems.texts


def test_plug_ins_and_entries_belong_together(library):
    assert problems_of(library) == []
    (library / "models" / "invented.py").touch()
    (library / "features" / "encoders" / "openai.py").unlink()
    found = problems_of(library)
    assert len(found) == 2
    assert "reelrank/models/invented.py: found no entry 'invented'" in found[0] and "models.schema.yaml" in found[0]
    assert (
        "encoders.schema.yaml: the type 'openai' has no file; expected reelrank/features/encoders/openai.py" in found[1]
    )


@pytest.mark.parametrize(
    ("file", "fragment"),
    [
        ("rerank/fusion/random.py", "is taken by reelrank/rerank/random.py"),
        ("models/external.py", "is already a type without a file"),
    ],
)
def test_a_plug_in_with_a_taken_name_is_refused_with_its_file(library, file, fragment):
    (library / file).touch()
    found = problems_of(library)
    assert len(found) == 1 and f"reelrank/{file}: the name" in found[0] and fragment in found[0]


def test_a_plug_in_without_an_entry_stops_the_start(monkeypatch, library):
    (library / "models" / "invented.py").touch()
    monkeypatch.setattr("reelrank.config.plugins.check_plugins.__defaults__", (library, load_schema))
    with pytest.raises(InputError, match=r"models/invented.py"):
        completed()


@pytest.mark.parametrize(
    ("key", "value", "fragment"),
    [
        ("reads", ["word"], "random.reads: found ['word']; expected a list of some of interactions, metadata, words"),
        ("reads", None, "random.reads: found None"),
        ("kind", "discriminator", "random.kind: found 'discriminator'; expected one of base, control"),
        ("made_by", None, "random.made_by: found None; expected one of recommend, rerank, ask, fuse"),
        ("needs", ["text"], "random.needs: found ['text']; expected a list of some of base_model, encoder"),
    ],
)
def test_an_entry_that_planning_cannot_read_is_refused(library, key, value, fragment):
    def load(section):
        """Return the schema of a section with one value changed."""
        entries = copy.deepcopy(load_schema(section))
        if section == "rerankers":
            entries["random"][key] = value
        return entries

    (found,) = problems_of(library, load)
    assert "rerankers.schema.yaml: " in found and fragment in found


def test_a_block_that_stands_twice_in_a_file_is_refused(tmp_path):
    path = tmp_path / "overlay.yaml"
    path.write_text("rerankers:\n  random: {type: random}\n  random: {type: similarity}\n")
    with pytest.raises(InputError, match=r"overlay.yaml: line 3: the key 'random' is already in line 2"):
        settings.check_files([tmp_path / "nowhere.yaml", path])


def test_an_unknown_dataset_hides_no_other_mistake():
    refused({"dataset": "sampel", "candidats": 5}, "2 mistakes", "did you mean sample", "candidats")


OWN = {"adapter": "microlens", "files": {"interactions": "mine.csv", "titles": "titles.csv"}}


def test_a_dataset_of_own_files_needs_only_adapter_and_files(tmp_path):
    over = {"dataset": "mine", "datasets": {"mine": OWN}, "fields": ["title"], "run": ONLY_TITLES}
    config = completed({**over, "raw_dir": str(tmp_path)})
    dataset = config["datasets"]["mine"]
    assert (dataset["title"], dataset["synthetic"], dataset["archives"]) == ("mine", False, {})
    for name in OWN["files"].values():
        (tmp_path / name).touch()
    assert raw.raw_files(config) == {role: str(tmp_path / name) for role, name in OWN["files"].items()}
    assert raw.downloads(dataset) == []


def test_a_file_that_nothing_can_bring_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    over = {"dataset": "mine", "datasets": {"mine": OWN}, "fields": ["title"], "run": ONLY_TITLES}
    with pytest.raises(InputError, match=r"datasets.mine: found no file 'mine.csv'.*raw_dir.*'download'"):
        raw.raw_files(completed(over))
    folder = tmp_path / "results" / "mine" / "raw"
    folder.mkdir(parents=True)
    for name in OWN["files"].values():
        (folder / name).touch()
    assert raw.raw_files(completed(over))["titles"] == "results/mine/raw/titles.csv"


def test_a_dataset_is_generated_or_downloaded():
    both = {**OWN, "download": {"base_url": "https://example.org/"}, "generate": {}}
    over = {"dataset": "mine", "datasets": {"mine": both}, "fields": ["title"], "run": ONLY_TITLES}
    refused(over, "datasets.mine: found 'generate' and 'download'")
