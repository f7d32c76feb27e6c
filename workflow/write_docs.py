"""Write the measured numbers of finished runs into the pages: ``make docs``. Or compare them: ``make docs CHECK=1``.

The summary of each finished run in ``results/`` becomes ``docs/results/{dataset}.md``. A block of the README between
``<!-- results: DATASET -->`` and ``<!-- end of results -->`` becomes the first two paragraphs of it: what was measured,
and the answer.

The comparison needs no run: each block of the README must be what ``docs/results/{dataset}.md`` says.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from reelrank.files import write_text  # noqa: E402

BLOCK = re.compile(r"(<!-- results: (\S+) -->\n).*?(<!-- end of results -->)", re.DOTALL)


def main(root=ROOT):
    """Write the pages; print what was written, and which block of the README has no run."""
    summaries = {path.parents[2].name: path for path in sorted(root.glob("results/*/leave_one_out/tables/summary.md"))}
    for dataset, path in summaries.items():
        page = root / "docs" / "results" / f"{dataset}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, head(path.relative_to(root)) + path.read_text(encoding="utf-8"))
        print(f"docs/results/{dataset}.md")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    for dataset in sorted({found[2] for found in BLOCK.finditer(text)} - set(summaries)):
        print(f"README.md: found no finished run of {dataset}; its block stays")
    texts = {dataset: path.read_text(encoding="utf-8") for dataset, path in summaries.items()}
    write_text(readme, BLOCK.sub(lambda found: block(found, texts), text))


def head(source):
    """Return the first line of a page."""
    return f"<!-- Written by `make docs` from {source.as_posix()}; do not edit. -->\n\n"


def block(found, summaries):
    """Return a block of the README with the answer of its run; unchanged without one."""
    dataset = found[2]
    if dataset not in summaries:
        return found[0]
    answer = "\n\n".join(summaries[dataset].split("\n\n")[:2])
    return f"{found[1]}{answer}\n\nAll figures: [docs/results/{dataset}.md](docs/results/{dataset}.md)\n{found[3]}"


def check(root=ROOT):
    """Exit with an error that names each block of the README that is not what its page says."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in sorted((root / "docs" / "results").glob("*.md"))}
    summaries = {dataset: text.partition("\n\n")[2] for dataset, text in pages.items()}
    wrong = []
    for found in BLOCK.finditer((root / "README.md").read_text(encoding="utf-8")):
        page = f"docs/results/{found[2]}.md"
        if found[2] not in summaries:
            wrong.append(f"README.md: the block of {found[2]} has no page {page}; run `make docs` after a run of it")
        elif block(found, summaries) != found[0]:
            wrong.append(f"README.md: the block of {found[2]} differs from {page}; run `make docs`")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else main()
