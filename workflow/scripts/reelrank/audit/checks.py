"""The result of an audit: a list of checks, each with its rows and failures."""

import logging
from dataclasses import dataclass, field

from reelrank.errors import InputError
from reelrank.files import write_json, write_text

#: Failures that are listed one by one; the rest are counted.
SHOWN = 20


@dataclass
class Check:
    """One thing that must hold.

    Attributes
    ----------
    name : str
    what : str
        One or two sentences: what must hold, and what was not checked.
    rows : list of dict
        The rows that were checked, with their numbers.
    failures : list of str
        Each names its row, what was found and what was expected.
    """

    name: str
    what: str
    rows: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    @property
    def passed(self):
        """Whether nothing failed."""
        return not self.failures

    def fail(self, row, faults):
        """Add the faults (sequence of str) of a row."""
        self.failures += [f"{row}: {fault}" for fault in faults]


def row_name(about, split=None):
    """Return the name of a list: ``base model/seed/re-ranker/split``."""
    return f"{about['base_model']}/seed{about['seed']}/{about['reranker']}/{split or about['split']}"


def row_keys(about):
    """Return the columns that identify a list."""
    return {
        "base_model": about["base_model"],
        "seed": int(about["seed"]),
        "reranker": about["reranker"],
        "split": about["split"],
    }


def to_json(checks):
    """Return the checks as a dict that JSON can hold."""
    return {
        "passed": all(check.passed for check in checks),
        "checks": [
            {
                "name": check.name,
                "what": check.what,
                "passed": check.passed,
                "rows": check.rows,
                "failures": check.failures,
            }
            for check in checks
        ],
    }


def to_markdown(checks, title):
    """Return the checks as Markdown: a summary table, then the failures and rows of each check."""
    lines = [f"# Audit of {title}", "", "| check | rows | result |", "|---|---:|---|"]
    for check in checks:
        result = "passed" if check.passed else f"**{len(check.failures)} failures**"
        lines.append(f"| {check.name} | {len(check.rows)} | {result if check.rows else 'nothing to look at'} |")
    for check in checks:
        lines += ["", f"## {check.name}", "", check.what]
        if check.failures:
            lines += ["", *(f"- {failure}" for failure in check.failures[:SHOWN])]
            lines += [f"- and {len(check.failures) - SHOWN} more"] if len(check.failures) > SHOWN else []
        if check.rows:
            heads = list(dict.fromkeys(key for row in check.rows for key in row))
            lines += ["", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
            lines += ["| " + " | ".join(_cell(row.get(head, "")) for head in heads) + " |" for row in check.rows]
    return "\n".join(lines) + "\n"


def _cell(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def failure_message(checks, place):
    """Return one line that names the failed checks and the first failures."""
    failed = [failure for check in checks for failure in check.failures]
    shown = "; ".join(failed[:5]) + (f"; and {len(failed) - 5} more" if len(failed) > 5 else "")
    names = ", ".join(check.name for check in checks if not check.passed)
    return f"{place}: the audit failed ({names}): {shown}"


def write_checks(checks, outputs, place):
    """Write the checks as JSON and Markdown; if one failed, write nothing and log all failures.

    Parameters
    ----------
    checks : sequence of Check
    outputs : dict of str to path
        ``json``, ``md``.
    place : str
        Dataset and protocol.

    Raises
    ------
    InputError
        Names the failed checks and the first failures.
    """
    markdown = to_markdown(checks, place)
    logging.info("%s", markdown)
    if not all(check.passed for check in checks):
        for failure in (failure for check in checks for failure in check.failures):
            logging.error("%s", failure)
        raise InputError(failure_message(checks, place))
    write_json(outputs["json"], to_json(checks))
    write_text(outputs["md"], markdown)
