"""Checks of the texts of items and prompts: from training interactions only, without labels and ids."""

import json
from pathlib import Path

import numpy as np

from reelrank.audit.checks import Check, row_keys, row_name
from reelrank.audit.shown_prompts import SAMPLED, TELLING_COMMENT, TELLING_ID, prompt_faults, text_of
from reelrank.audit.training_only import comment_faults, statistics_faults
from reelrank.config.prompts import build_prompt
from reelrank.data.lists import read_lists
from reelrank.data.tables import metadata, read_table
from reelrank.files import read_json
from reelrank.llm.ask.users import choose_users
from reelrank.llm.ask.walks import Chains
from reelrank.llm.item_texts import catalogue_texts
from reelrank.llm.rendering import Renderer
from reelrank.plan.paths import base_list_beside, place_of


def check_texts(paths, comments):
    """Return the check of the texts that features and prompts use (`comments`: `Comments`)."""
    check = Check(
        "texts",
        "The comments shown for an item come from training interactions only. No other text of an item holds one of "
        "its held-out comments.",
    )
    for path in paths:
        field, texts = Path(path).stem, read_table(path, "texts")["text"].to_pylist()
        check.rows.append({"field": field, "items": len(texts), "with_text": sum(map(bool, texts))})
        check.fail(field, comment_faults(texts, comments, field))
    return check


def check_statistics(path, interactions, split, n_items):
    """Return the check that popularity and timestamps come from training interactions only."""
    check = Check(
        "popularity", "Popularity, first and last timestamp of each item come from its training interactions only."
    )
    check.rows.append({"items": n_items, "training_interactions": split["split"].to_pylist().count("train")})
    check.fail("item_statistics", statistics_faults(read_table(path, "item_statistics"), interactions, split, n_items))
    return check


def check_prompts(inputs, data, comments, asked, history):
    """Return the check of the prompts of all generative re-rankers, built again from their inputs.

    If the digest of a rebuilt prompt equals that of the answered request, it is the prompt that was sent.

    Parameters
    ----------
    inputs : dict
        ``interactions``, ``catalogue``, ``comments``, ``users``, tags by field; ``answers``, ``ledgers``, ``lists``.
    data : reelrank.data.interactions.Interactions
    comments : reelrank.audit.training_only.Comments
    asked : dict of str to dict
        Definition of the prompt of each generative re-ranker.
    history : {'full', 'train_only'}
    """
    check = Check(
        "prompts",
        f"The first prompts of up to {SAMPLED} users of each list are built again. Their digests equal those of the "
        f"answered requests. They hold no raw id of a user or an item ({TELLING_ID} characters or more), no timestamp "
        f"of the held-out interaction and no held-out comment ({TELLING_COMMENT} characters or more). Re-rankers of "
        "type likelihood see titles only.",
    )
    if not inputs.get("answers"):
        return check
    material = _Material(inputs, comments)
    ledgers = {tuple(list(place_of(path).values())[:3]): path for path in inputs["ledgers"]}
    for path in inputs["answers"]:
        place = place_of(path)
        ledger = ledgers[place["base_model"], place["seed"], place["reranker"]]
        one = base_list_beside(path, place["split"])
        _check_answers(check, material, data, read_table(path, "answers"), ledger, one, asked, history)
    return check


def _check_answers(check, material, data, answers, ledger_path, base_path, asked, history):
    """Check the prompts behind one table of answers."""
    about = metadata(answers)
    name, split = about["reranker"], about["split"]
    options = json.loads(about["options"])
    prompt = asked[name]
    texts = catalogue_texts(material.inputs, options, data)
    renderer = Renderer(build_prompt(options["prompt"], prompt), texts, options, options["schema"])
    queries = data.queries(split, history)
    of = choose_users(options["users"], split, read_lists(base_path)[0], queries, int(about["depth"]))
    chains = Chains([of], options, renderer)
    sent = _keys(answers)
    identity = json.dumps(read_json(ledger_path)["identity"], sort_keys=True)
    wording = [text for value in prompt.values() for text in (value.values() if isinstance(value, dict) else [value])]
    rows = np.unique(np.linspace(0, len(of.lists.users) - 1, min(SAMPLED, len(of.lists.users))).astype(int))
    agree = count = 0
    for row in rows.tolist():
        user = int(of.lists.users[row])
        generator, request_of = chains.open(0, row, 0)
        questions = next(generator)
        items = [*of.lists.items[row].tolist(), *of.history[[row]].last(options["history_length"])[0].tolist()]
        items = [item for item in items if 0 <= item < data.n_items]
        allowed = [*map(str, wording), *material.shown_of(items)]
        held_out = material.held_out_of(user, items)
        user_id, time = material.user_ids[user], material.time_of(user, queries)
        for question in questions:
            request = request_of(question)
            count += 1
            agree += (same := sent.get((user, 0, question.step)) == request.key(identity))
            faults = prompt_faults(text_of(request), allowed, user_id, material.item_ids, time, held_out)
            faults = [f"the prompt of user {user} holds {fault}" for fault in faults]
            if not same:
                faults.append(f"the rebuilt prompt of user {user} differs from the one that was answered")
            check.fail(row_name(about), faults)
    check.rows.append({**row_keys(about), "users": len(rows), "prompts": count, "as_sent": agree})


def _keys(answers):
    columns = (answers[name].to_pylist() for name in ("user", "permutation", "step", "key"))
    return {(user, permutation, step): key for user, permutation, step, key in zip(*columns, strict=True)}


class _Material:
    """What prompts may show, and what they must not show."""

    def __init__(self, inputs, comments):
        self.inputs, self.comments = inputs, comments
        catalogue = read_table(inputs["catalogue"], "items")
        self.user_ids = read_table(inputs["users"], "users")["user_id"].to_pylist()
        ids = catalogue["item_id"].to_pylist()
        self.item_ids = set(ids)
        columns = [catalogue[name].to_pylist() for name in catalogue.column_names if name not in ("item", "item_id")]
        for key, path in inputs.items():
            if isinstance(path, str) and path.endswith(f"texts/{key}.parquet"):
                columns.append(read_table(path, "texts")["text"].to_pylist())
        self.shown = [[str(value) for value in values if value] for values in zip(*columns, strict=True)]
        self.by_user = {}
        for item, rows in comments.held_out.items():
            for user, comment in rows:
                self.by_user.setdefault(user, []).append((item, comment))
        interactions = read_table(inputs["interactions"], "interactions")
        self.timestamps = interactions["timestamp"].to_numpy()

    def shown_of(self, items):
        """Return the texts that prompts may show of some items."""
        return [text for item in items for text in (*self.shown[item], *self.comments.training.get(item, ()))]

    def held_out_of(self, user, items):
        """Return a user's held-out comments, and all held-out comments on some items."""
        own = [comment for _, comment in self.by_user.get(user, ())]
        return own + [comment for item in items for _, comment in self.comments.held_out.get(item, ())]

    def time_of(self, user, queries):
        """Return the timestamp of a user's held-out interaction."""
        row = int(queries.seen.ends[np.searchsorted(queries.users, user)])
        return int(self.timestamps[row])
