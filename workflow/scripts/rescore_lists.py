"""Score base lists and re-ranked lists of some users again with other held-out items, for the audit."""

import logging
from pathlib import Path
from types import SimpleNamespace

from reelrank import step
from reelrank.audit import rescoring
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import BASE, RankedLists, read_lists, read_lists_of, read_users
from reelrank.files import write_json
from reelrank.hardware import make_deterministic, pick_device
from reelrank.models import load_model
from reelrank.rerank import reranker_class, score_all
from reelrank.rerank.material import load_material
from reelrank.training.topk import top_k


def main(inputs, outputs, rerankers, history, precision, audit_settings):
    """Write one row for each list and split.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        ``interactions``, ``split``; ``valid``, ``test``: the base list, then the lists of `rerankers`; ``weights`` of
        the base model, if a model of the run makes its lists. ``read`` are the files that `rerankers` name.
    outputs : dict of str to path
        ``rows``.
    rerankers : dict of str to dict
        ``block``, ``needs``, ``settings``, ``inputs``, ``about`` and ``slow`` of each re-ranker.
    history : {'full', 'train_only'}
    precision : str
        One of `reelrank.hardware.PRECISIONS`.
    audit_settings : dict
        ``users``, ``slow_users``, ``seed``, ``threads``.
    """
    wanted = audit_settings
    make_deterministic(wanted["threads"], 0)
    data = load_interactions(inputs["interactions"], inputs["split"])
    files = {split: dict(zip((BASE, *rerankers), inputs[split], strict=True)) for split in ("valid", "test")}
    base = {split: read_lists(paths[BASE]) for split, paths in files.items()}
    rows = []
    for split, (lists, about) in base.items():
        if "weights" in inputs and len(lists.users):
            held_out = rescoring.audited(data, split, lists.users, wanted["users"], wanted["seed"])
            rows.append(_base_row(inputs["weights"], lists, about, held_out, history, precision))
    for name, own in rerankers.items():
        rows += _rows(own, name, data, base, files, history, wanted)
    write_json(outputs["rows"], rows)
    logging.info("%d lists scored again", len(rows))


def _base_row(weights, lists, about, held_out, history, precision):
    """Return the row of one split of the base list."""
    model = load_model(Path(weights).parent, pick_device())

    def made(data):
        """Return the lists that the model gives."""
        queries = data.queries(held_out.split, history).of(held_out.users)
        return RankedLists(held_out.users, *top_k(model, queries, int(about["depth"]), precision))

    again, others = made(held_out.real), made(held_out.other)
    published = rescoring.not_reproduced(lists.of_rows(held_out.rows), again)
    return rescoring.result(about, held_out.split, held_out, others, rescoring.changed_lists(again, others), published)


def _rows(own, name, data, base, files, history, wanted):
    """Return the rows of both splits of one re-ranker."""
    rows, most = [], wanted["slow_users" if own["slow"] else "users"]
    about = {**own["about"], "reranker": name}
    models = {}
    for split, (lists, _) in base.items():
        users = read_users(files[split][name])
        if not len(users):
            continue
        held_out = rescoring.audited(data, split, users, most, wanted["seed"])
        published = read_lists_of(files[split][name], held_out.users)
        heads = rescoring.of_users(lists, held_out.users).head(int(about["depth"]))
        scores = [_scores(own, about, one, heads, split, history, models) for one in (held_out.real, held_out.other)]
        again, others = (heads.reordered(found) for found in scores)
        rows.append(
            rescoring.result(
                about,
                split,
                held_out,
                others,
                rescoring.changed_scores(heads, *scores),
                rescoring.not_reproduced(published, again),
            )
        )
    return rows


def _scores(own, about, data, heads, split, history, models):
    """Return the scores of a re-ranker over some lists; models in `models` are loaded once."""
    kept = [need for need in own["needs"] if need in ("language_model", "encoder")]
    material = load_material(
        [need for need in own["needs"] if need not in kept], own["inputs"], own["settings"], data, about
    )
    for need in kept:
        if need not in models:
            models[need] = getattr(load_material([need], own["inputs"], own["settings"], data, about), need)
    plug_in = reranker_class(own["block"]["type"])(
        {key: value for key, value in own["block"].items() if key != "type"},
        SimpleNamespace(**vars(material), **models),
    )
    plug_in.begin(split, heads)
    histories = data.queries(split, history).of(heads.users).history
    return score_all(plug_in, heads, histories)


step.run(main, snakemake)
