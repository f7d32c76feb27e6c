"""What re-rankers need, loaded by the step: one file for each word that a schema entry may name under ``needs``.

A file defines ``load(inputs, settings, data)``. A plug-in never opens a file itself, and the code
digest of a type covers just the files of this folder that it needs.
"""

import importlib
from types import SimpleNamespace


def load_material(needs, inputs, settings, data, about):
    """Load what a re-ranker needs.

    Parameters
    ----------
    needs : sequence of str
        Files of this folder.
    inputs : dict of str to path
        The inputs of the rule.
    settings : dict
        What the inputs are, see ``plan``: ``features``, ``text_fields``, ``source``, ``threads``.
    data : reelrank.data.interactions.Interactions
    about : dict
        The metadata of the lists that are made.

    Returns
    -------
    types.SimpleNamespace
        ``data``, ``about``, and one attribute for each need.
    """
    loaded = {
        need: importlib.import_module(f"reelrank.rerank.material.{need}").load(inputs, settings, data) for need in needs
    }
    return SimpleNamespace(data=data, about=about, **loaded)
