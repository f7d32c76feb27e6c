"""Rows of the tables beyond accuracy, as CSV."""

import pandas as pd

#: Columns that identify a list in each of these tables.
KEYS = ("dataset", "protocol", "base_model", "seed", "reranker")


def keys(about):
    """Return the key columns of a list, from its metadata."""
    return {key: about[key] for key in KEYS}


def to_csv(rows, columns):
    """Return rows as CSV text: six decimals, no negative zero, empty cells for unknown values.

    Parameters
    ----------
    rows : sequence of dict
    columns : sequence of str
        Columns after `KEYS`. The header is written even without rows.
    """
    table = pd.DataFrame(list(rows), columns=[*KEYS, *columns])
    for name in table.columns:
        if pd.api.types.is_float_dtype(table[name]):
            table[name] = table[name].round(6) + 0.0  # -0.0 becomes 0.0
        elif pd.api.types.is_bool_dtype(table[name]) and len(table):
            table[name] = table[name].map({True: "true", False: "false"})
    return table.to_csv(index=False, float_format="%.6f", lineterminator="\n")
