"""Loaders of what re-rankers need: one file for each word that a schema entry may list under ``needs``.

A file defines ``load(inputs, settings, data)``. The step calls it, so a plug-in never opens a file itself.
The code digest of a type covers only the files of this folder that it needs.
"""

import importlib
from types import SimpleNamespace


def load_material(needs, inputs, settings, data, about):
    """Load the objects that a re-ranker needs.

    Parameters
    ----------
    needs : sequence of str
        Files of this folder.
    inputs : dict of str to path
        The inputs of the rule.
    settings : dict
        How to read the inputs, from `reelrank.plan.reranking`: ``features``, ``text_fields``, ``source``, ``threads``.
    data : reelrank.data.interactions.Interactions
    about : dict
        Metadata of the re-ranked lists.

    Returns
    -------
    types.SimpleNamespace
        Has ``data``, ``about``, and one attribute for each need.
    """
    loaded = {
        need: importlib.import_module(f"reelrank.rerank.material.{need}").load(inputs, settings, data) for need in needs
    }
    return SimpleNamespace(data=data, about=about, **loaded)
