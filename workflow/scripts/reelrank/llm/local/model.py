"""Language models in this process, from the hub or a folder, on a GPU or a CPU.

Each request runs alone: other requests in a batch change the last bits of the result, and an
answer must not depend on other requests. The common start of a user's requests is still computed
only once: in a separate pass, whose keys and values are cached for the next request.
"""

import torch
from transformers import DynamicCache

from reelrank.hardware import pick_device
from reelrank.llm.local.likelihoods import Likelihoods
from reelrank.llm.local.loading import as_pairs, encode_messages, load_language_model, token_variants
from reelrank.llm.local.packing import common_prefix

#: A common start below this share of the prompt gets no pass of its own, which would cost more than it saves.
SMALLEST_SHARE = 0.5


class LocalModel:
    """A causal language model of the transformers library.

    Parameters
    ----------
    name : str
        Config key of the model, for errors, e.g. ``language_models.own``.
    model : str, optional
        A folder that `save_pretrained` wrote, a GGUF file, or a name of the Hugging Face hub.
    adapter : str, optional
        A folder with a LoRA adapter of `peft`.
    revision : str, optional
        Commit of the hub's repository.
    precision : str
        ``auto`` (bfloat16 on a GPU, float32 on a CPU), ``float32``, ``bfloat16`` or ``float16``.
    package : str, optional
        Instead of `model`: an installed Python package with one GGUF file.

    Raises
    ------
    InputError
        If model or adapter cannot be loaded.
    """

    def __init__(self, name, model=None, *, adapter=None, revision=None, precision="auto", package=None):
        self.device = pick_device()
        loaded = load_language_model(name, model, self.device, adapter, revision, precision, package)
        self.model, self.tokenizer = loaded
        # A model with a window or a state computes each request in one pass from the start.
        self.share_prefix = not sees_a_window(self.model.config)
        dtype = str(self.model.dtype).removeprefix("torch.")
        self.description = {
            "model": str(model or package),
            "revision": revision,
            "adapter": adapter,
            "precision": dtype,
        }
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

    @torch.inference_mode()
    def likelihoods_of(self, prefixes, continuations, advance=None):
        """Return the log-likelihood of each continuation of each text; see `reelrank.llm.local.likelihoods`."""
        return Likelihoods(self.model, self.tokenizer, self.share_prefix).of(prefixes, continuations, advance)


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
