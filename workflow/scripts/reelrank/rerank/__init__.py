"""Re-rankers: each gives scores to the first items of base lists; `RankedLists.reordered` makes the permutation.

A re-ranker is one file of this folder. Its name is the ``type`` in the config, and it defines
``Reranker``, a subclass of the one here. Its keys, what it needs and what it reads stand in
``config/schemas/rerankers.schema.yaml``. `docs/adding.md` has a complete example.
"""

import importlib
from abc import ABC, abstractmethod


class Reranker(ABC):
    """Scores the candidates of base lists.

    Parameters
    ----------
    options : dict
        The complete options of the config block, without ``type``.
    material : types.SimpleNamespace
        What the schema entry names under ``needs``, loaded; see `reelrank.rerank.material.load_material`.
    """

    #: Users that are scored in one call of `scores`. Shards are made of whole batches of so many users, since what is
    #: computed together can change the last bits of a sum.
    users_together = 4096

    def __init__(self, options, material):
        self.options, self.material = options, material

    def begin(self, split, lists):  # noqa: B027 - a hook, not every type prepares
        """Prepare for one split; called before its first batch is scored. Does nothing by default.

        Parameters
        ----------
        split : {'valid', 'test'}
        lists : reelrank.data.lists.RankedLists
            Of all users that are re-ranked, whatever the shard.
        """

    @abstractmethod
    def scores(self, lists, histories):
        """Score the candidates of some users.

        Parameters
        ----------
        lists : reelrank.data.lists.RankedLists
            The heads of their base lists; an item of -1 stands where a list is shorter.
        histories : reelrank.data.interactions.Histories
            One per user of the lists; any may be empty. None for a type that does not need ``interactions``.

        Returns
        -------
        numpy.ndarray
            ``(n_users, depth)`` float32; larger is better, equal scores keep the base order. No score may be NaN
            where an item stands.
        """


def reranker_class(kind):
    """Return the class ``Reranker`` of ``reelrank/rerank/{kind}.py``."""
    return importlib.import_module(f"reelrank.rerank.{kind}").Reranker
