"""The table of features: their encoders, and the items that have no vector."""

import pandas as pd

from reelrank.report.values import plain

COLUMNS = [
    "encoder", "field", "model", "revision", "dimension", "items", "missing", "without_file", "unreadable", "too_large",
    "parameters",
]  # fmt: skip


def feature_table(descriptions):
    """Return one row per feature, from their descriptions (``{field}.json``).

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. ``missing``: items with a zero vector; ``without_file``: items without a picture;
        ``unreadable`` and ``too_large``: pictures that were not decoded; ``parameters``: of the encoder, if known.
    """
    rows = []
    for about in descriptions:
        counts = about.get("counts", {})
        rows.append(
            {
                **{key: about[key] for key in COLUMNS[:6]},
                "missing": len(about["missing"]),
                "without_file": counts.get("items_without_file", 0),
                **{key: counts.get(key, 0) for key in COLUMNS[8:10]},
                "parameters": about.get("parameters"),
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"parameters": "Int64"})
    return table.sort_values(["encoder", "field"], kind="stable").reset_index(drop=True)


def features_to_markdown(table, clip_reports, title):
    """Return the table in Markdown, with the retrieval scores of the CLIPs that this run trained."""
    heads = [column.replace("_", " ") for column in COLUMNS]
    lines = [
        f"# Item features of {plain(title)}",
        "",
        "An item without text or picture has a zero vector: `missing`. It lifts and sinks no candidate.",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "|".join(["---"] * 4 + ["---:"] * (len(COLUMNS) - 4)) + "|",
    ]
    for row in table.itertuples(index=False):
        lines.append("| " + " | ".join("" if pd.isna(value) else str(value) for value in row) + " |")
    for report in clip_reports:
        scores = report["held_out"]
        lines += [
            "",
            f"`{report['encoder']}`: {report['parameters'] / 1e6:.1f}M parameters, trained on "
            f"{report['training_pairs']} pairs of cover and title. "
            f"Among {scores['pairs']} held-out pairs, recall@10 is "
            f"{scores['recall@10']:.3f}, {scores['times_chance']:.1f} times chance ({scores['chance']:.3f}).",
        ]
    return "\n".join(lines) + "\n"
