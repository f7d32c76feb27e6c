"""Adapters, one per source format: they read published files into `RawTables`."""

import importlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from reelrank.errors import InputError, suggest

#: Adapters by name; each module has ``read(paths, fields, options) -> RawTables``.
ADAPTERS = ("microlens", "movielens")


@dataclass
class RawTables:
    """The tables that an adapter reads, with the source's ids. Preparing them consumes them.

    Attributes
    ----------
    user_ids, item_ids : numpy.ndarray
        ``(n_rows,)`` int64, one entry per interaction, in the order of the file.
    timestamps : numpy.ndarray
        ``(n_rows,)`` int64 milliseconds; all 0 if the source has none.
    ratings : numpy.ndarray or None
        ``(n_rows,)`` float32.
    items : pandas.DataFrame
        Indexed by item id (unique), with one column per requested field.
    users : pandas.DataFrame
        Indexed by user id, with profile columns; may be empty.
    comments : reelrank.datasets.comment_file.CommentFile or None
        Not loaded into memory, since comments may be larger than it.
    files : dict of str to path
        The file or folder that each requested field was read from, for errors.
    counts : dict of str to int
        Numbers of accepted irregularities, for ``statistics.json``.
    """

    user_ids: np.ndarray
    item_ids: np.ndarray
    timestamps: np.ndarray
    items: pd.DataFrame
    ratings: np.ndarray | None = None
    users: pd.DataFrame = field(default_factory=pd.DataFrame)
    comments: object = None
    files: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)


def read_dataset(adapter, paths, fields, options=None):
    """Read the published files of a dataset.

    Parameters
    ----------
    adapter : str
        One of `ADAPTERS`.
    paths : dict of str to path
        The adapter's roles (``interactions``, ``titles``, ...) and their files.
    fields : sequence of str
        Item fields to read (``title``, ``category``, ``comments``, ``cover``).
    options : dict, optional
        The options of the adapter, from the dataset's config.

    Returns
    -------
    RawTables

    Raises
    ------
    InputError
        For an unknown adapter or any mistake in a file.
    """
    if adapter not in ADAPTERS:
        raise InputError(f"unknown dataset adapter {adapter!r}; {suggest(adapter, ADAPTERS)}")
    return importlib.import_module(f"reelrank.datasets.{adapter}").read(paths, fields, options or {})
