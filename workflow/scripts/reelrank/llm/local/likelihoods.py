"""Log-likelihoods of continuations of texts, at little more than the price of the tokens themselves.

- The text before is computed once for all of its continuations: they are in one row and do not see each other.
- The last token of a continuation is only predicted, so it is not computed.
- Rows of similar length are batched, so there is little padding.
- Logits exist for a batch only, and only from the end of its shortest text on.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, chain

import torch

from reelrank.llm.local.loading import encode_start
from reelrank.llm.local.packing import pack, row_length

#: Maximum tokens of a batch of packed rows, and maximum number of its logits; they limit memory.
TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 65536}
LOGITS_PER_BATCH = {"cpu": 2**25, "cuda": 2**31}

#: Logits that are normalised together; they limit memory.
LOGITS_TOGETHER = 2**23

#: Most columns of a row's continuations: this many, or this many times the text before them. Attention takes time with
#: the square of the length; a further row computes the text once more.
ROW_COLUMNS, ROW_TEXTS = 256, 8


@dataclass(frozen=True)
class Row:
    """A text and some of its continuations, which are computed together.

    Attributes
    ----------
    index : int
        Place of the text among all texts.
    start : list of int
        Token ids of the text.
    tails : dict of int to list of int
        Token ids of continuations, by their place among those of the text.
    """

    index: int
    start: list
    tails: dict

    @property
    def length(self):
        """Return the number of tokens that are computed."""
        return row_length(self.start, self.tails.values())


class Likelihoods:
    """Computes log-likelihoods with a causal language model.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    tokenizer : transformers.PreTrainedTokenizerBase
    share_prefix : bool
        False computes each continuation in a row and a batch of its own: for a model with a window or a state.
    """

    def __init__(self, model, tokenizer, share_prefix):
        self.model, self.tokenizer, self.share_prefix = model, tokenizer, share_prefix
        vocabulary, kind = model.config.get_text_config().vocab_size, model.device.type
        self.tokens, self.logits = TOKENS_PER_BATCH[kind], max(1, LOGITS_PER_BATCH[kind] // vocabulary)
        self.together = max(1, LOGITS_TOGETHER // vocabulary)

    def of(self, prefixes, continuations, advance=None):
        """Return the log-likelihood of each continuation of each text.

        Text and continuation are tokenized separately, so a text should end where a token ends,
        e.g. in a line end.

        Parameters
        ----------
        prefixes : sequence of str
            The texts.
        continuations : sequence of sequence of str
            Continuations of each text.
        advance : callable, optional
            Called after each batch with the number of texts that are done.

        Returns
        -------
        list of list of (float, int)
            For each continuation, the sum of its tokens' log-probabilities, and the number of tokens.
        """
        found = [[(0.0, 0)] * len(row) for row in continuations]
        rows = list(self._rows(prefixes, continuations))
        left = Counter(row.index for row in rows)
        for group in self._batches(rows):
            for row, scores in zip(group, self._score(group), strict=True):
                for place, score in zip(row.tails, scores, strict=True):
                    found[row.index][place] = (score, len(row.tails[place]))
            left.subtract(row.index for row in group)
            if advance is not None:
                advance(sum(not left[index] for index in {row.index for row in group}))
        return found

    def _rows(self, prefixes, continuations):
        """Yield the rows of all texts; a text without continuations, or with empty ones only, has none."""
        texts = sorted({text for row in continuations for text in row})
        encoded = {text: self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts}
        for index, (prefix, row) in enumerate(zip(prefixes, continuations, strict=True)):
            tails = {place: encoded[text] for place, text in enumerate(row) if encoded[text]}
            start = encode_start(self.tokenizer, prefix)
            for part in self._split(start, tails):
                yield Row(index, start, part)

    def _split(self, start, tails):
        """Yield the continuations of one text in parts that make rows of a bounded length."""
        most = min(max(ROW_COLUMNS, ROW_TEXTS * len(start)), self.logits) if self.share_prefix else 0
        part, columns = {}, 0
        for place, tail in tails.items():
            if part and columns + len(tail) - 1 > most:
                yield part
                part, columns = {}, 0
            part[place] = tail
            columns += len(tail)
        if part:
            yield part

    def _batches(self, rows):
        """Yield batches of rows of similar length, within the memory limits."""
        group, first = [], 0
        for row in sorted(rows, key=lambda row: (row.length, len(row.start))):  # each row is the longest so far
            count, start = len(group) + 1, len(row.start)
            first = min(first, start) if group else start
            fits = row.length * count <= self.tokens and (row.length - first + 1) * count <= self.logits
            if group and not (fits and self.share_prefix):
                yield group
                group, first = [], start
            group.append(row)
        if group:
            yield group

    def _score(self, group):
        """Return the log-likelihood of each continuation of each row."""
        tails = [list(row.tails.values()) for row in group]
        rows = pack([row.start for row in group], tails)
        logits = self._logits(rows)
        return [
            self._sums(values, own, [[column - rows.first for column in place] for place in columns])
            for values, own, columns in zip(logits, tails, rows.columns, strict=True)
        ]

    def _logits(self, rows):
        """Return the logits of packed rows from the column ``first`` on, ``(batch, length - first, vocabulary)``."""
        device = self.model.device
        return self.model(
            input_ids=rows.input_ids.to(device),
            position_ids=rows.position_ids.to(device),
            # A row of one continuation is an ordinary text: the model's own mask knows its window.
            attention_mask=rows.allowed.to(device) if self.share_prefix else None,
            logits_to_keep=torch.arange(rows.first, rows.input_ids.shape[1], device=device),
            use_cache=False,
        ).logits

    def _sums(self, logits, tails, columns):
        """Return the summed log-probability of each of a row's continuations."""
        where = torch.tensor(list(chain.from_iterable(columns)), device=logits.device)
        targets = torch.tensor(list(chain.from_iterable(tails)), device=logits.device)
        norms = torch.cat([part.float().logsumexp(-1) for part in logits.split(self.together)])
        logprobs = (logits[where, targets].float() - norms[where]).double().cpu()
        ends = accumulate(map(len, tails))
        return [float(logprobs[end - len(tail) : end].sum()) for end, tail in zip(ends, tails, strict=True)]
