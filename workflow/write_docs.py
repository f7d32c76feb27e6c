"""Write the measured numbers of finished runs into the pages: ``make docs``.

The summary of each finished run in ``results/`` becomes ``docs/results/{dataset}.md``. A block of the README between
``<!-- results: DATASET -->`` and ``<!-- end of results -->`` becomes the first two paragraphs of it: what was measured,
and the answer.
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
        head = f"<!-- Written by `make docs` from {path.relative_to(root).as_posix()}; do not edit. -->\n\n"
        page = root / "docs" / "results" / f"{dataset}.md"
        page.parent.mkdir(exist_ok=True)
        write_text(page, head + path.read_text(encoding="utf-8"))
        print(f"docs/results/{dataset}.md")

    def filled(found):
        """Return a block of the README with the answer of its run."""
        dataset = found[2]
        if dataset not in summaries:
            print(f"README.md: found no finished run of {dataset}; its block stays")
            return found[0]
        answer = "\n\n".join(summaries[dataset].read_text(encoding="utf-8").split("\n\n")[:2])
        return f"{found[1]}{answer}\n\nAll figures: [docs/results/{dataset}.md](docs/results/{dataset}.md)\n{found[3]}"

    readme = root / "README.md"
    write_text(readme, BLOCK.sub(filled, readme.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
