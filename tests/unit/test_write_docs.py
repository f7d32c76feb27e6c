"""`make docs`: figures of finished runs go into the pages, and a page that differs is noticed."""

import sys

import pytest
from configs import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "workflow"))
import write_docs

OPEN, CLOSE = "<!-- results: {} -->", "<!-- end of results -->"
README = f"# x\n\n{OPEN.format('d')}\nold\n{CLOSE}\n\nafter {OPEN.format('other')}\nkept\n{CLOSE}\n"
SUMMARY = "D, 10 users.\n\nThe answer is 42.\n\n### Table\n\n| a |\n"


@pytest.fixture
def root(tmp_path):
    """Return a repository with a README and a finished run."""
    (tmp_path / "README.md").write_text(README)
    tables = tmp_path / "results" / "d" / "leave_one_out" / "tables"
    tables.mkdir(parents=True)
    (tables / "summary.md").write_text(SUMMARY)
    return tmp_path


def test_figures_are_written_and_a_block_without_a_run_stays(root, capsys):
    write_docs.main(root)
    text = (root / "README.md").read_text()
    assert "D, 10 users.\n\nThe answer is 42.\n\nAll figures: [docs/results/d.md](docs/results/d.md)\n" in text
    assert "old" not in text and "Table" not in text and "kept" in text
    assert (root / "docs/results/d.md").read_text().endswith(f"do not edit. -->\n\n{SUMMARY}")
    assert "no finished run of other" in capsys.readouterr().out
    before = text
    write_docs.main(root)
    assert (root / "README.md").read_text() == before


def test_what_differs_is_named(root):
    write_docs.main(root)
    with pytest.raises(SystemExit, match=r"block of other has no page docs/results/other\.md"):
        write_docs.check(root)
    readme = root / "README.md"
    readme.write_text(readme.read_text().partition("after")[0])
    write_docs.check(root)
    readme.write_text(readme.read_text().replace("is 42", "is 43"))
    with pytest.raises(SystemExit, match=r"block of d differs from docs/results/d\.md; run `make docs`"):
        write_docs.check(root)
