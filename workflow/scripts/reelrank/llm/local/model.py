"""Language models in this process, from the hub or a folder, on a GPU or a CPU.

Each request runs alone: other requests in a batch change the last bits of the result, and an
answer must not depend on other requests. Common starts are still computed only once:
continuations of one text are packed into one row, and the common start of a user's requests
is a separate pass, whose keys and values are cached for the next request.
"""

import torch
from transformers import DynamicCache

from reelrank.hardware import pick_device
from reelrank.llm.local.loading import as_pairs, encode_messages, load_language_model, token_variants
from reelrank.llm.local.packing import common_prefix, pack

#: Maximum tokens of a batch of packed rows, and maximum number of its logits; they limit memory.
TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 65536}
LOGITS_PER_BATCH = {"cpu": 2**26, "cuda": 2**31}

#: A common start below this share of the prompt gets no pass of its own, which would cost more than it saves.
SMALLEST_SHARE = 0.5


class LocalModel:
    """A causal language model of the transformers library.

    Parameters
    ----------
    name : str
        Config key of the model, for errors, e.g. ``language_models.own``.
    model : str
        A folder that `save_pretrained` wrote, or a name of the Hugging Face hub.
    adapter : str, optional
        A folder with a LoRA adapter of `peft`.
    revision : str, optional
        Commit of the hub's repository.
    precision : str
        ``auto`` (bfloat16 on a GPU, float32 on a CPU), ``float32``, ``bfloat16`` or ``float16``.

    Raises
    ------
    InputError
        If model or adapter cannot be loaded.
    """

    def __init__(self, name, model, *, adapter=None, revision=None, precision="auto"):
        self.device = pick_device()
        self.model, self.tokenizer = load_language_model(name, model, self.device, adapter, revision, precision)
        # A model with a window or a state computes each request in one pass from the start.
        self.share_prefix = not sees_a_window(self.model.config)
        dtype = str(self.model.dtype).removeprefix("torch.")
        self.description = {"model": str(model), "revision": revision, "adapter": adapter, "precision": dtype}
        self._variants = {}
        self._forget()

    def _forget(self):
        self._cache, self._cached = DynamicCache(), []

    def encode(self, text, special=False):
        """Return the token ids of a text; `special` adds the tokenizer's special tokens."""
        return self.tokenizer(text, add_special_tokens=special)["input_ids"]

    @torch.inference_mode()
    def generate(self, messages, max_tokens, seed=0, temperature=0.0, shared=0):
        """Generate the answer in a conversation.

        Parameters
        ----------
        messages : sequence of (str, str), or of dict
        max_tokens : int
        seed : int
            Seed of sampling.
        temperature : float
            0 always takes the most probable token.
        shared : int
            See `choice_logprobs`.

        Returns
        -------
        text : str
        finish_reason : {'stop', 'length'}
        prompt_tokens, completion_tokens : int
        """
        ids = encode_messages(self.tokenizer, messages)
        generator = torch.Generator(self.device).manual_seed(seed)
        ends, written = self._ends(), []
        logits = self._read(ids, self._start_of(messages, ids, shared))
        while len(written) < max_tokens:
            token = _pick(logits, temperature, generator)
            if token in ends:
                break
            written.append(token)
            if len(written) < max_tokens:
                logits = self._pass([token]) if self.share_prefix else self._read([*ids, *written])
        finished = "length" if len(written) == max_tokens else "stop"
        return self.tokenizer.decode(written, skip_special_tokens=True), finished, len(ids), len(written)

    def _ends(self):
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.tokenizer.eos_token_id
        return set(ends if isinstance(ends, list) else [ends])

    @torch.inference_mode()
    def choice_logprobs(self, messages, choices, shared=0):
        """Return the log-probability of each choice as the next token, summed over variants ("A", " A").

        The results depend only on the arguments, to the last bit, and not on earlier requests.

        Parameters
        ----------
        messages : sequence of (str, str), or of dict
        choices : sequence of str
        shared : int
            Number of characters at the start of the last message that other requests have too. They
            are computed once for consecutive requests.

        Returns
        -------
        list of float
        """
        ids = encode_messages(self.tokenizer, messages)
        logits = self._read(ids, self._start_of(messages, ids, shared))
        logprobs = logits.float().log_softmax(-1).cpu()
        return [float(logprobs[ids].logsumexp(0)) for ids in map(self._variants_of, choices)]

    def _variants_of(self, choice):
        if choice not in self._variants:
            self._variants[choice] = token_variants(self.tokenizer, choice)
        return self._variants[choice]

    def _start_of(self, messages, ids, shared):
        """Return how many tokens of a conversation get their own pass; 0 if the common start is too short."""
        if not shared or not self.share_prefix:
            return 0
        *before, (role, content) = as_pairs(messages)
        start = common_prefix([ids[:-1], encode_messages(self.tokenizer, [*before, (role, content[:shared])])])
        return start if start >= SMALLEST_SHARE * len(ids) else 0

    def _read(self, ids, start=0):
        """Return the logits after `ids`: one pass for the first `start` tokens, unless cached, and one for the rest.

        The passes of a request do not depend on the cache, so the results do not either.
        """
        held = self._cached
        if start and held == ids[:start]:
            if (more := self._cache.get_seq_length() - start) > 0:
                self._cache.crop(-more)
        else:
            self._forget()
            if start:
                self._pass(ids[:start])
        self._cached = ids[:start]
        return self._pass(ids[start:])

    def _pass(self, ids):
        """Return the logits after `ids`, which continue the cached tokens, and add them to the cache."""
        cache = self._cache if self.share_prefix else None
        return self._run(cache, input_ids=torch.tensor([ids], device=self.device), logits_to_keep=1)[0, -1]

    def _run(self, cache, **inputs):
        """Return the logits of a forward pass; it adds to the cache if there is one."""
        try:
            return self.model(**inputs, past_key_values=cache, use_cache=cache is not None).logits
        except BaseException:
            self._forget()  # an interrupted pass leaves layers of different lengths
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

    @torch.inference_mode()
    def likelihoods_of(self, prefixes, continuations, advance=None):
        """Return the log-likelihood of each continuation of each text.

        Text and continuation are tokenized separately, so a text should end where a token ends,
        e.g. in a line end. Texts of similar length are batched.

        Parameters
        ----------
        prefixes : sequence of str
            The texts.
        continuations : sequence of sequence of str
            Continuations of each text.
        advance : callable, optional
            Called after each batch with its number of texts.

        Returns
        -------
        list of list of (float, int)
            For each continuation, the sum of its tokens' log-probabilities, and the number of tokens.
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
            if advance is not None:
                advance(len(group))
        return found

    def _start(self, prefix):
        """Return the token ids of a text to continue: at least one, without an end token."""
        ids = self.encode(prefix, special=True)
        if ids and ids[-1] == self.tokenizer.eos_token_id and self.encode(prefix)[-1:] != ids[-1:]:
            ids = ids[:-1]
        if not ids:
            ids = [self.tokenizer.bos_token_id or self.tokenizer.eos_token_id or 0]
        return ids

    def _batches(self, starts, tails):
        """Yield batches of rows of similar length, within the memory limits."""
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
        """Return the log-likelihood of every tail of every row."""
        if not self.share_prefix:
            flat = [(start, tail) for start, row in zip(starts, tails, strict=True) for tail in row]
            scores = iter([self._packed([start], [[tail]])[0][0] for start, tail in flat])
            return [[next(scores) for _ in row] for row in tails]
        return self._packed(starts, tails)

    def _packed(self, starts, tails):
        filled = [[tail or [0] for tail in row] for row in tails]  # an empty tail needs one token, which is not scored
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
    """Return the next token: the most probable one, or a sampled one."""
    if not temperature:
        return int(logits.argmax())
    return int(torch.multinomial((logits.float() / temperature).softmax(-1), 1, generator=generator))


def sees_a_window(config):
    """Return whether layers see only a window or keep a state: then a common start cannot be shared."""
    config = config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    return bool(getattr(config, "sliding_window", None)) if kinds is None else set(kinds) != {"full_attention"}
