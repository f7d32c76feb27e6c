"""The digest that reruns a step: what the step's code can do, and nothing else."""

import ast
import os
import shutil
from pathlib import Path

import pytest

from reelrank.digests import CodeDigests, digest, normal_code

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
STEPS = sorted(path.name for path in SCRIPTS.glob("*.py"))


def code_digest(scripts, *files):
    """Return the digest of files as they are now."""
    return CodeDigests(scripts).of(*files)


@pytest.fixture
def scripts(tmp_path):
    """Return a copy of the scripts and the library."""
    return Path(shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__")))


def append(path, text):
    """Append text to a file."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_it_is_the_same_elsewhere(scripts):
    for step in STEPS:
        assert code_digest(scripts, step) == code_digest(SCRIPTS, step)


def test_comments_docstrings_layout_and_times_do_not_count(scripts):
    before = code_digest(scripts, "train.py", "reelrank/models/nfm.py")
    path = scripts / "reelrank" / "models" / "nfm.py"
    text = path.read_text(encoding="utf-8")
    changed = text.replace('"""NFM in its', '"""An NFM in its').replace(
        "import torch\n", "import torch  # why\n\n\n", 1
    )
    changed = changed.replace('"""Embeddings, BatchNorm', '"""Layers: embeddings, BatchNorm')
    assert changed != text
    path.write_text(changed + "\n# the end\n", encoding="utf-8")
    os.utime(path, (1, 1))
    os.utime(scripts / "train.py", (1, 1))
    assert code_digest(scripts, "train.py", "reelrank/models/nfm.py") == before


@pytest.mark.parametrize(
    ("step", "modules", "file", "counts"),
    [
        ("train.py", ("reelrank/models/nfm.py",), "train.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/models/nfm.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/models/__init__.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/training/loop.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/training/topk.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/data/splits.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/training/samples.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/models/pop.py", False),
        ("train.py", ("reelrank/models/pop.py",), "reelrank/models/nfm.py", False),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/metrics/ranking.py", True),
        ("train.py", ("reelrank/models/nfm.py",), "reelrank/metrics/resampling.py", False),
        ("train.py", ("reelrank/models/nfm.py",), "evaluate.py", False),
        ("evaluate.py", (), "reelrank/metrics/ranking.py", True),
        ("evaluate.py", (), "reelrank/training/loop.py", False),
        ("evaluate.py", (), "reelrank/models/nfm.py", False),
        ("tabulate_hits.py", (), "reelrank/metrics/statistics.py", True),
        ("measure_effects.py", (), "reelrank/metrics/resampling.py", True),
        ("prepare.py", ("reelrank/datasets/microlens.py",), "reelrank/datasets/reading.py", True),
        ("prepare.py", ("reelrank/datasets/microlens.py",), "reelrank/datasets/movielens.py", False),
        ("rerank.py", ("reelrank/rerank/material/encoder.py",), "reelrank/features/encoders/__init__.py", True),
        ("rerank.py", ("reelrank/rerank/random.py",), "reelrank/rerank/random.py", True),
        ("rerank.py", ("reelrank/rerank/random.py",), "reelrank/rerank/similarity.py", False),
    ],
)
def test_code_counts_where_it_is_imported(scripts, step, modules, file, counts):
    before = code_digest(scripts, step, *modules)
    append(scripts / file, "\nADDED = 1\n")
    assert (code_digest(scripts, step, *modules) != before) == counts


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("raise InputError('a')", "raise InputError(f'{x}: b')", True),
        ("raise ValueError('a' + x) from None", "raise ValueError('b' + x) from None", True),
        ("logging.info('a %s', x)", "logging.info('b: %s', x)", True),
        ("raise InputError('a')", "raise ValueError('a')", False),
        ("raise Stopped('a')", "raise Stopped('b')", False),  # an error of our own may carry what a table holds
        ("raise InputError(x)", "raise InputError(y)", False),
        ("raise InputError(1)", "raise InputError(2)", False),
        ("logging.info('a %s', x)", "logging.info('a %s', y)", False),
        ("x = 'a'", "x = 'b'", False),
        ("f('a', 1)", "f('b', 1)", False),
        ("x.info('a')", "x.info('b')", False),
        ("x = f'a{y}'", "x = f'b{y}'", False),
    ],
)
def test_texts_that_only_a_person_reads_do_not_count(before, after, same):
    codes = [normal_code(ast.parse(f"def f(x, y):\n    {text}")) for text in (before, after)]
    assert (codes[0] == codes[1]) == same


def test_a_file_is_read_once(scripts):
    digests = CodeDigests(scripts)
    first = digests.of("train.py", "reelrank/models/nfm.py")
    append(scripts / "reelrank/models/nfm.py", "\nADDED = 1\n")
    assert digests.of("train.py", "reelrank/models/nfm.py") == first
    assert digests.of("recommend.py", "reelrank/models/nfm.py") != CodeDigests(SCRIPTS).of("recommend.py")


def test_every_edit_of_a_step_counts(scripts):
    for step in STEPS:
        before = code_digest(scripts, step)
        append(scripts / step, "\nADDED = 1\n")
        assert code_digest(scripts, step) != before


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (("trian.py",), r"trian\.py is no file"),
        (("train.py", "reelrank/models/nmf.py"), r"reelrank/models/nmf\.py is no file"),
        (("train.py", "reelrank/models/nfm"), r"reelrank/models/nfm is no file"),
        (("train.py", "reelrank/models"), r"reelrank/models is no file"),
    ],
)
def test_a_file_that_does_not_exist_is_refused(named, message):
    with pytest.raises(FileNotFoundError, match=message):
        code_digest(SCRIPTS, *named)


def test_the_library_has_no_import_that_the_digest_cannot_follow():
    for path in SCRIPTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path.name}: a relative import"


def test_a_digest_stands_for_values_whatever_their_order():
    assert digest({"a": 1, "b": [2, None]}) == digest({"b": [2, None], "a": 1})
    assert len({digest(1), digest("1"), digest(1, 1), digest([1]), digest({"a": 1})}) == 5
    assert len(digest(None)) == 12
