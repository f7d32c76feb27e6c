"""Digests of the code that decides the results of each rule. No heavy import: Snakemake itself runs this.

Every rule with a script gets the param ``code``: a digest of its step, of the modules that the step
imports, and of the files that it loads by a name in the config. A loop in the Snakefile sets it.
"""

from pathlib import Path

from reelrank.config import fields
from reelrank.digests import CodeDigests

#: Steps whose changed code reruns nothing: published files are not downloaded again.
WITHOUT_CODE = ("download.py",)


class Code:
    """The digests of code.

    Parameters
    ----------
    scripts : Path
        The folder ``workflow/scripts``.
    config : dict
        Completed.
    selection : reelrank.plan.selection.Selection
    reranking : reelrank.plan.reranking.Reranking
    asking : reelrank.plan.asking.Asking
    audit : reelrank.plan.audit.Audit
    """

    def __init__(self, scripts, config, selection, reranking, asking, audit):
        self.config, self.selection = config, selection
        self.reranking, self.asking, self.audit = reranking, asking, audit
        self.digests = CodeDigests(scripts)

    def param(self, script):
        """Return the param ``code`` of a rule with this script: a function of its wildcards, or None.

        The function computes the digest only when a job needs it, so `snakemake --list` reads no code.
        """
        step = Path(script).name
        if step in WITHOUT_CODE:
            return None
        return lambda wildcards: self.digests.of(step, *self.loaded(step, wildcards))

    def loaded(self, step, wildcards):
        """Return the files below ``workflow/scripts`` that a step loads by a name in the config."""
        own = getattr(self, f"_of_{Path(step).stem}", None)
        return own(wildcards) if own else []

    def _of_prepare(self, wildcards):
        dataset = self.config["datasets"][self.config["dataset"]]
        return [f"reelrank/datasets/{dataset['adapter']}.py"]

    def _of_train(self, wildcards):
        return [f"reelrank/models/{self.config['models'][wildcards.base_model]['type']}.py"]

    def _of_search_model(self, wildcards):
        return self._of_train(wildcards)

    def _of_search_fusion(self, wildcards):
        return [f"reelrank/rerank/fusion/{self.config['rerankers'][wildcards.reranker]['type']}.py"]

    def _of_recommend(self, wildcards):
        return self._of_train(wildcards)

    def _encoder(self, name):
        return f"reelrank/features/encoders/{self.config['encoders'][name]['type']}.py"

    def _of_embed_text(self, wildcards):
        return [self._encoder(wildcards.encoder)]

    def _of_embed_images(self, wildcards):
        return [self._encoder(wildcards.encoder)]

    def _of_gather_features(self, wildcards):
        """Include the step that made the shards: they are temporary, so only this job sees a change of that step."""
        step = "embed_images.py" if wildcards.field in fields.IMAGE_FIELDS else "embed_text.py"
        return [step, self._encoder(wildcards.encoder)]

    def _of_tag_images(self, wildcards):
        return [self._encoder(self.config["tags"][wildcards.field]["encoder"])]

    def _of_rerank(self, wildcards):
        return self.reranking.loaded(wildcards.reranker)

    def _of_ask_llm(self, wildcards):
        """Include the reader of answers only if an answer decides the next question."""
        client = f"reelrank/llm/clients/{self.asking.options(wildcards)['client']}.py"
        return [client, *(["reelrank/llm/answers/readings.py"] if self.asking.slides(wildcards.reranker) else [])]

    def _of_fuse(self, wildcards):
        types = {self.config["rerankers"][name]["type"] for name in self.selection.fusions}
        return [f"reelrank/rerank/fusion/{kind}.py" for kind in sorted(types)]

    def _of_rescore_fusions(self, wildcards):
        return self._of_fuse(wildcards)

    def _of_rescore_lists(self, wildcards):
        return self.audit.loaded(wildcards.base_model)
