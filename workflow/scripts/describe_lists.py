"""Describe lists beyond accuracy: content, quality for groups of users, behaviour of models, and cost."""

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table
from reelrank.evaluation.csv_rows import to_csv
from reelrank.evaluation.list_tables import COLUMNS, Place, describe_lists
from reelrank.features.matrices import read_features
from reelrank.files import write_text


def main(inputs, outputs, places, feature, cutoffs, prices):
    """Write every table (`outputs` by name).

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``users``, and ``vectors`` if there is a feature.
    outputs : dict of str to path
    places : sequence of sequence of dict
        The lists over each base list, as arguments of `reelrank.evaluation.list_tables.Place`.
    feature : sequence of str or None
        Encoder and field of the vectors that measure diversity.
    cutoffs : sequence of int
    prices : dict of str to tuple or None
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    vectors = read_features(inputs["vectors"], data.n_items, *feature) if feature else None
    places = [[Place(**place) for place in over_base] for over_base in places]
    tables = describe_lists(places, data, read_table(inputs["users"], "users"), vectors, cutoffs, prices)
    for name, path in outputs.items():
        write_text(path, to_csv(tables[name], COLUMNS[name]))


step.run(main, snakemake)
