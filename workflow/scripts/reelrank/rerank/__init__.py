"""Re-rankers: each scores the first items of base lists; `RankedLists.reordered` sorts by these scores.

A re-ranker is one file of this folder. The file name is the ``type`` in the config, and the file defines
``Reranker``, a subclass of the class here. ``config/schemas/rerankers.schema.yaml`` declares its keys, what it
needs and what it reads. `docs/adding.md` has a complete example.
"""

import importlib
from abc import ABC, abstractmethod

import numpy as np

from reelrank.errors import InputError


class Reranker(ABC):
    """Scores the candidates of base lists.

    Parameters
    ----------
    options : dict
        The complete options of the config block, without ``type``.
    material : types.SimpleNamespace
        The loaded objects that the schema entry lists under ``needs``; see `reelrank.rerank.material.load_material`.
    """

    #: Users per call of `scores`. A shard holds whole batches of this size, since the size of a batch can change the
    #: last bits of a sum.
    users_together = 4096

    def __init__(self, options, material):
        self.options, self.material = options, material

    def begin(self, split, lists):  # noqa: B027 - an optional hook
        """Prepare for one split; called before its first batch is scored. Does nothing by default.

        The scores of a list must not depend on the other lists: the audit scores some of them again.

        Parameters
        ----------
        split : {'valid', 'test'}
        lists : reelrank.data.lists.RankedLists
            The lists of all re-ranked users, whatever the shard.
        """

    @abstractmethod
    def scores(self, lists, histories):
        """Score the candidates of some users.

        Parameters
        ----------
        lists : reelrank.data.lists.RankedLists
            The heads of their base lists; item -1 pads shorter lists.
        histories : reelrank.data.interactions.Histories
            One per user of the lists; any may be empty. None for a type that does not need ``interactions``.

        Returns
        -------
        numpy.ndarray
            ``(n_users, depth)`` float32; larger is better, equal scores keep the base order. The score of an item
            must not be NaN.
        """


def reranker_class(kind):
    """Return the class ``Reranker`` of ``reelrank/rerank/{kind}.py``."""
    module = importlib.import_module(f"reelrank.rerank.{kind}")
    if not hasattr(module, "Reranker"):
        raise InputError(f"reelrank/rerank/{kind}.py: found no class Reranker; expected one")
    return module.Reranker


def score_all(plug_in, lists, histories):
    """Return the scores of all lists, batch by batch, ``(n_users, depth)`` float32."""
    scores = np.empty(lists.items.shape, np.float32)
    for start in range(0, len(lists.users), plug_in.users_together):
        rows = slice(start, start + plug_in.users_together)
        scores[rows] = plug_in.scores(lists.of_rows(rows), histories[rows])
    return scores
