"""How a step gets its arguments: by name, from what its rule has."""

import builtins
import json

import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, ResourceList, Wildcards

from reelrank import step


class Job:
    """A job as a step sees it."""

    rule = "some_rule"

    def __init__(self, wildcards=None, resources=None, params=None):
        self.input = InputFiles(toclone=["a.parquet", "b.npy", "c.npy"])
        self.input._set_name("interactions", 0)
        self.input._set_name("matrices", 1, end=3)
        self.input._set_name("weights", 3, end=3)
        self.output = OutputFiles(fromdict={"valid": "v.parquet", "test": "t.parquet"})
        self.params = Params(fromdict={"about": {"depth": 3}, "threads": 1, **(params or {})})
        self.wildcards = Wildcards(fromdict={"seed": "7", **(wildcards or {})})
        self.resources = ResourceList(fromdict={"mem_mb": 100, **(resources or {})})
        self.threads = 8


def test_a_parameter_is_filled_by_its_name():
    def main(interactions, matrices, about, threads, seed, valid, mem_mb, other=5):
        """Take what the rule has."""

    assert step.arguments(main, Job()) == {
        "interactions": "a.parquet", "matrices": ["b.npy", "c.npy"], "about": {"depth": 3}, "threads": 1, "seed": "7",
        "valid": "v.parquet", "mem_mb": 100,
    }  # fmt: skip


def test_all_files_are_given_by_name():
    def main(inputs, outputs):
        """Take all files."""

    found = step.arguments(main, Job())
    assert found["inputs"] == {"interactions": "a.parquet", "matrices": ["b.npy", "c.npy"], "weights": []}
    assert found["outputs"] == {"valid": "v.parquet", "test": "t.parquet"}
    assert type(found["inputs"]["matrices"]) is list


def test_an_input_without_files_keeps_the_default():
    def optional(weights=None):
        """Do without."""

    def needed(weights):
        """Take what there is."""

    assert step.arguments(optional, Job()) == {}
    assert step.arguments(needed, Job()) == {"weights": []}


def test_a_job_knows_its_shard():
    def main(shard):
        """Take a shard."""

    assert step.arguments(main, Job()) == {"shard": (1, 1)}
    assert step.arguments(main, Job({"scatteritem": "2-of-3"})) == {"shard": (2, 3)}


def test_a_resource_is_read_as_json():
    def main(limits):
        """Take limits."""

    assert step.arguments(main, Job(resources={"limits": json.dumps({"a": None})})) == {"limits": {"a": None}}


@pytest.mark.parametrize(
    ("name", "job", "message"),
    [
        (
            "nothing",
            Job(),
            "rule some_rule: parameter 'nothing' of main: found nothing with this name; expected exactly",
        ),
        ("seed", Job(params={"seed": 3}), "parameter 'seed' of main: found param and wildcard with this name"),
        ("threads", Job(params={"threads": 2}), None),
    ],
)
def test_a_parameter_that_the_rule_does_not_fill_is_refused(name, job, message):
    scope = {}
    exec(f"def main({name}): pass", scope)
    if message is None:
        assert step.arguments(scope["main"], job) == {"threads": 2}
        return
    with pytest.raises(TypeError, match=message):
        step.arguments(scope["main"], job)


def test_an_imported_step_does_not_run():
    def main():
        """Fail."""
        raise AssertionError

    assert builtins.snakemake is None
    step.run(main, builtins.snakemake)
