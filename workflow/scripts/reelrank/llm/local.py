"""Language models in this process: a hub name or a folder, on a GPU or a CPU.

What requests share at their start is computed once: the continuations of one text,
the permutations of one user, and the requests that come one after another.
"""

import torch
from transformers import DynamicCache

from reelrank.hardware import pick_device
from reelrank.llm.loading import encode_messages, load_language_model, token_variants
from reelrank.llm.packing import common_prefix, groups_by_prefix, pack

#: Tokens of a batch of packed rows, and values of its logits, which bound memory.
TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 65536}
LOGITS_PER_BATCH = {"cpu": 2**26, "cuda": 2**31}


class LocalModel:
    """A causal language model of the transformers library.

    Parameters
    ----------
    name : str
        Its place in the config, for errors, such as ``language_models.own``.
    model : str
        A folder that `save_pretrained` wrote, or a name of the Hugging Face hub.
    adapter : str, optional
        A folder with a LoRA adapter of `peft`.
    revision : str, optional
        Commit of the hub's repository.
    precision : str
        ``auto`` (bfloat16 on a GPU, float32 on a CPU), ``float32``, ``bfloat16`` or ``float16``.
    share_prefix : bool
        False computes every request from its start; the numbers are the same.

    Raises
    ------
    InputError
        If model or adapter cannot be loaded.
    """

    def __init__(self, name, model, *, adapter=None, revision=None, precision="auto", share_prefix=True):
        self.device = pick_device()
        self.model, self.tokenizer = load_language_model(name, model, self.device, adapter, revision, precision)
        self.share_prefix = share_prefix and not sees_a_window(self.model.config)
        dtype = str(self.model.dtype).removeprefix("torch.")
        self.description = {"model": str(model), "revision": revision, "adapter": adapter, "precision": dtype}
        self._forget()

    def _forget(self):
        self._cache, self._cached = DynamicCache(), []

    def encode(self, text, special=False):
        """Return the token ids of a text; `special` adds what the tokenizer puts around a whole text."""
        return self.tokenizer(text, add_special_tokens=special)["input_ids"]

    @torch.inference_mode()
    def generate(self, messages, max_tokens, seed=0, temperature=0.0):
        """Continue a conversation.

        Parameters
        ----------
        messages : sequence of (str, str), or of dict
        max_tokens : int
        seed : int
            Of the draws, where there are any.
        temperature : float
            0 takes the most probable token each time.

        Returns
        -------
        text : str
        finish_reason : {'stop', 'length'}
        prompt_tokens, completion_tokens : int
        """
        ids = encode_messages(self.tokenizer, messages)
        generator = torch.Generator(self.device).manual_seed(seed)
        ends, written = self._ends(), []
        logits = self._advance(ids)
        while len(written) < max_tokens:
            token = _pick(logits, temperature, generator)
            if token in ends:
                break
            written.append(token)
            if len(written) < max_tokens:
                logits = self._advance([*ids, *written])
        finished = "length" if len(written) == max_tokens else "stop"
        return self.tokenizer.decode(written, skip_special_tokens=True), finished, len(ids), len(written)

    def _ends(self):
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.tokenizer.eos_token_id
        return set(ends if isinstance(ends, list) else [ends])

    def choice_logprobs(self, messages, choices):
        """Return the log-probability of each choice as the next token, variants ("A", " A") summed.

        Parameters
        ----------
        messages : sequence of (str, str), or of dict
        choices : sequence of str

        Returns
        -------
        list of float
        """
        return self.choice_logprobs_of([messages], choices)[0]

    @torch.inference_mode()
    def choice_logprobs_of(self, prompts, choices):
        """Return `choice_logprobs` of several prompts.

        Prompts that share much of their start, such as the permutations of one user's
        candidates, have it computed once; what is about as long goes through the model
        together. A single prompt leaves its start in a cache for the next call.

        Returns
        -------
        list of list of float
            One list per prompt.
        """
        sequences = [encode_messages(self.tokenizer, messages) for messages in prompts]
        variants = [token_variants(self.tokenizer, choice) for choice in choices]
        logits = self._advance(sequences[0])[None] if len(sequences) == 1 else self._last_logits(sequences)
        logprobs = logits.float().log_softmax(-1).cpu()
        return [[float(row[ids].logsumexp(0)) for ids in variants] for row in logprobs]

    def _last_logits(self, sequences):
        """Return ``(n, vocabulary)``: what follows each sequence."""
        most = TOKENS_PER_BATCH[self.device.type] if self.share_prefix else 0
        groups = groups_by_prefix(sequences, most)
        starts = [sequences[places[0]][:shared] for shared, places in groups]
        tails = [[sequences[place][shared:] for place in places] for shared, places in groups]
        found = [None] * len(sequences)
        for batch in self._batches(starts, tails):
            rows = pack([starts[i] for i in batch], [tails[i] for i in batch], aligned=True)
            ends = sorted({end - 1 for spans in rows.spans for _, end in spans})
            logits = self._forward(rows, torch.tensor(ends))
            for row, index in enumerate(batch):
                for number, place in enumerate(groups[index][1]):
                    found[place] = logits[row, number]
        return torch.stack(found)

    def _advance(self, ids):
        """Return the logits after `ids`; only what the cache does not hold is computed."""
        same = common_prefix([ids[:-1], self._cached]) if self.share_prefix else 0
        if same < len(self._cached):
            if same:
                self._cache.crop(same - len(self._cached))
            else:
                self._forget()
        self._cached = list(ids) if self.share_prefix else []
        cache = self._cache if self.share_prefix else None
        new = torch.tensor([ids[same:]], device=self.device)
        return self._run(cache, input_ids=new, logits_to_keep=1)[0, -1]

    def _run(self, cache, **inputs):
        """Return the logits of a forward pass, which adds to the cache, where there is one."""
        try:
            return self.model(**inputs, past_key_values=cache, use_cache=cache is not None).logits
        except BaseException:
            self._forget()  # a pass that broke off leaves layers of different lengths
            raise

    def _forward(self, rows, keep):
        """Return the logits of the columns `keep` of packed rows, ``(batch, len(keep), vocabulary)``."""
        return self._run(
            None,
            input_ids=rows.input_ids.to(self.device),
            position_ids=rows.position_ids.to(self.device),
            attention_mask=rows.allowed.to(self.device),
            logits_to_keep=keep.to(self.device),
        )

    def likelihoods(self, prefix, continuations):
        """Return how likely each continuation of a text is.

        Text and continuation are made tokens of by themselves, so the text should end
        where a token does: in a line end, say.

        Parameters
        ----------
        prefix : str
        continuations : sequence of str

        Returns
        -------
        list of (float, int)
            The sum of the log-probabilities of its tokens, and how many they are.
        """
        return self.likelihoods_of([prefix], [continuations])[0]

    @torch.inference_mode()
    def likelihoods_of(self, prefixes, continuations):
        """Return `likelihoods` of several texts, each with continuations of its own.

        Texts of similar length go through the model together.

        Returns
        -------
        list of list of (float, int)
        """
        starts = [self._start(prefix) for prefix in prefixes]
        texts = {text for row in continuations for text in row}
        encoded = {text: self.encode(text) for text in sorted(texts)}
        tails = [[encoded[text] for text in row] for row in continuations]
        found = [None] * len(prefixes)
        for group in self._batches(starts, tails):
            results = self._score([starts[i] for i in group], [tails[i] for i in group])
            for index, result in zip(group, results, strict=True):
                found[index] = result
        return found

    def _start(self, prefix):
        """Return the token ids of a text that is continued: at least one, and none that ends it."""
        ids = self.encode(prefix, special=True)
        if ids and ids[-1] == self.tokenizer.eos_token_id and self.encode(prefix)[-1:] != ids[-1:]:
            ids = ids[:-1]
        if not ids:
            ids = [self.tokenizer.bos_token_id or self.tokenizer.eos_token_id or 0]
        return ids

    def _batches(self, starts, tails):
        """Yield rows that go through the model together: of about the same length, within the memory."""
        sizes = [len(start) + sum(map(len, row)) for start, row in zip(starts, tails, strict=True)]
        tokens, values = TOKENS_PER_BATCH[self.device.type], LOGITS_PER_BATCH[self.device.type]
        most = min(tokens, values // self.model.config.get_text_config().vocab_size)
        group, longest = [], 0
        for index in sorted(range(len(sizes)), key=sizes.__getitem__):
            longest = max(longest, sizes[index])
            if group and longest * (len(group) + 1) > most:
                yield group
                group, longest = [], sizes[index]
            group.append(index)
        if group:
            yield group

    def _score(self, starts, tails):
        """Return the log-likelihood of each tail of each row."""
        if not self.share_prefix:
            flat = [(start, tail) for start, row in zip(starts, tails, strict=True) for tail in row]
            scores = iter([self._packed([start], [[tail]])[0][0] for start, tail in flat])
            return [[next(scores) for _ in row] for row in tails]
        return self._packed(starts, tails)

    def _packed(self, starts, tails):
        filled = [[tail or [0] for tail in row] for row in tails]  # an empty text has a place, and nothing to score
        rows = pack(starts, filled)
        first = rows.width - 1  # the last column of the prefixes predicts each tail's first token
        logits = self._forward(rows, torch.arange(first, rows.input_ids.shape[1]))
        before = torch.arange(-1, logits.shape[1] - 1).clamp_min(0).repeat(len(starts), 1)
        for row, spans in enumerate(rows.spans):
            before[row, [begin - first for begin, _ in spans]] = 0
        before, targets = before.to(self.device), rows.input_ids[:, first:].to(self.device)
        row = torch.arange(len(starts), device=self.device)[:, None]
        norms = torch.stack([values.float().logsumexp(-1) for values in logits])
        logprobs = (logits[row, before, targets].float() - norms[row, before]).double().cpu()
        return [
            [
                (float(own[begin - first : end - first].sum()), end - begin) if tail else (0.0, 0)
                for (begin, end), tail in zip(spans, row_tails, strict=True)
            ]
            for own, spans, row_tails in zip(logprobs, rows.spans, tails, strict=True)
        ]


def _pick(logits, temperature, generator):
    """Return the next token: the most probable, or one drawn."""
    if not temperature:
        return int(logits.argmax())
    return int(torch.multinomial((logits.float() / temperature).softmax(-1), 1, generator=generator))


def sees_a_window(config):
    """Return whether a model's layers see only a window, or keep a state: what is shared would not be the same."""
    config = config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    return bool(getattr(config, "sliding_window", None)) if kinds is None else set(kinds) != {"full_attention"}
