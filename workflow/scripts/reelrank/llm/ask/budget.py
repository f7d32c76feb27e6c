"""What a server and a purse allow: budgets, rates, and pauses that a server asks for."""

import asyncio
import time

from reelrank.errors import InputError

#: Tokens that a server may add for each message (roles, separators).
TOKENS_PER_MESSAGE = 16


class BudgetSpentError(InputError):
    """The next request could pass ``max_requests`` or ``max_cost_usd``; it was not sent."""


class Budget:
    """Counts what is spent and lets no request pass that could exceed a limit.

    A request is reserved at its bound before it is sent (a token is at least one byte,
    so its bytes bound its tokens) and settled at what it really cost.

    Parameters
    ----------
    name : str
        The chat model, for errors.
    prices : tuple of (float, float) or None
        Dollars per million input and output tokens; None where they are not known.
    max_requests : int or None
        None for no limit; 0 sends nothing.
    max_cost_usd : float or None
        None for no limit.
    requests, usd : int, float
        Spent before, by earlier runs of the same job.
    """

    def __init__(self, name, prices, max_requests=None, max_cost_usd=None, requests=0, usd=0.0):
        self.name, self.prices = name, prices
        self.max_requests, self.max_cost_usd = max_requests, max_cost_usd
        self.requests, self.usd, self.reserved = requests, usd, 0.0
        self._settled = asyncio.Event()
        if max_cost_usd is not None and prices is None:
            raise InputError(
                f"config key chat_models.{name}.max_cost_usd: the price of the model is not in config/prices.yaml"
            )

    def bound(self, request):
        """Return what a request costs at most, in dollars."""
        if self.prices is None:
            return 0.0
        tokens = request.size() + TOKENS_PER_MESSAGE * (len(request.messages) + 1)
        return (tokens * self.prices[0] + request.max_tokens * self.prices[1]) / 1e6

    def cost(self, answer):
        """Return what an answer cost, in dollars; None where prices are not known."""
        if self.prices is None:
            return None
        return (answer.input_tokens * self.prices[0] + answer.output_tokens * self.prices[1]) / 1e6

    async def reserve(self, bound):
        """Wait until a request of at most `bound` dollars fits, or raise `BudgetSpentError` if it never will."""
        while True:
            if self.max_requests is not None and self.requests >= self.max_requests:
                raise BudgetSpentError(
                    f"config key chat_models.{self.name}.max_requests: all {self.max_requests} requests are spent "
                    "(failed ones and earlier runs count); what was answered is kept: raise it and run again"
                )
            if self.max_cost_usd is None or self.usd + self.reserved + bound <= self.max_cost_usd:
                break
            if self.reserved <= 1e-12:
                raise BudgetSpentError(
                    f"config key chat_models.{self.name}.max_cost_usd: {self.usd:.4f} of {self.max_cost_usd} dollars "
                    "are spent and the next request could pass it; what was answered is kept: raise it and run again"
                )
            self._settled.clear()
            await self._settled.wait()
        self.requests += 1
        self.reserved += bound

    def settle(self, bound, usd):
        """Replace a reservation by what was really spent."""
        self.reserved = max(0.0, self.reserved - bound)
        self.usd += usd or 0.0
        self._settled.set()


class Throttle:
    """Requests and tokens per minute, and pauses that a server asks for.

    Parameters
    ----------
    requests_per_minute, tokens_per_minute : float
        0 for no limit. A burst of one second's worth is allowed.
    """

    def __init__(self, requests_per_minute=0, tokens_per_minute=0):
        self.rates = {"requests": requests_per_minute / 60, "tokens": tokens_per_minute / 60}
        self.free_at = {"requests": 0.0, "tokens": 0.0}
        self.paused_until = 0.0

    async def wait(self, tokens):
        """Wait for a place for one request of so many tokens."""
        if self.rates["requests"] or self.rates["tokens"]:
            now, start = time.monotonic(), 0.0
            for name, amount in (("requests", 1), ("tokens", tokens)):
                if self.rates[name]:
                    begin = max(self.free_at[name], now - 1.0)
                    self.free_at[name] = begin + amount / self.rates[name]
                    start = max(start, begin)
            if start > now:
                await asyncio.sleep(start - now)
        while (left := self.paused_until - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def pause(self, seconds):
        """Let nobody send for so long (``Retry-After``)."""
        self.paused_until = max(self.paused_until, time.monotonic() + seconds)
