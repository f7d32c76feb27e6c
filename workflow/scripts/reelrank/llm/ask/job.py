"""One asking job: data-protection check, probe, cached answers, remaining questions, and ledger."""

import asyncio
import hashlib
import logging
import time
from dataclasses import asdict

from reelrank import step
from reelrank.errors import InputError
from reelrank.llm.ask.budget import Budget, Throttle
from reelrank.llm.ask.ledgers import ledger_of
from reelrank.llm.ask.request_cache import AnswerCache, Journal, read_journals
from reelrank.llm.ask.sending import Asker
from reelrank.llm.ask.walks import Chains, by_asking, from_cache
from reelrank.llm.clients import TransientError, build_client, capabilities_of, probe
from reelrank.llm.rendering import Renderer
from reelrank.llm.strategies import NEEDS_LOGPROBS

#: Attempts at a probe that gets a server error (5xx); llama.cpp answers so if it lacks a feature.
ATTEMPTS_AT_ERRORS = 4


def job_name(about, shard=(1, 1)):
    """Return a job's name in the journals, from its lists' metadata and its shard; each job has its own budget."""
    names = [str(about[key]) for key in ("dataset", "protocol", "base_model", "seed", "reranker")]
    return "/".join(names + (["{}-of-{}".format(*shard)] if shard != (1, 1) else []))


def run_job(reranker, job, asked, options, chat_model, prices, prompt, texts):
    """Answer all questions of a re-ranker over one base list.

    Parameters
    ----------
    reranker : str
        Name of the re-ranker, for errors.
    job : str
        Name of the job in the journals.
    asked : sequence of reelrank.llm.ask.users.Asked
    options : dict
        Result of `reelrank.config.generative.generative_options`.
    chat_model : dict
        Result of `reelrank.config.generative.chat_model_of`; if it runs in process, ``model`` is what is loaded.
    prices : tuple of (float, float) or None
    prompt : reelrank.config.prompts.Prompt
    texts : list of str
        Text of each item, as prompts show it.

    Returns
    -------
    rows : dict of str to dict
        By split: ``(user, permutation)`` to a list of ``(step, key, Answer)``.
    effective : dict
        The options in effect after the probe, with ``schema``.
    ledger : dict
        Counts of questions, requests and failures, and the spending.
    """
    return asyncio.run(_run(reranker, job, asked, options, chat_model, prices, prompt, texts))


async def _run(reranker, job, asked, options, chat_model, prices, prompt, texts):
    started = time.perf_counter()
    cache = AnswerCache()
    journal = Journal(cache, job)
    before = read_journals(cache, job)
    budget = Budget(
        chat_model["name"], prices, chat_model["max_requests"], chat_model["max_cost_usd"],
        before["sent"], before["usd"] + before["usd_unknown"],
    )  # fmt: skip
    throttle = Throttle(chat_model["requests_per_minute"], chat_model["tokens_per_minute"])
    client = build_client(chat_model)
    _announce_third_party(reranker, client, asked, options, chat_model)
    asker = Asker(client, cache, journal, budget, throttle, chat_model["concurrency"], chat_model["max_attempts"])

    def chains_with(found):
        """Return the chains of questions that fit the capabilities found by the probe."""
        effective = _effective(reranker, options, found)
        return Chains(asked, effective, Renderer(prompt, texts, effective, effective["schema"]))

    try:
        wanted = _wanted(options)
        server = Probed(cache, client, wanted, asker, options["temperature"])
        found = server.remembered()
        chains = pending = None
        if found is not None:
            chains = chains_with(found)
            pending = from_cache(chains, asker)
        if pending is None or pending:
            client.check_key()
            cache.check_writable()
            tried = await server.try_out()
            if chains is None or tried != found:
                chains = chains_with(tried)
                asker.counts.cached = 0
                pending = from_cache(chains, asker)
            await by_asking(chains, pending, asker, chat_model["concurrency"])
    finally:
        await client.close()
        journal.close()
    ledger = ledger_of(asker, before, read_journals(cache, job), chains, time.perf_counter() - started)
    return chains.rows, chains.options, ledger


