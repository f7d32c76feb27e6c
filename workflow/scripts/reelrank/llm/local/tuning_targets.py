"""What a fine-tuning learns: the letter of the next item in a prompt, or the titles of histories."""

import numpy as np
import torch

from reelrank.llm.local.loading import encode_messages, encode_start, token_variants
from reelrank.llm.local.pretraining import next_token_loss
from reelrank.llm.titles import END


class Letters:
    """Learns to name the letter of the right item (Yue et al., "LlamaRec", arXiv 2311.02089).

    An example is a prompt's token ids and the tokens that spell its right letter.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    questions : reelrank.llm.local.tuning_questions.TrainingQuestions
    render : callable
        ``render(history, shown)`` returns messages and letters, in the same form as for ranking.
    """

    def __init__(self, tokenizer, questions, render):
        self.tokenizer, self.questions, self.render = tokenizer, questions, render

    def draw(self, most, seed):
        """Return at most `most` examples, one per user; they depend only on the seed."""
        return [self._example(question) for question in self.questions.draw(most, seed)]

    def _example(self, question):
        messages, letters = self.render(question.history, question.shown)
        return encode_messages(self.tokenizer, messages), token_variants(self.tokenizer, letters[question.place])

    def tokens(self, example):
        """Return the number of tokens of an example."""
        return len(example[0])

    def loss(self, model, batch):
        """Return the mean negative log-probability of the right letter as the next token, summed over its variants."""
        device = next(model.parameters()).device
        sequences, right = zip(*batch, strict=True)
        longest = max(map(len, sequences))
        ids = torch.tensor([[0] * (longest - len(own)) + list(own) for own in sequences], device=device)
        real = torch.tensor([[0] * (longest - len(own)) + [1] * len(own) for own in sequences], device=device)
        positions = (real.cumsum(1) - 1).clamp_min(0)
        logits = model(input_ids=ids, attention_mask=real, position_ids=positions, logits_to_keep=1).logits[:, -1]
        logprobs = logits.float().log_softmax(-1)
        return -torch.stack([row[tokens].logsumexp(0) for row, tokens in zip(logprobs, right, strict=True)]).mean()


class Titles:
    """Learns to continue a history's titles, as a re-ranker of type ``likelihood`` reads them.

    An example is the token ids of consecutive titles of one user's training history. Each title is predicted from
    those before it.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    data : reelrank.data.interactions.Interactions
        Only its training interactions are read.
    titles : sequence of str
        Result of `reelrank.llm.titles.plain_titles`.
    history_length : int
        An example has one title more.
    """

    def __init__(self, tokenizer, data, titles, history_length):
        history = data.training()
        self.start, self.length = encode_start(tokenizer, "") if tokenizer("")["input_ids"] else [], history_length + 1
        self.encoded = [
            tokenizer(title + END, add_special_tokens=False)["input_ids"] if title else [] for title in titles
        ]
        rows = [history.items[start:end] for start, end in zip(history.starts, history.ends, strict=True)]
        self.titled = [[int(item) for item in row if titles[item]] for row in rows]
        self.users = np.flatnonzero([len(row) > 1 for row in self.titled])

    def draw(self, most, seed):
        """Return at most `most` examples, one per user; they depend only on the seed."""
        users = np.random.default_rng(seed).permutation(self.users)[:most]
        return [self._example(self.titled[user], np.random.default_rng([*seed, 1, int(user)])) for user in users]

    def _example(self, items, rng):
        end = rng.integers(min(len(items), self.length), len(items) + 1)
        chosen = items[max(0, end - self.length) : end]
        return [*self.start, *(token for item in chosen for token in self.encoded[item])]

    def tokens(self, example):
        """Return the number of tokens of an example."""
        return len(example)

    def loss(self, model, batch):
        """Return the mean negative log-probability of the tokens, without the first of each example."""
        return next_token_loss(model, batch, pad=0)[0]