class Probed:
    """The capabilities of a server: cached with the answers, and probed again before questions are sent.

    Parameters
    ----------
    cache : AnswerCache
    client : object
    wanted : set of str
    asker : Asker
    temperature : float or None
    """

    def __init__(self, cache, client, wanted, asker, temperature):
        self.cache, self.client, self.wanted, self.asker = cache, client, wanted, asker
        self.temperature = temperature
        self.name = hashlib.sha256(f"{asker.identity} {sorted(wanted)}".encode()).hexdigest()[:16]

    @property
    def needed(self):
        """Whether a probe is needed."""
        return bool(self.wanted) and not self.client.capabilities.all_choices

    def remembered(self):
        """Return the capabilities that the last probe found, or None."""
        if not self.needed:
            return self.client.capabilities
        found = self.cache.read_probe(self.name)
        return None if found is None else capabilities_of(found)

    async def try_out(self):
        """Probe the server, cache its capabilities, and log those that it only claims."""
        if not self.needed:
            return self.client.capabilities
        found = await probe(self.client, self.wanted, self._send, self.temperature)
        for capability in sorted(self.wanted):
            if getattr(self.client.capabilities, capability) and not getattr(found, capability):
                logging.warning("the probe found that the server claims %s but ignores or refuses it", capability)
        self.cache.write_probe(self.name, asdict(found))
        return found

    async def _send(self, request):
        """Send a probe: it is journalled, paid and retried like any request, but never cached."""
        key, most = request.key("probe"), self.asker.max_attempts

        def stop(state):
            """Return whether this was the last attempt; after server errors there are fewer attempts."""
            return state.attempt_number >= (min(most, ATTEMPTS_AT_ERRORS) if state.outcome.exception().broke else most)

        try:
            async for attempt in self.asker.attempts(key, stop):
                with attempt:
                    return await self.asker.send(key, request, attempt.retry_state.attempt_number, keep=False)
        except TransientError as error:
            if error.broke:
                raise
            raise InputError(
                f"config key chat_models.{self.client.name}: the server does not answer after {most} attempts ({error})"
            ) from None


def _wanted(options):
    """Return the capabilities that the options would use."""
    wanted = set()
    if options["strategy"] in NEEDS_LOGPROBS:
        wanted.add("logprobs")
    if options["structured"] != "off" and (
        options["strategy"] == "listwise" or options["without_logprobs"] == "listwise"
    ):
        wanted.add("structured")
    return wanted


def _effective(reranker, options, found):
    """Return the options that work with these capabilities; raise `InputError` if the config forbids a change."""
    options = dict(options)
    if options["strategy"] in NEEDS_LOGPROBS and not found.logprobs:
        if options["without_logprobs"] == "error":
            raise InputError(
                f"config key rerankers.{reranker}.strategy: {options['strategy']} needs log-probabilities, and the "
                "probe found that the server does not give them; expected another strategy, or without_logprobs: "
                "listwise"
            )
        logging.warning("the server gives no log-probabilities: using listwise instead of %s", options["strategy"])
        options["strategy"] = "listwise"
    options["schema"] = options["strategy"] == "listwise" and options["structured"] != "off" and found.structured
    if options["structured"] == "required" and options["strategy"] == "listwise" and not found.structured:
        raise InputError(
            f"config key rerankers.{reranker}.structured: found required, but the probe found that the server ignores "
            "or refuses a JSON schema; expected auto or off"
        )
    return options


def _announce_third_party(reranker, client, asked, options, chat_model):
    """Announce what is sent to a third party; raise `InputError` if that is not allowed."""
    if client.third_party is None:
        return
    fields = ", ".join(options["fields"])
    users = " and ".join(f"{len(one.lists.users)} users ({one.split})" for one in asked)
    if not chat_model["send_to_third_party"]:
        raise InputError(
            f"config key chat_models.{chat_model['name']}.send_to_third_party: histories (fields {fields}) of {users} "
            f"would go to {client.third_party} for the re-ranker {reranker!r}; set it to true to allow this"
        )
    shown = f"latest {options['history_length']} items (fields {fields})"
    message = f"{reranker}: {shown} of {users} go to {client.third_party}"
    logging.info(message)
    step.say(message)
